"""The structs of TokenApi 1.1 as field tables. Facts topic "PrismToken Thrift".

Quantities are STS transfer units: tenths of kWh, m³ or minutes, whole watts, or currency (with up
to five decimals). Supply groups and tariff indices are numbers here, texts of fixed length
elsewhere.
"""

from typing import Annotated, ClassVar

from adapters.prismtoken.tables import (
    BOOL,
    DOUBLE,
    I16,
    I32,
    I64,
    TEXT,
    At,
    Struct,
    list_of,
    map_of,
    struct_of,
)

API_VERSION = "1.1"


class SessionOptions(Struct, frozen=True, gc=False):
    """What a client is; ``culture`` is ``en`` or ``en-ZA``."""

    version: Annotated[str, At(1, TEXT)]
    culture: Annotated[str, At(10, TEXT)] = "en"


class SignInResult(Struct, frozen=True, gc=False):
    """A bearer token: as secret as the password."""

    secret: ClassVar[frozenset[str]] = frozenset({"access_token"})

    access_token: Annotated[str, At(1, TEXT)]


class Alert(Struct, frozen=True, gc=False):
    """A condition that a module tells of itself."""

    e_code: Annotated[str, At(1, TEXT)]
    e_msg_en: Annotated[str, At(2, TEXT)]


class NodeStatus(Struct, frozen=True, gc=False):
    """One module of a tree of them."""

    info: Annotated[dict[str, str], At(1, map_of(TEXT, TEXT))]
    alerts: Annotated[tuple[Alert, ...], At(2, list_of(struct_of(Alert)))]


class MeterConfigAmendment(Struct, frozen=True, gc=False):
    """What a meter shall have after a key change."""

    to_sgc: Annotated[int, At(1, I32)]
    to_krn: Annotated[int, At(2, I16)]
    to_ti: Annotated[int, At(3, I16)]


class MeterConfigIn(Struct, frozen=True, gc=False):
    """A meter as it is. ``drn`` is a DRN or a PAN.

    The three ``allow…`` are the API's own defaults: two of them let the module change a meter's key
    without being asked, so orders of ours say False (see :mod:`.orders`).
    """

    drn: Annotated[str, At(1, TEXT)]
    ea: Annotated[int, At(2, I16)]
    tct: Annotated[int, At(3, I16)]
    sgc: Annotated[int, At(10, I32)]
    krn: Annotated[int, At(11, I16)]
    ti: Annotated[int, At(12, I16)]
    ken: Annotated[int, At(30, I16)]
    new_config: Annotated[MeterConfigAmendment | None, At(20, struct_of(MeterConfigAmendment))] = (
        None
    )
    allow_krn_update: Annotated[bool, At(21, BOOL)] = True
    doe: Annotated[str, At(31, TEXT)] = "0000"
    allow_3_kct: Annotated[bool, At(32, BOOL)] = False
    allow_ken_update: Annotated[bool, At(33, BOOL)] = True


class MeterConfigAdvice(Struct, frozen=True, gc=False):
    """What a meter will be once it has taken its key change tokens."""

    to_sgc: Annotated[int, At(1, I32)]
    to_krn: Annotated[int, At(2, I16)]
    to_ti: Annotated[int, At(3, I16)]
    to_ken: Annotated[int, At(4, I16)]
    id_record: Annotated[str, At(10, TEXT)]
    record2: Annotated[str, At(11, TEXT)]
    rollover: Annotated[bool, At(20, BOOL)]
    to_vk_kcv: Annotated[str, At(21, TEXT)]


class Token(Struct, frozen=True, gc=False):
    """A token of class 0 or 2. The first of a key change set has ``new_config``.

    ``sgc``, ``krn`` and ``ti`` are those of the key that encrypted it, ``vk_kcv`` is that key's
    check value. ``transfer_amount`` is what the token really carries.
    """

    secret: ClassVar[frozenset[str]] = frozenset({"token_dec", "token_hex"})

    drn: Annotated[str, At(1, TEXT)]
    pan: Annotated[str, At(2, TEXT)]
    ea: Annotated[int, At(3, I16)]
    tct: Annotated[int, At(4, I16)]
    sgc: Annotated[int, At(5, I32)]
    krn: Annotated[int, At(6, I16)]
    ti: Annotated[int, At(7, I16)]
    token_class: Annotated[int, At(10, I16)]
    subclass: Annotated[int, At(11, I16)]
    tid: Annotated[int, At(12, I32)]
    transfer_amount: Annotated[float, At(13, DOUBLE)]
    is_reserved_tid: Annotated[bool, At(14, BOOL)]
    description: Annotated[str, At(20, TEXT)]
    sts_unit_name: Annotated[str, At(21, TEXT)]
    scaled_amount: Annotated[str, At(22, TEXT)]
    scaled_unit_name: Annotated[str, At(23, TEXT)]
    token_dec: Annotated[str, At(30, TEXT)]
    token_hex: Annotated[str, At(31, TEXT)]
    id_sm: Annotated[str, At(40, TEXT)]
    vk_kcv: Annotated[str, At(41, TEXT)]
    new_config: Annotated[MeterConfigAdvice | None, At(15, struct_of(MeterConfigAdvice))] = None


class MeterTestToken(Struct, frozen=True, gc=False):
    """A token of class 1."""

    secret: ClassVar[frozenset[str]] = frozenset({"token_dec", "token_hex"})

    drn: Annotated[str, At(1, TEXT)]
    pan: Annotated[str, At(2, TEXT)]
    token_class: Annotated[int, At(10, I16)]
    subclass: Annotated[int, At(11, I16)]
    control: Annotated[int, At(12, I64)]
    mfrcode: Annotated[int, At(13, I16)]
    description: Annotated[str, At(20, TEXT)]
    token_dec: Annotated[str, At(30, TEXT)]
    token_hex: Annotated[str, At(31, TEXT)]


class VerifyResult(Struct, frozen=True, gc=False):
    """``EVerify.Ok`` with what the token is, or why it is none."""

    validation_result: Annotated[str, At(1, TEXT)]
    token: Annotated[Token | None, At(2, struct_of(Token))] = None
    meter_test_token: Annotated[MeterTestToken | None, At(3, struct_of(MeterTestToken))] = None

"""What a module says: its refusals as data, and tokens as the API words them."""

from adapters.prismtoken.api import MeterConfigAdvice, MeterConfigIn, MeterTestToken, Token
from adapters.prismtoken.message import ApiError
from core.sts.amounts import decode_currency, decode_units
from core.sts.errors import (
    DrnCharacterError,
    DrnCheckDigitError,
    DrnLengthError,
    PanCheckDigitError,
    PanFormError,
    StsError,
    SupplyGroupUnknownError,
    TimeBeforeBaseError,
    VendingKeyExpiredError,
)
from core.sts.layouts import SERVICES, Management, TokenClass, is_currency, title
from core.sts.meter_id import MeterId
from core.sts.module import IssuedToken, MeterKey
from core.sts.tid import is_reserved

_RANGE = "EParamRange"
_BY_ERROR: dict[type[StsError], str] = {
    DrnCharacterError: "ESts.DrnOrPan",
    DrnLengthError: "ESts.DrnOrPan",
    PanFormError: "ESts.DrnOrPan",
    DrnCheckDigitError: "ESts.DrnOrPan.CheckDigit",
    PanCheckDigitError: "ESts.DrnOrPan.CheckDigit",
    SupplyGroupUnknownError: "EKeystore.NotFound",
    VendingKeyExpiredError: "ESts.VkExpired",
    TimeBeforeBaseError: "ESts.VkBeforeBdt",
}
_UNITS = {"electricity": "kWh", "water": "m3", "gas": "m3", "time": "min"}


class ApiFault(Exception):  # noqa: N818 - a refusal
    """A refusal on its way to the client."""

    def __init__(self, e_code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.error = ApiError(e_code, sentence)


def out_of_range(name: str, got: object, expected: str) -> ApiFault:
    """EParamRange, worded."""
    return ApiFault(_RANGE, f"{name} is out of range: got {got!r}, expected {expected}")


def refusal(error: StsError) -> ApiError:
    """A refusal of the token part under the API's id."""
    return ApiError(_BY_ERROR.get(type(error), _RANGE), error.sentence)


def id_record(config: MeterConfigIn, meter: MeterId) -> str:
    """A card's record; the order of its fields rests on one public source."""
    return (
        f"{meter.pan}==={config.tct:02d}{config.ea:02d}{config.sgc:06d}{config.krn}{config.ti:02d}"
    )


def token_of(issued: IssuedToken, key: MeterKey, meter: MeterId, tct: int, module: str) -> Token:
    """A token as the API tells it."""
    data = issued.data
    amount, unit, scaled, scaled_unit = _amount(issued)
    tid = data.tid or 0  # sections of a key change have none
    return Token(
        drn=meter.drn,
        pan=meter.pan,
        ea=key.ea,
        tct=tct,
        sgc=int(key.sgc),
        krn=key.krn,
        ti=int(key.ti),
        token_class=int(data.token_class),
        subclass=data.subclass,
        tid=tid,
        transfer_amount=amount,
        is_reserved_tid=data.tid is not None and is_reserved(tid),
        description=title(data.token_class, data.subclass),
        sts_unit_name=unit,
        scaled_amount=scaled,
        scaled_unit_name=scaled_unit,
        token_dec=issued.digits,
        token_hex=f"{int(issued.digits):017X}",
        id_sm=module,
        vk_kcv=issued.kcv,
    )


def _amount(issued: IssuedToken) -> tuple[float, str, str, str]:
    data = issued.data
    fields, subclass = data.fields, data.subclass
    if is_currency(data.token_class, subclass):
        money = decode_currency(fields["s_and_e"], fields["amount"])
        return money / 100_000, "currency", f"{money / 100_000:.2f}", "currency"
    if data.token_class == TokenClass.CREDIT:
        tenths, unit = decode_units(fields["amount"]), _UNITS[SERVICES[subclass]]
        return float(tenths), f"0.1 {unit}", f"{tenths // 10}.{tenths % 10}", unit
    value = fields.get("value", 0)
    if subclass in (Management.POWER_LIMIT, Management.UNBALANCE_LIMIT):
        value = decode_units(value)
    elif subclass == Management.EXTENDED_SET:
        value = fields["index"] << 10 | fields["control"]
    return float(value), "", str(value), ""


def advice_of(
    config: MeterConfigIn, meter: MeterId, ken: int, kcv: str, *, rollover: bool
) -> MeterConfigAdvice:
    """What the meter will be (``config``) once it took its key change."""
    record = id_record(config, meter)
    return MeterConfigAdvice(
        to_sgc=config.sgc,
        to_krn=config.krn,
        to_ti=config.ti,
        to_ken=ken,
        id_record=record,
        record2=f"\x02{record}\x03",
        rollover=rollover,
        to_vk_kcv=kcv,
    )


def test_token_of(issued: IssuedToken, meter: MeterId) -> MeterTestToken:
    """A class 1 token as the API tells it."""
    data = issued.data
    return MeterTestToken(
        drn=meter.drn,
        pan=meter.pan,
        token_class=int(data.token_class),
        subclass=data.subclass,
        control=data.fields["control"],
        mfrcode=data.fields["mfr_code"],
        description=title(data.token_class, data.subclass),
        token_dec=issued.digits,
        token_hex=f"{int(issued.digits):017X}",
    )

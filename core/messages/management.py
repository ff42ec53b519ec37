"""What operators ask of tokens beside sales, and how another operator decides about it."""

from typing import Literal

from core.messages.base import Message, message_type
from core.messages.vending import Recipient


@message_type(
    "wattbus.management.RequestTokenAct.v1",
    hashed=(
        *("operator", "kind", "meter", "units_tenths", "watts", "value", "index", "register"),
        *("tests", "token", "from_meter", "fee", "as_debt"),
        *("sgc", "krn", "ti", "kt", "three_tokens", "campaign", "from_sgc", "from_krn"),
        *("from_month", "to_month", "unclaimed", "cap_months", "in_blocks"),
    ),
    hash_version=3,
)
class RequestTokenAct(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Operator ``operator`` asks for an act of ``kind`` (``core.vending.act_kinds``) at ``meter``.

    ``reason`` is why, in words; ``evidence`` names what proves it (a photo, a read-out, a case).
    Which of the others an act needs, its kind says: ``units_tenths`` of the unit; ``watts`` of a
    limit; ``value`` (tariff rate, water factor, control bits; 16 bits; of a test the code of the
    manufacturer, of an extended read what is read; of an order
    that is given up its number); ``index`` of an extended setting (of an
    extended read the code of the manufacturer); ``register`` to clear; ``tests`` to run (empty:
    all); ``token``, 20 digits or the receipt that it stands on; ``from_meter``, where units come
    from; ``fee`` in minor units (``as_debt``: recovered from purchases if the credit does not
    reach). ``reply``: whom to tell.
    Another key: supply group ``sgc``, revision ``krn``, ``ti`` and ``kt`` where they change,
    ``three_tokens``; for a ``campaign`` (no meter) the key that its meters have, ``from_sgc`` and
    ``from_krn``.
    An ``entitlement``: ``units_tenths`` a month, and the fields of GiveFreeUnits.
    """

    operator: str
    kind: str
    meter: str
    reason: str
    evidence: str = ""
    units_tenths: int = 0
    watts: int = 0
    value: int = 0
    index: int = 0
    register: str = "all"
    tests: tuple[str, ...] = ()
    token: str = ""
    from_meter: str = ""
    fee: int = 0
    as_debt: bool = False
    reply: tuple[Recipient, ...] = ()
    sgc: str = ""
    krn: int = 0
    ti: str = ""
    kt: int = 0
    three_tokens: bool = False
    campaign: str = ""
    from_sgc: str = ""
    from_krn: int = 0
    from_month: int = 0
    to_month: int = 0
    unclaimed: Literal["lapse", "cumulate"] = "lapse"
    cap_months: int = 1
    in_blocks: bool = False


@message_type("wattbus.management.DecideTokenAct.v1", hashed=("operator", "act", "decision"))
class DecideTokenAct(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Operator ``operator`` decides about act number ``act``.

    ``decision``: ``approve`` (then it is carried out), ``reject``, ``confirm`` (the meter took the
    token of a refund) or ``fail`` (it did not). ``note`` is why, or what shows it.
    """

    operator: str
    act: int
    decision: str
    note: str = ""

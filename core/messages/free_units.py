"""Free basic units: an agreement is entitled to them, and a customer claims those of the month."""

from typing import Literal

from core.messages.base import Message, message_type
from core.messages.vending import Recipient


@message_type(
    "wattbus.vending.GiveFreeUnits.v1",
    hashed=(
        *("operator", "meter", "tenths", "from_month", "to_month", "unclaimed", "cap_months"),
        "in_blocks",
    ),
)
class GiveFreeUnits(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The agreement at ``meter`` is entitled to ``tenths`` of its unit each month, for free.

    Months are YYYYMM in the company's zone: ``from_month`` (0: this one) to ``to_month`` (0: until
    it is ended). What is not claimed in its month lapses, or is kept (``cumulate``) up to
    ``cap_months`` months together. ``in_blocks``: they count in the month's price blocks.
    It is an act of kind ``entitlement``: above what ``operator`` may do alone, it waits for a
    second person (DecideTokenAct).
    """

    operator: str
    meter: str
    tenths: int
    reason: str
    from_month: int = 0
    to_month: int = 0
    unclaimed: Literal["lapse", "cumulate"] = "lapse"
    cap_months: int = 1
    in_blocks: bool = False


@message_type("wattbus.vending.EndFreeUnits.v1", hashed=("operator", "meter"))
class EndFreeUnits(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The agreement at ``meter`` has no free units any more, from now on."""

    operator: str
    meter: str
    reason: str


@message_type("wattbus.vending.ClaimFreeUnits.v1", hashed=("phone", "meter"))
class ClaimFreeUnits(Message, frozen=True, kw_only=True, omit_defaults=True):
    """``FREE``: the free units of the month, for ``meter`` or for the phone's only one with some.

    Asked again in the same month it gives the same digits, marked COPY.
    """

    phone: str
    meter: str = ""
    reply: tuple[Recipient, ...] = ()
    answer_by_notice: bool = True

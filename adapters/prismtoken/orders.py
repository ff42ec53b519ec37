"""What is asked of a module, and the one call that asks it.

The issuer keeps the TIDs, so an order names its TID and the module may not move it
(``TID_ADJUST_BDT``). That is also the last line against a token paid once and used twice: should a
module ever make one order twice, both tokens carry the same TID, and a meter takes a TID once.
The module may not change a meter's key by itself either: a change is asked for, or does not happen.
"""

from dataclasses import dataclass

from adapters.prismtoken.api import MeterConfigAmendment, MeterConfigIn
from adapters.prismtoken.calls import (
    IDENT,
    TID_ADJUST_BDT,
    Authorised,
    FetchTokenResult,
    IssueCreditToken,
    IssueKeyChangeTokens,
    IssueMseToken,
)
from adapters.prismtoken.errors import OrderError

DAY_MINUTES = 1440
#: minutes from 1993-01-01 to the base dates of vending keys, by year
BASES = {1993: 0, 2014: 7_670 * DAY_MINUTES, 2035: 15_340 * DAY_MINUTES}
CREDIT, MANAGEMENT = 0, 2
#: subclasses of class 2 that are sections of a key change, in the order of their names
KEY_CHANGE = (3, 4, 8, 9)
FIRST_CURRENCY = 4  # credit of this subclass and above is money, in 10^-5 of the currency
_EXACT = 1 << 50  # a larger number of 10^-5 is not exact in a double any more
_ID_LONGEST = 36  # a UUID; what is left of 40 names the questions about it
_TID_MAX = (1 << 24) - 1


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter as its key is now: `pan` 18 digits, `sgc` six, `ti` two, `ken` 0 to 255."""

    drn: str
    pan: str
    ea: int
    sgc: str
    krn: int
    ti: str
    ken: int
    tct: int = 2


@dataclass(frozen=True, slots=True)
class Target:
    """What a meter's key shall be."""

    sgc: str
    krn: int
    ti: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """One token of class 0 or 2. `amount` is what a token carries exactly, in STS units (credit in
    currency: 10^-5 of it); `base` the year of the base date of the key that it is made under."""

    token_class: int
    subclass: int
    amount: int
    tid: int
    base: int = 2014


@dataclass(frozen=True, slots=True)
class Order:
    """A token, a key change set, or the set in front of the token (which is under the new key)."""

    message_id: str
    meter: Meter
    token: Wanted | None = None
    change: Target | None = None
    three_tokens: bool = False


def wire_amount(token: Wanted) -> float:
    """The amount as the API takes it. Error: OrderError where a double is not exact."""
    if abs(token.amount) > _EXACT:
        raise OrderError(f"an amount of {token.amount} is not exact on the wire")
    if token.token_class == CREDIT and token.subclass >= FIRST_CURRENCY:
        return token.amount / 100_000
    return float(token.amount)


def call_of(order: Order) -> Authorised:
    """The call of an order; the same order always gives the same call. Error: OrderError."""
    if not IDENT.fullmatch(order.message_id) or len(order.message_id) > _ID_LONGEST:
        raise OrderError(f"{order.message_id!r} is no message id of at most {_ID_LONGEST} signs")
    config, token = _config(order), order.token
    if token is None:
        if config.new_config is None:
            raise OrderError("an order without a token or a key change")
        return IssueKeyChangeTokens(
            message_id=order.message_id, meter_config=config, new_config=config.new_config
        )
    kind = {CREDIT: IssueCreditToken, MANAGEMENT: IssueMseToken}.get(token.token_class)
    if kind is None or (kind is IssueMseToken and token.subclass in KEY_CHANGE):
        raise OrderError(f"no call makes class {token.token_class} subclass {token.subclass}")
    if token.base not in BASES or not 0 <= token.tid <= _TID_MAX:
        raise OrderError(f"TID {token.tid} of base date {token.base}")
    return kind(
        message_id=order.message_id,
        meter_config=config,
        subclass=token.subclass,
        transfer_amount=wire_amount(token),
        token_time=token.tid + BASES[token.base],
        flags=TID_ADJUST_BDT,
    )


def question_of(order: Order) -> FetchTokenResult:
    """The question what became of an order."""
    return FetchTokenResult(message_id=f"{order.message_id}_ask", req_message_id=order.message_id)


def _config(order: Order) -> MeterConfigIn:
    meter, change = order.meter, order.change
    try:
        return MeterConfigIn(
            drn=meter.drn,
            ea=meter.ea,
            tct=meter.tct,
            sgc=int(meter.sgc),
            krn=meter.krn,
            ti=int(meter.ti),
            ken=meter.ken,
            new_config=None
            if change is None
            else MeterConfigAmendment(int(change.sgc), change.krn, int(change.ti)),
            allow_krn_update=False,
            allow_3_kct=order.three_tokens,
            allow_ken_update=False,
        )
    except ValueError as error:
        raise OrderError("a supply group or tariff index that is no number") from error

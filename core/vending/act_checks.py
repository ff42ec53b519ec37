"""What is checked before an act: who asks, for what, how much today, with what evidence. Pure."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from core.book import Stage
from core.calendars import local_date
from core.collection.act_kinds import kind_named
from core.commodity import by_token
from core.company import Operator, Terms
from core.entities import Meter, TokenAct
from core.handlers.base import Context
from core.messages import RequestTokenAct
from core.refusals import Refusal, refuse
from core.sts.amounts import UNITS_MAX, encodable_floor
from core.sts.errors import DrnCheckDigitError, StsError
from core.sts.layouts import FLAG_INDEX
from core.sts.meter_id import parse_drn
from core.vending.act_keys import wrong_key
from core.vending.act_kinds import (
    CAMPAIGN,
    CANCEL,
    KEY_CHANGE,
    KINDS,
    LONG_CODE,
    REGISTERS,
    SHORT_BITS,
    SHORT_CODE,
    TEST_NAMES,
    VALUE_MAX,
    Kind,
    Two,
)
from core.vending.act_states import ActState

#: What is said of an act fits a screen; evidence itself is kept elsewhere and named here.
MAX_WORDS = 500
#: Acts that count in the operator's day: what was refused, rejected or let lapse gave nothing.
_COUNT = frozenset(
    {ActState.REQUESTED, ActState.APPROVED, ActState.ORDERED, ActState.ISSUED, ActState.DONE}
)
#: A fee above this is a slip of the finger (minor units).
MAX_FEE = 10**12
#: Limits of money in a day, by the name of the limit.
_MONEY: Final[Mapping[str, Callable[[Operator], int]]] = {
    "money": lambda operator: operator.refund_per_day,
    "waiver": lambda operator: operator.waive_per_day,
    "write-off": lambda operator: operator.write_off_per_day,
    "credit-note": lambda operator: operator.credit_note_per_day,
}


def operator_of(terms: Terms, name: str) -> Operator:
    """The operator of that name, or a refusal."""
    found = terms.operators.get(name)
    if found is None:
        raise refuse("operator-unknown", operator=name, company=terms.name)
    return found


def kind_of(command: RequestTokenAct) -> Kind:
    """The kind that is asked for, with the fields that it needs in their ranges."""
    kind = KINDS.get(command.kind)
    if kind is None:
        raise _wrong(command, f"no such act; there are: {', '.join(KINDS)}")
    if not command.reason.strip():
        raise _wrong(command, "say why: a reason is kept with the act")
    if max(len(command.reason), len(command.evidence)) > MAX_WORDS:
        raise _wrong(command, f"reason and evidence have at most {MAX_WORDS} characters each")
    if kind.evidence:
        proved(command, kind.proofs)
    problem = _fields(command)
    if problem:
        raise _wrong(command, problem)
    return kind


def proved(command: RequestTokenAct, proofs: tuple[str, ...] = ()) -> None:
    """There is evidence; it begins with one of ``proofs``, where there are any. Raises Refusal."""
    words = command.evidence.split(maxsplit=1)
    if not words or (proofs and words[0].rstrip(":").lower() not in proofs):
        first = f"beginning with one of: {', '.join(proofs)}" if proofs else "in words"
        raise refuse("act-evidence-missing", kind=command.kind, meter=command.meter, needs=first)


def wrong_words(reason: str, evidence: str, *, needed: bool) -> str:
    """What is wrong with what is said of an act; empty: nothing. ``needed``: so is evidence."""
    if not reason.strip():
        return "say why: a reason is kept with the act"
    if max(len(reason), len(evidence)) > MAX_WORDS:
        return f"reason and evidence have at most {MAX_WORDS} characters each"
    return "evidence is needed, in words" if needed and not evidence.strip() else ""


def _wrong(command: RequestTokenAct, what: str) -> Refusal:
    return refuse("act-wrong", kind=command.kind, what=what)


def _fields(command: RequestTokenAct) -> str:
    """What is wrong with the numbers of the command; empty: nothing."""
    kind = command.kind
    if kind in ("power-limit", "unbalance-limit") and not 0 < command.watts <= UNITS_MAX:
        return f"a limit is 1 to {UNITS_MAX} watts"
    if kind in ("tariff-rate", "water-factor") and not 0 <= command.value <= VALUE_MAX:
        return f"a value is 0 to {VALUE_MAX}"
    if kind == "extended-set" and not (0 <= command.index <= FLAG_INDEX and _ten(command.value)):
        return f"an extended setting has an index of 0 to {FLAG_INDEX} and a value of 0 to 1023"
    if kind in ("test", "extended-read"):
        return _of_class_1(command)
    if command.register not in REGISTERS:
        return f"a register is one of: {', '.join(REGISTERS)}"
    if kind in ("reallocation", "credit-transfer") and command.from_meter in ("", command.meter):
        return "name the meter that the units come from, another one"
    if not 0 <= command.fee <= MAX_FEE:
        return "a fee is an amount of money, or nothing"
    if kind in ("free-issue", "compensation", "credit-transfer", "refund"):
        return _units(command.units_tenths)
    if kind in (KEY_CHANGE, CAMPAIGN):
        return wrong_key(command)
    if kind in ("reprint", "replacement", "reallocation", CANCEL) and not command.token:
        return "name the token: its 20 digits, or the receipt of its sale"
    return ""


def _of_class_1(command: RequestTokenAct) -> str:
    if command.kind == "test" and not 0 <= command.value <= LONG_CODE:
        return f"a manufacturer's code is 0 to {LONG_CODE}"
    if command.kind == "extended-read" and not (
        0 <= command.value < 1 << SHORT_BITS and 0 <= command.index <= SHORT_CODE
    ):
        return f"it reads 0 to 2^{SHORT_BITS} - 1, at a manufacturer's code of 0 to {SHORT_CODE}"
    strange = sorted(set(command.tests) - set(TEST_NAMES))
    return f"no test {strange[0]}; there are: {', '.join(TEST_NAMES)}" if strange else ""


def _ten(value: int) -> bool:
    return 0 <= value < 1 << 10


def _units(tenths: int) -> str:
    if not 0 < tenths <= UNITS_MAX:
        return f"units are 0.1 to {UNITS_MAX // 10}"
    below = encodable_floor(tenths)
    if below != tenths:
        return f"a token cannot carry exactly that; below it comes {below // 10}.{below % 10}"
    return ""


def with_role(kind: Kind, name: str, operator: Operator, role: str) -> None:
    """Refuses whom the role is missing."""
    if role not in operator.roles:
        raise refuse("act-no-role", operator=name, kind=kind.name, role=role)


def meter_of(terms: Terms, stage: Stage, drn: str) -> Meter:
    """The meter on file: its number's form is checked before anything is said of it."""
    try:
        parse_drn(drn)
    except DrnCheckDigitError:
        raise refuse("meter-check-digit", meter=drn) from None
    except StsError:
        raise refuse("meter-length", meter=drn, length=len(drn)) from None
    meter = stage.get(Meter, drn)
    if meter is None:
        raise refuse("meter-unknown", meter=drn, company=terms.name)
    by_token(meter.commodity, drn)
    return meter


def within_day(ctx: Context, kind: Kind, act: TokenAct) -> None:
    """The limits of the operator's day in the company's zone, this act included.

    An act that waits counts from the day on which it was asked for; once it lapsed, no more.
    """
    limits = ctx.terms.operators[act.operator]
    today = local_date(ctx.now_us, ctx.terms.zone)
    acts = [
        other
        for other in ctx.stage.linked("acts-of", act.operator) or ()
        if ActState(other.state) in _COUNT
        and local_date(other.requested_at, ctx.terms.zone) == today
        and not (other.state == ActState.REQUESTED and other.expires <= ctx.now_us)
    ]
    if kind.counts:
        counted = sum(kind_named(other.kind).counts for other in acts)
        _count(act, "acts", counted + 1, limits.acts_per_day)
    same = [other for other in acts if kind_named(other.kind).limit == kind.limit]
    if kind.limit == "units":
        tenths = sum(other.units_tenths for other in same) + act.units_tenths
        _count(act, "tenths of a unit", tenths, limits.free_issue_tenths_per_day)
    if kind.limit in _MONEY:
        money = sum(other.amount for other in same) + act.amount
        _count(act, f"minor units of {ctx.terms.currency}", money, _MONEY[kind.limit](limits))


def _count(act: TokenAct, what: str, wanted: int, most: int) -> None:
    if wanted > most:
        raise refuse("act-over-limit", operator=act.operator, what=what, wanted=wanted, most=most)


def needs_second(ctx: Context, kind: Kind, command: RequestTokenAct) -> bool:
    """Whether another person must agree."""
    if kind.two is Two.RAISING:
        before = ctx.stage.linked("last-act", (kind.name, command.meter))
        known = msgspec.json.decode(before, type=RequestTokenAct).watts if before else 0
        return command.watts > known
    if kind.two is Two.ABOVE:
        return command.units_tenths > ctx.terms.operators[command.operator].alone_tenths
    return kind.two is Two.ALWAYS

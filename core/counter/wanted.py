"""What the commands of desks need loaded, as pairs (what, key) of ``Wants.counter``."""

from typing import Final

from core.book import Wants
from core.collection.tenders import CASH, identity_of
from core.counter.act_kinds import PREFIX
from core.messages import CounterTender, ReceivePayment, RequestCounterAct

#: (DESK, code): a desk with its live shift and its receipts' numbers; locked.
DESK: Final = "desk"
#: (TAKINGS, code): what the live shift of a desk that is wanted too has taken, by way.
TAKINGS: Final = "takings"
#: (CASHIER, name): where he has a live shift.
CASHIER: Final = "cashier"
#: (RECEIPT, number): a receipt with the payments behind it.
RECEIPT: Final = "receipt"
#: (SLIP, "code/number") and (BANKED, "bank/reference"): a deposit slip; a bank's word.
SLIP: Final = "slip"
BANKED: Final = "banked"
#: (PREFIX_OF, prefix): the numbers that are registered under it.
PREFIX_OF: Final = "prefix"
#: (NOTES, ""): the numbers of credit notes; locked.
NOTES: Final = "notes"

#: Kinds of acts that look at what the shift has taken.
_REPORTS = frozenset({"x", "close", "takeover", "void"})


def wants_of(command: RequestCounterAct) -> Wants:
    """What an act at a desk needs: when it is asked for, and when it is decided about.

    The operator's turn is taken both times: of two shifts that he begins at once one waits.
    """
    kind, found = command.kind.removeprefix(PREFIX), [(DESK, command.desk)]
    if kind in _REPORTS:
        found.append((TAKINGS, command.desk))
    if kind in ("open", "takeover", "handover"):
        found += [(CASHIER, command.operator), (CASHIER, command.heir)]
    if kind == "void":
        found.append((RECEIPT, command.receipt))
    if kind == "cleared":
        found.append((SLIP, slip_key(command.desk, command.slip)))
        found.append((BANKED, banked_key(command.bank, command.reference)))
    if kind == "series":
        found.append((PREFIX_OF, command.prefix))
    return Wants(counter=tuple(found), operators=(command.operator, *_turns(kind, command)))


def _turns(kind: str, command: RequestCounterAct) -> tuple[str, ...]:
    """What has no row to be locked yet: of two who bring the same at once, one waits.

    They are kept beside the operators' turns; no operator's name has a stroke.
    """
    if kind == "desk":
        return (f"desk/{command.desk}",)
    if kind == "series":
        return (f"numbers/{command.prefix}",)
    if kind == "cleared":
        return (f"bank/{banked_key(command.bank, command.reference)}",)
    return ()


def cash_at(way: str, desk: str) -> tuple[tuple[str, str], ...]:
    """What cash that is taken or given at a place wants: the desk, if it is one with shifts."""
    return ((DESK, desk.strip()),) if way == CASH and desk.strip() else ()


def slip_key(desk: str, number: int) -> str:
    """A slip as it is named; a desk's code has no stroke."""
    return f"{desk}/{number}"


def banked_key(bank: str, reference: str) -> str:
    """A bank's word as it counts once; the name of an account has no stroke."""
    return f"{bank.strip()}/{reference.strip()}"


def identity_at(desk: str, tender: CounterTender) -> str:
    """The natural key of money taken at a desk: that of the same money taken elsewhere."""
    same = ReceivePayment(
        account="", amount=tender.amount, currency="", way=tender.way,
        reference=tender.reference, desk=desk, bank=tender.bank,
    )  # fmt: skip
    return identity_of(same)


def paid_as(desk: str, tenders: tuple[CounterTender, ...]) -> tuple[str, ...]:
    """The natural keys of a payment's ways, of those that have one."""
    return tuple(filter(None, (identity_at(desk, each) for each in tenders)))

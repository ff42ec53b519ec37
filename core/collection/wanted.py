"""What an act with money needs loaded: when it is asked for, and when it is decided about."""

from core.book import Wants
from core.counter.wanted import NOTES, cash_at
from core.messages import RequestMoneyAct


def wants_of(command: RequestMoneyAct) -> Wants:
    """Its account with everything owed there, and the documents that it names."""
    return Wants(
        accounts=(command.account,),
        owing=(command.account,),
        items=command.items,
        payments=(command.payment,) if command.payment else (),
        plans=(command.plan,) if command.plan else (),
        receipts=(command.receipt,) if command.receipt else (),
        late=(command.account,) if command.kind == "late-fees" else (),
        counter=_at_desks(command),
        opening=(command.account,) if command.kind == "opening-credit" else (),
    )


def _at_desks(command: RequestMoneyAct) -> tuple[tuple[str, str], ...]:
    """Credit notes' numbers; the desk that pays cash out, which may be one with shifts."""
    if command.kind in ("credit-note", "reverse"):
        return ((NOTES, ""),)
    if command.kind in ("pay-out", "deposit-refund"):
        return cash_at(command.way, command.desk)
    return ()

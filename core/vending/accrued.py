"""What an agreement still owes of its month charges when it ends or leaves prepayment. Pure.

The caller posts the lines (``core.vending.receipt.ledger_of`` says where) against what is owed, and
keeps ``through`` as the agreement's ``fixed_through``, so that nothing is charged twice.
"""

from datetime import date

from msgspec.structs import replace

from core.book import Stage
from core.calendars import start_of_day
from core.company import Terms
from core.entities import Agreement, AgreementState
from core.store.load_facts import NOTHING
from core.tariffs.accrued import Accrued, Accruing, accrued_charges
from core.vending.price import paused

__all__ = ["Accrued", "accrued_of", "settled_through"]


def accrued_of(terms: Terms, stage: Stage, agreement: Agreement, until: date) -> Accrued:
    """The unpaid month charges of an agreement up to its last local day.

    Its state and pauses come with its meter; its facts too, where the company's tariffs ask for
    some. Errors: NoTariffError, MissingQuantityError (the caller says which no that is).
    """
    state = stage.need(AgreementState, agreement.id)
    facts = stage.linked("facts-of", agreement.id) or NOTHING
    months = paused(terms, stage, state, start_of_day(until, terms.zone))
    known = Accruing(
        began=date.fromisoformat(agreement.since),
        until=until,
        through=state.fixed_through,
        paused=months,
        attributes=facts.attributes,
        category=facts.category,
    )
    return accrued_charges(terms.tariffs[agreement.tariff], known)


def settled_through(stage: Stage, agreement: Agreement, accrued: Accrued) -> None:
    """The agreement's month charges are settled up to what was posted."""
    state = stage.need(AgreementState, agreement.id)
    stage.put(agreement.id, replace(state, fixed_through=accrued.through))

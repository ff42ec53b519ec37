"""What an agreement still owes of its month charges, from what a decision has on its stage."""

from datetime import date

from core.book import Book, Stage
from core.calendars import start_of_day
from core.entities import Agreement, AgreementPause, AgreementState
from core.vending.accrued import accrued_of, settled_through
from core.vending.receipt import ledger_of
from tests.hub.machine import demo_terms

ZONE = "Africa/Kampala"


def at(day: str) -> int:
    return start_of_day(date.fromisoformat(day), ZONE)


def agreement() -> Agreement:
    return Agreement(
        id=7, account_id=3, tariff="uganda-domestic", mode="prepaid", state="active",
        since="2026-08-15", holder="Okello", account_number="100001",
    )  # fmt: skip


def stage(through: int, *pauses: tuple[str, str]) -> Stage:
    book = Book()
    book.load(7, AgreementState(id=7, period=through, units_milli=0, fixed_through=through,
                                pauses=len(pauses)))  # fmt: skip
    for id_, (begin, end) in enumerate(pauses, 1):
        pause = AgreementPause(
            id=id_, company="demo", agreement_id=7, why="vacant", operator="mary", reason="left",
            from_us=at(begin), to_us=at(end) if end else 0,
        )  # fmt: skip
        book.load(id_, pause)
    book.link("pauses-of", 7, tuple(range(1, len(pauses) + 1)))
    return Stage(book)


def test_unpaid_months_with_their_tax_and_nothing_more_after_they_are_posted() -> None:
    on = stage(202608)
    owed = accrued_of(demo_terms(), on, agreement(), date(2026, 11, 21))
    assert owed.months == (202609, 202610, 202611)
    sums = {ledger_of(line): line.amount for line in owed.lines}
    assert sums == {"revenue:service": 3 * 3_360, "tax:vat": 1_814}  # 18 % of 10,080
    assert owed.total == sum(sums.values())
    settled_through(on, agreement(), owed)
    again = accrued_of(demo_terms(), on, agreement(), date(2026, 11, 21))
    assert (again.total, again.through) == (0, 202611)


def test_months_without_service_are_left_out_and_it_begins_with_the_agreement() -> None:
    on = stage(0, ("2026-09-01", "2026-10-01"), ("2026-11-01", ""))
    owed = accrued_of(demo_terms(), on, agreement(), date(2026, 11, 21))
    assert owed.months == (202608, 202610)

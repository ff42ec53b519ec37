"""Files of a day: fetched the morning after, taken whole, once, and none from before our time."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from twisted.internet.defer import Deferred

from adapters.mobilemoney.bills import BillLine
from adapters.mobilemoney.reading import NoticeError
from adapters.mobilemoney.sending import Answered, Call
from channels.mobilemoney.statements import pages
from core.messages import ReversePayment, TakeStatement
from core.messages.wallets import MAX_LINES
from tests.channels.mobilemoney.test_signed import ASK, DIALECTS, PAYER, Town

BEIJING = timezone(timedelta(hours=8))


class Morning(Town):
    """A town that can sleep; ``broken``: so many files that come are cut short."""

    broken = 0

    def today(self) -> date:
        return datetime.fromtimestamp(self.ports.now_us() / 1e6, BEIJING).date()

    def sleep_until(self, hour: int, days: int = 1) -> None:
        """To an hour of Beijing's of a later day, by half hours."""
        day = self.today() + timedelta(days=days)
        until = datetime(day.year, day.month, day.day, hour, tzinfo=BEIJING).timestamp()
        while self.ports.now_us() / 1e6 < until:
            self.clock.advance(min(1_800.0, until - self.ports.now_us() / 1e6 + 1.0))
        self.clock.advance(1.0)

    def pay(self, number: int, amount: int) -> None:
        reference = str(UUID(int=number))
        self.send(replace(ASK, reference=reference, amount=amount, collection=number))
        self.purse.scanned(reference.replace("-", ""), PAYER)
        self.advance(2)

    def statements(self) -> list[TakeStatement]:
        return [m for m in self.ports.messages() if isinstance(m, TakeStatement)]

    def of(self, day: date) -> list[TakeStatement]:
        return [each for each in self.statements() if each.day == int(f"{day:%Y%m%d}")]

    def call(self, call: Call, bearer: str, within_s: float) -> "Deferred[Answered]":
        done = super().call(call, bearer, within_s)
        if not call.most or not self.broken:
            return done
        self.broken -= 1
        return done.addCallback(
            lambda found: Answered(
                status=found.status, headers=found.headers, body=found.body[: len(found.body) // 2]
            )
        )


@pytest.fixture(params=sorted(DIALECTS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def begun(tmp_path: Path, name: str, **options: Any) -> tuple[Morning, date]:
    """Some payments of a day, the day after the channel began."""
    town = Morning(tmp_path, name, **options)
    town.sleep_until(12)
    for number in range(1, 4):
        town.pay(number, 10_000 + number)
    return town, town.today()


def test_the_day_is_taken_the_morning_after_once(tmp_path: Path, name: str) -> None:
    town, day = begun(tmp_path, name, fee_per_mille=6)
    assert town.of(day) == []
    town.sleep_until(12)
    (taken,) = town.of(day)
    moved = list(town.purse.book.movements.values())
    assert [(each.receipt, each.amount, each.fee) for each in taken.lines] == [
        (each.receipt, each.amount, each.fee) for each in moved
    ]
    assert [each.reference for each in taken.lines] == [str(UUID(int=n)) for n in (1, 2, 3)]
    assert (taken.currency, taken.page, taken.last, taken.wallet) == ("CNY", 1, True, "purse")
    town.restart()
    town.sleep_until(12)
    assert len(town.of(day)) == 1


def test_what_was_before_our_time_is_none_of_ours(tmp_path: Path, name: str) -> None:
    town = Morning(tmp_path, name)
    first = town.today()
    town.sleep_until(12, days=3)
    assert all(each.day >= int(f"{first:%Y%m%d}") for each in town.statements())


def test_half_a_file_is_not_taken_and_comes_again(tmp_path: Path, name: str) -> None:
    town, day = begun(tmp_path, name)
    town.broken = 1_000
    town.sleep_until(12)
    assert town.of(day) == []
    assert town.channel.statements.failed
    town.broken = 0
    town.sleep_until(14, days=0)
    assert sum(each.amount for each in town.of(day)[0].lines) == 30_006
    assert len(town.of(day)) == 1


def test_a_refund_is_a_line_below_nothing_that_names_its_original(
    tmp_path: Path, name: str
) -> None:
    town, day = begun(tmp_path, name)
    receipt = next(iter(town.purse.book.movements))
    town.send(ReversePayment(
        channel="purse", wallet="purse", refund=7, reference=str(UUID(int=9)), receipt=receipt,
        amount=10_001, currency="CNY",
    ))  # fmt: skip
    town.sleep_until(12)
    (taken,) = town.of(day)
    (back,) = [each for each in taken.lines if each.amount < 0]
    assert (back.amount, back.original, back.reference) == (-10_001, receipt, str(UUID(int=9)))
    assert back.fee >= 0
    assert sum(each.amount for each in taken.lines) == town.purse.book.total()


def line(number: int, amount: str = "1.00", fee: str = "0.005") -> BillLine:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return BillLine(receipt=f"R{number:06d}", amount=Decimal(amount), at=at, fee=Decimal(fee))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 3 * MAX_LINES))
def test_a_day_is_cut_into_pages_of_which_one_is_the_last(count: int) -> None:
    made = pages([line(number) for number in range(count)], "purse", date(2026, 1, 1), "CNY")
    assert [each.page for each in made] == list(range(1, len(made) + 1))
    assert [each.last for each in made] == [False] * (len(made) - 1) + [True]
    assert sum(len(each.lines) for each in made) == count
    assert max(len(each.lines) for each in made) <= MAX_LINES
    assert {each.fee for page in made for each in page.lines} <= {1}  # half up, once a line


def test_an_amount_that_the_currency_cannot_have_is_refused() -> None:
    with pytest.raises(NoticeError):
        pages([line(1, "1.005")], "purse", date(2026, 1, 1), "CNY")

"""What comes again on another day, and what must not be lost on the way: cases about money."""

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

from core.messages.terminals import ReverseAtTerminal
from hub.iso8583 import shipped
from tests.channels.pos.fakes import (
    DAY,
    TERMINAL,
    TODAY,
    TOKEN,
    PosPorts,
    Shopfront,
    done,
    terminal,
)
from tests.channels.pos.test_requests import BILL, TOTALS, answering, original


def test_a_reversal_of_yesterdays_number_does_not_take_back_todays_sale() -> None:
    """Numbers may begin anew each day; the sale of yesterday never came."""
    shop = Shopfront()
    shop.ports.items.add((TERMINAL, DAY, 3))
    shop.ask("0400", f13="1120", f90=original(3))
    (told,) = shop.ports.messages()
    assert isinstance(told, ReverseAtTerminal)
    assert (told.day, told.stan) == (DAY - 1, 3)


def test_a_repeat_with_an_old_clock_is_no_decline() -> None:
    """The original may be journaled and not yet decided."""
    shop = Shopfront()
    shop.ports.reactor.advance(3600)
    shop.connect()
    answer = shop.vend("0201")
    assert (answer.fields[39], shop.ports.arrivals) == ("68", [])


def test_a_date_without_a_time_is_a_clock_too() -> None:
    shop = Shopfront()
    assert shop.vend(f12=None, f13="1120").fields[39] == "12"
    assert shop.vend(f12=None).fields[39] == "00"


@pytest.mark.parametrize(
    ("mti", "again", "fields"),
    [
        ("0220", "0221", {**BILL, "f63": {"06": "1001"}}),
        ("0500", "0501", {**TOTALS, "f13": TODAY}),
        ("0520", "0521", {**TOTALS, "f13": TODAY}),
    ],
)
def test_what_is_stored_and_forwarded_is_the_same_on_another_day(
    mti: str, again: str, fields: dict[str, Any]
) -> None:
    """A bill is not booked twice, nor a batch settled twice, because the line came back late."""
    shop = Shopfront()
    first = shop.ask(mti, **fields)
    shop.ports.reactor.advance(20 * 3600)
    shop.connect()
    shop.stan -= 1
    second = shop.ask(again, **fields)
    assert (second.fields[39], second.fields.get(62)) == (first.fields[39], first.fields.get(62))
    assert len(shop.ports.arrivals) == 1
    assert shop.ports.repeats == [shop.ports.arrivals[0].key]


def test_an_advice_comes_again_after_the_cashier_has_changed() -> None:
    shop = Shopfront(ports=PosPorts(Clock(), known={TERMINAL: terminal(cashier="07")}))
    fields = {**BILL, "f63": {"06": "1001"}}
    first = shop.ask("0220", **fields)
    shop.ports.known[TERMINAL] = terminal(cashier="08")
    shop.channel.desk.terminals.forget_view(TERMINAL)
    shop.stan -= 1
    assert shop.ask("0221", **fields).fields[39] == first.fields[39] == "00"
    assert shop.counts["alarm key-reused"] == 0


def test_the_end_of_a_shift_says_what_was_sold() -> None:
    totals = {
        "sale": {"count": 3, "amount": 60_000, "reversed": 0, "reversed_amount": 0},
        "payment": {"count": 2, "amount": 9_000, "reversed": 1, "reversed_amount": 4_000},
    }
    shop = answering(done(cashier="07", name="Ruth", shift=5, totals=totals))
    printed = shop.ask("0800", f70="002").fields[61]
    assert "sale: 3, 60,000" in printed
    assert "payment: 2, 9,000 (back: 1, 4,000)" in printed


def test_an_answer_that_is_too_long_for_the_link_has_the_token_all_the_same(
    tmp_path: Path,
) -> None:
    dialect = shipped()["generic-1987-ascii"].read_text(encoding="utf-8")
    (tmp_path / "short.yaml").write_text(dialect.replace("longest: 4096", "longest: 400"))
    shop = Shopfront(dialect="short.yaml", ports=PosPorts(Clock(), folder=tmp_path))
    answer = shop.vend()
    assert (answer.fields[39], answer.fields[62]["01"]) == ("00", TOKEN)


def test_reversals_of_one_day_under_one_number_are_two() -> None:
    """The terminal's numbers began anew between them; one must not stand for the other."""
    shop = Shopfront()
    for stan in (2, 3):
        shop.stan = 0
        assert shop.ask("0400", f13="1120", f90=original(stan)).fields[39] == "00"
    assert [told.stan for told in shop.ports.messages()] == [2, 3]  # type: ignore[attr-defined]
    shop.stan = 0
    again = {"f4": "000002000000", "f49": "800", "f13": "1120"}
    assert shop.ask("0401", **again, f90=original(3)).fields[39] == "94"  # it had no amount

"""One instant decides tariff version, month, blocks and charges: that of the sale, in the company's
zone (Kampala is three hours ahead of UTC)."""

from pathlib import Path

import pytest

from core.messages import Answer, MeterLink, Outcome
from core.queries import customer
from core.refusals import Refusal
from hub.channel import Accepted
from tests.hub.machine import METER, PHONE, Machine, buy, demo_terms, enrol, fresh_sqlite, pay
from tests.hub.sales import amounts, change, instant, mapping, refused, set_clock, tariff, uganda

DAY_BEFORE = "2025-01-01"


def machine_at(folder: Path, local: str, since: str = "2026-01-01", **terms: object) -> Machine:
    """A household whose agreement began then, with money, at this local time."""
    machine = Machine(fresh_sqlite(folder), terms=demo_terms(**terms))
    set_clock(machine, local)
    assert machine.do(enrol(since=since), "enrol").outcome is Outcome.DONE
    machine.do(pay(500_000), "pay")
    return machine


def sold(machine: Machine, key: str, tender: int = 20_000, **options: object) -> Answer:
    answer = machine.do(buy(tender, another=True, **options), key)
    assert answer.outcome is Outcome.DONE, answer
    return answer


def period(machine: Machine, receipt: str) -> int:
    ((value,),) = machine.rows("SELECT period FROM sale WHERE receipt = :r", r=receipt)
    return int(value)


def test_the_last_second_of_a_month_and_the_next(tmp_path: Path) -> None:
    machine = machine_at(tmp_path, "2026-01-31T23:59:59")
    first = sold(machine, "a")
    set_clock(machine, "2026-02-01T00:00:00")
    second = sold(machine, "b")
    assert [period(machine, answer.data["receipt"]) for answer in (first, second)] == [
        202601,
        202602,
    ]
    # a new month: its own fee, and the cheap block again
    assert amounts(first) == amounts(second) == {"service": 3_360, "vat": 3_051, "energy": 13_587}


def test_a_second_later_would_have_been_another_month(tmp_path: Path) -> None:
    machine = machine_at(tmp_path, "2026-01-31T23:59:58")
    sold(machine, "a")
    set_clock(machine, "2026-01-31T23:59:59")
    last = sold(machine, "b")
    assert period(machine, last.data["receipt"]) == 202601
    assert "service" not in amounts(last)
    assert last.data["units_tenths"] == 225  # case UG-VEND-2


@pytest.mark.parametrize(
    ("local", "month"),
    [
        ("2026-02-01T00:30:00", 202602),  # 21:30 of January in UTC
        ("2026-01-31T22:00:00", 202601),
    ],
)
def test_the_month_is_that_of_kampala_not_of_utc(tmp_path: Path, local: str, month: int) -> None:
    machine = machine_at(tmp_path, "2026-01-10T12:00:00")
    sold(machine, "a")
    set_clock(machine, local)
    answer = sold(machine, "b")
    assert period(machine, answer.data["receipt"]) == month
    assert ("service" in amounts(answer)) == (month == 202602)


def test_the_month_of_a_company_in_another_zone(tmp_path: Path) -> None:
    """The same instant is the first of the month in Kampala and still the last in Lagos."""
    machine = machine_at(tmp_path, "2026-02-01T00:30:00", zone="Africa/Lagos")
    assert period(machine, sold(machine, "a").data["receipt"]) == 202601


def test_a_tariff_that_changes_at_midnight(tmp_path: Path) -> None:
    tariffs = uganda((DAY_BEFORE, "750.9", "3360"), ("2026-03-10", "800", "3360"))
    machine = machine_at(tmp_path, "2026-03-09T23:59:59", since="2026-03-01", tariffs=tariffs)
    before = sold(machine, "a")
    set_clock(machine, "2026-03-10T00:00:00")
    after = sold(machine, "b")
    rows = machine.rows("SELECT tariff FROM sale ORDER BY id")
    assert rows == [("uganda-domestic@2025-01-01",), ("uganda-domestic@2026-03-10",)]
    assert before.data["lines"][-1]["rate_e8"] == 75_090_000_000
    assert after.data["lines"][-1]["rate_e8"] == 80_000_000_000
    # still the same month: the blocks go on, no second fee
    assert "service" not in amounts(after)
    assert len([line for line in after.data["lines"] if line["code"] == "energy"]) == 1


def test_a_missed_month_at_its_own_rate(tmp_path: Path) -> None:
    tariffs = uganda((DAY_BEFORE, "750.9", "1000"), ("2026-03-01", "750.9", "2000"))
    machine = machine_at(tmp_path, "2026-01-15T10:00:00", tariffs=tariffs)
    sold(machine, "a")
    set_clock(machine, "2026-04-02T10:00:00")
    fees = [line for line in sold(machine, "b").data["lines"] if line["code"] == "service"]
    # February at the old rate; March and April, which cost the same, on one line
    assert [(line["amount"], line["quantity_milli"]) for line in fees] == [
        (1_000, 1_000),
        (4_000, 2_000),
    ]


def test_a_month_that_changes_within_is_charged_at_the_rate_of_its_first_day(
    tmp_path: Path,
) -> None:
    tariffs = uganda((DAY_BEFORE, "750.9", "1000"), ("2026-02-15", "750.9", "2000"))
    machine = machine_at(tmp_path, "2026-02-20T10:00:00", since="2026-02-18", tariffs=tariffs)
    assert amounts(sold(machine, "a"))["service"] == 1_000


def test_fixed_charges_begin_with_the_agreement(tmp_path: Path) -> None:
    machine = machine_at(tmp_path, "2026-03-05T10:00:00", since="2026-02-27")
    assert amounts(sold(machine, "a"))["service"] == 2 * 3_360


def test_fixed_charges_are_caught_up_for_a_year_at_most(tmp_path: Path) -> None:
    machine = machine_at(tmp_path, "2026-03-05T10:00:00", since="2019-01-01")
    assert amounts(sold(machine, "a", 100_000))["service"] == 13 * 3_360


def test_an_agreement_that_begins_later_owes_nothing_yet(tmp_path: Path) -> None:
    machine = machine_at(tmp_path, "2026-03-31T10:00:00", since="2026-04-01")
    assert "service" not in amounts(sold(machine, "a"))
    set_clock(machine, "2026-04-01T00:00:00")
    assert amounts(sold(machine, "b"))["service"] == 3_360


def test_a_clock_set_back_over_the_boundary_does_not_reopen_the_month(tmp_path: Path) -> None:
    machine = machine_at(tmp_path, "2026-02-01T00:10:00", since="2026-02-01")
    sold(machine, "a")
    set_clock(machine, "2026-01-31T23:50:00")
    back = sold(machine, "b")
    assert period(machine, back.data["receipt"]) == 202602
    assert "service" not in amounts(back)
    assert back.data["units_tenths"] == 225
    set_clock(machine, "2026-02-01T00:20:00")
    again = sold(machine, "c")
    assert "service" not in amounts(again)
    assert again.data["units_tenths"] == 225


def test_a_clock_set_back_by_more_than_tokens_may_run_ahead(tmp_path: Path) -> None:
    """An hour later in the token than on the clock: the meter would refuse what comes after."""
    machine = machine_at(tmp_path, "2026-02-01T12:00:00")
    sold(machine, "a")
    set_clock(machine, "2026-02-01T10:30:00")
    refused(machine.do(buy(another=True), "b"), "tokens-too-fast")
    assert machine.rows("SELECT count(*) FROM sale") == [(1,)]


def test_what_is_left_of_the_block_after_the_clock_was_set_back(tmp_path: Path) -> None:
    machine = machine_at(tmp_path, "2026-02-01T00:10:00")
    sold(machine, "a")
    with machine.store.reader() as reader:
        for local in ("2026-02-01T00:11:00", "2026-01-31T23:50:00"):
            view = customer.balance(reader, machine.terms, PHONE, instant(local))
            assert not isinstance(view, Refusal)
            assert view.block_left_milli == 0, local


def quoted(machine: Machine, tender: int = 20_000) -> int:
    with machine.store.reader() as reader:
        now = machine.time.now_us()
        view = customer.quote(reader, machine.terms, PHONE, METER, tender, "", now)
    assert not isinstance(view, Refusal), view
    return view.units_tenths


def test_a_quote_before_midnight_confirmed_after_it_is_asked_again(tmp_path: Path) -> None:
    machine = machine_at(tmp_path, "2026-01-10T12:00:00")
    sold(machine, "a")
    set_clock(machine, "2026-01-31T23:59:00")
    shown = quoted(machine)
    assert shown == 225
    set_clock(machine, "2026-02-01T00:01:00")
    answer = machine.do(buy(another=True, quoted_tenths=shown), "b")
    args = refused(answer, "quote-changed")
    assert (args["quoted"], args["units"]) == (225, 281)
    assert machine.rows("SELECT count(*) FROM sale") == [(1,)]
    agreed = sold(machine, "c", quoted_tenths=args["units"])
    assert agreed.data["units_tenths"] == 281 == quoted_of(agreed)


def quoted_of(answer: Answer) -> int:
    energy = [line for line in answer.data["lines"] if line["code"] == "energy"]
    return int(sum(line["quantity_milli"] for line in energy)) // 100


def test_a_quote_that_still_holds_is_sold(tmp_path: Path) -> None:
    machine = machine_at(tmp_path, "2026-01-31T23:59:00")
    shown = quoted(machine)
    assert sold(machine, "a", quoted_tenths=shown).data["units_tenths"] == shown


def test_a_repeat_on_the_wire_gets_the_same_answer_whatever_the_month(tmp_path: Path) -> None:
    machine = machine_at(tmp_path, "2026-01-31T23:59:30")
    first = sold(machine, "a")
    set_clock(machine, "2026-02-01T00:00:30")
    heard = machine.accept(buy(another=True), "a")
    machine.settle()
    assert isinstance(heard[0], Accepted)
    assert heard[0].repeat
    assert heard[0].answer == first
    assert machine.rows("SELECT count(*) FROM sale") == [(1,)]


def test_a_likely_repeat_is_seen_across_the_month(tmp_path: Path) -> None:
    machine = machine_at(tmp_path, "2026-01-31T23:59:30")
    first = sold(machine, "a")
    set_clock(machine, "2026-02-01T00:05:00")
    answer = machine.do(buy(), "b")
    assert refused(answer, "likely-repeat")["minutes"] == 5
    assert answer.data["token"] == first.data["token"]
    set_clock(machine, "2026-02-01T00:09:31")
    assert machine.do(buy(), "c").outcome is Outcome.DONE


def test_a_tariff_younger_than_the_agreement_charges_no_month_before_it(tmp_path: Path) -> None:
    """The months before belong to whoever sold then; they must not stop the sale either."""
    tariffs = uganda(("2026-02-10", "750.9", "3360"))
    machine = machine_at(tmp_path, "2026-03-05T10:00:00", since="2020-05-01", tariffs=tariffs)
    assert amounts(sold(machine, "a"))["service"] == 2 * 3_360
    assert machine.unaccounted() == 0


def test_before_a_tariff_is_in_force_nothing_is_sold_and_the_buyer_is_told(tmp_path: Path) -> None:
    tariffs = uganda(("2026-02-10", "750.9", "3360"))
    machine = machine_at(tmp_path, "2026-02-09T23:59:59", tariffs=tariffs)
    refused(machine.do(buy(), "a"), "tariff-missing")
    assert [notice.message.template for notice in machine.channel.sent] == ["refusal"]
    assert machine.rows("SELECT credit FROM account") == [(500_000,)]
    with machine.store.reader() as reader:
        view = customer.balance(reader, machine.terms, PHONE, machine.time.now_us())
    assert not isinstance(view, Refusal)
    assert view.block_left_milli is None
    set_clock(machine, "2026-02-10T00:00:00")
    assert amounts(sold(machine, "b"))["service"] == 3_360


def test_a_charge_per_something_that_the_agreement_does_not_state(tmp_path: Path) -> None:
    text = mapping("uganda-domestic").replace("rate: 3360", "rate: 3360\n          quantity: kva")
    machine = machine_at(tmp_path, "2026-02-09T10:00:00", tariffs=tariff(text))
    assert "kva" in refused(machine.do(buy(), "a"), "tariff-missing")["why"]
    assert machine.unaccounted() == 0


def test_the_meter_is_never_given_the_reserved_minute(tmp_path: Path) -> None:
    """00:01 UTC of a day belongs to special tokens: 03:01 in Kampala."""
    machine = machine_at(tmp_path, "2026-02-03T03:01:10")
    sold(machine, "a")
    sold(machine, "b")
    tids = [row[0] for row in machine.rows("SELECT tid FROM token ORDER BY id")]
    assert [tid % 1440 for tid in tids] == [2, 3]


def test_a_new_meter_goes_on_with_the_months_of_its_agreement(tmp_path: Path) -> None:
    """Blocks and month charges belong to the agreement, not to the meter."""
    machine = machine_at(tmp_path, "2026-02-03T10:00:00", since="2026-02-01")
    sold(machine, "a")
    other = enrol("100002", "01000000008", "+256700000002", meter=MeterLink(
        drn="01000000008", sgc="201457"))  # fmt: skip
    assert machine.do(other, "enrol2").outcome is Outcome.DONE
    change(
        machine,
        "UPDATE meter_install SET service_point_id = (SELECT id FROM service_point "
        "WHERE number = 'S100001') WHERE meter_id = (SELECT id FROM meter WHERE drn = :d)",
        d="01000000008",
    )
    answer = machine.do(buy(meter="01000000008"), "b")
    assert answer.data["units_tenths"] == 225
    assert "service" not in amounts(answer)

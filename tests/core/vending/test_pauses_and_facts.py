"""Months without service bear no charge; what an agreement states prices its sales."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from core.calendars import start_of_day
from core.messages import Answer, PauseService, ResumeService
from core.queries.customer import quote_units
from core.queries.views import QuoteView
from core.refusals import Refusal
from core.tariffs.compiling import CompiledTariff, compile_tariff
from core.tariffs.shapes import CatchUp, Fixed, Tariff, TariffVersion
from core.vending.checks import horizon
from tests.core.collection.desk import debt, whole
from tests.core.tariffs.uganda import YAKA, service
from tests.core.vending.credit import got, household, no, rule, taking
from tests.hub.machine import METER, PHONE, Machine, buy, demo_terms
from tests.hub.sales import set_clock

ZONE = "Africa/Kampala"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return household(tmp_path)


def pause(machine: Machine, key: str, on: str = "", **changes: Any) -> Answer:
    values = {"operator": "mary", "meter": METER, "why": "vacant", "reason": "left", **changes}
    return machine.do(PauseService(on=on, **values), key)


def resume(machine: Machine, key: str, on: str = "", why: Any = "vacant") -> Answer:
    command = ResumeService(operator="mary", meter=METER, why=why, reason="back", on=on)
    return machine.do(command, key)


def months(answer: Answer) -> int:
    """How many months' charges of 3,360 the purchase paid."""
    amounts = [line["amount"] for line in got(answer)["lines"] if line["code"] == "service"]
    return sum(amounts) // 3_360


def test_months_throughout_without_service_are_not_charged(machine: Machine) -> None:
    assert months(machine.do(buy(20_000), "b1")) == 1  # November
    got(pause(machine, "p1", "2026-11-20"))
    set_clock(machine, "2027-02-10T09:00:00")
    got(resume(machine, "r1", "2027-02-03"))
    assert months(machine.do(buy(20_000), "b2")) == 1  # February; December and January were not
    whole(machine)


def test_who_buys_while_it_goes_on_pays_no_month_and_later_no_more_than_is_due(
    machine: Machine,
) -> None:
    got(pause(machine, "p1", "2026-11-01"))
    assert months(machine.do(buy(20_000), "b1")) == 0
    got(resume(machine, "r1"))
    assert months(machine.do(buy(9_001), "b2")) == 1  # November had some days of service
    assert months(machine.do(buy(9_002), "b3")) == 0


def test_vacant_and_disconnected_together_leave_no_day(machine: Machine) -> None:
    got(machine.do(buy(20_000), "b1"))
    set_clock(machine, "2027-01-15T09:00:00")
    got(pause(machine, "p1", "2026-12-01", why="disconnected"))
    got(resume(machine, "r1", "2026-12-20", why="disconnected"))
    got(pause(machine, "p2", "2026-12-20"))
    got(resume(machine, "r2", "2027-01-02"))
    assert months(machine.do(buy(20_001), "b2")) == 1  # January
    whole(machine)


@pytest.mark.parametrize(
    ("on", "said"),
    [("2026-11-22", "last 400 days"), ("2026-10-31", "began on"), ("tomorrow", "is no day"),
     ("2020-01-01", "last 400 days")],
)  # fmt: skip
def test_days_that_cannot_be(machine: Machine, on: str, said: str) -> None:
    answer = pause(machine, "p1", on)
    assert no(answer) == "service-wrong"
    assert said in answer.args["what"]
    assert machine.rows("SELECT count(*) FROM agreement_pause") == [(0,)]


def test_one_of_a_kind_at_a_time(machine: Machine) -> None:
    assert "is not vacant" in resume(machine, "r0").args["what"]
    got(pause(machine, "p1"))
    assert pause(machine, "p1") == pause(machine, "p1")  # a repeat
    assert no(pause(machine, "p2")) == "service-wrong"
    got(pause(machine, "p3", why="disconnected"))
    got(resume(machine, "r1"))
    assert no(pause(machine, "p4", "2026-11-10")) == "service-wrong"  # it lies over the first
    assert no(resume(machine, "r2")) == "service-wrong"
    assert no(pause(machine, "p5", operator="grace")) == "act-no-role"
    whole(machine)


def test_it_cannot_end_before_it_began(machine: Machine) -> None:
    got(pause(machine, "p1", "2026-11-10"))
    assert "cannot end before" in resume(machine, "r1", "2026-11-10").args["what"]


# --- what an agreement states --------------------------------------------------------------------


def per_kilowatt() -> CompiledTariff:
    shape = service(1_000)
    charge = Fixed(
        code="capacity", label="Capacity", rate_e8=shape.rate_e8, quantity="sanctioned_kw",
        unit="kW", tax_class=shape.tax_class, payee=shape.payee, rounding=shape.rounding,
    )  # fmt: skip
    version = TariffVersion(date(2018, 1, 1), CatchUp(12, "lapse"), (charge, YAKA))
    return compile_tariff(Tariff("uganda-domestic", "Test", "UGX", "kWh", (version,)))


def stated(machine: Machine, name: str, value: int, from_day: str = "2020-01-01") -> None:
    columns = [row[1] for row in machine.rows("PRAGMA table_info(agreement_fact)")]
    known: dict[str, Any] = {
        "id": value, "company": "demo", "agreement_id": 1, "kind": "attribute", "name": name,
        "from_day": from_day, "version": 1, "value": value, "word": "", "ended": 0,
    }  # fmt: skip
    row = {name: known.get(name, 0) for name in columns}
    with machine.store.transaction() as tx:
        tx.run(
            f"INSERT INTO agreement_fact ({', '.join(row)}) "
            f"VALUES ({', '.join(':' + name for name in row)})",
            **row,
        )


def test_a_charge_per_kilowatt_is_that_of_the_agreement(tmp_path: Path) -> None:
    machine = household(tmp_path, tariffs={"uganda-domestic": per_kilowatt()})
    answer = machine.do(buy(20_000), "b1")
    assert no(answer) == "tariff-missing"
    assert "sanctioned_kw" in answer.args["why"]
    stated(machine, "sanctioned_kw", 2_500)
    lines = {x["code"]: x["amount"] for x in got(machine.do(buy(20_000), "b2"))["lines"]}
    assert lines["capacity"] == 2_500
    whole(machine)


def test_facts_are_read_only_where_a_tariff_asks_for_them(machine: Machine) -> None:
    assert horizon(machine.terms, machine.time.now_us()).facts is None
    asking = demo_terms(tariffs={"uganda-domestic": per_kilowatt()})
    assert horizon(asking, start_of_day(date(2026, 11, 21), ZONE)).facts == date(2026, 11, 21)


# --- how much must I pay for 20 kWh? -------------------------------------------------------------


def asked(machine: Machine, tenths: int, **more: Any) -> QuoteView | Refusal:
    with machine.store.reader() as reader:
        now = machine.time.now_us()
        return quote_units(reader, machine.terms, PHONE, METER, tenths, "", now)


def test_the_least_money_for_wanted_units(machine: Machine) -> None:
    found = asked(machine, 200)
    assert isinstance(found, QuoteView)
    assert found.units_tenths == 200
    assert got(machine.do(buy(found.tender), "b1"))["units_tenths"] == 200
    assert machine.rows("SELECT carried_forward FROM sale")[0][0] < 90  # a tenth costs 89


def test_debts_and_charges_are_in_it(tmp_path: Path) -> None:
    machine = household(tmp_path, rule("energy", taking()))
    before = asked(machine, 200)
    debt(machine, 3_000)
    after = asked(machine, 200)
    assert isinstance(before, QuoteView)
    assert isinstance(after, QuoteView)
    assert after.tender == before.tender + 3_000


def test_what_cannot_be_had_is_said(machine: Machine) -> None:
    for tenths, code in ((0, "tender-not-positive"), (10**9, "credit-above-meter"),
                         (9_000, "credit-insufficient")):  # fmt: skip
        found = asked(machine, tenths)
        assert isinstance(found, Refusal)
        assert found.code == code

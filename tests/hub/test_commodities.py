"""Water, gas and time sold by token, from enrolment to the meter; heat is refused where asked."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.messages import (
    Answer,
    AskBalance,
    MeterLink,
    NeedKeyChange,
    Outcome,
    RequestTokenAct,
    SendNotice,
)
from core.queries.customer import quote
from core.queries.views import QuoteView
from core.refusals import operator_sentence
from core.sts.meter_state import MeterModel, Result
from core.tariffs.compiling import CompiledTariff
from hub.proof import EVERYTHING, Proof
from hub.storywords import Lens, headline
from hub.texts import Texts, read_folder
from hub.timeline import find
from simulators.meter.device import Coding, Meter
from tests.hub.acting import OPERATORS, ask, decide
from tests.hub.key_changes import campaigned
from tests.hub.machine import METER, PHONE, Machine, buy, demo_terms, enrol, fresh_sqlite, pay
from tests.hub.sales import change, drn_of, mapping, refused, tariff

#: commodity -> (unit of the tariff, the same in a customer's text)
UNITS = {
    "electricity": ("kWh", "kWh"),
    "water": ("m3", "m3"),
    "gas": ("m³", "m3"),
    "time": ("min", "min"),
}
OTHER = drn_of(7)


def tariffs() -> dict[str, CompiledTariff]:
    """The water tariff once for each commodity."""
    text = mapping("water-steps")
    found: dict[str, CompiledTariff] = {}
    for name, (unit, _) in UNITS.items():
        priced = text.replace("unit: m3", f"unit: {unit}")
        priced = priced.replace("mapping: water-steps", f"mapping: {name}-steps")
        found |= tariff(priced.replace("code: water-steps", f"code: {name}-steps"))
    return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    terms = demo_terms(
        currency="ZAR",
        exponent=2,
        zone="Africa/Johannesburg",
        tariffs=tariffs(),
        operators=OPERATORS,
        languages=("en",),
        help_line="0800",
    )
    return Machine(fresh_sqlite(tmp_path), terms=terms)


def household(machine: Machine, commodity: str, drn: str = METER, **changes: Any) -> Answer:
    """A household with a meter of this commodity, and 1,000 rand."""
    number = "100001" if drn == METER else "100002"
    values = {
        "currency": "ZAR",
        "tariff": f"{commodity}-steps",
        "since": "2026-11-01",
        "meter": MeterLink(drn=drn, sgc="201457", commodity=commodity),
        **changes,
    }
    phone = PHONE if drn == METER else "+256700000002"
    command = enrol(number, drn, phone, **values)
    answer = machine.do(command, f"enrol-{drn}-{command.tariff}-{command.mode}")
    if answer.outcome == Outcome.DONE:
        paid = in_rand(pay(100_000, number))
        assert machine.do(paid, f"pay-{drn}").outcome == Outcome.DONE
    return answer


def in_rand(message: Any) -> Any:
    return msgspec.structs.replace(message, currency="ZAR")


def sold(machine: Machine, drn: str = METER, key: str = "buy") -> dict[str, Any]:
    answer = machine.do(in_rand(buy(20_000, drn)), key)
    assert answer.outcome == Outcome.DONE, answer
    return dict(answer.data)


def wall(commodity: str) -> Meter:
    """A meter that takes the tokens of its own commodity alone."""
    service = list(UNITS).index(commodity)
    return Meter.coded(Coding(METER), MeterModel(11, services=frozenset({service})))


@pytest.mark.parametrize("commodity", UNITS)
def test_a_sale_fills_the_register_of_its_meter(machine: Machine, commodity: str) -> None:
    assert household(machine, commodity).outcome == Outcome.DONE
    sale = sold(machine)
    assert (sale["units_tenths"], sale.get("commodity", "electricity")) == (87, commodity)
    subclass = list(UNITS).index(commodity)
    assert machine.rows("SELECT class, subclass, value FROM token") == [(0, subclass, 87)]
    device = wall(commodity)
    assert device.enter(sale["token"], machine.time.now_us()).result is Result.ACCEPT
    assert device.state.registers[subclass] == 87
    for other in UNITS.keys() - {commodity}:
        assert wall(other).enter(sale["token"], machine.time.now_us()).result is Result.FUNCTION
    proof = Proof(machine.store.reader, EVERYTHING, {"demo": "Africa/Johannesburg"})
    list(proof.run())
    assert not proof.findings.listed


@pytest.mark.parametrize("commodity", UNITS)
@pytest.mark.parametrize("language", ["en", "fr", "sw", "zh"])
def test_the_customer_reads_his_unit(machine: Machine, commodity: str, language: str) -> None:
    languages = read_folder()
    texts = Texts(languages, machine.terms)
    household(machine, commodity)
    sold(machine)
    (sent,) = machine.channel.sent
    assert isinstance(sent.message, SendNotice)
    shown = texts.render("token", language, sent.message.args)
    sign = languages[language].sheet.units[commodity]
    assert any(f"8{mark}7{gap}{sign}" in shown for mark in ".," for gap in ("", " "))
    others = set(languages[language].sheet.units.values()) - {sign}
    assert not any(f" {other}" in shown for other in others)


def test_a_tariff_in_another_unit_is_refused(machine: Machine) -> None:
    answer = household(machine, "water", tariff="electricity-steps")
    refused(answer, "tariff-unit-wrong")
    assert machine.rows("SELECT count(*) FROM meter") == [(0,)]
    household(machine, "water")
    change(machine, "UPDATE agreement SET tariff = 'electricity-steps'")
    refused(machine.do(in_rand(buy(20_000)), "buy"), "tariff-unit-wrong")
    refused(machine.do(ask("free-issue", units_tenths=10), "act"), "tariff-unit-wrong")


def test_an_unknown_commodity_is_refused(machine: Machine) -> None:
    answer = household(machine, "steam", tariff="water-steps")
    assert (
        "one of: electricity, water, gas, time, heat" in refused(answer, "enrol-conflict")["what"]
    )


def test_heat_is_sold_by_account_balance(machine: Machine) -> None:
    """Nothing for heat by token: not the enrolment, not a sale, not an act, not a key change."""
    refused(household(machine, "heat", tariff="electricity-steps"), "heat-not-by-token")
    billed = household(machine, "heat", tariff="electricity-steps", mode="postpaid")
    assert billed.outcome == Outcome.DONE
    answer = machine.do(in_rand(buy(20_000)), "buy")
    refused(answer, "heat-not-by-token")
    assert "account balance" in operator_sentence(answer.code, answer.args)
    refused(machine.do(ask("free-issue", units_tenths=10), "act"), "heat-not-by-token")
    other_key = NeedKeyChange(
        meters=(METER,), sgc="123456", krn=1, campaign="c", operator="peter", reason="r"
    )
    refused(campaigned(machine, other_key, "key"), "heat-not-by-token")
    assert machine.rows("SELECT count(*) FROM token") == [(0,)]


def test_a_quote_and_the_balance_say_the_unit(machine: Machine) -> None:
    household(machine, "water")
    with machine.store.reader() as reader:
        found = quote(reader, machine.terms, PHONE, METER, 20_000, "", machine.time.now_us())
    assert isinstance(found, QuoteView)
    assert (found.commodity, found.units_tenths) == ("water", 87)
    data = machine.do(AskBalance(phone=PHONE), "balance").data
    assert (data["commodity"], data["block_left_milli"]) == ("water", 6_000)


def test_more_than_the_meter_takes_is_said_in_its_unit(machine: Machine) -> None:
    meter = MeterLink(drn=METER, sgc="201457", commodity="water", max_credit_tenths=50)
    household(machine, "water", meter=meter)
    answer = machine.do(in_rand(buy(20_000)), "buy")
    assert refused(answer, "credit-above-meter")["commodity"] == "water"
    texts = Texts(read_folder(), machine.terms)
    shown = texts.render("refusal", "en", {"code": answer.code, "args": answer.args})
    assert "(5.0 m3)" in shown


def test_units_move_between_meters_of_the_same_commodity_only(machine: Machine) -> None:
    household(machine, "water")
    household(machine, "electricity", OTHER)
    sale = sold(machine)
    request: RequestTokenAct = ask(
        "reallocation", meter=OTHER, from_meter=METER, token=sale["token"]
    )
    args = refused(machine.do(request, "act"), "act-not-possible")
    assert args["why"] == f"meter {METER} measures water, not electricity"
    change(machine, "UPDATE meter SET state = 'exchanged' WHERE drn = :drn", drn=METER)
    moved = ask("credit-transfer", meter=OTHER, from_meter=METER, units_tenths=10)
    refused(machine.do(moved, "act2"), "act-not-possible")


def test_free_issue_and_replacement_are_of_the_meters_commodity(machine: Machine) -> None:
    household(machine, "gas")
    given = machine.do(ask("free-issue", units_tenths=100), "gift")
    device = wall("gas")
    now = machine.time.now_us()
    assert device.enter(given.data["token"], now).result is Result.ACCEPT
    assert device.state.registers == (0, 0, 100, 0)
    sale = sold(machine)
    change(machine, "UPDATE meter SET ti = '02'")
    waiting = machine.do(ask("replacement", token=sale["token"]), "again")
    new = machine.do(decide(waiting.data["act"]), "yes")
    assert new.outcome == Outcome.DONE, new
    other = Meter.coded(Coding(METER, ti="02"), device.state.model)
    assert other.enter(new.data["token"], now).result is Result.ACCEPT
    assert machine.rows("SELECT DISTINCT subclass FROM token") == [(2,)]


def test_support_reads_the_unit_too(machine: Machine) -> None:
    household(machine, "water")
    sold(machine)
    with machine.store.reader() as reader:
        stories = find(reader, "demo", "256", METER, 20).stories
    lens = Lens("Africa/Johannesburg", "ZAR")
    assert any("bought 8.7 m³ for 200.00 ZAR" in headline(each, lens) for each in stories)

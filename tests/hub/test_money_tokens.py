"""Meters that hold the tariff: what is left of a purchase goes in as money (class 0.4 to 0.7), from
enrolment by list to the meter that shows it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from adapters.prismtoken.orders import Wanted, wire_amount
from channels.ussd.screens import Screens
from channels.ussd.service import load_folder
from channels.ussd.words import Words
from core.messages import Answer, AskAdvance, MeterLink, Outcome, RequestTokenAct
from core.queries.customer import quote, quote_units
from core.queries.views import QuoteView, SaleView
from core.refusals import operator_sentence
from core.store.invariants import offences
from core.sts.amounts import coin_1e5
from core.sts.meter_state import MeterModel, Result
from core.tariffs.compiling import CompiledTariff
from hub.proof import EVERYTHING, Proof
from hub.storywords import Lens, headline
from hub.texts import Texts, read_folder
from hub.timeline import find
from hub.verbs.enrol import parse
from simulators.meter.device import Coding, Meter
from tests.core.changes.life import asked as asked_for
from tests.core.changes.life import life, move, no, request
from tests.hub.acting import OPERATORS, ask, decide
from tests.hub.machine import METER, PHONE, Machine, buy, demo_terms, enrol, fresh_sqlite, pay
from tests.hub.remote import RemoteMachine, remote_terms
from tests.hub.sales import amounts, change, drn_of, mapping, owe, postings, refused, tariff

OTHER = drn_of(7)
HEAD = """
mapping: money
format: tariff
version: 1
effective: 2000-01-01
source: own
tariff:
  code: CODE
  title: money
  currency: CURRENCY
  unit: CURRENCY
  versions:
  - valid_from: 2000-01-01
    catch_up: {missed_months: 0, beyond: lapse}
    components:
    - {kind: credit, code: credit, label: credit, tax_class: standard, payee: own,
       rounding: half_up}
"""
RENT = """
    - {kind: fixed, code: rent, label: rent, per: calendar_month, rate: 50, tax_class: standard,
       payee: own, rounding: half_up}
    - {kind: tax, code: vat, label: vat, basis: lines, percent: 15, of: [rent, credit],
       tax_class: standard, payee: tax_authority, rounding: half_up}
"""


def document(currency: str = "KES", parts: str = RENT, code: str = "money") -> str:
    """A tariff of a meter that holds the tariff itself."""
    text = HEAD + parts.strip("\n") + "\ntests: []\n"
    return text.replace("CODE", code).replace("CURRENCY", currency)


def tariffs(currency: str = "KES", parts: str = RENT) -> dict[str, CompiledTariff]:
    """That one, and one of a meter that counts units."""
    units = mapping("water-steps").split("\ntests:")[0].replace("ZAR", currency)
    return tariff(document(currency, parts)) | tariff(f"{units}\ntests: []\n")


def terms(currency: str = "KES", exponent: int = 2, parts: str = RENT, **more: Any) -> Any:
    return demo_terms(
        currency=currency,
        exponent=exponent,
        tariffs=tariffs(currency, parts),
        operators=OPERATORS,
        languages=("en",),
        help_line="0800",
        **more,
    )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(fresh_sqlite(tmp_path), terms=terms())


def link(commodity: str = "electricity-money", drn: str = METER, **more: Any) -> MeterLink:
    values = {"max_credit_tenths": 10_000_000, **more}
    return MeterLink(drn=drn, sgc="201457", commodity=commodity, **values)


def household(machine: Machine, meter: MeterLink | None = None, **changes: Any) -> Answer:
    """A household with such a meter, and 10,000 of the currency."""
    meter, money = meter or link(), machine.terms.currency
    number, phone = ("100001", PHONE) if meter.drn == METER else ("100002", "+256700000002")
    values = {"currency": money, "tariff": "money", "meter": meter, **changes}
    answer = machine.do(enrol(number, meter.drn, phone, **values), f"e-{meter}-{values['tariff']}")
    if answer.outcome == Outcome.DONE:
        paid = replace(pay(1_000_000, number), currency=money)
        assert machine.do(paid, f"pay-{meter.drn}").outcome == Outcome.DONE
    return answer


def bought(machine: Machine, tender: int = 100_000, key: str = "buy", **more: Any) -> Answer:
    return machine.do(replace(buy(tender, **more), currency=machine.terms.currency), key)


def wall(service: int = 4) -> Meter:
    """A meter that takes money of its own service alone."""
    return Meter.coded(Coding(METER), MeterModel(11, services=frozenset({service})))


def good(machine: Machine, but: str = "") -> None:
    """Every invariant of the books holds, and every token can be proved."""
    with machine.store.reader() as reader:
        assert {each.invariant for each in offences(reader, "sqlite")} <= {but}
    proof = Proof(machine.store.reader, EVERYTHING, {"demo": "Africa/Kampala"})
    list(proof.run())
    assert not proof.findings.listed


def test_debts_charges_and_taxes_are_taken_and_the_rest_is_in_the_meter(machine: Machine) -> None:
    """1,000: a fifth to arrears, 50 rent, VAT of 15 % on rent and credit. 645.65 are left, of which
    a token carries 645.62624: 645.63 are charged, and what that frees is carried forward."""
    assert household(machine).outcome == Outcome.DONE
    owe(machine, "100001", {"code": "arrears", "method": "percent_of_tender", "value": 20_000_000,
                            "outstanding": 500_000})  # fmt: skip
    answer = bought(machine)
    assert answer.outcome == Outcome.DONE, answer
    sale = answer.data
    assert (sale["units_tenths"], sale["commodity"]) == (645_630, "electricity-money")
    assert amounts(answer) == {"arrears": 20_000, "rent": 5_000, "credit": 64_563, "vat": 10_434}
    assert sale["carried_forward"] == 3
    assert machine.rows("SELECT class, subclass, value FROM token") == [(0, 4, 645_630)]
    device = wall()
    assert device.enter(sale["token"], machine.time.now_us()).result is Result.ACCEPT
    assert device.look()["money"] == [64_562_624, 0, 0, 0]
    assert device.state.registers == (0, 0, 0, 0)
    for other in range(8):
        if other != 4:
            met = wall(other).enter(sale["token"], machine.time.now_us())
            assert met.result is Result.FUNCTION
    posted = postings(machine, sale["receipt"])
    assert sum(posted.values()) == 0
    income = {name: amount for (name, _), amount in posted.items()}
    assert (income["revenue:credit"], income["revenue:rent"]) == (-64_563, -5_000)
    assert machine.rows("SELECT outstanding FROM debt") == [(480_000,)]
    assert machine.rows("SELECT credit FROM account") == [(900_003,)]
    good(machine, but="owed-is-postings")  # the debt was not posted when it was put on file


@pytest.mark.parametrize("service", range(4))
def test_each_service_has_its_register(machine: Machine, service: int) -> None:
    commodity = ("electricity", "water", "gas", "time")[service] + "-money"
    household(machine, link(commodity))
    sale = bought(machine).data
    device = wall(4 + service)
    assert device.enter(sale["token"], machine.time.now_us()).result is Result.ACCEPT
    assert device.look()["money"][service] > 0
    assert machine.rows("SELECT subclass FROM token") == [(4 + service,)]


def test_two_purchases_add_up_and_a_repeat_is_one(machine: Machine) -> None:
    household(machine)
    first = bought(machine)
    assert bought(machine).data == first.data  # the same key again
    second = bought(machine, 30_000, "two")
    device = wall()
    now = machine.time.now_us()
    for answer in (first, second):
        assert device.enter(answer.data["token"], now).result is Result.ACCEPT
    assert device.enter(second.data["token"], now).result is Result.USED
    charged = first.data["units_tenths"] + second.data["units_tenths"]
    assert 0 <= charged * 100 - device.look()["money"][0] < 2 * coin_1e5(2)
    assert "rent" not in amounts(second)
    good(machine)


@pytest.mark.parametrize(
    ("currency", "exponent", "tender", "tenths", "carried"),
    [("UGX", 0, 20_000, 199_950, 5), ("KES", 2, 1_000, 10_000, 0), ("KWD", 3, 1_001, 10_010, 0)],
)
def test_of_every_currency(
    tmp_path: Path, currency: str, exponent: int, tender: int, tenths: int, carried: int
) -> None:
    """Above the exact range the largest amount that is not above the rest: 19,994.42624 of it."""
    machine = Machine(fresh_sqlite(tmp_path), terms=terms(currency, exponent, parts=""))
    household(machine)
    sale = bought(machine, tender).data
    assert (sale["units_tenths"], sale["carried_forward"]) == (tenths, carried)
    device = wall()
    device.enter(sale["token"], machine.time.now_us())
    held = device.look()["money"][0]
    paid = tenths // 10 * coin_1e5(exponent)
    assert paid - coin_1e5(exponent) < held <= paid
    good(machine)


@pytest.mark.parametrize("language", ["en", "fr", "sw", "zh"])
def test_the_customer_reads_money(machine: Machine, language: str) -> None:
    """By SMS and on the screens, in every language: 819.53 go into the meter."""
    languages = read_folder()
    texts = Texts(languages, machine.terms)
    household(machine)
    quoted = asked(machine)
    sale = bought(machine, quoted_tenths=quoted.units_tenths).data
    shown = texts.render("token", language, machine.channel.sent[-1].message.args)
    money = {"en": "819.53", "fr": "819,53", "sw": "819.53", "zh": "819.53"}[language]
    assert money in shown
    assert "KES" in shown
    menu, sheets = load_folder("electricity")
    words = Words(languages, texts, Screens(menu, sheets), machine.terms)
    view = msgspec.convert(sale, SaleView)
    said = {"quote": words.quote(quoted, language)}
    said |= dict.fromkeys(("sold", "earlier", "sale", "token-again"), words.sale(view, language))
    for name, shows in said.items():
        screen = sheets[language].say(name, shows)
        assert money in screen, screen
        assert not any(word in screen.lower() for word in ("units", "unités", "uniti", "kwh"))
    refusal = bought(machine, 90_000, "late", quoted_tenths=10)
    args = refused(refusal, "quote-changed")
    assert "0.01 KES" in operator_sentence("quote-changed", args)
    assert "KES" in texts.render("refusal", language, {"code": "quote-changed", "args": args})


def asked(machine: Machine, tender: int = 100_000) -> QuoteView:
    with machine.store.reader() as reader:
        found = quote(reader, machine.terms, PHONE, METER, tender, "", machine.time.now_us())
    assert isinstance(found, QuoteView), found
    return found


def test_how_much_must_be_paid_for_so_much_in_the_meter(machine: Machine) -> None:
    household(machine)
    with machine.store.reader() as reader:
        now = machine.time.now_us()
        found = quote_units(reader, machine.terms, PHONE, METER, 100_000, "", now)
    assert isinstance(found, QuoteView), found
    assert found.units_tenths >= 100_000
    assert asked(machine, found.tender - 1).units_tenths < 100_000


def test_limits_are_said_in_money(machine: Machine) -> None:
    household(machine, link(max_credit_tenths=50_000))
    refused(bought(machine, 100), "tender-too-small")  # the rent comes first
    answer = bought(machine, key="much")
    args = refused(answer, "credit-above-meter")
    shown = Texts(read_folder(), machine.terms).render(
        "refusal", "en", {"code": answer.code, "args": args}
    )
    assert "50.00 KES" in shown
    assert bought(machine, args["largest"], "most").outcome == Outcome.DONE
    assert machine.rows("SELECT max(value) <= 50000 FROM token") == [(1,)]


def test_what_enrolment_refuses(machine: Machine) -> None:
    for wrong in (link(max_credit_tenths=99_999), link(max_credit_tenths=10**12)):
        said = refused(household(machine, wrong), "enrol-conflict")["what"]
        assert "ten for each smallest coin" in said
    refused(household(machine, link("electricity")), "tariff-unit-wrong")
    refused(household(machine, tariff="water-steps"), "tariff-unit-wrong")
    assert machine.rows("SELECT count(*) FROM meter") == [(0,)]


def test_a_list_takes_such_a_meter(machine: Machine) -> None:
    listed = """
- customer: C1
  name: Okello Daniel
  account: "100001"
  service_point: S1
  tariff: money
  since: 2026-11-01
  meter: {drn: 04123456784, sgc: 201457, commodity: water-money, max_credit_tenths: 10000000}
"""
    company: Any = type("Section", (), {"currency": "KES"})
    (item,), problems = parse(listed, "list.yaml", company)
    assert not problems
    assert machine.do(item.command, "list").outcome == Outcome.DONE
    assert machine.rows("SELECT commodity FROM meter") == [("water-money",)]


@pytest.mark.parametrize(
    "kind", ["free-issue", "compensation", "credit-transfer", "refund", "free-units"]
)
def test_units_are_not_given_taken_back_or_moved(machine: Machine, kind: str) -> None:
    household(machine)
    bought(machine)
    request: RequestTokenAct = ask(kind, units_tenths=1_000, from_meter=OTHER)
    if kind == "free-units":
        request = replace(request, kind="entitlement")
    refused(machine.do(request, "act"), "meter-holds-money")
    assert machine.rows("SELECT count(*) FROM token_act WHERE state <> 'refused'") == [(0,)]
    good(machine)


def test_nothing_on_credit(machine: Machine) -> None:
    household(machine)
    refused(machine.do(AskAdvance(phone=PHONE, meter=METER), "advance"), "meter-holds-money")


def test_a_token_is_replaced_and_moved_as_money(machine: Machine) -> None:
    """New digits for the same money, at a meter that holds money too and nowhere else."""
    household(machine)
    household(machine, link(drn=OTHER))
    sale = bought(machine).data
    change(machine, "UPDATE meter SET ti = '02' WHERE drn = :drn", drn=METER)
    waiting = machine.do(ask("replacement", token=sale["token"]), "again")
    new = machine.do(decide(waiting.data["act"]), "yes")
    assert new.outcome == Outcome.DONE, new
    device = Meter.coded(Coding(METER, ti="02"), wall().state.model)
    assert device.enter(new.data["token"], machine.time.now_us()).result is Result.ACCEPT
    held = device.look()["money"][0]
    assert 0 <= sale["units_tenths"] * 100 - held < coin_1e5(2)
    units = drn_of(8)
    more = {"tariff": "water-steps", "service_point": "S3", "phones": ()}
    refused_first = machine.do(
        enrol("100003", units, "", currency="KES", meter=link("water", units), **more), "e3"
    )
    assert refused_first.outcome == Outcome.DONE
    moved = ask("reallocation", meter=units, from_meter=METER, token=new.data["token"])
    refused(machine.do(moved, "move"), "act-not-possible")
    good(machine)


def test_support_reads_money_too(machine: Machine) -> None:
    household(machine)
    bought(machine)
    with machine.store.reader() as reader:
        stories = find(reader, "demo", "256", METER, 20).stories
    lens = Lens("Africa/Kampala", "KES")
    assert any("bought 819.53 KES for 1,000.00 KES" in headline(each, lens) for each in stories)


def box(folder: Path) -> RemoteMachine:
    """The company's keys are in a security module on the network."""
    own = terms()
    more = {name: getattr(own, name) for name in ("currency", "exponent", "tariffs", "operators")}
    return RemoteMachine(fresh_sqlite(folder), terms=remote_terms(**more))


def test_a_module_on_the_network_is_asked_for_what_a_token_carries(tmp_path: Path) -> None:
    """In 10^-5 of the currency, exactly: a module that rounds up has nothing to round."""
    machine = box(tmp_path)
    household(machine)
    machine.accept(replace(buy(100_000), currency="KES"), "buy")
    machine.settle()
    (order,) = machine.box.orders
    assert (order.token_class, order.subclass, order.amount) == (0, 4, 81_952_624)
    made = machine.made(order)
    machine.report(order, "made", tokens=made)
    device = wall()
    assert device.enter(made[-1].digits, machine.time.now_us()).result is Result.ACCEPT
    assert device.look()["money"][0] == order.amount
    assert machine.rows("SELECT state, units_tenths, carried_forward FROM sale") == [
        ("issued", 819_530, 4)
    ]
    with machine.store.reader() as reader:
        assert not list(offences(reader, "sqlite"))


def test_an_order_that_the_module_refuses_gives_everything_back(tmp_path: Path) -> None:
    machine = box(tmp_path)
    household(machine)
    machine.accept(replace(buy(100_000), currency="KES"), "buy")
    machine.settle()
    machine.report(machine.box.orders[0], "refused", code="E")
    assert machine.rows("SELECT credit, reserved FROM account") == [(1_000_000, 0)]
    assert machine.rows("SELECT count(*) FROM token") == [(0,)]


def test_the_network_module_says_money_exactly() -> None:
    """What the order says, over the double of the wire, and what is checked of the answer."""
    for amount in (999_924, 64_562_624, 10**14 + 1):
        wanted = Wanted(0, 4, amount, 1)
        assert round(wire_amount(wanted) * 100_000) == amount


def test_money_left_in_a_meter_is_not_valued_by_a_change(tmp_path: Path) -> None:
    """It would be lost: it is used up first. An empty meter may be exchanged for its like."""
    machine = life(tmp_path)
    change(machine, "UPDATE meter SET commodity = 'electricity-money' WHERE drn = :drn", drn=METER)
    for wrong in (link("water-money", OTHER), link(drn=OTHER, max_credit_tenths=99_999)):
        no(machine, request("meter-exchange", meter=wrong))
    case = asked_for(machine, "meter-exchange", meter=link(drn=OTHER))
    shown = {"opening": {"units": 0}}
    refused(machine.do(move(case, "read", remaining_tenths=10, **shown), "r1"), "meter-holds-money")
    assert machine.do(move(case, "read", remaining_tenths=0, **shown), "r2").outcome == Outcome.DONE


def test_a_cancelled_sale_leaves_nothing(machine: Machine) -> None:
    household(machine)
    sale = bought(machine).data
    waiting = machine.do(
        ask("cancel-sale", token=sale["receipt"], evidence="returned: store"), "cancel"
    )
    assert waiting.outcome == Outcome.DONE, waiting
    if waiting.data["state"] == "requested":
        assert machine.do(decide(waiting.data["act"]), "yes").outcome == Outcome.DONE
    assert machine.rows("SELECT credit FROM account") == [(1_000_000,)]
    assert machine.rows("SELECT units_milli, fixed_through FROM agreement_state") == [(0, 0)]
    good(machine)

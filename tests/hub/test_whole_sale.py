"""Whole sales under random tenders, states and tariffs: what is printed is what the meter gets.

Three companies in one installation, each with the tariff file of its country; every example is a
household of its own, with a month that has begun, months that were missed, and debts.
"""

from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from core.messages import Answer, MeterLink, Outcome, PhoneLink
from core.sts.errors import StsError
from tests.hub.machine import Machine, buy, demo_terms, enrol, fresh_sqlite, pay
from tests.hub.sales import (
    E8,
    amounts,
    carried_by,
    change,
    drn_of,
    instant,
    mapping,
    owe,
    postings,
    tariff,
)

COUNTRIES = {
    "ug": ("uganda-domestic", "UGX", 0, "Africa/Kampala"),
    "ke": ("kenya-domestic-2013", "KES", 2, "Africa/Nairobi"),
    "zm": ("zambia-domestic-2020", "ZMW", 2, "Africa/Lusaka"),
}
METHODS = ("percent_of_tender", "percent_of_outstanding", "fixed", "all")
#: one of two algorithms with the supply group whose key is derived for it
KEYS = ((11, "04", "201457"), (7, "02", "123456"), (7, "04", "201457"))
NUMBERS = count(1)


@dataclass(frozen=True)
class Case:
    """A household, what happened before, and what it buys now."""

    company: str
    key: tuple[int, str, str]
    local: str
    since: str
    tender: int
    used_milli: int
    paid_through: int
    debts: tuple[dict[str, Any], ...]


@st.composite
def debts(draw: st.DrawFn, largest: int) -> tuple[dict[str, Any], ...]:
    found = []
    for code in draw(st.lists(st.sampled_from(("arrears", "fine", "loan")), max_size=3)):
        method = draw(st.sampled_from(METHODS))
        shares = st.integers(0, 60 * E8 // 100)
        value = st.integers(0, largest) if method == "fixed" else shares
        found.append(
            {
                "code": code,
                "priority": draw(st.integers(1, 3)),
                "method": method,
                "value": 0 if method == "all" else draw(value),
                "cap_per_sale": draw(st.sampled_from((0, largest // 10 or 1, largest))),
                "outstanding": draw(st.integers(0, largest)),
            }
        )
    return tuple(found)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    company = draw(st.sampled_from(tuple(COUNTRIES)))
    scale = 10 ** COUNTRIES[company][2]
    major = draw(st.sampled_from((10, 5_000, 60_000, 3_000_000)))
    largest = major * scale
    month = draw(st.integers(1, 12))
    return Case(
        company,
        draw(st.sampled_from(KEYS)),
        f"2026-{month:02d}-{draw(st.integers(1, 28)):02d}T{draw(st.integers(0, 23)):02d}:00:00",
        draw(st.sampled_from(("2024-07-15", "2025-12-31", "2026-12-01"))),
        draw(st.integers(1, largest)),
        draw(st.sampled_from((0, 1_500, 14_900, 15_000, 99_900, 2_000_000))),
        draw(st.sampled_from((0, 202511, 202600 + month))),
        draw(debts(largest)),
    )


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    terms = [
        demo_terms(
            code, currency=currency, exponent=exponent, zone=zone, tariffs=tariff(mapping(name))
        )
        for code, (name, currency, exponent, zone) in COUNTRIES.items()
    ]
    folder: Path = tmp_path_factory.mktemp("sales")
    return Machine(fresh_sqlite(folder), terms=terms[0], others=tuple(terms[1:]))


@dataclass(frozen=True)
class House:
    """The household of a case."""

    number: str
    drn: str
    phone: str


def begin(machine: Machine, case: Case) -> House:
    """Take on the household as the case says."""
    tag = next(NUMBERS)
    house = House(str(100_000 + tag), drn_of(tag), f"+2567{tag:08d}")
    name, currency, _, zone = COUNTRIES[case.company]
    machine.time.at_us = instant(case.local, zone)
    ea, dkga, sgc = case.key
    household = enrol(
        house.number,
        tariff=name,
        currency=currency,
        since=case.since,
        meter=MeterLink(drn=house.drn, sgc=sgc, ea=ea, dkga=dkga, max_credit_tenths=18_201_624),
        phones=(PhoneLink(msisdn=house.phone),),
    )
    machine.do(household, f"enrol-{tag}", company=case.company)
    change(
        machine,
        "UPDATE agreement_state SET period = :period, units_milli = :used, "
        "fixed_through = :through WHERE agreement_id = (SELECT a.id FROM agreement a "
        "JOIN account x ON x.id = a.account_id WHERE x.company = :company AND x.number = :number)",
        period=int(case.local[:4] + case.local[5:7]),
        used=case.used_milli,
        through=case.paid_through,
        company=case.company,
        number=house.number,
    )
    owe(machine, house.number, *case.debts, company=case.company)
    return house


def purchase(machine: Machine, case: Case, house: House, tender: int, **options: Any) -> Answer:
    """Pay in, and buy with it."""
    tag, currency = next(NUMBERS), COUNTRIES[case.company][1]
    money = replace(pay(tender, house.number), currency=currency)
    machine.do(money, f"pay-{tag}", company=case.company)
    command = replace(buy(tender, house.drn, house.phone, **options), currency=currency)
    return machine.do(command, f"buy-{tag}", company=case.company)


def check_the_books(machine: Machine, case: Case, sale: dict[str, Any]) -> None:
    """The postings are the lines, the other way round, and come to nothing together."""
    posted = postings(machine, sale["receipt"], case.company)
    assert sum(posted.values()) == 0
    ((account, credit),) = machine.rows(
        "SELECT id, credit FROM account WHERE company = :company AND number = :number",
        company=case.company,
        number=sale["account"],
    )
    others = {key: amount for key, amount in posted.items() if key[0] != "customer-credit"}
    assert -sum(others.values()) == sale["tender"] - sale["carried_forward"]
    assert posted["customer-credit", account] == sale["tender"] - sale["carried_forward"]
    expected: dict[str, int] = {}
    for line in sale["lines"]:
        expected[line["code"]] = expected.get(line["code"], 0) - line["amount"]
    by_code: dict[str, int] = {}
    payees = {"payable:warma": "warma", "payable:erc": "erc", "payable:rea": "rep"}
    for (ledger, _), amount in others.items():
        code = payees.get(ledger) or ledger.partition(":")[2]
        by_code[code] = by_code.get(code, 0) + amount
    assert by_code == {code: amount for code, amount in expected.items() if amount}
    assert credit == -sum(
        amount
        for (amount,) in machine.rows(
            "SELECT amount FROM posting WHERE ledger = 'customer-credit' AND owner = :a", a=account
        )
    )


def check_the_sale(machine: Machine, case: Case, answer: Answer) -> None:
    """Token, receipt, rows: the same units and the same money."""
    sale = answer.data
    terms = next(t for t in (machine.terms, *machine.others) if t.code == case.company)
    assert carried_by(terms.module, case.company, sale, case.key[0]) == sale["units_tenths"] > 0
    assert sum(amounts(answer).values()) + sale["carried_forward"] == sale["tender"]
    assert sale["carried_forward"] >= 0
    ((units, value),) = machine.rows(
        "SELECT s.units_tenths, t.value FROM sale s JOIN token t ON t.cause_id = s.id "
        "WHERE s.receipt = :r AND s.company = :c AND t.cause = 'sale'",
        r=sale["receipt"],
        c=case.company,
    )
    assert units == value == sale["units_tenths"]
    energy = [line for line in sale["lines"] if line["code"] == "energy"]
    assert sum(line["quantity_milli"] for line in energy) == sale["units_tenths"] * 100
    check_the_books(machine, case, sale)


def outstanding(machine: Machine, case: Case, drn: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for code, left in machine.rows(
        "SELECT d.code, d.outstanding FROM debt d JOIN agreement a ON a.id = d.agreement_id "
        "JOIN meter_install i ON i.service_point_id = a.service_point_id "
        "JOIN meter m ON m.id = i.meter_id WHERE m.company = :c AND m.drn = :d",
        c=case.company,
        d=drn,
    ):
        assert left >= 0
        found[code] = found.get(code, 0) + left
    return found


@settings(max_examples=60, deadline=None)
@given(cases())
def test_what_is_printed_is_what_the_meter_gets(machine: Machine, case: Case) -> None:
    house = begin(machine, case)
    owed = outstanding(machine, case, house.drn)
    answer = purchase(machine, case, house, case.tender)
    if answer.outcome is Outcome.DONE:
        check_the_sale(machine, case, answer)
        paid = amounts(answer)
        left = {code: amount - paid.get(code, 0) for code, amount in owed.items()}
        assert outstanding(machine, case, house.drn) == left
        ((used,),) = machine.rows(
            "SELECT s.units_milli FROM agreement_state s JOIN sale x "
            "ON x.agreement_id = s.agreement_id WHERE x.receipt = :r AND x.company = :c",
            r=answer.data["receipt"],
            c=case.company,
        )
        assert used == case.used_milli + answer.data["units_tenths"] * 100
    elif answer.code == "tender-too-small":
        smallest = answer.args["smallest"]
        assert smallest > case.tender
        assert purchase(machine, case, house, smallest - 1).code == "tender-too-small"
        check_the_sale(machine, case, purchase(machine, case, house, smallest))
    else:
        assert answer.code == "credit-above-meter", answer
        largest = answer.args["largest"]
        assert purchase(machine, case, house, largest + 1).code == "credit-above-meter"
        check_the_sale(machine, case, purchase(machine, case, house, largest))
    assert machine.unaccounted() == 0


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1_000, 40_000), min_size=2, max_size=4), st.sampled_from(KEYS))
def test_purchases_of_one_month_go_on_from_each_other(
    machine: Machine, tenders: list[int], key: tuple[int, str, str]
) -> None:
    """The fee is taken once, the cheap block is sold once, no TID twice."""
    case = Case("ug", key, "2026-05-05T10:00:00", "2026-05-01", 0, 0, 0, ())
    house = begin(machine, case)
    answers = [purchase(machine, case, house, tender, another=True) for tender in tenders]
    sold = [answer for answer in answers if answer.outcome is Outcome.DONE]
    for answer in sold:
        check_the_sale(machine, case, answer)
    lines = [line for answer in sold for line in answer.data["lines"]]
    assert [line["amount"] for line in lines if line["code"] == "service"] == [3360] * bool(sold)
    cheap = [line["quantity_milli"] for line in lines if line.get("rate_e8") == 250 * E8]
    units = sum(answer.data["units_tenths"] for answer in sold) * 100
    assert sum(cheap) == min(units, 15_000)
    tids = machine.rows(
        "SELECT t.tid FROM token t JOIN meter m ON m.id = t.meter_id "
        "WHERE m.company = 'ug' AND m.drn = :d",
        d=house.drn,
    )
    assert len(set(tids)) == len(tids) == len(sold)
    assert len({answer.data["token"] for answer in sold}) == len(sold)


def test_a_meter_of_the_old_algorithm(machine: Machine) -> None:
    """EA07 with DKGA02 under supply group 123456: read back with the standard's sample tables."""
    case = Case("ug", (7, "02", "123456"), "2026-02-03T10:00:00", "2026-02-01", 20_000, 0, 0, ())
    house = begin(machine, case)
    answer = purchase(machine, case, house, 20_000)
    assert answer.outcome is Outcome.DONE
    assert (answer.data["sgc"], answer.data["units_tenths"]) == ("123456", 281)
    assert carried_by(machine.terms.module, "ug", answer.data, ea=7) == 281
    with pytest.raises(StsError):
        carried_by(machine.terms.module, "ug", answer.data, ea=11)
    check_the_sale(machine, case, answer)

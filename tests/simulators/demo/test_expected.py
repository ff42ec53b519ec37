"""What the story expects agrees with itself and with the tariff's own solver."""

from datetime import date
from pathlib import Path

import pytest

from core.sts.amounts import encodable_floor
from core.tariffs.load import load_file
from core.tariffs.sale import DeductionPolicy, Limits, Priced, SaleState
from core.tariffs.solving import solve
from simulators.demo.expected import Expected, Sale
from simulators.demo.people import HOUSEHOLDS
from simulators.demo.people import TARIFF as TARIFF_CODE

EXPECTED = Expected()
TARIFF = Path(__file__).parents[3] / "mappings/tariffs/uganda-domestic.yaml"


@pytest.mark.parametrize("sale", EXPECTED.sales())
def test_the_lines_of_a_sale_and_what_is_carried_forward_are_the_tender(sale: Sale) -> None:
    assert sale.energy + sale.service + sale.vat + sale.carried == sale.tender
    assert sum(units for units, _ in sale.steps) == sale.units


def test_debits_are_credits() -> None:
    assert sum(EXPECTED.books().values()) == 0
    school = EXPECTED.received_school - EXPECTED.school.tender + EXPECTED.school.carried
    clinic = EXPECTED.received_clinic - EXPECTED.clinic.tender + EXPECTED.clinic.carried
    bakery = EXPECTED.bakery.carried
    assert EXPECTED.books()["customer-credit"] == -(EXPECTED.left() + school + clinic + bakery)


@pytest.mark.parametrize(
    ("sale", "used_milli"),
    [
        (EXPECTED.first, 0),
        (EXPECTED.second, 28_100),
        (EXPECTED.school, 0),
        (EXPECTED.clinic, 0),
        (EXPECTED.bakery, 0),
    ],
)
def test_the_solver_says_the_same(sale: Sale, used_milli: int) -> None:
    tariff = load_file(TARIFF.read_text("utf-8"), TARIFF.name).tariff
    state = SaleState(
        on=date(2026, 2, 3),
        units_milli=used_milli,
        fixed_due=() if used_milli else (202602,),
        fixed_through=202602 if used_milli else None,
        debts=(),
        limits=Limits(9_999_900),
    )
    priced = solve(tariff, sale.tender, state, DeductionPolicy(), encodable_floor)
    assert isinstance(priced, Priced)
    assert priced.units_milli == sale.units * 100
    assert priced.carried_forward == sale.carried


def test_households_can_be_told_apart() -> None:
    for field in ("account", "holder", "msisdn", "meter"):
        assert len({getattr(each, field) for each in HOUSEHOLDS}) == len(HOUSEHOLDS)
    enrolments = [each.enrolment(date(2026, 2, 1)) for each in HOUSEHOLDS]
    assert {each.tariff for each in enrolments} == {TARIFF_CODE}
    assert {each.since for each in enrolments} == {"2026-02-01"}
    links = [each.meter for each in enrolments if each.meter is not None]
    assert [(link.ea, link.dkga, link.sgc) for link in links] == [
        *[(11, "04", "201457")] * 3,
        (7, "02", "123456"),
        (7, "02", "123400"),
    ]
    assert [link.blocked for link in links] == ["", "", "tamper", "", ""]

"""The collection file: what ships is right, what is wrong is named with its line."""

from datetime import date
from pathlib import Path

import pytest

from core.collection.load import load_file
from core.collection.terms import FeeVersion
from core.documents import DocumentError

FILE = Path(__file__).parent.parent.parent.parent / "mappings" / "collection" / "demo.yaml"
TEXT = FILE.read_text(encoding="utf-8")


def test_the_file_that_ships() -> None:
    found = load_file(TEXT, "demo.yaml")
    terms = found.terms
    assert (found.currency, terms.dishonour_fee) == ("UGX", "returned-cheque")
    assert terms.rules[""] == terms.rules["classes-first"]
    fee = terms.fees["reconnection"]
    versions = [fee.at(date(2026, month, 1)) for month in (6, 7)]
    assert [v.amount for v in versions if v] == [30_000, 35_000]
    assert fee.at(date(2024, 12, 31)) is None
    assert terms.class_of("uganda-domestic") == "domestic"
    assert terms.late_rules("domestic")[0].grace_days == 14
    assert terms.late_rules(terms.class_of("another"))[0].per_day_e8 == 100_000
    seal = terms.fees["seal"].recovery
    assert seal is not None
    assert (seal.method, seal.value) == ("percent_of_tender", 20_000_000)


def test_what_ships_about_purchases() -> None:
    terms = load_file(TEXT, "demo.yaml").terms
    old, energy = terms.purchase_rule("old-debt", "energy"), terms.purchase_rule("bill", "energy")
    assert old is not None
    assert energy is not None
    assert old.take is not None
    assert (old.take.value, old.take.cap_per_sale, old.take.taxed) == (20_000_000, 20_000, False)
    assert old.block is None
    assert energy.block is not None
    assert (energy.block.above, energy.block.overdue_days) == (500_000, 90)
    penalty = terms.purchase_rule("returned-cheque", "penalty")
    assert penalty is not None
    assert penalty.take is None
    assert terms.purchase_rule("visit", "fee") is None
    assert (terms.debts_cap, terms.debts_cap_e8) == (None, 50_000_000)
    assert terms.advances is not None
    assert (terms.advances.limit, terms.advances.fee) == (5_000, "advance-fee")


@pytest.mark.parametrize(
    ("included", "amount", "parts"),
    [(True, 11_800, (10_000, 1_800)), (False, 10_000, (10_000, 1_800)), (True, 1, (1, 0))],
)
def test_the_tax_of_a_fee(included: bool, amount: int, parts: tuple[int, int]) -> None:
    version = FeeVersion(
        valid_from=date(2026, 1, 1), amount=amount, tax_e8=18_000_000, tax_included=included
    )
    assert version.parts() == parts


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("default_rule: classes-first", "default_rule: nothing", "no rule 'nothing'"),
        ("dishonour_fee: returned-cheque", "dishonour_fee: gone", "no fee 'gone'"),
        ("order: [penalty, fee, energy, tax]", "order: [penalty, fee]", "must name each of"),
        ("- code: old-debt", "- code: advance", "is law"),
        ("- code: old-debt", "- code: energy", "is a class"),
        ("- code: old-debt", "- item_class: energy", "is there already"),
        ("- code: old-debt", "- code: old-debt\n      item_class: fee", "one of item_class"),
        ("deduct: never", "deduct: sometimes", "never"),
        ("block: {above: 200000,", "block: {over: 200000,", "over"),
        ("overdue_days: 30, tax_in_tender: never}", "overdue_days: 30}", "tax_in_tender"),
        ("percent: 30, priority: 20", "amount: 30, priority: 20", "a share needs"),
        ("purchases_cap: {percent: 50}", "purchases_cap: {}", "an amount, a percent"),
        ("fee: advance-fee}", "fee: gone}", "no fee 'gone'"),
        ("limit: 5000, per_month: 2", "limit: 0, per_month: 2", "1 or more"),
        ("- code: advance-fee", "- code: advance", "units on credit"),
        ("ageing: [1, 31, 61, 91, 181]", "ageing: [31, 1]", "days must rise"),
        ("valid_from: 2026-07-01", "valid_from: 2025-01-01", "must be after 2025-01-01"),
        ("tax_percent: 18, tax: on_top", "tax_percent: 0, tax: on_top", "goes with"),
        ("{method: percent_of_tender, percent: 20", "{method: fixed, percent: 20", "a share needs"),
        ("code: meter-test", "code: Meter", "small letters"),
        ("code: seal", "code: reconnection", "is there already"),
        ("amount: 20000,", "amount: 200.5,", "finer than"),
        ("amount: 20000,", "amount: -1,", "0 or more"),
        ("customer_class: domestic", "customer_class: domestik", "unknown, or twice"),
        ("how: pro-rata", "how: by-luck", "allowed"),
        ("on: 2026-07-01, net: 29661", "on: 2026-07-01, net: 29660", "comes to 29661 and 5339"),
        ("on: 2026-07-01, net: 29661", "on: 2024-07-01, net: 29661", "no fee reconnection on"),
        ("until: 2026-03-21, fee: 300", "until: 2026-03-21, fee: 301", "comes to 300"),
        (
            "due: 2026-01-31, open: 9000, gets: 2000",
            "due: 2026-01-31, open: 9000, gets: 1",
            "they get [2000, 3000, 5000]",
        ),
        ("case: payment\n    rule: pro-rata", "case: payment\n    rule: luck", "no rule luck"),
        (
            "case: late, customer_class: domestic, amount: 100000, due: 2026-03-01",
            "case: later, customer_class: domestic, amount: 100000, due: 2026-03-01",
            "unknown",
        ),
        ("minimum: 0,", "", "'minimum' is missing"),
        (
            "{event: reconnection, fee: reconnection",
            "{event: rebirth, fee: reconnection",
            "allowed",
        ),
        ("{event: reconnection, fee: reconnection", "{event: reconnection, fee: gone", "no fee"),
        ("fee: reconnection, pays: account", "fee: reconnection, pays: comes", "is paid by one"),
        ("waived_for: [domestic]", "waived_for: [domestik]", "no class 'domestik'"),
        ("waived_for: [domestic]", "waived_for: [domestic, domestic]", "is there twice"),
        ("waived_for: [domestic]}", "}", "'waived_for' is missing"),
        (
            "{event: replacement, fee: new-digits",
            "{event: reconnection, fee: reconnection",
            "raises reconnection already",
        ),
        ("raises: [new-digits]", "raises: [seal]", "it raises new-digits"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(DocumentError) as caught:
        load_file(TEXT.replace(old, new, 1), "demo.yaml")
    lines = TEXT.splitlines()
    last = old.split("\n")[-1].strip()
    near = next(number for number, line in enumerate(lines, start=1) if last in line)
    assert said in str(caught.value)
    places = [problem.line for problem in caught.value.problems]
    assert any(abs(place - near) <= 6 for place in places), (places, near)

"""Facts of agreements: stated once for a day, corrected by a version, read as of a day."""

from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from core.billing.facts import Stated, fact_of, milli_of, state_facts
from core.billing.shapes import BillingError
from core.store.load_facts import Facts, facts_between, facts_of, holding
from core.store.tx import DataStoreError
from hub.billruns import Books, open_desk
from tests.core.billing.village import rows, village


def state(made: Books, *facts: Stated, who: str = "grace") -> int:
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, draw):
        return state_facts(tx, "demo", facts, (draw, made.now_us()), who)


def attribute(agreement: int, day: str, value: int, name: str = "sanctioned_kw") -> Stated:
    return Stated(agreement=agreement, kind="attribute", name=name, value=value,
                  from_day=date.fromisoformat(day))  # fmt: skip


def category(agreement: int, day: str, word: str) -> Stated:
    return Stated(agreement=agreement, kind="category", name="", word=word, ended=not word,
                  from_day=date.fromisoformat(day))  # fmt: skip


def known(made: Books, ids: list[int], day: str) -> dict[int, Facts]:
    with closing(open_desk(made)) as desk, desk.store.reader() as reader:
        return facts_of(reader, ids, date.fromisoformat(day))


def test_the_newest_fact_of_a_name_holds(tmp_path: Path) -> None:
    made = village(tmp_path)
    state(
        made,
        attribute(1, "2026-01-01", 2_000),
        attribute(1, "2026-10-15", 5_000),
        attribute(1, "2026-03-01", 70_000, "area_m2"),
        category(2, "2026-02-01", "school"),
    )
    assert known(made, [1, 2, 3], "2026-10-14") == {
        1: Facts({"sanctioned_kw": 2_000, "area_m2": 70_000}),
        2: Facts({}, "school"),
        3: Facts(),
    }
    assert known(made, [1], "2026-10-15")[1].attributes["sanctioned_kw"] == 5_000
    assert known(made, [1, 2], "2025-12-31") == {1: Facts(), 2: Facts()}
    assert known(made, [], "2026-01-01") == {}


def test_a_second_statement_for_a_day_is_a_correction(tmp_path: Path) -> None:
    made = village(tmp_path)
    state(made, attribute(1, "2026-01-01", 2_000))
    state(made, attribute(1, "2026-01-01", 3_000), category(1, "2026-01-01", "school"))
    state(made, category(1, "2026-06-01", ""))
    assert known(made, [1], "2026-05-31") == {1: Facts({"sanctioned_kw": 3_000}, "school")}
    assert known(made, [1], "2026-06-01") == {1: Facts({"sanctioned_kw": 3_000}, "")}
    assert rows(made, "SELECT version, operator FROM agreement_fact WHERE kind = 'attribute'") == [
        (1, "grace"), (2, "grace")
    ]  # fmt: skip


def test_a_category_that_was_worked_out_holds_until_the_next_period(tmp_path: Path) -> None:
    made = village(tmp_path)
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        columns = ("agreement_id", "period", "company", "tariff", "category", "months", "used")
        tx.load("agreement_category", columns, [
            (1, 202609, "demo", "village", "small", 3, 9),
            (1, 202610, "demo", "village", "big", 3, 9),
        ])  # fmt: skip
    days = ("2026-08-31", "2026-09-01", "2026-10-01", "2027-01-01")
    found = [known(made, [1], day)[1].category for day in days]
    assert found == ["", "small", "big", "big"]
    state(made, category(1, "2026-10-02", "school"))  # what somebody states goes before
    assert known(made, [1], "2026-10-02")[1].category == "school"


def test_facts_are_of_an_agreement_of_the_company_and_come_once(tmp_path: Path) -> None:
    made = village(tmp_path)
    with pytest.raises(BillingError, match="no agreement 99 in demo"):
        state(made, attribute(99, "2026-01-01", 1))
    with pytest.raises(BillingError, match="comes twice"):
        state(made, attribute(1, "2026-01-01", 1), attribute(1, "2026-01-01", 2))
    assert state(made) == 0
    state(made, attribute(1, "2026-01-01", 1))
    for sql in "UPDATE agreement_fact SET value = 2", "DELETE FROM agreement_fact":
        with (
            closing(open_desk(made)) as desk,
            pytest.raises(DataStoreError),
            desk.transaction() as (tx, _),
        ):
            tx.run(sql)


def test_of_a_range_all_is_read_and_what_holds_is_chosen(tmp_path: Path) -> None:
    made = village(tmp_path)
    history = Stated(agreement=2, kind="history", name="units", value=9_000,
                     from_day=date(2025, 12, 1))  # fmt: skip
    share = Stated(agreement=2, kind="share", name="lift", value=1_500, word="B1",
                   from_day=date(2026, 1, 1))  # fmt: skip
    state(made, history, share, attribute(5, "2026-01-01", 1), category(2, "2026-01-01", "a"))
    with closing(open_desk(made)) as desk, desk.store.reader() as reader:
        found = facts_between(reader, 1, 4)
    assert list(found) == [2]
    held = {(fact.kind, fact.name, fact.value, fact.word)
            for fact in holding(found[2], date(2026, 10, 1))}  # fmt: skip
    assert held == {("history", "units", 9_000, ""), ("share", "lift", 1_500, "B1"),
                    ("category", "", 0, "a")}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x,attribute,kw,1,2026-01-01", "invalid literal"),
        ("1,colour,kw,1,2026-01-01", "kind 'colour'"),
        ("1,attribute,KW,1,2026-01-01", "name 'KW'"),
        ("1,attribute,kw,1.2345,2026-01-01", "three decimals"),
        ("1,attribute,kw,-1,2026-01-01", "three decimals"),
        ("1,attribute,kw,1e3,2026-01-01", "three decimals"),
        ("1,attribute,kw,1,2026-01-32", "day"),
        ("1,history,units,1,2026-01-02", "not its first day"),
        ("1,category,kw,school,2026-01-01", "no name"),
        ("1,share,lift,1,2026-01-01", "share: ''"),
        ("1,attribute,kw,1", "no column from"),
    ],
)
def test_a_row_that_makes_no_sense_is_told(text: str, said: str) -> None:
    names = ("agreement", "kind", "name", "value", "from")
    with pytest.raises(ValueError, match=said):
        fact_of(dict(zip(names, text.split(","), strict=False)))


def test_rows_of_a_file() -> None:
    row = {"agreement": "1", "kind": "share", "name": "lift", "value": "1.5", "from": "2026-01-01",
           "common": "B1", "source": "contract 7"}  # fmt: skip
    assert fact_of(row) == Stated(
        agreement=1, kind="share", name="lift", value=1_500, word="B1", source="contract 7",
        from_day=date(2026, 1, 1),
    )  # fmt: skip
    assert fact_of(row | {"value": ""}).ended
    month = fact_of(row | {"kind": "history", "name": "units", "from": "2025-12", "common": ""})
    assert month.from_day == date(2025, 12, 1)
    assert (milli_of("12.05"), milli_of("0")) == (12_050, 0)

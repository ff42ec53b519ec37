"""``wattbus billrun`` facts, commons, catch-up, change: by the command line, told with the line."""

import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.calendars import local_time
from core.store.load_facts import facts_of
from hub.__main__ import app
from hub.billruns import open_desk
from tests.core.billing import village
from tests.hub.verbs.test_billrun import HENRY, Place

GRACE = ("--operator", "grace")
COLUMNS = "agreement,kind,name,value,from,common,source"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def written(place: Place, *lines: str) -> str:
    path = place.folder / "file.csv"
    path.write_text("\n".join(lines))
    return str(path)


def audited(place: Place) -> list[str]:
    return [row[0] for row in village.rows(place.made, "SELECT act FROM audit ORDER BY number")]


def issue(place: Place, period: str = "2026-10", run: int = 1) -> None:
    place.run("plan", period, *GRACE)
    place.run("run", str(run), "--workers", "1")
    place.run("approve", str(run), *HENRY)
    place.run("issue", str(run), "--workers", "1")


def test_facts_are_stated_from_a_file(place: Place) -> None:
    file = written(
        place, COLUMNS, "1,attribute,sanctioned_kw,2.5,2026-01-01,,form 7",
        "1,category,,school,2026-10-01,,", "2,history,units,120,2026-09,,old system",
    )  # fmt: skip
    assert place.data("facts", file, *GRACE) == {"facts": 3}
    with open_desk(place.made).store.reader() as reader:
        found = facts_of(reader, [1, 2], date(2026, 10, 1))
    assert (found[1].attributes, found[1].category) == ({"sanctioned_kw": 2_500}, "school")
    assert audited(place) == ["bill-facts"]


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("9,attribute,kw,1,2026-01-01,,", 1, "line 3: no agreement 9 in demo"),
        ("1,attribute,kw,one,2026-01-01,,", 2, "line 3: 'one' is no quantity"),
        ("1,attribute,kw,5,2026-01-01,,", 2, "line 3: the same fact as in line 2"),
        ("1,colour,kw,5,2026-01-01,,", 2, "line 3: kind 'colour'"),
        ("1,attribute,kw,5,soon,,", 2, "line 3: Invalid isoformat"),
    ],
)
def test_a_fact_that_is_wrong_is_told_with_its_line(
    place: Place, line: str, code: int, said: str
) -> None:
    file = written(place, COLUMNS, "1,attribute,kw,1,2026-01-01,,", line)
    assert said in " ".join(place.run("facts", file, *GRACE, code=code).split())
    assert village.rows(place.made, "SELECT count(*) FROM agreement_fact") == [(0,)]
    assert audited(place) == []


def test_what_is_common_has_its_total_and_who_shares_it(place: Place) -> None:
    total = written(place, "common,name,what,total,source", "B1,lift,amount,10000,invoice 4")
    assert "0 share it in 202610" in place.run("commons", "2026-10", total, *GRACE, code=1)
    facts = written(
        place, COLUMNS, "1,share,lift,1,2026-01-01,B1,", "2,share,lift,2,2026-01-01,B1,"
    )
    place.run("facts", facts, *GRACE)
    total = written(place, "common,name,what,total,source", "B1,lift,amount,10000,invoice 4")
    assert place.data("commons", "2026-10", total, *GRACE) == {"commons": 1}
    assert village.rows(place.made, "SELECT total, weights FROM common_use") == [
        (10_000, "[[1,31000],[2,62000]]")
    ]
    bad = written(place, "common,name,what,total,source", "B1,lift,price,10000,")
    assert "line 2" in place.run("commons", "2026-10", bad, *GRACE, code=2)


def test_more_or_less_is_asked_approved_and_billed_anew(place: Place) -> None:
    issue(place)
    ((before,),) = village.rows(place.made, "SELECT total FROM bill WHERE id = 2")
    words = ("change", "2", "--by", "units=-12.5", "--reason", "misread", "--evidence", "photo 7")
    assert place.data(*words, *GRACE) == {"change": 1, "state": "asked"}
    assert "asked for already" in place.run(*words, *GRACE, code=1)
    (waiting,) = place.data("changes")
    assert (waiting["by"], waiting["registers"]) == ({"units": -12_500}, {"units": 102_000})
    assert "units 102 -12.5; misread (photo 7), asked by grace" in place.run("changes")
    said = place.run("change-decide", "1", *GRACE, code=1)
    assert "somebody else decides about it" in said
    found = place.data("change-decide", "1", *HENRY)
    assert found == {"change": 1, "state": "approved", "run": 2, "issued": 1}
    bills = village.rows(
        place.made, "SELECT state, consumption, replaces, total < :n FROM bill "
        "WHERE agreement_id = 2 ORDER BY id", n=before,
    )  # fmt: skip
    assert bills == [("rebilled", 102_000, 0, 0), ("issued", 89_500, 2, 1)]
    assert village.rows(
        place.made, "SELECT c.state, c.asked_by, c.decided_by, u.version, u.source, c.run_id "
        "FROM usage_change c JOIN bill_usage u ON u.id = c.usage_id",
    ) == [("approved", "grace", "henry", 2, "change 1", 2)]  # fmt: skip
    assert place.run("changes") == "nothing is asked for\n"
    assert "is approved already" in place.run("change-decide", "1", *HENRY, code=1)
    assert "not issued" in place.run(*words, *GRACE, code=1)  # bill 2 is not the live one
    assert "bill-change-ask" in audited(place)
    assert "bill-change-approve" in audited(place)
    assert village.wrongs(place.made) == []


def test_a_change_is_refused_or_makes_no_sense(place: Place) -> None:
    issue(place)
    more = ("--reason", "misread", "--evidence", "photo", *GRACE)
    assert "below nothing" in place.run("change", "1", "--by", "units=-1000", *more, code=1)
    assert "has no water" in place.run("change", "1", "--by", "water=1", *more, code=1)
    assert "no quantity" in place.run("change", "1", "--by", "units", *more, code=2)
    assert "a reason" in place.run("change", "1", "--by", "units=1", "--evidence", "x", *GRACE,
                                   code=1)  # fmt: skip
    place.run("change", "1", "--by", "units=+5", *more)
    assert place.data("change-decide", "1", "--refuse", *HENRY)["state"] == "refused"
    place.run("change", "1", "--by", "units=5", *more)  # asked for anew
    village.report(place.made, {1: 1})
    assert "newer usage" in place.run("change-decide", "2", *HENRY, code=1)
    assert "no change 9" in place.run("change-decide", "9", *HENRY, code=1)
    assert village.wrongs(place.made) == []


USAGE = "agreement,first,last,source,estimated,units"


def estimated(place: Place) -> None:
    """October of agreements 1 and 2 is an estimate of 100, and out; November is open."""
    rows = [f"{id_},2026-10-01,2026-10-31,office,yes,100" for id_ in (1, 2)]
    place.run("usage", "2026-10", written(place, USAGE, *rows))
    issue(place)
    place.run("open", "2026-11")


def test_a_reading_after_estimates_is_distributed_by_days(place: Place) -> None:
    estimated(place)
    file = written(place, USAGE, "1,2026-10-01,2026-11-30,clerk,no,61.001")
    found = place.data("catch-up", "2026-11", file, "--method", "distribute", *GRACE)
    assert found == {"period": 202611, "rows": 1, "rebill": [202610]}
    place.run("plan", "2026-10", "--rebill", *GRACE)
    for words in ("run", "2"), ("approve", "2", *HENRY), ("issue", "2"):
        place.run(*words)
    issue(place, "2026-11", 3)
    live = village.rows(
        place.made, "SELECT period, consumption FROM bill WHERE agreement_id = 1 AND live = 1 "
        "ORDER BY period",
    )  # fmt: skip
    assert live == [(202610, 31_001), (202611, 30_000)]
    assert sum(units for _, units in live) == 61_001
    assert village.wrongs(place.made) == []


def test_or_the_newest_period_bears_what_is_left(place: Place) -> None:
    estimated(place)
    file = written(place, USAGE, "1,2026-10-01,2026-11-30,clerk,no,160.5")
    assert place.data("catch-up", "2026-11", file, "--method", "last", *GRACE)["rebill"] == []
    issue(place, "2026-11", 2)
    live = village.rows(
        place.made, "SELECT period, consumption FROM bill WHERE agreement_id = 1 AND live = 1 "
        "ORDER BY period",
    )  # fmt: skip
    assert live == [(202610, 100_000), (202611, 60_500)]


@pytest.mark.parametrize(
    ("row", "method", "said"),
    [
        ("1,2026-10-01,2026-11-30,clerk,no,99", "last", "less than was estimated"),
        ("1,2026-10-02,2026-11-30,clerk,no,99", "distribute", "begins on 2026-10-01"),
        ("3,2026-10-01,2026-11-30,clerk,no,99", "distribute", "was read, not estimated"),
        ("1,2026-10-01,2026-10-31,clerk,no,99", "distribute", "no day of 202611"),
    ],
)
def test_a_catch_up_that_cannot_be_is_told(place: Place, row: str, method: str, said: str) -> None:
    estimated(place)
    found = place.run("catch-up", "2026-11", written(place, USAGE, row), "--method", method, *GRACE,
                      code=1)  # fmt: skip
    assert said in found
    assert "line 2" in found


def test_a_method_is_always_said(place: Place) -> None:
    file = written(place, USAGE, "1,2026-10-01,2026-11-30,clerk,no,99")
    assert "last or distribute" in place.run("catch-up", "2026-11", file, "--method", "x", *GRACE,
                                             code=2)  # fmt: skip


def test_what_is_owed_to_others_is_told(place: Place) -> None:
    issue(place)
    ((at, levy),) = village.rows(
        place.made, "SELECT max(t.at), -sum(p.amount) FROM posting p JOIN ledger_txn t "
        "ON t.id = p.txn_id WHERE p.ledger = 'payable:rural-fund'",
    )  # fmt: skip
    month = local_time(at, place.made.zone).strftime("%Y-%m")

    def said(*words: str, code: int = 0) -> str:
        words = ("arrears", "remittance", *words, "-c", str(place.config))
        done = CliRunner().invoke(app, words)
        assert done.exit_code == code, done.output
        return done.output

    (fund,) = json.loads(said("--month", month, "--payee", "third_party:rural-fund", "--json"))
    assert (fund["payee"], fund["added"], fund["closing"]) == ("rural-fund", levy, levy)
    assert [source["kind"] for source in fund["sources"]] == ["bill"]
    table = said("--month", month)
    assert "rural-fund (payable:rural-fund)" in table
    assert "tax_authority (tax:vat)" in table
    assert "nothing was collected" in said("--month", "1999-01")
    assert "no month" in said("--month", "2026", code=2)

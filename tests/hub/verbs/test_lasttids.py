"""``wattbus lasttids``: the whole list or nothing, never downwards, on record."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.messages import MeterLink
from core.sts.tid import MINUTE_US, BaseDate
from hub import companies
from hub.config import read
from hub.lasttids import AT_ONCE
from tests.hub.machine import METER, Machine, buy, demo_terms, enrol, pay
from tests.hub.sales import drn_of, instant
from tests.hub.verbs.installation import Installation, answering, installed

OPERATORS = """
[operators.mary]
roles = ["vending-supervisor"]

[operators.desk]
roles = ["vending-desk"]
"""
OTHER = drn_of(7)
BY = ("--reason", "cut-over north", "--operator", "mary")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Installation]:
    one = installed(tmp_path)
    with one.config.open("a") as file:
        file.write(OPERATORS)
    roster = companies._operators(read(one.config), "demo")
    one.machine = Machine(one.machine.url, terms=demo_terms(operators=roster))
    one.machine.do(enrol(), "enrol")
    other = MeterLink(drn=OTHER, sgc="123400", ea=7, dkga="02", base_year=1993)
    one.machine.do(enrol("100002", OTHER, "+256700000002", meter=other), "enrol 2")
    with answering(one):
        yield one


def listed(place: Installation, text: str) -> str:
    (place.folder / "list.csv").write_text(text)
    return str(place.folder / "list.csv")


def tid(local: str, zone: str = "Africa/Kampala", base: BaseDate = BaseDate.Y2014) -> int:
    return (instant(local, zone) - base.start_us) // MINUTE_US


def last_tids(place: Installation) -> dict[str, int]:
    return dict(place.machine.rows("SELECT drn, last_tid FROM meter"))


def test_the_first_sale_comes_after_the_old_systems_last(place: Installation) -> None:
    """The old system ran half an hour ahead; the token that it made then is its last."""
    place.machine.do(pay(50_000), "pay")
    file = listed(place, f"meter,time\n{METER},2026-11-21 09:30\n{OTHER},2023-10-31 23:58:10\n")
    code, out, err = place.call("lasttids", file, *BY)
    said = "2 meters: 2 have a later last TID now, 0 had as late a one already\n"
    assert (code, out) == (0, said), err
    assert last_tids(place) == {
        METER: tid("2026-11-21T09:30"),
        OTHER: tid("2023-10-31T23:58", base=BaseDate.Y1993),
    }
    place.machine.do(buy(), "buy")
    assert place.machine.rows("SELECT tid FROM token") == [(tid("2026-11-21T09:31"),)]
    ((actor, act, subject, detail),) = place.machine.rows(
        "SELECT actor, act, subject, detail FROM audit"
    )
    assert (actor, act) == ("mary via test", "last-tids")
    assert subject.startswith("list/list.csv ")
    assert json.loads(detail) == {
        "rows": 2, "raised": 2, "unchanged": 0, "company": "demo", "reason": "cut-over north",
    }  # fmt: skip


def test_a_last_tid_is_never_lowered(place: Installation) -> None:
    later = listed(place, f"meter;tid;base\n{METER};{tid('2026-11-20T10:00')};2014\n")
    assert json.loads(place.call("lasttids", later, *BY, "--json")[1])["raised"] == 1
    assert json.loads(place.call("lasttids", later, *BY, "--json")[1])["raised"] == 0
    earlier = listed(place, f"meter,time\n{METER},2026-11-19 10:00\n")
    assert json.loads(place.call("lasttids", earlier, *BY, "--json")[1])["raised"] == 0
    assert last_tids(place)[METER] == tid("2026-11-20T10:00")


def test_times_are_of_the_zone_that_is_given(place: Installation) -> None:
    rows = f"{METER},2026-10-25 02:30,Europe/Berlin\n{OTHER},2020-10-25T02:30+05:30,\n"
    place.call("lasttids", listed(place, f"meter,time,zone\n{rows}"), *BY)
    assert last_tids(place) == {
        METER: tid("2026-10-25T01:30", "UTC"),  # that time came twice: the later one
        OTHER: tid("2020-10-24T21:00", "UTC", BaseDate.Y1993),
    }
    file = listed(place, f"meter,time\n{METER},2026-11-20 10:00\n")
    place.call("lasttids", file, *BY, "--zone", "Asia/Tokyo")
    assert last_tids(place)[METER] == tid("2026-11-20T10:00", "Asia/Tokyo")


WRONG = f"""\
meter,time,zone,tid,base
{METER},2026-11-21 09:30,,,
04123456789,2026-11-21 09:30,,,
0412,2026-11-21 09:30,,,
{METER},2026-11-21 09:30,,,
{OTHER},yesterday,,,
{OTHER},2026-11-21,,,
{OTHER},2026-11-21 09:30,Mars/Olympus,,
{OTHER},2026-11-21 09:30,,17,2014
{OTHER},,,,
{OTHER},,,17,
{OTHER},,,17,2015
{OTHER},,,16777216,2014
{OTHER},,,x,2014
{OTHER},2099-01-01 00:00,,,
{drn_of(9)},2026-11-21 09:30,,,
{drn_of(10)},,,1
"""


def test_everything_that_is_wrong_is_said_and_nothing_written(place: Installation) -> None:
    code, _, err = place.call("lasttids", listed(place, WRONG), *BY)
    lines = err.splitlines()
    assert code == 2
    begin = (
        "3: meter: ", "4: meter: ", f"5: meter: {METER} stands at line 2 already",
        "6: time: 'yesterday' is no time", "7: time: '2026-11-21' is a day without a time",
        "8: zone: there is no zone 'Mars/Olympus'", "9: time: a row has either a time, or a tid",
        "10: time: a row has either", "11: base: a tid needs", "12: base: A base date is 1993",
        "13: tid: A TID has 24 bits", "14: tid: 'x' is no number",
        "15: time: It lies in the future",
        f"16: meter: no meter {drn_of(9)}", "17: line: it has not as many fields",
    )  # fmt: skip
    assert len(lines) == len(begin) + 1
    for line, start in zip(lines, begin, strict=False):
        assert line.startswith(f"list.csv:{start}"), line
    assert lines[-1] == "nothing is written"
    assert set(last_tids(place).values()) == {-1}
    assert place.machine.rows("SELECT count(*) FROM audit") == [(0,)]


def test_a_time_before_the_base_date_of_the_key(place: Installation) -> None:
    file = listed(place, f"meter,time\n{METER},2013-05-01 10:00\n{OTHER},2013-05-01 10:00\n")
    code, _, err = place.call("lasttids", file, *BY)
    assert (code, err.splitlines()[0]) == (
        2, "list.csv:2: time: It lies before the base date of the meter's key (2014-01-01).",
    )  # fmt: skip
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize("text", ["", "meter,time\n", "meter,when\n1,2\n", "time\n1\n"])
def test_what_is_no_list(place: Installation, text: str) -> None:
    code, _, err = place.call("lasttids", listed(place, text), *BY)
    assert code == 2
    assert "list.csv:1: " in err


def test_a_look_writes_nothing(place: Installation) -> None:
    file = listed(place, f"meter,time\n{METER},2026-11-21 09:30\n")
    assert place.call("lasttids", file, *BY, "--check")[:2] == (
        0, "1 meters: fine; nothing is written\n",
    )  # fmt: skip
    assert last_tids(place)[METER] == -1


def test_only_who_may(place: Installation) -> None:
    file = listed(place, f"meter,time\n{METER},2026-11-21 09:30\n")
    code, _, err = place.call("lasttids", file, "--reason", "x", "--operator", "desk")
    assert (code, "needs the role vending-supervisor" in err) == (1, True)
    assert last_tids(place)[METER] == -1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rows": []}, f"rows: 1 to {AT_ONCE}"),
        ({"rows": [[METER, 1.5]]}, "each is a meter"),
        ({"rows": [[METER, 1], [METER, 1]]}, "each is a meter, once"),
        ({"rows": [["1", 1]]}, "no meter 1"),
        ({"rows": [[METER, 2 * 10**15]]}, "in the future"),
        ({"reason": ""}, "say why"),
        ({"company": "x"}, "no company x"),
    ],
)
def test_the_hub_looks_again(place: Installation, changes: dict[str, object], said: str) -> None:
    good = {"do": "last-tids", "company": "demo", "rows": [[OTHER, 10**15], [METER, 10**15]]}
    reply = place.answer({**good, "reason": "r", "operator": "mary", **changes})
    assert said in reply["error"]
    assert set(last_tids(place).values()) == {-1}

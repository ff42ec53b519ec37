"""``wattbus enrol``: the list is checked first, a repeat is harmless, refusals are told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.config import CompanySection
from hub.verbs.enrol import AT_ONCE, chunks, parse
from tests.hub.verbs.installation import Installation, answering, installed

COMPANY = CompanySection(
    name="Demo", zone="Africa/Kampala", currency="UGX", tariffs=[], keys="keys.json"
)
ONE = """\
- customer: C1
  name: Okello Daniel
  account: 100001
  service_point: S1
  tariff: uganda-domestic
  since: 2026-11-01
  meter:
    drn: 04123456784
    sgc: 201457
    ken: 200
  phones:
    - msisdn: +256700000001
      meter_name: Home
"""
TWO = """\
- customer: C2
  name: Akello Grace
  account: 100002
  service_point: S2
  tariff: uganda-domestic
  since: 2026-11-01
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Installation]:
    place = installed(tmp_path)
    with answering(place):
        yield place


def test_texts_stay_texts_and_numbers_become_numbers() -> None:
    (item,), problems = parse(ONE, "list.yaml", COMPANY)
    assert problems == []
    command = item.command
    assert (item.line, command.account, command.since) == (1, "100001", "2026-11-01")
    assert command.currency == "UGX"
    assert command.meter is not None
    assert (command.meter.drn, command.meter.ken) == ("04123456784", 200)
    assert command.phones[0].msisdn == "+256700000001"


def test_a_service_point_has_an_area_or_none() -> None:
    text = ONE.replace("service_point: S1", "service_point: S1\n  area: NORTH")
    (one, two), problems = parse(text + TWO, "list.yaml", COMPANY)
    assert (one.command.area, two.command.area, problems) == ("NORTH", "", [])


def test_json_is_read_too() -> None:
    text = (
        '[{"customer": "C1", "name": "O", "account": "1", "service_point": "S", '
        '"tariff": "t", "since": "2026-11-01", "meter": {"drn": "04123456784", "sgc": "1"}}]'
    )
    (item,), problems = parse(text, "list.json", COMPANY)
    assert problems == []
    assert item.command.account == "1"


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("drn: 04123456784", "drn: 04123456789", 8, "last digit"),
        ("ken: 200", "ken: many", 10, "ken"),
        ("meter_name: Home", "nickname: Home", 13, "known: msisdn, meter_name"),
        ("ken: 200", "kne: 200", 10, "known: drn, sgc"),
        ("name: Okello Daniel", "nmae: Okello Daniel", 2, "known: customer, name"),
        ("  account: 100001\n", "", 1, "account"),
        ("service_point: S1", "area: '  '\n  service_point: S1", 4, "an area is a name"),
        ("ken: 200", "commodity: steam", 10, "'steam' is none of electricity, water"),
        ("ken: 200", "commodity: heat", 10, "sold by account balance, not by token"),
    ],
)
def test_each_problem_names_its_line(old: str, new: str, line: int, says: str) -> None:
    _, problems = parse(ONE.replace(old, new), "list.yaml", COMPANY)
    assert len(problems) == 1
    assert problems[0].startswith(f"list.yaml:{line}: ")
    assert says in problems[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("customer: C1", "not a list"),
        ("- just a word", "not a customer"),
        ("- [", "list.yaml: "),
        ("", "not a list"),
        (ONE + ONE, "stands at line 1 already"),
    ],
)
def test_what_is_no_list_of_customers(text: str, says: str) -> None:
    _, problems = parse(text, "list.yaml", COMPANY)
    assert any(says in problem for problem in problems)


def test_what_shares_a_customer_goes_one_after_the_other() -> None:
    same = TWO.replace("100002", "100003").replace("S2", "S3")
    items, _ = parse(ONE + TWO + same, "l", COMPANY)
    assert [[item.command.account for item in chunk] for chunk in chunks(items)] == [
        ["100001", "100002"],
        ["100003"],
    ]
    many = "".join(
        TWO.replace("C2", f"C{n}").replace("S2", f"S{n}").replace("100002", str(n))
        for n in range(AT_ONCE + 1)
    )
    items, _ = parse(many, "l", COMPANY)
    assert [len(chunk) for chunk in chunks(items)] == [AT_ONCE, 1]


def test_a_list_is_enrolled_and_a_repeat_is_harmless(place: Installation, tmp_path: Path) -> None:
    file = tmp_path / "list.yaml"
    file.write_text(ONE + TWO)
    for _ in range(2):
        code, out, err = place.call("enrol", str(file))
        assert (code, out, err) == (0, "2 of 2 accounts are enrolled\n", "")
    assert place.machine.rows("SELECT count(*) FROM account") == [(2,)]


def test_refusals_are_told_with_their_lines(place: Installation) -> None:
    text = ONE + TWO.replace("uganda-domestic", "atlantis")
    code, out, err = place.call("enrol", "-", stdin=text)
    assert (code, out) == (1, "1 of 2 accounts are enrolled\n")
    assert "-:14: Enrolment refused: no tariff atlantis" in err


def test_nothing_is_sent_when_anything_is_wrong(place: Installation) -> None:
    code, _, err = place.call("enrol", "-", stdin=ONE + TWO.replace("name:", "nmae:"))
    assert code == 2
    assert "-:15:" in err
    assert place.asked == []
    assert place.call("enrol", str(place.folder / "nowhere.yaml"))[0] == 2

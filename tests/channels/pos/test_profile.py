"""The section ``service`` of a dialect: what is wrong with it is said with its line."""

import pytest

from adapters.iso8583.message import Message as Iso
from adapters.iso8583.vocabulary import RESPONSES
from channels.pos import CHANNEL
from channels.pos.cases import checked, linted
from channels.pos.outcomes import CODES, REVERSALS
from channels.pos.profile import OPERATIONS, Profile, load
from channels.pos.states import ALLOWED
from channels.pos.values import VALUES
from core.documents import DocumentError
from core.refusals import OPERATOR
from hub.iso8583 import shipped

GENERIC = shipped()["generic-1987-ascii"].read_text()


@pytest.fixture(params=sorted(shipped()))
def profile(request: pytest.FixtureRequest) -> Profile:
    return load(shipped()[request.param].read_text(), request.param)


def test_every_dialect_has_every_operation(profile: Profile) -> None:
    assert {rule.operation for rule in profile.rules} == set(OPERATIONS)


def test_every_dialect_gives_what_a_sale_needs(profile: Profile) -> None:
    given = {value for rows in profile.gives.values() for _, value in rows}
    assert given >= {"token", "kct", "units", "print", "text", "state", "key", "payment"}


def test_the_cases_of_the_dialects_hold() -> None:
    for file in shipped().values():
        assert checked(file.read_text()) >= 3


def test_a_dialect_without_a_service_is_one_all_the_same() -> None:
    head, _, rest = GENERIC.partition("# What the messages mean to us")
    text = head + rest[rest.index("\ntests:") + 1 :]
    linted(text)
    assert checked(text) == 0
    with pytest.raises(DocumentError, match="'service' is missing"):
        load(text)


WRONG = {
    "an operation that there is not": ("{is: sign_off,", "{is: go_away,", "go_away"),
    "a type that is none": ('{mti: "080x", 70: "301"}', '{mti: "80", 70: "301"}', "four digits"),
    "a field that there is not": ('amount: "4"', 'amount: "193"', "field 193"),
    "a part that there is not": ('"48.meter"]', '"48.metre"]', "no part metre"),
    "a field without parts": ('batch: "60"', 'batch: "60.01"', "has no parts"),
    "parts without a name": ('rrn: "37"', 'rrn: "62"', "has parts"),
    "a tag of another length": ('cashier: "63.01"', 'cashier: "63.001"', "2 characters"),
    "no place at all": ('rrn: "37"', 'rrn: "the 37th"', "no place"),
    "a PIN block": ('pin: "63.02"', 'pin: "52"', "52"),
    "nobody's number": ('    stan: "11"\n', "", "where stan is"),
    "a value that there is not": ("62.01: token", "62.01: tokin", "'tokin' is nothing"),
    "a group that there is not": ("    sign_off: {61", "    sign_away: {61", "sign_away"),
    "a card echoed": ("echoes: [3,", "echoes: [2, 3,", "field 2"),
    "a refusal that there is not": ("  clock_s: 900", "  codes: {meter-gone: declined}",
                                    "no refusal"),
    "an outcome that there is not": ("  clock_s: 900", "  codes: {meter-unknown: nope}",
                                     "no outcome"),
    "an end that there is not": ("  clock_s: 900", "  reversals: {eaten: approved}", "ends as"),
}  # fmt: skip


@pytest.mark.parametrize("label", WRONG)
def test_what_is_wrong_is_said_with_its_line(label: str) -> None:
    old, new, says = WRONG[label]
    assert old in GENERIC
    with pytest.raises(DocumentError, match=says) as told:
        load(GENERIC.replace(old, new, 1), "x.yaml")
    assert all(problem.line > 1 for problem in told.value.problems)


def test_a_version_without_a_code_needs_one() -> None:
    text = shipped()["ascii-1993"].read_text().replace("{kept: approved}", "{kept: no_action}")
    with pytest.raises(DocumentError, match="no_action has no code"):
        load(text)


def test_a_case_that_fails_is_named() -> None:
    text = GENERIC.replace('phone: "+256700000001"', 'phone: "+256700000002"', 1)
    with pytest.raises(DocumentError, match="a sale of credit: message"):
        checked(text)


def test_tables_name_only_what_there_is() -> None:
    assert set(CODES) <= set(OPERATOR)
    assert {*CODES.values(), *REVERSALS.values()} <= set(RESPONSES)
    assert "late" not in {CODES[code] for code in CODES if code not in
                          ("outcome-unknown", "terminal-late")}  # fmt: skip
    in_table = {operation for _, operation in ALLOWED}
    assert in_table | {"echo", "cut_over"} == set(OPERATIONS)
    assert CHANNEL.kind == "pos"
    assert len(VALUES) > 30


def test_the_first_rule_that_fits_counts(profile: Profile) -> None:
    assert profile.operation(Iso("0999", {})) is None
    assert profile.operation(Iso(f"{profile.rules[0].mti[0]}420", {})) == "reversal"

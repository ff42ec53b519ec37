"""What a document may hold, and that everything wrong with it is said at once, with its line."""

import contextlib
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import yamlnodes
from core.documents import (
    MAX_PROBLEMS,
    DocumentError,
    Misfit,
    load,
    nodes,
    read,
    read_node,
)
from core.yamlnodes import Node
from core.yamlvalues import MINOR, OneOf, Scaled


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Flat(msgspec.Struct, frozen=True, tag="flat", tag_field="kind"):
    rate: Decimal


class Blocks(msgspec.Struct, frozen=True, tag="blocks", tag_field="kind"):
    upto: tuple[int, ...]

    def __post_init__(self) -> None:
        if list(self.upto) != sorted(self.upto):
            raise ValueError("blocks must rise")


class Sheet(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    name: str
    way: Literal["sms", "ussd"] = "sms"
    colour: Colour = Colour.RED
    count: Annotated[int, msgspec.Meta(ge=1)] = 1
    note: str | None = None
    words: dict[str, list[str]] = {}
    charge: Flat | Blocks | None = None
    pair: tuple[str, int] = ("", 0)
    any_thing: Any = None
    mixed: int | str = 0
    open: bool = False


def problems(text: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        load(text, Sheet, "a.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_a_whole_document() -> None:
    sheet = load(
        """
name: no            # the word, not a boolean
way: ussd
colour: blue
count: 3
words: {yes: [YES, NDIYO], no: [NO]}
charge: {kind: blocks, upto: [15, 80]}
pair: [007, 8]
any-thing: [1, 1.50, true, ~, {a: "1"}]
mixed: 12
open: true
""",
        Sheet,
        "a.yaml",
    )
    assert sheet.name == "no"
    assert sheet.words == {"yes": ["YES", "NDIYO"], "no": ["NO"]}
    assert sheet.charge == Blocks((15, 80))
    assert sheet.pair == ("007", 8)
    assert sheet.any_thing == [1, Decimal("1.50"), True, None, {"a": "1"}]
    assert (sheet.mixed, sheet.open, sheet.colour) == (12, True, Colour.BLUE)


def test_json_is_read_by_the_same_rules() -> None:
    text = '{\n\t"name": "n",\n\t"note": null,\n\t"charge": {"kind": "flat", "rate": 0.10}\n}'
    assert load(text, Sheet, "a.json").charge == Flat(Decimal("0.10"))


def test_every_problem_is_said_at_once() -> None:
    text = """way: smss
colour: green
count: 0
words:
  yes: [YES, [NDIYO]]
  no: 5
charge: {kind: bloks}
pair: [a]
opne: true
open: maybe
"""
    assert problems(text) == [
        "a.yaml:1: 'name' is missing",
        "a.yaml:1: way: expected one of the allowed values, got 'smss'; did you mean 'sms'?"
        " (allowed: sms, ussd)",
        "a.yaml:2: colour: expected one of the allowed values, got 'green' (allowed: red, blue)",
        "a.yaml:3: count: expected an integer (Expected `int` >= 1), got '0'",
        "a.yaml:5: words.yes[1]: expected text, got a list",
        "a.yaml:6: words.no: expected a list, got a scalar",
        "a.yaml:7: charge.kind: 'bloks' is not known; did you mean 'blocks'?"
        " (allowed: blocks, flat)",
        "a.yaml:8: pair: expected 2 items, got 1",
        "a.yaml:9: opne: unknown; did you mean 'open'? (allowed: any-thing, charge, colour, count,"
        " mixed, name, note, open, pair, way, words)",
        "a.yaml:10: open: expected true or false, got 'maybe'",
    ]


@pytest.mark.parametrize(
    ("label", "text", "expected"),
    [
        ("doubled key", "name: a\nname: b\n", "a.yaml:2: name: given twice, first on line 1"),
        (
            "doubled key below",
            "name: a\nwords:\n  x: []\n  x: []\n",
            "a.yaml:4: words.x: given twice, first on line 3",
        ),
        ("what the struct itself checks", "name: a\ncharge: {kind: blocks, upto: [2, 1]}",
         "a.yaml:2: charge: blocks must rise"),
        ("no tag", "name: a\ncharge: {rate: 1}", "a.yaml:2: charge: 'kind' is missing"
         " (allowed: blocks, flat)"),
        ("alias", "name: &x a\nnote: *x", "a.yaml:1: anchors and aliases are not used here: write"
         " the value out"),
        ("tag", "name: !!python/object:os.system a", "a.yaml:1: the tag"
         " tag:yaml.org,2002:python/object:os.system is not used here"),
        ("empty text", "name:", "a.yaml:1: name: expected text, got nothing"),
        ("not a mapping", "- 1", "a.yaml:1: expected a mapping with name"),
        ("nothing", "", "a.yaml:1: one document was expected"),
        ("two documents", "name: a\n---\nname: b", "a.yaml:1: one document was expected"),
        ("key that is a list", "? [a]\n: b", "a.yaml:1: a key must be a word"),
        ("a list for a union", "name: a\nmixed: []", "a.yaml:2: mixed: a list was not expected"
         " here"),
        ("a mapping for a list", "name: a\nwords: {a: {}}", "a.yaml:2: words.a: expected a list,"
         " got a mapping"),
    ],
)  # fmt: skip
def test_one_problem(label: str, text: str, expected: str) -> None:
    assert problems(text) == [expected], label


def test_broken_yaml_names_its_line() -> None:
    (problem,) = problems("name: a\nnote: 'open\n")
    assert problem.startswith("a.yaml:")
    assert "not YAML" in problem


def test_a_scalar_is_text_where_text_is_a_choice() -> None:
    assert load("name: a\nmixed: [1]".replace("[1]", "abc"), Sheet, "a").mixed == "abc"


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "levels" in problems("name: " + "[" * 60 + "]" * 60)[0]
    assert "larger than" in problems("name: " + "a" * yamlnodes.MAX_BYTES)[0]
    monkeypatch.setattr(yamlnodes, "MAX_NODES", 10)
    assert "nodes" in problems("name: [" + "a," * 10 + "]")[0]


def test_the_list_of_problems_ends() -> None:
    text = "\n".join(f"k{i}: 1" for i in range(MAX_PROBLEMS + 9))
    with pytest.raises(DocumentError) as caught:
        load(text, Sheet, "a")
    assert str(caught.value).endswith("… and 10 more")  # the missing name is one of them


def test_lines_are_kept_for_later_checks() -> None:
    document = read("name: a\nwords:\n  yes:\n    - Y\n", Sheet, "a.yaml")
    assert str(document.problem("words.yes[0]", "is odd")) == "a.yaml:4: words.yes[0]: is odd"
    assert document.problem("words.yes", "is odd").line == 3


@settings(max_examples=150)
@given(st.text(alphabet="abn:-[]{}'\"\n ,#&*!|>%?01.~\t\x85é", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(DocumentError):
        load(text, Sheet, "a")


class Part(msgspec.Struct, frozen=True, kw_only=True):
    rate: Annotated[int, Scaled(1000, low=-1, high=5)] = 0
    money: Annotated[int, Scaled(MINOR)] | None = None
    day: Annotated[str, OneOf(("mon", "tue"))] = "mon"
    month: Annotated[str, msgspec.Meta(pattern="^[0-9]{4}-[0-9]{2}$", description="a month")] = ""
    exact: Decimal = Decimal(0)
    given: str | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        if self.rate and self.money:
            raise Misfit("money", "not beside a rate", ("nothing",))


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    parts: tuple[Node, ...] = ()
    part: Part | None = None


def part(text: str, minor: int = 100) -> Part:
    node = nodes(f"- {{ {text} }}", "a.yaml").value[0]
    return read_node(node, Part, "a.yaml", "parts[0]", minor=minor).value


def test_decimals_become_integers_of_their_smallest_part() -> None:
    assert part("rate: 4.995").rate == 4995
    assert part("money: '-12.5'").money == -1250
    assert str(part("exact: 0.10").exact) == "0.10"
    assert part("money: 12.345", minor=1000).money == 12_345
    assert part("given: ''").given == ""
    assert part("").given is msgspec.UNSET


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rate: 0.0001", "rate: 0.0001 is finer than 1/1000"),
        ("rate: 5.001", "rate: expected between -1 and 5, got 5.001"),
        ("rate: 5e0", "rate: expected a decimal number like 750.9, got '5e0'"),
        ("rate: []", "rate: expected an integer, got a list"),
        ("money: 0.001", "money: 0.001 is finer than 1/100"),
        ("money: {}", "money: expected an integer, got a mapping"),
        ("exact: Infinity", "exact: expected a decimal number like 750.9, got 'Infinity'"),
        ("exact: " + "1" * 41, f"exact: expected a decimal number like 750.9, got {'1' * 40!r}"),
        ("exact:", "exact: expected a decimal number like 750.9, got nothing"),
        (
            "day: tu",
            "day: expected one of the allowed values, got 'tu'; did you mean 'tue'?"
            " (allowed: mon, tue)",
        ),
        ("month: 2026", "month: expected a month, got '2026'"),
        ("given:", "given: expected text, got nothing"),
        ("rate: 1, money: 1", "money: not beside a rate (allowed: nothing)"),
    ],
)
def test_what_a_value_must_be(text: str, expected: str) -> None:
    with pytest.raises(DocumentError) as caught:
        part(text)
    assert str(caught.value) == f"a.yaml:1: parts[0].{expected}"


def test_a_part_is_kept_to_be_read_later() -> None:
    whole = load("parts:\n  - x: 1\n  - rate: 2\npart: {rate: 1}", Whole, "a.yaml")
    assert whole.part == Part(rate=1000)
    with pytest.raises(DocumentError) as caught:
        read_node(whole.parts[0], Part, "a.yaml", "parts[0]")
    (problem,) = caught.value.problems
    assert (problem.line, problem.path) == (2, "parts[0].x")
    assert read_node(whole.parts[1], Part, "a.yaml").value.rate == 2000


def test_numbers_may_be_quoted_and_texts_stay_texts() -> None:
    sheet = load('{"name": "007", "count": "3", "open": "true"}', Sheet, "a.json")
    assert (sheet.name, sheet.count, sheet.open) == ("007", 3, True)
    assert problems('{"name": "a", "count": ""}')[0].endswith("got ''")


def test_json_writes_a_character_beyond_16_bits_as_two_escapes() -> None:
    text = '{"name": "\\ud83d\\ude00 \\u00e9 \\\\ud83d\\\\ude00 \\/"}'
    assert load(text, Sheet, "a.json").name == "\U0001f600 é \\ud83d\\ude00 /"
    assert "not YAML" in problems('{"name": "\\ud83d alone"}')[0]

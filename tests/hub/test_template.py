"""The small language of the texts: both ways of filling a template say the same."""

from collections.abc import Callable, Mapping
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.template import compiled, fill, names, parse

Said = Mapping[str, str]
_PLAIN = st.text("ab %s{n}", max_size=4).map(lambda text: text.translate({123: None, 125: None}))
_HOLE = st.sampled_from(["{one}", "{two}", "{three}"])
_INNER = st.lists(_PLAIN | _HOLE, max_size=4).map("".join)
_TEXT = st.lists(_PLAIN | _HOLE | _INNER.map(lambda inner: f"[{inner}]"), max_size=6).map("".join)
_SAID = st.fixed_dictionaries(
    {name: st.sampled_from(["", "1", "%s", "100 %"]) for name in ("one", "two", "three")}
)


@settings(max_examples=200)
@given(_TEXT, _SAID)
def test_a_compiled_template_says_what_an_interpreted_one_says(
    text: str, said: dict[str, str]
) -> None:
    template = parse(text)

    def value(said: Said, name: str, optional: bool) -> str:
        return said[name] + ("!" if optional and said[name] else "")

    def bind(name: str, optional: bool) -> Callable[[Said], str]:
        return lambda args: value(args, name, optional)

    assert compiled(template, bind)(said) == fill(template, partial(value, said))


@pytest.mark.parametrize(
    ("text", "said", "expected"),
    [
        ("plain", {}, "plain"),
        ("", {}, ""),
        ("100 % of {one}", {"one": "it"}, "100 % of it"),
        ("{one}.", {}, "?."),
        ("a[ b]c", {}, "a bc"),
        ("a[ {one}]c", {}, "ac"),
        ("a[ {one}, {two}]c", {"one": "1"}, "ac"),
        ("a[ {one}, {two}]c", {"one": "1", "two": "2"}, "a 1, 2c"),
    ],
)
def test_what_has_nothing_to_say(text: str, said: dict[str, str], expected: str) -> None:
    def bind(name: str, _optional: bool) -> Callable[[Said], str]:
        return lambda args: args.get(name, "")

    template = parse(text)
    assert fill(template, lambda name, _: said.get(name, "")) == expected
    assert compiled(template, bind)(said) == expected


def test_a_placeholder_is_bound_once_and_asked_for_every_text() -> None:
    bound: list[tuple[str, bool]] = []

    def bind(name: str, optional: bool) -> Callable[[int], str]:
        bound.append((name, optional))
        return str

    text = compiled(parse("{one}[ {two}]"), bind)
    assert [text(1), text(2)] == ["1 1", "2 2"]
    assert bound == [("one", False), ("two", True)]
    assert list(names(parse("{one}[ {two}]"))) == ["one", "two"]

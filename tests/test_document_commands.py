"""Every command that a document shows can be typed: its verbs and its options are there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from hub.__main__ import app, mount

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "channels").rglob("*.md")]
_BLOCK = re.compile(r"```\w*\n(.*?)```", re.S)
_TYPED = re.compile(r"(?:^|[\s/])(wattbus [a-z][^#&|;\n]*)", re.M)
_QUOTED = re.compile(r"`(wattbus [^`]+)`")
_OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def commands(text: str) -> Iterator[str]:
    """What is to be typed, as code in a line or in a block."""
    for block in _BLOCK.findall(text):
        yield from _TYPED.findall(block)
    yield from (" ".join(found.split()) for found in _QUOTED.findall(_BLOCK.sub("", text)))


def wrong(root: Any, command: str) -> str:
    """What there is not of it; empty: all of it is there."""
    node, words = root, command.split()[1:]
    while words and hasattr(node, "commands") and words[0][0] not in "-[…":
        if "|" in words[0]:  # one of these, as in ``journal|replay``
            return " ".join(each for each in words[0].split("|") if each not in node.commands)
        if words[0] not in node.commands:
            return str(words[0])
        node, words = node.commands[words[0]], words[1:]
    known = {opt for each in node.params for opt in (*each.opts, *each.secondary_opts)}
    asked = {option for word in words for option in _OPTION.findall(word)}
    return " ".join(sorted(asked - known - {"--help"}))


@pytest.fixture(scope="module")
def root() -> Any:
    mount()
    return get_command(app)


def test_verbs_and_options_of_the_documents_are_there(root: Any) -> None:
    shown = [(page, said) for page in PAGES for said in commands(page.read_text("utf-8"))]
    assert len(shown) > 300
    found = [(page, said, wrong(root, said)) for page, said in shown]
    assert [f"{page.name}: {said!r} has no {what}" for page, said, what in found if what] == []


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("wattbus db backup FILE", ""),
        ("wattbus journal|replay -c x", ""),
        ("wattbus db burn FILE", "burn"),
        ("wattbus journal|reply", "reply"),
        ("wattbus status --nope", "--nope"),
        ("wattbus act request --help", ""),
    ],
)
def test_what_is_not_there_is_noticed(root: Any, command: str, what: str) -> None:
    assert wrong(root, command) == what
    assert list(commands(f"Type `{command}` or\n```sh\n{command}  # now\n```\n")) != []

"""The texts of the menus (``mappings/ussd/texts/*.yaml``): one sheet per language.

The little language of the texts is ``hub.template``: ``{units}`` is filled in, ``[ … ]`` is left
out as a whole when something in it has nothing to say. A sheet is checked against the menu: every
text that a screen needs is there, and shows only what is known on that screen.
"""

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from channels.ussd.document import (
    BASE_ARGS,
    FIXED_TEXTS,
    OUTCOMES,
    SALE_ARGS,
    MenuDocument,
    edges,
    text_key,
    text_keys,
)
from channels.ussd.pages import fits, plain
from core.documents import Document, DocumentError, Problem, read
from hub.template import Template, fill, names, parse

#: Options of 0, 00 and 98 on one line must leave most of a 70-unit page to the screen.
MAX_NAVIGATION: Final = 34


class TextSheet(msgspec.Struct, frozen=True, kw_only=True):
    """One language's file."""

    mapping: Literal["ussd-texts"]
    version: int
    effective: datetime.date
    language: str
    name: str
    texts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A language, its texts taken apart. ``name`` is what its own speakers call it."""

    language: str
    name: str
    templates: Mapping[str, Template]

    def say(self, key: str, args: Mapping[str, str]) -> str:
        """The text with its placeholders filled, in letters that a phone shows."""
        return plain(fill(self.templates[key], lambda name, _: args.get(name, "")))


def load_sheets(files: Iterable[tuple[str, str]], menu: MenuDocument) -> dict[str, Sheet]:
    """The sheets of (source, text) pairs by language; DocumentError names everything wrong."""
    sheets: dict[str, Sheet] = {}
    problems: list[Problem] = []
    for source, text in files:
        try:
            document = read(text, TextSheet, source)
            sheets[document.value.language] = _compiled(document, menu)
        except DocumentError as error:
            problems += error.problems
            sheets.setdefault(source.rpartition("/")[2].removesuffix(".yaml"), Sheet("", "", {}))
    problems += [
        Problem(f"menu {menu.menu}", 1, "languages", f"no texts for '{language}'")
        for language in menu.languages
        if language not in sheets
    ]
    if problems:
        raise DocumentError(problems)
    return sheets


def _compiled(document: Document[TextSheet], menu: MenuDocument) -> Sheet:
    sheet = document.value
    templates: dict[str, Template] = {}
    problems: list[Problem] = []
    for key, text in sheet.texts.items():
        try:
            templates[key] = parse(text)
        except ValueError as error:
            problems.append(document.problem(f"texts.{key}", str(error)))
    problems += [
        document.problem(f"texts.{path}" if path else "texts", message, allowed)
        for path, message, allowed in _checked(templates, sheet.texts, menu)
    ]
    if problems:
        raise DocumentError(problems)
    return Sheet(sheet.language, sheet.name, templates)


def _checked(
    templates: Mapping[str, Template], given: Mapping[str, str], menu: MenuDocument
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(key or nothing, what is wrong, what is allowed) for each thing that is wrong."""
    needed = text_keys(menu)
    for key in sorted(needed.keys() - given.keys()):
        yield "", f"the text '{key}' is missing", ()
    for key in sorted(given.keys() - needed.keys()):
        yield key, "no screen needs this text", ()
    allowed = allowed_args(menu)
    for key, template in templates.items():
        if key not in needed:
            continue
        for name in sorted(set(names(template)) - allowed[key]):
            yield key, f"{{{name}}} is not known here", tuple(sorted(allowed[key]))
    footer = "".join(given.get(f"nav.{part}", "") for part in ("more", "back", "home"))
    if len(footer) > MAX_NAVIGATION or not fits("电" + footer):
        yield "nav.more", f"the three of nav.* take more than {MAX_NAVIGATION} characters", ()


def allowed_args(menu: MenuDocument) -> dict[str, frozenset[str]]:
    """For every text, what is known on each screen that shows it."""
    known = _known(menu)
    allowed = dict.fromkeys(FIXED_TEXTS, BASE_ARGS)
    allowed |= {"sale": SALE_ARGS, "key-change": frozenset({"count"})}
    for name, screen in menu.screens.items():
        for key in (text_key(menu, name), *(option.text for option in screen.options)):
            allowed[key] = allowed.get(key, BASE_ARGS | known[name]) & (BASE_ARGS | known[name])
    return allowed


def _known(menu: MenuDocument) -> dict[str, frozenset[str]]:
    """What every way to a screen has made known: its outcome's arguments, kept along ``go``."""
    everything = frozenset(
        arg for outcomes in OUTCOMES.values() for args in outcomes.values() for arg in args
    )
    known = dict.fromkeys(menu.screens, everything)
    for role in (menu.start, menu.stranger, menu.resume):
        known[role] = frozenset()
    for action, outcomes in menu.outcomes.items():
        for outcome, screen in outcomes.items():
            known[screen] &= OUTCOMES[action][outcome]
    for _ in menu.screens:  # what is lost on one way is lost behind it: at most once per screen
        for name in menu.screens:
            for _, go, _ in edges(menu, name):
                if go:
                    known[go] &= known[name]
    return known

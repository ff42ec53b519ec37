"""Cuts a screen into pages that a phone can show.

A USSD string is 160 octets: 182 septets of GSM 03.38 or 80 UCS-2 units in theory, 160 and 70 in
practice (what the MAP dialog takes for itself differs by network). A page keeps these limits with
its navigation line; a token is never cut, short lines are kept whole, and nothing is lost.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from adapters.smpp.gsm0338 import septets

MAX_SEPTETS: Final = 160
MAX_UCS2: Final = 70
#: A line up to this length (an option, an amount with its label) moves to the next page as a whole
#: rather than being cut; a longer one is a sentence and flows on.
_SHORT_LINE: Final = 40

# What is never cut: a token (20 digits, alone or in groups of four), a word of a script that puts
# blanks between its words, one character of any other script.
_DIGITS: Final = r"(?<!\d)\d{4}(?:[ -]?\d{4}){4}(?!\d)"
_ATOM: Final = re.compile(
    rf"{_DIGITS}|(?:(?!{_DIGITS})[!-~\u00a1-\u024f\u0370-\u03ff\u20ac])+|\s+|.", re.DOTALL
)
_LATIN: Final = re.compile(r"[\u00c0-\u024f\u1e00-\u1eff]")
_PLAIN: Final = str.maketrans(
    {
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "«": '"',
        "»": '"',
        "–": "-",
        "—": "-",
        "…": "...",
        "œ": "oe",
        "Œ": "OE",
        "\u00a0": " ",
        "\u202f": " ",
        "\t": " ",
        "\r": "",
    }
)

#: What stands below a page; asked with the page's number and whether it is the last one.
Footer = Callable[[int, bool], str]


def fits(page: str) -> bool:
    """True if one USSD message can carry the page."""
    count = septets(page)
    if count is not None:
        return count <= MAX_SEPTETS
    return len(page.encode("utf-16-be", "replace")) // 2 <= MAX_UCS2


def plain(text: str) -> str:
    """The text with Latin letters that GSM 03.38 lacks put in plain ones (``ê`` becomes ``e``).

    One such letter would turn the page into UCS-2 and cost more than half of its room; many
    gateways break on them anyway. Text of other scripts stays as it is.
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    text = "".join(
        char
        for char in text.translate(_PLAIN)
        if char == "\n" or unicodedata.category(char) not in ("Cc", "Cs")
    )
    return "".join(map(_plain_letter, text))


def _plain_letter(char: str) -> str:
    if not _LATIN.match(char) or septets(char) is not None:
        return char
    bare = unicodedata.normalize("NFKD", char)[0]
    return bare if bare.isascii() else char


def paginate(body: str, footer: Footer) -> tuple[str, ...]:
    """The pages of ``body`` with their footers; at least one.

    ``footer(number, last)`` counts pages from 0. Raises ValueError if a footer leaves no room.
    """
    lines = body.split("\n")
    pages: list[str] = []
    while True:
        while lines and not lines[0].strip():
            del lines[0]
        number = len(pages)
        whole = _join("\n".join(lines), footer(number, True))
        if fits(whole):
            return (*pages, whole)
        page, lines = _fill(lines, footer(number, False))
        if not page:
            raise ValueError("the footer leaves no room for the page")
        pages.append(_join(page, footer(number, False)))


def _join(text: str, footer: str) -> str:
    return f"{text}\n{footer}" if text and footer else text or footer


def _fill(lines: list[str], footer: str) -> tuple[str, list[str]]:
    """As much as fits, and the lines that are left."""
    page = ""
    for at, line in enumerate(lines):
        longer = f"{page}\n{line}" if at else line
        if fits(_join(longer, footer)):
            page = longer
            continue
        if at and len(line) <= _SHORT_LINE and fits(_join(line, footer)):
            return page, lines[at:]
        part, rest = _cut(line, page, footer, bool(at))
        return part, [*([rest] if rest else []), *lines[at + 1 :]]
    return page, []


def _cut(line: str, page: str, footer: str, joined: bool) -> tuple[str, str]:
    """The page with the beginning of a line that does not fit whole, and the rest of the line."""
    start = f"{page}\n" if joined else ""
    taken = 0
    for atom in _ATOM.finditer(line):
        if not fits(_join(start + line[: atom.end()].rstrip(), footer)):
            break
        taken = atom.end()
    if not taken and not page:  # a single word longer than a page
        while fits(_join(start + line[: taken + 1], footer)):
            taken += 1
    if not line[:taken].strip():
        return page, line
    return start + line[:taken].rstrip(), line[taken:].lstrip()

"""What people type into the account field, read by the company's rules: whose money it is.

A rule (``core.wallets.terms.ReferenceRule``) may read a text in several ways: as it stands, with
digits in place of the letters that look like them, with the leading zero that a keypad or a
spreadsheet lost. Which of the readings are real is asked of the books, and then there must be one:
two of them are nobody's, for a guess could be somebody else's meter.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from core.sts.errors import StsError
from core.sts.meter_id import parse_drn
from core.wallets.terms import Names, ReferenceRule

#: Readings of one text that are looked up: four kinds of mistakes of a few rules. A text that can
#: be read in more ways says nothing.
MAX_READINGS: Final = 24
#: The longest number of ours, with room for what stands around it; a longer text is a letter.
MAX_CLEAN: Final = 40

#: Between the parts of a number, and around it.
_BETWEEN = re.compile(r"[\s\-_./:#,;'\"()*+]+")
#: Letters that keypads and handwriting make of digits.
_LOOKS_LIKE: Final = str.maketrans({"O": "0", "o": "0", "I": "1", "i": "1", "l": "1", "|": "1"})


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One way to read a text: a ``number`` of what ``names`` says. ``mended``: it is not what was
    typed, but what was meant if such a number exists."""

    names: Names
    number: str
    mended: bool = False


class Target(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whose money it is. ``account_id`` and ``item_id`` are those of what was found; ``agent`` has
    neither. ``names`` empty: nobody's, as far as the text says."""

    names: Names | str = ""
    number: str = ""
    account_id: int = 0
    item_id: int = 0
    mended: bool = False

    @property
    def known(self) -> bool:
        """Whether it is somebody's."""
        return bool(self.names)


#: Nobody's.
NOBODY: Final = Target()


def cleaned(typed: str) -> str:
    """A typed text as the rules see it: one width of digits and letters, nothing between them.

    Case is kept, for a small l can be a one; signs that nobody sees are dropped.
    """
    plain = unicodedata.normalize("NFKC", typed)
    plain = "".join(_plain(sign) for sign in plain)
    return unicodedata.normalize("NFKC", _BETWEEN.sub("", plain))


def _plain(sign: str) -> str:
    """Digits of any script as ours, and nothing for what is not to be seen."""
    digit = unicodedata.decimal(sign, None)
    if digit is not None:
        return str(digit)
    return "" if unicodedata.category(sign) in ("Cf", "Cc") and not sign.isspace() else sign


def readings(rules: Sequence[ReferenceRule], typed: str) -> tuple[Reading, ...]:
    """Everything that a text may name, in the order of the rules; none where it is no number of
    ours, or could be too many."""
    text = cleaned(typed)
    if not text or len(text) > MAX_CLEAN:
        return ()
    found: dict[tuple[str, str], Reading] = {}
    for rule in rules:
        for reading in _read(rule, text):
            at = (reading.names, reading.number)
            known = found.get(at)
            if known is None or (known.mended and not reading.mended):
                found[at] = reading
    return tuple(found.values()) if len(found) <= MAX_READINGS else ()


def _read(rule: ReferenceRule, text: str) -> Iterable[Reading]:
    """A pattern that begins with a word of ``strip`` asks for it; another may do without."""
    for word, body in _parts(rule, text):
        as_typed, as_digits = body.upper(), body.translate(_LOOKS_LIKE).upper()
        for number in dict.fromkeys((as_typed, as_digits)):
            fits = _pattern(rule.pattern).fullmatch
            if fits(word + number) or (word and fits(number)):
                yield from _reading(rule, number, number != as_typed)


def _parts(rule: ReferenceRule, text: str) -> Iterable[tuple[str, str]]:
    """The text as a whole, and as each of the words that it may begin with, and the rest."""
    yield "", text
    upper = text.upper()
    for word in map(str.upper, rule.strip):
        if upper.startswith(word) and len(upper) > len(word):
            yield word, text[len(word) :]


def _reading(rule: ReferenceRule, number: str, mended: bool) -> Iterable[Reading]:
    if rule.pad > len(number) and number.isdecimal():
        number, mended = number.zfill(rule.pad), True
    if rule.names != "meter" or _is_drn(number):
        yield Reading(rule.names, number, mended)


@lru_cache(256)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


def _is_drn(text: str) -> bool:
    try:
        parse_drn(text)
    except StsError:
        return False
    return True


def chosen(found: Iterable[Target]) -> Target:
    """The one that the readings which exist agree on; ``NOBODY`` where there is none, or several.

    A meter and its own account's number agree: the first rule's is meant.
    """
    targets = list(found)
    if not targets:
        return NOBODY
    owners = {(t.account_id, "" if t.account_id else t.number) for t in targets}
    meters = {t.number for t in targets if t.names == "meter"}
    items = {t.item_id for t in targets if t.item_id}
    if len(owners) > 1 or len(meters) > 1 or len(items) > 1:
        return NOBODY
    return targets[0]


def route(
    rules: Sequence[ReferenceRule], typed: str, look_up: Callable[[Reading], Target | None]
) -> Target:
    """Whose money a typed text says it is; ``look_up`` asks the books about one reading."""
    return chosen(filter(None, map(look_up, readings(rules, typed))))

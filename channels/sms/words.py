"""The words of ``mappings/sms/commands.yaml``, compiled for the parser."""

import datetime
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Final, Literal, get_args

import msgspec

from core.documents import Document, DocumentError, Problem, read

Kind = Literal[
    "buy", "pay", "wallet", "yes", "balance", "last", "free", "advance", "price", "pin", "help",
    "again",
]  # fmt: skip
#: Letters of these scripts are written without blanks between words.
_UNSPACED: Final = re.compile(r"[\u3400-\u9fff]")

_CONTROLS: Final = dict.fromkeys((*range(32), 127), " ")


class WordFile(msgspec.Struct, frozen=True, kw_only=True):
    """The file's form."""

    mapping: Literal["sms-commands"]
    version: int
    effective: datetime.date
    commands: dict[Kind, dict[str, list[str]]]
    noise: list[str]
    currencies: dict[str, list[str]]
    multipliers: dict[str, int]


@dataclass(frozen=True, slots=True)
class Words:
    """Look-up tables; every word in its folded form.

    ``commands``: word -> (command, language); ``shown``: (command, language) -> the word for
    answers; ``lexicon`` finds the longest known word at a place.
    """

    commands: Mapping[str, tuple[Kind, str]]
    shown: Mapping[tuple[str, str], str]
    noise: frozenset[str]
    currencies: Mapping[str, frozenset[str]]
    multipliers: Mapping[str, int]
    lexicon: re.Pattern[str]

    def word(self, command: Kind, language: str) -> str:
        """The word of a command to show in a language; English where it has none."""
        return self.shown.get((command, language)) or self.shown[command, "en"]


def fold(text: str) -> str:
    """One form for all ways of writing: NFKC, upper case, no accents, plain digits, one blank.

    Digits of every script become ASCII (full-width by NFKC, Arabic-Indic and others by value);
    what cannot be seen (controls, zero-width signs) is a blank or nothing.
    """
    if text.isascii():  # nearly all texts: a tenth of the time
        return " ".join(text.upper().translate(_CONTROLS).split())
    wide = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).upper())
    return " ".join("".join(_plain(letter) for letter in wide).split())


def _plain(letter: str) -> str:
    category = unicodedata.category(letter)
    if category == "Nd":
        return str(unicodedata.decimal(letter))
    if category in ("Mn", "Cf"):
        return ""
    return " " if category in ("Cc", "Zs", "Zl", "Zp") else letter


def read_words(text: str, source: str) -> Words:
    """The tables of a file; DocumentError names every problem with its line."""
    document = read(text, WordFile, source)
    problems = list(_problems(document))
    if problems:
        raise DocumentError(problems)
    file = document.value
    commands = {word: (kind, language) for kind, language, word, _ in _entries(file)}
    currencies: dict[str, frozenset[str]] = {}
    for code, words in file.currencies.items():
        for word in map(fold, words):
            currencies[word] = currencies.get(word, frozenset()) | {code}
    multipliers = {fold(word): value for word, value in file.multipliers.items()}
    noise = frozenset(fold(word) for word in file.noise)
    return Words(
        commands=commands,
        shown={
            (kind, language): fold(words[0])
            for kind, per_language in file.commands.items()
            for language, words in per_language.items()
        },
        noise=noise,
        currencies=currencies,
        multipliers=multipliers,
        lexicon=_lexicon({*commands, *currencies, *multipliers, *noise}),
    )


def _lexicon(known: set[str]) -> re.Pattern[str]:
    """The longest known word at a place. Words of spaced scripts end where letters end."""
    ends = "(?![^\\W\\d_])"
    parts = (re.escape(word) + ("" if _UNSPACED.search(word) else ends) for word in known)
    return re.compile("|".join(sorted(parts, key=len, reverse=True)))


def default_words() -> Words:
    """The words that come with Wattbus."""
    file = resources.files("mappings") / "sms" / "commands.yaml"
    return read_words(file.read_text(encoding="utf-8"), "sms/commands.yaml")


def _entries(file: WordFile) -> Iterator[tuple[Kind, str, str, str]]:
    for kind, per_language in file.commands.items():
        for language, words in per_language.items():
            for at, word in enumerate(words):
                yield kind, language, fold(word), f"commands.{kind}.{language}[{at}]"


def _problems(document: Document[WordFile]) -> Iterator[Problem]:
    file = document.value
    for kind in get_args(Kind):
        if not file.commands.get(kind, {}).get("en"):
            yield document.problem("commands", f"'{kind}' needs a word in 'en'")
    seen: dict[str, str] = {}
    for _, _, word, path in _entries(file):
        if word in seen:
            yield document.problem(path, f"'{word}' stands already at {seen[word]}")
        seen.setdefault(word, path)
    others = [(fold(word), f"noise[{at}]") for at, word in enumerate(file.noise)]
    for code, words in file.currencies.items():
        others += [(fold(word), f"currencies.{code}[{at}]") for at, word in enumerate(words)]
    others += [(fold(word), f"multipliers.{word}") for word in file.multipliers]
    for word, path in others:
        if word in seen and not path.startswith("noise"):
            yield document.problem(path, f"'{word}' stands already at {seen[word]}")
    for word, path in [*((word, path) for word, path in seen.items()), *others]:
        if not word or re.search(r"\s|\d", word):
            yield document.problem(path, f"'{word}' must be one word without digits")

"""What customers read: sentences as data, one sheet per language, rendered by one function.

The sheets are ``mappings/texts/<language>.yaml``; which texts there are and what may stand in each
is ``hub.textkeys``. Everything is checked when the sheets are read, so that rendering can only
fail for want of a required value.
"""

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from core.commodity import COMMODITIES
from core.documents import Document, DocumentError, Problem, read
from core.units import ELECTRICITY, is_money
from hub.channel import Company
from hub.formats import CONVERTERS, Converter, Counted, Style, coins, number
from hub.template import Template, compiled, names, parse
from hub.textkeys import ALIASES, COMMON, KEYS, Key

#: Nobody is told more tokens than this at once, whatever is asked.
MAX_SALES: Final = 5
_LAST_RESORT: Final = "en"
#: The arguments of a text, of plain types.
Args = Mapping[str, Any]


class TextError(LookupError):
    """A text cannot be made: unknown key, or a required value is missing."""


class Numbers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The marks between thousands and before the fraction."""

    thousands: Literal[",", ".", " ", "'", ""]
    decimal: Literal[".", ","]


class Marks(msgspec.Struct, frozen=True):
    """Words put before a message: ``test`` for companies whose sales are not real."""

    test: str


class Case(msgspec.Struct, frozen=True):
    """What a text must look like for sample arguments; checked by ``check_cases``."""

    render: str
    args: dict[str, Any]
    text: str


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """One language."""

    mapping: Literal["texts"]
    version: int
    effective: datetime.date
    language: str
    name: str
    numbers: Numbers
    money: str
    time: str
    marks: Marks
    counted: Counted
    units: dict[str, str]
    lines: dict[str, str]
    reasons: dict[str, str]
    texts: dict[str, str]
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True)
class Language:
    """A sheet with its texts taken apart."""

    sheet: Sheet
    templates: Mapping[str, Template]


def read_sheets(files: Iterable[tuple[str, str]]) -> dict[str, Language]:
    """Languages by code, of (source, text) pairs; DocumentError names everything wrong in all."""
    languages: dict[str, Language] = {}
    problems: list[Problem] = []
    for source, text in files:
        try:
            language = _compile(read(text, Sheet, source))
            languages[language.sheet.language] = language
        except DocumentError as error:
            problems += error.problems
    if problems:
        raise DocumentError(problems)
    return languages


def read_folder(folder: Traversable | None = None) -> dict[str, Language]:
    """The sheets of a folder; None: those that come with Wattbus."""
    return dict(_of_wattbus()) if folder is None else _folder(folder)


@cache
def _of_wattbus() -> dict[str, Language]:
    """The sheets of the package, read once per process: every channel of every company asks."""
    return _folder(resources.files("mappings") / "texts")


def _folder(folder: Traversable) -> dict[str, Language]:
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name)
    return read_sheets((f"texts/{f.name}", f.read_text(encoding="utf-8")) for f in files)


def _compile(document: Document[Sheet]) -> Language:
    sheet = document.value
    problems: list[Problem] = []
    templates: dict[str, Template] = {}
    for name, text in sheet.texts.items():
        path = f"texts.{name}"
        if name not in KEYS:
            problems.append(document.problem(path, "there is no such text", tuple(sorted(KEYS))))
            continue
        try:
            templates[name] = parse(text)
        except ValueError as error:
            problems.append(document.problem(path, str(error)))
            continue
        problems += [
            document.problem(path, *wrong) for wrong in _wrong(KEYS[name], templates[name])
        ]
    for name in sorted(KEYS.keys() - sheet.texts.keys()):
        problems.append(document.problem("texts", f"the text '{name}' is missing"))
    for commodity in sorted(COMMODITIES.keys() - sheet.units.keys()):
        if is_money(commodity):  # its unit is the currency
            continue
        problems.append(document.problem("units", f"no unit for '{commodity}'"))
    for placeholder in ("{currency}", "{amount}"):
        if placeholder not in sheet.money:
            problems.append(document.problem("money", f"{placeholder} is missing"))
    if problems:
        raise DocumentError(problems)
    return Language(sheet, templates)


def _wrong(key: Key, template: Template) -> Iterable[tuple[str, tuple[str, ...]]]:
    """What is wrong with the placeholders of a text: (message, allowed)."""
    allowed = {**COMMON, **key.slots}
    for name in sorted(set(names(template)) - allowed.keys()):
        yield f"unknown placeholder {{{name}}}", tuple(sorted(allowed))
    required = {name for name, slot in key.slots.items() if slot.required}
    for name in sorted(required - set(names(template, always=True))):
        yield f"the placeholder {{{name}}} is missing", ()


class Texts:
    """Renders for one company. Immutable; made once."""

    def __init__(self, languages: Mapping[str, Language], company: Company) -> None:
        self._company = company
        self._voices = {code: _Voice(each, company) for code, each in languages.items()}
        self._fallback = next(
            (code for code in (*company.languages, _LAST_RESORT) if code in languages),
            next(iter(languages)),
        )

    def language(self, wanted: str) -> str:
        """The language that will be used for one that is wanted (``fr-CD`` is read as ``fr``)."""
        code = wanted.lower()
        if code not in self._voices:
            code = code.split("-")[0]
        return code if code in self._voices else self._fallback

    def render(self, key: str, language: str, args: Args) -> str:
        """The text of a notice; ``key`` is its template's name, ``args`` its arguments.

        ``refusal`` takes ``{"code", "args"}``, ``nonsense`` an optional ``reason``. Raises
        :class:`TextError` for an unknown key or a required value that is missing.
        """
        plain = msgspec.to_builtins(args)
        name, plain = _resolve(key, plain)
        voice = self._voices[self.language(language)]
        body = voice.text(name, plain)
        return f"{voice.test} {body}" if self._company.test or plain.get("test") else body


def _resolve(key: str, args: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The text that serves a template with these arguments."""
    if key == "refusal":
        return f"refusal.{args.get('code', '')}", dict(args.get("args") or {})
    if key == "nonsense":
        name = f"nonsense.{args.get('reason', '')}"
        return (name if name in KEYS else key), args
    if key == "last-tokens" and not args.get("sales"):
        return "last-tokens.none", args
    return ALIASES.get(key, key), args


def _style(sheet: Sheet, company: Company) -> Style:
    return Style(
        thousands=sheet.numbers.thousands,
        decimal=sheet.numbers.decimal,
        money=sheet.money,
        time=sheet.time,
        zone=ZoneInfo(company.zone),
        currency=company.currency,
        exponent=company.exponent,
        counted=sheet.counted,
    )


class _Voice:
    """One language of one company: a text is a function of its arguments, made at its first use.

    A notice is rendered for every sale, so nothing is looked up then that is known before. Most
    texts are never said in most languages: made all at once they cost a start 6 ms per language.
    """

    def __init__(self, language: Language, company: Company) -> None:
        self.test = language.sheet.marks.test
        self._sheet = language.sheet
        self._style = _style(language.sheet, company)
        self._own = {"company_name": company.name, "help_line": company.help_line}
        self._special: Mapping[str, Converter] = {
            "lines": self._lines,
            "sales": self._sales,
            "reason": self._reason,
            "unit": self._unit,
        }
        self._templates = language.templates
        self._texts: dict[str, Callable[[Args], str]] = {}

    def text(self, name: str, args: Args) -> str:
        """Raises TextError."""
        text = self._texts.get(name) or self._made(name)
        return text(args)

    def _made(self, name: str) -> Callable[[Args], str]:
        template = self._templates.get(name)
        if template is None:
            raise TextError(f"there is no text '{name}'")
        text = compiled(template, partial(self._placeholder, name))
        self._texts[name] = text
        return text

    def _placeholder(self, text: str, hole: str, optional: bool) -> Callable[[Args], str]:
        """What a placeholder says of the arguments; "" for nothing."""
        slot = KEYS[text].slots.get(hole) or COMMON[hole]
        path, _, field = slot.field.rpartition(".")
        convert = self._special.get(slot.convert) or CONVERTERS[slot.convert]
        # what names no commodity is of before there were several
        old = ELECTRICITY if slot.convert == "unit" else None
        style, own = self._style, self._own.get(slot.field, old)
        needed = slot.required and not optional
        # "debt UGX 0" says nothing, "UGX 0 to spend" does
        nought_is_nothing = optional and slot.convert in _SUMS

        def say(args: Args) -> str:
            around = _below(args, path) if path else args
            value = around.get(field)
            if value is None:
                value = own
            if not value and (value in _NOTHING or (nought_is_nothing and value == 0)):
                if needed:
                    raise TextError(f"text '{text}' needs '{slot.field}' for {{{hole}}}")
                return ""
            currency = around.get("currency", "")
            if slot.convert == "kwh" and is_money(around.get("commodity")):
                return coins(value, style, currency)
            return convert(value, style, currency)

        return say

    def _reason(self, reason: Any, _style: Style, _currency: str) -> str:
        """Why something is so, in words; an unknown class as it is."""
        return self._sheet.reasons.get(str(reason), str(reason))

    def _unit(self, commodity: Any, style: Style, currency: str) -> str:
        """``kWh``, or the currency of a meter that holds money; a commodity that the sheet does
        not know by its own name."""
        if is_money(commodity):
            return currency or style.currency
        return self._sheet.units.get(str(commodity), str(commodity))

    def _lines(self, lines: Iterable[Args], style: Style, _currency: str) -> str:
        """``Energy 13,587, VAT 3,051``: lines of the same label are added up."""
        sums: dict[str, int] = {}
        for line in lines:
            label = self._label(str(line.get("code", "")), str(line.get("label", "")))
            sums[label] = sums.get(label, 0) + int(line.get("amount", 0))
        places = style.exponent
        return ", ".join([f"{label} {number(sums[label], style, places)}" for label in sums])

    def _label(self, code: str, given: str) -> str:
        """The label of a line's code: its own, that of its family (``energy.1``), as given."""
        labels = self._sheet.lines
        return labels.get(code) or labels.get(_family(code)) or given or code

    def _sales(self, sales: Iterable[Args], _style: Style, _currency: str) -> str:
        """One text per sale."""
        shown = list(sales)[:MAX_SALES]
        return "\n".join(self.text("last-tokens.sale", sale) for sale in shown)


_SUMS: Final = ("amount", "money")
_NOTHING: Final[tuple[Any, ...]] = (None, "", [])


def _family(code: str) -> str:
    return code.replace(":", ".").partition(".")[0]


def _below(args: Args, path: str) -> Args:
    """The arguments under a dotted path; none where there is no such thing."""
    value: Any = args
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def check_cases(languages: Mapping[str, Language], company: Company) -> list[str]:
    """The cases inside the sheets that do not come out as written, one sentence each."""
    texts = Texts(languages, company)
    wrong = []
    for code, language in sorted(languages.items()):
        for at, case in enumerate(language.sheet.cases):
            got = texts.render(case.render, code, case.args)
            if got != case.text:
                wrong.append(f"texts/{code}.yaml: cases[{at}] {case.render}: got {got!r}")
    return wrong

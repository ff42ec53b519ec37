"""Reads what people type: a text becomes one command, or the reason why it cannot.

Pure. Money is at stake, so nothing is guessed: a purchase needs its word, one meter and one amount
with exactly one reading, and no word that is not understood; whatever else is typed is answered by
a sentence that shows what to send. Case, accents, blanks, punctuation, full-width and other
scripts' digits, the letter O for a nought, and the order of meter and amount do not matter.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from channels.sms.amounts import multiplied, readings
from channels.sms.words import Kind, Words, fold

#: Ten joined parts; what is longer is no command.
MAX_TEXT: Final = 1_500
#: A meter typed in groups and an amount typed in groups have nine pieces at most.
MAX_PIECES: Final = 12
_METER_LENGTHS: Final = (11, 13)
#: A hundred thousand units, in tenths: more than a household uses in years.
MAX_TENTHS: Final = 1_000_000
#: Digits from which on a number is taken for a mistyped meter.
NEARLY: Final = 9
_NUMBER: Final = re.compile(r"[0-9](?:[0-9,.'’]*[0-9])?")
_UNKNOWN: Final = re.compile(r"[\u3400-\u9fff]|[^\W\d_]+")
#: Said beside another command; by themselves they ask for nothing.
_BESIDE: Final = ("again", "wallet")
_PLAIN: Final = re.compile(r"([A-Z]+) ([0-9]{11}|[0-9]{13}) ([1-9][0-9]{0,8})")
_NOUGHTS: Final = re.compile(r"(?<![^\W\d_])[0-9O](?:[0-9O,.'’-]*[0-9O])?(?![^\W\d_])")


class Money(msgspec.Struct, frozen=True):
    """The company's currency: code, decimals, and the mark before them (``.`` or ``,``)."""

    currency: str
    exponent: int
    decimal_mark: str = "."


class Buy(msgspec.Struct, frozen=True):
    """``tender`` in minor units; ``text`` is the same command as we would write it. ``wallet``: the
    sender's own wallet pays."""

    meter: str
    tender: int
    another: bool
    text: str
    language: str
    wallet: bool = False


class Yes(msgspec.Struct, frozen=True):
    """The confirmation of a waiting purchase."""

    code: str
    language: str


class Ask(msgspec.Struct, frozen=True):
    """``kind``: balance, last, free (``meter``: for which, where it is told), advance (the same,
    and ``much``: minor units, 0: as much as there is), price (``much``: tenths of the meter's
    unit) or help."""

    kind: Kind
    language: str
    meter: str = ""
    much: int = 0


class Nonsense(msgspec.Struct, frozen=True):
    """What is not clear enough to act on.

    ``reason``: a key ``nonsense.<reason>`` of the texts or a code of ``core.refusals``; empty: not
    understood at all. ``args`` fill its sentence. ``language`` may be empty (no word was known).
    """

    reason: str = ""
    args: Mapping[str, Any] = msgspec.field(default_factory=dict)
    language: str = ""


Command = Buy | Yes | Ask | Nonsense


@dataclass(frozen=True, slots=True)
class _Piece:
    """A number as typed, and what it is multiplied by (0: nothing)."""

    text: str
    factor: int = 0


@dataclass(frozen=True, slots=True)
class _Way:
    """How somebody buys: in which language, once more, by his wallet."""

    language: str = ""
    another: bool = False
    wallet: bool = False


@dataclass(slots=True)
class _Heard:
    """The parts of a text. ``groups`` are runs of numbers with no word between them."""

    commands: list[tuple[Kind, str]] = field(default_factory=list)
    weak: list[tuple[Kind, str]] = field(default_factory=list)
    groups: list[list[_Piece]] = field(default_factory=lambda: [[]])
    currencies: list[frozenset[str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def runs(self) -> list[list[_Piece]]:
        return [group for group in self.groups if group]

    def pieces(self) -> list[_Piece]:
        return [piece for group in self.groups for piece in group]


def names_a_pin(text: str, words: Words) -> bool:
    """Whether a text speaks of a PIN: then what is typed in it is nobody's to keep."""
    heard = _hear(fold(text[:MAX_TEXT]), words)
    return any(kind == "pin" for kind, _ in (*heard.commands, *heard.weak))


def without_digits(text: str) -> str:
    """The text with a ``*`` for every digit, of any script: what may be kept of a PIN."""
    return "".join("*" if letter.isdigit() else letter for letter in text)


def parse(text: str, words: Words, money: Money) -> Command:
    """The command of a text; never raises."""
    if len(text) > MAX_TEXT:
        return Nonsense()
    folded = fold(text)
    return _plain_purchase(folded, words, money) or _understood(folded, words, money)


def _plain_purchase(folded: str, words: Words, money: Money) -> Buy | None:
    """``BUY meter amount`` as we ask for it: the same as below in a tenth of the time."""
    found = _PLAIN.fullmatch(folded)
    kind, language = words.commands.get(found[1], (None, "")) if found else (None, "")
    if found is None or kind != "buy":
        return None
    word = words.word("buy", language)
    tender = int(found[3]) * 10**money.exponent
    return Buy(found[2], tender, False, f"{word} {found[2]} {found[3]}", language)


def _understood(folded: str, words: Words, money: Money) -> Command:
    heard = _hear(_with_noughts(folded) if "O" in folded else folded, words)
    commands = list(dict.fromkeys(heard.commands or heard.weak))
    kinds = list(dict.fromkeys(kind for kind, _ in commands if kind not in _BESIDE))
    language = commands[0][1] if commands else ""
    if "pin" in kinds:
        return Nonsense("pin-by-sms", language=language)
    wallet = "pay" in kinds or any(kind == "wallet" for kind, _ in commands)
    if set(kinds) == {"buy", "pay"}:
        kinds = ["pay"]
    if len(kinds) > 1:
        return Nonsense("several-commands", language=language)
    if not kinds:
        meant = _buy(heard, words, money, _Way(wallet=wallet))
        if isinstance(meant, Buy):
            return Nonsense("send-instead", {"suggestion": meant.text}, language)
        return meant if meant.reason == "send-instead" else Nonsense(language=language)
    if kinds[0] in ("buy", "pay"):
        another = any(kind == "again" for kind, _ in commands)
        return _buy(heard, words, money, _Way(language, another, wallet))
    if kinds[0] == "free":
        return _free(heard, language)
    if kinds[0] == "advance":
        return _advance(heard, money, language)
    if kinds[0] == "price":
        return _price(heard, money, language)
    return _yes(heard, language) if kinds[0] == "yes" else Ask(kinds[0], language)


def _with_noughts(text: str) -> str:
    """The letter O inside a number is a nought."""

    def nought(found: re.Match[str]) -> str:
        typed = found.group()
        return typed.replace("O", "0") if any(map(str.isdigit, typed)) else typed

    return _NOUGHTS.sub(nought, text)


def _hear(text: str, words: Words) -> _Heard:
    heard, at = _Heard(), 0
    while at < len(text):
        if found := _NUMBER.match(text, at):
            heard.groups[-1] += _split(found.group())
        elif found := words.lexicon.match(text, at):
            _take(found.group(), words, heard)
        elif found := _UNKNOWN.match(text, at):
            heard.unknown.append(found.group())
            heard.groups.append([])
        at = found.end() if found else at + 1
    return heard


def _split(number: str) -> Iterator[_Piece]:
    """A meter glued to its amount by a comma is two numbers."""
    parts = re.split(r"[,.'’]+", number) if re.search(r"[0-9]{11}", number) else [number]
    return (_Piece(part) for part in parts)


def _take(word: str, words: Words, heard: _Heard) -> None:
    run = heard.groups[-1]
    factor = words.multipliers.get(word)
    if factor:
        if run and not run[-1].factor:
            run[-1] = _Piece(run[-1].text, factor)
        else:
            heard.unknown.append(word)
    heard.groups.append([])
    if word in words.commands:
        (heard.weak if word in words.noise else heard.commands).append(words.commands[word])
    elif word in words.currencies:
        heard.currencies.append(words.currencies[word])


def _yes(heard: _Heard, language: str) -> Yes | Nonsense:
    code = "".join(piece.text for piece in heard.pieces())
    if heard.unknown or not re.fullmatch(r"[0-9]{3,8}", code):
        return Nonsense("code-missing", language=language)
    return Yes(code, language)


def _free(heard: _Heard, language: str) -> Ask | Nonsense:
    """A meter may be named; a number that nearly is one is asked about, others say nothing."""
    pieces = heard.pieces()
    meters = {meter for run in (pieces, *([piece] for piece in pieces)) if (meter := _meter(run))}
    if len(meters) > 1:
        return Nonsense("several-meters", language=language)
    longest = max((piece.text for piece in pieces), key=len, default="")
    if not meters and len(longest) >= NEARLY:
        return Nonsense("meter-length", {"meter": longest, "length": len(longest)}, language)
    return Ask("free", language, next(iter(meters), ""))


def _advance(heard: _Heard, money: Money, language: str) -> Ask | Nonsense:
    """A meter, an amount, both or neither: it will be owed, so nothing else may stand there."""
    others = [codes for codes in heard.currencies if money.currency not in codes]
    if others:
        codes = {"currency": min(others[0]), "expected": money.currency}
        return Nonsense("currency-wrong", codes, language)
    pieces = heard.pieces()
    if heard.unknown:
        return Nonsense("advance-how", language=language)
    if not pieces:
        return Ask("advance", language)
    if meter := _meter(pieces):
        return Ask("advance", language, meter)
    longest = max((piece.text for piece in pieces), key=len)
    amounts = _amount(pieces, money) if len(heard.runs()) == 1 else frozenset[int]()
    found = {("", amounts)} if amounts and len(longest) < NEARLY else _interpretations(heard, money)
    if len(found) != 1:
        return Nonsense("advance-how", language=language)
    ((meter, amounts),) = found
    if len(amounts) != 1:
        return Nonsense("amount-ambiguous", {"text": _doubtful(heard, money)}, language)
    return Ask("advance", language, meter, min(amounts))


def _price(heard: _Heard, money: Money, language: str) -> Ask | Nonsense:
    """One meter and one number of units, in its thousands and tenths as amounts are written."""
    tenths = Money("", 1, money.decimal_mark)
    found = _interpretations(heard, tenths)
    if len(found) != 1 or heard.unknown:
        return Nonsense("price-how", language=language)
    ((meter, units),) = found
    if len(units) != 1 or not 0 < min(units) <= MAX_TENTHS:
        return Nonsense("price-how", language=language)
    return Ask("price", language, meter, min(units))


def _buy(heard: _Heard, words: Words, money: Money, way: "_Way") -> Buy | Nonsense:
    language = way.language
    others = [codes for codes in heard.currencies if money.currency not in codes]
    if others:
        codes = {"currency": min(others[0]), "expected": money.currency}
        return Nonsense("currency-wrong", codes, language)
    found = _interpretations(heard, money)
    if len(found) > 1 or any(len(amounts) > 1 for _, amounts in found):
        shown = _doubtful(heard, money)
        return Nonsense("amount-ambiguous", {"text": shown}, language)
    if not found:
        reason, args = _diagnosis(heard, money)
        return Nonsense(reason, args, language)
    (meter, amounts), *_ = found
    (tender,) = amounts
    word = words.word("pay" if way.wallet else "buy", language)
    text = f"{word} {meter} {plain_amount(tender, money)}"
    if heard.unknown:
        return Nonsense("send-instead", {"suggestion": text}, language)
    return Buy(meter, tender, way.another, text, language, way.wallet)


def plain_amount(tender: int, money: Money) -> str:
    """Minor units as we ask people to type them: ``20000``, ``1500.50``."""
    whole, part = divmod(tender, 10**money.exponent)
    return f"{whole}.{part:0{money.exponent}d}" if part else str(whole)


def _interpretations(heard: _Heard, money: Money) -> set[tuple[str, frozenset[int]]]:
    """Every way to read the numbers as exactly one meter and one amount.

    A number that by itself is as long as a meter is the meter; only else are groups joined.
    """
    found = [
        (meter, amounts, len(left if left_is_meter else right) == 1)
        for left, right in _cuts(heard.runs())
        for left_is_meter in (True, False)
        if (meter := _meter(left if left_is_meter else right))
        and (amounts := _amount(right if left_is_meter else left, money))
    ]
    whole = {(meter, amounts) for meter, amounts, alone in found if alone}
    return whole or {(meter, amounts) for meter, amounts, _ in found}


def _cuts(runs: list[list[_Piece]]) -> Iterator[tuple[list[_Piece], list[_Piece]]]:
    if len(runs) == 2:
        yield runs[0], runs[1]
    elif len(runs) == 1 and len(runs[0]) <= MAX_PIECES:
        for at in range(1, len(runs[0])):
            yield runs[0][:at], runs[0][at:]


def _meter(run: list[_Piece]) -> str:
    digits = "".join(piece.text for piece in run)
    plain = digits.isdigit() and not any(piece.factor for piece in run)
    return digits if plain and len(digits) in _METER_LENGTHS else ""


def _amount(run: list[_Piece], money: Money) -> frozenset[int]:
    *_, last = run
    if last.factor:
        whole = len(run) == 1
        return multiplied(last.text, last.factor, money.exponent) if whole else frozenset()
    return readings(_shown(run), money.exponent, money.decimal_mark)


def _shown(run: list[_Piece]) -> str:
    return " ".join(piece.text for piece in run)


def _doubtful(heard: _Heard, money: Money) -> str:
    """The part of the numbers to show as doubtful: the amount with several readings, or all."""
    for piece in heard.pieces():
        if len(_amount([piece], money)) > 1:
            return piece.text
    return _shown(heard.pieces())


def _diagnosis(heard: _Heard, money: Money) -> tuple[str, Mapping[str, Any]]:
    """Why the numbers are not one meter and one amount."""
    pieces = heard.pieces()
    meters = [piece for piece in pieces if _meter([piece])]
    rest = [piece for piece in pieces if piece not in meters]
    if len(meters) > 1:
        return "several-meters", {}
    if not pieces:
        return "meter-missing", {}
    if meter := _meter(pieces):
        return "amount-missing", {"meter": meter}
    if meters:
        several = len(rest) > 1 and all(_amount([piece], money) for piece in rest)
        return ("several-amounts", {}) if several else ("amount-unclear", {"text": _shown(rest)})
    longest = max((piece.text for piece in pieces if piece.text.isdigit()), key=len, default="")
    if len(longest) >= NEARLY or (len(pieces) > 1 and len(longest) >= 7):
        return "meter-length", {"meter": longest, "length": len(longest)}
    amounts = _amount(pieces, money)
    if len(amounts) == 1:
        return "meter-missing", {"tender": min(amounts)}
    return "meter-missing", {}

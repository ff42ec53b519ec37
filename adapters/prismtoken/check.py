"""Is what came back what was asked for? A token that differs is never handed to anybody.

A module that mixes up two calls, or whose answers somebody else can write, would sell one
customer's token to another. What can be seen without the key is compared: every field that the
order fixes, the digits' form, the class that is open in them, and the set's completeness.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from adapters.prismtoken.api import Token
from adapters.prismtoken.orders import (
    DAY_MINUTES,
    FIRST_CURRENCY,
    KEY_CHANGE,
    MANAGEMENT,
    Order,
    Target,
    Wanted,
)

_DEC = re.compile(r"[0-9]{20}", re.ASCII)
_HEX = re.compile(r"[0-9A-Fa-f]{17}", re.ASCII)
_CLASS_SHIFT = 27  # the class lies open in two bits of a token (IEC 62055-41, 6.4.4)
_RESERVED_MINUTE = 1


class Wrong(NamedTuple):
    """One difference: where, what was asked, what came. Digits of tokens are never in it."""

    field: str
    asked: str
    got: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What came, sorted: the sections of a key change, and the token. Good if nothing is wrong."""

    key_change: tuple[Token, ...]
    token: Token | None
    wrong: tuple[Wrong, ...]


def check(order: Order, tokens: Sequence[Token]) -> Checked:
    """Compares an order with the tokens that came for it, in whatever order."""
    sections = sorted((one for one in tokens if _is_section(one)), key=lambda one: one.subclass)
    others = [one for one in tokens if not _is_section(one)]
    wrong = [
        *_sections(order, sections),
        *_token(order, others),
        *(each for place, one in enumerate(tokens) for each in _form(one, f"[{place}].")),
    ]
    if len({one.token_dec for one in tokens}) != len(tokens):
        wrong.append(Wrong("tokenDec", "each token once", "one token twice"))
    return Checked(tuple(sections), others[0] if others else None, tuple(wrong))


def _is_section(token: Token) -> bool:
    return token.token_class == MANAGEMENT and token.subclass in KEY_CHANGE


def _compare(pairs: dict[str, tuple[object, object]], prefix: str) -> Iterator[Wrong]:
    for name, (asked, got) in pairs.items():
        if asked != got:
            yield Wrong(prefix + name, str(asked), str(got))


def _meter(order: Order, token: Token, key: Target, prefix: str) -> Iterator[Wrong]:
    meter = order.meter
    pairs: dict[str, tuple[object, object]] = {
        "drn": (meter.drn, token.drn),
        "pan": (meter.pan, token.pan),
        "ea": (meter.ea, token.ea),
        "tct": (meter.tct, token.tct),
        "sgc": (int(key.sgc), token.sgc),
        "krn": (key.krn, token.krn),
        "ti": (int(key.ti), token.ti),
    }
    return _compare(pairs, prefix)


def _sections(order: Order, found: list[Token]) -> Iterator[Wrong]:
    """The set is complete, under the old key, and leads where it should."""
    asked: tuple[int, ...] = ()
    if order.change is not None:
        asked = KEY_CHANGE if order.meter.ea == 11 else KEY_CHANGE[: 2 + order.three_tokens]
    got = tuple(one.subclass for one in found)
    if asked != got:
        yield Wrong("key change", f"sections {asked}", f"sections {got}")
    meter = order.meter
    old = Target(meter.sgc, meter.krn, meter.ti)
    for place, one in enumerate(found):
        yield from _meter(order, one, old, f"key change[{place}].")
    if order.change is None:
        return
    change = order.change
    advices = [one.new_config for one in found if one.new_config is not None]
    if len(advices) != 1:
        yield Wrong("newConfig", "once in a set", f"{len(advices)} times")
    for advice in advices:
        pairs: dict[str, tuple[object, object]] = {
            "toSgc": (int(change.sgc), advice.to_sgc),
            "toKrn": (change.krn, advice.to_krn),
            "toTi": (int(change.ti), advice.to_ti),
        }
        yield from _compare(pairs, "newConfig.")


def _token(order: Order, found: list[Token]) -> Iterator[Wrong]:
    """The one token that was asked for, under the key that the meter will have by then."""
    wanted, meter = order.token, order.meter
    if len(found) != (wanted is not None):
        yield Wrong("tokens", str(int(wanted is not None)), str(len(found)))
    if wanted is None:
        return
    key = order.change or Target(meter.sgc, meter.krn, meter.ti)
    for one in found:
        yield from _meter(order, one, key, "")
        pairs: dict[str, tuple[object, object]] = {
            "tokenClass": (wanted.token_class, one.token_class),
            "subclass": (wanted.subclass, one.subclass),
            "tid": (wanted.tid, one.tid),
            "isReservedTid": (wanted.tid % DAY_MINUTES == _RESERVED_MINUTE, one.is_reserved_tid),
        }
        yield from _compare(pairs, "")
        if not _same_amount(wanted, one.transfer_amount):
            yield Wrong("transferAmount", str(wanted.amount), repr(one.transfer_amount))


def _same_amount(wanted: Wanted, got: float) -> bool:
    if wanted.token_class != MANAGEMENT and wanted.subclass >= FIRST_CURRENCY:
        # Half of the last decimal: doubles do not hold most decimals exactly.
        return abs(got * 100_000 - wanted.amount) < 0.5
    return got == wanted.amount


def _form(token: Token, prefix: str) -> Iterator[Wrong]:
    """Digits that can be a token of that class, the same in both notations."""
    if not _DEC.fullmatch(token.token_dec) or int(token.token_dec) >> 66:
        yield Wrong(prefix + "tokenDec", "20 digits of 66 bits", "something else")
        return
    number = int(token.token_dec)
    if not _HEX.fullmatch(token.token_hex) or int(token.token_hex, 16) != number:
        yield Wrong(prefix + "tokenHex", "the number of tokenDec", "another")
    if number >> _CLASS_SHIFT & 3 != token.token_class:
        inside = str(number >> _CLASS_SHIFT & 3)
        yield Wrong(prefix + "tokenDec", f"class {token.token_class}", f"class {inside}")

"""EA07, the Standard Transfer Algorithm: 64-bit block and key, 16 rounds, pluggable tables.

Each round puts the 16 nibbles of the block through one of two substitutions, chosen by bit 3 of
the same nibble of the round key, then moves every bit i to place P[i]. The tables of real meters
are licensed by the STS Association to its members and come as the operator's own file; the sample
tables of the standard are built in. IEC 62055-41, clause 7.3; facts topic "EA07".

Speed: substitution and permutation of one byte are one look-up, in a table per byte place and pair
of selector bits, so that a round is eight look-ups; the choice of tables is the key schedule.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from core.sts.errors import KeyLengthError, TablesFormError

_MASK64 = (1 << 64) - 1
_ROUNDS = 16
_SELECTORS = 0x8888888888888888  # bit 3 of every nibble

# A tables file holds 96 numbers; this is room for comments, and a stop for a wrong file.
TABLES_TEXT_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Tables:
    """`t1`, `t2`: nibble substitutions for selector bit 0 and 1; `p`: bit i goes to place p[i]."""

    t1: tuple[int, ...]
    t2: tuple[int, ...]
    p: tuple[int, ...]

    def __post_init__(self) -> None:
        for name, values, size in (("T1", self.t1, 16), ("T2", self.t2, 16), ("P", self.p, 64)):
            if sorted(values) != list(range(size)):
                raise TablesFormError(
                    f"{name} must hold each number from 0 to {size - 1} once; it has "
                    f"{len(values)} numbers, {len(set(values))} of them different.",
                    where=name,
                )


SAMPLE_TABLES = Tables(
    t1=(12, 10, 8, 4, 3, 15, 0, 2, 14, 1, 5, 13, 6, 9, 7, 11),
    t2=(6, 9, 7, 4, 3, 10, 12, 14, 2, 13, 1, 15, 0, 11, 8, 5),
    p=(
        *(29, 27, 34, 9, 16, 62, 55, 2, 40, 49, 38, 25, 33, 61, 30, 23),
        *(1, 41, 21, 57, 42, 15, 5, 58, 19, 53, 22, 17, 48, 28, 24, 39),
        *(3, 60, 36, 14, 11, 52, 54, 12, 31, 51, 10, 26, 0, 45, 37, 43),
        *(44, 6, 59, 4, 7, 35, 56, 50, 13, 18, 32, 47, 46, 63, 20, 8),
    ),
)

_SUBSTITUTION = ("t", "table", "s", "sub", "substitution", "substitutiontable")
_NAMES = {
    **{f"{word}1": "t1" for word in _SUBSTITUTION},
    **{f"{word}2": "t2" for word in _SUBSTITUTION},
    **dict.fromkeys(("p", "permutation", "permutationtable"), "p"),
}
_COMMENT = re.compile(r"#.*|//.*|;.*|\(.*?\)")
_WORD = re.compile(r"[A-Za-z_]\w*|-?\d+")
_BETWEEN = re.compile(r"""[\s,:=\[\]{}"']*""")


def load_tables(text: str) -> Tables:
    """Tables from a file that names T1, T2 and P, each followed by its numbers.

    `T1 = 12 10 8 …` on lines of any length, or the same as TOML or JSON lists; `#`, `//` and `;`
    begin a comment. Error: TablesFormError, with the name that is wrong; numbers are not repeated.
    """
    if len(text) > TABLES_TEXT_MAX:
        raise TablesFormError("A tables file has less than 64 KiB.", where="file")
    found: dict[str, list[int]] = {}
    current: list[int] | None = None
    rest = _COMMENT.sub("", text)
    strange = _BETWEEN.sub("", _WORD.sub("", rest))
    if strange:
        raise TablesFormError(
            f"A tables file holds names and numbers; this one has {strange[0]!r}.", where="file"
        )
    for word in _WORD.findall(rest):
        if word.lstrip("-").isdigit():
            if current is None:
                raise TablesFormError("A number stands in front of any table's name.", where="file")
            current.append(int(word))
            continue
        name = _NAMES.get(word.lower().replace("_", ""))
        if name in found:
            raise TablesFormError(f"{word} is given twice.", where=word)
        current = found.setdefault(name, []) if name else None
    return _tables_of(found)


def _tables_of(found: dict[str, list[int]]) -> Tables:
    missing = [name.upper() for name in ("t1", "t2", "p") if name not in found]
    if missing:
        raise TablesFormError(f"A tables file names T1, T2 and P; {missing[0]} is missing.")
    return Tables(tuple(found["t1"]), tuple(found["t2"]), tuple(found["p"]))


# --- the look-ups -----------------------------------------------------------------------------

_ByteTable = list[int]  # 256 contributions of one byte to the 64-bit result
# [byte place 0..7][that byte of the selector word: 00, 08, 80 or 88]
_PlaceTables = list[dict[int, _ByteTable]]
_PAIRS = ((0x00, 0, 0), (0x08, 0, 1), (0x80, 1, 0), (0x88, 1, 1))  # byte, high and low selector


class _Lookups(NamedTuple):
    encrypt: _PlaceTables  # substitution, then permutation
    decrypt: _PlaceTables  # inverse substitution, then inverse permutation of the round before
    unpermute: list[_ByteTable]  # the first inverse permutation alone
    unsubstitute: _PlaceTables  # the last inverse substitution alone


def _inverse(permutation: Sequence[int]) -> tuple[int, ...]:
    places = [0] * len(permutation)
    for index, place in enumerate(permutation):
        places[place] = index
    return tuple(places)


def _move(nibble: int, place: int, moves: Sequence[int]) -> int:
    return sum(1 << moves[4 * place + bit] for bit in range(4) if nibble >> bit & 1)


def _place_tables(substitutions: Sequence[Sequence[int]], moves: Sequence[int]) -> _PlaceTables:
    """For each byte place and selector pair: the byte's nibbles substituted, then moved."""
    nibbles = [
        [[_move(table[value], place, moves) for value in range(16)] for table in substitutions]
        for place in range(16)
    ]
    return [
        {
            pair: [
                nibbles[2 * byte + 1][high][value >> 4] | nibbles[2 * byte][low][value & 15]
                for value in range(256)
            ]
            for pair, high, low in _PAIRS
        }
        for byte in range(8)
    ]


@lru_cache(maxsize=8)  # sample and live tables, and a few in tests
def _lookups(tables: Tables) -> _Lookups:
    stay = tuple(range(64))
    nibble = tuple(range(16))
    forward = (tables.t1, tables.t2)
    backward = (_inverse(tables.t1), _inverse(tables.t2))
    unmove = _inverse(tables.p)
    return _Lookups(
        _place_tables(forward, tables.p),
        _place_tables(backward, unmove),
        [pairs[0] for pairs in _place_tables((nibble, nibble), unmove)],
        _place_tables(backward, stay),
    )


def _round_keys(key: int) -> list[int]:
    """The 16 selector words: the inverted key, rotated right by 12, then left by one each round."""
    flipped = key ^ _MASK64
    word = (flipped >> 12 | flipped << 52) & _MASK64
    words = []
    for _ in range(_ROUNDS):
        words.append(word & _SELECTORS)
        word = (word << 1 | word >> 63) & _MASK64
    return words


_RoundTables = tuple[_ByteTable, ...]


def _choose(tables: _PlaceTables, word: int) -> _RoundTables:
    """One table per byte place (bits 0..7 first) by the selector bits of this round's word."""
    t0, t1, t2, t3, t4, t5, t6, t7 = tables
    b0, b1, b2, b3, b4, b5, b6, b7 = word.to_bytes(8, "little")
    return t0[b0], t1[b1], t2[b2], t3[b3], t4[b4], t5[b5], t6[b6], t7[b7]


def _run(block: int, rounds: Sequence[_RoundTables]) -> int:
    for t0, t1, t2, t3, t4, t5, t6, t7 in rounds:
        b0, b1, b2, b3, b4, b5, b6, b7 = block.to_bytes(8, "little")
        block = t0[b0] | t1[b1] | t2[b2] | t3[b3] | t4[b4] | t5[b5] | t6[b6] | t7[b7]
    return block


class Sta:
    """One decoder key's schedule. `encrypt` and `decrypt` take and give 64-bit integers."""

    __slots__ = ("_decrypt", "_encrypt", "_look", "_words")

    ea = 7

    def __init__(self, key: bytes, tables: Tables) -> None:
        """Error: KeyLengthError when `key` has not 8 bytes."""
        if len(key) != 8:
            raise KeyLengthError(
                f"A decoder key of EA07 has 8 bytes; this one has {len(key)}.", where="key"
            )
        self._look = look = _lookups(tables)
        self._words = _round_keys(int.from_bytes(key, "big"))
        self._encrypt = [_choose(look.encrypt, word) for word in self._words]
        self._decrypt: list[_RoundTables] = []  # made at the first need: issuing has none

    def encrypt(self, block: int) -> int:
        """The ciphertext of a 64-bit block."""
        return _run(block, self._encrypt)

    def decrypt(self, block: int) -> int:
        """The block of a 64-bit ciphertext."""
        if not self._decrypt:
            look, words = self._look, self._words
            self._decrypt = [
                tuple(look.unpermute),
                *(_choose(look.decrypt, word) for word in reversed(words[1:])),
                _choose(look.unsubstitute, words[0]),
            ]
        return _run(block, self._decrypt)

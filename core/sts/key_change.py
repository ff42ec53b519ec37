"""Key change token sets (KCT): two or three tokens under EA07, four under EA11.

All sections are encrypted under the old key, all fields describe the new one. KCTs have neither
TID nor RND: the same parameters give the same digits, so a set may be printed again and again.
IEC 62055-41, clauses 6.2.7 to 6.2.10 and 7.3.1; facts topic "key change".
"""

from dataclasses import dataclass

from core.sts.errors import AlgorithmPairError, FieldRangeError, KeyChangeRuleError, KeyLengthError
from core.sts.keys import DECODER_KEY_BYTES, Ea, KeyType
from core.sts.layouts import Management, TokenClass
from core.sts.tid import KEN_MAX
from core.sts.token import BlockCipher, TokenData, encode

# Which key type may follow which; a magnetic card meter's common key only follows itself.
MAY_FOLLOW: dict[int, frozenset[int]] = {
    KeyType.DITK: frozenset((0, 1, 2, 3)),
    KeyType.DDTK: frozenset((1, 2, 3)),
    KeyType.DUTK: frozenset((2, 1)),
    KeyType.DCTK: frozenset((3,)),
}


@dataclass(frozen=True, slots=True)
class NewKey:
    """The key that a meter shall have: `key` bytes and what the meter keeps beside it.

    `roll_over` (RO) empties the meter's TID memory: needed when the base date changes.
    """

    key: bytes
    kt: int
    sgc: str
    ti: str
    krn: int
    ken: int
    roll_over: bool = False


def check_order(old_kt: int, new_kt: int) -> None:
    """Whether a key of type `new_kt` may follow one of `old_kt`. Error: KeyChangeRuleError."""
    if new_kt not in MAY_FOLLOW.get(old_kt, frozenset()):
        raise KeyChangeRuleError(
            f"A key of type {new_kt} may not follow one of type {old_kt}.",
            where="kt",
            evidence=f"{old_kt} -> {new_kt}",
        )


def _words(key: bytes) -> list[int]:
    return [int.from_bytes(key[i : i + 4], "big") for i in range(0, len(key), 4)]


def _section_1(new: NewKey, *, three: bool) -> TokenData:
    fields = {
        "ken_high": new.ken >> 4,
        "krn": new.krn,
        "ro": int(new.roll_over),
        "three_kct": int(three),
        "kt": new.kt,
        "key_high": _words(new.key)[0],
    }
    return TokenData(TokenClass.MANAGEMENT, Management.KEY_CHANGE_1, fields)


def _section_2(new: NewKey) -> TokenData:
    fields = {"ken_low": new.ken & 0xF, "ti": int(new.ti), "key_low": _words(new.key)[-1]}
    return TokenData(TokenClass.MANAGEMENT, Management.KEY_CHANGE_2, fields)


def _further(new: NewKey, ea: int) -> list[TokenData]:
    sgc = int(new.sgc)
    if ea == Ea.STA:
        fields = {"sgc": sgc, "padding": 0}
        return [TokenData(TokenClass.MANAGEMENT, Management.KEY_CHANGE_3, fields)]
    # The four words of the new key, from the top, travel in sections 1, 3, 4 and 2.
    _, in_third, in_fourth, _ = _words(new.key)
    third = {"sgc_low": sgc & 0xFFF, "key_mid2": in_third}
    fourth = {"sgc_high": sgc >> 12, "key_mid1": in_fourth}
    return [
        TokenData(TokenClass.MANAGEMENT, Management.KEY_CHANGE_3, third),
        TokenData(TokenClass.MANAGEMENT, Management.KEY_CHANGE_4, fourth),
    ]


def sections(new: NewKey, ea: int, *, three_tokens: bool = False) -> list[TokenData]:
    """The sections of a set in their order; `three_tokens` for EA07 meters that keep their SGC.

    Errors: FieldRangeError, KeyLengthError, AlgorithmPairError (three tokens under EA11).
    """
    wanted = DECODER_KEY_BYTES[Ea(ea)]
    if len(new.key) != wanted:
        raise KeyLengthError(f"A decoder key of EA{ea:02d} has {wanted} bytes.", where="new_key")
    if not 0 <= new.ken <= KEN_MAX:
        raise FieldRangeError("A KEN is 0 to 255.", where="ken", evidence=str(new.ken))
    if three_tokens and ea != Ea.STA:
        raise AlgorithmPairError("The three-token form is one of EA07; EA11 has four.", where="ea")
    head = [_section_1(new, three=three_tokens), _section_2(new)]
    return head + (_further(new, ea) if three_tokens or ea == Ea.MISTY1 else [])


def encode_set(old: BlockCipher, new: NewKey, *, three_tokens: bool = False) -> list[str]:
    """The digits of a set, encrypted under the old key. Errors as `sections`."""
    return [encode(part, old) for part in sections(new, old.ea, three_tokens=three_tokens)]

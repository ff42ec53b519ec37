"""EA11: MISTY1 with 8 rounds (RFC 2994, ISO/IEC 18033-3), 128-bit key, one 64-bit block.

Speed: FI is a 9/7-bit Feistel that takes its key in one XOR in the middle, so it is two look-ups
in tables of 65,536 words around that XOR, shared by all keys.
"""

from array import array
from functools import cache
from operator import itemgetter
from struct import Struct

from core.sts.errors import KeyLengthError

_S7 = bytes.fromhex(
    "1B 32 33 5A 3B 10 17 54 5B 1A 72 73 6B 2C 66 49 1F 24 13 6C 37 2E 3F 4A 5D 0F 40 56"
    "25 51 1C 04 0B 46 20 0D 7B 35 44 42 2B 1E 41 14 4B 79 15 6F 0E 55 09 36 74 0C 67 53"
    "28 0A 7E 38 02 07 60 29 19 12 65 2F 30 39 08 68 5F 78 2A 4C 64 45 75 3D 59 48 03 57"
    "7C 4F 62 3C 1D 21 5E 27 6A 70 4D 3A 01 6D 6E 63 18 77 23 05 26 76 00 31 2D 7A 7F 61"
    "50 22 11 06 47 16 52 4E 71 3E 69 43 34 5C 58 7D"
)
_S9_HEX = (  # three hex digits an entry
    "1C30CB15319F1E30E90FB0351810B91171EB13300902D0D30C714A03707E0EB1641931D80A311E05502C01D1A2"
    "16311814B1521D200F02B03013A0E511113818E0630E30C81F401B00109D0F81A016D1F301C14607D0D10821EA"
    "18312D0F419E1D30DD1E21281E00EC05909101112F0260DC0B018C10F1F70E716C0B60F90D815110114C1030B8"
    "15412B1AE01707100C04705807F1A413412908415D19D1B21A304807C0511CA02313D1A716503B0420DA1920CE"
    "0C106B09F1F112C1840FA1961E116917D03118010A0941DA18613E11C0601751CF067119065068099150008007"
    "17C0B70240190DE1270DB0E41A905210909019C1C10281B313516A1760DF1E51880C516E1DE1B10C31DF0360EE"
    "1EE0F009304909A1B606908112500B05E0B41491C717403E13B1B708E1C60AE0100951EF04E0F21FD0850FD0F6"
    "0A016F08308A15609B13C1071670981D01E90031FE0BD1220890D218F01203306A1420ED17011B0E214F158131"
    "14705D1131CD0791611A517909E1B40CC02213201A0E80041871ED1970391BF1D702718B0C609C0D014E06C034"
    "1F206E0CA0250BA1910FE01310602F1AD1721DB0C010B1D60F51EC10D0761141AB07510C1E415905411F04B0C4"
    "1BE0F70290A400E1F007704D17A08608B0B31710BF10E10409715B1601680D70BB0661CE0FC0921C506F01604A"
    "0A11390AF0F119000A1AA14317B05618D1660D41FB14D19419A0871F81230A71B814103C1F914002A15511A1A1"
    "1980D51261AF06112E1571DC07218A0AA0961150EF04507B08D14505305F1780B202E0201D503F1C91E71AC044"
    "0380140B116B0AB0B505A1821C81D40181770640CF06D10019913015A0051201BB1BD0E004F0D613F1C412A015"
    "0060FF19B0A604308805015F1E812107317E0BC0C20C91731891F50741CC1E61A819501F04100D1BA03203D1D1"
    "0800A80571B91621480D910506207A0211FF1121081C00A911D1B01A60CD0F305C10205B1D91441F60AD0A503A"
    "1CB13617F0460E101E1DD0E61371FA18508C08F0401B50BE0780000AC11015E1240021BC0A20EA0701FC11615C"
    "04C1C2"
)
_S9 = tuple(int(_S9_HEX[i : i + 3], 16) for i in range(0, 3 * 512, 3))


@cache
def _fi_tables() -> "tuple[array[int], array[int]]":
    """FI(x, k) = second[first[x] ^ k]: what FI does before and after its key comes in."""
    first = array("H", bytes(2 * 65_536))
    second = array("H", bytes(2 * 65_536))
    for word in range(65_536):
        d9, d7 = _S9[word >> 7] ^ word & 0x7F, word & 0x7F
        first[word] = (_S7[d7] ^ d9 & 0x7F) << 9 | d9
        d7, d9 = word >> 9, word & 0x1FF
        second[word] = d7 << 9 | _S9[d9] ^ d7
    return first, second


# The 16 words of a schedule are K1..K8, then K'1..K'8 (K' is FI of K under the next K). Which of
# them each round takes is the same for every key, so a key's schedule is a few selections.
def _fo(i: int) -> tuple[int, ...]:
    """For round i, FO's keys: K, K' in turn for its three FI, then the last K."""
    takes = (i, 8 + (i + 5) % 8, (i + 2) % 8, 8 + (i + 1) % 8, (i + 7) % 8, 8 + (i + 3) % 8)
    return (*takes, (i + 4) % 8)


def _fl(j: int) -> tuple[int, ...]:
    """In front of a pair of rounds, FL's keys: AND and OR of the left half, then of the right."""
    return j, 8 + (j + 6) % 8, 8 + (j + 2) % 8, (j + 4) % 8


_PAIRS = tuple(itemgetter(*_fl(j), *_fo(2 * j), *_fo(2 * j + 1)) for j in range(4))
_LAST = itemgetter(*_fl(4))
_key_words = Struct(">8H").unpack


class Misty1:
    """One decoder key's schedule. `encrypt` and `decrypt` take and give 64-bit integers.

    The rounds are written out on four words of 16 bits: calling a function for each FO and FL
    took more time than what they do.
    """

    __slots__ = ("_first", "_last", "_pairs", "_second")

    ea = 11
    _pairs: list[tuple[int, ...]]
    _last: tuple[int, ...]

    def __init__(self, key: bytes) -> None:
        """Error: KeyLengthError when `key` has not 16 bytes."""
        if len(key) != 16:
            raise KeyLengthError(
                f"A decoder key of EA11 has 16 bytes; this one has {len(key)}.", where="key"
            )
        first, second = self._first, self._second = _fi_tables()
        k = _key_words(key)
        words = (*k, *[second[first[a] ^ b] for a, b in zip(k, (*k[1:], k[0]), strict=True)])
        self._pairs = [select(words) for select in _PAIRS]
        self._last = _LAST(words)

    def encrypt(self, block: int) -> int:
        """The ciphertext of a 64-bit block."""
        first, second = self._first, self._second
        a, b = block >> 48, block >> 32 & 0xFFFF
        c, d = block >> 16 & 0xFFFF, block & 0xFFFF
        for keys in self._pairs:
            and0, or0, and1, or1, k0, p0, k1, p1, k2, p2, k3, m0, q0, m1, q1, m2, q2, m3 = keys
            b ^= a & and0
            a ^= b | or0
            d ^= c & and1
            c ^= d | or1
            t = second[first[a ^ k0] ^ p0] ^ b
            u = second[first[b ^ k1] ^ p1] ^ t
            c ^= u ^ k3
            d ^= second[first[t ^ k2] ^ p2] ^ u
            t = second[first[c ^ m0] ^ q0] ^ d
            u = second[first[d ^ m1] ^ q1] ^ t
            a ^= u ^ m3
            b ^= second[first[t ^ m2] ^ q2] ^ u
        and0, or0, and1, or1 = self._last
        b ^= a & and0
        d ^= c & and1
        return (c ^ (d | or1)) << 48 | d << 32 | (a ^ (b | or0)) << 16 | b

    def decrypt(self, block: int) -> int:
        """The block of a 64-bit ciphertext: every step of `encrypt` from the last to the first."""
        first, second = self._first, self._second
        c, d = block >> 48, block >> 32 & 0xFFFF
        a, b = block >> 16 & 0xFFFF, block & 0xFFFF
        and0, or0, and1, or1 = self._last
        a ^= b | or0
        b ^= a & and0
        c ^= d | or1
        d ^= c & and1
        for keys in reversed(self._pairs):
            and0, or0, and1, or1, k0, p0, k1, p1, k2, p2, k3, m0, q0, m1, q1, m2, q2, m3 = keys
            t = second[first[c ^ m0] ^ q0] ^ d
            u = second[first[d ^ m1] ^ q1] ^ t
            a ^= u ^ m3
            b ^= second[first[t ^ m2] ^ q2] ^ u
            t = second[first[a ^ k0] ^ p0] ^ b
            u = second[first[b ^ k1] ^ p1] ^ t
            c ^= u ^ k3
            d ^= second[first[t ^ k2] ^ p2] ^ u
            a ^= b | or0
            b ^= a & and0
            c ^= d | or1
            d ^= c & and1
        return a << 48 | b << 32 | c << 16 | d

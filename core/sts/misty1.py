"""EA11: MISTY1 with 8 rounds (RFC 2994, ISO/IEC 18033-3), 128-bit key, one 64-bit block.

Speed: FI is a 9/7-bit Feistel that takes its key in one XOR in the middle, so it is two look-ups
in tables of 65,536 words around that XOR, shared by all keys.
"""

from array import array
from functools import cache

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


class Misty1:
    """One decoder key's schedule. `encrypt` and `decrypt` take and give 64-bit integers."""

    __slots__ = ("_first", "_fl", "_fo", "_second")

    ea = 11

    def __init__(self, key: bytes) -> None:
        """Error: KeyLengthError when `key` has not 16 bytes."""
        if len(key) != 16:
            raise KeyLengthError(
                f"A decoder key of EA11 has 16 bytes; this one has {len(key)}.", where="key"
            )
        first, second = self._first, self._second = _fi_tables()
        k = [int.from_bytes(key[i : i + 2], "big") for i in range(0, 16, 2)]
        kp = [second[first[k[i]] ^ k[(i + 1) % 8]] for i in range(8)]
        # Per round i of FO: K[i], KP[i+5], K[i+2], KP[i+1], K[i+7], KP[i+3], K[i+4].
        self._fo = tuple(
            (
                *(k[i], kp[(i + 5) % 8], k[(i + 2) % 8], kp[(i + 1) % 8]),
                *(k[(i + 7) % 8], kp[(i + 3) % 8], k[(i + 4) % 8]),
            )
            for i in range(8)
        )
        # Per pair of rounds: the AND and OR words of the left FL, then of the right one.
        self._fl = tuple((k[j], kp[(j + 6) % 8], kp[(j + 2) % 8], k[(j + 4) % 8]) for j in range(5))

    def encrypt(self, block: int) -> int:
        """The ciphertext of a 64-bit block."""
        d0, d1 = block >> 32, block & 0xFFFFFFFF
        for pair in range(4):
            and0, or0, and1, or1 = self._fl[pair]
            d0 = _fl(d0, and0, or0)
            d1 = _fl(d1, and1, or1)
            d1 ^= self._mix(d0, 2 * pair)
            d0 ^= self._mix(d1, 2 * pair + 1)
        and0, or0, and1, or1 = self._fl[4]
        return _fl(d1, and1, or1) << 32 | _fl(d0, and0, or0)

    def decrypt(self, block: int) -> int:
        """The block of a 64-bit ciphertext."""
        d1, d0 = block >> 32, block & 0xFFFFFFFF
        and0, or0, and1, or1 = self._fl[4]
        d0 = _fl_inverse(d0, and0, or0)
        d1 = _fl_inverse(d1, and1, or1)
        for pair in (3, 2, 1, 0):
            and0, or0, and1, or1 = self._fl[pair]
            d0 ^= self._mix(d1, 2 * pair + 1)
            d1 ^= self._mix(d0, 2 * pair)
            d0 = _fl_inverse(d0, and0, or0)
            d1 = _fl_inverse(d1, and1, or1)
        return d0 << 32 | d1

    def _mix(self, word: int, i: int) -> int:
        """FO of the standard: three FI, on 32 bits."""
        first, second = self._first, self._second
        k0, p0, k1, p1, k2, p2, k3 = self._fo[i]
        t0, t1 = word >> 16, word & 0xFFFF
        t0 = second[first[t0 ^ k0] ^ p0] ^ t1
        t1 = second[first[t1 ^ k1] ^ p1] ^ t0
        t0 = second[first[t0 ^ k2] ^ p2] ^ t1
        return (t1 ^ k3) << 16 | t0


def _fl(word: int, and_key: int, or_key: int) -> int:
    left, right = word >> 16, word & 0xFFFF
    right ^= left & and_key
    return (left ^ (right | or_key)) << 16 | right


def _fl_inverse(word: int, and_key: int, or_key: int) -> int:
    left, right = word >> 16, word & 0xFFFF
    left ^= right | or_key
    return left << 16 | right ^ left & and_key

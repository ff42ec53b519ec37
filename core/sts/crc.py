"""The token's check sum: CRC-16 with reflected polynomial A001, start FFFF, result bytes swapped.

Input: the 50 bits class (2) | subclass (4) | body (44) as 7 bytes; currency tokens (class 0,
subclass 4 to 7) append one byte 01 ("CRC_C"), so that an older meter does not take one for units.
IEC 62055-41, clause 6.3.7; facts topic "CRC".
"""

_POLYNOMIAL = 0xA001


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = tuple(_entry(byte) for byte in range(256))


def crc16(data: bytes) -> int:
    """The CRC of `data`, low byte in front as the token carries it."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return (crc & 0xFF) << 8 | crc >> 8


def token_crc(value50: int, *, currency: bool = False) -> int:
    """The 16-bit check sum of class | subclass | body (50 bits)."""
    data = value50.to_bytes(7, "big")
    return crc16(data + b"\x01" if currency else data)

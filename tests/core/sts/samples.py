"""Keys and meters of the public compliance samples, for the tests of this package."""

from core.sts.keys import KeyIdentity, derive
from core.sts.keystore import DEMO_VK02, DEMO_VK04, demo_keys
from core.sts.meter_id import meter_pan
from core.sts.module import MeterKey, VirtualModule, open_module
from core.sts.sta import SAMPLE_TABLES
from core.sts.tid import BaseDate
from core.sts.token import BlockCipher, cipher_for

PAN = "600727000000000009"
DRN = "04123456784"
DEMO_PAN = meter_pan(DRN)
MASTER = bytes(range(32))
COMPANY = "demo"
# 2026-07-29 00:00 UTC, whose TID on base 2014 the vectors name: 6612480.
NOW_US = (16_071 * 1440 + 6_612_480) * 60_000_000


def reg1(ti: str = "01", krn: int = 1) -> KeyIdentity:
    """Register 1 of STS 531: supply group 201457, base date 2014."""
    return KeyIdentity(PAN, 2, "201457", ti, krn, BaseDate.Y2014)


def decoder_key(ea: int, ti: str = "01") -> bytes:
    """The decoder key of register 1."""
    return derive("04", DEMO_VK04, reg1(ti), ea)


def cipher(ea: int) -> BlockCipher:
    """Register 1 ready for use, EA07 with the sample tables."""
    return cipher_for(ea, decoder_key(ea), SAMPLE_TABLES)


def module(test_companies: tuple[str, ...] = (COMPANY,)) -> VirtualModule:
    """A virtual module with the demo keys."""
    keys = demo_keys(MASTER, COMPANY)
    return open_module("virtual-1", keys, MASTER, SAMPLE_TABLES, test_companies)


def demo_meter(ea: int = 11, pan: str = DEMO_PAN, kt: int = 2) -> MeterKey:
    """The demo meter under the demo key."""
    return MeterKey(COMPANY, pan, ea, "201457", 1, "01", kt)


__all__ = ["DEMO_VK02", "DEMO_VK04"]

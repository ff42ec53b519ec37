"""What an STS meter is and remembers, and the names of its answers.

IEC 62055-41, clauses 6.5.2 and 8; facts topic "decoder side".
"""

from dataclasses import dataclass, field
from enum import StrEnum

from core.sts.keys import KeyType
from core.sts.sta import Tables
from core.sts.tid import KEN_MAX, MINUTE_US
from core.sts.token import TokenData

SECOND_US = 1_000_000


class Result(StrEnum):
    """What the meter answers, by the standard's names."""

    ACCEPT = "Accept"
    KCT_1 = "1stKCT"
    KCT_2 = "2ndKCT"
    KCT_3 = "3rdKCT"
    KCT_4 = "4thKCT"
    OVERFLOW = "OverflowError"
    KEY_TYPE = "KeyTypeError"
    FORMAT = "FormatError"
    RANGE = "RangeError"
    FUNCTION = "FunctionError"
    OLD = "OldError"
    USED = "UsedError"
    KEY_EXPIRED = "KeyExpiredError"
    DDTK = "DDTKError"
    CRC = "CRCError"
    MFR_CODE = "MfrCodeError"
    LOCKED_OUT = "LockedOut"
    NOT_READY = "NotReady"


@dataclass(frozen=True, slots=True)
class MeterModel:
    """What a make of meter can do. `services`: the credit subclasses that it takes."""

    ea: int
    tables: Tables | None = None
    mfr_code: int = 0
    services: frozenset[int] = frozenset((0,))
    tid_memory: int = 50  # a maker's choice; fifty is what most are said to keep
    register_max: int = 9_999_999  # tenths: what six digits and one decimal can show
    power_limit_max: int = 100_000  # watts
    three_kct: bool = True  # EA07: keeps its supply group by a third key change token
    kct_timeout_us: int = 10 * MINUTE_US
    lock_after: int = 3  # wrong tokens
    lock_first_us: int = 10 * SECOND_US
    lock_max_us: int = 1_280 * SECOND_US


@dataclass(frozen=True, slots=True)
class MeterState:
    """Everything that a meter remembers; instants are microseconds UTC.

    `registers` hold tenths for electricity, water, gas, time; `money` 10^-5 of the currency for
    the same four. `tids` is the TID memory, ascending. `sections` are the key change sections of a
    half-entered set, by subclass, the last one entered at `section_us`.
    """

    model: MeterModel
    pan: str
    key: bytes = field(repr=False)
    kt: int = KeyType.DUTK
    sgc: str = "000000"
    krn: int = 1
    ti: str = "01"
    ken: int = KEN_MAX
    tids: tuple[int, ...] = ()
    registers: tuple[int, int, int, int] = (0, 0, 0, 0)
    money: tuple[int, int, int, int] = (0, 0, 0, 0)
    power_limit: int | None = None
    unbalance_limit: int | None = None
    tariff_rate: int | None = None
    water_factor: int | None = None
    tamper: bool = False
    settings: tuple[tuple[str, int], ...] = ()
    sections: tuple[tuple[int, TokenData], ...] = field(default=(), repr=False)
    section_us: int = 0
    wrong: int = 0
    locked_until_us: int = 0
    ready: bool = True


@dataclass(frozen=True, slots=True)
class Reaction:
    """What the display says, and what was read (None when nothing could be)."""

    result: Result
    data: TokenData | None = None


class Refused(Exception):  # noqa: N818 - a meter's answer, not an error of ours
    """Leaves a check with the meter's answer; never leaves this part of the package."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.value)
        self.result = result


def demand(holds: bool, otherwise: Result) -> None:
    """A check of the meter: goes on, or leaves with `otherwise`."""
    if not holds:
        raise Refused(otherwise)

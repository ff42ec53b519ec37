"""What one partner may ask for: so many a second, so many a day, whatever the hub could carry.

A channel instance is a partner. Over its quota it is told to come again, as when the hub is full
(SMPP throttles, a terminal hears 91, HTTP 503). Only what somebody asks for is counted: money that
has come, reversals and reports are never held back by a quota.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from core.calendars import local_time
from core.messages import (
    AddMeter,
    AskAdvance,
    AskBalance,
    AskLastTokens,
    AskMyPayment,
    ChangeMeter,
    CheckPin,
    ClaimFreeUnits,
    CreditVend,
    Message,
    RequestCollection,
    RequestTopUp,
    SellCredit,
    SetLanguage,
    TransferFloat,
)
from hub.notebook import note_of

#: What is counted. A new message is not: that a quota holds it back must be somebody's decision.
COUNTED: Final[tuple[type[Message], ...]] = (
    *(CreditVend, SellCredit, RequestCollection, AskAdvance, ClaimFreeUnits),
    *(AskBalance, AskLastTokens, AskMyPayment, SetLanguage),
    *(AddMeter, ChangeMeter, CheckPin, RequestTopUp, TransferFloat),
)
#: Under which a channel notes what it has used of its day.
NOTE: Final = "~quota"
#: How old the note may be while messages come: so much of a day's use is forgotten by a crash.
NOTE_EVERY_US: Final = 10_000_000
SECOND_US: Final = 1_000_000

if TYPE_CHECKING:  # the configuration reads this module
    from hub.ports import HubPorts

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


class QuotaSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``[channels.X.quota]``; 0: no limit. ``burst`` may come at once after a rest; not said: what
    two seconds allow."""

    per_second: Count = 0
    burst: Count = 0
    per_day: Count = 0  # of the company's zone


class Used(msgspec.Struct, frozen=True):
    """How much of a day (YYYY-MM-DD) was used: what the note says."""

    day: str = ""
    count: int = 0


@dataclass(slots=True)
class Quota:
    """What one channel has left. ``keep`` notes what it used; ``now_us`` is the wall clock."""

    section: QuotaSection
    zone: str
    now_us: Callable[[], int]
    keep: Callable[[str], None]
    used: Used = field(default_factory=Used)
    refused: int = 0
    _level_us: int = 0  # what may come now, in microseconds of its rate
    _at_us: int = 0
    _noted_us: int = 0

    def refuses(self, message: Message) -> str:
        """Why this one must come again later; empty: it may come in, and is counted."""
        if not isinstance(message, COUNTED):
            return ""
        now = self.now_us()
        why = self._over_the_day(now) or self._over_the_rate(now)
        if why:
            self.refused += 1
            return why
        self._count(now)
        return ""

    def _over_the_day(self, now: int) -> str:
        day = local_time(now, self.zone).date().isoformat()
        if self.used.day != day:
            self.used = Used(day)
        limit = self.section.per_day
        return (
            f"its quota of {limit} a day is used up" if limit and self.used.count >= limit else ""
        )

    def _over_the_rate(self, now: int) -> str:
        """A bucket that fills with time. A clock that is set back fills nothing and empties
        nothing."""
        rate = self.section.per_second
        if not rate:
            return ""
        each = SECOND_US // rate or 1
        full = (self.section.burst or 2 * rate) * each
        rest = now - self._at_us if self._at_us else full
        self._level_us = min(full, self._level_us + max(0, rest))
        self._at_us = now
        if self._level_us < each:
            return f"its quota is {rate} a second"
        self._level_us -= each
        return ""

    def _count(self, now: int) -> None:
        if not self.section.per_day:
            return
        self.used = Used(self.used.day, self.used.count + 1)
        if not 0 <= now - self._noted_us < NOTE_EVERY_US:
            self._noted_us = now
            self.keep(msgspec.json.encode(self.used).decode())

    def said(self) -> dict[str, int]:
        """For ``wattbus status``."""
        return {"used today": self.used.count, "refused": self.refused}


def quota_of(
    ports: "HubPorts", section: QuotaSection | None, used: Used | None = None
) -> Quota | None:
    """What a channel's partner has left; ``used`` None: as it was noted, here or elsewhere."""
    if section is None:
        return None
    if used is None:
        with ports.readers.reader() as reader:
            used = used_of(note_of(reader, ports.name, NOTE))

    def keep(note: str) -> None:
        ports.keep(NOTE, note).addErrback(
            lambda failure: ports.log.warning("quota.note", error=failure.getErrorMessage())
        )

    return Quota(section, ports.company.zone, ports.clock_us, keep, used)


def used_of(note: str | None) -> Used:
    """What the note says; nothing used, where there is none."""
    return Used() if note is None else msgspec.json.decode(note, type=Used)

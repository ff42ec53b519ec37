"""Which business day a request is of, asked of the books where the terminal's own date is older."""

from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from twisted.internet.defer import Deferred

from adapters.iso8583.message import Message as Iso
from channels.pos import asking, days
from channels.pos.config import PosConfig
from channels.pos.profile import Profile
from hub.channel import Ports
from hub.deadlines import within

#: How old an original may be that is still repeated, taken back or uploaded.
OLDEST_DAYS: Final = 8
#: What is about an item that came before, or may have.
_OF_ITEMS: Final = frozenset({"vend", "pay", "reversal", "upload"})
OF_OTHERS: Final = frozenset({"reversal", "upload"})
#: What a terminal sends until it is answered, days later too, with the date that it was made on: a
#: bill collected without the line, a batch that was closed. Its own date is its day, unasked: by
#: the day of arrival its repeat on another morning would be booked, or counted, a second time.
_OF_THEIR_DAY: Final = frozenset({"advice", "settle", "settle_end"})


@dataclass(frozen=True, slots=True)
class Dating:
    """The days of one channel's requests."""

    ports: Ports
    config: PosConfig
    profile: Profile
    zone: ZoneInfo

    async def day(self, message: Iso, operation: str, terminal: str) -> int | None:
        """YYYYMMDD; None: the books could not be asked.

        Of a sale an older date counts only where the books have an item of it: numbers come again,
        and what is not there is new. What takes one back means the item of its date or none: by the
        number alone it would take back today's. Only where clocks are not looked at may the item
        have been booked on the day that it came.
        """
        now = days.local(self.ports.now_us(), self.zone)
        own = self._said(message)
        other = operation in OF_OTHERS
        text = self.profile.take(message, "original_date") if other else ""
        said = days.Said(text or own.date, own.time)
        today = days.business_day(now, said)
        given = days.said_date(said.date, now)
        if operation in _OF_THEIR_DAY and given is not None:
            return days.number(given)
        if operation not in _OF_ITEMS or given is None or not _older(given, today):
            return days.number(today)
        stan = self._stan(message, other=other)
        try:
            known = await self._query(terminal, days.number(given), stan)
        except Exception:
            self.ports.log.exception("pos.item-not-asked")
            return None
        own_day = known or (other and self.profile.service.clock_s > 0)
        return days.number(given if own_day else today)

    async def wrong_clock(self, message: Iso, operation: str, name: tuple[str, int, int]) -> int:
        """Minutes that the terminal's clock is off, when too many; 0 for what goes on.

        What the books have already goes on: it is a repeat, and its answer is stored.
        """
        limit = self.profile.service.clock_s
        if not limit or operation not in ("vend", "pay"):
            return 0
        off = days.behind(days.local(self.ports.now_us(), self.zone), self._said(message))
        if off is None or abs(off.total_seconds()) <= limit:
            return 0
        try:
            known = await self._query(*name)
        except Exception:
            self.ports.log.exception("pos.item-not-asked")
            known = True  # the hub's own memory decides
        return 0 if known else max(1, int(abs(off.total_seconds()) // 60))

    def sent_us(self, message: Iso) -> int:
        """By the terminal's own clock; 0: it does not say."""
        now_us = self.ports.now_us()
        off = days.off_by(days.local(now_us, self.zone), self._said(message))
        return 0 if off is None else now_us - int(off.total_seconds()) * 1_000_000

    def _said(self, message: Iso) -> days.Said:
        take = self.profile.take
        return days.Said.of(*(take(message, name) for name in ("date", "time", "datetime")))

    def _stan(self, message: Iso, *, other: bool) -> int:
        text = self.profile.take(message, "original_stan") if other else ""
        text = text or self.profile.take(message, "stan")
        return int(text) if text.isascii() and text.isdigit() else 0

    async def _query(self, terminal: str, day: int, stan: int) -> bool:
        deadline = self.ports.reactor.seconds() + self.config.answer_s
        asked: Deferred[object] = self.ports.query(asking.item_of, terminal, day, stan)
        return await within(self.ports.reactor, asked, deadline) is not None


def _older(given: date, today: date) -> bool:
    return 0 < (today - given).days <= OLDEST_DAYS

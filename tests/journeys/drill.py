"""A day that passes in a minute: the clock of the hub's processes and of the terminals, moved."""

import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo


@dataclass
class Drill:
    """Moves the clock of every process that has ``file`` as its ``WATTBUS_CLOCK_FILE``.

    Only forward: a clock that goes back is another matter, with tests of its own.
    """

    file: Path
    zone: str
    offset_us: int = 0

    def __post_init__(self) -> None:
        self._write()

    def wall(self) -> float:
        """Seconds since 1970, as the simulated day has it."""
        return time.time() + self.offset_us / 1_000_000

    def now(self) -> datetime:
        """The same in the company's zone."""
        return datetime.fromtimestamp(self.wall(), ZoneInfo(self.zone))

    def to(self, at: datetime) -> None:
        """It is ``at`` now: the next look at a clock, anywhere, sees it. Where a slow machine has
        come there by itself, nothing is moved."""
        ahead = at - self.now()
        self.offset_us += max(0, ahead // timedelta(microseconds=1))
        self._write()

    def tomorrow(self) -> datetime:
        """The next midnight."""
        day = self.now() + timedelta(days=1)
        return day.replace(hour=0, minute=0, second=0, microsecond=0)

    def _write(self) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(str(self.offset_us), "ascii")
        os.replace(new, self.file)

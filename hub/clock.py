"""Wall clock and randomness, passed as arguments: a day is then tested in a millisecond.

A drill moves the wall clock of whole processes: ``WATTBUS_CLOCK_FILE`` names a file whose content,
microseconds, is added to the machine's clock at each look, so that a day passes in a minute. Only
installations whose companies are all test companies read their configuration then
(``hub.config``). What holds the machine's clock against another asks :meth:`Sources.machine_us`.
"""

import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: The environment's name for the file of a drill.
DRILL: Final = "WATTBUS_CLOCK_FILE"


class ClockFileError(ValueError):
    """The file of a drill does not say how far the clock is moved."""


@dataclass(slots=True)
class DrillClock:
    """The machine's clock, moved by what a file says. ClockFileError: it says nothing.

    Who moves it puts another file in its place (``os.replace``): half a number is never read.
    """

    file: Path
    _seen: tuple[int, int] = (0, 0)
    _offset: int = 0

    def __post_init__(self) -> None:
        self._look()

    def now_us(self) -> int:
        """Microseconds UTC, moved. A file that has gone since leaves the clock as it was."""
        with suppress(ClockFileError):
            self._look()
        return _machine_us() + self._offset

    def _look(self) -> None:
        try:
            stat = self.file.stat()
            seen = (stat.st_ino, stat.st_mtime_ns)
            if seen != self._seen:
                self._offset, self._seen = int(self.file.read_text("ascii")), seen
        except (OSError, ValueError) as error:
            what = f"{DRILL}: {self.file} must hold a whole number of microseconds ({error})"
            raise ClockFileError(what) from error


def _machine_us() -> int:
    return time.time_ns() // 1_000


_drill = DrillClock(Path(os.environ[DRILL])) if os.environ.get(DRILL) else None


def _wall_us() -> int:
    return _machine_us() if _drill is None else _drill.now_us()


def drilled() -> str:
    """The file that moves this process's clock; '' where it is the machine's own."""
    return "" if _drill is None else str(_drill.file)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where instants (microseconds UTC) and random bytes come from."""

    now_us: Callable[[], int] = _wall_us
    random_bytes: Callable[[int], bytes] = secrets.token_bytes

    def machine_us(self) -> int:
        """The machine's own clock: :attr:`now_us`, not moved by a drill."""
        return _machine_us() if self.now_us is _wall_us else self.now_us()

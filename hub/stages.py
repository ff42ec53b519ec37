"""Stages of the machine that need the store, run in turn by a thread (or a process of their own).

Natural batching: a stage takes what is waiting now; nothing waits for a batch to fill. Only where
the last batch shows that there is traffic may a stage linger for some milliseconds before the next:
a batch of ten costs hardly more than one of three, so under load all get through sooner. On SQLite
all stages share the one writing thread, which never lingers; on PostgreSQL each has its own.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from core.store.tx import FaultyStatementError, TransientStoreError
from hub.worker import MAX_BATCH, StoreAway

#: With nothing to do a loop looks around this often: for what became due, or was missed.
IDLE_S = 0.5
#: How long a loop rests when the store does not answer; doubled up to the most.
AWAY_S, AWAY_MOST_S = 0.5, 10.0

log = structlog.get_logger("hub.stages")


def lingers(last: int) -> bool:
    """Whether a batch of this size says: more will come, but is not waiting yet."""
    return 1 < last < MAX_BATCH


def log_away(error: Exception, rest_s: float) -> None:
    """Say why a loop rests: the store is away, or (loudly) it does not understand us."""
    ours = any(isinstance(e, FaultyStatementError) for e in (error, error.__cause__))
    if ours:
        log.critical("store.statement-fault", error=str(error), rest_s=rest_s)
    else:
        log.error("store.away", error=str(error), rest_s=rest_s)


class Stage(Protocol):
    """A piece of work that is done in batches."""

    def step(self) -> bool:
        """Do what is waiting now; True when there may be more at once."""


class StageLoop:
    """Runs stages in a thread until stopped; ``poke`` wakes it.

    ``linger`` gives the seconds to wait after a turn; mostly none.
    """

    def __init__(
        self,
        name: str,
        stages: Sequence[Stage],
        idle_s: float = IDLE_S,
        linger: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.stages = list(stages)
        self._linger = linger
        self.healthy = True
        self._idle_s = idle_s
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def poke(self) -> None:
        """There may be work."""
        self._wake.set()

    def stop(self) -> None:
        """End after the step under way; waits for it."""
        self._stopping = True
        self.poke()
        self._thread.join()

    def _run(self) -> None:
        rest = AWAY_S
        while True:
            self._wake.clear()
            try:
                busy = self._turn()
                self.healthy, rest = True, AWAY_S
            except (StoreAway, TransientStoreError) as error:
                log_away(error, rest)
                busy, rest = self._rest(rest)
            except (
                Exception
            ):  # a fault of ours: seen in /readyz and the log, and no end of the work
                log.exception("stage.fault", loop=self._thread.name, rest_s=rest)
                busy, rest = self._rest(rest)
            if self._stopping:
                return
            if wait_s := self._linger():
                time.sleep(wait_s)
            if not busy:
                self._wake.wait(self._idle_s)

    def _rest(self, rest: float) -> tuple[bool, float]:
        self.healthy = False
        time.sleep(rest)
        return False, min(rest * 2, AWAY_MOST_S)

    def _turn(self) -> bool:
        busy = False
        for stage in self.stages:  # every stage gets its turn
            busy = stage.step() or busy
        return busy

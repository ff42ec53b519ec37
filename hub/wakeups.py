"""Wake-ups between processes on PostgreSQL: LISTEN and NOTIFY, only ever a hint.

What is missed is found by the next look-around, half a second later at most.
"""

import threading
from collections.abc import Callable, Iterable

import psycopg
import structlog

from core.store.limits import LIMITS, PgLimits
from core.store.pg import connect
from core.store.tx import TransientStoreError, Tx

WORK = "wattbus_work"  # the journal has new work for workers
DONE = "wattbus_done"  # a worker has answers and messages for channels
RETRY_S = 1.0

log = structlog.get_logger("hub.wakeups")


def notify(tx: Tx, channel: str, partitions: Iterable[int] = ()) -> None:
    """Ring with the commit, for whoever works on one of the partitions; none: for everybody.

    Nothing on SQLite, where the wake-up is a call.
    """
    mask = sum(1 << partition for partition in set(partitions))
    tx.ring(channel, f"{mask:x}" if mask else "")


def concerns(payload: str, holds: Callable[[int], bool]) -> bool:
    """Whether a bell that was rung with :func:`notify` is for one who holds these partitions."""
    if not payload:
        return True
    mask = int(payload, 16)
    return any(mask >> number & 1 and holds(number) for number in range(mask.bit_length()))


class Listener:
    """A thread that hears the bell, with what was said; it connects again by itself."""

    def __init__(
        self,
        url: str,
        channel: str,
        heard: Callable[[str], None],
        limits: PgLimits = LIMITS,
    ) -> None:
        self._url, self._channel, self._heard, self._limits = url, channel, heard, limits
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"listen-{channel}", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """End within a second."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except (psycopg.Error, TransientStoreError) as error:
                log.warning("listen.lost", error=str(error))
                self._stopping.wait(RETRY_S)

    def _listen(self) -> None:
        with connect(self._url, application="wattbus-listen", limits=self._limits) as connection:
            connection.execute(f"LISTEN {self._channel}")
            while not self._stopping.is_set():
                for notification in connection.notifies(timeout=1.0):
                    self._heard(notification.payload)

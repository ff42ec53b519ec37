"""The queue in the database: open rows are scanned by state, never by a cursor."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.store.upgrade import Store
from hub import inbox
from hub.bus import Taken
from hub.outbox import WORKER
from hub.partitions import every


@dataclass(slots=True)
class TableSource:
    """Open deliveries of the worker's partitions, straight from their rows."""

    store: Store
    partitions: Sequence[int] = field(default_factory=every)
    _careful: bool = True

    def take(self, limit: int) -> Taken | None:
        """The oldest open ones. The first take after a start or a take-over is a redelivery."""
        with self.store.reader_on_writer() as reader:
            found = inbox.fetch_open(reader, WORKER, list(self.partitions), limit)
        again, self._careful = self._careful, False
        return Taken(found, again=again, more=again or len(found) >= limit) if found else None

    def assign(self, partitions: Sequence[int]) -> None:
        """Take over: what is new to us may be what killed its last worker."""
        self._careful = self._careful or bool(set(partitions) - set(self.partitions))
        self.partitions = partitions

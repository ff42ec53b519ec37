"""How many connections a node opens to PostgreSQL, against what the server takes."""

import os
from typing import NamedTuple

from core.store.tx import Reader
from hub.config import Config

#: What `wattbus` verbs, a backup and people's own psql need beside the nodes.
SPARE = 5
#: Journal, edge, and the ear for what workers have done; the seats, and the ear for them; who
#: prunes writes and reads.
CHANNELS = 7
#: What is to be published is read, and heard of.
PER_RELAY = 2
#: A worker writes and listens; a process of the bulk lane writes, and draws ids beside that.
PER_WORKER = PER_BULK = 2


def workers_of(config: Config) -> tuple[int, int]:
    """Worker processes and those of the bulk lane: 0 is one per core, and one for two cores."""
    cores = os.cpu_count() or 1
    return config.hub.workers or cores, config.hub.bulk_workers or max(1, cores // 2)


def most(config: Config) -> int:
    """The most that one node with all its roles has open at once."""
    workers, bulk = workers_of(config)
    relay = PER_RELAY if config.bus.kind != "table" else 0
    at_rest = config.database.readers
    return CHANNELS + relay + at_rest + PER_WORKER * workers + PER_BULK * bulk


class Room(NamedTuple):
    """``needed`` by one node of ``taken`` that the server takes from us."""

    needed: int
    taken: int

    @property
    def nodes(self) -> int:
        """How many nodes like this one the server takes."""
        return max(0, self.taken - SPARE) // self.needed

    def sentence(self) -> str:
        """For the operator."""
        return (
            f"a node opens up to {self.needed} connections, the server takes {self.taken}: "
            f"enough for {self.nodes} such nodes, with {SPARE} to spare"
        )

    def problem(self) -> str:
        """What is wrong with it; empty: nothing."""
        if self.nodes:
            return ""
        return (
            f"[database] a node opens up to {self.needed} connections, and with {SPARE} to spare "
            f"the server takes {max(0, self.taken - SPARE)}: raise its max_connections, or lower "
            "[hub] workers, bulk_workers or [database] readers"
        )


_TAKEN = (
    "SELECT current_setting('max_connections')::bigint "
    "- current_setting('superuser_reserved_connections')::bigint"
)


def room(config: Config, reader: Reader) -> Room:
    """What the server says (PostgreSQL)."""
    return Room(most(config), reader.rows(_TAKEN)[0][0])

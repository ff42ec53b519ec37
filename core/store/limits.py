"""How long a connection to PostgreSQL waits for what, and how many are kept."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class PgLimits:
    """The limits of one connection, in seconds; ``readers`` are connections kept open for reads.

    ``idle_s`` must stay below ``lock_s``: a process that is frozen inside a transaction, or cut
    off, holds its locks (leases too) no longer than that, and the others wait for them less long
    than they are ready to.
    """

    connect_s: int = 10
    statement_s: int = 30  # no batch comes near it
    bulk_statement_s: int = 300  # a chunk of a bill run while the disk is busy
    lock_s: int = 10  # then the batch is run again
    idle_s: float = 8.0  # inside a transaction
    peer_s: int = 15  # until a peer that is silent is taken for dead
    readers: int = 10  # as many as the reactor's threads ask at once

    def bulk(self) -> "PgLimits":
        """The same for what takes hours."""
        return replace(self, statement_s=self.bulk_statement_s)

    def options(self) -> str:
        """As the server is told at the start of a session."""
        settings = {
            "statement_timeout": self.statement_s * 1_000,
            "lock_timeout": self.lock_s * 1_000,
            "plan_cache_mode": "force_generic_plan",
            "idle_in_transaction_session_timeout": int(self.idle_s * 1_000),
            "tcp_user_timeout": self.peer_s * 1_000,
            "tcp_keepalives_idle": self.peer_s,
        }
        return " ".join(f"-c {name}={value}" for name, value in settings.items())


#: What holds where the configuration says nothing else.
LIMITS = PgLimits()

"""Chores: single writes that an operator asks for, done by the stage loop in its turn.

On SQLite only the hub writes; so what a command-line verb changes comes over the control socket
and is done here, each chore in a transaction of its own, between the batches.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from twisted.internet.defer import Deferred

from core.store.tx import StoreError, TransientStoreError, Tx
from core.store.upgrade import Store
from hub.channel import Overloaded

#: Operators are few: more than this waiting is a script gone wild.
MAX_WAITING = 100

log = structlog.get_logger("hub.chores")
Chore = Callable[[Tx], Any]


@dataclass(slots=True)
class Chores:
    """A stage. ``do`` is called on the reactor, ``step`` on the store's thread."""

    store: Store
    on_reactor: Callable[..., Any]
    poke: Callable[[], None] = lambda: None
    doorbell: Callable[[Tx], None] = lambda _tx: None
    _waiting: "deque[tuple[Chore, Deferred[Any]]]" = field(default_factory=deque)

    def do(self, chore: Chore) -> "Deferred[Any]":
        """Run ``chore(tx)`` in a transaction; fires with its result after the commit.

        Fails with Overloaded, with StoreError when the store is in trouble (nothing is known to be
        changed), or with whatever the chore raised (then nothing was changed).
        """
        deferred: Deferred[Any] = Deferred()
        if len(self._waiting) >= MAX_WAITING:
            deferred.errback(Overloaded(f"{MAX_WAITING} chores are waiting"))
            return deferred
        self._waiting.append((chore, deferred))
        self.poke()
        return deferred

    def step(self) -> bool:
        """One chore; True when one was done, for what it opened can be worked on now."""
        if not self._waiting:
            return False
        chore, deferred = self._waiting.popleft()
        try:
            with self.store.transaction() as tx:
                result = chore(tx)
                self.doorbell(tx)
        except TransientStoreError as error:
            self.on_reactor(deferred.errback, StoreError(f"the store does not answer: {error}"))
            raise
        except Exception as error:  # the chore's own no, or its fault: told to who asked
            log.warning("chore.failed", error=f"{type(error).__name__}: {error}")
            self.on_reactor(deferred.errback, error)
            return True
        self.on_reactor(deferred.callback, result)
        return True

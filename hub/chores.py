"""Chores: single writes that an operator asks for, done by the stage loop in its turn.

On SQLite only the hub writes; so what a command-line verb changes comes over the control socket
and is done here, each chore in a transaction of its own, between the batches.

A chore must not be called failed when it was done: on PostgreSQL each leaves a mark of its own in
its transaction. Where the connection is lost at COMMIT the mark is asked for, and nothing else is
done before.
"""

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from twisted.internet.defer import Deferred

from core.store.tx import StoreError, TransientStoreError, Tx, UnknownOutcomeError
from core.store.upgrade import Store
from hub.channel import Overloaded

#: Operators are few: more than this waiting is a script gone wild.
MAX_WAITING = 100

log = structlog.get_logger("hub.chores")
Chore = Callable[[Tx], Any]
_MARK = ("name", "value")
#: Waits for the transaction that may still be writing the mark, and tells what stands.
_ASK = "ON CONFLICT (name) DO UPDATE SET value = setting.value RETURNING value"


@dataclass(frozen=True, slots=True)
class _Unsure:
    """A chore whose commit was not heard of: its mark, its result, and who waits for it."""

    mark: str
    result: Any
    deferred: "Deferred[Any]"


@dataclass(slots=True)
class Chores:
    """A stage. ``do`` is called on the reactor, ``step`` on the store's thread."""

    store: Store
    on_reactor: Callable[..., Any]
    poke: Callable[[], None] = lambda: None
    doorbell: Callable[[Tx], None] = lambda _tx: None
    node: str = "wattbus"  # whose marks these are: one living process has this name
    _unsure: _Unsure | None = None
    _waiting: "deque[tuple[Chore, Deferred[Any]]]" = field(default_factory=deque)

    def do(self, chore: Chore) -> "Deferred[Any]":
        """Run ``chore(tx)`` in a transaction; fires with its result after the commit.

        Fails with Overloaded, with StoreError when the store was in trouble, or with whatever the
        chore raised: in each case nothing was changed. While it is not known, nothing fires.
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
        if self._unsure is not None:
            self._ask(self._unsure)
            return True
        if not self._waiting:
            return False
        chore, deferred = self._waiting.popleft()
        mark, result = secrets.token_hex(8), None
        try:
            with self.store.transaction() as tx:
                result = chore(tx)
                if tx.dialect == "postgresql":  # last: a row that all chores of a node write
                    self._leave(tx, mark)
                self.doorbell(tx)
        except UnknownOutcomeError:
            self._unsure = _Unsure(mark, result, deferred)
            raise  # the loop rests, then we ask
        except TransientStoreError as error:
            self.on_reactor(deferred.errback, StoreError(f"the store does not answer: {error}"))
            raise
        except Exception as error:  # the chore's own no, or its fault: told to who asked
            log.warning("chore.failed", error=f"{type(error).__name__}: {error}")
            self.on_reactor(deferred.errback, error)
            return True
        self.on_reactor(deferred.callback, result)
        return True

    def _leave(self, tx: Tx, mark: str) -> None:
        tail = "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        tx.insert("setting", _MARK, [(self._name(), mark)], tail)

    def _name(self) -> str:
        return f"chore/{self.node}"

    def _ask(self, unsure: _Unsure) -> None:
        """Was it committed? Raises TransientStoreError: still not known."""
        with self.store.transaction() as tx:
            ((found,),) = tx.insert("setting", _MARK, [(self._name(), "")], _ASK)
        self._unsure = None
        log.warning("chore.asked", done=found == unsure.mark)
        if found == unsure.mark:
            self.on_reactor(unsure.deferred.callback, unsure.result)
        else:
            lost = StoreError("the store was lost at the commit, and nothing was changed: again")
            self.on_reactor(unsure.deferred.errback, lost)

"""Deliberately broken variants: each breaks one promise, and the suite must notice.

They are installed over the product's code for the length of a test, here or in a node's process
(``node.py --mutant NAME``). A mutant that nothing notices is a promise that nobody checks.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from core.book import Stage
from core.entities import Entity
from core.store import load, pg_write, sqlite
from core.store.tx import Reader, TransientStoreError, Tx
from hub import batch, failpoints, inbox, intake, leases, outbound, worker
from hub.channel import Sent
from hub.inbox import Delivery, Trouble
from hub.outbound import Ended, OutboundStage, write_ends
from hub.worker import Worker

Patch = tuple[Any, str, Any]
#: name -> what it puts in the place of what
MUTANTS: dict[str, Callable[[], list[Patch]]] = {}


def mutant(make: Callable[[], list[Patch]]) -> Callable[[], list[Patch]]:
    """Registers a mutant under its function's name."""
    MUTANTS[make.__name__.replace("_", "-")] = make
    return make


def install(name: str) -> list[Patch]:
    """Put a mutant in place; returns what brings the product back."""
    before = []
    for owner, attribute, value in MUTANTS[name]():
        before.append((owner, attribute, getattr(owner, attribute)))
        setattr(owner, attribute, value)
    return before


@contextmanager
def installed(name: str) -> Iterator[None]:
    """A mutant for the length of a block."""
    before = install(name)
    try:
        yield
    finally:
        for owner, attribute, value in reversed(before):
            setattr(owner, attribute, value)


# -- the path ---------------------------------------------------------------------------------


@mutant
def acknowledge_before_commit() -> list[Patch]:
    """Callers hear that their arrival is safe while it is not yet."""

    def write(self: intake.Intake, waiters: Any, noted: Any) -> None:
        with self.store.transaction() as tx:
            point, hit = "journal.before-commit", failpoints.hit
            failpoints.hit = lambda _name: None
            try:
                results = self.journal.write(tx, [entry for entry, *_ in waiters], noted)
            finally:
                failpoints.hit = hit
            self.on_reactor(intake._answer_all, waiters, results)
            for _ in range(3):  # until it is on the wire
                said = threading.Event()
                self.on_reactor(said.set)
                said.wait(1.0)
            failpoints.hit(point)

    return [(intake.Intake, "_write", write)]


@mutant
def mark_before_send() -> list[Patch]:
    """Marked sent when it is handed over, not when the counterpart has taken it."""
    in_order = OutboundStage._in_order

    def marked(self: OutboundStage, line: Any, found: list[Delivery]) -> list[Delivery]:
        free = in_order(self, line, found)[: line.limit - line.handed]
        if free:
            with self.store.transaction() as tx:
                ends = [Ended(delivery, None, Sent()) for delivery in free]
                write_ends(tx, ends, self.writer, self.sources)
        return free

    def forget(self: OutboundStage, ended: list[Ended]) -> None:
        for end in ended:
            for line in self._lines.values():
                line.in_flight.pop(end.delivery.seq, None)

    return [(OutboundStage, "_in_order", marked), (OutboundStage, "_write", forget)]


@mutant
def no_inbox() -> list[Patch]:
    """Nobody asks whether a message is done already."""

    def all_of_them(tx: Tx, deliveries: Sequence[Delivery]) -> list[Delivery]:
        return list({delivery.seq: delivery for delivery in deliveries}.values())

    return [(inbox, "still_open", all_of_them)]


@mutant
def cursor_instead_of_state_scan() -> list[Patch]:
    """What lies behind the last one seen is never looked at again."""
    fetch, seen = inbox.fetch_open, {"": 0}

    def after(reader: Reader, target: str, *which: Any) -> list[Delivery]:
        found = [d for d in fetch(reader, target, *which) if d.seq > seen.get(target, 0)]
        seen[target] = max([seen.get(target, 0), *(delivery.seq for delivery in found)])
        return found

    return [(inbox, "fetch_open", after)]


@mutant
def synchronous_normal() -> list[Patch]:
    """The commit is answered before it is on the disk; set behind the back of the assertion."""
    connect = sqlite.SqliteStore.__init__

    def loose(self: sqlite.SqliteStore, path: Any) -> None:
        connect(self, path)
        self._writer.execute("PRAGMA synchronous = NORMAL")

    return [(sqlite.SqliteStore, "__init__", loose)]


# -- the contract of a batch, rule by rule ------------------------------------------------------


@mutant
def rule_1_double_id_not_dropped() -> list[Patch]:
    real = inbox.still_open

    def doubled(tx: Tx, deliveries: Sequence[Delivery]) -> list[Delivery]:
        still = {delivery.seq for delivery in real(tx, deliveries)}
        return [delivery for delivery in deliveries if delivery.seq in still]

    return [(inbox, "still_open", doubled)]


@mutant
def rule_2_read_before_lock() -> list[Patch]:
    """Accounts are read first and locked then: after a wait they are what they were before."""
    accounts, meters = load._accounts, load._meters

    def read_then_lock(real: Callable[..., Any]) -> Callable[..., Any]:
        def loaded(reader: Reader, *args: Any) -> Any:
            *rest, suffix = args
            found = real(reader, *rest, "")
            table = "account" if real is accounts else "meter"
            kind = load.Account if real is accounts else load.Meter
            book = rest[-1]
            ids = sorted(entity.id for (of, _), entity in book.loaded.items() if of is kind)
            if suffix and ids:
                reader.rows(f"SELECT id FROM {table} WHERE id IN :ids ORDER BY id{suffix}", ids=ids)
            return found

        return loaded

    return [
        (load, "_accounts", read_then_lock(accounts)),
        (load, "_meters", read_then_lock(meters)),
    ]


@mutant
def rule_2_no_lock() -> list[Patch]:
    real = batch.load

    def unlocked(*args: Any, **options: Any) -> Any:
        return real(*args, **{**options, "lock": False})

    return [(batch, "load", unlocked)]


@mutant
def lock_order_of_its_own() -> list[Patch]:
    """One worker locks accounts before meters, and they meet in the middle."""
    meters, both_hold = load._meters, threading.Barrier(2)

    def meet() -> None:
        with suppress(threading.BrokenBarrierError):  # they meet once; after that nobody waits
            both_hold.wait(5.0)
            both_hold.abort()

    def crossed(reader: Reader, *args: Any) -> Any:
        name = threading.current_thread().name
        if name != "crew1":
            found = meters(reader, *args)
            if name != "crew2":  # all the others want the very meter that crew1 will want
                meet()
            return found
        reader.rows(f"SELECT id FROM account ORDER BY id{args[-1]}")
        meet()
        return meters(reader, *args)

    return [(load, "_meters", crossed)]


@mutant
def rule_3_held_keys_not_parked() -> list[Patch]:
    nothing = inbox._IN_TROUBLE.replace("GROUP BY", "AND seq < 0 GROUP BY")
    return [(inbox, "_IN_TROUBLE", nothing)]


@mutant
def rule_3_came_back_and_was_overtaken() -> list[Patch]:
    nothing = inbox._OVERTAKEN.replace("GROUP BY", "AND seq < 0 GROUP BY")
    return [(inbox, "_OVERTAKEN", nothing)]


@mutant
def rule_4_grouped_by_type() -> list[Patch]:
    real = inbox.still_open

    def grouped(tx: Tx, deliveries: Sequence[Delivery]) -> list[Delivery]:
        return sorted(real(tx, deliveries), key=lambda d: (d.handler, d.seq))

    return [(inbox, "still_open", grouped)]


@mutant
def rule_4_drawn_again_in_reruns() -> list[Patch]:
    once = Worker._once

    def forgetful(self: Worker, fetched: Sequence[Delivery], draws: Any) -> None:
        draws.clear()
        once(self, fetched, draws)

    return [(Worker, "_once", forgetful)]


@mutant
def rule_5_exception_keeps_its_changes() -> list[Patch]:
    class Leaky(Stage):
        """What a message changes is in the book at once."""

        def put(self, key: Any, entity: Entity) -> None:
            super().put(key, entity)
            self.book.entities[type(entity), key] = entity

    return [(batch, "Stage", Leaky)]


@mutant
def rule_5_its_key_goes_on() -> list[Patch]:
    fault = batch.Batch._fault

    def free(self: batch.Batch, *args: Any, **more: Any) -> None:
        fault(self, *args, **more)
        result = next(arg for arg in args if isinstance(arg, batch.Result))
        result.held.clear()

    return [(batch.Batch, "_fault", free)]


@mutant
def rule_6_written_twice_unnoticed() -> list[Patch]:
    def unchecked(_table: str, _rows: Any, _touched: int) -> None: ...

    return [(module, "checked_update", unchecked) for module in (sqlite, pg_write)]


@mutant
def rule_7_transient_burns_attempts() -> list[Patch]:
    once = Worker._once

    def burning(self: Worker, fetched: Sequence[Delivery], draws: Any) -> None:
        try:
            once(self, fetched, draws)
        except TransientStoreError as error:
            trouble, now = Trouble("store", str(error)), self.batch.now_us()
            with self.store.transaction() as tx:
                inbox.mark(tx, [inbox.failed(d, trouble, now, 0.0) for d in fetched], now)

    return [(Worker, "_once", burning)]


@mutant
def rule_7_data_error_kills_the_batch() -> list[Patch]:
    def whole(self: Worker, fetched: Sequence[Delivery], draws: Any) -> None:
        try:
            self._rerun(fetched, draws)
        except worker.NOT_THEIRS:
            raise
        except Exception as error:
            for delivery in fetched:
                self._bury(delivery, type(error).__name__, str(error))

    return [(Worker, "_halve", whole)]


@mutant
def rule_7_one_try_alone() -> list[Patch]:
    def at_once(self: Worker, delivery: Delivery, _draws: Any) -> None:
        self._bury(delivery, "data", "at the first try")

    return [(Worker, "_last_try", at_once)]


@mutant
def rule_8_starts_not_counted() -> list[Patch]:
    def begin(self: Worker, deliveries: list[Delivery], _among: str) -> list[Delivery]:
        self._begun.update({delivery.seq: 1 for delivery in deliveries})
        return list(deliveries)

    return [(Worker, "_begin", begin)]


@mutant
def no_fence() -> list[Patch]:
    """A worker whose lease has moved commits all the same."""
    return [(leases.Leases, "fence", lambda *_: None)]


@mutant
def no_halving_of_ends() -> list[Patch]:
    def whole(self: OutboundStage, ended: list[Ended], error: Exception) -> None:
        raise TransientStoreError(str(error))

    return [(outbound.OutboundStage, "_halve", whole)]

"""A world in which promises are checked: a hub, its far end, and the power to kill.

This one is stepped by hand: the product's own engine with its loops not started, a clock that moves
when told, no socket. To be killed is to be thrown away in the middle of a step, whatever it held in
memory, and to be built again on the same database. ``processes.py`` has the same world with real
processes, sockets and SIGKILL.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.task import Clock

from core.store.tx import Reader, TransientStoreError
from core.store.upgrade import Store, open_store, upgrade
from hub import balance, config, deadletter, failpoints, inbox
from hub.boot import make_routing
from hub.bus.table import TableSource
from hub.clock import Sources
from hub.companies import all_terms
from hub.engine import Engine, Parts, make_batch, make_engine
from hub.inbox import Delivery
from hub.leases import Leases
from hub.outbox import WORKER
from hub.partitions import NEW as PARTITIONS
from hub.ports import HubPorts, logger
from hub.stages import Stage
from hub.worker import MAX_BATCH, StoreAway, Worker
from tests.promises import company, linechannel, poison
from tests.promises.checker import Broken, Order, holds, verify
from tests.promises.company import CHANNEL, HOUSEHOLDS, OPENING, Ask, Setting
from tests.promises.farend import FarEnd, Record

#: Turns of the stages that a settled world needs at most.
TURNS = 400
#: Deaths that a world survives; one that dies oftener dies for ever.
DEATHS = 12
#: 2026-11-21 10:00 in Kampala; the template of the books was made an hour before.
START_US = 1_795_244_400_000_000


class World(Protocol):
    """What the tests see of a world, stepped or real."""

    far: FarEnd

    @property
    def record(self) -> Record: ...
    def kill_at(self, point: str) -> None: ...
    def kill(self) -> None: ...
    def cure(self) -> None: ...
    def settle(self) -> None: ...
    def died_at(self) -> list[str]: ...
    def rows(self, sql: str, **params: Any) -> list[tuple[Any, ...]]: ...
    def change(self, sql: str, **params: Any) -> int: ...
    def verify(self, order: Order = "across") -> None: ...


class Killed(BaseException):
    """The process is no more; nothing may catch this."""


@dataclass
class Time:
    """A clock that moves by a microsecond a look, and when told; randomness that counts."""

    at_us: int = START_US
    drawn: int = 0

    def now_us(self) -> int:
        self.at_us += 1
        return self.at_us

    def random_bytes(self, count: int) -> bytes:
        self.drawn += 1
        return (self.drawn * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8, "big")[-count:]

    def sources(self) -> Sources:
        return Sources(self.now_us, self.random_bytes)


@dataclass
class SteppedWorld:
    """The engine of ``folder``'s configuration, stepped by hand."""

    folder: Path
    url: str
    setting: Setting = field(default_factory=Setting)
    time: Time = field(default_factory=Time)
    far: FarEnd = field(default_factory=FarEnd)
    passed: set[str] = field(default_factory=set)
    fired: list[str] = field(default_factory=list)
    is_cured: bool = False
    clock: Clock = field(default_factory=Clock)
    hooks: dict[str, Callable[[], None]] = field(default_factory=dict)
    _armed: str = ""
    _extra: list[Store] = field(default_factory=list)

    def __post_init__(self) -> None:
        path = company.write_config(self.folder, self.url, setting=self.setting)
        self.config = config.read(path)
        self.terms = all_terms(self.config)
        self.build()

    # -- life and death ---------------------------------------------------------------------

    def build(self) -> None:
        """The machine, from what the database holds."""
        specs = {CHANNEL: linechannel.CHANNEL}
        routing = make_routing(self.config, specs)
        parts = Parts(
            self.url, self.terms, routing, self.setting.open_messages, _call, self.time.sources()
        )
        self.engine: Engine = make_engine(parts)
        self.channel = self._channel(self.engine, routing)
        self.engine.outbound.attach({CHANNEL: self.channel})
        self.engine.outbound.alone = True  # no listener runs here, so no bell is heard
        self.stages: list[Stage] = [s for loop in self.engine.loops for s in loop.stages]
        self.worker = self._worker(parts)
        self.channel.up(self.far.line)
        self.far.connected(self.channel.line)

    def _channel(self, engine: Engine, routing: Any) -> linechannel.LineChannel:
        ports = HubPorts(
            name=CHANNEL,
            company=self.terms[company.COMPANY],
            reactor=self.clock,
            log=logger(CHANNEL),
            intake=engine.intake,
            answers=engine.answers,
            outbound=engine.outbound,
            notebook=engine.notebook,
            routing=routing,
            readers=engine.readers,
            http=None,  # type: ignore[arg-type]
            links={},
            clock_us=self.time.now_us,
        )
        return linechannel.LineChannel(ports, linechannel.Options())

    def _worker(self, parts: Parts) -> Worker:
        for stage in self.stages:
            if isinstance(stage, Worker):
                return stage
        store = open_store(self.url)
        self._extra.append(store)
        leases = Leases(store, "stepped")
        source = TableSource(store, [])
        worker = Worker(store, make_batch(parts, "stepped"), source, fence=leases.fence)
        leases.prepare()
        source.assign(leases.balance())
        self.stages.insert(1, worker)
        return worker

    def kill_at(self, point: str) -> None:
        """Die the next time that this point is passed."""
        assert point in failpoints.POINTS, point
        self._armed = point

    def hit(self, point: str) -> None:
        """What stands for ``failpoints.hit``."""
        self.passed.add(point)
        if point in self.hooks:
            self.hooks[point]()
        if point == self._armed:
            self._armed = ""
            self.fired.append(point)
            raise Killed(point)

    def die(self) -> None:
        """Die now, inside whatever is under way."""
        self.fired.append("killer")
        raise Killed("killer")

    def kill(self) -> None:
        """Throw the machine away as it is, and build another on its database."""
        self.far.disconnected()
        self.close()
        self.build()

    def close(self) -> None:
        """Let go of the database without a word."""
        for store in (*self.engine.stores, *self._extra):
            store.close()
        self._extra.clear()
        if self.engine.lock is not None:
            self.engine.lock.close()

    def died_at(self) -> list[str]:
        """Where it was killed so far."""
        return self.fired

    def cure(self) -> None:
        """Poison is harmless from now on."""
        self.is_cured = True

    # -- going on ---------------------------------------------------------------------------

    def turn(self, *only: type) -> bool:
        """One step of every stage (or of those of a class); True when something moved."""
        moved = False
        try:
            for stage in self.stages:
                if not only or isinstance(stage, only):
                    moved = stage.step() or moved
        except Killed:
            self.kill()
            return True
        except (StoreAway, TransientStoreError):
            return True
        self._sample()
        return moved

    def _sample(self) -> None:
        lost = self.unaccounted()
        holds(lost == 0, f"UNACCOUNTED {lost} in the middle of the work")

    def settle(self) -> None:
        """Go on until nothing is under way and the far end has heard of everything."""
        for _ in range(TURNS):
            holds(len(self.fired) <= DEATHS, "OPEN it dies again and again")
            if self.turn():
                continue
            if self._quiet():
                return
            self._wait()
        raise Broken(f"OPEN after {TURNS} turns: {self.unsettled()}")

    def _quiet(self) -> bool:
        return not self.unsettled()

    def unsettled(self) -> list[Any]:
        """What is still under way: deliveries, and keys without an answer."""
        waiting = {row[0] for row in self.rows(HELD)}
        return [*self.rows(UNSETTLED), *(k for k in self.far.unfinished() if k not in waiting)]

    def _wait(self) -> None:
        """Let time pass: to the next retry, else to the next look of the sweeper."""
        ((due,),) = self.rows("SELECT COALESCE(min(due), 0) FROM delivery WHERE state = 1")
        self.time.at_us = max(self.time.at_us, due) + 1_000_000
        if self.far.is_connected and self.far.unfinished():
            self.far.ask_again()

    # -- looking ----------------------------------------------------------------------------

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """A reader of its own, beside the machine."""
        with self.engine.readers.reader() as reader:
            yield reader

    def rows(self, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        """Read what the next transaction of the machine would see."""
        with self.engine.readers.reader_on_writer() as reader:
            return reader.rows(sql, **params)

    def change(self, sql: str, **params: Any) -> int:
        """What an operator changes by hand."""
        with self.engine.readers.transaction() as tx:
            return tx.run(sql, **params)

    def act(self, verb: Callable[..., None], *details: Any) -> None:
        """What an operator does with every dead letter, by the hub's own verb."""
        with self.engine.readers.transaction() as tx:
            dead = tuple(
                row[0] for row in tx.rows("SELECT message_id FROM delivery WHERE state = 3")
            )
            named = deadletter.Named(dead)
            verb(tx, deadletter.locked(tx, named, deadletter.REPLAYABLE), *details)

    def unaccounted(self) -> int:
        """The one number that must be 0."""
        with self.engine.readers.reader_on_writer() as reader:
            return balance.unaccounted(reader)

    @property
    def record(self) -> Record:
        """What the far end knows."""
        return self.far.record

    def verify(self, order: Order = "across") -> None:
        """The checker's word; raises Broken."""
        with self.reader() as reader:
            verify(reader, self.record, order)

    def states(self) -> dict[str, int]:
        """key -> the state of its delivery."""
        return dict(self.rows(STATES, channel=CHANNEL))

    def credit(self, number: int) -> int:
        """What a household's account holds."""
        name = company.account(number)
        return int(self.rows("SELECT credit FROM account WHERE number = :n", n=name)[0][0])

    def fetched(self) -> list[Delivery]:
        """The open deliveries of the worker, as a bus would hand them over."""
        with self.engine.readers.reader_on_writer() as reader:
            return inbox.fetch_open(reader, WORKER, list(range(PARTITIONS)), MAX_BATCH)


#: Open and retried deliveries; parked ones count unless a dead one holds them.
UNSETTLED = (
    "SELECT seq, state, handler, partitionkey FROM delivery d WHERE state IN (0, 1) OR "
    "(state = 2 AND NOT EXISTS (SELECT 1 FROM delivery b WHERE b.partitionkey = d.partitionkey "
    "AND b.handler = d.handler AND b.state = 3 AND b.seq < d.seq)) ORDER BY seq"
)
STATES = (
    "SELECT r.key, d.state FROM request r JOIN delivery d ON d.message_id = r.message_id "
    "WHERE r.channel = :channel"
)
#: Keys that wait behind a dead letter: they have no answer yet, and will have none by themselves.
HELD = (
    "SELECT r.key FROM request r JOIN delivery d ON d.message_id = r.message_id WHERE d.state = 2"
)


def _call(function: Callable[..., Any], *args: Any) -> None:
    function(*args)


@contextmanager
def stepped(world: SteppedWorld) -> Iterator[SteppedWorld]:
    """The world with its failpoints and its poison in place."""
    real = failpoints.hit
    failpoints.hit = world.hit
    try:
        with poison.installed(lambda: world.is_cured, world.die):
            yield world
    finally:
        failpoints.hit = real
        world.close()


def fill(
    url: str, now_us: int = START_US - 3_600_000_000, households: Iterable[int] = HOUSEHOLDS
) -> None:
    """The books that every test begins with: the households, each with its opening credit."""
    upgrade(url)
    with tempfile.TemporaryDirectory(prefix="wb-") as folder:
        world = SteppedWorld(Path(folder), url, time=Time(now_us))
        with stepped(world):
            world.channel.ports.name = "setup"
            asks: list[Ask] = []
            for number in households:
                asks += [
                    company.enrol(number, now_us),
                    company.pay(f"opening-{number}", number, OPENING),
                ]
            world.far.offer(*asks)
            world.settle()
            refused = [k for k, a in world.record.answers.items() if a[-1]["outcome"] != "done"]
            assert not refused, refused

"""The bulk lane over a village, stepped by hand: what the tests of bill runs on the bus share."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import maybeDeferred, succeed

from core.messages import Message, RunBillPhase
from core.store.invariants import Offence, offences
from hub.billdesk import BillDesk
from hub.bulk import BulkWorker
from hub.chores import Chores
from hub.control import submit
from hub.operators import Identity, OperatorDesk
from hub.sections import OperatorSection
from tests.core.billing import village
from tests.hub.machine import Machine, demo_terms


@dataclass
class Lane:
    """A village, the machine over its database, and one bulk worker beside it."""

    url: str
    households: int = 7
    operators: dict[str, OperatorSection] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.books = village.settle(self.url, self.households)
        terms = demo_terms(tariffs={"village": village.tariff()})
        self.machine = Machine(self.url, terms=terms)
        self.bulk = self.worker("bulk0")
        ports: dict[str, Any] = {"demo": _Port(self)}
        operators = OperatorDesk(
            Identity(self.operators, Path),
            self.machine.chores,
            submit(ports, vouched=True),
            "node1",
            self.machine.time.now_us,
        )
        self.desk = BillDesk(operators, {"demo": terms}, self.url)

    def worker(self, name: str) -> BulkWorker:
        """Another one; a process that has just begun."""
        machine = self.machine
        terms = {machine.terms.code: machine.terms}
        return BulkWorker(machine.store, terms, machine.routing, name, machine.time.sources())

    @property
    def chores(self) -> Chores:
        return self.machine.chores

    def ask(self, message: Message, key: str = "k1") -> str:
        """Journal a command; its message's id."""
        heard = self.machine.accept(message, key, f"run/{getattr(message, 'run', 0)}")
        self.machine.intake.step()
        return str(heard[0].message_id)

    def begin(self, run: int, phase: Any, key: str = "") -> str:
        """Journal the command that a phase begins with."""
        return self.ask(RunBillPhase(run=run, phase=phase), key or f"{run}/{phase}")

    def work(self, most: int = 1_000) -> int:
        """Step the lane until nothing is waiting; how many steps did something."""
        done = 0
        while done < most and self.bulk.step():
            done += 1
        return done

    def over_the_socket(self, verb: str, **request: Any) -> Any:
        """What the hub answers, or raises."""
        heard: list[Any] = []
        request = {"company": "demo", "actor": "grace via test", **request}
        maybeDeferred(self.desk.verbs()[verb], request).addBoth(heard.append)
        self.machine.chores.step()
        if hasattr(heard[0], "raiseException"):
            heard[0].raiseException()
        return heard[0]

    def rows(self, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        return self.machine.rows(sql, **params)

    def wrongs(self) -> list[Offence]:
        """Every invariant that does not hold; and what is unaccounted for."""
        assert self.machine.unaccounted() == 0
        with self.machine.store.reader() as reader:
            return list(offences(reader, self.machine.store.dialect))

    def state(self, run: int) -> str:
        return str(self.rows("SELECT state FROM bill_run WHERE id = :id", id=run)[0][0])


@dataclass
class _Port:
    """What the verb ``submit`` needs of ``HubPorts``; the lane works before it answers."""

    lane: Lane
    company: Any = field(default_factory=lambda: SimpleNamespace(test=False))

    def accept(self, arrival: Any) -> Any:
        heard = self.lane.machine.accept(arrival.message, arrival.key, arrival.partition_ref)
        self.lane.machine.intake.step()
        self.lane.bulk.step()
        return succeed(heard[0])

    def answer(self, message_id: str, _within_s: float) -> Any:
        return succeed(self.lane.machine.answer(message_id))

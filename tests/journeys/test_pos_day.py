"""Fifty terminals sell for a day: answers are lost, one steals, the plug is pulled.

In the evening every batch balances, every float is what it must be, no token is without a sale, and
no sale without its answer.
"""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from simulators.bench.town import meter_of
from simulators.demo.house import House
from simulators.pos import kinds
from simulators.pos.items import Fate
from simulators.pos.line import Line
from simulators.pos.states import State
from tests.journeys.conftest import POSTGRESQL, SQLITE, engine_edit
from tests.journeys.shops import MASTERS, SOON_S, Shops, build

pytestmark = pytest.mark.slow

AGENTS, TERMINALS_EACH, ITEMS = 10, 5, 12
HOUSEHOLDS = 200
DIALECTS = tuple(MASTERS)
#: Of 600 items: what goes wrong with how many of them.
WRONG = {
    "loses-answers": 30,  # 5 %
    "repeats-requests": 12,  # 2 %
    "reverses-before": 6,
    "reverses-during": 6,
    "reverses-after": 6,
    "keeps-token": 4,
    "cuts-line": 1,
    "cuts-line-after": 1,
}


class Street(
    kinds.LosesAnswers,
    kinds.LosesReversalAnswers,
    kinds.RepeatsRequests,
    kinds.ReversesBefore,
    kinds.ReversesDuring,
    kinds.ReversesAfter,
    kinds.KeepsTokenAndReverses,
    kinds.CutsLineMidFrame,
    kinds.CutsLineBeforeAnswer,
):
    """A terminal of the street, struck by what the day has for it."""

    name = "street"


@dataclass(frozen=True)
class Task:
    """What a terminal does next: sell to, or take the bill of, a household."""

    sale: bool
    house: int
    amount: int
    wrong: str = ""


@dataclass
class Day:
    """Who does what; what goes wrong is drawn once, so that every day is the same."""

    shops: Shops
    draw: Random = field(default_factory=lambda: Random(8583))
    plans: dict[str, list[Task]] = field(default_factory=dict)
    done: int = 0

    def plan(self) -> None:
        """Items for every terminal: no meter twice for the same amount."""
        numbers = list(self.shops.owners)
        places = [(number, turn) for number in numbers for turn in range(ITEMS)]
        struck = iter(self.draw.sample(places, sum(WRONG.values())))
        wrong = {next(struck): name for name, many in WRONG.items() for _ in range(many)}
        for at, (number, turn) in enumerate(places):
            name = wrong.get((number, turn), "")
            sale = self.draw.random() < 0.6 or name == "keeps-token"
            task = Task(sale, at % HOUSEHOLDS, 20_000 + 10 * at, name)
            self.plans.setdefault(number, []).append(task)

    def turn(self) -> None:
        """Every terminal that has nothing to do begins its next item."""
        for line in self.shops.lines:
            terminal = line.terminal
            plan = self.plans[terminal.setup.number]
            if plan and terminal.state is State.IDLE and terminal.up:
                self.begin(line, plan.pop(0))

    def begin(self, line: Line, task: Task) -> None:
        """Key it in, with what goes wrong this time."""
        terminal, shops = line.terminal, self.shops
        assert isinstance(terminal, Street)
        ways = {way.name: 0.0 for way in Street.__mro__ if issubclass(way, kinds.Struck)}
        again = {"loses-reversal-answers": 0.5} if task.wrong == "loses-answers" else {}
        terminal.shares = {**ways, **again, **({task.wrong: 1.0} if task.wrong else {})}
        now = shops.exchange.clock()
        self.done += 1
        if task.sale:
            shops.does(line, terminal.sell(meter_of(task.house), task.amount, now))
        else:
            shops.does(line, terminal.pay(str(200_000 + task.house), task.amount, now))

    def until(self, items: int) -> None:
        """Work until so many items were begun; the last of them are still under way."""
        shops = self.shops

        def enough() -> bool:
            self.turn()
            return self.done >= items or not any(self.plans.values())

        try:
            shops.exchange.until(enough, SOON_S, f"{items} items")
        except TimeoutError as error:
            raise AssertionError(f"{error}: {self.done}\n{shops.last_words()}") from error


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def shops(request: pytest.FixtureRequest) -> Iterator[Shops]:
    """Ten agents with five terminals each, of three makers; two agents have a cashier."""
    with ExitStack() as stack:
        # a short name: a Unix socket's path has a limit of 107 bytes
        folder = Path(tempfile.mkdtemp(prefix="wb-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        house = House(folder, edit=engine_edit(request.param, request))
        stack.callback(house.close)
        made = build(house, HOUSEHOLDS)
        house.start_hub(bound=False)
        agents = [f"A-{number:02d}" for number in range(1, AGENTS + 1)]
        made.open(agents, TERMINALS_EACH, agents[:2])
        stack.callback(made.exchange.close)
        for at, number in enumerate(made.owners):
            setup = made.setup(number, DIALECTS[at % len(DIALECTS)])
            made.install(Street(setup, time.time, seed=at))
        yield made


def test_fifty_terminals_sell_for_a_day(shops: Shops) -> None:
    day = Day(shops)
    day.plan()
    shops.sign_on()
    total = AGENTS * TERMINALS_EACH * ITEMS
    day.until(total // 2)
    assert shops.house.hub is not None
    shops.house.hub.kill()  # with some fifty items under way
    shops.house.start_hub(bound=False)
    day.until(total)
    shops.all_are(State.IDLE, "the last item")
    assert day.done == total
    everything_went_wrong_that_should(shops)
    evening(shops)
    shops.books_are_right()
    shops.floats_are_right()
    cases_are_open(shops)
    assert shops.house.hub.stop() == 0


def everything_went_wrong_that_should(shops: Shops) -> None:
    """What the day had for its terminals has happened."""
    counts: Counter[str] = sum((line.terminal.counts for line in shops.lines), Counter())
    struck = {name: counts[name] for name in WRONG}
    # what was under way when the plug was pulled had no answer to be lost or kept
    assert all(0 < struck[name] <= many for name, many in WRONG.items()), struck
    assert sum(struck.values()) >= 0.8 * sum(WRONG.values()), struck
    assert counts["0401"] > 0
    refused = [item for item in shops.items() if item.fate is Fate.REFUSED]
    assert refused == [], refused[:3]
    assert not [item for item in shops.items() if item.fate is Fate.UNKNOWN]


def evening(shops: Shops) -> None:
    """Every terminal settles, and is in balance; nothing is uploaded."""
    for line in shops.lines:
        shops.does(line, line.terminal.settle(shops.exchange.clock()))
    shops.all_are(State.IDLE, "settled")
    last = {number: events[-1] for number, events in shops.heard.items()}
    wrong = {n: (e.outcome, e.values) for n, e in last.items() if e.outcome != "approved"}
    assert wrong == {}
    assert {event.operation for event in last.values()} == {"settle"}
    states = shops.house.rows(
        "SELECT state, balanced, differences, count(*) FROM terminal_batch "
        "GROUP BY state, balanced, differences"
    )
    assert states == [("closed", 1, 0, len(shops.lines))]


def cases_are_open(shops: Shops) -> None:
    """Each token that was kept is somebody's matter; its digits were told again."""
    kept = [item for item in shops.items() if item.fate is Fate.KEPT]
    cases = shops.house.rows(
        "SELECT kind, count(*) FROM terminal_case WHERE state = 'open' GROUP BY kind"
    )
    assert cases == [("kept-token", len(kept))]
    assert all(item.answer["token"] for item in kept)
    stolen = [
        token
        for line in shops.lines
        if isinstance(line.terminal, Street)
        for token in line.terminal.stolen
    ]
    assert stolen
    assert set(stolen) <= {str(item.answer["token"]) for item in kept}

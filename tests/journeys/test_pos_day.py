"""Fifty terminals sell for a day: answers are lost, one steals, the plug is pulled at midnight.

The day passes hour by hour on a simulated clock, from six in the morning until the next morning's
settlement. Then every batch balances, every float is what it must be, no token is without a sale,
and no sale without its answer.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from hub.clock import DRILL
from simulators.bench.town import meter_of
from simulators.demo.house import COMPANY, House
from simulators.pos import kinds
from simulators.pos.items import Fate
from simulators.pos.line import Line
from simulators.pos.states import State
from tests.journeys.conftest import POSTGRESQL, SQLITE, engine_edit
from tests.journeys.drill import Drill
from tests.journeys.shops import MASTERS, SOON_S, Shops, build

pytestmark = pytest.mark.slow

AGENTS, TERMINALS_EACH = 10, 5
#: Hours after midnight at which each terminal sells: nine somewhere from 6 to 22, two when the plug
#: is pulled (23:40), one when the power is back (0:20).
OPENS, LAST, NIGHT = 6, 23, 24
BY_DAY, ITEMS = 9, 12
EARLY = timedelta(hours=5, minutes=30)
PULLED, BACK = timedelta(hours=LAST, minutes=40), timedelta(hours=NIGHT, minutes=20)
SETTLED = timedelta(hours=NIGHT + 7)
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
    """Who does what at which hour; what goes wrong is drawn once, so every day is the same."""

    shops: Shops
    drill: Drill
    draw: Random = field(default_factory=lambda: Random(8583))
    plans: dict[str, list[tuple[int, Task]]] = field(default_factory=dict)
    begins: datetime = field(init=False)  # midnight
    done: int = 0

    def __post_init__(self) -> None:
        """Items for every terminal: no meter twice for the same amount."""
        numbers = list(self.shops.owners)
        places = [(number, turn) for number in numbers for turn in range(ITEMS)]
        struck = iter(self.draw.sample(places, sum(WRONG.values())))
        wrong = {next(struck): name for name, many in WRONG.items() for _ in range(many)}
        hours = {number: self._hours() for number in numbers}
        for at, (number, turn) in enumerate(places):
            name = wrong.get((number, turn), "")
            sale = self.draw.random() < 0.6 or name == "keeps-token"
            task = Task(sale, at % HOUSEHOLDS, 20_000 + 10 * at, name)
            self.plans.setdefault(number, []).append((hours[number][turn], task))
        self.begins = self.drill.now().replace(hour=0, minute=0, second=0, microsecond=0)

    def _hours(self) -> list[int]:
        by_day = sorted(self.draw.choices(range(OPENS, LAST), k=BY_DAY))
        return [*by_day, LAST, LAST, NIGHT]

    def left(self, hour: int) -> int:
        """Items until then that were not begun."""
        return sum(at <= hour for plan in self.plans.values() for at, _ in plan)

    def turn(self, hour: int) -> None:
        """Every terminal that has nothing to do begins its next item, if it is time for it."""
        for line in self.shops.lines:
            terminal = line.terminal
            plan = self.plans[terminal.setup.number]
            due = plan and plan[0][0] <= hour
            if due and terminal.state is State.IDLE and terminal.up:
                self.begin(line, plan.pop(0)[1])

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

    def until(self, hour: int, left: int = 0) -> None:
        """Work until so few items of the hour are left; the last of them are still under way."""
        shops = self.shops

        def enough() -> bool:
            self.turn(hour)
            return self.left(hour) <= left

        try:
            shops.exchange.until(enough, SOON_S, f"items at {hour}")
        except TimeoutError as error:
            raise AssertionError(f"{error}: {self.done}\n{shops.last_words()}") from error

    def hour(self, hour: int, at: timedelta) -> None:
        """It is ``at`` now: everything of the hour is done, and nobody waits for anything."""
        self.drill.to(self.begins + at)
        self.until(hour)
        self.shops.all_are(State.IDLE, f"the last item at {hour}")


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def day(request: pytest.FixtureRequest) -> Iterator[Day]:
    """Ten agents with five terminals each, of three makers; two agents have a cashier. It is
    half past five in the morning, tomorrow."""
    with ExitStack() as stack:
        # a short name: a Unix socket's path has a limit of 107 bytes
        folder = Path(tempfile.mkdtemp(prefix="wb-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        house = House(folder, edit=engine_edit(request.param, request))
        house.environment[DRILL] = str(folder / "clock")
        stack.callback(house.close)
        made = build(house, HOUSEHOLDS)
        drill = Drill(folder / "clock", house.config.companies[COMPANY].zone)
        drill.to(drill.tomorrow() + EARLY)
        house.start_hub(bound=False)
        agents = [f"A-{number:02d}" for number in range(1, AGENTS + 1)]
        made.open(agents, TERMINALS_EACH, agents[:2])
        stack.callback(made.exchange.close)
        for at, number in enumerate(made.owners):
            setup = made.setup(number, DIALECTS[at % len(DIALECTS)])
            made.install(Street(setup, drill.wall, seed=at))
        yield Day(made, drill)


def test_fifty_terminals_sell_for_a_day(day: Day) -> None:
    shops, house = day.shops, day.shops.house
    shops.sign_on()
    for hour in range(OPENS, LAST):
        day.hour(hour, timedelta(hours=hour))
    night_falls(day)
    day.hour(NIGHT, BACK + timedelta(minutes=10))
    assert not day.left(NIGHT)
    assert day.done == AGENTS * TERMINALS_EACH * ITEMS
    everything_went_wrong_that_should(shops)
    day.drill.to(day.begins + SETTLED)
    shops.sign_on()
    morning(shops)
    shops.books_are_right()
    shops.floats_are_right()
    cases_are_open(shops)
    it_was_a_day(day)
    assert house.hub is not None
    assert house.hub.stop() == 0


def night_falls(day: Day) -> None:
    """The plug is pulled with some fifty items under way; when the power is back, it is tomorrow,
    and what had no answer is repeated and taken back under the date that it has."""
    house = day.shops.house
    day.drill.to(day.begins + PULLED)
    day.until(LAST, left=AGENTS * TERMINALS_EACH)
    assert house.hub is not None
    house.hub.kill()
    day.drill.to(day.begins + BACK)
    house.start_hub(bound=False)
    day.until(LAST)
    day.shops.all_are(State.IDLE, "the night")


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


def morning(shops: Shops) -> None:
    """Every terminal settles yesterday's batch, and is in balance; nothing is uploaded."""
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


def it_was_a_day(day: Day) -> None:
    """The hub and its terminals lived through it: hour by hour, on two business days, and who was
    signed on yesterday began another shift this morning."""
    shops = day.shops
    begins = int(day.begins.timestamp()) * 1_000_000
    hours = {(at - begins) // 3_600_000_000 for (at,) in shops.house.rows(
        "SELECT at FROM terminal_item WHERE state <> 'barred'"
    )}  # fmt: skip
    assert set(range(OPENS, LAST + 2)) >= hours >= set(range(OPENS, LAST))
    assert NIGHT in hours
    days = [int(f"{day.begins + timedelta(days=n):%Y%m%d}") for n in (0, 1)]
    assert shops.house.rows("SELECT DISTINCT day FROM terminal_item ORDER BY day") == [
        (each,) for each in days
    ]
    shifts = shops.house.rows(
        "SELECT day, count(*), sum(CASE WHEN closed_at > 0 THEN 1 ELSE 0 END) "
        "FROM terminal_shift GROUP BY day ORDER BY day"
    )
    assert shifts == [(days[0], len(shops.lines), len(shops.lines)), (days[1], len(shops.lines), 0)]

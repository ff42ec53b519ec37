"""The promises with real processes, sockets and SIGKILL, on every engine."""

from collections.abc import Callable

import pytest

from hub.failpoints import POINTS
from tests.promises.checker import Broken, holds
from tests.promises.company import HOUSEHOLDS, OPENING, buy, pay
from tests.promises.conftest import ENGINES, POSTGRESQL, RABBITMQ, SQLITE
from tests.promises.mutants import MUTANTS
from tests.promises.poison import KILLER, POISON
from tests.promises.processes import ProcessWorld
from tests.promises.test_stepped import PASSED, traffic

pytestmark = pytest.mark.slow
Maker = Callable[..., ProcessWorld]
SERVERS = (POSTGRESQL, RABBITMQ)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The engine under test."""
    return str(request.param)


def killed_at(node: ProcessWorld, points: list[str]) -> None:
    """Kill at each of these in turn, under traffic; each time all of it must fit."""
    for point in points:
        node.kill_at(point)
        node.far.offer(*traffic(2, f"{point}-"))
        try:
            node.settle()
            node.verify()
        except Broken as broken:
            raise Broken(f"killed at {point}: {broken}") from broken
    assert node.died_at() == points


@pytest.mark.timeout(600)
def test_what_was_accepted_is_done_once_whatever_is_killed(node: ProcessWorld, engine: str) -> None:
    """One installation, killed at every point that its engine passes, in turn."""
    node.far.offer(*traffic(1, "first-"))
    node.settle()
    killed_at(node, list(POINTS) if engine == RABBITMQ else PASSED)


def test_a_bus_that_delivers_twice_changes_nothing(make_node: Maker) -> None:
    node = make_node(bus="twice")
    node.far.offer(*traffic())
    node.settle()
    node.verify()


def test_poison_and_killers_hurt_only_themselves(node: ProcessWorld) -> None:
    """One payment that always fails, one that kills whoever decides it; the rest goes on."""
    node.far.offer(
        *traffic(1, "a-"),
        pay("bad", 1, 500, reference=POISON),
        pay("k", 3, 5, reference=KILLER),
        *traffic(1, "b-"),
    )
    innocent = [key for key in node.record.asks if key not in ("bad", "k")]
    free = [key for key in innocent if key not in ("pay-b-1.0", "pay-b-3.0")]

    def done() -> bool:
        node.look()
        states = node.states()
        return all(states.get(key) == 4 for key in free) and states["k"] == 3

    node.wait(done, "all but the two and those behind them are done")
    holds(node.states()["pay-b-1.0"] != 4, "ORDER the one behind the poison did not wait")
    node.cure()
    node.settle()
    node.verify("none")


def test_the_balance_adds_up_at_any_moment(node: ProcessWorld) -> None:
    for part in range(8):
        node.far.offer(*traffic(5, f"{part}-"))
    node.settle()
    holds(node.samples >= 10, f"UNACCOUNTED looked at {node.samples} times only")
    node.verify()


def test_a_full_queue_pushes_back_and_drops_nothing(make_node: Maker) -> None:
    node = make_node(open_messages=30)
    node.far.offer(*[pay(f"p{n}", n % 6 + 1, 100 + n) for n in range(90)])
    node.settle()
    states = [state for key in node.record.asks for state in node.record.states(key)]
    holds("overloaded" in states, "BOOKS ninety at once were accepted over a limit of 30")
    node.verify("none")


def test_drain_under_load_leaves_nothing_behind(node: ProcessWorld) -> None:
    """SIGTERM: what was taken in is acknowledged, what was handed over is marked, exit 0."""
    for part in range(10):
        node.far.offer(*traffic(5, f"{part}-"))
    node.wait(lambda: len(node.record.acks) > 50, "fifty are accepted")
    assert node.drain() == 0, node.log()
    told, known = node.record.safe().keys(), node.states().keys()
    holds(told == known, f"LOST {told - known}, or journaled and not told: {known - told}")
    marked = node.rows(
        "SELECT message_id FROM delivery WHERE target = 'channel:line' AND state = 4"
    )
    left = node.record.taken - {row[0] for row in marked}
    holds(not left, f"NOTICE {len(left)} were confirmed and are not marked")
    node.start()
    node.settle()
    node.verify()


def test_a_far_end_that_never_confirms_does_not_stop_the_drain(make_node: Maker) -> None:
    node = make_node(drain_s=1.0)
    node.far.holding = True
    node.far.offer(*traffic(1))
    node.wait(lambda: len(node.record.notices) == 6, "the notices are out")
    assert node.drain() == 0, node.log()
    node.far.holding = False
    node.start()
    node.settle()
    node.verify()


# -- PostgreSQL: several workers ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("engine", "point"),
    [
        (POSTGRESQL, "worker.before-decide"),
        (POSTGRESQL, "worker.before-commit"),
        (RABBITMQ, "worker.before-commit"),
    ],
)
def test_a_frozen_worker_neither_stops_the_others_nor_commits_afterwards(
    make_node: Maker, point: str
) -> None:
    node = make_node(workers=2, lease_s=1.0)
    node.far.offer(*traffic(1, "first-"))
    node.settle()
    node.freeze_at(point)
    node.far.offer(*traffic(3))
    node.wait(lambda: node.frozen() != 0, "a worker is frozen in the middle of a batch")
    node.settle()  # the others take over, while it holds its locks no longer
    node.thaw()
    node.far.offer(*traffic(1, "last-"))
    node.settle()
    node.verify()


@pytest.mark.parametrize("engine", SERVERS)
def test_two_workers_sell_what_there_is_and_no_more(make_node: Maker) -> None:
    """64 purchases on one account at once, beside purchases the other way."""
    node = make_node(workers=2)
    asks = []
    for n in range(64):
        number = n % len(HOUSEHOLDS) + 1
        asks += [buy(f"out{n}", number, OPENING // 40 + n, payer=1)]
        asks += [buy(f"back{n}", 1, 4_000 + n, payer=number)]
    node.far.offer(*asks)
    node.settle()
    node.verify("none")
    codes = {node.record.answer(f"out{n}").get("code", "ok") for n in range(64)}
    holds(codes >= {"ok", "credit-insufficient"}, f"BOOKS {codes}")


@pytest.mark.parametrize("engine", [POSTGRESQL])
def test_a_killed_node_leaves_no_worker_behind(make_node: Maker) -> None:
    """Workers end with the node that started them, however soon it dies."""
    node = make_node(workers=2)
    node.kill()
    sql = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'wattbus%' "
        "AND datname = current_database()"  # other tests' nodes live on the same server
    )
    node.wait(lambda: node.rows(sql) == [(0,)], "every connection of the dead node is gone")
    node.far.offer(*traffic(1))
    node.settle()
    node.verify()


# -- the suite proves itself, with processes ------------------------------------------------------


def _killed_before_commit(node: ProcessWorld) -> None:
    killed_at(node, ["journal.before-commit"])


def _killed_before_send(node: ProcessWorld) -> None:
    killed_at(node, ["outbound.before-send"])


def _poisoned_once(node: ProcessWorld) -> None:
    node.far.offer(pay("bad", 1, 500, reference=POISON))
    node.wait(lambda: node.states().get("bad") == 1, "it failed once")
    node.cure()
    node.patience_s = 8.0  # the retry is due at once: what is not done now never is
    node.settle()
    node.verify()


def _twice(node: ProcessWorld) -> None:
    # what is refused leaves no row whose key would stop it twice: only the inbox does
    node.far.offer(*traffic(1), pay("refused", 1, 0))
    node.settle()
    node.verify()


@pytest.mark.parametrize("engine", [SQLITE])
@pytest.mark.parametrize(
    ("mutant", "promise", "complaint", "bus"),
    [
        ("acknowledge-before-commit", _killed_before_commit, "TWICE .* told as", ""),
        ("mark-before-send", _killed_before_send, "NOTICE .* marked sent, the far end never", ""),
        ("no-inbox", _twice, "TWICE|BOOKS|UNACCOUNTED", "twice"),
        ("cursor-instead-of-state-scan", _poisoned_once, "OPEN never: it settles", ""),
    ],
)
def test_the_suite_notices(
    make_node: Maker,
    mutant: str,
    promise: Callable[[ProcessWorld], None],
    complaint: str,
    bus: str,
) -> None:
    assert mutant in MUTANTS
    node = make_node(mutant=mutant, bus=bus)
    with pytest.raises(Broken, match=complaint):
        promise(node)

"""The supervisor: workers are started again, ever more slowly, and ended in order."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from hub.config import parse
from hub.supervisor import (
    RENEW_REST_S,
    RESTART_MOST_S,
    RESTART_S,
    STARTED_WELL_S,
    STOP_S,
    Supervisor,
)

CONFIG = '[hub]\nworkers = 2\n[database]\nurl = "postgresql://db/wattbus"\n'


class FakeProcess:
    def __init__(self, protocol: Any, arguments: list[str], environment: dict[str, str]) -> None:
        self.protocol, self.arguments, self.environment = protocol, arguments, environment
        self.signals: list[int] = []

    def signalProcess(self, number: int) -> None:
        self.signals.append(number)

    def end(self) -> None:
        self.protocol.processEnded(Failure(RuntimeError("exit code 1")))


class FakeReactor(Clock):
    def __init__(self) -> None:
        super().__init__()
        self.started: list[FakeProcess] = []

    def spawnProcess(
        self, protocol: Any, _path: str, arguments: list[str], env: dict[str, str], **_: Any
    ) -> FakeProcess:
        self.started.append(FakeProcess(protocol, arguments, env))
        return self.started[-1]


@pytest.fixture
def reactor() -> FakeReactor:
    return FakeReactor()


@pytest.fixture
def supervisor(reactor: FakeReactor) -> Supervisor:
    return Supervisor(reactor, parse(CONFIG, "wattbus.toml", Path()))


def test_the_bulk_lane_has_workers_of_its_own(reactor: FakeReactor) -> None:
    text = CONFIG.replace("[database]", "bulk_workers = 3\n[database]")
    Supervisor(reactor, parse(text, "wattbus.toml", Path()), bulk=True).start()
    assert [p.arguments[-1] for p in reactor.started] == ["0", "1", "2"]
    assert all(p.arguments[2:5] == ["hub", "worker", "--bulk"] for p in reactor.started)


def test_half_of_the_cores_at_most_are_for_the_bulk_lane(
    reactor: FakeReactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cores, workers in ((1, 1), (2, 1), (8, 4)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        reactor.started.clear()
        Supervisor(reactor, parse(CONFIG, "wattbus.toml", Path()), bulk=True).start()
        assert len(reactor.started) == workers


def test_as_many_as_configured_are_started_with_their_index(
    supervisor: Supervisor, reactor: FakeReactor
) -> None:
    supervisor.start()
    assert [p.arguments[-1] for p in reactor.started] == ["0", "1"]
    assert all("worker" in p.arguments and "wattbus.toml" in p.arguments for p in reactor.started)
    assert reactor.started[0].environment["PYTHONPATH"]


def test_one_that_keeps_dying_is_started_ever_more_slowly(
    supervisor: Supervisor, reactor: FakeReactor
) -> None:
    supervisor.start()
    waits = []
    for _ in range(7):
        reactor.started[-1].end()
        (call,) = reactor.getDelayedCalls()
        waits.append(call.getTime() - reactor.seconds())
        before = len(reactor.started)
        reactor.advance(waits[-1])
        assert len(reactor.started) == before + 1
    assert waits[:3] == [RESTART_S, RESTART_S * 2, RESTART_S * 4]
    assert waits[-1] == RESTART_MOST_S


def test_one_that_had_lived_is_started_again_soon(
    supervisor: Supervisor, reactor: FakeReactor
) -> None:
    supervisor.start()
    for _ in range(3):
        reactor.started[-1].end()
        reactor.advance(RESTART_MOST_S)
    reactor.advance(STARTED_WELL_S + 1)
    reactor.started[-1].end()
    (call,) = reactor.getDelayedCalls()
    assert call.getTime() - reactor.seconds() == RESTART_S


def test_the_others_are_left_alone(supervisor: Supervisor, reactor: FakeReactor) -> None:
    supervisor.start()
    reactor.started[0].end()
    reactor.advance(RESTART_S)
    assert [p.arguments[-1] for p in reactor.started] == ["0", "1", "0"]
    assert reactor.started[1].signals == []


def test_a_renewal_replaces_one_after_the_other(
    supervisor: Supervisor, reactor: FakeReactor
) -> None:
    supervisor.start()
    first, second = reactor.started
    done: list[Any] = []
    supervisor.renew().addCallback(done.append)
    assert (first.signals, second.signals) == ([signal.SIGTERM], [])
    first.end()
    assert [p.arguments[-1] for p in reactor.started] == ["0", "1", "0"]  # at once
    reactor.advance(RENEW_REST_S)
    assert second.signals == [signal.SIGTERM]
    second.end()
    reactor.advance(RENEW_REST_S)
    assert [p.arguments[-1] for p in reactor.started] == ["0", "1", "0", "1"]
    assert done
    assert reactor.getDelayedCalls() == []


def test_a_second_reload_waits_for_the_first_s_renewal(
    supervisor: Supervisor, reactor: FakeReactor
) -> None:
    supervisor.start()
    supervisor.renew()
    supervisor.renew()
    supervisor.renew()
    ended: list[FakeProcess] = []
    while told := [each for each in reactor.started if each.signals and each not in ended]:
        assert len(told) == 1, "never two at a time"
        told[0].end()
        ended += told
        reactor.advance(RENEW_REST_S)
    assert len(reactor.started) == 2 + 2 * 2, "who began before the last reload read an older file"
    assert reactor.getDelayedCalls() == []


def test_a_stop_ends_a_renewal(supervisor: Supervisor, reactor: FakeReactor) -> None:
    supervisor.start()
    first, second = reactor.started
    supervisor.renew()
    stopped = stopping(supervisor)
    first.end()
    second.end()
    reactor.advance(RENEW_REST_S)
    assert stopped()
    assert reactor.started == [first, second]


def stopping(supervisor: Supervisor) -> Callable[[], bool]:
    done: list[Any] = []
    supervisor.stop().addCallback(done.append)
    return lambda: bool(done)


def test_a_stop_asks_waits_and_then_insists(supervisor: Supervisor, reactor: FakeReactor) -> None:
    supervisor.start()
    good, bad = reactor.started
    stopped = stopping(supervisor)
    assert good.signals == bad.signals == [signal.SIGTERM]
    good.end()
    assert not stopped()
    reactor.advance(STOP_S)
    assert good.signals == [signal.SIGTERM]
    assert bad.signals == [signal.SIGTERM, signal.SIGKILL]
    bad.end()
    assert stopped()
    assert reactor.getDelayedCalls() == []


def test_nothing_is_started_again_while_stopping(
    supervisor: Supervisor, reactor: FakeReactor
) -> None:
    supervisor.start()
    reactor.started[0].end()
    stopping(supervisor)
    reactor.started[1].end()
    reactor.advance(RESTART_MOST_S)
    assert len(reactor.started) == 2


def test_a_stop_without_workers_is_done_at_once(supervisor: Supervisor) -> None:
    assert stopping(supervisor)()

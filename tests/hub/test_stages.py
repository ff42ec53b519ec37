"""The stage loop: every stage gets its turn, a poke wakes, a store that is away is waited for."""

import threading

import pytest

from core.store.tx import TransientStoreError
from hub import stages
from hub.stages import StageLoop
from hub.worker import MAX_BATCH


class Counting:
    """A stage that is busy a number of times, and tells when it has been called so often."""

    def __init__(self, busy: int = 0, until: int = 1) -> None:
        self.busy, self.until = busy, until
        self.calls = 0
        self.reached = threading.Event()
        self.fault: Exception | None = None

    def step(self) -> bool:
        self.calls += 1
        if self.calls >= self.until:
            self.reached.set()
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        return self.calls <= self.busy


def test_a_busy_stage_does_not_keep_the_others_waiting() -> None:
    busy, other = Counting(busy=5, until=6), Counting(until=6)
    loop = StageLoop("test", [busy, other], idle_s=60)
    loop.start()
    assert busy.reached.wait(30)
    assert other.reached.wait(30)
    loop.stop()
    assert abs(busy.calls - other.calls) <= 1


def test_an_idle_loop_is_woken_by_a_poke() -> None:
    stage = Counting()
    loop = StageLoop("test", [stage], idle_s=60)
    loop.start()
    assert stage.reached.wait(30)
    stage.until, before = stage.calls + 1, stage.calls
    stage.reached.clear()
    loop.poke()
    assert stage.reached.wait(30)
    loop.stop()
    assert stage.calls > before


def test_a_store_that_is_away_is_waited_for_and_found_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rests: list[float] = []
    stage = Counting(until=2)
    stage.fault = TransientStoreError("away")
    loop = StageLoop("test", [stage], idle_s=60)
    unhealthy: list[bool] = []

    def rest(seconds: float) -> None:
        rests.append(seconds)
        unhealthy.append(loop.healthy)
        loop.poke()

    monkeypatch.setattr(stages.time, "sleep", rest)
    loop.start()
    assert stage.reached.wait(30)
    loop.stop()
    assert rests == [stages.AWAY_S]
    assert unhealthy == [False]
    assert loop.healthy


def test_stop_waits_for_the_step_under_way() -> None:
    inside, go_on = threading.Event(), threading.Event()
    ended: list[str] = []

    class Slow:
        def step(self) -> bool:
            inside.set()
            go_on.wait(30)
            ended.append("step")
            return False

    loop = StageLoop("test", [Slow()], idle_s=60)
    loop.start()
    assert inside.wait(30)
    go_on.set()
    loop.stop()
    assert ended


@pytest.mark.parametrize(
    ("last", "more"), [(0, False), (1, False), (2, True), (MAX_BATCH - 1, True), (MAX_BATCH, False)]
)
def test_only_a_batch_that_shows_traffic_is_followed_by_a_pause(last: int, more: bool) -> None:
    """A lone message never waits, and what is waiting already needs no waiting for."""
    assert stages.lingers(last) is more


def test_a_loop_lingers_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []
    monkeypatch.setattr(stages.time, "sleep", paused.append)
    waits = [0.005, 0.0, 0.0]
    stage = Counting(busy=2, until=3)
    loop = StageLoop("test", [stage], idle_s=60, linger=lambda: waits.pop(0) if waits else 0.0)
    loop.start()
    assert stage.reached.wait(30)
    loop.stop()
    assert paused == [0.005]

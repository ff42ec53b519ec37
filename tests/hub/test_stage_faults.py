"""Loops of stages: what one step raises ends neither the loop nor the other stages' work."""

import threading

import pytest

from core.store.tx import TransientStoreError
from hub import stages
from hub.stages import StageLoop

DEADLINE_S = 10.0


class Stumbling:
    """Raises at its first step, works ever after."""

    def __init__(self, fault: Exception) -> None:
        self.fault: Exception | None = fault
        self.worked = threading.Event()

    def step(self) -> bool:
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        self.worked.set()
        return False


@pytest.mark.parametrize("fault", [TransientStoreError("away"), ValueError("a mistake of ours")])
def test_a_loop_goes_on_after_a_fault(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "AWAY_S", 0.01)
    stage = Stumbling(fault)
    loop = StageLoop("test", [stage], idle_s=0.01)
    loop.start()
    assert stage.worked.wait(DEADLINE_S)
    loop.stop()
    assert loop.healthy

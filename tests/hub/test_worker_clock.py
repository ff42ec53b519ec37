"""A worker whose clock is wrong gives its partitions to others, and takes them back later."""

import threading
from typing import Any

import pytest

from hub import workerprocess


class Beats:
    """Leases, source and worker that only remember; the clock is wrong for two rounds."""

    def __init__(self) -> None:
        self.epochs = {1: 1}
        self.did: list[str] = []
        self.stop, self.round = threading.Event(), 0

    def fit(self) -> bool:
        self.round += 1
        if self.round == 5:
            self.stop.set()
        return self.round not in (2, 3)

    def prepare(self) -> None: ...

    def due(self) -> bool:
        return False

    def balance(self) -> list[int]:
        self.did.append("balance")
        self.epochs = {1: 2}
        return [1]

    def release(self) -> None:
        self.did.append("release")
        self.epochs = {}

    @property
    def source(self) -> "Beats":
        return self

    def assign(self, partitions: list[int]) -> None:
        self.did.append(f"assign {partitions}")

    last = 0

    def step(self) -> bool:
        self.did.append("step")
        return True


def test_what_it_held_is_given_up_once_and_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workerprocess, "IDLE_S", 0.0)
    beats: Any = Beats()
    beat = workerprocess._Beat(beats.stop, threading.Event(), beats.fit, 0.0)
    workerprocess._work(beats, beats, beat)
    assert beats.did == [
        "step",
        "assign []",
        "release",
        "balance",
        "assign [1]",
        "step",
        "step",
    ]

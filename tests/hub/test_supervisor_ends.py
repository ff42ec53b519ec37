"""Worker processes end in order, whatever they do meanwhile."""

from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.task import Clock

from hub.supervisor import Supervisor, _Watched


class Process:
    """A process that is gone already, or one that ends when told to."""

    def __init__(self, gone: bool) -> None:
        self.gone, self.heard = gone, list[int]()

    def signalProcess(self, which: int) -> None:
        if self.gone:
            raise ProcessExitedAlready
        self.heard.append(which)


def test_one_that_has_just_died_does_not_keep_the_others_from_their_signal() -> None:
    config: Any = SimpleNamespace(hub=SimpleNamespace(workers=2), file="wattbus.toml")
    supervisor = Supervisor(Clock(), config)
    processes = [Process(gone=True), Process(gone=False)]
    for index, process in enumerate(processes):
        supervisor._alive[index] = process, _Watched(supervisor, index)
    watched = [each for _, each in supervisor._alive.values()]
    stopped: Deferred[Any] = supervisor.stop()
    assert len(processes[1].heard) == 1
    for each in watched:
        each.processEnded(SimpleNamespace(getErrorMessage=lambda: "ended"))
    assert stopped.called

"""Worker processes of this node: started, watched, started again, stopped in order."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from twisted.internet.defer import Deferred, gatherResults, inlineCallbacks, succeed
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater

from hub.config import Config

#: A worker that died is started again after this long, doubled while it keeps dying at once.
RESTART_S, RESTART_MOST_S = 0.5, 10.0
#: A worker that lived this long had started well.
STARTED_WELL_S = 5.0
#: A worker that does not end within this time of SIGTERM is killed: its batch is rolled back.
STOP_S = 10.0

#: Between two workers that are replaced: the new one has its share of the partitions by then.
RENEW_REST_S = 3.0

#: The environment's name for the process that started a worker, and without which it ends.
PARENT = "WATTBUS_PARENT"
#: The module of a worker process, and its verb.
WORKER_COMMAND = ("hub", "worker")
#: The same of a process of the bulk lane.
BULK_OPTION = "--bulk"

log = structlog.get_logger("hub.supervisor")


class _Watched(ProcessProtocol):
    """One worker process."""

    def __init__(self, supervisor: "Supervisor", index: int) -> None:
        self.supervisor, self.index = supervisor, index
        self.ended: Deferred[None] = Deferred()
        self.renewed = False  # it was told to end, so that another one takes its place
        self.started_at = supervisor.reactor.seconds()

    def processEnded(self, reason: Any) -> None:  # noqa: N802 - Twisted's name
        self.ended.callback(None)
        self.supervisor.ended(self, reason.getErrorMessage())


class Supervisor:
    """Keeps as many workers of a lane alive as the configuration says.

    0: one per core; of the bulk lane one for two cores, so that it never has them all.
    """

    def __init__(
        self,
        reactor: Any,
        config: Config,
        command: tuple[str, ...] = WORKER_COMMAND,
        *,
        bulk: bool = False,
    ) -> None:
        self.reactor = reactor
        self._config = config
        self._command = (*command, BULK_OPTION) if bulk else command
        cores = os.cpu_count() or 1
        said = config.hub.bulk_workers if bulk else config.hub.workers
        self._count = said or (max(1, cores // 2) if bulk else cores)
        self._alive: dict[int, tuple[Any, _Watched]] = {}
        self._rest: dict[int, float] = {}
        self._stopping = False
        self._renewals = 0  # asked for and not over

    def start(self) -> None:
        """Start them all."""
        for index in range(self._count):
            self._spawn(index)

    def _spawn(self, index: int) -> None:
        if self._stopping:
            return
        watched = _Watched(self, index)
        path = str(self._config.file)
        arguments = [sys.executable, "-m", *self._command, "-c", path, "--index", str(index)]
        root = str(Path(__file__).parent.parent)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([root, *_given_path()]),
            PARENT: str(os.getpid()),
        }
        process = self.reactor.spawnProcess(
            watched, sys.executable, arguments, env=environment, childFDs={0: "w", 1: 1, 2: 2}
        )
        self._alive[index] = (process, watched)

    def ended(self, watched: _Watched, reason: str) -> None:
        """One has ended; unless we are stopping it is started again."""
        self._alive.pop(watched.index, None)
        if self._stopping:
            return
        if watched.renewed:
            self._spawn(watched.index)
            return
        lived = self.reactor.seconds() - watched.started_at
        before = 0.0 if lived > STARTED_WELL_S else self._rest.get(watched.index, 0.0)
        rest = min(before * 2, RESTART_MOST_S) or RESTART_S
        self._rest[watched.index] = rest
        log.error(
            "worker.ended",
            command=self._command,
            worker=watched.index,
            reason=reason,
            again_in_s=rest,
        )
        self.reactor.callLater(rest, self._spawn, watched.index)

    @inlineCallbacks
    def renew(self) -> Any:
        """Another process in each one's place, one after the other: they read the configuration
        anew. Each ends after its batch, and the others have its partitions meanwhile. Asked for
        while it is under way it begins again when that is over: never two at a time."""
        self._renewals += 1
        if self._renewals > 1:
            return
        while self._renewals and not self._stopping:
            self._renewals = 1
            yield self._one_by_one()
            self._renewals -= 1

    @inlineCallbacks
    def _one_by_one(self) -> Any:
        for process, watched in list(self._alive.values()):
            if not self._stopping and self._alive.get(watched.index) == (process, watched):
                watched.renewed = True
                yield self._end(process, watched)
                yield deferLater(self.reactor, RENEW_REST_S, lambda: None)

    def stop(self) -> "Deferred[Any]":
        """SIGTERM to all; SIGKILL to what does not end."""
        self._stopping = True
        if not self._alive:
            return succeed(None)
        return gatherResults([self._end(*each) for each in list(self._alive.values())])

    def _end(self, process: Any, watched: _Watched) -> "Deferred[None]":
        _signal(process, signal.SIGTERM)
        killer = self.reactor.callLater(STOP_S, _signal, process, signal.SIGKILL)
        return watched.ended.addCallback(_cancel, killer)


def _signal(process: Any, which: int) -> None:
    """One that has just died by itself must not keep the others from ending in order."""
    with suppress(ProcessExitedAlready):
        process.signalProcess(which)


def _cancel(_ended: None, timer: Any) -> None:
    if timer.active():
        timer.cancel()


def _given_path() -> list[str]:
    given = os.environ.get("PYTHONPATH", "")
    return [given] if given else []

"""Several nodes of one installation as real processes: one database, one far end, signals to each.

::

    nodes = Nodes(folder, url, Setting(workers=1))   # or the fixture ``make_nodes``
    nodes.run("a")                   # returns when a has said that it is up
    nodes.run("b", roles=("workers",))
    nodes.holder("line")             # who holds the channel's seat, by the database
    nodes.far.offer(*traffic(5))     # the far end of the promise suite, one for all nodes
    nodes.kill_node("a")             # SIGKILL to the node; its workers end by themselves
    nodes.freeze_node("a"), nodes.thaw_node("a")      # SIGSTOP, SIGCONT to the channel process
    nodes.end_node("a")              # SIGTERM; its exit status
    nodes.settle(), nodes.verify()   # as of one node: the checker's word

The far end takes any number of connections; the last one is its line. What came over each of them,
and whether it was closed, is in ``nodes.board.links``: two nodes that believe they hold the same
bind would show there. ``PROMISE_…`` variables (``tests.promises.node``) are for all nodes.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any

from tests.promises import company
from tests.promises.company import CHANNEL
from tests.promises.farend import FarEnd, Line
from tests.promises.processes import DEADLINE_S, ROOT, ProcessWorld

#: What a node does here: nobody has bills to run.
ROLES = ("channels", "workers")


@dataclass
class Link:
    """One connection at the far end: the messages that came over it, and whether it is over."""

    opened: float
    delivered: list[str] = field(default_factory=list)
    closed: bool = False


class Switchboard:
    """The far end's socket for several nodes: a thread a connection, the last is the line."""

    def __init__(self, far: FarEnd) -> None:
        self.far = far
        self.links: list[Link] = []
        self._sockets: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                taken, _ = self._server.accept()
            except OSError:
                return
            link = Link(monotonic())
            self.links.append(link)
            self._sockets.append(taken)
            threading.Thread(target=self._talk, args=(taken, link), daemon=True).start()

    def _talk(self, taken: socket.socket, link: Link) -> None:
        def write(line: Line) -> None:
            with suppress(OSError):  # the reader will see that it is down
                taken.sendall(json.dumps(line).encode() + b"\n")

        with taken:
            self.far.connected(write)
            with suppress(OSError, ValueError):  # cut in the middle of a line: it was not said
                for raw in taken.makefile("rb"):
                    line = json.loads(raw)
                    if "deliver" in line:
                        link.delivered.append(line["deliver"])
                    self.far.line(line)
        link.closed = True
        with self.far.changed:
            if self.links[-1] is link:
                self.far.disconnected()
            self.far.changed.notify_all()

    @property
    def open(self) -> list[Link]:
        """The connections that stand."""
        return [link for link in self.links if not link.closed]

    def close(self) -> None:
        """Listen no more."""
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for taken in self._sockets:
            with suppress(OSError):
                taken.shutdown(socket.SHUT_RDWR)
        self._thread.join()


@dataclass
class Nodes(ProcessWorld):
    """See the module. ``folder`` has one folder for each node."""

    running: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)
    arguments: tuple[str, ...] = ("-m", "tests.promises.node", "run")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.listener.close()  # of the one node of the base class
        self.board = Switchboard(self.far)

    # -- life and death ---------------------------------------------------------------------

    def config_of(self, name: str, roles: Sequence[str] = ROLES) -> Path:
        """The configuration of a node, written."""
        words = ", ".join(f'"{role}"' for role in roles)
        setting = replace(self.setting, name=name, prefix=self.folder.name, roles=words)
        folder = self.folder / name
        (folder / "var").mkdir(parents=True, exist_ok=True)
        return company.write_config(folder, self.url, self.board.port, setting)

    def spawn(self, name: str, roles: Sequence[str] = ROLES) -> "subprocess.Popen[bytes]":
        """Start a process of this name and wait for nothing."""
        path = self.config_of(name, roles)
        log = self.folder / "log"
        with log.open("ab") as out:
            return subprocess.Popen(
                [sys.executable, *self.arguments, "-c", str(path)],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def run(self, name: str, roles: Sequence[str] = ROLES) -> None:
        """A node; returns when it answers on its control socket."""
        process = self.running[name] = self.spawn(name, roles)
        control = self.folder / name / "var" / "control.sock"

        def up() -> bool:
            assert process.poll() is None, f"{name} ended by itself\n{self.log()}"
            return _answers(control)

        self.wait(up, f"{name} is up")

    def kill_node(self, name: str) -> None:
        """SIGKILL to the channel process; its workers see that it is gone."""
        process = self.running.pop(name)
        process.kill()
        process.wait(DEADLINE_S)

    def freeze_node(self, name: str) -> None:
        """SIGSTOP to the channel process; its workers go on."""
        self.running[name].send_signal(signal.SIGSTOP)

    def thaw_node(self, name: str) -> None:
        """SIGCONT."""
        self.running[name].send_signal(signal.SIGCONT)

    def end_node(self, name: str) -> int:
        """SIGTERM; the exit status."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(DEADLINE_S)

    def look(self) -> None:
        """Nobody may end unasked."""
        for name, process in self.running.items():
            status = process.poll()
            assert status is None, f"{name} ended by itself: {status}\n{self.log()}"

    def close(self) -> None:
        """End everything that was started here."""
        for process in self.running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.board.close()
        if self.store is not None:
            self.store.close()

    # -- looking ----------------------------------------------------------------------------

    def seat(self, name: str = CHANNEL) -> tuple[str, int]:
        """The node that holds a seat, and the epoch."""
        rows = self.rows("SELECT node, epoch FROM seat WHERE name = :name", name=name)
        return (str(rows[0][0]), int(rows[0][1])) if rows else ("", 0)

    def holder(self, name: str = CHANNEL) -> str:
        """The node that holds a seat."""
        return self.seat(name)[0]

    def moved_to(self, name: str, seat: str = CHANNEL) -> float:
        """Wait until a node holds a seat and the far end has its line; the seconds it took."""
        since = monotonic()
        self.wait(
            lambda: self.holder(seat) == name and self.far.is_connected, f"{seat} is at {name}"
        )
        return monotonic() - since


def _answers(path: Path) -> bool:
    """Whether a node's control socket answers."""
    with socket.socket(socket.AF_UNIX) as asking, suppress(OSError):
        asking.settimeout(5.0)
        asking.connect(str(path))
        asking.sendall(b'{"do": "status"}\n')
        return bool(asking.recv(1))
    return False


@contextmanager
def closing(nodes: Nodes) -> Iterator[Nodes]:
    """The nodes, ended when their test is over."""
    try:
        yield nodes
    finally:
        nodes.close()


def said(nodes: Nodes, name: str, request: dict[str, Any]) -> dict[str, Any]:
    """What a node answers on its control socket."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(DEADLINE_S)
        asking.connect(str(nodes.folder / name / "var" / "control.sock"))
        asking.sendall(json.dumps(request).encode() + b"\n")
        with asking.makefile("rb") as lines:
            answer: dict[str, Any] = json.loads(lines.readline())
            return answer

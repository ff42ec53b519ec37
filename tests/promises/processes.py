"""The world of promises with real processes: a node, its workers, sockets, and SIGKILL.

The far end listens in the test's process; the node connects to it, again and again if need be, as a
link does. Nothing sleeps: what is waited for is a condition, with a deadline.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from core.store.tx import Reader
from core.store.upgrade import open_store
from hub import balance
from tests.promises import company
from tests.promises.checker import Broken, Order, holds, verify
from tests.promises.company import CHANNEL, Setting
from tests.promises.farend import FarEnd, Line, Record
from tests.promises.worlds import HELD, STATES, UNSETTLED

ROOT = Path(__file__).parent.parent.parent
#: How long anything may take on a loaded machine.
DEADLINE_S = 90.0
#: How often a condition is looked at.
LOOK_S = 0.02
#: After this long without an answer a key is asked again.
ASK_AGAIN_S = 2.0


class Listener:
    """The far end's socket: one connection at a time, in a thread."""

    def __init__(self, far: FarEnd) -> None:
        self.far = far
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._link: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self._server.accept()
            except OSError:
                return
            with link:
                self._link = link
                self._talk(link)

    def _talk(self, link: socket.socket) -> None:
        def write(line: Line) -> None:
            with suppress(OSError):  # the reader will see that it is down
                link.sendall(json.dumps(line).encode() + b"\n")

        self.far.connected(write)
        with suppress(OSError, ValueError):  # cut in the middle of a line: it was not said
            for line in link.makefile("rb"):
                self.far.line(json.loads(line))
        self.far.disconnected()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        if self._link is not None:
            with suppress(OSError):
                self._link.shutdown(socket.SHUT_RDWR)
        self._thread.join()


@dataclass
class ProcessWorld:
    """A node of ``folder``'s configuration as processes of their own."""

    folder: Path
    url: str
    setting: Setting = field(default_factory=Setting)
    environment: dict[str, str] = field(default_factory=dict)
    wrapper: tuple[str, ...] = ()
    far: FarEnd = field(default_factory=FarEnd)
    fired: list[str] = field(default_factory=list)
    node: "subprocess.Popen[bytes] | None" = None
    #: how often the balance was looked at while there was work
    samples: int = 0
    _aimed: str = ""

    def __post_init__(self) -> None:
        self.listener = Listener(self.far)
        self.config = company.write_config(self.folder, self.url, self.listener.port, self.setting)
        self.var = self.folder / "var"
        self.store = open_store(self.url, "checker") if self._is_server else None

    @property
    def _is_server(self) -> bool:
        return not self.url.startswith("sqlite:")

    # -- life and death ---------------------------------------------------------------------

    def start(self) -> None:
        """A node; returns when its channel has come up."""
        command = [sys.executable, "-m", "tests.promises.node", "run", "-c", str(self.config)]
        with (self.folder / "log").open("ab") as log:
            self.node = subprocess.Popen(
                [*self.wrapper, *command],
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        node = self.node
        self.wait(lambda: self.far.is_connected or node.poll() is not None, "the channel is up")

    def kill_at(self, point: str) -> None:
        """Kill the first process that passes this point from now on."""
        (self.var / "arm" / point).touch()
        self._aimed = point

    def kill(self) -> None:
        """SIGKILL to the node as it is."""
        assert self.node is not None
        self.node.kill()
        self.node.wait(DEADLINE_S)

    def freeze_at(self, point: str) -> None:
        """Stop the first process that passes this point from now on."""
        (self.var / "freeze" / point).touch()

    def frozen(self) -> int:
        """The process that was frozen; 0: none yet."""
        mark = self.var / "frozen"
        words = mark.read_text(encoding="ascii").split() if mark.exists() else []
        return int(words[1]) if words and _state(int(words[1])) == "T" else 0

    def thaw(self) -> None:
        """It goes on as if nothing had been."""
        os.kill(self.frozen(), signal.SIGCONT)
        (self.var / "frozen").unlink()

    def look(self) -> None:
        """Note who died of the failpoint; start the node again when it was the node itself."""
        mark = self.var / "fired"
        if self._aimed and mark.exists():
            point, pid = mark.read_text(encoding="ascii").split() or ("", "")
            assert self.node is not None
            if point and int(pid) != self.node.pid and _state(int(pid)) not in ("", "Z"):
                return
            if point:
                self.fired.append(point)
                mark.unlink()
                self._aimed = ""
        if self.node is not None and self.node.poll() is not None:
            status = self.node.returncode
            assert status == -signal.SIGKILL, f"the node ended by itself: {status}\n{self.log()}"
            self.wait(lambda: not self.far.is_connected, "the far end has seen it go")
            self.start()

    def died_at(self) -> list[str]:
        """Where processes were killed so far."""
        return self.fired

    def drain(self) -> int:
        """SIGTERM; the exit status."""
        assert self.node is not None
        self.node.send_signal(signal.SIGTERM)
        status = self.node.wait(DEADLINE_S)
        self.wait(lambda: not self.far.is_connected, "the far end has seen it go")
        return status

    def cure(self) -> None:
        """Poison is harmless from now on."""
        (self.var / "cured").touch()

    def close(self) -> None:
        """End everything that was started here."""
        if self.node is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.node.pid, signal.SIGKILL)
            self.node.wait()
        self.listener.close()
        if self.store is not None:
            self.store.close()

    # -- going on ---------------------------------------------------------------------------

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Until it is so; Broken at the deadline, with the node's last words."""
        until = monotonic() + DEADLINE_S
        with self.far.changed:
            while not condition():
                if monotonic() > until:
                    raise Broken(f"OPEN never: {what}\n{self.log()}")
                self.far.changed.wait(LOOK_S)

    def settle(self) -> None:
        """Until nothing is under way and the far end has heard of everything."""
        asked = monotonic()

        def quiet() -> bool:
            nonlocal asked
            self.look()
            self._sample()
            if not self.unsettled() and not self._aimed:
                return True
            if monotonic() - asked > ASK_AGAIN_S and self.far.is_connected:
                self.far.ask_again()
                asked = monotonic()
            return False

        self.wait(quiet, "it settles")

    def _sample(self) -> None:
        with self.reader() as reader:
            lost = balance.unaccounted(reader)
        holds(lost == 0, f"UNACCOUNTED {lost} in the middle of the work")
        self.samples += 1

    def unsettled(self) -> list[Any]:
        """What is still under way: deliveries, and keys without an answer."""
        waiting = {row[0] for row in self.rows(HELD)}
        return [*self.rows(UNSETTLED), *(k for k in self.far.unfinished() if k not in waiting)]

    # -- looking ----------------------------------------------------------------------------

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """A look at the books beside the node."""
        if self.store is not None:
            with self.store.reader_on_writer() as reader:
                yield reader
            return
        with open_reader(self.url) as reader:
            yield reader

    def rows(self, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        """Read the books."""
        with self.reader() as reader:
            return reader.rows(sql, **params)

    def states(self) -> dict[str, int]:
        """key -> the state of its delivery."""
        return dict(self.rows(STATES, channel=CHANNEL))

    def log(self, most: int = 6_000) -> str:
        """The last words of the node."""
        return (self.folder / "log").read_text(errors="replace")[-most:]

    @property
    def record(self) -> Record:
        """What the far end knows."""
        return self.far.record

    def verify(self, order: Order = "across") -> None:
        """The checker's word; raises Broken."""
        with self.reader() as reader:
            verify(reader, self.record, order)


@contextmanager
def open_reader(url: str) -> Iterator[Reader]:
    """A read-only connection to a SQLite database that others write."""
    from core.store.sqlite import SqliteReader

    with SqliteReader(url.removeprefix("sqlite:")).reader() as reader:
        yield reader


def _state(pid: int) -> str:
    """The kernel's letter for a process; empty: there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""

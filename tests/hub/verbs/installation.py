"""An installation in a folder with a hub that answers its control socket, for tests of verbs.

The hub is the machine of ``tests.hub.machine`` behind the real socket, stepped under a lock.
"""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import fail, maybeDeferred, succeed
from twisted.python.failure import Failure
from typer.main import get_command
from typer.testing import CliRunner

from hub.__main__ import app, mount
from hub.channel import Arrival
from hub.config import read
from hub.control import submit
from hub.keys.custodians import KeyDesk
from hub.lasttids import LastTidDesk
from hub.operators import Identity, OperatorDesk
from tests.hub.machine import Machine, fresh_sqlite

CONFIG = """\
[hub]
name = "node1"

[http]
port = 0

[companies.demo]
name = "Demo Power"
zone = "Africa/Kampala"
currency = "UGX"
country_code = "256"
tariffs = ["uganda-domestic.yaml"]
keys = "keys.json"
master_key_file = "master.key"
receipt_series = "DP-"
test = true
"""


@cache
def _groups() -> set[str]:
    """The verbs that have verbs of their own."""
    commands = get_command(app).commands  # type: ignore[attr-defined]
    return {name for name, command in commands.items() if hasattr(command, "commands")}


@dataclass
class Installation:
    """A folder with configuration and database, and the machine over it."""

    folder: Path
    machine: Machine
    asked: list[dict[str, Any]]

    @property
    def config(self) -> Path:
        return self.folder / "wattbus.toml"

    def call(self, *words: str, stdin: str = "") -> tuple[int, str, str]:
        """Run a verb with this configuration: exit code, output, errors."""
        mount()
        verb, *rest = words
        sub = [rest.pop(0)] if verb in _groups() else []
        result = CliRunner().invoke(app, [verb, *sub, "-c", str(self.config), *rest], input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    def answer(self, request: dict[str, Any]) -> Any:
        """What the hub answers."""
        self.asked.append(request)
        if request["do"] == "status":
            return {"ok": True, "node": "node1", "pid": 1, "channels": {}, "links": {"smsc": {}}}
        heard: list[Any] = []
        verbs = {
            **self.machine.desk.verbs(),
            "act": self._operators().act,
            "key": self._keys().key,
            "last-tids": self._last_tids().take_over,
            "submit": self._submit,
        }
        verb = verbs[request["do"]]
        actor = {"actor": f"{request.get('operator')} via test"}
        maybeDeferred(verb, {**request, **actor}).addBoth(heard.append)
        self.machine.chores.step()
        return {"error": str(heard[0].value)} if hasattr(heard[0], "value") else heard[0]

    def _operators(self) -> OperatorDesk:
        machine = self.machine
        return OperatorDesk(
            Identity.of(read(self.config)),
            machine.chores,
            partial(self._submit, vouched=True),
            "node1",
            machine.time.now_us,
        )

    def _keys(self) -> KeyDesk:
        desk = self._operators()
        return KeyDesk(desk.identity, desk.chores, desk.writer, desk.now_us)

    def _last_tids(self) -> LastTidDesk:
        desk, machine = self._operators(), self.machine
        terms = {machine.terms.code: machine.terms}
        return LastTidDesk(desk.identity, machine.chores, terms, "node1", machine.time.now_us)

    def _submit(self, request: dict[str, Any], *, vouched: bool = False) -> Any:
        ports: dict[str, Any] = {"demo": _Port(self.machine)}
        return submit(ports, vouched=vouched)(request)


@dataclass
class _Port:
    """What the verb ``submit`` needs of ``HubPorts``, over the machine; of a live company."""

    machine: Machine
    company: Any = field(default_factory=lambda: SimpleNamespace(test=False))

    def accept(self, arrival: Arrival) -> Any:
        again = arrival.ask_again_after_s
        heard = self.machine.accept(arrival.message, arrival.key, ask_again_after_s=again)
        self.machine.settle()
        return fail(heard[0]) if isinstance(heard[0], Failure) else succeed(heard[0])

    def answer(self, message_id: str, _within_s: float) -> Any:
        return succeed(self.machine.answer(message_id))


def installed(folder: Path) -> Installation:
    """Write it; no hub answers yet."""
    (folder / "var").mkdir()
    (folder / "wattbus.toml").write_text(CONFIG)
    return Installation(folder, Machine(fresh_sqlite(folder / "var")), [])


@contextmanager
def answering(installation: Installation) -> Iterator[None]:
    """With a hub behind the control socket."""
    lock = threading.Lock()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            request = json.loads(self.rfile.readline())
            try:
                with lock:
                    reply = installation.answer(request)
            except Exception as error:
                reply = {"error": str(error)}
            self.wfile.write(json.dumps(reply).encode() + b"\n")

    path = str(installation.folder / "var" / "control.sock")
    with socketserver.ThreadingUnixStreamServer(path, Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield
        server.shutdown()
        thread.join()

"""A whole installation in a folder, with the network's simulator and the hub as child processes."""

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from core.messages import Answer, Message, name_of
from core.store.sqlite import SqliteReader
from core.store.tx import Reader
from core.store.upgrade import is_sqlite, open_store, sqlite_path, upgrade
from hub.config import Config, read
from hub.verbs.init import write_installation
from simulators.demo.children import Child, environment, until, wattbus
from simulators.demo.provider import FILES, with_purse
from simulators.phone.handset import Phone
from simulators.phone.line import ControlLine
from simulators.phone.ussd import HttpUssd
from simulators.phone.wallet import Wallet

COMPANY = "demo"
#: A process of ours is up within this time even on a busy machine.
UP_S = 30.0
#: A command that is put on the bus is answered within this time.
ANSWER_S = 30.0
#: A command of ``wattbus`` has done its work within this time: a whole check, on a busy machine.
VERB_S = 180.0


class HubRefusedError(Exception):
    """The hub said no to a request over its control socket."""


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _as_it_is(text: str) -> str:
    return text


@dataclass(slots=True)
class House:
    """``smsc_options`` go to ``wattbus simulate smsc``; ``edit`` changes the configuration;
    ``environment`` is of every process of the house."""

    folder: Path
    smsc_options: tuple[str, ...] = ()
    edit: Callable[[str], str] = _as_it_is
    smpp_port: int = field(default_factory=free_port)
    control_port: int = field(default_factory=free_port)
    http_port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict)
    purse_port: int = field(default_factory=free_port)
    purse_control: int = field(default_factory=free_port)
    provider: Child | None = None
    hub: Child | None = None
    smsc: Child | None = None
    hub_started: float = 0.0
    _phones: dict[str, Phone] = field(default_factory=dict)
    _purses: dict[str, Wallet] = field(default_factory=dict)
    _ussd: HttpUssd | None = None

    # --- building --------------------------------------------------------------------------------

    def build(self) -> None:
        """Configuration, keys and an empty database."""
        file = write_installation(self.folder, self.http_port, self.smpp_port)
        file.write_text(self.edit(file.read_text("utf-8")), "utf-8")
        if self.provider is not None:
            taking = with_purse(file.read_text("utf-8"), self.http_port, self.purse_port)
            file.write_text(taking, "utf-8")
            for name, content in FILES.items():
                (self.folder / name).write_text(content, "utf-8")
                (self.folder / name).chmod(0o600)  # secrets are among them
        upgrade(self.config.database_url())

    @property
    def config_file(self) -> Path:
        """``wattbus.toml``."""
        return self.folder / "wattbus.toml"

    @property
    def config(self) -> Config:
        """The configuration as the hub reads it."""
        return read(self.config_file)

    @property
    def trap(self) -> Path:
        """Once this file is there, a failpoint strikes."""
        return self.folder / "trap"

    @property
    def ussd_url(self) -> str:
        """Where the gateway calls back."""
        return f"http://127.0.0.1:{self.http_port}/ussd"

    # --- processes -------------------------------------------------------------------------------

    def start_smsc(self) -> None:
        """The network; does not wait for it."""
        ports = ("--port", str(self.smpp_port), "--control-port", str(self.control_port))
        argv = wattbus("simulate", "smsc", *ports, *self.smsc_options)
        self.smsc = Child.start("smsc", argv, self.folder)

    def start_purse(self) -> None:
        """A provider of mobile money whose payers are played by hand; does not wait for it."""
        ports = ("--port", str(self.purse_port), "--control-port", str(self.purse_control))
        argv = wattbus("simulate", "mobilemoney", "--provider", "mtn", *ports)
        self.provider = Child.start("provider", argv, self.folder)

    def start_hub(self, failpoint: str = "", bound: bool = True) -> float:
        """The hub; returns when it answers and (``bound``) its link is up: how long it took.

        It is killed when it comes to ``failpoint`` while the file :attr:`trap` is there.
        """
        extra = {"WATTBUS_FAILPOINT": failpoint, "WATTBUS_FAILPOINT_GATE": str(self.trap)}
        extra |= self.environment
        argv = wattbus("run", "-c", str(self.config_file))
        self.hub_started = time.monotonic()
        self.hub = child = Child.start("hub", argv, self.folder, extra)

        def up() -> bool:
            child.must_live()
            return self._is_up(bound)

        until(up, UP_S, "the hub is up")
        return time.monotonic() - self.hub_started

    def _is_up(self, bound: bool) -> bool:
        try:
            links = self.ask({"do": "status"})["links"]
        except OSError:
            return False
        return not bound or all(link["state"] == "up" for link in links.values())

    def network_is_up(self) -> None:
        """Waits for the control ports of the network and of the provider, where there is one."""
        child = self.smsc
        assert child is not None, "the SMSC was not started"
        _listens(child, self.control_port)
        if self.provider is not None:
            _listens(self.provider, self.purse_control)

    def forget_phones(self) -> None:
        """Switch all phones off: their network has gone."""
        for phone in self._phones.values():
            phone.close()
        for purse in self._purses.values():
            purse.close()
        self._phones.clear()
        self._purses.clear()

    def close(self) -> None:
        """End everything, whatever state it is in."""
        self.forget_phones()
        for child in (self.hub, self.smsc, self.provider):
            if child is not None and child.alive():
                child.kill()

    def wattbus(self, *args: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of ``wattbus`` in the installation's folder."""
        return subprocess.run(
            wattbus(*args),
            cwd=self.folder,
            env=environment({"COLUMNS": "160", "NO_COLOR": "1", **self.environment}),
            capture_output=True,
            text=True,
            timeout=VERB_S,
            check=False,
        )

    # --- what one does with it -------------------------------------------------------------------

    def phone(self, msisdn: str) -> Phone:
        """A phone of this network; the same number is the same phone."""
        if self._ussd is None:
            self._ussd = HttpUssd(self.ussd_url, int(time.time()))
        if msisdn not in self._phones:
            line = ControlLine("127.0.0.1", self.control_port)
            self._phones[msisdn] = Phone(msisdn, line, self._ussd)
        return self._phones[msisdn]

    def purse(self, msisdn: str) -> Wallet:
        """The purse of a phone; the same number has the same one."""
        if msisdn not in self._purses:
            self._purses[msisdn] = Wallet(msisdn, ControlLine("127.0.0.1", self.purse_control))
        return self._purses[msisdn]

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request over the control socket. OSError: no hub; HubRefusedError: it says no."""
        path = self.folder / self.config.hub.data / "control.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(ANSWER_S)
            link.connect(str(path))
            link.sendall(json.dumps(request).encode() + b"\n")
            line = link.makefile("rb").readline()
        if not line:
            raise ConnectionResetError("the hub hung up")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise HubRefusedError(str(reply["error"]))
        return reply

    def submit(self, message: Message, key: str) -> Answer:
        """Put a command on the bus and wait for its answer."""
        request = {"do": "submit", "company": COMPANY, "key": key, "type": name_of(message).name}
        reply = self.ask({**request, "data": msgspec.to_builtins(message)})
        return msgspec.convert(reply["answer"], Answer)

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """A read-only look into the database, beside the hub or without one."""
        url = self.config.database_url()
        if is_sqlite(url):
            with SqliteReader(sqlite_path(url)).reader() as reader:
                yield reader
            return
        store: Any = open_store(url, "look")
        try:
            with store.reader() as reader:
                yield reader
        finally:
            store.close()

    def rows(self, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        """The rows of one SELECT."""
        with self.reading() as reader:
            return reader.rows(sql, **params)


def _listens(child: Child, port: int) -> None:
    """Waits until a child's port takes connections."""

    def up() -> bool:
        child.must_live()
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            return False
        return True

    until(up, UP_S, f"the {child.name} is up")

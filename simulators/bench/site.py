"""An installation to be measured: configuration, schema, a town, and its processes.

The hub runs as it does in production: ``wattbus run`` with its worker processes, started from a
configuration file, over real sockets.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from core.store.upgrade import is_sqlite, open_store, upgrade
from core.sts.keystore import demo_keys, dump_key_file
from hub.clock import Sources
from simulators.bench import town

#: The channel process drains for 20 s at most, then its workers end.
_STOP_S = 60.0

_CONFIGURATION = """\
[hub]
name = "bench"
data = "var"
workers = {workers}
log = "json"

[database]
url = "{url}"

[bus]
kind = "{bus}"
url = "{bus_url}"

[http]
port = 0

[companies.demo]
name = "Demo Power"
zone = "Africa/Kampala"
currency = "UGX"
country_code = "256"
languages = ["en", "sw", "fr", "zh"]
help_line = "0800 100 100"
tax_number = "1000000001"
receipt_series = "DP-"
tariffs = ["uganda-domestic.yaml"]
keys = "keys.json"
master_key_file = "master.key"
test = true

[links.smsc]
kind = "smpp"
endpoint = "tcp:127.0.0.1:{port}"
system_id = "bench"
window = 50
unanswered = 500
registered_delivery = 0
reconnect_first_s = 0.1
reconnect_longest_s = 0.5

[channels.sms]
kind = "sms"
company = "demo"
link = "smsc"
short_code = "8080"
"""

ROOT = Path(__file__).parent.parent.parent
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Site:
    """An installation in a folder of its own."""

    folder: Path
    url: str
    bus_url: str = ""

    def configure(self, port: int, workers: int = 0) -> Path:
        """Write the configuration for an SMSC at ``port``; returns its path."""
        path = self.folder / "wattbus.toml"
        text = _CONFIGURATION.format(
            workers=workers,
            url=self.url,
            bus="rabbitmq" if self.bus_url else "table",
            bus_url=self.bus_url,
            port=port,
        )
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, config: Path) -> "subprocess.Popen[bytes]":
        """``wattbus run``; what it says goes to ``hub.log``."""
        with (self.folder / "hub.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "hub", "run", "-c", config],
                cwd=self.folder,
                env=environment(),
                stdout=log,
                stderr=log,
            )

    def analyze(self) -> None:
        """Statistics of what is there now."""
        store = open_store(self.url, "wattbus-bench") if not is_sqlite(self.url) else None
        if store is not None:
            town.analyze(store)
            store.close()

    def log(self) -> str:
        """The end of what the hub said."""
        path = self.folder / "hub.log"
        return path.read_text(errors="replace")[-2_000:] if path.exists() else ""


def make_keys(folder: Path) -> None:
    """A master key of this bench alone, and the demo's supply group under it."""
    master = secrets.token_bytes(32)
    (folder / "master.key").write_text(master.hex() + "\n", encoding="ascii")
    (folder / "keys.json").write_text(dump_key_file(demo_keys(master, "demo")), encoding="ascii")


def make_site(
    folder: Path, url: str, households: int, say: Progress, bus_url: str = "",
    land: town.Land = town.UGANDA,
) -> Site:  # fmt: skip
    """Schema, keys and a town; analyzed, ready to sell."""
    make_keys(folder)
    upgrade(url)
    town.enrol(
        url,
        households,
        Sources().now_us(),
        lambda done, of: say(f"enrolled {done:,} of {of:,} households"),
        land,
    )
    return Site(folder, url, bus_url)


def environment() -> Mapping[str, str]:
    """Ours, with the project's folder to import from."""
    given = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), given]))}


def stop(*processes: "subprocess.Popen[bytes]") -> None:
    """SIGTERM to all, and a drain."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class LoadError(Exception):
    """The load generator has ended, or the hub did not do what was measured."""


class Load:
    """The load generator's process; its ``module`` says what orders it takes, and its sizes."""

    def __init__(self, *sizes: int | str, module: str = "simulators.bench.load") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, sizes)],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.pid = self._process.pid
        self.port = int(self._heard()["port"])

    def ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """One order, one answer; waits for it. Raises LoadError."""
        stdin: IO[bytes] | None = self._process.stdin
        assert stdin is not None, "it was started with a pipe"
        stdin.write(json.dumps(order).encode() + b"\n")
        stdin.flush()
        return self._heard()

    def _heard(self) -> dict[str, Any]:
        assert self._process.stdout is not None, "it was started with a pipe"
        line = self._process.stdout.readline()
        if not line:
            raise LoadError("the load generator has ended")
        heard: dict[str, Any] = json.loads(line)
        return heard

    def stop(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

"""A private PostgreSQL for the tests: own folder, own port, own user, durable as in production.

Never the machine's cluster: its data lives in a temporary folder and goes with it. Where the
server cannot be had, ``start`` raises: a promise that was not checked must not look kept.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

#: The user that owns the server when the tests run as root: initdb refuses root.
SERVER_USER = "postgres"
#: fsync stays on: a commit must cost what it costs. The rest makes the tests quick.
SETTINGS = """
listen_addresses = '127.0.0.1'
max_connections = 60
shared_buffers = 64MB
autovacuum = off
log_min_messages = warning
"""


class ServerMissingError(Exception):
    """PostgreSQL cannot be started here: the promises on PostgreSQL were NOT checked."""


@dataclass(slots=True)
class Postgres:
    """A running private server."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"
    templates: dict[str, str] = field(default_factory=dict)
    _made: int = 0

    def url(self, database: str) -> str:
        """The URL of a database (loopback, trusted)."""
        return f"postgresql://{SERVER_USER}@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "template1") -> str:
        """A new database, copied from ``template``; returns its URL."""
        self._made += 1
        name = f"books{self._made}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def prepared(self, name: str, fill: Callable[[str], None]) -> str:
        """A new database like the one that ``fill`` makes; it is filled once per session."""
        if name not in self.templates:
            template = f"template_{name}"
            self._run(f"CREATE DATABASE {template}")
            fill(self.url(template))
            self.templates[name] = template
        return self.create(self.templates[name])

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._run(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def _run(self, sql: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql)

    def stop(self) -> None:
        """End the server and remove what it kept."""
        self.process.send_signal(signal.SIGINT)  # fast shutdown: connections are cut
        self.process.wait(timeout=30)
        shutil.rmtree(self.folder, ignore_errors=True)


def programs() -> Path:
    """The folder of ``initdb`` and ``postgres`` of the newest version installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    raise ServerMissingError("no initdb: run `sh tests/install-peers postgresql`")


def _version(initdb: Path) -> float:
    return float(initdb.parent.parent.name)


def start() -> Postgres:
    """Make a cluster and run it. Raises ServerMissingError."""
    folder = Path(tempfile.mkdtemp(prefix="wattbus-pg-"))
    try:
        return _start(folder, programs())
    except (OSError, subprocess.SubprocessError, KeyError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ServerMissingError(f"PostgreSQL does not start: {error}") from error


def _start(folder: Path, bin_: Path) -> Postgres:
    become = _user()
    if become is not None:
        os.chown(folder, become.pw_uid, become.pw_gid)
    data = folder / "data"
    command = [
        bin_ / "initdb", "-D", data, "-U", SERVER_USER, "--auth=trust", "-E", "UTF8",
        "--no-locale", "--no-sync",
    ]  # fmt: skip
    user = {"user": become.pw_uid, "group": become.pw_gid, "extra_groups": []} if become else {}
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60, **user)
    port = free_port()
    with (data / "postgresql.conf").open("a", encoding="ascii") as conf:
        conf.write(f"{SETTINGS}port = {port}\nunix_socket_directories = '{folder}'\n")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [bin_ / "postgres", "-D", data], cwd=folder, stdout=log, stderr=log, **user
        )
    server = Postgres(folder, port, process)
    _wait(server)
    return server


def _user() -> "pwd.struct_passwd | None":
    return pwd.getpwnam(SERVER_USER) if os.geteuid() == 0 else None


def _wait(server: Postgres) -> None:
    """Until it answers; it says itself when it cannot start, by ending."""
    while True:
        try:
            psycopg.connect(server.url("postgres"), connect_timeout=10).close()
            return
        except psycopg.OperationalError as error:
            try:
                server.process.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
            log = (server.folder / "log").read_text(errors="replace")
            raise OSError(f"it ended while starting: {log[-500:]}") from error


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

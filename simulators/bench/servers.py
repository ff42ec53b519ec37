"""Private servers for measuring: PostgreSQL and RabbitMQ, each in a folder of its own.

Never the machine's own: own port, own node name, own cookie, own name service, durable as they
come (fsync on, every other setting the server's default). Where we are root they run as the users
that their packages made, because both refuse root. What was started is ended, and its folder goes.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.store.pg import connect
from core.store.tx import TransientStoreError

#: How long a server may take until it answers; a cold broker on a busy machine needs most of it.
START_S = 90.0
#: How long a server may take to end before it is killed.
STOP_S = 30.0

_CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
log_min_messages = warning
"""


class ServerMissingError(Exception):
    """A server that cannot be started here; the sentence says what to install."""


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _folder(name: str, user: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=f"wattbus-{name}-"))
    if os.geteuid() == 0:
        shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
    return folder


def _as(user: str) -> dict[str, Any]:
    """What makes subprocess run a program as ``user``, where we are root."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@dataclass(slots=True)
class Server:
    """A running private server. ``extras`` are helpers of its own that end after it."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"
    extras: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    stop_signal: signal.Signals = signal.SIGTERM
    #: what it was started with, so that it can be started again after it was killed
    argv: tuple[str | Path, ...] = ()
    owner: str = ""
    environment: Mapping[str, str] | None = None

    def log(self) -> str:
        """The end of what the server said."""
        path = self.folder / "log"
        return path.read_text(errors="replace")[-800:] if path.exists() else ""

    def start_again(self) -> None:
        """Start the program on the folder that it had; returns when it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.argv, cwd=self.folder, stdout=log, stderr=log,
                env=self.environment, **_as(self.owner),
            )  # fmt: skip
        _until_up(self, _speaks_amqp if isinstance(self, Rabbit) else _postgres_answers)

    def stop(self) -> None:
        """End it, and remove what it kept."""
        self.process.send_signal(self.stop_signal)
        for process in (self.process, *self.extras):
            if process is not self.process:
                process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(slots=True)
class Postgres(Server):
    """A private PostgreSQL."""

    stop_signal: signal.Signals = signal.SIGINT  # fast shutdown: connections are cut

    def url(self, database: str = "postgres") -> str:
        """The URL of a database (loopback, trusted)."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """A new, empty database; one of that name is dropped. Returns its URL."""
        with connect(self.url()) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {database}")
        return self.url(database)

    def checkpoint(self) -> None:
        """Write out what is dirty, so that one measurement does not pay for the one before."""
        with connect(self.url()) as connection:
            connection.execute("CHECKPOINT")


@dataclass(slots=True)
class Rabbit(Server):
    """A private RabbitMQ node."""

    @property
    def url(self) -> str:
        """Where AMQP is spoken, with the account that a fresh node has for loopback."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"


def postgres_programs() -> Path:
    """The folder of the newest PostgreSQL's programs. Raises ServerMissingError."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: float(path.parent.parent.name),
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        raise ServerMissingError("no initdb: run `sh tests/install-peers postgresql`")
    return Path(on_path).parent


def start_postgres(settings: str = "") -> Postgres:
    """A fresh cluster, answering. ``settings``: lines for postgresql.conf. ServerMissingError."""
    programs, user = postgres_programs(), "postgres"
    folder, port = _folder("pg", user), free_port()
    data = folder / "data"
    command: list[str | Path] = [
        programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "-E", "UTF8",
        "--no-locale", "--no-sync",
    ]  # fmt: skip
    made = subprocess.run(command, cwd=folder, capture_output=True, check=False, **_as(user))
    if made.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise ServerMissingError(f"initdb: {made.stderr.decode(errors='replace')[-400:]}")
    with (data / "postgresql.conf").open("a", encoding="ascii") as conf:
        conf.write(_CONFIGURATION.format(port=port, folder=folder) + settings)
    argv = (programs / "postgres", "-D", data)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, cwd=folder, stdout=log, stderr=log, **_as(user))
    server = Postgres(folder, port, process, argv=argv, owner=user)
    _until_up(server, _postgres_answers)
    return server


def _postgres_answers(server: Server) -> bool:
    assert isinstance(server, Postgres)
    try:
        connect(server.url()).close()
    except TransientStoreError:
        return False
    return True


def rabbit_script() -> Path:
    """RabbitMQ's own start script (the one on PATH insists on certain users)."""
    found = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    on_path = shutil.which("rabbitmq-server")
    if not found.exists() and on_path is None:
        raise ServerMissingError("no rabbitmq-server: run `sh tests/install-peers rabbitmq-server`")
    return found if found.exists() else Path(str(on_path))


def start_rabbit() -> Rabbit:
    """A fresh node, taking connections. Raises ServerMissingError."""
    script, user = rabbit_script(), "rabbitmq"
    epmd = shutil.which("epmd")
    if epmd is None:
        raise ServerMissingError("no epmd: RabbitMQ's Erlang is not complete")
    folder, port = _folder("mq", user), free_port()
    environment = _rabbit_environment(folder, port)
    names = subprocess.Popen(
        [epmd, "-port", environment["ERL_EPMD_PORT"]], env=environment, **_as(user)
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [script], cwd=folder, stdout=log, stderr=log, env=environment, **_as(user)
        )
    server = Rabbit(
        folder, port, process, [names], argv=(script,), owner=user, environment=environment
    )
    _until_up(server, _speaks_amqp)
    return server


def _rabbit_environment(folder: Path, port: int) -> Mapping[str, str]:
    """Nothing of the machine's own node: names, ports, cookie and files are all ours."""
    config = folder / "rabbitmq.conf"
    config.write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\nlog.file.level = warning\n")
    plugins = folder / "enabled_plugins"
    plugins.write_text("[].\n")
    cookie = folder / ".erlang.cookie"
    cookie.write_text(secrets.token_hex(16))
    cookie.chmod(0o400)
    if os.geteuid() == 0:
        for path in (config, plugins, cookie):
            shutil.chown(path, "rabbitmq", "rabbitmq")
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(free_port()),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"wattbus{port}@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_CONFIG_FILE": str(config),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
    }


def _speaks_amqp(server: Server) -> bool:
    """The port alone says little: a node that speaks AMQP sends its first frame."""
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=2) as probe:
            probe.sendall(b"AMQP\x00\x00\x09\x01")
            return probe.recv(1) == b"\x01"
    except OSError:
        return False


def _until_up(server: Server, answers: Any) -> None:
    """Until it answers; one that ends instead, or takes too long, raises with its own words."""
    until = time.monotonic() + START_S
    while not answers(server):
        try:
            server.process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            if time.monotonic() < until:
                continue
        said = server.log()
        server.stop()
        raise ServerMissingError(f"the server does not start: {said}")

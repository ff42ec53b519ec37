"""Acts upon a private RabbitMQ, by its own command line: users, alarms, queues that go."""

import subprocess
from pathlib import Path

from simulators.bench.servers import Rabbit, _as

#: Erlang starts anew for every command; a busy machine needs most of it.
PATIENCE_S = 90


def ctl(server: Rabbit, *words: str) -> str:
    """``rabbitmqctl WORDS`` on this node and no other; what it said."""
    given = Path(f"/proc/{server.process.pid}/environ").read_bytes().split(b"\0")
    environment = dict(line.decode().split("=", 1) for line in given if b"=" in line)
    done = subprocess.run(
        [_program(), "-q", "--timeout", str(PATIENCE_S), *words],
        env=environment,
        cwd=server.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        **_as("rabbitmq"),
    )
    assert done.returncode == 0, f"rabbitmqctl {words}: {done.stdout} {done.stderr}"
    return done.stdout


def _program() -> str:
    """The program itself: the one on PATH insists on certain users."""
    ours = Path("/usr/lib/rabbitmq/bin/rabbitmqctl")
    return str(ours) if ours.exists() else "rabbitmqctl"


def user(server: Rabbit, name: str, rights: tuple[str, str, str]) -> str:
    """A user with a password of his name; configure, write, read. Returns his URL."""
    ctl(server, "add_user", name, name)
    ctl(server, "set_permissions", "-p", "/", name, *rights)
    return f"amqp://{name}:{name}@127.0.0.1:{server.port}/%2F"

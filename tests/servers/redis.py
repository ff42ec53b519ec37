"""A private Redis from Debian's package: on a socket file of its own, killed and started again.

A file and no port: nobody else can take it between the two. Everything is on its append-only file
before it answers, as far as the kernel goes.
"""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

#: How long it may take on a loaded machine until it answers.
START_S = 60.0


class RedisMissingError(Exception):
    """There is no Redis here; the sentence says what to install."""


@dataclass(slots=True)
class Redis:
    """A server, running or killed."""

    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Where kombu finds it."""
        return f"redis+socket://{self.folder}/redis.sock?virtual_host=0"

    def start(self) -> None:
        """Run it on what it kept; returns when it answers."""
        program = shutil.which("redis-server")
        if program is None:
            raise RedisMissingError("no redis-server: run `sh tests/install-peers redis-server`")
        words = ["--port", "0", "--unixsocket", str(self.folder / "redis.sock"), "--save", ""]
        words += ["--appendonly", "yes", "--appendfsync", "always", "--dir", str(self.folder)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([program, *words], stdout=log, stderr=log)
        until = time.monotonic() + START_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > until:
                said = (self.folder / "log").read_text(errors="replace")[-800:]
                raise RedisMissingError(f"the server does not start: {said}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(2)
                probe.connect(str(self.folder / "redis.sock"))
                probe.sendall(b"PING\r\n")
                return probe.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def kill(self) -> None:
        """SIGKILL, as it is."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def forget(self) -> None:
        """A killed server's disk is gone."""
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)

    def stop(self) -> None:
        """End it, and remove what it kept."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def start() -> Redis:
    """A fresh server, answering. Raises RedisMissingError."""
    # a short name: the path of a socket has a limit of 107 bytes
    server = Redis(Path(tempfile.mkdtemp(prefix="wbr-")))
    server.start()
    return server

"""Starts SMSCs that nobody here wrote, as processes of their own on loopback."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent
_WAIT = 30.0  # seconds for a line of a peer on a loaded machine


class Peer:
    """A process that says and takes JSON objects, one per line; ``port`` is its SMPP port."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lines: Queue[dict[str, Any]] = Queue()
        Thread(target=self._read, daemon=True).start()
        self.port: int = self.next("port")["port"]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))
        self._process.stdout.close()

    def next(self, key: str) -> dict[str, Any]:
        """The next line that has ``key``; those before it are passed over."""
        while True:
            line = self._lines.get(timeout=_WAIT)
            if key in line:
                return line

    def next_line(self) -> dict[str, Any]:
        """The next line, whatever it holds."""
        return self._lines.get(timeout=_WAIT)

    def order(self, **order: Any) -> None:
        """Tells the peer to do something."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def deliver(self, source: str, destination: str, text: str, **tlvs: Any) -> None:
        """A phone behind the peer sends a text to us."""
        self.order(
            deliver={"source": source, "destination": destination, "text": text, "tlvs": tlvs}
        )

    def stop(self) -> None:
        """Ends the process by the end of its input."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def command(name: str, *options: str) -> list[str]:
    """How to start the SMSC ``node`` or ``twisted``."""
    if name == "node":
        node = shutil.which("node")
        if node is None or not (_HERE / "node_modules" / "smpp").exists():
            raise RuntimeError("npm smpp is not installed: sh tests/install-peers")
        return [node, str(_HERE / "smsc.js"), *options]
    return python_peer("twisted_smsc.py", *options)


def python_peer(script: str, *options: str) -> list[str]:
    """How to start a script of this folder in the peers' own environment."""
    python = _ROOT / ".venv-peers" / "bin" / "python"
    if not python.exists():
        raise RuntimeError("the peers are not installed: sh tests/install-peers")
    return [str(python), str(_HERE / script), *options]


@contextmanager
def peer(name: str, *options: str) -> Iterator[Peer]:
    """An SMSC, started and stopped."""
    started = Peer(command(name, *options))
    try:
        yield started
    finally:
        started.stop()

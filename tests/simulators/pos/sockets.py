"""The host behind a socket, in a thread: what a line of a terminal ends at."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.simulators.pos.host import ASCII, Host, wording


class SocketHost:
    """Takes one connection after another; the books stay."""

    def __init__(self, name: str = ASCII, master: bytes = b"") -> None:
        self.host = Host(wording(name), master)
        self.taken = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._client: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def close(self) -> None:
        """The end of the test."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        if self._client is not None:
            with suppress(OSError):
                self._client.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                self._client, _ = self._listening.accept()
            except OSError:
                return
            self.taken += 1
            self.host.modem.reset()
            with self._client, suppress(OSError):
                while data := self._client.recv(65_536):
                    self._client.sendall(self.host.receive(data))


@contextmanager
def socket_host(name: str = ASCII, master: bytes = b"") -> Iterator[SocketHost]:
    """A host for the length of a test."""
    made = SocketHost(name, master)
    try:
        yield made
    finally:
        made.close()

"""The proxy breaks what it says, and nothing else."""

import socket
import threading
from collections.abc import Iterator
from random import Random
from time import monotonic

import pytest

from tests.faults.proxy import Proxy

#: Nothing here takes a hundredth of it.
PATIENCE_S = 30.0


class Echo:
    """Says what it hears, to whoever connects."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.heard: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def has_heard(self, pieces: int) -> None:
        """Wait for so many."""
        until = monotonic() + PATIENCE_S
        while len(self.heard) < pieces and monotonic() < until:
            threading.Event().wait(0.01)

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(link,), daemon=True).start()

    def _talk(self, link: socket.socket) -> None:
        with link:
            while data := link.recv(1024):
                self.heard.append(data)
                link.sendall(data)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    yield made
    made.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    made = Proxy(echo.port)
    yield made
    made.close()


@pytest.fixture
def link(proxy: Proxy) -> Iterator[socket.socket]:
    with connected(proxy) as made:
        yield made


def connected(proxy: Proxy) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", proxy.port))
    link.settimeout(PATIENCE_S)
    return link


def says(link: socket.socket, data: bytes) -> bytes:
    link.sendall(data)
    return link.recv(1024)


def test_what_is_whole_passes(link: socket.socket) -> None:
    assert says(link, b"one") == b"one"
    assert says(link, b"two") == b"two"


def test_a_cut_ends_what_is_there_and_what_comes(proxy: Proxy, link: socket.socket) -> None:
    assert says(link, b"one") == b"one"
    proxy.cut()
    assert link.recv(1) == b""
    with connected(proxy) as new:
        assert new.recv(1) == b""
    proxy.heal()
    with connected(proxy) as new:
        assert says(new, b"two") == b"two"


def test_what_is_held_comes_after_it(proxy: Proxy, link: socket.socket) -> None:
    proxy.hold()
    link.sendall(b"one")
    link.settimeout(0.3)
    with pytest.raises(TimeoutError):
        link.recv(1)
    proxy.heal()
    link.settimeout(PATIENCE_S)
    assert link.recv(1024) == b"one"


def test_the_forgotten_hear_nothing_and_are_not_told(
    proxy: Proxy, link: socket.socket, echo: Echo
) -> None:
    assert says(link, b"one") == b"one"
    proxy.forget()
    link.sendall(b"two")
    link.settimeout(0.3)
    with pytest.raises(TimeoutError):
        link.recv(1)
    with connected(proxy) as new:
        assert says(new, b"three") == b"three"
    echo.has_heard(2)
    assert echo.heard == [b"one", b"three"]
    assert proxy.connections() <= 1


def test_slow_is_slow_both_ways(proxy: Proxy, link: socket.socket) -> None:
    proxy.slow(0.2)
    began = monotonic()
    assert says(link, b"one") == b"one"
    assert monotonic() - began >= 0.4


def test_jitter_keeps_the_order(proxy: Proxy, link: socket.socket) -> None:
    proxy.jitter(Random(1), 0.5, 0.02)
    for number in range(20):
        link.sendall(b"%02d" % number)
    heard = b""
    while len(heard) < 40:
        heard += link.recv(1024)
    assert heard == b"".join(b"%02d" % number for number in range(20))


@pytest.mark.parametrize("arrives", [False, True])
def test_a_connection_ends_at_a_word(
    proxy: Proxy, link: socket.socket, echo: Echo, arrives: bool
) -> None:
    proxy.end_at(b"COMMIT", arrives)
    assert says(link, b"BEGIN") == b"BEGIN"
    assert not proxy.has_ended()
    link.sendall(b"COMMIT")
    assert link.recv(1024) == b""
    assert proxy.has_ended()
    with connected(proxy) as new:
        assert says(new, b"COMMIT") == b"COMMIT"
    wanted = [b"BEGIN", *([b"COMMIT"] if arrives else []), b"COMMIT"]
    echo.has_heard(len(wanted))
    assert echo.heard == wanted

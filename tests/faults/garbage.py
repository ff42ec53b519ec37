"""A network that has gone mad: whoever logs in gets octets without sense, as fast as they go."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from random import Random

#: A PDU of SMPP begins with its length, its command, a status and a number (SMPP 3.4, 3.2).
_HEADER = struct.Struct(">IIII")
_DELIVER_SM, _BIND_RESP = 0x00000005, 0x80000009
#: As much as is said at once.
PIECE = 64 * 1024

CONFIG = """
[links.mad]
kind = "smpp"
endpoint = "tcp:127.0.0.1:{port}"
system_id = "wattbus"
password_file = "master.key"
reconnect_first_s = 0.2
reconnect_longest_s = 1.0

[channels.mad]
kind = "sms"
company = "demo"
link = "mad"
short_code = "8080"
"""


def noise(random: Random) -> Iterator[bytes]:
    """Octets by chance."""
    while True:
        yield random.randbytes(PIECE)


def well_framed(random: Random) -> Iterator[bytes]:
    """A login that is granted, then messages whose frames are right and whose insides are not."""
    yield _pdu(_BIND_RESP, 1, b"mad\x00")
    number = 1
    while True:
        number += 1
        yield _pdu(_DELIVER_SM, number, random.randbytes(random.randrange(200)))


def _pdu(command: int, number: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), command, 0, number) + body


class Mad:
    """The network's socket; by turns it says noise and what is well framed, once it is loud."""

    WAYS = (noise, well_framed)

    def __init__(self, random: Random) -> None:
        self._random = random
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.loud = threading.Event()
        self.said, self.calls = 0, 0
        self._ended = False
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self._server.accept()
            except OSError:
                return
            self.calls += 1
            way = self.WAYS[self.calls % len(self.WAYS)]
            threading.Thread(target=self._talk, args=(link, way(self._random)), daemon=True).start()

    def _talk(self, link: socket.socket, words: Iterator[bytes]) -> None:
        with link, suppress(OSError):
            while not self._ended:
                if not self.loud.wait(0.05):
                    continue
                piece = next(words)
                link.sendall(piece)
                self.said += len(piece)

    def close(self) -> None:
        """Silence."""
        self._ended = True
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

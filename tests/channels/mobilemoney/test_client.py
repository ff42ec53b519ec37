"""Requests over real sockets: for each failure, whether the request has left."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.protocols import tls

from adapters.mobilemoney.sending import Answered, Call
from channels.mobilemoney.client import (
    MAX_ANSWER,
    Client,
    LostError,
    NotSentError,
    certificates,
)
from tests.loop import fired, run

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"
POST = Call(method="POST", path="/ask", headers={"X-One": "1"}, body=b'{"a":1}')


class Peer:
    """Answers each request with the same octets; ``None``: never."""

    def __init__(self, answer: bytes | None, close: bool = False) -> None:
        self.answer, self.close, self.heard, self.connections = answer, close, b"", 0
        self.server: Any = None
        self.talks: list[asyncio.Future[None]] = []

    async def serve(self, safe: ssl.SSLContext | None = None) -> int:
        self.server = await asyncio.start_server(self._begin, "127.0.0.1", 0, ssl=safe)
        return int(self.server.sockets[0].getsockname()[1])

    async def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.talks.append(asyncio.ensure_future(self._talk(reader, writer)))

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                self.heard += data
                if not self.heard.endswith(b"}"):
                    continue
                if self.answer is not None:
                    writer.write(self.answer)
                    await writer.drain()
                if self.close:
                    break
        except OSError:
            pass  # the client went away
        finally:
            writer.close()

    async def stop(self) -> None:
        """Nobody talks any more."""
        self.server.close()
        for each in self.talks:
            each.cancel()
        await asyncio.gather(*self.talks, return_exceptions=True)


def resolving(reactor: Any) -> Any:
    """The threads that names are looked up in: a reactor that is only stepped starts none."""
    threads = reactor.getThreadPool()
    threads.start()
    return threads


def talk(
    peer: Peer, scenario: Callable[[Client], Awaitable[Any]], base: str = "http://127.0.0.1",
    ca: bytes = b"", safe: ssl.SSLContext | None = None,
) -> Any:  # fmt: skip
    """Runs a scenario with a client of the peer."""

    async def whole(reactor: Any) -> Any:
        port = await peer.serve(safe)
        threads = resolving(reactor)
        client = Client(reactor, f"{base}:{port}", ca, connections=2)
        try:
            return await scenario(client)
        finally:
            await fired(client.close())
            await peer.stop()
            threads.stop()

    return run(whole)


def test_a_request_goes_and_its_answer_comes() -> None:
    peer = Peer(OK)
    found = talk(peer, lambda client: fired(client.call(POST, "tok", 5)))
    assert found == Answered(
        status=200,
        body=b"{}",
        headers={"content-type": "application/json"},
    )
    head, _, body = peer.heard.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /ask HTTP/1.1")
    for line in (b"Authorization: Bearer tok", b"X-One: 1", b"Content-Length: 7"):
        assert line.lower() in head.lower()
    assert body == b'{"a":1}'


def test_connections_are_used_again() -> None:
    peer = Peer(OK)

    async def three(client: Client) -> None:
        for _ in range(3):
            await fired(client.call(POST, "", 5))

    talk(peer, three)
    assert peer.connections == 1


LOSSES: list[tuple[str, Peer, str]] = [
    ("silence", Peer(None), "no answer in time"),
    ("closed after it was heard", Peer(None, close=True), "."),
    ("half an answer", Peer(OK[:-1], close=True), "half an answer"),
    ("half a head", Peer(b"HTTP/1.1 200 OK\r\nConte", close=True), "."),
    ("no HTTP", Peer(b"220 mail ready\r\n", close=True), "."),
    ("too large, and says so", Peer(b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n"), "70000"),
    ("too large", Peer(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b" " * (MAX_ANSWER + 9)),
     "larger"),
]  # fmt: skip


@pytest.mark.parametrize(("peer", "why"), [each[1:] for each in LOSSES],
                         ids=[each[0] for each in LOSSES])  # fmt: skip
def test_what_may_have_arrived_is_lost(peer: Peer, why: str) -> None:
    async def lost(client: Client) -> None:
        with pytest.raises(LostError, match=why):
            await fired(client.call(POST, "", 0.5))

    talk(peer, lost)


HELD: list[tuple[str, bytes]] = [
    ("half a body, and then nothing", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{"),
    (
        "a chunk, and then nothing",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    ),
    ("larger than may be", b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n"),
]


@pytest.mark.parametrize("answer", [each[1] for each in HELD], ids=[each[0] for each in HELD])
def test_who_never_ends_his_answer_holds_no_connection(answer: bytes) -> None:
    peer = Peer(answer)

    async def left(client: Client) -> None:
        with pytest.raises(LostError):
            await fired(client.call(POST, "", 0.5))
        await asyncio.wait_for(peer.talks[0], 30)

    talk(peer, left)


def test_a_redirection_is_not_followed() -> None:
    """It is an answer like any other: nobody knows, and no other host hears the request."""
    peer = Peer(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    found = talk(peer, lambda client: fired(client.call(POST, "tok", 5)))
    assert (found.status, peer.heard.count(b"POST")) == (302, 1)


def test_who_is_not_there_has_not_heard_it() -> None:
    async def nobody(reactor: Any) -> None:
        peer = Peer(OK)
        port = await peer.serve()
        peer.server.close()
        await peer.server.wait_closed()
        threads = resolving(reactor)
        client = Client(reactor, f"http://127.0.0.1:{port}")
        with pytest.raises(NotSentError, match="refused"):
            await fired(client.call(POST, "", 5))
        threads.stop()

    run(nobody)


def test_a_request_that_waits_for_room_has_not_left() -> None:
    peer = Peer(None)

    async def three(client: Client) -> None:
        calls = [asyncio.ensure_future(fired(client.call(POST, "", 0.5))) for _ in range(3)]
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(each) for each in found] == [LostError] * 3

    talk(peer, three)
    assert peer.connections == 3


class Clockwork:
    """Small writes over TLS wait for the process's reactor, which a stepped one is not."""

    def callLater(self, _seconds: float, call: Any, *args: Any) -> Any:
        return asyncio.get_running_loop().call_soon(call, *args)


def signed(name: str, days: int = 1) -> tuple[bytes, bytes]:
    """A certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=10))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(pem), secret


def context(folder: Path, certificate: bytes, key: bytes) -> ssl.SSLContext:
    (folder / "pem").write_bytes(certificate + key)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / "pem")
    return made


TLS: list[tuple[str, str, int, bool, bool]] = [
    ("trusted", "127.0.0.1", 1, True, True),
    ("another's name", "127.0.0.2", 1, True, False),
    ("expired", "127.0.0.1", -1, True, False),
    ("nobody's", "127.0.0.1", 1, False, False),
]


@pytest.mark.parametrize(("name", "days", "known", "good"), [each[1:] for each in TLS],
                         ids=[each[0] for each in TLS])  # fmt: skip
def test_a_peer_is_what_its_certificate_says(
    tmp_path: Path, name: str, days: int, known: bool, good: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "_get_default_clock", lambda: Clockwork())
    certificate, key = signed(name, days)
    peer = Peer(OK)
    ca = certificate if known else signed("127.0.0.1")[0]

    async def call(client: Client) -> None:
        if good:
            assert (await fired(client.call(POST, "", 5))).status == 200
            return
        with pytest.raises(NotSentError):
            await fired(client.call(POST, "", 5))

    talk(peer, call, "https://127.0.0.1", ca, context(tmp_path, certificate, key))
    assert bool(peer.heard) is good


@pytest.mark.parametrize("text", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nx\n"])
def test_what_is_no_certificate(text: bytes) -> None:
    with pytest.raises(ValueError, match="certificate"):
        certificates(text)

"""Requests over HTTPS: one pool of connections, and for each failure whether the request has left.

That is all the difference: what surely never left may be sent again; what may have arrived is asked
about.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from OpenSSL.SSL import Error as TlsError
from service_identity import VerificationError
from twisted.internet import ssl
from twisted.internet.defer import (
    CancelledError,
    Deferred,
    DeferredSemaphore,
    TimeoutError,
    succeed,
)
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web import client as web
from twisted.web._newclient import RequestNotSent
from twisted.web.client import ResponseDone, ResponseNeverReceived
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer  # type: ignore[import-untyped]

from adapters.mobilemoney.sending import Answered, Call
from hub.listeners import certificates

#: The longest answer that is one: a page of a list of payments. What is longer is lost, unless the
#: call is for a file.
MAX_ANSWER: Final = 64 * 1024
#: A connection that is not made by then is not made; it must be over before any call's own time.
CONNECT_S: Final = 5.0
#: Kept open so long without a request. Longer, and the provider's side may be closing it just when
#: a request leaves: nobody would know whether it arrived.
IDLE_S: Final = 10.0
#: Before the request could leave.
_web: Any = web  # they have no types
_ssl: Any = ssl
_NOT_SENT: Final = (ConnectError, ConnectTimeout, DNSLookupError, RequestNotSent)


class NotSentError(Exception):
    """The request surely never left."""


class LostError(Exception):
    """The request may have arrived; its answer has not."""


@implementer(IBodyProducer)
@dataclass(slots=True)
class _Body:
    """A body that is whole in memory."""

    data: bytes

    @property
    def length(self) -> int:
        return len(self.data)

    def startProducing(self, consumer: Any) -> "Deferred[None]":  # noqa: N802 - Twisted's name
        consumer.write(self.data)
        return succeed(None)

    def pauseProducing(self) -> None:  # noqa: N802
        pass

    def resumeProducing(self) -> None:  # noqa: N802
        pass

    def stopProducing(self) -> None:  # noqa: N802
        pass


class _Whole(Protocol):
    """Collects an answer's body up to the limit."""

    def __init__(self, done: "Deferred[bytes]", most: int) -> None:
        self._done, self._data, self._most = done, bytearray(), most

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        if self._done.called:
            self.leave()
            return
        self._data += data
        if len(self._data) > self._most:
            self._done.errback(LostError(f"an answer larger than {self._most} bytes"))
            self.leave()

    def leave(self) -> None:
        """Nobody waits for the rest: the connection must not be held by a peer that drips."""
        transport: Any = self.transport
        if transport is not None:
            transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802
        if self._done.called:
            return
        if isinstance(reason.value, ResponseDone | PotentialDataLoss):
            self._done.callback(bytes(self._data))
        else:
            self._done.errback(LostError(f"half an answer: {reason.getErrorMessage()}"))


@dataclass(slots=True)
class Client:
    """``base``: before the path of a call. ``ca``: trusted certificates (PEM); empty: the system's.
    ``connections``: requests at once; the others wait, and nothing of them has left."""

    reactor: Any
    base: str
    ca: bytes = b""
    connections: int = 20
    _pool: Any = field(init=False)
    _agent: Any = field(init=False)
    _room: Any = field(init=False)

    def __post_init__(self) -> None:
        self._pool = _web.HTTPConnectionPool(self.reactor)
        self._pool.maxPersistentPerHost = self.connections
        self._pool.cachedConnectionTimeout = IDLE_S
        self._pool.retryAutomatically = False  # whether to send again is not a library's decision
        self._room = DeferredSemaphore(self.connections)
        trust = _ssl.trustRootFromCertificates(certificates(self.ca)) if self.ca else None
        policy = _web.BrowserLikePolicyForHTTPS(*([trust] if trust else []))
        self._agent = _web.Agent(self.reactor, policy, connectTimeout=CONNECT_S, pool=self._pool)

    def call(self, call: Call, bearer: str, within_s: float) -> "Deferred[Answered]":
        """The answer. NotSentError, LostError."""
        found: Deferred[Answered] = self._room.run(self._call, call, bearer, within_s)
        return found

    def _call(self, call: Call, bearer: str, within_s: float) -> "Deferred[Answered]":
        headers = dict(call.headers)
        if call.bearer and bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        url = call.path if call.path.startswith("https://") else f"{self.base}{call.path}"
        body = _Body(call.body) if call.body or call.method != "GET" else None
        done: Deferred[Any] = self._agent.request(
            call.method.encode(),
            url.encode("ascii"),
            Headers({name: [value] for name, value in headers.items()}),
            body,
        )
        done.addCallback(_whole, max(MAX_ANSWER, call.most))
        done.addTimeout(within_s, self.reactor)
        return done.addErrback(_why)

    def close(self) -> "Deferred[None]":
        """Closes what is idle; what is under way ends by itself."""
        done: Deferred[None] = self._pool.closeCachedConnections()
        return done


def _whole(response: Any, most: int) -> "Deferred[Answered]":
    headers = {
        name.decode("latin-1").lower(): values[-1].decode("latin-1")
        for name, values in response.headers.getAllRawHeaders()
    }
    status, done = int(response.code), Deferred[bytes](lambda _: body.leave())
    body = _Whole(done, most)
    length = response.length
    if isinstance(length, int) and length > most:
        done.errback(LostError(f"an answer of {length} bytes"))
    response.deliverBody(body)
    if done.called:
        body.leave()
    return done.addCallback(partial(_answered, status, headers))


def _answered(status: int, headers: Mapping[str, str], body: bytes) -> Answered:
    return Answered(status=status, body=body, headers=headers)


def _why(failure: Failure) -> Any:
    """NotSentError only where it is sure."""
    error = failure.value
    if error is None or isinstance(error, NotSentError | LostError):
        return failure
    if isinstance(error, _NOT_SENT) or _distrusted(error):
        raise NotSentError(f"{type(error).__name__}: {error}") from error
    reasons = error.reasons if isinstance(error, ResponseNeverReceived) else [failure]
    if any(isinstance(each.value, TimeoutError | CancelledError) for each in reasons):
        raise LostError("no answer in time") from error
    raise LostError(f"{type(error).__name__}: {error}") from error


def _distrusted(error: BaseException) -> bool:
    """The peer's certificate was not what it must be: no octet of the request was sent."""
    reasons = error.reasons if isinstance(error, ResponseNeverReceived) else []
    return bool(reasons) and all(_verification(each.value) for each in reasons)


def _verification(error: BaseException) -> bool:
    if isinstance(error, VerificationError):
        return True
    return isinstance(error, TlsError) and "certificate verify failed" in str(error)

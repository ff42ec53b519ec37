"""HTTP on both sides of a provider: what merchants ask him, and the notices that he sends.

Calls and notices are plain data, so that a journey on a clock of its own needs no socket.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from twisted.internet.defer import Deferred
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool, readBody
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

#: No request of a merchant is longer.
MAX_BODY: Final = 64 * 1024
JSON_TYPE: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Call:
    """A merchant's request. Names of ``headers`` are in small letters."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: path and query as they were sent: what a merchant signs
    target: str = ""

    def form(self) -> dict[str, str]:
        """The body's form; empty where it is none."""
        try:
            return dict(parse_qsl(self.body.decode(), keep_blank_values=True))
        except ValueError:
            return {}

    def fields(self) -> dict[str, Any]:
        """The body's JSON object; empty where it has none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def basic(self) -> tuple[str, str]:
        """User and password of Basic authorization; empty where there is none."""
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return "", ""
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            return "", ""
        return user, password

    def bearer(self) -> str:
        """The access token; empty where there is none."""
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        return value.strip() if kind.lower() == "bearer" else ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the merchant is answered."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


def said(fields: Mapping[str, Any], status: int = 200) -> Reply:
    """A JSON answer."""
    return Reply(status, json.dumps(fields).encode())


#: What proxies and broken gateways put in place of an answer.
HTML: Final = Reply(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html")


@dataclass(frozen=True, slots=True)
class Notice:
    """What the provider tells a merchant by himself. ``about``: the receipt or key it is about;
    ``kind``: ``collection``, ``pay-in``, ``validation`` or ``result``."""

    url: str
    fields: Mapping[str, Any]
    about: str
    kind: str = "collection"
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    altered: bool = False  # it is not what happened

    def body(self) -> bytes:
        """Its octets: ``raw`` where the provider's form is not JSON."""
        return json.dumps(self.fields).encode() if self.raw is None else self.raw


#: Sends a notice: (HTTP status, body of the answer).
Post = Callable[[Notice], "Deferred[tuple[int, bytes]]"]
Handle = Callable[[Call], "Deferred[Reply]"]


class Door(Resource):
    """Every path of the provider."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, handle: Handle) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._handle = handle

    def render(self, request: Request) -> Any:
        content: Any = request.content
        body: bytes = content.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            request.setResponseCode(413)
            return b""
        gone: list[Any] = []
        request.notifyFinish().addErrback(gone.append)

        def reply(answer: Reply) -> None:
            if gone:
                return
            request.setResponseCode(answer.status)
            request.setHeader("Content-Type", answer.content_type)  # type: ignore[no-untyped-call]
            for name, value in answer.headers.items():
                request.setHeader(name, value)  # type: ignore[no-untyped-call]
            request.write(answer.body)  # type: ignore[no-untyped-call]
            request.finish()  # type: ignore[no-untyped-call]

        self._handle(_call(request, body)).addCallback(reply)
        return NOT_DONE_YET


def _call(request: Request, body: bytes) -> Call:
    address = urlsplit(request.uri.decode("ascii", "replace"))
    headers = {
        name.decode("latin-1").lower(): values[-1].decode("latin-1")
        for name, values in request.requestHeaders.getAllRawHeaders()
    }
    return Call(
        request.method.decode("latin-1"), address.path, dict(parse_qsl(address.query)), headers,
        body, request.uri.decode("ascii", "replace"),
    )  # fmt: skip


def site(handle: Handle) -> Any:
    """What listens for merchants."""
    made: Any = Site(Door(handle))  # type: ignore[no-untyped-call]
    made.noisy = False
    made.displayTracebacks = False
    return made


def poster(reactor: Any, timeout: float = 10.0) -> Post:
    """Sends notices by the reactor, with connections that are kept."""
    pool = HTTPConnectionPool(reactor)  # type: ignore[no-untyped-call]
    pool.maxPersistentPerHost = 8
    client: Any = Agent(reactor, connectTimeout=timeout, pool=pool)  # type: ignore[no-untyped-call]

    async def post(notice: Notice) -> tuple[int, bytes]:
        given = {"Content-Type": JSON_TYPE, **notice.headers}
        headers = Headers({name: [value] for name, value in given.items()})
        producer = FileBodyProducer(BytesIO(notice.body()))  # type: ignore[no-untyped-call]
        asked: Any = client.request(
            notice.method.encode(), notice.url.encode(), headers, producer
        ).addTimeout(timeout, reactor)
        response = await asked
        answer: bytes = await readBody(response)
        return int(response.code), answer[:MAX_BODY]

    return lambda notice: Deferred.fromCoroutine(post(notice))

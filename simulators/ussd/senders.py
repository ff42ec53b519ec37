"""How a gateway's forms travel: over the reactor, or blocking for a program without one."""

from io import BytesIO
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from twisted.internet.defer import Deferred, fail, succeed
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool, readBody
from twisted.web.http_headers import Headers

from simulators.ussd.gateway import NetworkError, Send

_FORM: Final = "application/x-www-form-urlencoded"
#: A screen is some 600 octets; an error page of a proxy is not read to its end.
MAX_ANSWER: Final = 65_536


def agent(reactor: Any, url: str) -> Send:
    """Posts by the reactor, with connections that are kept."""
    pool = HTTPConnectionPool(reactor)  # type: ignore[no-untyped-call]
    client: Any = Agent(reactor, connectTimeout=10, pool=pool)  # type: ignore[no-untyped-call]

    async def post(form: bytes) -> tuple[int, str]:
        headers = Headers({"Content-Type": [_FORM]})
        body = FileBodyProducer(BytesIO(form))  # type: ignore[no-untyped-call]
        response: Any = await client.request(b"POST", url.encode(), headers, body)
        text: bytes = await readBody(response)
        return int(response.code), text[:MAX_ANSWER].decode("utf-8", "replace")

    return lambda form: Deferred.fromCoroutine(post(form))


def blocking(url: str, timeout: float = 15.0) -> Send:
    """Posts and waits, for a terminal."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url!r} is no http or https address")

    def post(form: bytes) -> "Deferred[tuple[int, str]]":
        request = Request(url, form, {"Content-Type": _FORM})  # noqa: S310 - checked above
        try:
            with urlopen(request, timeout=timeout) as response:  # noqa: S310
                return succeed((response.status, _read(response)))
        except HTTPError as error:
            return succeed((error.code, _read(error)))
        except (URLError, OSError) as error:
            return fail(NetworkError(f"{url}: {error}"))

    return post


def _read(response: Any) -> str:
    return bytes(response.read(MAX_ANSWER)).decode("utf-8", "replace")

"""What strangers may cost the HTTP server: time, places, and an upgrade that is none."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from structlog.testing import capture_logs

from hub.channel import HttpRequest, HttpResponse
from hub.http import HttpService
from hub.httpguard import SPARE, Limits
from tests.hub.test_http import _page, free_port
from tests.loop import fired, run

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
Play = Callable[[HttpService], Awaitable[Any]]


def played(play: Play, limits: Limits) -> Any:
    async def scenario(_reactor: Any) -> Any:
        service = HttpService(
            "127.0.0.1", free_port(), lambda: {"ok": True}, dict, _page, limits=limits
        )

        async def length(request: HttpRequest) -> HttpResponse:
            return HttpResponse(200, str(len(request.body)))

        service.mount("/length", length)
        service.start()
        while not (service._server and service._server.started):
            await asyncio.sleep(0.01)
        try:
            return await play(service)
        finally:
            await fired(service.stop())

    return run(scenario)


async def opened(service: HttpService, *parts: bytes) -> Any:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    return reader, writer


async def rest(line: Any) -> bytes:
    """What comes until the server closes; nothing when it aborts. The writer is held until then:
    one that nobody holds closes the connection."""
    reader, writer = line
    try:
        said: bytes = await reader.read()
    except ConnectionError:
        said = b""
    writer.close()
    return said


QUICK = Limits(request_s=0.3)
SLOW = {
    "nothing": (),
    "half a head": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ",),
    "half a body": (b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345",),
}


def test_a_request_that_does_not_come_whole_is_dropped() -> None:
    async def play(service: HttpService) -> dict[str, bytes]:
        return {label: await rest(await opened(service, *parts)) for label, parts in SLOW.items()}

    with capture_logs() as logged:
        said = played(play, QUICK)
    assert not logged  # a stranger must not fill the log
    assert said == dict.fromkeys(SLOW, b"")


def test_nor_does_a_second_one_on_the_same_connection() -> None:
    async def play(service: HttpService) -> bytes:
        reader, writer = await opened(service, GET)
        await reader.readuntil(b'"ok":true}')
        writer.write(b"GET /hea")
        return await rest((reader, writer))

    assert played(play, QUICK) == b""


def test_an_octet_now_and_then_wins_no_time() -> None:
    async def play(service: HttpService) -> bytes:
        reader, writer = await opened(service, b"POST /length HTTP/1.1\r\nHost: x\r\n")
        dropped = asyncio.ensure_future(rest((reader, writer)))
        while not dropped.done():
            writer.write(b"X-Slow: 1\r\n")
            await asyncio.wait([dropped], timeout=0.05)
        return await dropped

    assert played(play, QUICK) == b""


def test_who_is_quick_keeps_his_connection() -> None:
    async def play(service: HttpService) -> bytes:
        reader, writer = await opened(service)
        said = b""
        for _ in range(3):
            writer.write(GET)
            said += await reader.readuntil(b'"ok":true}')
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return said + await rest((reader, writer))

    assert played(play, Limits()).count(b"HTTP/1.1 200") == 4


def test_over_the_limit_one_is_told_to_come_again_and_then_nothing() -> None:
    few = Limits(connections=3, per_peer=10_000)

    async def play(service: HttpService) -> Any:
        held = [await opened(service, GET) for _ in range(3)]
        for reader, _ in held:
            await reader.readuntil(b'"ok":true}')
        fourth = await rest(await opened(service, GET))
        crowd = [await opened(service) for _ in range(SPARE + 5)]
        gone = asyncio.as_completed([asyncio.ensure_future(rest(one)) for one in crowd])
        first = await next(iter(gone))
        for _, writer in [*held, *crowd]:
            writer.close()
        again = b""
        while b" 200 " not in again:  # the places are free again when the server has seen it
            again = await rest(await opened(service, GET.replace(b"\r\n\r\n", CLOSE)))
        return fourth, first

    fourth, first = played(play, few)
    head = fourth.lower()
    assert head.startswith(b"http/1.1 503")
    assert b"retry-after: 5" in head
    assert first == b""


CLOSE = b"\r\nConnection: close\r\n\r\n"


def test_one_address_does_not_get_all_places() -> None:
    async def play(service: HttpService) -> bytes:
        held = [await opened(service, GET) for _ in range(2)]
        for reader, _ in held:
            await reader.readuntil(b'"ok":true}')
        return await rest(await opened(service, GET))

    assert played(play, Limits(per_peer=2)) == b""


def test_an_upgrade_is_an_ordinary_request() -> None:
    upgrade = b"Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"

    async def play(service: HttpService) -> bytes:
        return await rest(await opened(service, GET[:-2] + upgrade + b"\r\n"))

    assert b"HTTP/1.1 200" in played(play, Limits())


def test_a_head_without_end_is_refused() -> None:
    async def play(service: HttpService) -> bytes:
        head = b"GET /healthz HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(20_000))
        reader, writer = await opened(service)
        writer.write(head)
        return await rest((reader, writer))

    assert b" 200 " not in played(play, Limits())

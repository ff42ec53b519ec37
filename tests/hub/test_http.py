"""The HTTP server over a real socket: probes, metrics, limits, and what is not there."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hub.channel import HttpRequest, HttpResponse
from hub.http import MAX_BODY, HttpService
from tests.loop import fired, run


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _page() -> str:
    return "wattbus_unaccounted_messages 0.0\n"


@asynccontextmanager
async def serving(state: Mapping[str, Any]) -> AsyncIterator[HttpService]:
    service = HttpService("127.0.0.1", free_port(), lambda: {"ok": True}, lambda: state, _page)

    async def echo(request: HttpRequest) -> HttpResponse:
        told = {"query": dict(request.query), "length": len(request.body), "peer": request.peer}
        return HttpResponse(201, json.dumps(told), {"X-Asked": request.method})

    service.mount("/echo", echo)
    service.start()
    while not (service._server and service._server.started):
        await asyncio.sleep(0.01)
    try:
        yield service
    finally:
        await fired(service.stop())


async def ask(service: HttpService, head: str, body: bytes = b"") -> tuple[int, str, str]:
    """One request on a connection of its own: status, headers, body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    lines = (
        f"{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(lines.encode() + body)
    try:
        answer = (await reader.read()).decode()
    except ConnectionError:
        answer = "HTTP/1.1 413 closed\r\n\r\n"
    writer.close()
    top, _, text = answer.partition("\r\n\r\n")
    return int(top.split()[1]), top.lower(), text


def scenario(state: Mapping[str, Any], *asked: tuple[str, bytes]) -> list[tuple[int, str, str]]:
    async def play(_reactor: Any) -> list[tuple[int, str, str]]:
        async with serving(state) as service:
            return [await ask(service, head, body) for head, body in asked]

    answers: list[tuple[int, str, str]] = run(play)
    return answers


def test_who_sends_is_not_what_a_header_says() -> None:
    """Whose callbacks are taken is decided by it: a proxy's header is anybody's to write."""
    forged = "GET /echo HTTP/1.1\r\nX-Forwarded-For: 198.51.100.9\r\nX-Rest: "
    ((status, _, text),) = scenario({}, (forged, b""))
    assert (status, json.loads(text)["peer"]) == (201, "127.0.0.1")


def test_probes_and_metrics_are_served() -> None:
    well, page, health = scenario(
        {"ok": True, "node": "n1"},
        ("GET /readyz", b""),
        ("GET /metrics", b""),
        ("GET /healthz", b""),
    )
    assert (well[0], json.loads(well[2])) == (200, {"ok": True, "node": "n1"})
    assert (page[0], page[2]) == (200, "wattbus_unaccounted_messages 0.0\n")
    assert "content-type: text/plain" in page[1]
    assert health[0] == 200


def test_a_hub_that_is_not_well_is_not_ready_but_alive() -> None:
    ready, health = scenario({"ok": False}, ("GET /readyz", b""), ("GET /healthz", b""))
    assert (ready[0], health[0]) == (503, 200)


def test_a_mounted_path_gets_the_request_as_it_came() -> None:
    (answer,) = scenario({}, ("POST /echo?a=1&a=2&b=", b"text=hello"))
    assert answer[0] == 201
    told = json.loads(answer[2])
    assert told == {"query": {"a": ["1", "2"], "b": [""]}, "length": 10, "peer": "127.0.0.1"}
    assert "x-asked: post" in answer[1]
    assert "server:" not in answer[1], "nobody is told what we run"


@pytest.mark.parametrize(
    ("head", "status"),
    [("GET /nowhere", 404), ("DELETE /echo", 405), ("POST /healthz", 405), ("GET /", 404)],
)
def test_what_is_not_there(head: str, status: int) -> None:
    (answer,) = scenario({}, (head, b""))
    assert answer[0] == status


def test_a_body_has_a_limit() -> None:
    fits, large = scenario(
        {}, ("POST /echo", b"x" * MAX_BODY), ("POST /echo", b"x" * (MAX_BODY + 1))
    )
    assert fits[0] == 201
    assert large[0] == 413


def test_the_port_0_listens_nowhere() -> None:
    service = HttpService("127.0.0.1", 0, dict, dict, _page)
    service.start()
    stopped: list[Any] = []
    service.stop().addCallback(stopped.append)
    assert stopped == [None]

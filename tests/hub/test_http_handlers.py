"""The HTTP server's loop waits for Twisted's work: Deferreds, and coroutines that await them."""

import asyncio

import pytest
from litestar.testing import TestClient
from structlog.testing import capture_logs
from twisted.internet.defer import Deferred, fail, succeed

from hub.channel import HttpRequest, HttpResponse
from hub.http import HttpService


async def _page() -> str:
    return await succeed("wattbus_messages_total 1\n")


def service() -> HttpService:
    return HttpService("127.0.0.1", 0, lambda: {"ok": True}, lambda: {"ok": False}, _page)


def said(request: HttpRequest) -> str:
    return f"{request.method} {request.body.decode()} {dict(request.query)}"


def deferred(request: HttpRequest) -> "Deferred[HttpResponse]":
    return succeed(HttpResponse(200, said(request)))


def later(request: HttpRequest) -> "Deferred[HttpResponse]":
    answer: Deferred[HttpResponse] = Deferred()
    asyncio.get_running_loop().call_soon(answer.callback, HttpResponse(200, said(request)))
    return answer


async def coroutine(request: HttpRequest) -> HttpResponse:
    return HttpResponse(202, await succeed(said(request)), {"Content-Type": "text/html"})


def faulty(_request: HttpRequest) -> "Deferred[HttpResponse]":
    return fail(RuntimeError("on our side"))


@pytest.mark.parametrize("handler", [deferred, later])
def test_a_handler_may_return_a_deferred(handler: object) -> None:
    hub = service()
    hub.mount("/ussd", handler)  # type: ignore[arg-type]
    with TestClient(hub.app()) as client:
        answer = client.post("/ussd?a=1&a=2", content=b"text=")
    assert (answer.status_code, answer.text) == (200, "POST text= {'a': ['1', '2']}")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_handler_may_await_deferreds() -> None:
    hub = service()
    hub.mount("/ussd", coroutine)
    with TestClient(hub.app()) as client:
        answer = client.get("/ussd")
    assert (answer.status_code, answer.text) == (202, "GET  {}")
    assert answer.headers.get_list("content-type") == ["text/html; charset=utf-8"]


def test_a_fault_is_a_500_without_words_and_a_line_in_the_log() -> None:
    hub = service()
    hub.mount("/ussd", faulty)
    with (
        capture_logs() as heard,
        TestClient(hub.app(), raise_server_exceptions=False) as client,
    ):
        answer = client.get("/ussd")
    assert answer.status_code == 500
    assert "on our side" not in answer.text
    assert [entry["event"] for entry in heard] == ["http.fault"]


def test_the_probes_and_the_metrics() -> None:
    with TestClient(service().app()) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503
        assert client.get("/metrics").text == "wattbus_messages_total 1\n"


def test_a_path_is_served_once() -> None:
    hub = service()
    hub.mount("/ussd", deferred)
    with pytest.raises(ValueError, match="two channels serve /ussd"):
        hub.mount("/ussd", deferred)


def test_put_is_served_and_all_that_is_below_a_path() -> None:
    hub = service()
    hub.mount("/wallets/in/{rest:path}", lambda request: succeed(HttpResponse(200, request.path)))
    hub.mount("/ussd", deferred)
    with TestClient(hub.app()) as client:
        answers = [client.put("/wallets/in/notice/abc/def"), client.post("/wallets/in/x/")]
        put = client.put("/ussd", content=b"a")
        other = client.post("/wallets")
        described = client.get("/schema/openapi.json").text
    assert [each.text for each in answers] == ["/wallets/in/notice/abc/def", "/wallets/in/x"]
    assert (put.status_code, put.text, other.status_code) == (200, "PUT a {}", 404)
    assert "/ussd" in described
    assert "wallets" not in described


def test_a_path_comes_and_goes_with_its_channel() -> None:
    hub = service()
    hub.mount("/ussd", deferred)
    with TestClient(hub.app()) as client:
        assert client.post("/mm/notice").status_code == 404, "nobody's, here or elsewhere"
        hub.elsewhere = lambda: True
        away = client.post("/mm/notice")
        assert (away.status_code, away.headers["retry-after"]) == (503, "2")
        hub.mount("/mm/{rest:path}", deferred)  # its seat was taken while the server runs
        assert client.post("/mm/notice", content=b"x").text == "POST x {}"
        hub.unmount("/mm/{rest:path}")
        hub.unmount("/ussd")
        assert client.post("/mm/notice").status_code == 503
        assert client.get("/ussd").status_code == 503
        hub.mount("/ussd", later)
        assert client.get("/ussd").status_code == 200
        assert client.get("/healthz").status_code == 200

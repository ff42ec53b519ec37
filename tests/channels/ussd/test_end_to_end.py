"""The channel over real sockets: phones of the SMSC simulator, and forms over HTTP."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from channels.ussd.service import CHANNEL, UssdConfig
from hub.channel import HttpRequest
from hub.links.smpp import make_link
from simulators.smsc.smsc import SMSC, Options
from simulators.smsc.ussd import UssdProfile
from simulators.ussd.gateway import Gateway
from simulators.ussd.senders import blocking
from simulators.ussd.smpp import SmppGateway
from tests.channels.ussd.fakes import CALLER, FakePorts
from tests.loop import fired, run

pytestmark = pytest.mark.slow

TOKEN = "1234 5678 9012 3456 7890"


async def until(condition: Callable[[], bool]) -> None:
    """Lets the reactor turn until something has happened; the scenario's own limit ends it."""
    while not condition():
        await asyncio.sleep(0.002)


async def buys(gateway: Any) -> None:
    """The story: dial, Buy units, Home, 20,000, pay."""
    screen = await fired(gateway.dial(CALLER, "*123#"))
    assert screen.text.startswith("Demo Power\n1 Buy units")
    for text in ("1", "1", "20,000"):
        screen = await fired(gateway.answer(CALLER, text))
        assert screen.more
    assert "28.1 units" in screen.text
    screen = await fired(gateway.answer(CALLER, "1"))
    assert TOKEN in screen.text
    assert not screen.more


def over_smpp(
    profile: str, network: UssdProfile, tell: Callable[[Any], Coroutine[Any, Any, None]]
) -> FakePorts:
    ports = FakePorts()

    async def scenario(reactor: Any) -> None:
        smsc = SMSC(reactor, Options(ussd=network))
        port = await fired(smsc.start())
        section = {"endpoint": f"tcp:127.0.0.1:{port}", "system_id": "hub"}
        link = make_link("mno", section, reactor, Path("."))
        ports.reactor, ports.links["mno"] = reactor, link
        config = msgspec.convert({"link": "mno", "profile": profile}, UssdConfig)
        channel = CHANNEL.build(ports, config)
        channel.start()
        link.start()
        try:
            await until(lambda: link.up)
            await tell(SmppGateway(smsc))
        finally:
            await fired(channel.stop())
            await fired(link.stop())
            await fired(smsc.stop())

    run(scenario)
    return ports


@pytest.mark.parametrize(
    ("profile", "network"),
    [
        ("plain", UssdProfile(end_by="op")),
        ("bit", UssdProfile(end_by="bit")),
        ("sessionless", UssdProfile(session_info=False, end_by="op")),
    ],
)
def test_a_purchase_over_smpp(profile: str, network: UssdProfile) -> None:
    ports = over_smpp(profile, network, buys)
    assert len(ports.purchases) == 1


def test_a_dropped_dialog_over_smpp_is_taken_up() -> None:
    async def tell(gateway: Any) -> None:
        await fired(gateway.dial(CALLER, "*123#"))
        await fired(gateway.answer(CALLER, "1"))
        await fired(gateway.answer(CALLER, "1"))
        gateway.hang_up(CALLER)
        screen = await fired(gateway.dial(CALLER, "*123#"))
        assert "1 Continue" in screen.text
        screen = await fired(gateway.answer(CALLER, "1"))
        assert "Enter the amount" in screen.text

    over_smpp("plain", UssdProfile(), tell)


class _Callback(Resource):
    """Hands twisted.web's requests to a mounted handler, as the hub's server does."""

    isLeaf = True

    def __init__(self, handler: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._handler = handler

    def render_POST(self, request: Any) -> int:
        headers = {"content-type": request.getHeader("content-type") or ""}
        peer = request.getClientAddress().host
        came = HttpRequest("POST", "/ussd", {}, headers, request.content.read(), peer)

        def answered(response: Any) -> None:
            request.setResponseCode(response.status)
            request.write(response.body.encode())
            request.finish()

        self._handler(came).addCallback(answered)
        return NOT_DONE_YET


def test_a_purchase_over_http() -> None:
    ports = FakePorts()

    async def scenario(reactor: Any) -> None:
        ports.reactor = reactor
        channel = CHANNEL.build(ports, UssdConfig(path="/ussd"))
        channel.start()
        site: Any = Site(_Callback(ports.mounted["/ussd"]), reactor=reactor)  # type: ignore[no-untyped-call]
        port = reactor.listenTCP(0, site, interface="127.0.0.1")
        url = f"http://127.0.0.1:{port.getHost().port}/ussd"
        post, loop = blocking(url), asyncio.get_running_loop()

        def send(form: bytes) -> "Deferred[tuple[int, str]]":
            """From a thread: the far end is another program."""
            answer: Any = loop.run_in_executor(None, lambda: post(form).result)
            return Deferred.fromFuture(answer)

        try:
            await buys(Gateway(send, reactor))
        finally:
            await fired(channel.stop())
            await fired(port.stopListening())

    run(scenario)
    assert len(ports.purchases) == 1

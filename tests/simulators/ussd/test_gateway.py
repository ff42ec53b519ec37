"""The far end alone, before an application of a few lines."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from simulators.ussd import SIMULATOR
from simulators.ussd.command import play, run
from simulators.ussd.gateway import Gateway, NetworkError, Options, Screen
from simulators.ussd.kinds import (
    KINDS,
    DoubleStartGateway,
    DroppedSessionGateway,
    LateGateway,
    RepeatedHopGateway,
    SilentlyDroppingGateway,
)
from simulators.ussd.senders import blocking
from simulators.ussd.smpp import SmppGateway

PHONE = "+256700000001"


@dataclass
class App:
    """Shows the text so far; ends at ``bye``. ``says`` overrides the answer."""

    forms: list[dict[str, str]] = field(default_factory=list)
    says: Callable[[str], Any] = lambda text: (200, f"{'END' if 'bye' in text else 'CON'} <{text}>")

    def send(self, body: bytes) -> "Deferred[tuple[int, str]]":
        form = {name: values[0] for name, values in parse_qs(body.decode(), True).items()}
        self.forms.append(form)
        said = self.says(form.get("text", ""))
        if isinstance(said, Deferred):
            return said
        return fail(said) if isinstance(said, Exception) else succeed(said)

    @property
    def texts(self) -> list[str]:
        return [form.get("text", form.get("status", "")) for form in self.forms]


def now(deferred: "Deferred[Any]") -> Any:
    found: list[Any] = []
    deferred.addBoth(found.append)
    assert found, "nothing yet"
    if isinstance(found[0], Screen) or found[0] is None:
        return found[0]
    raise found[0].value


def test_a_session_sends_the_history_and_tells_its_end() -> None:
    app = App()
    gateway = Gateway(app.send, Clock())
    assert now(gateway.dial(PHONE, "*123#")) == Screen("<>", more=True)
    assert now(gateway.answer(PHONE, "1")) == Screen("<1>", more=True)
    assert now(gateway.answer(PHONE, "bye")) == Screen("<1*bye>", more=False)
    assert app.texts == ["", "1", "1*bye", "Success"]
    assert app.forms[0] == {
        "sessionId": "ATUid_00000001",
        "serviceCode": "*123#",
        "phoneNumber": PHONE,
        "networkCode": "64110",
        "text": "",
    }
    with pytest.raises(NetworkError, match="no session"):
        now(gateway.answer(PHONE, "1"))


def test_what_is_dialled_behind_the_code_is_in_the_first_form() -> None:
    app = App()
    now(Gateway(app.send, Clock()).dial(PHONE, "*123*1*2#"))
    assert app.texts == ["1*2"]
    with pytest.raises(NetworkError, match="no code"):
        now(Gateway(app.send, Clock()).dial(PHONE, "*999#"))
    now(Gateway(app.send, Clock(), Options(codes=())).dial(PHONE, "*999*5#"))


def test_hanging_up_is_told() -> None:
    app = App()
    gateway = Gateway(app.send, Clock())
    now(gateway.dial(PHONE, "*123#"))
    gateway.hang_up(PHONE)
    gateway.hang_up(PHONE)
    assert app.texts == ["", "Incomplete"]


@pytest.mark.parametrize(
    ("says", "why"),
    [
        ((400, "The field text is missing."), "HTTP 400"),
        ((200, "hello"), "neither"),
        ((200, "CON " + "a" * 183), "too long"),
        ((200, "CON " + "电" * 81), "too long"),
        (OSError("refused"), "refused"),
    ],
)
def test_what_is_no_screen_is_the_networks_own_error(says: Any, why: str) -> None:
    app = App(says=lambda _: says)
    gateway = Gateway(app.send, Clock())
    with pytest.raises(NetworkError, match=why.replace("neither", "not with CON")):
        now(gateway.dial(PHONE, "*123#"))
    assert app.texts[-1] == "Failed"
    assert gateway.calls == {}


def test_an_application_that_does_not_answer_in_time() -> None:
    clock = Clock()
    slow: Deferred[tuple[int, str]] = Deferred()
    app = App(says=lambda text: slow if text == "" else (200, ""))
    found: list[Any] = []
    Gateway(app.send, clock).dial(PHONE, "*123#").addErrback(found.append)
    clock.advance(15)
    assert "in time" in str(found[0].value)
    slow.callback((200, "CON late"))  # nobody sees it


def test_the_double_start() -> None:
    app = App()
    gateway = DoubleStartGateway(app.send, Clock())
    assert now(gateway.dial(PHONE, "*123#")) == gateway.firsts[0]
    now(gateway.answer(PHONE, "1"))
    assert app.texts == ["", "", "1"]


def test_the_repeated_hop() -> None:
    app = App()
    gateway = RepeatedHopGateway(app.send, Clock())
    now(gateway.dial(PHONE, "*123#"))
    now(gateway.answer(PHONE, "1"))
    assert app.texts == ["", "", "1", "1"]


@pytest.mark.parametrize(
    ("kind", "told"), [(DroppedSessionGateway, ["Incomplete"]), (SilentlyDroppingGateway, [])]
)
def test_the_dropped_session(kind: type[Gateway], told: list[str]) -> None:
    app = App()
    gateway = kind(app.send, Clock(), Options(drop_at=2))
    now(gateway.dial(PHONE, "*123#"))
    now(gateway.answer(PHONE, "1"))
    with pytest.raises(NetworkError, match="MMI"):
        now(gateway.answer(PHONE, "2"))
    assert app.texts == ["", "1", "1*2", *told]


def test_the_late_one_has_little_patience() -> None:
    clock = Clock()
    app = App(says=lambda text: Deferred() if text == "" else (200, ""))
    found: list[Any] = []
    LateGateway(app.send, clock).dial(PHONE, "*123#").addErrback(found.append)
    clock.advance(1)
    assert found


def test_a_gateway_over_smpp_has_the_same_interface() -> None:
    class Smsc:
        dropped: list[str] = []  # noqa: RUF012 - one test
        desk: Any = None

        def drop(self, phone: str) -> None:
            self.dropped.append(phone)

        def ussd(self, source: str, text: str) -> "Deferred[Any]":
            return fail(OSError("no bind")) if text == "9" else succeed(Screen(text, more=True))

    smsc = Smsc()
    smsc.desk = smsc
    gateway = SmppGateway(smsc)
    assert now(gateway.dial(PHONE, "*123#")) == Screen("*123#", more=True)
    assert now(gateway.answer(PHONE, "1")).text == "1"
    with pytest.raises(NetworkError, match="no bind"):
        now(gateway.answer(PHONE, "9"))
    gateway.hang_up(PHONE)
    assert smsc.dropped == ["256700000001"] * 2


def test_the_phone_in_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    app = App()
    typed = iter(["1", "bye", "", "x", "", "*777#", "", ""])

    def ask(_: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    with pytest.raises(EOFError):
        play(Gateway, app.send, PHONE, "*123#", ask)
    shown = capsys.readouterr().out
    assert "<1*bye>\n[the session is over]\n" in shown
    assert [form["serviceCode"] for form in app.forms[:5]] == ["*123#"] * 5
    assert app.forms[-1]["serviceCode"] == "*777#"


def test_the_command_refuses_what_it_cannot_do() -> None:
    assert SIMULATOR.name == "ussd"
    with pytest.raises(SystemExit, match="friendly"):
        run(kind="evil")
    with pytest.raises(SystemExit, match="no http"):
        run(url="file:///etc/passwd")
    assert set(KINDS) == {
        "friendly", "double-start", "repeated-hop", "dropped-session", "silently-dropping", "late",
    }  # fmt: skip


_OVER_HTTP = """
import asyncio
from twisted.internet import asyncioreactor
asyncioreactor.install(asyncio.new_event_loop())
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import Site
from simulators.ussd.gateway import Gateway
from simulators.ussd.senders import agent, blocking

class App(Resource):
    isLeaf = True
    def render_POST(self, request):
        text = request.args.get(b"text", [b"?"])[0]
        return ("CON <é%s>" % text.decode()).encode()

async def main():
    port = reactor.listenTCP(0, Site(App()), interface="127.0.0.1")
    url = "http://127.0.0.1:%d/ussd" % port.getHost().port
    gateway = Gateway(agent(reactor, url), reactor)
    print((await gateway.dial("+256700000001", "*123*7#")).text)
    print((await gateway.answer("+256700000001", "8 & 9")).text)
    status, body = await reactor_thread(lambda: blocking(url)(b"text=1"))
    print(status, body)
    reactor.stop()

def reactor_thread(call):
    from twisted.internet.threads import deferToThread
    return deferToThread(lambda: call().result)

Deferred.fromCoroutine(main()).addErrback(lambda f: (print(f), reactor.stop()))
reactor.run()
"""


@pytest.mark.slow
def test_forms_travel_over_http() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _OVER_HTTP], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.split("\n") == ["<é7>", "<é7*8 & 9>", "200 CON <é1>", ""]


def test_a_blocking_sender_says_what_failed() -> None:
    with pytest.raises(NetworkError, match="/ussd: "):
        now(blocking("http://127.0.0.1:9/ussd", 1.0)(b"a=1"))

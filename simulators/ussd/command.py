"""A phone in the terminal. Its help is the docstring of :func:`run`."""

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from simulators.ussd.gateway import Gateway, NetworkError, Options, Screen, Send
from simulators.ussd.kinds import KINDS
from simulators.ussd.senders import blocking


def run(
    url: str = "http://127.0.0.1:8080/ussd",
    msisdn: str = "+256700000001",
    code: str = "*123#",
    kind: str = "friendly",
) -> None:
    """Dials CODE as the phone MSISDN; the gateway calls back at URL.

    Type an answer and Enter, an empty line to hang up and dial again, Ctrl-D to leave. The kinds:
    friendly, double-start, repeated-hop, dropped-session, silently-dropping, late.
    """
    if kind not in KINDS:
        raise SystemExit(f"kind {kind!r} is not one of {', '.join(KINDS)}")
    try:
        play(KINDS[kind], blocking(url), msisdn, code)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    except (EOFError, KeyboardInterrupt):
        print()


def play(
    kind: type[Gateway],
    send: Send,
    msisdn: str,
    code: str,
    ask: Callable[[str], str] = input,
) -> None:
    """Dials and answers until ``ask`` raises EOFError; prints what the phone shows."""
    gateway = kind(send, Clock(), Options(codes=()), sessions=int(time.time()))
    while True:
        try:
            screen = _now(gateway.dial(msisdn, code))
            while _show(screen) and (text := ask("> ")):
                screen = _now(gateway.answer(msisdn, text))
        except NetworkError as error:
            print(f"[network] {error}")
        gateway.hang_up(msisdn)
        code = ask(f"dial [{code}] ") or code


def _show(screen: Screen) -> bool:
    print(screen.text)
    if not screen.more:
        print("[the session is over]")
    return screen.more


def _now(screen: "Deferred[Screen]") -> Screen:
    """The screen of a sender that blocks."""
    found: list[Any] = []
    screen.addBoth(found.append)
    if isinstance(found[0], Screen):
        return found[0]
    raise found[0].value

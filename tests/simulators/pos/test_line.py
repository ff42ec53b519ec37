"""Terminals over real sockets."""

import socket

import pytest

from simulators.pos.items import Fate
from simulators.pos.kinds import CutsLineMidFrame
from simulators.pos.line import Exchange, Line, NoHost
from simulators.pos.states import State
from simulators.pos.terminal import Terminal
from tests.simulators.pos.host import MORNING, setup
from tests.simulators.pos.sockets import socket_host

WITHIN_S = 20.0


def idle(line: Line) -> bool:
    return line.terminal.state is State.IDLE


def test_several_terminals_share_a_selector() -> None:
    with socket_host() as one, socket_host() as other:
        heard: list[tuple[str, str]] = []
        lines = [
            Line(
                Terminal(setup(number=f"T000000{n}"), lambda: MORNING),
                "127.0.0.1",
                port,
                lambda terminal, event: heard.append((terminal.setup.number, event.operation)),
            )
            for n, port in enumerate((one.port, other.port))
        ]
        exchange = Exchange(lines)
        exchange.until(lambda: all(line.socket for line in lines), WITHIN_S, "the lines")
        for line in lines:
            line.told(line.terminal.sign_on(exchange.clock()), exchange.clock())
        exchange.until(lambda: all(map(idle, lines)), WITHIN_S, "signed on")
        for line in lines:
            line.told(line.terminal.sell("1", 100, exchange.clock()), exchange.clock())
        exchange.until(lambda: len(heard) == 4, WITHIN_S, "sold")
        exchange.close()
    assert sorted(heard) == [
        (number, what) for number in ("T0000000", "T0000001") for what in ("sign_on", "vend")
    ]


def test_a_line_that_is_cut_is_dialled_again() -> None:
    with socket_host() as host:
        terminal = CutsLineMidFrame(setup(), lambda: MORNING, shares={"cuts-line": 0.0})
        line = Line(terminal, "127.0.0.1", host.port, lambda *_: None)
        exchange = Exchange([line])
        exchange.until(lambda: line.socket is not None, WITHIN_S, "the line")
        line.told(terminal.sign_on(exchange.clock()), exchange.clock())
        exchange.until(lambda: idle(line), WITHIN_S, "signed on")
        terminal.shares = {"cuts-line": 1.0}
        line.told(terminal.pay("1", 100, exchange.clock()), exchange.clock())
        assert line.socket is None
        exchange.until(lambda: idle(line), WITHIN_S, "taken back")
        exchange.close()
        assert host.taken == 2
        assert host.host.barred == {terminal.book.items[0].stan}
    assert terminal.book.items[0].fate is Fate.VOID


def test_a_host_that_goes_away_is_noticed() -> None:
    with socket_host() as host:
        terminal = Terminal(setup(), lambda: MORNING)
        line = Line(terminal, "127.0.0.1", host.port, lambda *_: None)
        exchange = Exchange([line])
        exchange.until(lambda: terminal.up, WITHIN_S, "the line")
    line.hung = True  # not dialled again
    exchange.until(lambda: not terminal.up, WITHIN_S, "the line is gone")
    with pytest.raises(TimeoutError, match="a miracle: not within 0 s"):
        exchange.until(lambda: False, 0.0, "a miracle")
    exchange.close()


def test_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    line = Line(Terminal(setup(), lambda: MORNING), "127.0.0.1", port, lambda *_: None)
    with pytest.raises(NoHost, match="nobody answers"):
        line.dial(0.0)
    Exchange([line]).turn(0.0)  # tries again in its time, and says nothing
    assert line.socket is None

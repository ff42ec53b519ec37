"""The control line: answers by their number, events aside, whatever order they come in."""

import json

import pytest

from simulators.phone.line import ControlLine, NetworkError
from tests.simulators.phone.network import FakeNetwork, network


def open_line(fake: FakeNetwork) -> ControlLine:
    return ControlLine("127.0.0.1", fake.port)


def test_an_answer_is_waited_for_and_events_are_kept() -> None:
    with network() as fake:
        line = open_line(fake)
        number = line.tell("status")
        fake.push("first")
        fake.push("second")
        assert line.answer(number)["ok"] is True
        assert [line.event(5.0)["text"], line.event(5.0)["text"]] == ["first", "second"]  # type: ignore[index]
        assert line.event(0.0) is None
        line.close()


def test_answers_may_come_in_another_order() -> None:
    with network() as fake:
        fake.mute = {"deliver"}
        line = open_line(fake)
        first, second = line.tell("deliver"), line.tell("deliver")
        said = [{"id": second, "ok": True, "n": 2}, {"id": first, "ok": True, "n": 1}]
        whole = b"".join(json.dumps(each).encode() + b"\n" for each in said)
        fake.raw(whole[:17])
        fake.raw(whole[17:])
        assert line.answer(first)["n"] == 1
        assert line.answer(second)["n"] == 2
        line.close()


def test_what_the_network_refuses_is_an_error_with_its_sentence() -> None:
    with network() as fake:
        fake.screens = ["no answer in time"]
        line = open_line(fake)
        with pytest.raises(NetworkError, match="no answer in time"):
            line.ask("ussd")
        line.close()


def test_silence_is_an_error_when_the_time_is_over() -> None:
    with network() as fake:
        fake.mute = {"deliver"}
        line = open_line(fake)
        with pytest.raises(NetworkError, match=r"did not answer within 0\.05 s"):
            line.answer(line.tell("deliver"), 0.05)
        line.close()


def test_the_network_may_go_away() -> None:
    with network() as fake:
        line = open_line(fake)
        line.ask("status")
        fake.hang_up()
        with pytest.raises(NetworkError, match=r"closed the line|has gone"):
            line.event(5.0)
        line.close()


def test_nobody_listens() -> None:
    with network() as fake:
        port = fake.port
    with pytest.raises(NetworkError, match=f"no SMSC answers at 127.0.0.1:{port}"):
        ControlLine("127.0.0.1", port)


def test_received_forgets_the_events_that_it_contains() -> None:
    with network() as fake:
        line = open_line(fake)
        line.ask("watch")
        fake.push("both")
        fake.stored = [{"from": "8080", "text": "both", "parts": 1}]
        assert line.ask("received")["messages"][0]["text"] == "both"
        assert line.event(0.0) is None
        line.close()

"""The link to a security module: every end of a call, leaving, and what is refused at sign-in."""

import gc
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.python import log as twisted_log

from adapters.prismtoken.calls import FetchTokenResult, GetStatus
from adapters.prismtoken.errors import EncodeError
from adapters.prismtoken.events import Lost, Refused, Returned
from adapters.prismtoken.orders import call_of, question_of
from hub.links.prismtoken import CallNotSent, make_link
from tests.adapters.prismtoken.orders import CREDIT
from tests.hub.links.memory_prism import SECTION, MemoryPrism
from tests.hub.links.memory_smsc import outcome

CALL = call_of(CREDIT)


@pytest.fixture
def module() -> MemoryPrism:
    return MemoryPrism().start()


def test_it_signs_in_and_takes_one_call_at_a_time(module: MemoryPrism) -> None:
    assert (module.link.up, module.link.free(), module.sign_ins) == (True, 1, 1)
    module.hold = True
    done = module.link.call(CALL)
    module.run()
    assert (module.link.up, module.link.free(), len(module.held)) == (True, 0, 1)
    module.answer()
    ended = outcome(done)
    assert isinstance(ended, Returned)
    assert [one.tid for one in ended.result] == [CREDIT.token.tid if CREDIT.token else 0]
    assert module.link.free() == 1
    assert module.link.status() == {
        "state": "up",
        "connections": ["ready"],
        "peer": SECTION["endpoint"],
        "calls": 1,
        "returned": 1,
    }


def test_a_refusal_is_an_answer(module: MemoryPrism) -> None:
    ended = outcome_of(module, question_of(CREDIT))
    assert isinstance(ended, Refused)
    assert (ended.error_id, ended.verdict.code) == ("ECacheMiss", "module_never_made")


def outcome_of(module: MemoryPrism, call: Any) -> Any:
    done = module.link.call(call)
    module.run()
    return outcome(done)


def test_a_connection_that_breaks_loses_the_call_that_is_out(module: MemoryPrism) -> None:
    module.hold = True
    done = module.link.call(CALL)
    module.run()
    module.drop()
    assert isinstance(outcome(done), Lost)
    assert not module.link.up
    module.run(1.0)
    assert (module.link.free(), module.sign_ins) == (1, 2)


def test_silence_loses_it_too_and_another_connection_is_made(module: MemoryPrism) -> None:
    module.hold = True
    done = module.link.call(CALL)
    module.run()
    module.run(module.config.call_timeout_s)
    assert isinstance(outcome(done), Lost)
    module.run(1.0)
    assert module.link.free() == 1
    module.answer()  # into a connection that is gone
    assert module.link.status()["lost"] == 1


def test_without_a_connection_surely_nothing_was_sent() -> None:
    module = MemoryPrism()
    assert isinstance(outcome(module.link.call(CALL)), CallNotSent)
    module.start()
    module.hold = True
    module.link.call(CALL)
    assert isinstance(outcome(module.link.call(question_of(CREDIT))), CallNotSent)


def test_what_cannot_be_written_is_said_and_takes_no_connection(module: MemoryPrism) -> None:
    bad = msgspec.structs.replace(CALL, message_id="no id at all")
    assert isinstance(outcome(module.link.call(bad)), EncodeError)
    assert module.link.free() == 1
    assert not module.calls


def test_more_connections_carry_more_calls() -> None:
    module = MemoryPrism(connections=3).start()
    module.hold = True
    told: list[int] = []
    module.link.on_free(lambda: told.append(module.link.free()))
    for place in range(3):
        module.link.call(msgspec.structs.replace(CALL, message_id=f"m-{place}"))
    module.run()
    assert (module.link.free(), len(module.held), told) == (0, 3, [])
    module.answer()
    assert (module.link.free(), told[-1]) == (3, 3)


def test_whoever_waits_is_told_when_it_is_free_again(module: MemoryPrism) -> None:
    told: list[int] = []
    module.link.on_free(lambda: told.append(module.link.free()))
    module.drop()
    assert told == []
    module.run(1.0)
    assert told == [1]


def test_an_access_token_that_expired_is_renewed_under_the_same_call(module: MemoryPrism) -> None:
    module.box.sessions.clear()
    assert isinstance(outcome_of(module, CALL), Returned)
    assert module.sign_ins == 2
    assert module.box.counters.made == 1


def test_a_wrong_password_is_said_and_not_tried_at_once_again() -> None:
    module = MemoryPrism(password="wrong").start()
    assert not module.link.up
    assert module.link.status()["sign-ins refused"] == 1
    module.run(30.0)
    assert module.sign_ins == 1  # accounts get locked
    module.run(40.0)
    assert module.sign_ins == 2


def test_a_module_that_refuses_connections_is_tried_again_and_again() -> None:
    module = MemoryPrism()
    module.refuses = True
    module.start()
    for _ in range(5):
        module.run(31.0)
    assert not module.link.up
    module.refuses = False
    module.run(31.0)
    assert module.link.up


def test_nonsense_is_a_defect_and_the_call_lost(module: MemoryPrism) -> None:
    module.hold = True
    done = module.link.call(CALL)
    module.run()
    module.peers[0].session.raw(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
    module.run()
    assert isinstance(outcome(done), Lost)
    assert module.link.status()["defects"] == 1


def test_a_second_answer_ends_no_other_call(module: MemoryPrism) -> None:
    module.hold = True
    module.link.call(CALL)
    module.run()
    module.held *= 2
    module.answer()
    module.hold = False
    assert isinstance(outcome_of(module, GetStatus(message_id="s")), Returned)
    assert module.link.status()["defects"] == 1


def stopped(module: MemoryPrism) -> "Deferred[None]":
    done = module.link.stop()
    module.run()
    return done


def test_leaving_waits_for_the_call_that_is_out(module: MemoryPrism) -> None:
    module.hold = True
    done = module.link.call(CALL)
    module.run()
    left = stopped(module)
    assert not left.called
    assert isinstance(outcome(module.link.call(CALL)), CallNotSent)
    module.answer()
    assert isinstance(outcome(done), Returned)
    assert left.called
    assert not module.link.up


def test_leaving_ends_with_the_call_s_deadline(module: MemoryPrism) -> None:
    module.hold = True
    done = module.link.call(CALL)
    module.run()
    left = stopped(module)
    module.run(module.config.call_timeout_s)
    assert isinstance(outcome(done), Lost)
    assert left.called


@pytest.mark.parametrize("state", ["up", "away", "never started"])
def test_leaving_ends_once_wherever_the_connection_is(state: str) -> None:
    troubles: list[Any] = []
    twisted_log.addObserver(troubles.append)
    module = MemoryPrism(connections=2)
    module.refuses = state == "away"
    if state != "never started":
        module.start()
    left = stopped(module)
    gc.collect()
    twisted_log.removeObserver(troubles.append)
    assert left.called
    assert not [each for each in troubles if each.get("isError")]
    dialled = len(module.reactor.tcpClients)
    module.run(120.0)
    assert len(module.reactor.tcpClients) == dialled


def test_silence_is_asked_for_life(module: MemoryPrism) -> None:
    module.run(module.config.ping_s + 1)
    assert module.calls[-1].method == "ping"
    assert module.link.free() == 1
    module.peers[0].alive = False  # a dead cable: nothing comes back
    module.run(module.config.ping_s + 1)
    module.run(6.0)
    assert module.link.free() == 0


def test_the_section_makes_the_link_with_the_password_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("open sesame\nanother line\n")
    section = {**SECTION, "password_file": "secret"}
    link = make_link("prism", section, MemoryPrism().reactor, tmp_path)
    assert link.status()["state"] == "down"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"username": ""}, "username"),
        ({"endpoint": 7}, "endpoint"),
        ({"connections": 0}, "connections"),
        ({"connections": 17}, "connections"),
        ({"call_timeout_s": 0}, "call_timeout_s"),
        ({"realm": "r" * 41}, "realm"),
        ({"user": "wattbus"}, "user"),
    ],
)
def test_a_wrong_section_names_its_field(
    tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=named):
        make_link("prism", {**SECTION, **change}, MemoryPrism().reactor, tmp_path)


def test_a_login_that_no_module_takes_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(EncodeError):
        make_link("prism", {**SECTION, "username": "two words"}, MemoryPrism().reactor, tmp_path)


def test_a_password_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="secret"):
        make_link("prism", {**SECTION, "password_file": "secret"}, MemoryPrism().reactor, tmp_path)


def test_a_question_is_a_call_of_its_own(module: MemoryPrism) -> None:
    outcome_of(module, CALL)
    ended = outcome_of(module, question_of(CREDIT))
    assert isinstance(ended, Returned)
    assert isinstance(module.calls[-1], FetchTokenResult)
    assert module.box.counters.made == 1

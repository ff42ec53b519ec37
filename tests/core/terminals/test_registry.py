"""Terminals registered, bound, blocked, lost, retired; what they shall work with and show."""

from pathlib import Path
from typing import Any

import pytest

from core.queries.terminals import receipts_of, terminal_of, terminals_of
from tests.core.agents.shop import ask as ask_agent
from tests.core.agents.shop import whole
from tests.core.terminals.shop import (
    OTHER,
    TERMINAL,
    agreed,
    ask,
    at,
    do,
    done,
    hired,
    no,
    off,
    on,
    opened,
    placed,
    post,
    refused,
    report,
    yes,
)
from tests.hub.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return post(tmp_path)


def view(machine: Machine, number: str = TERMINAL) -> Any:
    with machine.store.reader() as reader:
        return terminal_of(reader, "demo", number)


def test_a_terminal_is_there_when_two_agree(machine: Machine) -> None:
    waiting = done(machine, ask("register", OTHER, agent="A1", place="Market", merchant="M 1"))
    assert (waiting["terminal"], waiting["agent"], waiting["state"]) == (OTHER, "A1", "requested")
    assert view(machine, OTHER) is None
    assert do(machine, yes(waiting["act"], "ruth")).code == "act-no-role"
    done(machine, yes(waiting["act"]))
    assert do(machine, yes(waiting["act"])).code == "act-not-open"
    found = view(machine, OTHER)
    assert (found.agent, found.state, found.place, found.merchant) == (
        "A1", "active", "Market", "M 1",
    )  # fmt: skip
    assert (found.currency, found.cashiers_needed, found.cashier) == ("UGX", False, "")
    whole(machine)


def test_of_two_who_register_one_number_the_second_is_refused(machine: Machine) -> None:
    acts = [done(machine, ask("register", OTHER, agent="A1"))["act"] for _ in range(2)]
    done(machine, yes(acts[0]))
    answer = refused(machine, yes(acts[1]))
    assert answer.code == "terminal-wrong"
    assert machine.rows("SELECT state, note FROM token_act WHERE id = :id", id=acts[1]) == [
        ("refused", "seen; terminal-wrong")
    ]
    assert machine.rows("SELECT count(*) FROM terminal WHERE number = :n", n=OTHER) == [(1,)]


@pytest.mark.parametrize(
    ("number", "changes", "code"),
    [
        ("", {}, "terminal-wrong"),
        ("T00000001", {}, "terminal-wrong"),
        ("T 1", {}, "terminal-wrong"),
        (TERMINAL, {}, "terminal-wrong"),
        ("T2", {"agent": "A9"}, "agent-unknown"),
        ("T2", {"agent": ""}, "agent-unknown"),
        ("T2", {"name": "x" * 81}, "terminal-wrong"),
        ("T2", {"merchant": "x" * 16}, "terminal-wrong"),
        ("T2", {"reason": " "}, "act-wrong"),
        ("T2", {"operator": "sam"}, "act-no-role"),
    ],
)
def test_what_is_wrong_with_a_registration(
    machine: Machine, number: str, changes: dict[str, Any], code: str
) -> None:
    assert no(machine, ask("register", number, **{"agent": "A1", **changes})) == code


def test_a_closed_agent_gets_no_terminal(machine: Machine) -> None:
    opened(machine, "A2")
    waiting = done(machine, ask("register", OTHER, agent="A2"))
    close = done(machine, ask_agent("close", "A2"))
    done(machine, yes(close["act"]))
    assert refused(machine, yes(waiting["act"])).code == "agent-closed"


def test_an_agent_that_has_terminals_is_not_closed(machine: Machine) -> None:
    opened(machine, "A2")
    close = done(machine, ask_agent("close", "A2"))
    agreed(machine, ask("bind", agent="A2"))
    assert no(machine, ask_agent("close", "A2")) == "agent-wrong"
    assert refused(machine, yes(close["act"])).code == "agent-wrong"
    close = done(machine, ask_agent("close"))
    agreed(machine, ask("bind", agent="A1"))
    assert refused(machine, yes(close["act"])).code == "agent-wrong"
    done(machine, ask("lost"))
    assert no(machine, ask_agent("close")) == "agent-wrong"
    done(machine, ask("retire"))
    agreed(machine, ask_agent("close"))  # type: ignore[arg-type]
    whole(machine)


@pytest.mark.parametrize(("kind", "code"), [("bind", "agent-wrong"), ("retire", "ok")])
def test_an_agent_ends_in_one_batch_with_its_terminal(
    machine: Machine, kind: str, code: str
) -> None:
    """The end of the agent sees what was done to the terminal just before."""
    opened(machine, "A2")
    close = yes(done(machine, ask_agent("close", "A2"))["act"])
    bind = yes(done(machine, ask("bind", agent="A2"))["act"])
    if kind == "retire":
        done(machine, bind)
    both = [bind if kind == "bind" else ask(kind), close]
    heard = [machine.accept(each, f"{kind}{n}", "agent/A2") for n, each in enumerate(both)]
    machine.settle()
    assert [machine.answer(each[0].message_id).code for each in heard] == ["ok", code]
    whole(machine)


def test_an_act_that_there_is_not_and_a_terminal_that_there_is_not(machine: Machine) -> None:
    assert no(machine, ask("none-such")) == "act-wrong"
    for kind in ("block", "lost", "retire", "message"):
        assert no(machine, ask(kind, "T9", text="x")) == "terminal-unknown"
    assert no(machine, ask("block", agent="A9")) == "agent-unknown"
    opened(machine, "A2")
    assert no(machine, ask("block", agent="A2")) == "terminal-elsewhere"


@pytest.mark.parametrize(("kind", "state"), [("block", "blocked"), ("lost", "lost")])
def test_one_person_stops_a_terminal_at_once_and_its_shift_ends(
    machine: Machine, kind: str, state: str
) -> None:
    shift = done(machine, on(""))["shift"]
    stopped = done(machine, ask(kind))
    assert (stopped["terminal_state"], stopped["ended_shift"]) == (state, shift)
    assert at(machine) == (state, "", False)
    assert machine.rows("SELECT ended_by FROM terminal_shift WHERE closed_at > 0") == [
        (f"terminal-{kind}",)
    ]
    assert refused(machine, on("")).code == "terminal-blocked"
    assert refused(machine, off()).code == "terminal-blocked"
    assert no(machine, ask(kind)) == "terminal-wrong"
    agreed(machine, ask("unblock"))
    assert at(machine) == ("active", "", False)
    assert no(machine, ask("unblock")) == "terminal-wrong"
    whole(machine)


def test_a_retired_terminal_is_retired_for_ever(machine: Machine) -> None:
    opened(machine, "A2")
    done(machine, on(""))
    done(machine, ask("retire"))
    assert at(machine) == ("retired", "", False)
    for kind in ("block", "unblock", "lost", "retire", "message", "emergency", "bind"):
        assert no(machine, ask(kind, text="x", receipts=1, agent="A2")) == "terminal-wrong"
    assert no(machine, ask("register", agent="A1")) == "terminal-wrong"
    whole(machine)


def test_a_terminal_goes_to_another_agent_when_nobody_is_at_it(machine: Machine) -> None:
    opened(machine, "A2")
    assert no(machine, ask("bind", agent="A1")) == "terminal-wrong"
    assert no(machine, ask("bind", agent="A9")) == "agent-unknown"
    done(machine, on(""))
    assert no(machine, ask("bind", agent="A2")) == "terminal-wrong"
    done(machine, off())
    waiting = done(machine, ask("bind", agent="A2", place="Hill"))
    done(machine, on(""))  # between the request and its approval
    assert refused(machine, yes(waiting["act"])).code == "terminal-wrong"
    done(machine, off())
    agreed(machine, ask("bind", agent="A2", place="Hill"))
    assert refused(machine, on("")).code == "terminal-elsewhere"
    done(machine, on("", agent="A2"))
    found = view(machine)
    assert (found.agent, found.place, found.name) == ("A2", "Hill", "Desk 1")
    with machine.store.reader() as reader:
        assert [t.number for t in terminals_of(reader, "demo", "A2")] == [TERMINAL]
        assert terminals_of(reader, "demo", "A1") == []
    whole(machine)


def test_parameters_are_set_one_by_one_and_counted(machine: Machine) -> None:
    assert (
        agreed(machine, ask("parameters", parameters={"host.port": "5000", "apn": "a"}))["version"]
        == 1
    )
    agreed(machine, ask("parameters", parameters={"apn": "", "idle_s": "60"}))
    found = view(machine)
    assert found.parameters == {"host.port": "5000", "idle_s": "60"}
    assert found.parameters_version == 2
    for wrong in (None, {"host.port": "5000"}, {"Host": "x"}, {"x": "y" * 900}):
        assert no(machine, ask("parameters", parameters=wrong)) == "terminal-wrong"


def test_a_message_is_shown_until_another_comes(machine: Machine) -> None:
    assert no(machine, ask("message", text=" ")) == "terminal-wrong"
    assert no(machine, ask("message", text="x" * 161)) == "terminal-wrong"
    assert no(machine, ask("message", text="a\nb")) == "terminal-wrong"
    assert done(machine, ask("message", text="Closed tomorrow"))["number"] == 1
    news = done(machine, report())
    assert (news["message_number"], news["message"]) == (1, "Closed tomorrow")
    assert "message" not in done(machine, report(message=1))
    assert done(machine, ask("message"))["number"] == 2  # taken away
    assert done(machine, report(message=1))["message"] == ""


def test_a_terminal_says_where_it_is_and_gets_what_it_lacks(machine: Machine) -> None:
    agreed(machine, ask("parameters", parameters={"apn": "a"}))
    news = done(
        machine, report(latitude=347_596, longitude=-1, signal=-87, application="pos 4", message=9)
    )
    assert news["parameters"] == {"apn": "a"}
    assert (news["state"], news["parameters_version"]) == ("active", 1)
    assert "parameters" not in done(machine, report(parameters=1))  # says nothing of its place
    found = view(machine)
    assert (found.latitude, found.longitude, found.signal) == (347_596, -1, -87)
    assert (found.application, found.parameters_seen, found.message_seen) == ("pos 4", 1, 0)
    assert found.seen_at > 0
    whole(machine)


@pytest.mark.parametrize(
    "wrong",
    [
        {"latitude": 90_000_001},
        {"longitude": -180_000_001},
        {"signal": 1},
        {"signal": -201},
        {"application": "x" * 41},
        {"parameters": -1},
    ],
)
def test_what_is_no_report(machine: Machine, wrong: dict[str, Any]) -> None:
    assert no(machine, report(**wrong)) == "terminal-wrong"
    assert view(machine).seen_at == 0


def test_a_lost_terminal_tells_where_it_is_and_is_told_nothing(machine: Machine) -> None:
    assert no(machine, report("T9")) == "terminal-unknown"
    agreed(machine, ask("parameters", parameters={"apn": "a"}))
    done(machine, ask("lost"))
    assert done(machine, report(latitude=5, longitude=6)) == {
        "terminal": TERMINAL, "state": "lost",
    }  # fmt: skip
    assert (view(machine).latitude, view(machine).longitude) == (5, 6)


def test_an_emergency_has_a_limit_and_receipts_that_nobody_else_has(machine: Machine) -> None:
    placed(machine, OTHER)
    for wrong in ({}, {"limit": -1}, {"receipts": 2_001}, {"receipts": -1}, {"limit": 10**16}):
        assert no(machine, ask("emergency", **wrong)) == "terminal-wrong"
    first = agreed(machine, ask("emergency", limit=500_000, receipts=50))
    assert (first["limit"], first["last"] - first["first"]) == (500_000, 49)
    other = agreed(machine, ask("emergency", OTHER, receipts=2_000))
    again = agreed(machine, ask("emergency", receipts=1))
    assert first["last"] < other["first"] <= other["last"] < again["first"] == again["last"]
    with machine.store.reader() as reader:
        series = receipts_of(reader, "demo", TERMINAL)
    assert [(each.first, each.last) for each in series] == [
        (again["first"], again["last"]), (first["first"], first["last"]),
    ]  # fmt: skip
    assert view(machine).emergency_limit == 500_000
    agreed(machine, ask("emergency", limit=0))
    assert view(machine).emergency_limit == 0
    whole(machine)


def test_the_agent_needs_cashiers_from_the_first_on(machine: Machine) -> None:
    assert not view(machine).cashiers_needed
    hired(machine)
    assert view(machine).cashiers_needed
    assert view(machine, "T9") is None

"""Cashiers sign on by a PIN; wrong ones are counted although they are refused."""

from pathlib import Path
from typing import Any

import pytest

from core.messages import Outcome
from core.queries.terminals import cashiers_of, shifts_of
from core.terminals.pins import LOCK_US, LONGEST_US, MAX_WRONG, lock_us
from tests.core.agents.shop import ask as ask_agent
from tests.core.agents.shop import whole
from tests.core.terminals.shop import (
    DAY,
    MINUTE_US,
    OTHER,
    TERMINAL,
    agreed,
    ask,
    ask_of,
    at,
    do,
    done,
    hired,
    no,
    off,
    on,
    opened,
    pin,
    placed,
    post,
    refused,
    yes,
)
from tests.hub.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = post(tmp_path)
    hired(machine)
    return machine


def cashier(machine: Machine, code: str = "07") -> Any:
    with machine.store.reader() as reader:
        return next(each for each in cashiers_of(reader, "demo", "A1") if each.code == code)


def shifts(machine: Machine) -> list[tuple[Any, ...]]:
    return machine.rows("SELECT cashier, closed_at > 0, ended_by FROM terminal_shift ORDER BY id")


def test_a_shift_from_sign_on_to_sign_off(machine: Machine) -> None:
    begun = done(machine, on())
    assert (begun["cashier"], begun["name"]) == ("07", "Clerk 07")
    assert at(machine) == ("active", "07", True)
    ended = done(machine, off())
    nothing = {"count": 0, "amount": 0, "reversed": 0, "reversed_amount": 0}
    assert (ended["shift"], ended["cashier"]) == (begun["shift"], "07")
    assert ended["totals"] == {"sale": nothing, "payment": nothing}
    assert at(machine) == ("active", "", False)
    assert shifts(machine) == [("07", 1, "sign-off")]
    # nobody is there any more, and that is no fault
    assert done(machine, off())["shift"] == 0
    whole(machine)


def test_who_signs_on_again_the_same_day_goes_on(machine: Machine) -> None:
    begun = done(machine, on())
    again = done(machine, on())
    assert (again["shift"], again["since"]) == (begun["shift"], begun["since"])
    later = done(machine, on(day=DAY + 1))
    assert later["shift"] != begun["shift"]
    assert later["ended"]["shift"] == begun["shift"]
    assert shifts(machine) == [("07", 1, "sign-on"), ("07", 0, "")]
    whole(machine)


def test_another_cashier_ends_the_shift_of_the_one_before(machine: Machine) -> None:
    hired(machine, "08", digits="9205")
    first = done(machine, on())
    assert refused(machine, on("08", "4711")).code == "pin-wrong"
    assert at(machine) == ("active", "07", True)  # a wrong PIN takes nobody's place
    second = done(machine, on("08", "9205"))
    assert second["ended"]["cashier"] == "07"
    assert second["ended"]["shift"] == first["shift"]
    assert at(machine) == ("active", "08", True)
    with machine.store.reader() as reader:
        found = shifts_of(reader, "demo", agent="A1")
        assert found == shifts_of(reader, "demo", terminal=TERMINAL)
    assert [(each.cashier, each.closed_at > 0) for each in found] == [("08", False), ("07", True)]
    whole(machine)


def test_a_cashier_may_be_at_two_terminals(machine: Machine) -> None:
    placed(machine, OTHER)
    done(machine, on())
    done(machine, on(terminal=OTHER))
    assert at(machine)[1] == at(machine, OTHER)[1] == "07"
    blocked = done(machine, ask_of("block"))
    assert len(blocked["ended_shifts"]) == 2
    assert at(machine)[1] == at(machine, OTHER)[1] == ""
    assert [row[2] for row in shifts(machine)] == ["cashier-block"] * 2
    whole(machine)


def test_the_same_key_is_one_sign_on_and_a_wrong_pin_counts_once(machine: Machine) -> None:
    answer = machine.do(on(digits="0000"), "once")
    assert machine.do(on(digits="0000"), "once") == answer
    assert cashier(machine).wrong == 1
    first = machine.do(on(), "again")
    done(machine, off())
    assert machine.do(on(), "again") == first  # the stored answer; nobody is signed on by it
    assert at(machine)[1] == ""


def test_three_wrong_pins_lock_for_a_quarter_of_an_hour(machine: Machine) -> None:
    first = refused(machine, on(digits="0000"))
    assert (first.code, first.args["tries"]) == ("pin-wrong", 2)
    assert refused(machine, on(digits="0000")).args["tries"] == 1
    locked = refused(machine, on(digits="0000"))
    assert locked.code == "cashier-locked"
    machine.time.at_us += LOCK_US - MINUTE_US
    assert refused(machine, on()).code == "cashier-locked"  # the right PIN, too early
    assert cashier(machine).wrong == 3  # and none is counted meanwhile
    machine.time.at_us += 2 * MINUTE_US
    done(machine, on())
    assert (cashier(machine).wrong, cashier(machine).locked_until) == (0, 0)
    whole(machine)


def test_each_lock_is_twice_as_long_until_a_right_pin(machine: Machine) -> None:
    for lock in range(3):
        for _ in range(3):
            refused(machine, on(digits="0000"))
        length = cashier(machine).locked_until - machine.time.at_us
        assert abs(length - (LOCK_US << lock)) < MINUTE_US
        machine.time.at_us += (LOCK_US << lock) + MINUTE_US
    done(machine, on())
    assert refused(machine, on(digits="0000")).args["tries"] == 2


def test_how_long_a_lock_is() -> None:
    assert [lock_us(wrong) for wrong in (0, 1, 2, 4, 5)] == [0] * 5
    assert [lock_us(wrong) // MINUTE_US for wrong in (3, 6, 9, 12)] == [15, 30, 60, 120]
    assert lock_us(300) == lock_us(MAX_WRONG) == LONGEST_US


def test_locked_is_the_cashier_not_the_terminal(machine: Machine) -> None:
    placed(machine, OTHER)
    hired(machine, "08", digits="9205")
    for _ in range(3):
        refused(machine, on(digits="0000"))
    assert refused(machine, on(terminal=OTHER)).code == "cashier-locked"
    done(machine, on("08", "9205"))


def test_two_people_unlock_and_give_another_pin(machine: Machine) -> None:
    assert no(machine, ask_of("unlock")) == "cashier-wrong"
    for _ in range(3):
        refused(machine, on(digits="0000"))
    agreed(machine, ask_of("unlock"))
    done(machine, on())
    for _ in range(3):
        refused(machine, on(digits="0000"))
    assert no(machine, ask_of("pin", pin_proof=pin("4711"))) == "cashier-wrong"
    assert no(machine, ask_of("pin", pin_proof="4711")) == "cashier-wrong"
    agreed(machine, ask_of("pin", pin_proof=pin("8362")))
    assert refused(machine, on()).code == "pin-wrong"
    done(machine, on(digits="8362"))
    whole(machine)


def test_a_blocked_cashier_and_one_who_left(machine: Machine) -> None:
    done(machine, on())
    done(machine, ask_of("block"))
    assert at(machine)[1] == ""
    assert refused(machine, on(digits="0000")).code == "cashier-blocked"
    assert cashier(machine).wrong == 0
    # blocking the last one lets nobody sell without one
    assert refused(machine, on("")).code == "terminal-signed-off"
    agreed(machine, ask_of("unlock"))
    done(machine, on())
    done(machine, ask_of("remove"))
    assert refused(machine, on()).code == "cashier-unknown"
    for kind in ("pin", "block", "unlock", "remove"):
        assert no(machine, ask_of(kind, pin_proof=pin("8362"))) == "cashier-unknown"
    assert no(machine, ask_of("add", name="Heir", pin_proof=pin("8362"))) == "cashier-wrong"
    done(machine, on(""))  # none is left: the terminal itself, again
    whole(machine)


def test_a_terminal_without_cashiers_is_at_itself(tmp_path: Path) -> None:
    machine = post(tmp_path)
    begun = done(machine, on(""))
    assert (begun["cashier"], begun["name"]) == (TERMINAL, "Desk 1")
    assert at(machine) == ("active", TERMINAL, True)
    assert refused(machine, on()).code == "cashier-unknown"
    hired(machine)
    assert refused(machine, on("")).code == "terminal-signed-off"
    assert done(machine, on())["ended"]["cashier"] == TERMINAL
    whole(machine)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"agent": "A9"}, "agent-unknown"),
        ({"terminal": "T9"}, "terminal-unknown"),
        ({"day": 19_700_102}, "terminal-wrong"),
        ({"cashier": "99"}, "cashier-unknown"),
        ({"cashier": ""}, "terminal-signed-off"),
    ],
)
def test_who_does_not_sign_on(machine: Machine, changes: dict[str, Any], code: str) -> None:
    assert refused(machine, on(**changes)).code == code


def test_nobody_signs_on_for_an_agent_who_may_not_sell(machine: Machine) -> None:
    done(machine, on())
    done(machine, ask_agent("block"))
    assert refused(machine, on()).code == "agent-blocked"
    assert done(machine, off())["cashier"] == "07"
    done(machine, ask("retire"))
    done(machine, yes(done(machine, ask_agent("close"))["act"]))
    assert refused(machine, on()).code == "agent-closed"


def test_a_terminal_of_another_agent_is_not_his(machine: Machine) -> None:
    opened(machine, "A2")
    hired(machine, agent="A2")
    assert refused(machine, on(agent="A2")).code == "terminal-elsewhere"
    # the same code is another person's there, with another proof for the same PIN
    assert pin("4711", agent="A2") != pin("4711", agent="A1")


@pytest.mark.parametrize(
    ("code", "changes", "expected"),
    [
        ("7", {}, "cashier-wrong"),
        ("123456789", {}, "cashier-wrong"),
        ("a b", {}, "cashier-wrong"),
        ("07", {}, "cashier-wrong"),
        ("09", {"name": ""}, "cashier-wrong"),
        ("09", {"name": "x" * 41}, "cashier-wrong"),
        ("09", {"pin_proof": ""}, "cashier-wrong"),
        ("09", {"pin_proof": "4711"}, "cashier-wrong"),
        ("09", {"pin_proof": "G" * 64}, "cashier-wrong"),
        ("09", {"agent": "A9"}, "agent-unknown"),
        ("", {}, "cashier-wrong"),
    ],
)
def test_what_is_wrong_with_a_new_cashier(
    machine: Machine, code: str, changes: dict[str, Any], expected: str
) -> None:
    values = {"name": "Clerk", "pin_proof": pin("4711"), **changes}
    assert no(machine, ask_of("add", code, **values)) == expected


def test_two_approve_one_code_at_once(machine: Machine) -> None:
    command = ask_of("add", "08", name="Clerk", pin_proof=pin("4711", "08"))
    first, second = agreed(machine, command), done(machine, ask("message", text="x"))
    assert (first["cashier"], first["agent"], second["kind"]) == ("08", "A1", "terminal-message")
    assert do(machine, command).outcome is Outcome.REFUSED
    rows = machine.rows("SELECT count(*) FROM cashier WHERE code = '08'")
    assert rows == [(1,)]


def test_a_shift_does_not_end_before_it_began(machine: Machine) -> None:
    """Who ends it may have waited for the terminal, with an instant of before."""
    done(machine, on())
    machine.time.at_us -= 1_000
    done(machine, off())
    assert machine.rows("SELECT count(*) FROM terminal_shift WHERE closed_at = opened_at") == [(1,)]
    whole(machine)

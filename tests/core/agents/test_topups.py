"""Top-ups that agents ask for: nothing moves until the bank or two people say the same."""

from pathlib import Path

import pytest

from core.agents.states import TOPUP_MOVES, TopUpMove, TopUpState
from core.agents.topups import HOUR_US, MAX_OPEN
from core.messages import Outcome, RequestTopUp
from tests.core.agents.shop import (
    agreed,
    ask,
    deposit,
    do,
    done,
    float_of,
    no,
    opened,
    shop,
    whole,
    wish,
    yes,
)
from tests.hub.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = shop(tmp_path)
    opened(machine)
    return machine


def states(machine: Machine) -> list[tuple[str, int]]:
    return machine.rows("SELECT state, CASE WHEN movement_id > 0 THEN 1 ELSE 0 END "
                        "FROM agent_topup ORDER BY id")  # fmt: skip


def test_nothing_moves_until_the_bank_says_it(machine: Machine) -> None:
    asked = done(machine, wish())
    assert (asked["state"], asked["amount"], float_of(machine)) == ("requested", 40_000, (0, 0))
    came = done(machine, deposit(40_000, " FT1 "))
    assert (came["request"], came["requested"]) == (asked["request"], 40_000)
    assert float_of(machine) == (40_000, 0)
    assert states(machine) == [("approved", 1)]
    assert no(machine, deposit(40_000, "FT1")) == "agent-wrong"
    assert no(machine, wish()) == "agent-wrong", "it was counted"
    whole(machine)


def test_two_people_say_it(machine: Machine) -> None:
    done(machine, wish())
    waiting = done(machine, ask("topup", amount=40_000, reference="FT1", way="transfer"))
    done(machine, deposit(39_000, "FT1"))  # the bank was faster, and had less
    assert do(machine, yes(waiting["act"])).code == "agent-wrong"
    assert float_of(machine) == (39_000, 0)
    assert states(machine) == [("approved", 1)]
    done(machine, wish(reference="FT2"))
    agreed(machine, ask("topup", amount=40_000, reference="FT2"))
    assert states(machine) == [("approved", 1)] * 2
    whole(machine)


def test_the_same_once_more_is_the_same_request(machine: Machine) -> None:
    one, two = done(machine, wish()), done(machine, wish())
    assert one == two
    assert no(machine, wish(41_000)) == "agent-wrong"
    assert states(machine) == [("requested", 0)]


def test_a_reference_of_another_is_not_his(machine: Machine) -> None:
    opened(machine, "A2")
    done(machine, wish(agent="A2"))
    done(machine, deposit(40_000, "FT1"))
    assert states(machine) == [("requested", 0)], "who had no money gets none"
    whole(machine)


def test_declined_and_asked_for_again(machine: Machine) -> None:
    done(machine, wish())
    assert no(machine, ask("topup-decline", reference="FT9")) == "agent-wrong"
    declined = done(machine, ask("topup-decline", reference="FT1", reason="not at the bank"))
    assert (declined["state"], declined["amount"]) == ("done", 40_000)
    assert no(machine, ask("topup-decline", reference="FT1")) == "agent-wrong"
    done(machine, wish())
    assert states(machine) == [("declined", 0), ("requested", 0)]
    done(machine, deposit(40_000, "FT1"))
    assert states(machine) == [("declined", 0), ("approved", 1)]
    whole(machine)


@pytest.mark.parametrize("decline", [False, True])
def test_money_that_comes_late_counts(machine: Machine, decline: bool) -> None:
    done(machine, wish())
    if decline:
        done(machine, ask("topup-decline", reference="FT1"))
    machine.time.at_us += 73 * HOUR_US
    done(machine, deposit(40_000, "FT1"))
    assert (states(machine), float_of(machine)) == ([("approved", 1)], (40_000, 0))
    whole(machine)


def test_so_many_wait_at_once_and_those_that_lapsed_do_not(machine: Machine) -> None:
    for number in range(MAX_OPEN):
        done(machine, wish(reference=f"FT{number}"))
    assert no(machine, wish(reference="FT99")) == "agent-wrong"
    machine.time.at_us += 73 * HOUR_US
    done(machine, wish(reference="FT99"))
    assert states(machine) == [("expired", 0)] * MAX_OPEN + [("requested", 0)]
    done(machine, ask("topup-decline", reference="FT1"))  # somebody has looked
    assert sorted(states(machine))[:2] == [("declined", 0), ("expired", 0)]
    done(machine, wish(reference="FT2"))
    assert states(machine)[-1] == ("requested", 0)
    whole(machine)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (wish(0), "tender-not-positive"),
        (wish(-1), "tender-not-positive"),
        (wish(10**16), "agent-wrong"),
        (wish(reference=" "), "agent-wrong"),
        (wish(reference="x" * 65), "agent-wrong"),
        (wish(currency="KES"), "currency-wrong"),
        (wish(way="cheque"), "agent-wrong"),
        (wish(desk="a:b"), "agent-wrong"),
        (wish(agent="A9"), "agent-unknown"),
    ],
)
def test_what_is_wrong(machine: Machine, message: RequestTopUp, code: str) -> None:
    assert no(machine, message) == code
    assert states(machine) == []


def test_a_blocked_agent_may_ask_and_a_closed_one_not(machine: Machine) -> None:
    done(machine, ask("block"))
    assert do(machine, wish()).outcome is Outcome.DONE
    agreed(machine, ask("close"))
    assert no(machine, wish(reference="FT2")) == "agent-closed"


def test_every_move_is_in_the_table() -> None:
    assert {state for state, _ in TOPUP_MOVES} == set(TopUpState) - {TopUpState.APPROVED}
    assert {move for _, move in TOPUP_MOVES} == set(TopUpMove)

"""Whatever operators and customers do in whatever order: books, tokens and module logs agree."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.messages import Message, Outcome
from core.vending.act_states import ENDS, ActState
from tests.hub.acting import acting, ask, decide, whole
from tests.hub.machine import Machine, buy
from tests.scratch import in_memory

_TENTHS = st.integers(1, 400)
REQUESTS = st.one_of(
    st.builds(lambda n: ask("compensation", units_tenths=n), _TENTHS),
    st.builds(lambda n: ask("refund", units_tenths=n), _TENTHS),
    st.builds(
        lambda fee, debt: ask("clear-tamper", fee=fee, as_debt=debt),
        st.integers(0, 60_000),
        st.booleans(),
    ),
    st.builds(lambda n: ask("reprint", token=f"DP-{n:08d}"), st.integers(1, 3)),
    st.just(ask("power-limit", watts=5_000)),
    st.builds(lambda tender: buy(tender, another=True), st.integers(5_000, 30_000)),
)
DECISIONS = st.builds(
    decide,
    st.integers(1, 6),
    st.sampled_from(["approve", "approve", "confirm", "reject", "fail"]),
    st.sampled_from(["peter", "peter", "mary"]),
)
STEPS = st.lists(st.one_of(REQUESTS, DECISIONS), min_size=4, max_size=14)


def history(machine: Machine, steps: list[Message], at_once: int) -> None:
    """The steps, some of them in one batch."""
    for start in range(0, len(steps), at_once):
        for place, message in enumerate(steps[start : start + at_once], start):
            machine.accept(message, f"step{place}")
        machine.settle()


@pytest.mark.parametrize("at_once", [1, 5])
@settings(max_examples=12, deadline=None)
@given(steps=STEPS)
def test_everything_agrees(at_once: int, steps: list[Message]) -> None:
    with TemporaryDirectory(dir=in_memory()) as folder:
        machine = acting(Path(folder))
        history(machine, steps, at_once)
        whole(machine)
        assert machine.rows("SELECT count(*) FROM delivery WHERE state IN (1, 2, 3)") == [(0,)]
        same = machine.rows("SELECT id FROM token_act WHERE operator = approver AND state = 'done'")
        assert same == []
        for state, tokens in machine.rows(
            "SELECT a.state, (SELECT count(*) FROM token t WHERE t.cause_id = a.id "
            "AND t.cause <> 'sale') FROM token_act a WHERE a.kind <> 'reprint'"
        ):
            made = ActState(state) in (ActState.DONE, ActState.ISSUED, ActState.FAILED)
            assert tokens == int(made), f"{state} has {tokens}"
            assert ActState(state) in ENDS | {ActState.REQUESTED, ActState.ISSUED}
        machine.store.close()


def test_the_histories_are_worth_their_time(tmp_path: Path) -> None:
    """One by hand: the kinds of steps above do happen."""
    machine = acting(tmp_path)
    steps = [buy(20_000), ask("refund", units_tenths=100), decide(1), decide(1, "confirm")]
    for number, message in enumerate(steps):
        assert machine.do(message, f"s{number}").outcome == Outcome.DONE

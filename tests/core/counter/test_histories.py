"""Whatever cashiers, supervisors and approvers do, in any order: the books are right after each."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.messages import Outcome
from tests.core.collection.desk import act as money_act
from tests.core.collection.desk import wrongs
from tests.core.counter.till import (
    ask,
    cash,
    do,
    hall,
    pieces,
    sell,
    take,
    way,
    whole,
    yes,
)
from tests.hub.machine import Machine
from tests.hub.test_replaying import replayed
from tests.scratch import in_memory

DESKS, CASHIERS = ("D1", "D2"), ("ann", "ben", "grace", "both")
AMOUNTS = (-1, 0, 1, 700, 5_000, 20_000, 90_000)
#: What somebody does: (which of the things below, desk, who, amount, off by).
STEP = st.tuples(
    st.integers(0, 23),
    st.sampled_from(DESKS),
    st.sampled_from(CASHIERS),
    st.sampled_from(AMOUNTS),
    st.sampled_from((0, 0, 100, -100, -5_000)),
)


def step(machine: Machine, what: tuple[int, str, str, int, int]) -> Any:
    """The command that a step is, as the books stand."""
    kind, desk, who, amount, off = what
    (row,) = machine.rows(
        "SELECT d.till, COALESCE(s.counted, 0), COALESCE(s.cashier, :who), COALESCE(s.heir, '') "
        "FROM cash_desk d LEFT JOIN till_shift s ON s.id = d.shift_id WHERE d.code = :desk",
        desk=desk, who=who,
    )  # fmt: skip
    held, counted, cashier, heir = row
    receipts = machine.rows("SELECT max(number) FROM counter_receipt WHERE kind = 'payment'")
    payments = machine.rows("SELECT max(number) FROM payment")
    at: dict[str, Any] = {"desk": desk, "operator": cashier}
    count_ = pieces(max(0, held + off))
    sold = {"desk": desk, "operator": cashier, "another": True}
    commands = [
        *[ask("open", desk, operator=who, pieces=pieces(max(0, amount)))] * 3,
        *[take(cash(amount, abs(amount) + 50), cashier=cashier, desk=desk)] * 2,
        take(way("cheque", amount, str(off), "Centenary"), cash(700), cashier=cashier, desk=desk),
        take(way("balance", 700), way("card", amount, "9"), cashier=cashier, desk=desk),
        *[sell(cash(amount), **sold)] * 2,
        ask("paid-in", amount=amount, **at),
        ask("paid-out", amount=amount, **at),
        ask("drop", amount=amount, **at),
        ask("spoil", **at),
        ask("void", receipt=receipts[0][0] or "none", **at),
        *[ask("count", pieces=count_, **at)] * 2,
        ask("recount", desk, operator="grace", pieces=count_),
        ask("close", **at),
        ask("handover", heir=who, pieces=count_, **at),
        ask("takeover", desk, operator=heir or who, pieces=pieces(counted)),
        ask("withdraw", **at),
        ask("deposit", amount=amount, **at),
        ask("cleared", desk, operator="grace", slip=1, bank="b", reference=str(off)),
        money_act("reverse", payment=payments[0][0] or "none"),
    ]
    return commands[kind]


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(st.lists(STEP, min_size=15, max_size=30))
def test_any_history(steps: list[tuple[int, str, str, int, int]]) -> None:
    with TemporaryDirectory(dir=in_memory()) as folder:
        machine = hall(Path(folder))
        do(machine, ask("open", pieces=pieces(50_000)))
        for each in steps:
            answer = do(machine, step(machine, each))
            assert answer.outcome in (Outcome.DONE, Outcome.REFUSED), each
            if answer.data.get("state") == "requested":
                decided = do(machine, yes(answer.data["act"]))
                assert decided.outcome in (Outcome.DONE, Outcome.REFUSED), each
            assert wrongs(machine) == [], (each, answer)
        whole(machine)
        machine.store.close()


def test_a_history_is_replayed_to_the_cent(tmp_path: Path) -> None:
    machine = hall(tmp_path)
    steps = [(kind, "D1", "ann", 5_000, 0) for kind in (0, 3, 5, 7, 13, 3, 9, 11, 12, 23, 14, 17,
                                                        21, 22, 0, 6, 10, 18, 19)]  # fmt: skip
    steps[-2] = (18, "D1", "ben", 0, -5_000)
    ends = []
    for each in steps:
        answer = do(machine, step(machine, each))
        if answer.data.get("state") == "requested":
            answer = do(machine, yes(answer.data["act"]))
        ends.append((each[0], answer.code))
    assert {kind for kind, code in ends if code == "ok"} >= {0, 3, 5, 7, 13, 9, 11, 12, 23, 14, 17,
                                                             21, 22, 18, 19}, ends  # fmt: skip
    found, unlike = replayed(machine)
    assert (found.otherwise, unlike) == ([], [])
    whole(machine)

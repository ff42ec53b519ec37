"""Histories at random, pruned at random: nothing unfinished is lost, and the books stay whole."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.store.invariants import offences
from hub.proof import EVERYTHING, Proof
from tests.hub.machine import Machine, buy, enrol, fresh_sqlite, pay
from tests.hub.retention.old import later, prune

OPEN = "SELECT message_id FROM delivery WHERE state <> 4 ORDER BY seq"
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), st.sampled_from([500, 5_000, 20_000, 9_000_000])),
        st.tuples(st.just("pay"), st.sampled_from([1_000, 40_000])),
        st.tuples(st.just("dies"), st.integers(0, 9)),
        st.tuples(st.just("is mended"), st.just(0)),
        st.tuples(st.just("days pass"), st.sampled_from([1, 16, 31, 45])),
        st.tuples(st.just("pruned"), st.integers(1, 7)),
    ),
    min_size=6,
    max_size=14,
)


def play(machine: Machine, step: tuple[str, int], key: str) -> None:
    what, much = step
    if what == "buy":
        machine.accept(buy(much, another=True), key)
    elif what == "pay":
        machine.accept(pay(much), key)
    elif what == "days pass":
        later(machine, much)
    elif what == "pruned":
        before = machine.rows(OPEN)
        words = [row for (id_,) in before for row in told(machine, id_)]
        prune(machine, chunk=much, rows_months=2)
        assert machine.rows(OPEN) == before
        assert [row for (id_,) in before for row in told(machine, id_)] == words
    else:
        state, other = (3, 4) if what == "dies" else (4, 3)
        with machine.store.transaction() as tx:
            for (seq,) in tx.rows("SELECT seq FROM delivery WHERE state = :s LIMIT 2", s=other):
                tx.run("UPDATE delivery SET state = :state WHERE seq = :seq", state=state, seq=seq)
    machine.settle()


def told(machine: Machine, message_id: str) -> list[tuple[Any, ...]]:
    """All that is known of a message."""
    return [
        *machine.rows("SELECT * FROM message WHERE id = :id", id=message_id),
        *machine.rows("SELECT * FROM journal WHERE id = :id", id=message_id),
        *machine.rows("SELECT key, answer FROM request WHERE message_id = :id", id=message_id),
    ]


@given(STEPS)
@settings(max_examples=12)
def test_what_is_pruned_is_not_missed(steps: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder:
        machine = Machine(fresh_sqlite(Path(folder)))
        machine.do(enrol(), "enrol")
        machine.do(pay(100_000), "pay")
        for number, step in enumerate([*steps, ("is mended", 0), ("pruned", 3)]):
            play(machine, step, f"k{number}")
        with machine.store.reader() as reader:
            assert [*offences(reader, "sqlite")] == []
        proof = Proof(machine.store.reader, EVERYTHING, {"demo": "Africa/Kampala"})
        assert [*proof.run()]
        assert proof.findings.counts == {}
        machine.store.close()

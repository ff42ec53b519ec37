"""Whatever providers say of collections, in any order, doubled, late and altered: the money is
booked once, a token is made once, and the books are right after each word."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.messages import Outcome
from core.wallets.states import MOVES
from tests.core.collection.desk import wrongs
from tests.core.wallets.payer import Purse, bill, do, paid, purse_terms, says, vend
from tests.hub.machine import MORNING_US, FakeTime, enrol, fresh_sqlite
from tests.scratch import in_memory

#: Collections of a history: two for one meter, one bill.
WISHES = (vend(20_000), vend(20_000, another=True), bill(5_000))
AMOUNTS = (20_000, 20_000, 5_000)
WORDS = ("sent", "pending", "not-sent", "failed", "unknown", "reversed")

WORD = st.tuples(st.integers(0, 2), st.sampled_from(WORDS), st.just(""), st.just(0))
MONEY = st.tuples(
    st.integers(0, 3),  # 3: a reference that nobody gave
    st.just("paid"),
    st.sampled_from(("R1", "R2", "R3")),
    st.sampled_from((0, 0, 0, 1, -1)),
)
HISTORY = st.lists(st.one_of(WORD, MONEY), max_size=10)


@cache
def _prepared() -> tuple[bytes, tuple[str, ...]]:
    """The file of a household with three collections that were asked for; their references."""
    with TemporaryDirectory(dir=in_memory()) as folder:
        machine = Purse(fresh_sqlite(Path(folder)), FakeTime(), purse_terms())
        do(machine, enrol())
        said = [do(machine, wish, f"w{n}") for n, wish in enumerate(WISHES)]
        with machine.store.reader_on_writer() as books:
            books.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        machine.store.close()
        found = (Path(folder) / "wattbus.db").read_bytes()
        return found, tuple(answer.data["reference"] for answer in said)


def told(step: tuple[int, str, str, int], references: tuple[str, ...]) -> Any:
    """The report of a step."""
    which, word, receipt, off = step
    reference = (*references, "never-asked")[which]
    if word != "paid":
        return says(reference, word)
    return paid(reference, receipt, (*AMOUNTS, 20_000)[which] + off, proof="status")


def check(machine: Purse, before: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
    """After a word: every row went where the table lets it, and each receipt counts once."""
    assert wrongs(machine) == []
    columns = "number, state, receipt, paid, outcome"
    rows = machine.rows(f"SELECT {columns} FROM wallet_payment ORDER BY id")
    now = {row[0]: tuple(row[1:]) for row in rows}
    steps = {(str(one), str(two)) for (one, _), two in MOVES.items()}
    quick = steps | {(one, "applied") for one, two in steps if two == "paid"}
    for number, (state, *_, held) in before.items():
        assert state == now[number][0] or (state, now[number][0]) in quick, number
        assert not held or now[number][3] == held, "what was booked stays booked"
    receipts = [row[2] for row in rows if row[2]]
    assert len(receipts) == len(set(receipts))
    ((sold,),) = machine.rows("SELECT count(*) FROM token")
    assert sold == sum(row[4] == "sold" for row in rows)
    came = sum(row[3] for row in rows)
    assert machine.ledgers().get("wallet:airtel", 0) == came
    return {number: row[:1] + row[3:] for number, row in now.items()}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(HISTORY)
def test_any_history(history: list[tuple[int, str, str, int]]) -> None:
    prepared, references = _prepared()
    with TemporaryDirectory(dir=in_memory()) as folder:
        path = Path(folder) / "wattbus.db"
        path.write_bytes(prepared)
        time = FakeTime(MORNING_US + 60_000_000, drawn=1_000_000)
        machine = Purse(f"sqlite:{path}", time, purse_terms())
        rows = check(machine, {})
        for place, step in enumerate(history):
            answer = do(machine, told(step, references), f"h{place}")
            assert answer.outcome in (Outcome.DONE, Outcome.REFUSED), answer
            again = do(machine, told(step, references), f"h{place}")
            assert again == answer
            rows = check(machine, rows)
        assert machine.unaccounted() == 0
        machine.store.close()

"""Payments, refunds, statements and payouts in any order: provider = ledger = bank, always.

The provider is played by a list of what he knows; each step may be one that we never hear of.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.messages import Message, ReportReversal
from core.queries.wallet_books import balances
from tests.core.collection.desk import wrongs
from tests.core.wallets.proofs import TODAY, line, payout, statement
from tests.core.wallets.purse import METER, WALLETS, balance, pay_in, purse, purse_terms, wallets
from tests.core.wallets.test_acts import PEOPLE, act
from tests.hub.machine import Machine
from tests.hub.test_replaying import replayed
from tests.scratch import in_memory

_TERMS: dict[str, Any] = {"operators": PEOPLE, "wallets": wallets(alone=10**9)}
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ("pay", "lost", "twice", "refund", "assign", "back", "failed", "statement", "payout")
        ),
        st.integers(0, 3),
        st.sampled_from((METER, "nobody", "100001")),
    ),
    min_size=3,
    max_size=12,
)


@dataclass
class Provider:
    """What he knows: payments with their amounts, and which of them he gave back."""

    paid: dict[str, int] = field(default_factory=dict)
    back: dict[str, str] = field(default_factory=dict)

    def statement(self, typed: dict[str, str]) -> Message:
        """His account of the day."""
        came = [line(r, amount, typed=typed[r]) for r, amount in self.paid.items()]
        went = [line(rev, -self.paid[r], original=r) for r, rev in self.back.items()]
        return statement(*came, *went)


@cache
def _prepared() -> bytes:
    with TemporaryDirectory(dir=in_memory()) as folder:
        machine = purse(Path(folder), **_TERMS)
        with machine.store.reader_on_writer() as books:
            books.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        machine.store.close()
        return (Path(folder) / "wattbus.db").read_bytes()


def _number(machine: Machine, receipt: str) -> str:
    rows = machine.rows("SELECT number FROM wallet_payment WHERE receipt = :r", r=receipt)
    return str(rows[0][0]) if rows else "W-999999"


def _step(
    machine: Machine, him: Provider, typed: dict[str, str], step: tuple[str, int, str]
) -> list[Message]:
    """What we hear of it."""
    what, which, text = step
    receipts = list(him.paid)
    receipt = receipts[which % len(receipts)] if receipts else ""
    if what in ("pay", "lost", "twice"):
        receipt = f"R{len(receipts)}"
        him.paid[receipt], typed[receipt] = 6_000 + 500 * which, text
        notice = pay_in(him.paid[receipt], text, receipt)
        return {"pay": [notice], "twice": [notice, notice], "lost": []}[what]
    if what == "statement":
        return [him.statement(typed)]
    if what == "payout":
        left = balance(machine, "wallet:mpesa")
        return [payout(left - 100, fee=100)] if left > 100 else []
    number = _number(machine, receipt)
    if what in ("refund", "assign"):
        more = {"account": "100001"} if what == "assign" else {}
        return [act(what, number, **more)]
    asked = machine.rows(
        "SELECT r.id FROM wallet_refund r WHERE r.receipt = :r AND r.state = 'asked'", r=receipt
    )
    if what == "failed":
        made = {"refund": asked[0][0]} if asked else None
        return [] if made is None else [
            ReportReversal(wallet="mpesa", receipt=receipt, state="failed", **made)
        ]  # fmt: skip
    if not receipt or receipt in him.back:
        return []
    him.back[receipt] = f"REV{receipt}"
    heard = ReportReversal(wallet="mpesa", receipt=receipt, state="reversed")
    return [heard] if which % 2 else []


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_in_the_evening_all_three_say_the_same(steps: list[tuple[str, int, str]]) -> None:
    with TemporaryDirectory(dir=in_memory()) as folder:
        path = Path(folder) / "wattbus.db"
        path.write_bytes(_prepared())
        machine = Machine(f"sqlite:{path}", terms=purse_terms(**_TERMS))
        him, typed = Provider(), dict[str, str]()
        for place, step in enumerate(steps):
            for nth, message in enumerate(_step(machine, him, typed, step)):
                machine.accept(message, f"{place}/{nth}")
                machine.settle()
                assert wrongs(machine) == []
        _evening(machine, him, typed)
        found, unlike = replayed(machine)
        assert (found.otherwise, unlike) == ([], [])
        machine.store.close()


def _evening(machine: Machine, him: Provider, typed: dict[str, str]) -> None:
    """His statement brings what we missed; then nothing is between him and the books."""
    machine.accept(him.statement(typed), "evening")
    for _ in range(4):
        machine.settle()
        machine.time.at_us += 600_000_000
        machine.sweeper.step()
    machine.settle()
    assert wrongs(machine) == []
    with machine.store.reader() as reader:
        (found,) = balances(reader, "demo", WALLETS.wallets, TODAY)
    his = sum(him.paid.values()) - sum(him.paid[receipt] for receipt in him.back)
    paid_out = found.bank + found.fees
    assert found.ledger == his - paid_out
    assert found.statement == found.ledger
    tokens = machine.rows("SELECT count(*), count(DISTINCT digits) FROM token")
    assert tokens[0][0] == tokens[0][1]
    states = dict(machine.rows("SELECT receipt, state FROM wallet_payment"))
    assert {r for r, state in states.items() if state == "refunded"} == set(him.back)

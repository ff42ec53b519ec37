"""Whatever payers, customers, operators and the clock do, in any order: a receipt is booked once,
the books are whole after each step, and nobody's money rests without an owner and a deadline."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.company import SaleLimits
from core.messages import Outcome
from tests.core.agents.shop import opened
from tests.core.collection.desk import debt, whole, wrongs
from tests.core.wallets.purse import (
    METER,
    balance,
    block_rules,
    do,
    pay_in,
    purse,
    sweep,
)
from tests.hub.machine import Machine, buy, enrol, pay
from tests.scratch import in_memory

OTHER = "04123456792"
HOUR = 3_600
RECEIPTS = [f"RKT{n}" for n in range(12)]
TYPED = (
    METER, METER.removeprefix("0"), METER.replace("0", "O"), OTHER, "100001", "100002", "A1",
    "ORD 1", "INV 1", "nobody", "",
)  # fmt: skip
AMOUNTS = (1, 200, 700, 3_800, 4_000, 20_000, 60_000, 400_000)

came = st.builds(
    lambda typed, amount, receipt, currency: ("pay", typed, amount, receipt, currency),
    st.sampled_from(TYPED),
    st.sampled_from(AMOUNTS),
    st.sampled_from(RECEIPTS),
    st.sampled_from(("UGX",) * 9 + ("USD",)),
)
state = st.builds(
    lambda what, drn: ("state", what, drn),
    st.sampled_from(("active", "active", "blocked", "exchanged")),
    st.sampled_from((METER, OTHER)),
)
clock = st.builds(lambda hours: ("clock", hours), st.sampled_from((0, 1, 25, 80, 800)))
other = st.builds(
    lambda what, amount: (what, amount),
    st.sampled_from(("buy", "cash", "debt")),
    st.sampled_from((700, 9_000, 30_000)),
)
steps = st.lists(st.one_of(came, came, came, state, clock, other), min_size=5, max_size=25)


class Town:
    """Two households, an agent, and what was told of receipts so far."""

    def __init__(self, folder: Path) -> None:
        self.machine = purse(
            folder,
            collection=block_rules(),
            limits=SaleLimits(per_day_meter=500_000),
        )
        do(self.machine, enrol("100002", OTHER, "+256700000002"))
        opened(self.machine)
        self.told: dict[str, tuple[int, str]] = {}
        self.year = 2000

    def step(self, what: tuple[Any, ...]) -> None:
        """Do it, and see that it ended in an answer."""
        kinds: dict[str, Callable[..., None]] = {
            "pay": self.pay, "state": self.state, "clock": self.clock, "buy": self.buy,
            "cash": self.cash, "debt": self.debt,
        }  # fmt: skip
        kinds[what[0]](*what[1:])
        assert wrongs(self.machine) == [], what
        assert balance(self.machine, "wallet:mpesa") == sum(a for a, _ in self.told.values())

    def pay(self, typed: str, amount: int, receipt: str, currency: str) -> None:
        known = self.told.get(receipt)
        message = pay_in(amount, typed, receipt, currency=currency, proof="status")
        answer = do(self.machine, message)
        same = known is None or known == (amount, currency)
        assert answer.outcome is (Outcome.DONE if same else Outcome.REFUSED), answer
        self.told.setdefault(receipt, (amount, currency))

    def state(self, what: str, drn: str) -> None:
        with self.machine.store.transaction() as tx:
            tx.run("UPDATE meter SET state = :what WHERE drn = :drn", what=what, drn=drn)

    def clock(self, hours: int) -> None:
        sweep(self.machine, hours * HOUR)

    def buy(self, amount: int) -> None:
        do(self.machine, buy(amount, another=True))

    def cash(self, amount: int) -> None:
        do(self.machine, pay(amount))

    def debt(self, amount: int) -> None:
        self.year += 1
        debt(self.machine, amount, self.year)

    def ended(self) -> None:
        """A receipt is one payment, a token one sale, and all that rests is somebody's."""
        machine: Machine = self.machine
        ((rows, receipts),) = machine.rows(
            "SELECT count(*), count(DISTINCT receipt) FROM wallet_payment"
        )
        assert rows == receipts == len(self.told)
        ((sales,),) = machine.rows("SELECT count(*) FROM sale")
        assert machine.rows("SELECT count(*), count(DISTINCT digits) FROM token") == [
            (sales, sales)
        ]
        resting = machine.rows(
            "SELECT count(*) FROM held_money WHERE state IN ('held', 'overdue', 'refund-due', "
            "'refunding', 'waits') AND (owner = '' OR deadline = 0)"
        )
        assert resting == [(0,)]
        whole(machine)


@pytest.mark.timeout(120)
@given(steps)
@settings(max_examples=15, deadline=None)
def test_any_history(history: list[tuple[Any, ...]]) -> None:
    with TemporaryDirectory(dir=in_memory()) as folder:
        town = Town(Path(folder))
        for what in history:
            town.step(what)
        town.ended()
        town.machine.store.close()

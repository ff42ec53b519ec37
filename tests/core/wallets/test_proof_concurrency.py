"""The same page, payout, refund and reversal from many at once: each counts once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.messages import Message, ReportReversal
from core.queries import wallet_books as books
from core.store.upgrade import upgrade
from hub.timeline import find
from tests.core.agents.test_concurrency import all_at_once
from tests.core.collection.desk import whole
from tests.core.wallets.proofs import DAY, TODAY, line, payout, statement, states
from tests.core.wallets.purse import METER, WALLETS, balance, done, pay_in, purse_on, wallets
from tests.core.wallets.test_acts import PEOPLE, act
from tests.hub.machine import Machine, fresh_sqlite
from tests.servers.postgres import Postgres

TIMES = 6
_TERMS = {"operators": PEOPLE, "wallets": wallets(alone=10_000)}


def crowd(machine: Machine) -> None:
    """Money of yesterday's notices, and everybody who tells of the rest at the same time."""
    number = done(machine, pay_in(7_000, "nobody", receipt="BACK"))["payment"]
    for place in range(4):
        done(machine, pay_in(1_000, "nobody", receipt=f"HELD{place}"))
    done(machine, pay_in(20_000, METER, receipt="SOLD"))
    page = statement(
        line("SOLD", 20_000), line("LOST", 5_000, typed=METER), line("BACK", 7_000),
        *(line(f"HELD{place}", 1_000) for place in range(4)),
    )  # fmt: skip
    messages: list[Message] = [
        page,
        pay_in(5_000, METER, "LOST"),
        act("refund", number),
        ReportReversal(wallet="mpesa", receipt="HELD0", state="reversed"),
        payout(10_000, reference="T1"),
    ]
    for time in range(TIMES):
        for place, message in enumerate(messages):
            machine.accept(message, f"{time}/{place}")
    machine.intake.step()


def evening(machine: Machine) -> None:
    """What had to wait for its turn is done; each thing happened once."""
    for _ in range(6):
        machine.settle()
        machine.time.at_us += 600_000_000
        machine.sweeper.step()
    machine.settle()
    whole(machine)
    assert machine.rows("SELECT count(*) FROM wallet_settlement") == [(1,)]
    assert machine.rows("SELECT count(*) FROM wallet_statement_line") == [(7,)]
    refunds = machine.rows("SELECT cause, state FROM wallet_refund ORDER BY cause")
    assert refunds == [("act", "asked"), ("provider", "reversed")]
    assert machine.rows("SELECT count(*), count(DISTINCT digits) FROM token") == [(2, 2)]
    assert states(machine)["HELD0"] == "refunded"
    looked_at(machine)
    came = 7_000 + 4_000 + 20_000 + 5_000
    assert balance(machine, "wallet:mpesa") == came - 1_000 - 10_000


def looked_at(machine: Machine) -> None:
    """The same on both engines."""
    with machine.store.reader() as reader:
        (found,) = books.balances(reader, "demo", WALLETS.wallets, TODAY)
        assert (found.ledger, found.bank, found.differs) == (25_000, 10_000, 0)
        assert [row.state for row in books.work_list(reader, "demo")].count("refunding") == 1
        day = books.statement_of(reader, "demo", "mpesa", DAY)
        assert day is not None
        assert (day.checked, sum(day.outcomes.values())) == (True, 7)
        (sold,) = books.payment_named(reader, "demo", "SOLD")
        assert books.payments(reader, "demo", "mpesa", sold.state)
        assert {case.kind for case in books.cases(reader, "demo")} <= {"settlement-differs"}
        assert find(reader, "demo", "256", "SOLD", 5).stories


def test_on_sqlite(tmp_path: Path) -> None:
    machine = purse_on(fresh_sqlite(tmp_path), **_TERMS)
    crowd(machine)
    evening(machine)


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    url = postgres.prepared("wallet-proof", upgrade)
    machine = purse_on(url, **_TERMS)
    yield machine
    machine.store.close()
    postgres.drop(url)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 7])
def test_on_postgresql_many_workers_at_once(machine: Machine, size: int) -> None:
    crowd(machine)
    all_at_once(machine, size)
    evening(machine)

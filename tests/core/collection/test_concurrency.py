"""PostgreSQL: sixty-four sales and payments on one account at once, a tenth of the keys repeated.

Workers with connections of their own; the partitions' leases are left out on purpose, because
correctness must not lean on them: the row locks alone keep the money right.
"""

import threading
from collections.abc import Iterator

import pytest

from core.messages import Outcome
from core.store.upgrade import open_store, upgrade
from hub.batch import Batch
from hub.bus.table import TableSource
from hub.channel import Accepted
from hub.clock import Sources
from hub.replaycompare import differences
from hub.replaying import private_books, replay
from hub.worker import Worker
from tests.core.collection.desk import act, debt, desk_on, done, money, whole, yes
from tests.hub.machine import FakeTime, Machine, buy, enrol
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow
SALES, WORKERS, REPEATED = 64, 4, 6


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    url = postgres.prepared("collection", upgrade)
    machine = desk_on(url)
    yield machine
    machine.store.close()
    postgres.drop(url)


def crew(machine: Machine) -> list[Worker]:
    """Workers beside the machine's own, each with a connection and ids of its own."""
    workers = []
    for number in range(WORKERS):
        model = machine.worker.batch
        time = FakeTime(machine.time.at_us + 1_000_000, drawn=(number + 1) * 1_000_000)
        sources: Sources = time.sources()
        batch = Batch(
            model.terms, model.routing, f"crew{number}", sources.random_bytes, sources.now_us
        )
        store = open_store(machine.url, f"crew{number}")
        workers.append(Worker(store, batch, TableSource(store, [])))
    return workers


def all_at_once(machine: Machine) -> None:
    """What is open is dealt out one by one, each worker its share, all at the same moment.

    Every worker is also given two messages of its neighbour's: the inbox lets one of them do it.
    """
    with machine.store.transaction() as tx:  # else the order within a key would keep them apart
        tx.run("UPDATE delivery SET partitionkey = 'demo/' || seq WHERE state = 0")
    fetched = TableSource(machine.store).take(256)
    assert fetched is not None
    dealt = [list(fetched.deliveries[number::WORKERS]) for number in range(WORKERS)]
    for number in range(WORKERS):
        dealt[number] += dealt[(number + 1) % WORKERS][:2]
    workers, faults = crew(machine), []
    barrier = threading.Barrier(WORKERS)

    def work(worker: Worker, number: int) -> None:
        try:
            barrier.wait(30)
            for delivery in dealt[number]:
                worker.process([delivery])
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=pair[::-1]) for pair in enumerate(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for worker in workers:
        worker.store.close()
    assert faults == []


def the_same_by_replay(machine: Machine) -> None:
    """Workers with clocks of their own decided: the order of their locks is that of replay."""
    with private_books() as books, machine.store.reader() as live:
        found = replay(live, {"demo": machine.terms}, books)
        assert (found.otherwise, list(differences(live, books))) == ([], [])
    assert found.commands > SALES // 2


def asked(machine: Machine, number: int) -> str:
    """A sale's key: every tenth is that of the sale before it."""
    return f"sale{number - 1 if number % 10 == 9 else number}"


def test_sales_on_one_account(machine: Machine) -> None:
    tender = 5_000
    done(machine, money(40 * tender))  # enough for forty of them at most
    before = machine.rows("SELECT credit FROM account")[0][0]
    heard = [
        machine.accept(buy(tender, another=True), asked(machine, number)) for number in range(SALES)
    ]
    machine.intake.step()
    accepted = [each[0] for each in heard]
    assert all(isinstance(each, Accepted) for each in accepted)
    assert sum(each.repeat for each in accepted) == REPEATED
    all_at_once(machine)
    machine.settle()
    ids = {each.message_id for each in accepted}
    assert len(ids) == SALES - REPEATED
    answers = {id_: machine.answer(id_) for id_ in ids}
    sold = [a for a in answers.values() if a.outcome is Outcome.DONE]
    no = {a.code for a in answers.values() if a.outcome is not Outcome.DONE}
    ((sales, tenders, carried),) = machine.rows(
        "SELECT count(*), CAST(sum(tender) AS BIGINT), CAST(sum(carried_forward) AS BIGINT) "
        "FROM sale"
    )
    assert sales == len(sold) == len({a.data["token"] for a in sold})
    assert 40 <= sales < SALES - REPEATED, "not all of them could be paid"
    assert no == {"credit-insufficient"}
    ((credit,),) = machine.rows("SELECT credit FROM account")
    assert credit == before - tenders + carried >= 0
    whole(machine)
    the_same_by_replay(machine)


def test_payments_with_a_bank_reference_among_the_sales(machine: Machine) -> None:
    """Each reference comes by four keys, for two accounts: it is received once."""
    done(machine, enrol("100002", "04123456792", "+256700000002"))
    done(machine, money(20_000))
    wanted = [
        money(
            1_000 + number // 4, "transfer", f"10000{1 + number % 2}", reference=f"FT-{number // 4}"
        )
        for number in range(SALES)
    ] + [buy(5_000, another=True) for _ in range(4)]
    mixed = [wanted[(number * 29) % len(wanted)] for number in range(len(wanted))]
    heard = [machine.accept(each, f"k{number}") for number, each in enumerate(mixed)]
    machine.intake.step()
    all_at_once(machine)
    machine.settle()
    answers = [machine.answer(each[0].message_id) for each in heard]
    paid = [a for a in answers if "payment" in a.data]
    known = [a for a in answers if a.code == "payment-known"]
    assert (len(paid), len(known)) == (SALES // 4, SALES - SALES // 4)
    assert {a.args["payment"] for a in known} <= {a.data["payment"] for a in paid}
    ((count, total),) = machine.rows(
        "SELECT count(*), CAST(sum(amount) AS BIGINT) FROM payment WHERE way = 'transfer'"
    )
    assert (count, total) == (SALES // 4, sum(1_000 + n for n in range(SALES // 4)))
    whole(machine)
    the_same_by_replay(machine)


def test_payments_cheques_and_acts_among_the_sales(machine: Machine) -> None:
    done(machine, money(150_000))
    for year in range(2015, 2025):
        debt(machine, 3_000, year)
    cheque = done(machine, money(20_000, "cheque", rule="credit"))["payment"]
    paid = done(machine, money(9_000))["payment"]
    asked = [act("clear", payment=cheque), act("reverse", payment=paid)] * 3
    waiting = [done(machine, each)["act"] for each in asked]
    wanted = [
        *(buy(5_000, another=True) for _ in range(SALES // 2)),
        *(money(1_000 + number) for number in range(SALES // 4)),
        *(act("fee", fee="seal") for _ in range(4)),
        *(yes(number) for number in waiting),
        *(act("deposit", deposit="guarantee", amount=60_000) for _ in range(4)),
        act("plan", instalments=4, on="2026-12-01"),
        act("late-fees", on="2026-11-21"),
    ]
    mixed = [wanted[(number * 29) % len(wanted)] for number in range(len(wanted))]
    assert len({id(each) for each in mixed}) == len(mixed)
    heard = [machine.accept(each, f"k{number}") for number, each in enumerate(mixed)]
    machine.intake.step()
    all_at_once(machine)
    machine.settle()
    outcomes = [machine.answer(each[0].message_id) for each in heard]
    assert {a.outcome for a in outcomes} <= {Outcome.DONE, Outcome.REFUSED}
    assert machine.rows("SELECT state FROM payment WHERE number = :n", n=cheque) == [("cleared",)]
    once = [a for a in outcomes if a.data.get("kind") in ("clear", "reverse")]
    assert sorted(a.data["kind"] for a in once) == ["clear", "reverse"], "each is done once"
    whole(machine)
    the_same_by_replay(machine)


def test_acts_of_one_operator_at_once_keep_his_limits(machine: Machine) -> None:
    """Sixteen waivers of 40, each at an account of its own; 150 a day is three of them."""
    asked = []
    for number in range(16):
        account = f"20{number:04d}"
        done(machine, enrol(account, phone=f"+2567000002{number:02d}", meter=None))
        item = done(machine, act("fee", account=account, fee="visit"))["item"]
        asked.append(act("waiver", operator="clerk", account=account, items=(item,), amount=40))
    heard = [machine.accept(each, f"w{number}") for number, each in enumerate(asked)]
    machine.intake.step()
    all_at_once(machine)
    machine.settle()
    answers = [machine.answer(each[0].message_id) for each in heard]
    assert sum(a.outcome is Outcome.DONE for a in answers) == 3
    assert {a.code for a in answers if a.outcome is not Outcome.DONE} == {"act-over-limit"}
    whole(machine)

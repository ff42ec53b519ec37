"""PostgreSQL: the same steps, and many who want the same place at the same moment."""

import threading
from collections.abc import Iterator

import pytest

from core.messages import Message, MeterLink
from core.queries.changes import change_of, list_changes
from core.store.upgrade import upgrade
from tests.core.changes.life import (
    agreed,
    agreement,
    asked,
    buy,
    done,
    life_on,
    money,
    move,
    no,
    open_period,
    owed,
    planned,
    refused,
    request,
    sold,
    state,
    whole,
    yes,
)
from tests.core.changes.test_moving import COMES, OTHER
from tests.core.collection.test_concurrency import crew
from tests.hub.machine import Machine, enrol
from tests.hub.sales import drn_of
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow
NEW = drn_of(77)


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    url = postgres.prepared("changes", upgrade)
    machine = life_on(url)
    yield machine
    machine.store.close()
    postgres.drop(url)


def lead(machine: Machine, change: int, **reading: object) -> None:
    done(machine, move(change, "read", **reading))
    whole(machine)
    agreed(machine, change)
    whole(machine)
    done(machine, move(change, "switch"))
    whole(machine)


def test_a_life(machine: Machine) -> None:
    """Another meter, bills, tokens again, out, in, another holder; undone in between."""
    change = asked(machine, "meter-exchange", meter=MeterLink(drn=NEW, sgc="201457"))
    lead(machine, change, remaining_tenths=0, opening={"units": 0})
    done(machine, move(change, "confirm"))
    sale = sold(machine, 60_000, meter=NEW)
    change = asked(machine, "to-postpaid")
    done(machine, move(change, "read", remaining_tenths=sale["units_tenths"] // 2))
    agreed(machine, change)
    agreed(machine, change, "undo")
    whole(machine)
    change = asked(machine, "to-postpaid")
    lead(machine, change, remaining_tenths=sale["units_tenths"] // 2)
    done(machine, move(change, "confirm"))
    open_period(machine)
    change = asked(machine, "to-prepaid")
    done(machine, move(change, "read", usage={"units": 40_000}))
    planned(machine, agreement=1)
    no(machine, move(change, "settle"), "are owed")
    done(machine, money(owed(machine)["bill"]))
    agreed(machine, change)
    done(machine, move(change, "switch"))
    done(machine, move(change, "confirm"))
    change = asked(machine, "take-over", to_account="200001", **COMES)
    lead(machine, change, remaining_tenths=0)
    done(machine, move(change, "confirm"))
    change = asked(machine, "holder", "200001", customer="C100001")
    agreed(machine, change)
    done(machine, move(change, "switch"))
    done(machine, money(20_000, account="200001"))
    assert refused(machine, buy(20_000, meter=NEW, phone=OTHER)).code == "phone-not-registered"
    assert agreement(machine, "200001")[1:] == ("prepaid", "active", 0)
    with machine.store.reader() as reader:
        newest, *others = list_changes(reader, "demo", "", "", 50)
        assert newest == change_of(reader, "demo", change)
        assert {each.state for each in others} == {"confirmed", "undone"}
        assert list_changes(reader, "demo", "switched", "200001", 5) == [newest]
    whole(machine)


def at_once(machine: Machine, messages: list[Message], key: str) -> list[tuple[str, str]]:
    """Each by a worker of its own, all at the same moment: (outcome, code) of each."""
    heard = [machine.accept(message, f"{key}/{n}") for n, message in enumerate(messages)]
    machine.intake.step()
    with machine.store.transaction() as tx:  # else the order within a key would keep them apart
        tx.run("UPDATE delivery SET partitionkey = 'demo/' || seq WHERE state = 0")
    workers = crew(machine)
    gate = threading.Barrier(len(workers))

    def work(worker: object) -> None:
        gate.wait()
        for _ in range(20):
            if not worker.step():  # type: ignore[attr-defined]
                break

    threads = [threading.Thread(target=work, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    machine.settle()
    for worker in workers:
        worker.store.close()
    answers = [machine.answer(each[0].message_id) for each in heard]
    return sorted((answer.outcome.value, answer.code) for answer in answers)


def test_one_change_of_a_place_and_one_settlement(machine: Machine) -> None:
    told = at_once(machine, [request("move-out") for _ in range(8)], "ask")
    assert told == [("done", "ok")] + [("refused", "change-wrong")] * 7
    done(machine, move(1, "read", remaining_tenths=0))
    acts = [done(machine, move(1, "settle"))["act"] for _ in range(4)]
    told = at_once(machine, [yes(act) for act in acts], "agree")
    assert told == [("done", "ok")] + [("refused", "change-wrong")] * 3
    whole(machine)


def test_a_sale_is_before_the_settlement_or_after_it(machine: Machine) -> None:
    """Four times: either the sale was first, and the reading is worth nothing, or it is refused."""
    done(machine, money(200_000))
    for turn in range(4):
        change = asked(machine, "to-postpaid")
        done(machine, move(change, "read", remaining_tenths=0))
        waiting = done(machine, move(change, "settle"))
        messages = [yes(waiting["act"]), buy(5_000 + turn), move(change, "switch")]
        told = at_once(machine, messages, f"turn{turn}")
        sold_first = ("refused", "meter-changing") not in told and (
            ("refused", "meter-not-prepaid") not in told
        )
        assert sold_first == (state(machine, change) == "read"), told
        whole(machine)
        if not sold_first:
            break
        done(machine, move(change, "undo"))


def test_who_moves_in_and_who_is_enrolled_at_once(machine: Machine) -> None:
    """A vacant place gets one customer, whatever way he comes."""
    change = asked(machine, "move-out")
    lead(machine, change, remaining_tenths=0)
    done(machine, move(change, "confirm"))
    change = asked(machine, "move-in", "200001", point="S100001", **COMES)
    agreed(machine, change)
    comes = [enrol(f"30000{n}", phone=f"+25670000010{n}", service_point="S100001", meter=None)
             for n in range(4)]  # fmt: skip
    told = at_once(machine, [*comes, move(change, "switch")], "come")
    assert [outcome for outcome, _ in told].count("done") == 1, told
    assert machine.rows("SELECT count(*) FROM agreement WHERE to_us IS NULL") == [(1,)]
    whole(machine)

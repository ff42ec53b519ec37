"""Money that was held and goes on later: another meter hangs there, another lives there, a module
on the network makes its token."""

from dataclasses import replace
from pathlib import Path

from core.messages import Answer, MeterLink, Outcome, SweepHeld
from tests.core.changes.life import agreed, asked, life, move
from tests.core.collection.desk import credit, whole
from tests.core.wallets.purse import WALLETS, balance, done, held, pay_in, sweep, told
from tests.hub.machine import Machine, enrol, fresh_sqlite
from tests.hub.remote import RemoteMachine, remote_terms
from tests.hub.sales import drn_of

NEW = drn_of(77)
HOUR = 3_600


def of_life(folder: Path) -> Machine:
    """The household whose meter can be exchanged, of a company that takes M-PESA."""
    machine = life(folder)
    machine.store.close()
    return Machine(machine.url, machine.time, replace(machine.terms, wallets=WALLETS))


def test_after_an_exchange_the_new_meter_gets_the_token(tmp_path: Path) -> None:
    machine = of_life(tmp_path)
    with machine.store.transaction() as tx:
        tx.run("UPDATE meter SET state = 'blocked'")
    assert done(machine, pay_in(20_000))["outcome"] == "blocked"
    with machine.store.transaction() as tx:
        tx.run("UPDATE meter SET state = 'active'")
    change = asked(machine, "meter-exchange", meter=MeterLink(drn=NEW, sgc="201457"))
    done(machine, move(change, "read", remaining_tenths=0, opening={"units": 0}))
    agreed(machine, change)
    done(machine, move(change, "switch"))
    assert [each["outcome"] for each in sweep(machine, HOUR)] == ["sold"]
    assert machine.rows(
        "SELECT m.drn FROM sale s JOIN meter m ON m.id = s.meter_id"
    ) == [(NEW,)]  # fmt: skip
    whole(machine)


def test_who_moved_in_since_does_not_get_it(tmp_path: Path) -> None:
    machine = of_life(tmp_path)
    with machine.store.transaction() as tx:
        tx.run("UPDATE meter SET state = 'blocked'")
    done(machine, pay_in(20_000))
    assert machine.do(enrol("100002", drn_of(5), "+256700000002"), "e2").outcome == Outcome.DONE
    with machine.store.transaction() as tx:
        tx.run("UPDATE meter SET state = 'active'")
        tx.run("UPDATE agreement SET account_id = (SELECT id FROM account WHERE number = '100002') "
               "WHERE account_id = (SELECT id FROM account WHERE number = '100001')")  # fmt: skip
    assert [each["outcome"] for each in sweep(machine, HOUR)] == ["held"]
    assert balance(machine, "suspense:wallet") == -20_000
    assert machine.rows("SELECT count(*) FROM sale") == [(0,)]


def remote(folder: Path) -> RemoteMachine:
    machine = RemoteMachine(fresh_sqlite(folder), remote_terms(wallets=WALLETS))
    machine.open_account()
    return machine


def test_a_token_from_a_module_comes_later(tmp_path: Path) -> None:
    machine = remote(tmp_path)
    heard = machine.accept(pay_in(20_000), "p1")
    machine.settle()
    assert machine.rows("SELECT outcome, state FROM wallet_payment") == [("ordered", "applied")]
    assert done(machine, pay_in(5_000))["outcome"] == "refused"  # one at a time: it is tried again
    (order,) = machine.box.orders
    machine.report(order, "made", tokens=machine.made(order))
    answer: Answer = machine.answer(heard[0].message_id)
    assert (answer.data["outcome"], len(answer.data["token"])) == ("sold", 20)
    assert machine.rows("SELECT outcome FROM wallet_payment ORDER BY id")[0] == ("sold",)
    machine.time.at_us += 61_000_000
    due = machine.rows("SELECT id, next_at FROM held_money WHERE state = 'held'")
    for id_, at in due:
        machine.accept(SweepHeld(held=id_, at=at), f"s{id_}")
    machine.settle()
    assert [row[1] for row in held(machine)] == ["released"]
    machine.report(machine.box.orders[1], "made", tokens=machine.made(machine.box.orders[1]))
    assert machine.rows("SELECT outcome FROM wallet_payment") == [("sold",)] * 2
    assert [row[0] for row in told(machine)].count("token") == 2
    whole(machine)


def test_no_token_at_all_leaves_credit(tmp_path: Path) -> None:
    machine = remote(tmp_path)
    before = credit(machine)
    machine.accept(pay_in(20_000), "p1")
    machine.settle()
    machine.report(
        machine.box.orders[0], "refused", code="module_key_missing", detail="no such key"
    )
    assert credit(machine) == before + 20_000
    assert machine.rows("SELECT outcome FROM wallet_payment") == [("credited",)]
    whole(machine)

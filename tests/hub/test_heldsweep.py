"""The clock of money that waits: it asks once for each instant that has come."""

from pathlib import Path

from hub.heldsweep import EVERY_US, HeldSweep
from tests.core.collection.desk import whole
from tests.core.wallets.purse import METER, done, held, pay_in, purse
from tests.hub.machine import Machine

HOUR_US = 3_600_000_000


def sweep_of(machine: Machine, **changes: int) -> HeldSweep:
    companies = frozenset({"demo"})
    return HeldSweep(
        machine.store, machine.routing, machine.time.sources(), companies, **changes
    )  # fmt: skip


def hold(machine: Machine, count: int = 1) -> None:
    with machine.store.transaction() as tx:
        tx.run("UPDATE meter SET state = 'blocked'")
    for _ in range(count):
        done(machine, pay_in(20_000))


def open_again(machine: Machine) -> None:
    with machine.store.transaction() as tx:
        tx.run("UPDATE meter SET state = 'active'")


def asked(machine: Machine) -> int:
    ((count,),) = machine.rows("SELECT count(*) FROM journal WHERE channel = 'held-money'")
    return int(count)


def test_what_is_due_is_asked_for_once(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    sweep = sweep_of(machine)
    hold(machine)
    assert not sweep.step()
    machine.time.at_us += HOUR_US
    assert sweep.step()
    machine.time.at_us += EVERY_US + 1
    assert not sweep.step()  # it is on its way
    machine.settle()
    assert (asked(machine), held(machine)[0][1]) == (1, "held")
    whole(machine)


def test_a_meter_that_is_open_again_gets_its_token(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    sweep = sweep_of(machine)
    hold(machine)
    open_again(machine)
    machine.time.at_us += HOUR_US
    assert sweep.step()
    machine.settle()
    assert held(machine) == [("blocked", "released", 0, METER)]
    machine.time.at_us += HOUR_US
    assert not sweep.step()
    whole(machine)


def test_a_piece_at_a_time_and_nothing_left_out(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    sweep = sweep_of(machine, count=2)
    hold(machine, 5)
    open_again(machine)
    machine.time.at_us += HOUR_US
    for _ in range(10):
        machine.time.at_us += EVERY_US + 1
        sweep.step()
        machine.settle()
    assert {row[1] for row in held(machine)} == {"released"}
    assert (asked(machine), machine.rows("SELECT count(*) FROM token")) == (5, [(5,)])
    whole(machine)


def test_what_is_dead_or_of_others_keeps_the_clock_from_nothing(tmp_path: Path) -> None:
    """As many rows as one look takes, of a company that is not here and with a sweep that hangs."""
    machine = purse(tmp_path)
    sweep = sweep_of(machine, count=2)
    hold(machine, 5)
    with machine.store.transaction() as tx:
        tx.run("UPDATE held_money SET company = 'other' WHERE id <= 2")
    machine.time.at_us += HOUR_US
    assert sweep.step()  # two are on their way, and nobody decides
    machine.time.at_us += EVERY_US + 1
    assert sweep.step()
    assert asked(machine) == 3
    machine.time.at_us += EVERY_US + 1
    assert not sweep.step()


def test_a_company_without_wallets_is_not_looked_at(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    hold(machine)
    machine.time.at_us += HOUR_US
    sweep = HeldSweep(machine.store, machine.routing, machine.time.sources())
    assert not sweep.step()
    assert asked(machine) == 0

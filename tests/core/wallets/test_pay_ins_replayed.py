"""The journal makes the same books again: pay-ins, what was held of them, and the clock's part."""

from pathlib import Path

from hub.heldsweep import HeldSweep
from tests.core.collection.desk import whole
from tests.core.wallets.purse import METER, do, done, held, pay_in, purse
from tests.core.wallets.test_my_payment import ask
from tests.hub.test_replaying import replayed


def test_pay_ins_and_the_clock_come_to_the_same(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    sweep = HeldSweep(machine.store, machine.routing, machine.time.sources(), frozenset({"demo"}))
    for typed, amount in ((METER, 20_000), (METER, 200), ("nobody", 7_000), ("100001", 900)):
        done(machine, pay_in(amount, typed, proof="status"))
    done(machine, pay_in(4_000, receipt="RKT1"))
    do(machine, ask())
    do(machine, ask("RKT2"))
    done(machine, pay_in(30_000, "nobody", currency="USD"))
    machine.time.at_us += 100 * 3_600_000_000
    assert sweep.step()
    machine.settle()
    assert [row[1] for row in held(machine)] == ["used", "overdue", "overdue"]
    whole(machine)
    found, different = replayed(machine)
    assert different == []
    assert (found.otherwise, found.commands >= 10) == ([], True)

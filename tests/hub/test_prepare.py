"""Keys in another box are asked for before the batch's transaction begins, and only there."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from core.messages import ConfirmVend, Outcome
from core.sts.errors import ModuleAwayError
from core.sts.keys import Ea, KeyIdentity, derive
from core.sts.keystore import KeyRecord, demo_keys, unwrap_key
from core.sts.meter_id import meter_pan
from core.sts.module import MeterKey, VirtualModule
from core.sts.sta import SAMPLE_TABLES
from hub import prepare
from hub.inbox import POSTPONED_S
from tests.hub.key_changes import NOW, campaigned, coded, keys, move_in, set_tokens, terms, wanted
from tests.hub.machine import MASTER, METER, Machine, buy, demo_terms, enrol, fresh_sqlite, pay
from tests.hub.sales import drn_of

Open = Callable[[], bool]


class Box:
    """Vending keys that are elsewhere; ``open_`` says whether a transaction is."""

    def __init__(self, records: tuple[KeyRecord, ...]) -> None:
        self.open_: Open = lambda: False
        self.away = False
        self.asked: list[str] = []
        self.inside = 0
        entries = [(each, self._of(each, unwrap_key(MASTER, each))) for each in records]
        self.module = VirtualModule("virtual-demo", entries, SAMPLE_TABLES, {"demo"})

    def _of(self, record: KeyRecord, vk: bytes) -> Any:
        def decoder_key(identity: KeyIdentity, ea: Ea | int) -> bytes:
            self.asked.append(identity.pan)
            self.inside += self.open_()
            if self.away:
                raise ModuleAwayError("the box does not answer", where="box")
            return derive(record.dkga, vk, identity, ea)

        return decoder_key

    def beside(self, machine: Machine) -> Machine:
        self.open_ = lambda: machine.store._writer.in_transaction  # type: ignore[union-attr]
        return machine


@pytest.fixture
def box() -> Box:
    return Box(demo_keys(MASTER, "demo").keys)


@pytest.fixture
def machine(tmp_path: Path, box: Box) -> Machine:
    made = box.beside(Machine(fresh_sqlite(tmp_path), terms=demo_terms(module=box.module)))
    made.do(enrol(), "e")
    made.do(pay(90_000), "p")
    return made


def test_a_sale_asks_before_the_transaction_and_once(machine: Machine, box: Box) -> None:
    assert machine.do(buy(20_000), "b1").outcome is Outcome.DONE
    assert machine.do(buy(9_000), "b2").outcome is Outcome.DONE
    assert (len(box.asked), box.inside) == (1, 0)


def test_a_purchase_that_waited_for_yes_is_known_too(machine: Machine, box: Box) -> None:
    machine.do(enrol("100002", drn_of(701), "+256700000002"), "e2")
    machine.do(pay(50_000, "100002"), "p2")
    asked = machine.do(buy(20_000, phone="+256700000002"), "b")
    assert asked.code == "confirm-holder"
    box.asked.clear()
    box.module._cache.clear()
    yes = ConfirmVend(phone="+256700000002", code=asked.args["code"])
    assert machine.do(yes, "y").outcome is Outcome.DONE
    assert (len(box.asked), box.inside) == (1, 0)


def test_a_box_that_is_away_is_asked_once_a_batch(machine: Machine, box: Box) -> None:
    other = drn_of(701)
    phone = "+256700000002"
    machine.do(enrol("100002", other, phone), "e2")
    machine.do(pay(50_000, "100002"), "p2")
    box.away = True
    machine.accept(buy(20_000), "b1")
    machine.accept(buy(20_000, other, phone), "b2")
    machine.settle()
    assert (len(box.asked), box.inside) == (1, 0)
    rows = machine.rows(
        "SELECT DISTINCT attempt, error_class FROM delivery WHERE handler = 'vending.credit-vend'"
    )
    assert rows == [(0, "module")]
    box.away = False
    machine.time.at_us += (POSTPONED_S + 1) * 1_000_000
    machine.sweeper.step()
    machine.settle()
    assert machine.rows("SELECT count(*) FROM token") == [(2,)]
    assert box.inside == 0
    assert machine.unaccounted() == 0


def test_a_key_change_asks_for_both_keys(tmp_path: Path) -> None:
    box = Box(keys().keys)
    machine = box.beside(Machine(fresh_sqlite(tmp_path), terms=terms(module=box.module)))
    move_in(machine, coded())
    campaigned(machine, wanted(NOW, 2), "need")
    assert machine.do(buy(20_000), "b").outcome is Outcome.DONE
    assert len(set_tokens(machine)) > 0
    assert (len(box.asked), box.inside) == (3, 0)  # the campaign's own look ahead is the first


def test_modules_of_this_process_are_not_prepared_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(*_: Any) -> None:
        raise AssertionError("a statement for nothing")

    monkeypatch.setattr(prepare, "load_meters", looked)
    monkeypatch.setattr(prepare, "_wants", looked)
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "e")
    machine.do(pay(50_000), "p")
    assert machine.do(buy(20_000), "b").outcome is Outcome.DONE


def test_what_was_prepared_is_for_one_batch(box: Box) -> None:
    key = MeterKey("demo", meter_pan(METER), 11, "201457", 1, "01")
    unknown = MeterKey("demo", key.pan, 11, "999999", 1, "01")
    box.away = True
    box.module.prepare([unknown, key], [key])
    derive_it = partial(box.module._derive, key)
    for _ in range(2):
        with pytest.raises(ModuleAwayError, match="the box does not answer"):
            derive_it()
    assert len(box.asked) == 1
    box.away = False
    with pytest.raises(ModuleAwayError):
        derive_it()
    box.module.prepare([], [])
    assert len(derive_it()) == 16

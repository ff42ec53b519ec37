"""Operators' acts on PostgreSQL: the same statements, the same tokens, the same books."""

from collections.abc import Iterator

import pytest

from core.messages import Outcome
from core.queries.acts import act_of, list_acts
from core.store.tx import DataStoreError
from core.store.upgrade import upgrade
from core.sts.meter_state import Result
from tests.hub.acting import acting_on, approved, ask, books, decide, meter, sold, whole
from tests.hub.machine import METER, Machine, enrol
from tests.hub.sales import change, drn_of, refused
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    url = postgres.prepared("acts", upgrade)
    machine = acting_on(url)
    yield machine
    machine.store.close()
    postgres.drop(url)


def test_settings_gifts_and_a_fine(machine: Machine) -> None:
    rate = machine.do(ask("tariff-rate", value=7), "a1").data["token"]
    gift = approved(machine, ask("compensation", units_tenths=250), "a2").data["token"]
    clear = approved(machine, ask("clear-tamper", fee=200_000, as_debt=True), "a3").data["token"]
    wall, now = meter(tamper=True), machine.time.now_us()
    assert [wall.enter(each, now).result for each in (rate, gift, clear)] == [Result.ACCEPT] * 3
    assert (wall.state.tariff_rate, wall.state.registers[0], wall.state.tamper) == (7, 250, False)
    assert machine.rows("SELECT outstanding FROM debt") == [(200_000,)]
    whole(machine)


def test_copies_new_digits_and_units_for_another_meter(machine: Machine) -> None:
    first, second = sold(machine, 20_000, "s1"), sold(machine, 9_000, "s2")
    copy = machine.do(ask("reprint", token=first["receipt"], operator="desk"), "a1")
    assert copy.data["token"] == first["token"]
    other = drn_of(9)
    machine.do(enrol("100002", other, "+256700000002"), "e2")
    asked = ask("reallocation", meter=other, from_meter=METER, token=second["token"])
    moved = approved(machine, asked, "a2").data
    assert meter(other).enter(moved["token"], machine.time.now_us()).result is Result.ACCEPT
    change(machine, "UPDATE meter SET ti = '02' WHERE drn = :drn", drn=METER)
    approved(machine, ask("replacement", token=first["receipt"]), "a3")
    refused(machine.do(ask("reprint", token=first["receipt"]), "a4"), "act-not-possible")
    for statement in ("UPDATE token_void SET act_id = 1", "DELETE FROM token_void"):
        with pytest.raises(DataStoreError), machine.store.transaction() as tx:
            tx.run(statement)
    whole(machine)


def test_a_refund(machine: Machine) -> None:
    sale = sold(machine)
    issued = approved(machine, ask("refund", units_tenths=sale["units_tenths"]), "a1").data
    assert machine.do(decide(issued["act"], "confirm"), "a2").outcome == Outcome.DONE
    assert sum(books(machine, "refund").values()) == 0
    with machine.store.reader() as reader:
        now = machine.time.now_us()
        (view,) = list_acts(reader, "demo", "done", 10, now)
        assert view == act_of(reader, "demo", view.act, now)
    assert (view.kind, view.approver, view.tokens) == ("refund", "peter", 1)
    whole(machine)


def test_a_whole_sale_is_cancelled_once(machine: Machine) -> None:
    before = machine.rows("SELECT period, units_milli, fixed_through FROM agreement_state")
    sale = sold(machine)
    change(machine, "UPDATE meter SET ti = '02'")
    asked = ask("cancel-sale", token=sale["receipt"], evidence="visit: not taken, photo 4")
    acts = [machine.do(asked, f"a{n}").data["act"] for n in (1, 2)]
    heard = [machine.accept(decide(act), f"d{act}") for act in acts]
    machine.settle()
    codes = [machine.answer(each[0].message_id).code for each in heard]
    assert codes == ["ok", "act-not-possible"]
    now = machine.rows("SELECT period, units_milli, fixed_through FROM agreement_state")
    assert now == before
    assert machine.rows("SELECT credit FROM account") == [(100_000,)]
    whole(machine)

"""How key changes end, and what happens when the machine is interrupted on the way."""

from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.messages import ConfirmKeyChange, FailKeyChange
from core.queries.key_changes import old_tokens
from core.store.tx import TransientStoreError
from core.sts.meter_state import Result
from core.sts.tid import BaseDate, tid_at
from core.vending.key_change_states import LAPSE_US
from core.vending.key_change_sweep import presume
from tests.hub.key_changes import (
    NOW,
    OLD,
    campaigned,
    change,
    coded,
    move_in,
    on_file,
    set_tokens,
    take_all,
    terms,
    wanted,
)
from tests.hub.machine import METER, Machine, buy, fresh_sqlite
from tests.hub.sales import refused, set_clock

A = Result.ACCEPT
HOUR_US = 3_600_000_000


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(fresh_sqlite(tmp_path), terms=terms())
    move_in(machine, coded())
    campaigned(machine, wanted(), "need")
    return machine


def known(how: str = "field") -> ConfirmKeyChange:
    return ConfirmKeyChange(meter=METER, how=how, operator="alice", reason="job 17")  # type: ignore[arg-type]


def known_by(operator: str) -> ConfirmKeyChange:
    return replace(known(), operator=operator)


FAILED = FailKeyChange(meter=METER, operator="alice", reason="the meter refuses the set")


@pytest.mark.parametrize("how", ["read-out", "field", "customer"])
def test_confirmed(machine: Machine, how: str) -> None:
    machine.do(buy(20_000), "1")
    assert machine.do(known(how), "c").data["state"] == "confirmed"
    row = change(machine)
    assert (row["state"], row["how"], row["operator"]) == ("confirmed", how, "alice")
    assert row["closed_at"] > row["issued_at"] > 0
    assert machine.do(known(how), "c again").data["state"] == "confirmed"
    refused(machine.do(FAILED, "f"), "key-change-over")


def test_who_may_do_what(machine: Machine) -> None:
    """Roles of the roster, not names: a campaign is begun by one who approves, ended on site."""
    refused(campaigned(machine, wanted(operator="eve", campaign="c2"), "n1"), "operator-unknown")
    refused(campaigned(machine, wanted(operator="carol", campaign="c2"), "n2"), "act-no-role")
    assert campaigned(machine, wanted(operator="bob", campaign="c2"), "n3").data["needed"] == 1
    machine.do(buy(20_000), "1")
    refused(machine.do(known_by("eve"), "k1"), "operator-unknown")
    refused(machine.do(known_by("bob"), "k2"), "act-no-role")
    refused(machine.do(replace(FAILED, operator="eve"), "f1"), "operator-unknown")
    refused(machine.do(replace(FAILED, operator="bob"), "f2"), "act-no-role")
    assert (change(machine)["state"], change(machine)["campaign"]) == ("issued", "c2")
    assert machine.do(known_by("carol"), "k3").data["state"] == "confirmed"


def test_nothing_to_confirm(machine: Machine) -> None:
    refused(machine.do(known(), "c"), "key-change-not-issued")
    stranger = ConfirmKeyChange(meter="04123456792", how="field", operator="alice", reason="b")
    refused(machine.do(stranger, "x"), "meter-unknown")


def test_a_change_that_fails_gives_the_old_key_back(machine: Machine) -> None:
    meter = coded()
    first = machine.do(buy(20_000), "1")
    assert on_file(machine)["krn"] == 2
    assert machine.do(FAILED, "f").data["state"] == "failed"
    assert on_file(machine)["krn"] == 1
    sold = machine.do(buy(5_000), "2")
    now = machine.time.at_us
    assert meter.enter(first.data["token"], now).result is Result.CRC
    assert meter.enter(sold.data["token"], now).result is A
    again = campaigned(machine, wanted(campaign="c2"), "need again")
    assert again.data["needed"] == 1
    third = machine.do(buy(6_000), "3")
    assert third.data["kct"] == first.data["kct"], "the same parameters give the same digits"
    assert take_all(meter, third, machine.time.at_us)[-1] is A


def test_a_failed_change_of_base_date_knows_the_last_tid_again(tmp_path: Path) -> None:
    """Else the next token of that minute would have a TID that the meter has seen."""
    machine = Machine(fresh_sqlite(tmp_path), terms=terms())
    set_clock(machine, "2024-03-01T10:00:00")
    meter = coded(OLD, ea=7, base=BaseDate.Y1993)
    move_in(machine, meter, 1993)
    before = machine.do(buy(20_000), "0")
    campaigned(machine, wanted(OLD, 2), "need")
    machine.do(buy(20_000), "1")
    assert on_file(machine)["last_tid"] == tid_at(machine.time.at_us, BaseDate.Y2014) + 1
    machine.do(FAILED, "f")
    after = machine.do(buy(20_000), "2")
    now = machine.time.at_us
    assert on_file(machine)["last_tid"] == tid_at(now, BaseDate.Y1993) + 2
    assert [meter.enter(each.data["token"], now).result for each in (before, after)] == [A, A]


def test_no_minute_is_sold_twice_under_a_key_that_comes_again(tmp_path: Path) -> None:
    """The set of a change that failed is keyed in after all, with every token of both sets."""
    machine = Machine(fresh_sqlite(tmp_path), terms=terms())
    set_clock(machine, "2024-03-01T10:00:00")
    meter = coded(OLD, ea=7, base=BaseDate.Y1993)
    move_in(machine, meter, 1993)
    campaigned(machine, wanted(OLD, 2), "need")
    sold = [machine.do(buy(20_000 + n), f"b{n}") for n in range(2)]
    machine.do(FAILED, "f")
    campaigned(machine, wanted(OLD, 2, campaign="c2"), "need again")
    sold += [machine.do(buy(30_000 + n), f"b again {n}") for n in range(2)]
    under = machine.rows("SELECT tid FROM token WHERE cause = 'sale' AND krn = 2")
    assert len(set(under)) == len(under) == 4
    now = machine.time.at_us
    assert [meter.enter(digits, now).result for digits in sold[0].data["kct"]][-1] is A
    assert [meter.enter(each.data["token"], now).result for each in sold] == [A] * 4


def test_a_presumed_change_can_still_fail_once_a_newer_one_came(machine: Machine) -> None:
    """The meter never got its key: the newer change is called off, then the presumed one fails."""
    first = machine.do(buy(20_000), "1")
    machine.time.at_us += LAPSE_US + HOUR_US
    machine.sweeper.step()
    presumed = on_file(machine)["key_change_id"]
    campaigned(machine, wanted(NOW, 3, campaign="c2"), "need")
    assert on_file(machine)["key_change_id"] != presumed
    refused(machine.do(known(), "c"), "key-change-not-issued")
    called_off = machine.do(FAILED, "f1")
    assert (called_off.data["campaign"], called_off.data["state"]) == ("c2", "failed")
    assert (on_file(machine)["key_change_id"], on_file(machine)["krn"]) == (presumed, 2)
    again = machine.do(buy(50_000), "2")
    assert again.data["kct"] == first.data["kct"], "the set that is out is shown again"
    failed = machine.do(FAILED, "f2")
    assert (failed.data["campaign"], failed.data["state"]) == ("c1", "failed")
    assert on_file(machine)["krn"] == 1
    sold = machine.do(buy(6_000), "3")
    assert coded().enter(sold.data["token"], machine.time.at_us).result is A
    assert machine.do(FAILED, "f3").data["campaign"] == "c1", "further back nothing is undone"


def test_called_off_before_anything_was_printed(machine: Machine) -> None:
    assert machine.do(FAILED, "f").data["state"] == "failed"
    assert "kct" not in machine.do(buy(20_000), "1").data
    assert on_file(machine)["krn"] == 1


def test_while_a_set_is_out_no_other_key_is_wanted(machine: Machine) -> None:
    machine.do(buy(20_000), "1")
    refused(campaigned(machine, wanted(OLD, 1), "n"), "key-change-open")
    machine.do(known(), "c")
    # EA11 cannot have a key of DKGA02
    refused(campaigned(machine, wanted(OLD, 1), "n2"), "key-change-impossible")
    assert campaigned(machine, wanted(NOW, 1), "n3").data["needed"] == 1


def test_sixty_days_presume_and_nothing_else(machine: Machine) -> None:
    machine.do(buy(20_000), "1")
    machine.time.at_us += LAPSE_US - HOUR_US
    machine.sweeper.step()
    assert change(machine)["state"] == "issued"
    machine.time.at_us += HOUR_US + 1_000_000
    machine.sweeper.step()
    row = change(machine)
    assert (row["state"], row["closed_at"]) == ("presumed", 0)
    assert row["presumed_at"] - row["issued_at"] >= LAPSE_US
    assert machine.do(known("customer"), "c").data["state"] == "confirmed"
    machine.time.at_us += LAPSE_US
    machine.sweeper.step()
    assert change(machine)["state"] == "confirmed"


def test_the_sweep_takes_a_piece_at_a_time(machine: Machine) -> None:
    machine.do(buy(20_000), "1")
    with machine.store.transaction() as tx:
        assert presume(tx, machine.time.at_us + LAPSE_US, count=1) == 1
        assert presume(tx, machine.time.at_us + LAPSE_US, count=1) == 0


def test_tokens_of_before_are_listed(tmp_path: Path) -> None:
    machine = Machine(fresh_sqlite(tmp_path), terms=terms())
    move_in(machine, coded())
    before = [machine.do(buy(5_000 + n), f"b{n}").data["receipt"] for n in range(2)]
    campaigned(machine, wanted(), "need")

    def listed() -> list[str]:
        with machine.store.reader() as reader:
            return [token.receipt for token in old_tokens(reader, "demo", METER)]

    assert listed() == [], "the old key is still in force"
    machine.do(buy(20_000), "1")
    assert listed() == before[::-1]
    machine.do(FAILED, "f")
    assert listed() == [], "they are good again"


def test_a_group_with_meters_that_cannot(machine: Machine) -> None:
    answer = campaigned(machine, wanted(meters=(METER, "04123456792")), "group")
    assert answer.data == {"needed": 0, "known": 1, "refused": {"04123456792": "meter-unknown"}}


@pytest.mark.parametrize("rollbacks", [1, 2])
def test_a_batch_that_is_rolled_back_prints_the_same_set(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, rollbacks: int
) -> None:
    """The commit fails, the batch runs again: one set in the books, one on the paper."""
    real, failures = machine.worker.batch.run, Counter[str]()

    def shaky(*args: object) -> object:
        result = real(*args)  # type: ignore[arg-type]
        if failures["rolled back"] < rollbacks:
            failures["rolled back"] += 1
            raise TransientStoreError("the connection is gone")
        return result

    monkeypatch.setattr(type(machine.worker.batch), "run", lambda _self, *a: shaky(*a))
    sold = machine.do(buy(20_000), "1")
    assert failures["rolled back"] == rollbacks
    assert set_tokens(machine) == sold.data["kct"]
    assert take_all(coded(), sold, machine.time.at_us)[-1] is A
    ((sales,),) = machine.rows("SELECT count(*) FROM sale")
    assert (sales, machine.unaccounted()) == (1, 0)

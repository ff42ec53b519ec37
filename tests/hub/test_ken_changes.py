"""A key's life is stretched: the same key with another expiry number (KEN) is a change too."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.messages import FailKeyChange
from core.queries.key_changes import old_tokens, view_of
from core.sts.keystore import DEMO_VK04, KEY_FILE_VERSION, KeyFile, KeyRecord, wrap_key
from core.sts.meter_state import Result
from core.sts.module import SecurityModule, open_module
from core.sts.sta import SAMPLE_TABLES
from core.sts.tid import BaseDate, last_tid_of, time_of
from simulators.meter.device import Meter
from tests.hub.key_changes import (
    NOW,
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
from tests.hub.machine import MASTER, METER, Machine, buy, fresh_sqlite
from tests.hub.sales import refused, set_clock

#: Under this number tokens may be made until 2026-12-17, under the other one until 2333.
SHORT, LONG = 103, 255
END_US = time_of(last_tid_of(SHORT), BaseDate.Y2014)


def module(ken: int) -> SecurityModule:
    """The company's only key, with this expiry number."""
    record = KeyRecord("demo", NOW, 1, 2, "04", 2014, "", "", ken=ken, test=True)
    file = KeyFile(KEY_FILE_VERSION, (wrap_key(MASTER, DEMO_VK04, record),))
    return open_module("virtual-demo", file, MASTER, SAMPLE_TABLES, {"demo"})


@pytest.fixture
def wall() -> Meter:
    """The meter in the hall, coded with the short life."""
    made = coded()
    made.state = replace(made.state, ken=SHORT)
    return made


@pytest.fixture
def machine(tmp_path: Path, wall: Meter) -> Machine:
    """The key has got its longer life from the key management centre; on file the meter has not."""
    made = Machine(fresh_sqlite(tmp_path), terms=terms(module=module(LONG)))
    move_in(made, wall)
    with made.store.transaction() as tx:
        tx.run("UPDATE meter SET ken = :ken", ken=SHORT)
    return made


def test_until_it_is_changed_the_meter_refuses_what_comes_later(
    machine: Machine, wall: Meter
) -> None:
    machine.time.at_us = END_US
    good = machine.do(buy(another=True), "b1")
    assert take_all(wall, good, END_US) == [Result.ACCEPT]
    machine.time.at_us = END_US + 120_000_000
    late = machine.do(buy(another=True), "b2")
    assert take_all(wall, late, machine.time.at_us) == [Result.KEY_EXPIRED]


def test_the_set_brings_the_new_number_and_nothing_else(machine: Machine, wall: Meter) -> None:
    before, key = on_file(machine), wall.state.key
    assert campaigned(machine, wanted(krn=1), "need").data["needed"] == 1
    set_clock(machine, "2026-12-20T10:00:00")
    answer = machine.do(buy(), "b1")
    assert take_all(wall, answer, machine.time.now_us()) == [
        *(Result.KCT_1, Result.KCT_2, Result.KCT_3), Result.ACCEPT, Result.ACCEPT,
    ]  # fmt: skip
    assert (wall.state.ken, wall.state.key, wall.state.krn) == (LONG, key, 1)
    after = on_file(machine)
    assert after["ken"] == LONG
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"ken", "last_tid", "key_change_id"}
    assert (change(machine)["state"], change(machine)["ro"]) == ("issued", 0)
    with machine.store.reader() as reader:
        view = view_of(reader, "demo", METER)
    assert view is not None
    assert (view.old, view.new) == (f"{NOW}/1/01 KEN {SHORT}", f"{NOW}/1/01 KEN {LONG}")


def test_the_meter_remembers_its_tokens(machine: Machine, wall: Meter) -> None:
    """The base date is the same: no roll-over, so what was taken is not taken again."""
    first = machine.do(buy(), "b1")
    assert take_all(wall, first, machine.time.now_us()) == [Result.ACCEPT]
    campaigned(machine, wanted(krn=1), "need")
    machine.time.at_us += 3_600_000_000
    take_all(wall, machine.do(buy(another=True), "b2"), machine.time.now_us())
    again = wall.enter(first.data["token"], machine.time.now_us())
    assert again.result is Result.USED


def test_a_token_of_before_is_as_good_afterwards(machine: Machine, wall: Meter) -> None:
    """It is under the same key: support does not list it as lost."""
    unused = machine.do(buy(), "b1")
    campaigned(machine, wanted(krn=1), "need")
    machine.time.at_us += 3_600_000_000
    second = machine.do(buy(another=True), "b2")
    assert take_all(wall, second, machine.time.now_us())[-1] is Result.ACCEPT
    assert wall.enter(unused.data["token"], machine.time.now_us()).result is Result.ACCEPT
    with machine.store.reader() as reader:
        assert old_tokens(reader, "demo", METER) == []


def test_who_has_the_number_needs_no_change(machine: Machine, wall: Meter) -> None:
    campaigned(machine, wanted(krn=1), "need")
    take_all(wall, machine.do(buy(), "b1"), machine.time.now_us())
    machine.do(buy(another=True), "b2")
    with machine.store.transaction() as tx:
        tx.run("UPDATE key_change SET state = 'confirmed'")
    refused(campaigned(machine, wanted(krn=1, reason="again"), "need2"), "key-change-same")
    assert len(set_tokens(machine)) == 4
    assert machine.rows("SELECT count(*) FROM token") == machine.rows(
        "SELECT sum(made) FROM module_log"
    )
    assert machine.unaccounted() == 0


def test_a_change_that_failed_gives_the_old_number_back(machine: Machine) -> None:
    campaigned(machine, wanted(krn=1), "need")
    machine.do(buy(), "b1")
    assert on_file(machine)["ken"] == LONG
    machine.do(FailKeyChange(meter=METER, operator="carol", reason="not taken"), "fail")
    assert (on_file(machine)["ken"], change(machine)["state"]) == (SHORT, "failed")
    assert campaigned(machine, wanted(krn=1, reason="once more"), "need2").data["needed"] == 1

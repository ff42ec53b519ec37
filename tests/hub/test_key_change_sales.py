"""Sales to a meter whose key changes: what is printed, what the meter takes, what is on file."""

from pathlib import Path

import pytest

from core.messages import AskLastTokens, ConfirmKeyChange, FailKeyChange, Outcome
from core.sts.meter_state import MeterModel, Result
from core.sts.sta import SAMPLE_TABLES
from core.sts.tid import BaseDate, tid_at
from hub import module_log
from tests.hub.key_changes import (
    NEXT,
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
from tests.hub.machine import METER, MORNING_US, PHONE, Machine, buy, fresh_sqlite
from tests.hub.sales import refused, set_clock, tariff

DAY_US = 86_400_000_000
A = Result.ACCEPT


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(fresh_sqlite(tmp_path), terms=terms())


def begun(folder: Path, policy: str = "do", **changes: object) -> Machine:
    """A machine with another policy, the household moved in and the change needed."""
    machine = Machine(fresh_sqlite(folder), terms=terms(policy, **changes))  # type: ignore[arg-type]
    move_in(machine, coded())
    assert campaigned(machine, wanted(), "need").data == {"needed": 1, "known": 0, "refused": {}}
    return machine


def test_the_rollover_of_2024(machine: Machine) -> None:
    """Base date 1993 to 2014, KRN 2: months before the end, the first purchase brings it."""
    set_clock(machine, "2024-03-01T10:00:00")
    meter = coded(OLD, ea=7, base=BaseDate.Y1993)
    move_in(machine, meter, 1993)
    before = machine.do(buy(5_000), "before")
    campaigned(machine, wanted(OLD, 2, campaign="rollover-2024"), "need")
    assert on_file(machine)["base_year"] == 1993, "nothing moves before the set is out"
    set_clock(machine, "2024-03-02T10:00:00")
    sold = machine.do(buy(20_000), "first")
    assert sold.data["key_change"] == "first"
    assert len(sold.data["kct"]) == 2, "EA07: two tokens"
    now = machine.time.at_us
    assert meter.enter(sold.data["token"], now).result is Result.CRC, "not before the set"
    assert take_all(meter, sold, now, reversed) == [Result.KCT_2, A, A]
    assert meter.tenths == sold.data["units_tenths"]
    assert (meter.state.krn, meter.state.tids) == (2, (tid_at(now, BaseDate.Y2014),))
    assert meter.enter(before.data["token"], now).result is Result.CRC, "old tokens are dead"
    assert on_file(machine)["base_year"] == 2014
    assert change(machine)["ro"] == 1


def test_who_never_bought_still_changes_long_after_the_end(machine: Machine) -> None:
    """The minute counter of 1993 has run out; the set still works, as it has no TID."""
    meter = coded(OLD, ea=7, base=BaseDate.Y1993)
    move_in(machine, meter, 1993)
    refused(machine.do(buy(5_000), "too late"), "key-missing")
    campaigned(machine, wanted(OLD, 2), "need")
    sold = machine.do(buy(20_000), "first")
    assert take_all(meter, sold, machine.time.at_us) == [Result.KCT_1, A, A]


def test_a_migration_from_dkga02_to_dkga04(machine: Machine) -> None:
    """Another supply group and base date; three tokens, so it knows its supply group."""
    set_clock(machine, "2024-03-01T10:00:00")
    meter = coded(OLD, ea=7, base=BaseDate.Y1993)
    move_in(machine, meter, 1993)
    campaigned(machine, wanted(NEXT, 1, three_tokens=True), "need")
    sold = machine.do(buy(20_000), "first")
    assert len(sold.data["kct"]) == 3
    assert take_all(meter, sold, machine.time.at_us, reversed) == [Result.KCT_3, Result.KCT_2, A, A]
    assert (meter.state.sgc, meter.state.krn) == (NEXT, 1)
    filed = on_file(machine)
    assert (filed["sgc"], filed["dkga"], filed["base_year"]) == (NEXT, "04", 2014)
    assert (sold.data["sgc"], change(machine)["ro"]) == (NEXT, 1)


def test_a_meter_that_cannot_take_a_third_token_gets_two(machine: Machine) -> None:
    model = MeterModel(7, SAMPLE_TABLES, three_kct=False)
    meter = coded(NOW, ea=7, model=model)
    move_in(machine, meter)
    campaigned(machine, wanted(), "need")
    sold = machine.do(buy(20_000), "first")
    assert take_all(meter, sold, machine.time.at_us) == [Result.KCT_1, A, A]
    assert meter.state.sgc == "000000", "it shows no supply group any more"


def test_the_set_is_repeated_twice_with_the_same_digits(machine: Machine) -> None:
    meter = coded()
    move_in(machine, meter)
    campaigned(machine, wanted(), "need")
    first = machine.do(buy(20_000), "1")
    assert len(first.data["kct"]) == 4, "EA11: four tokens"
    assert take_all(meter, first, machine.time.at_us) == [
        Result.KCT_1, Result.KCT_2, Result.KCT_3, A, A,
    ]  # fmt: skip
    said = []
    for number in range(2, 5):
        machine.time.at_us += 2 * DAY_US
        sold = machine.do(buy(5_000 + number), str(number))
        said.append((sold.data.get("key_change"), sold.data.get("kct"), change(machine)["state"]))
        assert meter.enter(sold.data["token"], machine.time.at_us).result is A
    same = first.data["kct"]
    assert said == [
        ("again", same, "presumed"),
        ("again", same, "presumed"),
        (None, None, "presumed"),
    ]
    assert set_tokens(machine) == same, "made once"
    templates = [sent.message.template for sent in machine.channel.sent]  # type: ignore[attr-defined]
    assert templates == ["token-key-change", *["token-key-change-again"] * 2, "token"]
    assert change(machine)["issued"] == 3


def test_a_purchase_within_the_hour_presumes_nothing(tmp_path: Path) -> None:
    machine = begun(tmp_path)
    machine.do(buy(20_000), "1")
    machine.do(buy(5_000), "2")
    row = change(machine)
    assert (row["state"], row["issued"], row["presumed_at"]) == ("issued", 2, 0)


@pytest.mark.parametrize(
    ("policy", "mark", "template"), [("never", None, "token"), ("tell", "due", "token-key-due")]
)
def test_policies_that_sell_under_the_old_key(
    tmp_path: Path, policy: str, mark: str | None, template: str
) -> None:
    machine = begun(tmp_path, policy)
    sold = machine.do(buy(20_000), "1")
    assert (sold.data.get("key_change"), sold.data.get("kct"), sold.data["krn"]) == (mark, None, 1)
    assert coded().enter(sold.data["token"], machine.time.at_us).result is A
    assert (change(machine)["state"], on_file(machine)["krn"]) == ("needed", 1)
    assert [sent.message.template for sent in machine.channel.sent] == [template]  # type: ignore[attr-defined]
    assert set_tokens(machine) == []


def test_where_nothing_is_configured_the_change_is_told(tmp_path: Path) -> None:
    machine = begun(tmp_path, key_changes={})
    assert machine.do(buy(20_000), "1").data["key_change"] == "due"


def test_a_set_that_cannot_be_made_keeps_the_light_from_nobody(tmp_path: Path) -> None:
    """The new key is expired: sold under the old one, and the row says why."""
    machine = begun(tmp_path, expired={"k201457_2": "2026-11-20"})
    sold = machine.do(buy(20_000), "1")
    assert (sold.data["key_change"], sold.data["krn"]) == ("due", 1)
    assert coded().enter(sold.data["token"], machine.time.at_us).result is A
    assert change(machine)["state"] == "needed"
    assert "until 2026-11-20" in change(machine)["note"]


def test_a_key_whose_base_date_has_not_come_yet_waits(tmp_path: Path) -> None:
    machine = Machine(fresh_sqlite(tmp_path), terms=terms())
    move_in(machine, coded())
    campaigned(machine, wanted(NOW, 3), "need")
    assert machine.do(buy(20_000), "1").data["key_change"] == "due"
    set_clock(machine, "2035-02-01T10:00:00")
    with machine.store.transaction() as tx:  # it bought all the while
        tx.run("UPDATE phone SET seen_at = :now", now=machine.time.at_us)
    sold = machine.do(buy(200_000), "2")
    meter = coded()
    assert take_all(meter, sold, machine.time.at_us)[-1] is A
    assert (change(machine)["ro"], change(machine)["note"]) == (1, "")


def test_a_retry_of_the_same_command_gets_the_same_set(tmp_path: Path) -> None:
    machine = begun(tmp_path)
    first, again = (machine.do(buy(20_000), "same key") for _ in range(2))
    assert first == again
    assert len(set_tokens(machine)) == 4


def test_a_refused_sale_leaves_no_set_behind(tmp_path: Path) -> None:
    machine = begun(tmp_path)
    refused(machine.do(buy(2_000_000), "too much"), "credit-insufficient")
    assert (set_tokens(machine), change(machine)["state"]) == ([], "needed")


def test_the_modules_log_counts_the_set(tmp_path: Path) -> None:
    machine = begun(tmp_path)
    machine.do(buy(20_000), "1")
    ((table,),) = machine.rows("SELECT count(*) FROM token")
    with machine.store.reader() as reader:
        assert (module_log.made(reader), table) == (5, 5)


def test_copies_show_the_set_until_somebody_knows(tmp_path: Path) -> None:
    machine = begun(tmp_path, repeat_minutes=10)
    first = machine.do(buy(20_000), "1")
    again = machine.do(buy(20_000), "2")
    assert again.code == "likely-repeat"
    assert (again.data["key_change"], again.data["kct"]) == ("again", first.data["kct"])
    (copy,) = machine.do(AskLastTokens(phone=PHONE), "last").data["sales"]
    assert (copy["token"], copy["kct"]) == (first.data["token"], first.data["kct"])
    known = ConfirmKeyChange(meter=METER, how="customer", operator="alice", reason="called")
    assert machine.do(known, "known").data["state"] == "confirmed"
    (copy,) = machine.do(AskLastTokens(phone=PHONE), "last again").data["sales"]
    assert "kct" not in copy
    machine.time.at_us += DAY_US
    assert "kct" not in machine.do(buy(5_000), "3").data


def test_two_sales_in_one_batch_make_one_set(tmp_path: Path) -> None:
    machine = begun(tmp_path)
    heard = [machine.accept(buy(5_000 + n), f"b{n}") for n in range(2)]
    machine.settle()
    one, two = (machine.answer(each[0].message_id) for each in heard)
    assert (one.data["key_change"], two.data["key_change"]) == ("first", "again")
    assert one.data["kct"] == two.data["kct"] == set_tokens(machine)
    meter = coded()
    now = machine.time.at_us
    assert take_all(meter, one, now)[-1] is A
    assert meter.enter(two.data["token"], now).result is A


def test_a_tariff_that_fixes_the_tariff_index(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "mappings/tariffs/uganda-domestic.yaml").read_text()
    fixed = tariff(text.replace("  unit: kWh\n", '  unit: kWh\n  ti: "07"\n', 1))
    machine = Machine(fresh_sqlite(tmp_path), terms=terms(tariffs=fixed))
    meter = coded()
    move_in(machine, meter)
    sold = machine.do(buy(20_000), "1")
    assert (sold.data["key_change"], sold.data["ti"]) == ("first", "07")
    assert take_all(meter, sold, machine.time.at_us)[-1] is A
    assert (meter.state.ti, meter.state.krn) == ("07", 1)
    assert (change(machine)["operator"], change(machine)["ro"]) == ("tariff", 0)
    machine.time.at_us += DAY_US
    assert machine.do(buy(5_000), "2").data["key_change"] == "again"
    assert len(machine.rows("SELECT id FROM key_change")) == 1
    failed = FailKeyChange(meter=METER, operator="alice", reason="no")
    assert machine.do(failed, "fail").data["state"] == "failed"
    machine.time.at_us += DAY_US
    sold = machine.do(buy(6_000), "3")
    assert (sold.data.get("kct"), sold.data["ti"]) == (None, "01"), "not tried again by itself"


def test_a_change_that_waits_takes_the_tariffs_index_with_it(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "mappings/tariffs/uganda-domestic.yaml").read_text()
    fixed = tariff(text.replace("  unit: kWh\n", '  unit: kWh\n  ti: "07"\n', 1))
    machine = begun(tmp_path, tariffs=fixed)
    sold = machine.do(buy(20_000), "1")
    assert (sold.data["krn"], sold.data["ti"], change(machine)["campaign"]) == (2, "07", "c1")
    assert take_all(coded(), sold, machine.time.at_us)[-1] is A


def test_last_tid_within_one_base_date_goes_on(tmp_path: Path) -> None:
    """RO=0: the meter remembers its TIDs, so the next token of the same minute has the next one."""
    machine = Machine(fresh_sqlite(tmp_path), terms=terms())
    meter = coded()
    move_in(machine, meter)
    old = machine.do(buy(5_000), "old")
    campaigned(machine, wanted(), "need")
    machine.time.at_us = MORNING_US + 1_000
    sold = machine.do(buy(20_000), "1")
    now = machine.time.at_us
    assert change(machine)["ro"] == 0
    assert meter.enter(old.data["token"], now).result is A, "old tokens go in first"
    assert take_all(meter, sold, now)[-1] is A
    assert on_file(machine)["last_tid"] > tid_at(now, BaseDate.Y2014)


def test_outcomes_are_done(tmp_path: Path) -> None:
    machine = begun(tmp_path)
    assert machine.do(buy(20_000), "1").outcome is Outcome.DONE
    assert machine.unaccounted() == 0

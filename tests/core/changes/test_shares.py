"""Shares in something common when one of the sharers leaves: ended, kept or passed on."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from core.billing.commons import weights_of
from core.billing.facts import Stated, state_facts
from core.changes.shares import MAX_SHARES
from core.store.ids import take
from tests.core.changes.life import agreed, asked, done, life, move, no, whole
from tests.hub.machine import Machine, enrol
from tests.hub.sales import drn_of, set_clock

OTHER = "100009"


def house(folder: Path, how: str) -> Machine:
    """Two flats share a lift: weights 2 and 1."""
    machine = life(folder, shares=how)
    done(machine, enrol(OTHER, drn_of(9), "+256700000009"))
    state(machine, (1, "lift", 2_000, "2026-01-01"), (2, "lift", 1_000, "2026-01-01"))
    return machine


def state(machine: Machine, *shares: tuple[int, str, int, str]) -> None:
    stated = [
        Stated(agreement=id_, kind="share", name=name, value=weight, word="B1",
               from_day=date.fromisoformat(day))
        for id_, name, weight, day in shares
    ]  # fmt: skip
    with machine.store.transaction() as tx:
        means = (lambda name, count: take(tx, name, count).start), machine.time.now_us()
        state_facts(tx, "demo", stated, means, "grace")


def weights(machine: Machine, period: int, name: str = "lift") -> dict[int, int]:
    """Days times thousandths of each sharer."""
    with machine.store.reader() as reader:
        return dict(weights_of(reader, "demo", "B1", name, period))


def left(machine: Machine, kind: str = "move-out", **more: Any) -> dict[str, Any]:
    """Read on the 21st, gone on the 22nd."""
    change = asked(machine, kind, **more)
    done(machine, move(change, "read", remaining_tenths=0))
    agreed(machine, change)
    set_clock(machine, "2026-11-22T09:00:00")
    answer = done(machine, move(change, "switch"))
    done(machine, move(change, "confirm", evidence="visit 3"))
    whole(machine)
    return answer


@pytest.mark.parametrize("how", ["ended", "passed"])
def test_he_bears_his_days_and_the_others_what_comes_after(tmp_path: Path, how: str) -> None:
    machine = house(tmp_path, how)
    assert left(machine)["shares_ended"] == ["lift"]
    assert weights(machine, 202611) == {1: 2_000 * 21, 2: 1_000 * 30}
    assert weights(machine, 202612) == {2: 1_000 * 31}
    assert machine.rows("SELECT source, operator, version, ended FROM agreement_fact "
                        "WHERE ended = 1") == [("change/1", "sarah", 1, 1)]  # fmt: skip


def test_kept_nobody_else_bears_more(tmp_path: Path) -> None:
    machine = house(tmp_path, "kept")
    assert "shares_ended" not in left(machine)
    assert weights(machine, 202612) == {1: 2_000 * 31, 2: 1_000 * 31}


def test_who_takes_over_shares_from_the_next_day(tmp_path: Path) -> None:
    machine = house(tmp_path, "passed")
    coming = {"to_account": "100002", "customer": "C9", "name": "Nakato Ruth"}
    assert left(machine, "take-over", **coming)["shares_passed"] == ["lift"]
    assert weights(machine, 202611) == {1: 2_000 * 21, 2: 1_000 * 30, 3: 2_000 * 9}


def test_who_moves_in_later_shares_from_his_first_day(tmp_path: Path) -> None:
    machine = house(tmp_path, "passed")
    left(machine)
    set_clock(machine, "2026-12-11T09:00:00")
    change = asked(
        machine, "move-in", "100002", point="S100001", tariff="uganda-domestic", mode="prepaid",
        customer="C9", name="Nakato Ruth",
    )  # fmt: skip
    agreed(machine, change)
    assert done(machine, move(change, "switch"))["shares_passed"] == ["lift"]
    assert weights(machine, 202612) == {2: 1_000 * 31, 3: 2_000 * 21}
    whole(machine)


def test_what_was_stated_for_later_days_ends_too(tmp_path: Path) -> None:
    machine = house(tmp_path, "ended")
    state(machine, (1, "lift", 5_000, "2026-12-15"), (1, "stairs", 1_000, "2027-01-01"))
    assert left(machine)["shares_ended"] == ["lift", "stairs"]
    for period in (202612, 202701):
        assert 1 not in weights(machine, period)
        assert weights(machine, period, "stairs") == {}


def test_one_that_an_operator_ended_before_is_not_passed_on(tmp_path: Path) -> None:
    machine = house(tmp_path, "passed")
    ended = Stated(agreement=1, kind="share", name="lift", from_day=date(2026, 11, 1), ended=True)
    with machine.store.transaction() as tx:
        means = (lambda name, count: take(tx, name, count).start), machine.time.now_us()
        state_facts(tx, "demo", [ended], means, "grace")
    coming = {"to_account": "100002", "customer": "C9", "name": "Nakato Ruth"}
    answer = left(machine, "take-over", **coming)
    assert "shares_passed" not in answer
    assert "shares_ended" not in answer


def test_more_than_a_flat_has_is_a_file_s_affair(tmp_path: Path) -> None:
    machine = house(tmp_path, "ended")
    state(machine, *((1, f"s{n}", 1, "2026-01-01") for n in range(MAX_SHARES)))
    change = asked(machine, "move-out")
    done(machine, move(change, "read", remaining_tenths=0))
    agreed(machine, change)
    no(machine, move(change, "switch"), "end them by a file")

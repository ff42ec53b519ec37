"""What a change costs: raised once with its money, shown, paid, undone with it; by which rules."""

from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.changes.kinds import KINDS
from core.collection.business import EVENTS, MAX_FEES
from core.collection.terms import BusinessFee, Fee, FeeVersion
from core.company import Operator
from core.messages import MeterLink, PauseService, RequestTokenAct, ResumeService
from tests.core.changes.life import (
    agreed,
    agreement,
    asked,
    balances,
    buy,
    credit,
    done,
    life_on,
    money,
    move,
    no,
    open_period,
    owed,
    planned,
    sold,
    whole,
)
from tests.core.collection.desk import TERMS, act
from tests.hub.machine import METER, Machine, enrol, fresh_sqlite, pay
from tests.hub.sales import drn_of

NEW = MeterLink(drn=drn_of(77), sgc="201457")
OPENING = {"opening": {"units": 0}}
USED = {"usage": {"units": 20_000}}
VISIT, SEAL = 11_800, 3_000


def rules(**events: Any) -> dict[str, tuple[BusinessFee, ...]]:
    return {name.replace("_", "-"): tuple(each) for name, each in events.items()}


def fee(code: str, pays: str = "account", *waived: str) -> BusinessFee:
    return BusinessFee(fee=code, pays=pays, waived=waived)


def place(folder: Path, mode: str = "prepaid", /, *, more: Any = None, **events: Any) -> Machine:
    """A household of a company that declares these fees. ``more``: of its collection."""
    machine = life_on(fresh_sqlite(folder), mode, **(more or {}))
    object.__setattr__(
        machine.terms, "collection", msgspec.structs.replace(
            TERMS, business=rules(**events), classes={"homes": ("uganda-domestic",)}
        ),
    )  # fmt: skip
    return machine


def settled(machine: Machine, kind: str, **more: Any) -> tuple[int, dict[str, Any]]:
    """Read where it is read, settled; its number and what the settlement answered."""
    reading = {k: more.pop(k) for k in ("remaining_tenths", "opening", "usage") if k in more}
    change = asked(machine, kind, **more)
    if reading:
        done(machine, move(change, "read", **reading))
    return change, agreed(machine, change)


def test_an_exchange_costs_its_fees_and_purchases_pay_what_the_catalogue_says(
    tmp_path: Path,
) -> None:
    machine = place(tmp_path, meter_exchange=[fee("visit"), fee("seal")])
    change, answer = settled(
        machine, "meter-exchange", meter=NEW, remaining_tenths=0, **OPENING
    )  # fmt: skip
    fees = [(each["fee"], each["amount"]) for each in answer["fees"]]
    assert fees == [("visit", VISIT), ("seal", SEAL)]
    assert owed(machine) == {"visit": VISIT, "seal": SEAL}, "not before it is switched"
    done(machine, move(change, "switch"))
    assert owed(machine) == {"visit": VISIT, "debt seal": SEAL}
    whole(machine)
    done(machine, money(20_000))
    done(machine, buy(5_000, meter=NEW.drn))
    assert owed(machine).get("debt seal", 0) == SEAL - 1_000, "a fifth of the tender"
    whole(machine)


def test_undone_it_costs_nothing_and_what_was_paid_is_credit(tmp_path: Path) -> None:
    machine = place(tmp_path, meter_exchange=[fee("visit"), fee("seal")])
    before = balances(machine)
    change, _ = settled(machine, "meter-exchange", meter=NEW, remaining_tenths=0, **OPENING)
    agreed(machine, change, "undo")
    assert (owed(machine), balances(machine)) == ({}, before)
    change, _ = settled(machine, "meter-exchange", meter=NEW, remaining_tenths=0, **OPENING)
    done(machine, pay(VISIT + SEAL))
    assert owed(machine) == {}
    agreed(machine, change, "undo")
    assert credit(machine) == VISIT + SEAL
    assert machine.rows("SELECT count(*) FROM open_item WHERE state = 'live'") == [(0,)]
    whole(machine)


def test_a_fee_that_was_waived_holds_the_undoing_up(tmp_path: Path) -> None:
    machine = place(tmp_path, meter_exchange=[fee("visit")])
    change, answer = settled(
        machine, "meter-exchange", meter=NEW, remaining_tenths=0, **OPENING
    )  # fmt: skip
    item = answer["fees"][0]["item"]
    done(machine, act("waiver", items=(item,), amount=100))
    no(machine, move(change, "undo"), "was changed by waiver meanwhile")


def test_the_class_of_the_tariff_waives_it(tmp_path: Path) -> None:
    machine = place(tmp_path, meter_exchange=[fee("visit", "account", "homes"), fee("seal")])
    _, answer = settled(machine, "meter-exchange", meter=NEW, remaining_tenths=0, **OPENING)
    assert [each["fee"] for each in answer["fees"]] == ["seal"]


def test_a_fee_without_a_price_today_is_none(tmp_path: Path) -> None:
    machine = place(tmp_path, move_out=[fee("visit"), fee("free"), fee("later")])
    later = FeeVersion(valid_from=date(2030, 1, 1), amount=5)
    free = FeeVersion(valid_from=date(2020, 1, 1), amount=0)
    terms = machine.terms.collection
    others = {
        code: Fee(code=code, label=code, item_class="fee", versions=(version,))
        for code, version in (("free", free), ("later", later))
    }
    fees = {**terms.fees, **others}
    object.__setattr__(machine.terms, "collection", msgspec.structs.replace(terms, fees=fees))
    _, answer = settled(machine, "move-out", remaining_tenths=0)
    assert [each["fee"] for each in answer["fees"]] == ["visit"]
    whole(machine)


def test_who_leaves_pays_out_of_his_security(tmp_path: Path) -> None:
    machine = place(tmp_path, move_out=[fee("visit")])
    done(machine, pay(20_000))
    done(machine, act("deposit", amount=20_000, deposit="guarantee"))
    change, answer = settled(machine, "move-out", remaining_tenths=0)
    assert answer["deposit_used"] >= VISIT
    assert owed(machine) == {}
    done(machine, move(change, "switch"))
    whole(machine)


def test_of_a_take_over_each_pays_his_own(tmp_path: Path) -> None:
    more = {"debts_follow": "service-point"}
    machine = place(
        tmp_path, more=more, take_over=[fee("visit", "leaves"), fee("seal", "comes")]
    )  # fmt: skip
    coming = {"to_account": "100002", "customer": "C9", "name": "Nakato Ruth"}
    change, answer = settled(machine, "take-over", remaining_tenths=0, **coming)
    assert [each["fee"] for each in answer["fees"]] == ["visit", "seal"]
    left = owed(machine)
    assert left["visit"] == VISIT, "his own: it does not stay with the place"
    assert owed(machine, "100002")["seal"] == SEAL
    done(machine, move(change, "switch"))
    assert owed(machine, "100002")["debt seal"] == SEAL, "his purchases pay it"
    assert owed(machine)["visit"] == VISIT
    whole(machine)


def test_who_moves_in_and_another_holder(tmp_path: Path) -> None:
    machine = place(tmp_path, move_in=[fee("seal")], holder=[fee("visit")])
    change, _ = settled(machine, "move-out", remaining_tenths=0)
    done(machine, move(change, "switch"))
    done(machine, move(change, "confirm", evidence="visit 3"))
    named = {"customer": "C9", "name": "Nakato Ruth"}
    change, answer = settled(
        machine, "move-in", account="100002", point="S100001", tariff="uganda-domestic",
        mode="prepaid", **named,
    )  # fmt: skip
    assert [each["fee"] for each in answer["fees"]] == ["seal"]
    done(machine, move(change, "switch"))
    assert owed(machine, "100002") == {"debt seal": SEAL}
    done(machine, move(change, "confirm", evidence="visit 3"))
    other = {"customer": "C10", "name": "Okot"}
    change, answer = settled(machine, "holder", account="100002", **other)
    assert [each["fee"] for each in answer["fees"]] == ["visit"]
    agreed(machine, change, "undo")
    assert owed(machine, "100002") == {"debt seal": SEAL}
    whole(machine)


@pytest.mark.parametrize("how", ["paid", "recovered"])
def test_a_final_bill_costs_and_does_not_hold_up_the_switch_to_tokens(
    tmp_path: Path, how: str
) -> None:
    machine = place(
        tmp_path, "postpaid", more={"final_bill": how},
        final_bill=[fee("visit")], to_prepaid=[fee("seal")],
    )  # fmt: skip
    open_period(machine)
    change = asked(machine, "to-prepaid")
    done(machine, move(change, "read", **USED))
    planned(machine)
    if how == "paid":
        done(machine, pay(sum(owed(machine).values())))
    answer = agreed(machine, change)
    assert sorted(each["fee"] for each in answer["fees"]) == ["seal", "visit"]
    done(machine, move(change, "switch"))
    assert agreement(machine)[1] == "prepaid"
    found = owed(machine)
    assert (found["visit"], found["debt seal"]) == (VISIT, SEAL)
    whole(machine)


def test_every_event_of_a_change_is_known_and_bounded() -> None:
    assert {*KINDS} <= {*EVENTS}
    assert MAX_FEES == 4


def reprint(machine: Machine, sale: dict[str, Any]) -> RequestTokenAct:
    name, operators = "desk", machine.terms.operators
    assert isinstance(operators, dict)
    operators[name] = Operator(frozenset({"vending-desk"}))
    return RequestTokenAct(
        operator=name, kind="reprint", meter=METER, reason="lost", token=sale["receipt"]
    )


def test_a_copy_at_the_desk_costs_once_each(tmp_path: Path) -> None:
    machine = place(tmp_path, reprint=[fee("visit"), fee("seal")])
    sale = sold(machine)
    answer = done(machine, reprint(machine, sale), "copy-1")
    assert [each["fee"] for each in answer["fees"]] == ["visit", "seal"]
    assert owed(machine) == {"visit": VISIT, "debt seal": SEAL}
    assert done(machine, reprint(machine, sale), "copy-1") == answer, "the same request"
    assert owed(machine) == {"visit": VISIT, "debt seal": SEAL}
    done(machine, reprint(machine, sale), "copy-2")
    assert owed(machine) == {"visit": 2 * VISIT, "debt seal": 2 * SEAL}
    keys = machine.rows("SELECT identity FROM open_item ORDER BY id")
    assert keys == [(f"fee/act/{n}/{code}",) for n in (1, 2) for code in ("visit", "seal")]
    whole(machine)


def test_service_again_costs_what_is_declared(tmp_path: Path) -> None:
    machine = place(tmp_path, reconnection=[fee("seal")], service_resumed=[fee("visit")])
    for why, code in (("disconnected", "seal"), ("vacant", "visit")):
        values: dict[str, Any] = {"operator": "sarah", "meter": METER, "why": why, "reason": "r"}
        done(machine, PauseService(**values))
        answer = done(machine, ResumeService(**values))
        assert [each["fee"] for each in answer["fees"]] == [code]
    assert owed(machine) == {"visit": VISIT, "debt seal": SEAL}
    whole(machine)


def test_nothing_declared_nothing_owed(tmp_path: Path) -> None:
    machine = place(tmp_path)
    assert machine.do(enrol("100009", drn_of(9), "+256700000009"), "another").outcome == "done"
    sale = sold(machine)
    assert "fees" not in done(machine, reprint(machine, sale))
    _, answer = settled(machine, "move-out", remaining_tenths=0)
    assert "fees" not in answer

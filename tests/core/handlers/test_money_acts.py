"""Acts of operators with money: instalments, late fees, refunds, write-offs, credit notes."""

from pathlib import Path

import msgspec
import pytest

from core.collection.act_kinds import MONEY_KINDS
from core.collection.act_steps import STEPS
from core.messages import ImportDebts
from core.messages.collection import OldDebt
from tests.core.collection.desk import (
    act,
    agreed,
    credit,
    debt,
    desk,
    done,
    money,
    opens,
    refused,
    whole,
    yes,
)
from tests.hub.machine import Machine, enrol

DAY_US = 86_400_000_000


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return desk(tmp_path)


def books(machine: Machine, kind: str) -> dict[str, int]:
    return dict(machine.rows(
        "SELECT p.ledger, sum(p.amount) FROM posting p JOIN ledger_txn t ON t.id = p.txn_id "
        "WHERE t.kind = :kind GROUP BY p.ledger", kind=kind))  # fmt: skip


def test_every_kind_has_its_steps() -> None:
    assert list(STEPS) == list(MONEY_KINDS)


def test_credit_is_paid_back_by_two_people(machine: Machine) -> None:
    done(machine, money(10_000))
    asked = act("pay-out", amount=4_000, way="transfer", desk="bank")
    waiting = done(machine, asked)
    assert (waiting["state"], credit(machine)) == ("requested", 10_000)
    assert refused(machine, yes(waiting["act"], "grace")).code == "act-no-role"
    assert refused(machine, yes(waiting["act"], "clerk")).code == "act-no-role"
    assert done(machine, yes(waiting["act"]))["credit"] == 6_000
    assert books(machine, "pay-out") == {"customer-credit": 4_000, "transfer:bank": -4_000}
    assert refused(machine, act("pay-out", amount=6_001)).code == "credit-insufficient"
    whole(machine)


def test_what_was_spent_before_the_approval_is_not_paid_out(machine: Machine) -> None:
    done(machine, money(10_000))
    waiting = done(machine, act("pay-out", amount=10_000))
    done(machine, act("deposit", deposit="equipment", amount=1))
    assert refused(machine, yes(waiting["act"])).code == "credit-insufficient"
    assert machine.rows("SELECT state FROM token_act WHERE kind = 'pay-out'") == [("refused",)]
    whole(machine)


def test_the_roles_are_those_of_the_table(machine: Machine) -> None:
    asked = act("write-off", operator="clerk", items=(1,))
    assert refused(machine, asked).code == "act-no-role"
    assert refused(machine, act("write-off", items=(1,), evidence="")).code == "act-wrong"
    assert refused(machine, act("write-off", items=(1,), reason=" ")).code == "act-wrong"
    assert refused(machine, act("theft")).code == "act-wrong"
    whole(machine)


def test_a_write_off_is_an_expense(machine: Machine) -> None:
    item = debt(machine, 9_000)
    assert agreed(machine, act("write-off", items=(item,), amount=4_000))["open"] == 5_000
    agreed(machine, act("write-off", items=(item,)))
    assert books(machine, "write-off") == {"expense:bad-debt": 9_000, "receivable:old-debt": -9_000}
    assert refused(machine, act("write-off", items=(item,))).code == "payment-not-now"
    whole(machine)


def test_small_change_is_waived_within_the_clerks_authority(machine: Machine) -> None:
    item = debt(machine, 1_000)
    first = act("waiver", operator="clerk", items=(item,), amount=100)
    assert done(machine, first)["state"] == "done"
    over = done(machine, act("waiver", items=(item,), amount=501))
    assert over["state"] == "requested", "above waive_alone a second person decides"
    again = act("waiver", operator="clerk", items=(item,), amount=51)
    assert refused(machine, again).code == "act-over-limit"
    done(machine, yes(over["act"]))
    assert opens(machine) == {"old-debt": 399}
    whole(machine)


def test_a_credit_note_mirrors_the_tax(machine: Machine) -> None:
    item = done(machine, act("fee", fee="visit"))["item"]
    done(machine, money(5_000))
    first = agreed(machine, act("credit-note", items=(item,), amount=3_333))
    assert (first["off"], first["back"]) == (3_333, 0)
    last = agreed(machine, act("credit-note", items=(item,)))
    assert (last["off"], last["back"]) == (3_467, 5_000), "what was paid becomes credit"
    notes = books(machine, "credit-note")
    assert (notes["revenue:visit"], notes["tax:vat"]) == (10_000, 1_800)
    assert machine.rows("SELECT state, open FROM open_item") == [("cancelled", 0)]
    assert credit(machine) == 5_000
    assert refused(machine, act("credit-note", items=(item,))).code == "payment-not-now"
    whole(machine)


def test_a_payment_of_what_was_credited_can_still_come_back(machine: Machine) -> None:
    item = done(machine, act("fee", fee="visit"))["item"]
    paid = done(machine, money(5_000))["payment"]
    agreed(machine, act("credit-note", items=(item,)))
    agreed(machine, act("reverse", payment=paid))
    assert (opens(machine), credit(machine)) == ({"visit": 5_000}, 5_000)
    whole(machine)


def test_instalments_take_the_place_of_what_was_owed(machine: Machine) -> None:
    debt(machine, 10_000, 2024)
    done(machine, act("fee", fee="visit"))
    plan = done(machine, act("plan", instalments=3, on="2026-11-30"))
    assert plan["total"] == 21_800
    assert machine.rows(
        "SELECT due, amount, item_class FROM open_item WHERE plan_id = :p ORDER BY id",
        p=plan["plan"],
    ) == [
        ("2026-11-30", 3_934, "fee"), ("2026-11-30", 3_333, "energy"),
        ("2026-12-30", 3_933, "fee"), ("2026-12-30", 3_334, "energy"),
        ("2027-01-30", 3_933, "fee"), ("2027-01-30", 3_333, "energy"),
    ]  # fmt: skip
    assert opens(machine) == {"instalment": 21_800}
    whole(machine)
    number = done(machine, money(21_800))["payment"]
    assert machine.rows("SELECT state FROM pay_plan") == [("kept",)]
    agreed(machine, act("reverse", payment=number))
    assert machine.rows("SELECT state FROM pay_plan") == [("active",)]
    whole(machine)
    left = done(machine, act("plan-break", plan=plan["plan"]))["left"]
    assert left == 21_800
    assert {row[0] for row in machine.rows("SELECT due FROM open_item WHERE plan_id > 0")} == {
        "2026-11-21"
    }
    assert refused(machine, act("plan-cancel", plan=plan["plan"])).code == "payment-not-now"
    whole(machine)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"instalments": 1, "on": "2026-11-30"}, "payment-wrong"),
        ({"instalments": 61, "on": "2026-11-30"}, "payment-wrong"),
        ({"instalments": 3, "on": "2026-11-20"}, "payment-wrong"),
        ({"instalments": 3, "on": "soon"}, "payment-wrong"),
        ({"instalments": 3, "on": "2026-11-30", "items": (99,)}, "payment-not-now"),
    ],
)
def test_a_plan_that_is_none_is_refused(
    machine: Machine, changes: dict[str, object], code: str
) -> None:
    debt(machine, 10_000)
    assert refused(machine, act("plan", **changes)).code == code
    whole(machine)


def test_a_plan_does_not_hide_its_penalties(machine: Machine) -> None:
    """They keep their class: they are paid first, and bear no late fee themselves."""
    done(machine, act("fee", fee="visit"))
    done(machine, act("fee", fee="cheque"))
    done(machine, act("plan", instalments=4, on="2026-11-22"))
    sums = machine.rows(
        "SELECT item_class, CAST(sum(amount) AS BIGINT), count(*) FROM open_item "
        "WHERE plan_id > 0 GROUP BY item_class ORDER BY item_class"
    )
    assert sums == [("fee", 11_800, 4), ("penalty", 5_000, 4)]
    by_day = machine.rows(
        "SELECT due, CAST(sum(amount) AS BIGINT) FROM open_item WHERE plan_id > 0 GROUP BY due"
    )
    assert {amount for _, amount in by_day} == {4_200}
    machine.time.at_us += 10 * 86_400_000_000
    owed = done(machine, act("late-fees", on="2026-12-01"))
    assert owed["owed"] == 27, "nine days of 0.1 % of the fee's 2,950, none of the penalty's 1,250"
    (late,) = owed["items"]
    ((penalty,),) = machine.rows(
        "SELECT min(id) FROM open_item WHERE plan_id > 0 AND item_class = 'penalty'"
    )
    paid = done(machine, money(1_277))["paid"]
    assert paid == {str(penalty): 1_250, str(late): 27}, "what is raised meanwhile is seen and paid"
    whole(machine)


def test_late_fees_are_reckoned_to_the_day_and_never_twice(machine: Machine) -> None:
    debt(machine, 100_000, 2025)  # due 2025-12-31; today is 2026-11-21, 325 days later
    first = done(machine, act("late-fees", on="2026-11-21"))
    assert first["owed"] == 32_500
    assert done(machine, act("late-fees", on="2026-11-21"))["owed"] == 0
    done(machine, money(132_500))
    assert opens(machine) == {}
    machine.time.at_us += 10 * DAY_US
    assert done(machine, act("late-fees", on="2026-12-01"))["owed"] == 0
    assert machine.rows("SELECT late_done FROM open_item WHERE kind = 'import'") == [(1,)]
    assert refused(machine, act("late-fees", on="2026-12-02")).code == "payment-wrong"
    whole(machine)


def test_a_cheque_that_came_back_makes_the_days_between_unpaid(machine: Machine) -> None:
    debt(machine, 100_000, 2025)
    number = done(machine, money(100_000, "cheque"))["payment"]
    machine.time.at_us += 10 * DAY_US
    assert done(machine, act("late-fees", on="2026-12-01"))["owed"] == 32_500
    done(machine, act("dishonour", payment=number))
    assert done(machine, act("late-fees", on="2026-12-01"))["owed"] == 1_000
    whole(machine)


def test_old_debts_are_taken_over_once_and_no_credit_is(machine: Machine) -> None:
    def taken(*debts: tuple[int, int]) -> ImportDebts:
        listed = tuple(OldDebt(account="100001", year=y, amount=a) for y, a in debts)
        return ImportDebts(operator="grace", source="old.csv", currency="UGX", debts=listed)

    assert done(machine, taken((2024, 7_000)))["owed"] == 7_000
    assert refused(machine, taken((2023, 5), (2024, 7_000))).code == "payment-not-now"
    for strange in (taken((2027, 5)), taken((2025, 0))):
        assert refused(machine, strange).code == "payment-wrong"
    one_person = refused(machine, taken((2023, 5), (2025, -3_000)))
    assert "by an act of two people" in one_person.args["what"]
    assert (opens(machine), credit(machine)) == ({"old-debt": 7_000}, 0)
    whole(machine)


def test_old_debts_are_taken_over_by_who_may(machine: Machine) -> None:
    old = OldDebt(account="100001", year=2024, amount=5)
    by = ImportDebts(operator="clerk", source="x", currency="UGX", debts=(old,))
    assert refused(machine, by).code == "act-no-role"
    strange = msgspec.structs.replace(by, operator="grace", currency="KES")
    assert refused(machine, strange).code == "currency-wrong"
    other = msgspec.structs.replace(old, item_class="rent")
    wrong = msgspec.structs.replace(by, operator="grace", debts=(other,))
    assert refused(machine, wrong).code == "payment-wrong"
    assert opens(machine) == {}
    whole(machine)


def test_an_item_of_another_account_is_not_touched(machine: Machine) -> None:
    done(machine, enrol("100002", "04123456792", "+256700000002"))
    item = debt(machine, 5_000)
    for kind in ("write-off", "waiver", "credit-note", "recover"):
        asked = act(kind, account="100002", items=(item,), amount=1)
        assert refused(machine, asked).code == "payment-unknown"
    assert refused(machine, money(9, account="100002", items=(item,))).code == "payment-unknown"
    number = done(machine, money(10))["payment"]
    asked = act("reverse", account="100002", payment=number)
    assert refused(machine, asked).code == "payment-unknown"
    whole(machine)


def test_credit_settles_what_is_owed(machine: Machine) -> None:
    done(machine, money(5_000))
    debt(machine, 3_000)
    assert done(machine, act("settle", amount=5_000))["used"] == 3_000
    assert (opens(machine), credit(machine)) == ({}, 2_000)
    assert refused(machine, act("settle", amount=2_001)).code == "credit-insufficient"
    whole(machine)


def test_a_credit_note_takes_it_off_the_debt_that_purchases_pay(machine: Machine) -> None:
    item = done(machine, act("fee", fee="seal"))["item"]
    assert machine.rows("SELECT outstanding FROM debt") == [(3_000,)]
    note = agreed(machine, act("credit-note", items=(item,), amount=1_000))
    assert (note["off"], note["back"]) == (1_000, 0)
    agreed(machine, act("credit-note", items=(item,)))
    assert machine.rows("SELECT outstanding FROM debt") == [(0,)]
    assert credit(machine) == 0
    whole(machine)


def test_an_amount_that_has_grown_is_asked_for_again(machine: Machine) -> None:
    item = debt(machine, 9_000)
    paid = done(machine, money(8_000))["payment"]
    reversal = done(machine, act("reverse", payment=paid))["act"]
    waiting = done(machine, act("write-off", items=(item,)))
    assert waiting["amount"] == 1_000
    done(machine, yes(reversal))
    answer = refused(machine, yes(waiting["act"]))
    assert "has changed from 1000 to 9000: ask again" in answer.args["what"]
    found = machine.rows("SELECT state FROM token_act WHERE kind = 'write-off'")
    assert found == [("refused",)]
    assert opens(machine) == {"old-debt": 9_000}
    agreed(machine, act("write-off", items=(item,)))
    whole(machine)


def not_credited(machine: Machine, item: int, amount: int = 0) -> str:
    """A credit note of this amount (0: all) is refused with this sentence."""
    answer = refused(machine, act("credit-note", items=(item,), amount=amount))
    assert answer.code == "payment-not-now"
    return str(answer.args["what"])


@pytest.mark.parametrize(
    ("kind", "says"), [("write-off", "was written off"), ("waiver", "was waived")]
)
def test_what_was_given_up_is_not_credited(machine: Machine, kind: str, says: str) -> None:
    item = done(machine, act("fee", fee="visit"))["item"]
    agreed(machine, act(kind, items=(item,), amount=1_800))
    done(machine, money(4_000))
    sentence = f"10000 of item {item} can be credited: 1800 of it {says}"
    assert not_credited(machine, item) == not_credited(machine, item, 10_001) == sentence
    note = agreed(machine, act("credit-note", items=(item,), amount=10_000))
    assert (note["off"], note["back"], credit(machine)) == (6_000, 4_000, 4_000)
    assert not_credited(machine, item).startswith(f"0 of item {item} can be credited")
    whole(machine)


def test_what_a_cheque_paid_is_credited_when_it_has_cleared(machine: Machine) -> None:
    item = done(machine, act("fee", fee="visit"))["item"]
    number = done(machine, money(11_800, "cheque"))["payment"]
    sentence = f"0 of item {item} can be credited: 11800 of it is paid by what has not cleared"
    assert not_credited(machine, item) == sentence
    agreed(machine, act("clear", payment=number))
    assert agreed(machine, act("credit-note", items=(item,)))["back"] == 11_800
    whole(machine)


def test_a_cheque_of_the_same_batch_is_seen(machine: Machine) -> None:
    item = done(machine, act("fee", fee="visit"))["item"]
    waiting = done(machine, act("credit-note", items=(item,)))["act"]
    machine.accept(money(11_800, "cheque"), "cheque")
    heard = machine.accept(yes(waiting), "yes")
    machine.settle()
    assert "not cleared" in machine.answer(heard[0].message_id).args["what"]
    assert credit(machine) == 0
    whole(machine)


def test_a_cheque_that_came_back_leaves_the_item_to_be_credited(machine: Machine) -> None:
    item = done(machine, act("fee", fee="visit"))["item"]
    number = done(machine, money(11_800, "cheque"))["payment"]
    done(machine, act("dishonour", payment=number))
    note = agreed(machine, act("credit-note", items=(item,)))
    assert (note["off"], note["back"], credit(machine)) == (11_800, 0, 0)
    whole(machine)


def test_what_a_plan_holds_is_not_credited(machine: Machine) -> None:
    item = done(machine, act("fee", fee="visit"))["item"]
    done(machine, money(1_800))
    done(machine, act("plan", instalments=2, on="2026-12-01"))
    sentence = f"1800 of item {item} can be credited: 10000 of it is in instalments of a plan"
    assert not_credited(machine, item) == sentence
    assert agreed(machine, act("credit-note", items=(item,), amount=1_800))["back"] == 1_800
    whole(machine)


@pytest.mark.parametrize("kind", ["pay-out", "deposit-refund"])
@pytest.mark.parametrize("desk_", ["", " ", "a:b"])
def test_money_is_paid_out_at_a_desk(machine: Machine, kind: str, desk_: str) -> None:
    done(machine, money(9_000))
    done(machine, act("deposit", deposit="guarantee", amount=2_000))
    asked = act(kind, deposit="guarantee", amount=1_000, desk=desk_)
    assert refused(machine, asked).code == "payment-wrong"
    whole(machine)


def test_a_security_pays_only_items_that_are_owed(machine: Machine) -> None:
    done(machine, money(9_000))
    done(machine, act("deposit", deposit="guarantee", amount=2_000))
    item = debt(machine, 5_000)
    asked = act("deposit-use", deposit="guarantee", amount=500, items=(item, 99))
    assert "owes nothing on item 99" in refused(machine, asked).args["what"]
    strange = msgspec.structs.replace(asked, items=(item,), rule="no such rule")
    assert refused(machine, strange).code == "payment-wrong"
    assert done(machine, msgspec.structs.replace(asked, items=(item,)))["used"] == 500
    whole(machine)


def test_a_fee_is_of_an_agreement_of_its_account(machine: Machine) -> None:
    done(machine, enrol("100002", "04123456792", "+256700000002"))
    ((own,), (other,)) = machine.rows("SELECT id FROM agreement ORDER BY account_id")
    for agreement in (other, 99):
        asked = act("fee", fee="visit", agreement=agreement)
        assert f"has no agreement {agreement}" in refused(machine, asked).args["what"]
    item = done(machine, act("fee", fee="visit", agreement=own))["item"]
    assert machine.rows("SELECT id, agreement_id FROM open_item") == [(item, own)]
    whole(machine)

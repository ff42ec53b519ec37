"""One table: every reason with what is done, who owns it, until when, and what then."""

from itertools import product
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from core.company import SaleLimits
from core.messages import Outcome
from core.refusals import OPERATOR
from core.wallets.held_states import (
    MOVES,
    REASON_OF,
    RUNNING,
    SUSPENDED,
    TABLE,
    HeldMove,
    HeldState,
    moved,
    rule_of,
)
from core.wallets.terms import HeldRule, Unvendable, Wallet, WalletTerms
from tests.core.collection.desk import credit, debt, opens, whole
from tests.core.wallets.purse import (
    METER,
    WALLETS,
    balance,
    block_rules,
    do,
    done,
    held,
    pay_in,
    purse,
    sweep,
    told,
    wallets,
)
from tests.hub.machine import Machine, buy, pay

HOUR = 3_600


def block(machine: Machine, reason: str = "tamper", state: str = "blocked") -> None:
    with machine.store.transaction() as tx:
        tx.run("UPDATE meter SET state = :state, block_reason = :reason", state=state,
               reason=reason)  # fmt: skip


def test_every_reason_has_its_row() -> None:
    assert set(TABLE) == set(get_args(Unvendable))
    assert set(REASON_OF) <= set(OPERATOR)
    assert set(REASON_OF.values()) <= set(TABLE)
    for reason, row in TABLE.items():
        assert row.rule.owner
        assert row.rule.hours > 0
        assert rule_of(WalletTerms(), reason) is row.rule


def test_the_company_may_say_otherwise() -> None:
    own = HeldRule(owner="somebody", hours=5, then="refund")
    assert rule_of(WalletTerms(held={"unknown": own}), "unknown") is own


@pytest.mark.parametrize(("state", "step"), [*product(HeldState, HeldMove)])
def test_what_is_not_in_the_table_cannot_happen(state: HeldState, step: HeldMove) -> None:
    after = moved(state, step)
    assert after is MOVES.get((state, step))
    if state not in (*SUSPENDED, *RUNNING):
        assert after is None


def test_an_unknown_reference_goes_to_its_owner_again_and_again(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(7_000, "who knows"))
    assert sweep(machine, 71 * HOUR) == []
    assert [each["outcome"] for each in sweep(machine, 2 * HOUR)] == ["overdue"]
    assert [each["outcome"] for each in sweep(machine, 73 * HOUR)] == ["overdue"]
    assert machine.rows("SELECT lapses, owner FROM held_money") == [(2, "wallets")]
    whole(machine)


def test_a_blocked_meter_is_held_and_vended_when_it_is_open(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    block(machine)
    assert done(machine, pay_in(20_000))["outcome"] == "blocked"
    assert [each["outcome"] for each in sweep(machine, HOUR)] == ["held"]
    assert balance(machine, "suspense:wallet") == -20_000
    block(machine, "", "active")
    assert [each["outcome"] for each in sweep(machine, HOUR)] == ["sold"]
    assert held(machine) == [("blocked", "released", 0, METER)]
    assert machine.rows("SELECT outcome, sale_id > 0 FROM wallet_payment") == [("sold", 1)]
    assert [row[0] for row in told(machine)] == ["pay-in-held", "token"]
    whole(machine)


def test_what_is_held_too_long_is_due_back(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    block(machine, "", "exchanged")
    assert done(machine, pay_in(20_000))["outcome"] == "exchanging"
    for _ in range(100):
        if [each["outcome"] for each in sweep(machine, HOUR)] == ["refund-due"]:
            break
    assert held(machine) == [("exchanging", "refund-due", 20_000, METER)]
    assert sweep(machine, 1_000 * HOUR) == []
    whole(machine)


def test_where_a_provider_gives_nothing_back_people_decide(tmp_path: Path) -> None:
    machine = purse(tmp_path, wallets=wallets(
        held={"exchanging": HeldRule(owner="field", hours=1, then="refund")},
        wallets={"mpesa": _no_refunds()},
    ))  # fmt: skip
    block(machine, "", "exchanged")
    done(machine, pay_in(20_000))
    assert [each["outcome"] for each in sweep(machine, HOUR)] == ["overdue"]
    whole(machine)


def _no_refunds() -> Wallet:
    return msgspec.structs.replace(WALLETS.wallets["mpesa"], refunds=False)


def test_after_its_time_it_is_credit_of_its_account(tmp_path: Path) -> None:
    rule = HeldRule(owner="field", hours=1, then="credit")
    machine = purse(tmp_path, wallets=wallets(held={"exchanging": rule}))
    block(machine, "", "exchanged")
    done(machine, pay_in(20_000))
    assert [each["outcome"] for each in sweep(machine, HOUR)] == ["credited"]
    assert (credit(machine), balance(machine, "suspense:wallet")) == (20_000, 0)
    assert told(machine)[-1][0] == "pay-in-credited"
    whole(machine)


def test_small_money_ends_as_plain_credit(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(200))
    assert [each["outcome"] for each in sweep(machine, 721 * HOUR)] == ["credited"]
    assert credit(machine) == 200
    data = done(machine, pay_in(20_000))
    assert data["tender"] == 20_000
    whole(machine)


def test_small_money_that_was_spent_is_not_used_again(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(400))
    done(machine, pay(19_600))
    done(machine, buy(20_000))
    data = done(machine, pay_in(30_000))
    assert data["tender"] in (30_000, 30_400)
    assert data["tender"] == 30_000 or credit(machine) >= 0
    whole(machine)


def test_over_a_limit_it_is_held(tmp_path: Path) -> None:
    machine = purse(tmp_path, limits=SaleLimits(per_day_meter=30_000))
    assert done(machine, pay_in(20_000))["outcome"] == "sold"
    assert done(machine, pay_in(20_000))["outcome"] == "over-limit"
    assert done(machine, pay_in(9_000))["outcome"] == "sold"
    assert [each["outcome"] for each in sweep(machine, 20 * HOUR)] == ["sold"]
    whole(machine)


def test_another_currency_is_held_as_it_came(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    assert done(machine, pay_in(50, currency="USD"))["outcome"] == "differs"
    assert machine.rows("SELECT currency, reason FROM held_money") == [("USD", "differs")]
    sweep(machine, 100 * HOUR)
    whole(machine)


def test_no_money_and_no_wallet_are_refused(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    for message, code in (
        (pay_in(0), "tender-not-positive"),
        (pay_in(-5), "tender-not-positive"),
        (pay_in(5_000, wallet="mtn"), "wallet-unknown"),
        (pay_in(5_000, receipt="  "), "wallet-receipt"),
        (pay_in(1_000_000), "wallet-unproved"),
    ):
        answer = do(machine, message)
        assert (answer.outcome, answer.code) == (Outcome.REFUSED, code)
    assert machine.rows("SELECT * FROM wallet_payment") == []
    large = pay_in(1_000_000, receipt="BIG1", proof="status")
    assert done(machine, large)["outcome"] == "sold"
    whole(machine)


def test_an_amount_beyond_any_sale_is_held(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    data = done(machine, pay_in(10**15, proof="status"))
    assert data["outcome"] == "over-limit"
    whole(machine)


def test_a_closed_account_is_held(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    with machine.store.transaction() as tx:
        tx.run("UPDATE account SET state = 'closed'")
    for typed in (METER, "100001"):
        assert done(machine, pay_in(7_000, typed))["outcome"] == "refused"
    whole(machine)


def test_debts_are_paid_first_where_the_meter_is_blocked(tmp_path: Path) -> None:
    machine = purse(tmp_path, collection=block_rules())
    debt(machine, 5_000)
    block(machine)
    data = done(machine, pay_in(7_000))
    assert (data["outcome"], data["debts"]) == ("blocked", 5_000)
    assert (opens(machine), held(machine)[0][2]) == ({}, 2_000)
    assert done(machine, pay_in(1_000))["outcome"] == "blocked"
    whole(machine)


def test_debts_that_blocked_the_sale_are_paid_and_the_rest_is_sold(tmp_path: Path) -> None:
    machine = purse(tmp_path, collection=block_rules())
    debt(machine, 15_000)
    few = done(machine, pay_in(3_000))
    assert (few["outcome"], few["debts"]) == ("paid", 3_000)
    data = done(machine, pay_in(40_000))
    assert (data["outcome"], data["debts"], data["tender"]) == ("sold", 12_000, 28_000)
    assert (opens(machine), credit(machine)) == ({}, data["carried_forward"])
    whole(machine)

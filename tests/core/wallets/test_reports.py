"""What becomes of a collection: every word of a provider against every state, and the money."""

from pathlib import Path
from typing import Any

import pytest

from core.messages import Outcome
from core.wallets.reports import TOLD
from core.wallets.states import MOVES, OPEN, WalletMove, WalletState
from tests.core.collection.desk import money, wrongs
from tests.core.wallets.payer import (
    WALLET,
    Purse,
    asked,
    bill,
    do,
    done,
    no,
    paid,
    purse,
    says,
    vend,
)

#: How a collection comes to each state.
ROADS: dict[str, tuple[str, ...]] = {
    "created": (),
    "sent": ("sent",),
    "pending": ("sent", "pending"),
    "unknown": ("sent", "unknown"),
    "failed": ("sent", "failed"),
    "applied": ("sent", "paid"),
    "disputed": ("sent", "differs"),
}
SAID = ("sent", "pending", "not-sent", "failed", "unknown", "paid", "differs")


@pytest.fixture
def machine(tmp_path: Path) -> Purse:
    return purse(tmp_path)


def say(machine: Purse, reference: str, word: str, receipt: str = "R1") -> dict[str, Any]:
    """The provider's word; the answer."""
    if word in ("paid", "differs"):
        amount = 20_000 if word == "paid" else 19_999
        return done(machine, paid(reference, receipt, amount))
    return done(machine, says(reference, word))


@pytest.mark.parametrize("word", SAID)
@pytest.mark.parametrize("state", ROADS)
def test_every_word_in_every_state(machine: Purse, state: str, word: str) -> None:
    reference = asked(machine)
    for step in ROADS[state]:
        say(machine, reference, step)
    before = machine.payment()
    assert before["state"] == state
    say(machine, reference, word, "R1" if not before["receipt"] else "R2")
    after = MOVES.get((WalletState(state), WalletMove(word)))
    if after is WalletState.PAID:
        after = WalletState.APPLIED  # in the same transaction
    now = machine.payment()
    assert now["state"] == (after or state)
    rows = machine.rows("SELECT number, paid, outcome, about_id FROM wallet_payment ORDER BY id")
    money_came = word in ("paid", "differs")
    if money_came and before["receipt"]:  # another receipt: money beside it, held
        extra = 20_000 if word == "paid" else 19_999
        assert rows[1] == ("W-000002", extra, "differs", now["id"])
        assert now == before
    else:
        assert len(rows) == 1
    assert wrongs(machine) == []
    assert len(machine.rows("SELECT id FROM token")) == (now["outcome"] == "sold")


def test_a_word_twice_changes_nothing(machine: Purse) -> None:
    reference = asked(machine)
    for word in ("sent", "pending", "unknown", "failed"):
        first = say(machine, reference, word)
        row = machine.payment()
        again = say(machine, reference, word)
        assert (first["changed"], again["changed"]) == (True, False)
        assert machine.payment() == row
    assert machine.told() == ["wallet-open", "wallet-provider"]


def test_what_was_paid_is_vended_in_the_same_transaction(machine: Purse) -> None:
    reference = asked(machine)
    said = done(machine, paid(reference, fee=200, at=5))
    row = machine.payment()
    assert (row["state"], row["outcome"], row["paid"], row["fee"]) == (
        "applied", "sold", 20_000, 200,
    )  # fmt: skip
    assert (row["proof"], row["provider_at"], row["receipt"]) == ("notice", 5, "R1")
    ((payment, way, desk, known),) = machine.rows("SELECT id, way, desk, reference FROM payment")
    ((sale, token, at),) = machine.rows(
        "SELECT s.id, t.digits, s.priced_at FROM sale s JOIN token t ON t.cause_id = s.id"
    )
    assert (payment, sale) == (row["payment_id"], row["sale_id"])
    assert (way, desk, known) == ("wallet", WALLET, "R1")
    assert said["token"] == token
    assert at == row["paid_at"] == row["applied_at"]
    assert machine.ledgers()["wallet:airtel"] == 20_000
    ((carried,),) = machine.rows("SELECT carried_forward FROM sale")
    assert machine.ledgers().get("customer-credit", 0) == -carried
    assert machine.told() == ["token"]


def test_the_same_money_told_again_is_the_same(machine: Purse) -> None:
    reference = asked(machine)
    first = done(machine, paid(reference))
    for proof in ("notice", "status", "pull", "statement"):
        again = done(machine, paid(reference, proof=proof))
        assert (again["number"], again["changed"]) == (first["number"], False)
    assert len(machine.rows("SELECT id FROM token")) == 1
    assert machine.told() == ["token"]


def test_a_late_approval_is_vended_at_its_own_instant(machine: Purse) -> None:
    reference = asked(machine, vend(quoted_tenths=None))
    say(machine, reference, "sent")
    say(machine, reference, "failed")
    machine.time.at_us += 40 * 86_400_000_000
    done(machine, paid(reference))
    row = machine.payment()
    ((priced,),) = machine.rows("SELECT priced_at FROM sale")
    assert (row["state"], row["ended_at"], row["reason"]) == ("applied", 0, "")
    assert priced == row["paid_at"] > row["deadline"]
    assert machine.told() == ["wallet-provider", "wallet-late", "token"]


def test_the_quote_of_then_does_not_stand_against_money_that_came(machine: Purse) -> None:
    from tests.hub.machine import buy

    done(machine, money(20_000))
    quoted = done(machine, buy())["units_tenths"]
    machine.time.at_us += 3_600_000_000
    reference = asked(machine, vend(21_000, quoted_tenths=None))
    row = asked(machine, vend(20_000, quoted_tenths=None, another=True))
    assert quoted
    done(machine, paid(row, "R2"))
    done(machine, paid(reference, "R1", 21_000))
    assert len(machine.rows("SELECT id FROM token")) == 3


ALTERED: list[tuple[str, dict[str, Any]]] = [
    ("less", {"amount": 19_999}),
    ("more", {"amount": 20_001}),
    ("another currency", {"currency": "KES"}),
]


@pytest.mark.parametrize("changes", [a[1] for a in ALTERED], ids=[a[0] for a in ALTERED])
def test_what_differs_is_held_and_no_sale(machine: Purse, changes: dict[str, Any]) -> None:
    reference = asked(machine)
    done(machine, paid(reference, **changes))
    row = machine.payment()
    assert (row["state"], row["outcome"], row["sale_id"]) == ("disputed", "differs", 0)
    assert row["detail"].startswith("differs: ")
    ((reason, amount, currency),) = machine.rows("SELECT reason, rest, currency FROM held_money")
    assert (reason, amount) == ("differs", changes.get("amount", 20_000))
    assert currency == changes.get("currency", "UGX")
    assert machine.rows("SELECT id FROM token") == []
    assert machine.told() == ["pay-in-held"]


@pytest.mark.parametrize("changes", [a[1] for a in ALTERED], ids=[a[0] for a in ALTERED])
def test_the_same_receipt_with_another_amount_books_nothing(
    machine: Purse, changes: dict[str, Any]
) -> None:
    reference = asked(machine)
    done(machine, paid(reference))
    books = machine.ledgers()
    done(machine, paid(reference, **changes))
    assert machine.ledgers() == books
    assert machine.payment()["detail"].startswith("altered: ")


def test_one_receipt_for_two_collections_is_one_payment(machine: Purse) -> None:
    first, second = asked(machine), asked(machine, vend(another=True))
    done(machine, paid(first))
    books = machine.ledgers()
    done(machine, paid(second))
    assert machine.ledgers() == books
    assert machine.payment("W-000002")["state"] == "created"
    assert machine.payment("W-000002")["detail"].startswith("two-collections: ")
    done(machine, paid(second, "R2"))
    assert machine.payment("W-000002")["state"] == "applied"


def test_money_under_a_reference_that_nobody_gave_is_held(machine: Purse) -> None:
    done(machine, paid("never-asked"))
    row = machine.payment()
    assert (row["kind"], row["typed"], row["outcome"]) == ("pay-in", "never-asked", "unknown")
    assert machine.ledgers() == {"wallet:airtel": 20_000, "suspense:wallet": -20_000}
    again = done(machine, paid("never-asked"))
    assert (again["pay_in"], again["changed"]) == (row["id"], False)
    for word in ("sent", "pending", "not-sent", "failed", "unknown", "reversed"):
        assert no(machine, says("never-asked", word)) == "wallet-reference-unknown"


def test_money_of_another_wallet_is_not_this_collections(machine: Purse) -> None:
    reference = asked(machine)
    assert no(machine, says(reference, "failed", wallet="mtn")) == "wallet-reference-unknown"
    done(machine, paid(reference, wallet="mtn"))
    assert machine.payment()["state"] == "created"
    assert machine.ledgers() == {"wallet:mtn": 20_000, "suspense:wallet": -20_000}
    done(machine, paid(reference))
    assert machine.ledgers()["wallet:airtel"] == 20_000


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"receipt": ""}, "wallet-report-wrong"),
        ({"receipt": "R" * 65}, "wallet-report-wrong"),
        ({"amount": 0}, "wallet-report-wrong"),
        ({"amount": -20_000}, "wallet-report-wrong"),
        ({"amount": 10**13}, "wallet-report-wrong"),
        ({"currency": ""}, "wallet-report-wrong"),
    ],
)
def test_a_report_that_cannot_be_books_nothing(
    machine: Purse, changes: dict[str, Any], code: str
) -> None:
    reference = asked(machine)
    assert no(machine, paid(reference, **changes)) == code
    assert machine.payment()["state"] == "created"
    assert machine.ledgers() == {}


def test_a_large_amount_is_not_believed_to_a_notice(machine: Purse) -> None:
    reference = asked(machine, vend(1_000_000))
    assert no(machine, paid(reference, amount=1_000_000)) == "wallet-unproved"
    done(machine, paid(reference, amount=1_000_000, proof="status"))
    assert machine.payment()["outcome"] == "sold"


def test_a_fee_beyond_the_amount_is_none(machine: Purse) -> None:
    for fee, receipt in ((-1, "R1"), (20_001, "R2")):
        reference = asked(machine, vend(another=True))
        done(machine, paid(reference, receipt, fee=fee))
    assert machine.rows("SELECT DISTINCT fee FROM wallet_payment") == [(0,)]


@pytest.mark.parametrize("reason", [*TOLD, "", "of another kind"])
def test_every_end_is_told_in_its_own_sentence(machine: Purse, reason: str) -> None:
    reference = asked(machine)
    done(machine, says(reference, "failed", reason=reason, code="1032", detail="x"))
    row = machine.payment()
    assert (row["state"], row["code"], row["ended_at"] > 0) == ("failed", "1032", True)
    assert machine.told() == [TOLD.get(reason, "wallet-provider")]


def test_not_sent_is_an_end_before_anything_left_and_not_after(machine: Purse) -> None:
    first = asked(machine)
    done(machine, says(first, "not-sent", reason="timeout"))
    assert machine.payment()["state"] == "failed"
    assert machine.told() == ["wallet-timeout"]
    second = asked(machine)
    done(machine, says(second, "sent"))
    done(machine, says(second, "not-sent"))
    assert machine.payment("W-000002")["state"] == "sent"


def test_a_second_payment_of_one_collection_is_kept_apart(machine: Purse) -> None:
    reference = asked(machine)
    done(machine, paid(reference))
    done(machine, paid(reference, "R2"))
    first, second = machine.payment(), machine.payment("W-000002")
    assert (second["about_id"], second["kind"], second["paid"]) == (first["id"], "pay-in", 20_000)
    assert second["detail"].startswith("paid-twice: ")
    assert machine.ledgers()["suspense:wallet"] == -20_000
    assert len(machine.rows("SELECT id FROM token")) == 1
    again = done(machine, paid(reference, "R2"))
    assert again["changed"] is False
    assert machine.told() == ["token", "pay-in-held"]


def test_a_bill_is_paid_by_the_rule_of_payments(machine: Purse) -> None:
    reference = asked(machine, bill())
    done(machine, paid(reference, amount=5_000))
    row = machine.payment()
    assert (row["outcome"], row["target"], row["account_id"] > 0) == ("paid", "100001", True)
    assert machine.ledgers() == {"wallet:airtel": 5_000, "customer-credit": -5_000}
    assert machine.told() == ["payment"]


def test_a_sale_that_cannot_be_made_any_more_holds_the_money(machine: Purse) -> None:
    reference = asked(machine)
    with machine.store.transaction() as tx:
        tx.run("UPDATE meter SET state = 'blocked', block_reason = 'debt'")
    done(machine, paid(reference))
    row = machine.payment()
    assert (row["state"], row["outcome"], row["held_id"] > 0) == ("applied", "blocked", True)
    assert machine.ledgers() == {"wallet:airtel": 20_000, "suspense:wallet": -20_000}
    assert machine.told() == ["pay-in-held"]


def test_taken_back_without_money_is_an_end(machine: Purse) -> None:
    reference = asked(machine)
    done(machine, says(reference, "reversed"))
    assert machine.payment()["state"] == "failed"


def test_money_that_was_taken_back_is_owed_by_the_one_handler_of_reversals(machine: Purse) -> None:
    reference = asked(machine)
    done(machine, paid(reference))
    done(machine, says(reference, "reversed", code="R1"))
    done(machine, says(reference, "reversed", code="R1"))
    row = machine.payment()
    assert (row["state"], row["outcome"]) == ("refunded", "sold")
    assert machine.ledgers().get("wallet:airtel", 0) == 0
    assert len(machine.rows("SELECT id FROM wallet_case")) == 1


def test_the_list_of_states_is_whole(machine: Purse) -> None:
    assert {*OPEN} <= {WalletState(state) for state in ROADS}
    assert do(machine, vend(), "last").outcome is Outcome.DONE

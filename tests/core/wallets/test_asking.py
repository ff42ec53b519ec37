"""What stands against a purchase is said before anybody is asked for money."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from core.company import SaleLimits
from core.messages import ConfirmVend, Outcome
from core.wallets.states import OPEN
from tests.core.wallets.payer import (
    OTHER,
    Purse,
    asked,
    bill,
    do,
    done,
    me,
    no,
    plan_of,
    purse,
    purse_on,
    vend,
)
from tests.hub.machine import METER, PHONE, enrol, fresh_sqlite

STRANGER = "+256770000009"


@pytest.fixture
def machine(tmp_path: Path) -> Purse:
    return purse(tmp_path)


def test_the_payer_is_asked_by_the_wallet_of_his_network(machine: Purse) -> None:
    said = done(machine, vend())
    (ask,) = machine.asked()
    row = machine.payment()
    assert (ask.channel, ask.wallet, ask.payer) == ("airtel", "airtel", PHONE)
    assert (ask.amount, ask.currency, ask.shown) == (20_000, "UGX", METER)
    assert (ask.reference, ask.collection) == (said["reference"], said["collection"])
    assert UUID(ask.reference).version == 4
    assert ask.deadline == row["created_at"] + 180_000_000 == said["deadline"]
    assert (said["wallet_name"], said["number"]) == ("Airtel Money", "W-000001")
    assert (row["state"], row["asked"], row["paid"], row["receipt"]) == ("created", 20_000, 0, "")
    assert machine.ledgers() == {}
    assert machine.told() == []


def test_a_repeat_of_the_message_asks_nobody_twice(machine: Purse) -> None:
    first = do(machine, vend(), "k1")
    assert do(machine, vend(), "k1") == first
    assert len(machine.asked()) == 1


def test_references_are_their_own(machine: Purse) -> None:
    references = {asked(machine, vend(20_000 + each)) for each in range(5)}
    assert len(references) == 5


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("a digit of the meter is wrong", {"meter": "04123456780"}, "meter-check-digit"),
    ("no such meter", {"meter": "04123456800"}, "meter-unknown"),
    ("nothing", {"amount": 0}, "tender-not-positive"),
    ("less than nothing", {"amount": -20_000}, "tender-not-positive"),
    ("beyond all wallets", {"amount": 10**13}, "tender-not-positive"),
    ("less than the wallet takes", {"amount": 499}, "wallet-too-little"),
    ("more than it takes", {"amount": 5_000_001}, "wallet-too-much"),
    ("another currency", {"currency": "KES"}, "currency-wrong"),
    ("no wallet of ours", {"wallet": "purse"}, "wallet-none"),
    ("no network of ours", {"payer": "+256310000001"}, "wallet-none"),
    ("no phone number", {"wallet": "mtn", "payer": "0770-12"}, "wallet-wrong"),
    ("too little for a token", {"amount": 600}, "tender-too-small"),
    ("the quote was another", {"quoted_tenths": 7}, "quote-changed"),
]


@pytest.mark.parametrize(("options", "code"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_what_would_be_refused_is_refused_now(
    machine: Purse, options: dict[str, Any], code: str
) -> None:
    assert no(machine, vend(**options)) == code
    assert machine.asked() == []


def test_what_does_not_go_together_is_a_mistake_of_a_program(machine: Purse) -> None:
    good = vend()
    assert good.vend is not None
    for bad in (
        replace(good, vend=replace(good.vend, tender=1)),
        replace(good, vend=None),
        replace(good, account="100001"),
        replace(bill(), vend=good.vend),
        replace(bill(), account=""),
        replace(bill(), purpose="top-up"),
    ):
        assert no(machine, bad) == "wallet-wrong"


def test_a_blocked_meter_and_the_limits_of_sales(tmp_path: Path) -> None:
    url = fresh_sqlite(tmp_path)
    machine = purse_on(url, limits=SaleLimits(per_sale=30_000, per_day_phone=25_000))
    assert no(machine, vend(31_000)) == "limit-per-sale"
    assert no(machine, vend(26_000)) == "limit-per-day-phone"
    with machine.store.transaction() as tx:
        tx.run("UPDATE meter SET state = 'blocked', block_reason = 'debt'")
    assert no(machine, vend()) == "meter-blocked"


def test_nobody_is_asked_twice_for_the_same(machine: Purse) -> None:
    reference = asked(machine)
    assert no(machine, vend()) == "wallet-asked"
    asked(machine, vend(21_000))
    asked(machine, vend(another=True))
    asked(machine, vend(phone=STRANGER, holder_confirmed=True))
    machine.time.at_us += 11 * 60_000_000
    asked(machine)
    assert reference == machine.asked()[0].reference
    assert len(machine.asked()) == 5
    assert machine.payment()["state"] in OPEN


def test_two_wishes_in_one_batch_ask_once(machine: Purse) -> None:
    for key in ("a", "b"):
        machine.accept(vend(), key)
    machine.settle()
    assert len(machine.asked()) == 1


def test_anothers_meter_is_asked_about_first(machine: Purse) -> None:
    answer = do(machine, vend(phone=STRANGER))
    assert (answer.code, answer.args["holder"]) == ("confirm-holder", "O***** D*****")
    assert machine.asked() == []
    asked(machine, vend(phone=STRANGER, holder_confirmed=True))
    assert plan_of(machine).payer == STRANGER


def test_yes_by_text_asks_the_wallet_and_not_the_account(machine: Purse) -> None:
    done(machine, enrol("100002", OTHER, STRANGER, customer="C2", service_point="S2"))
    answer = do(machine, vend(phone=STRANGER, answer_by_notice=True))
    assert answer.code == "confirm-holder"
    assert machine.told() == ["confirm-holder"]
    yes = ConfirmVend(phone=STRANGER, code=answer.args["code"], reply=me(STRANGER))
    said = done(machine, yes)
    (ask,) = machine.asked()
    assert (ask.payer, ask.reference, ask.wallet) == (STRANGER, said["reference"], "mtn")
    assert do(machine, yes).code == "confirm-taken"
    again = do(machine, vend(phone=STRANGER, answer_by_notice=True))
    assert again.outcome is Outcome.REFUSED
    assert len(machine.asked()) == 1


def test_a_refusal_is_told_to_who_reads_texts_only(machine: Purse) -> None:
    no(machine, vend(499, answer_by_notice=True))
    assert machine.told() == ["wallet-too-little"]


def test_a_bill(machine: Purse) -> None:
    said = done(machine, bill())
    (ask,) = machine.asked()
    assert (ask.shown, ask.amount, said["amount"]) == ("100001", 5_000, 5_000)
    assert no(machine, bill()) == "wallet-asked"
    assert no(machine, bill(account="999999")) == "account-unknown"


def test_a_company_without_wallets_asks_nobody(tmp_path: Path) -> None:
    from core.wallets.terms import WalletTerms

    machine = purse(tmp_path)
    machine.terms  # noqa: B018 - the household of a company that declares none
    other = Purse(machine.url, machine.time, replace_terms(machine, WalletTerms()))
    assert no(other, vend()) == "wallet-none"


def replace_terms(machine: Purse, wallets: Any) -> Any:
    """The same company with other wallets."""
    from dataclasses import replace as changed

    return changed(machine.terms, wallets=wallets)

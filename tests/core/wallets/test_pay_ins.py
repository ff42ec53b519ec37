"""Money that came by itself: vended, booked, or held with a reason; once, whoever tells of it."""

from pathlib import Path

from core.messages import Outcome
from tests.core.collection.desk import credit, debt, opens, whole
from tests.core.wallets.purse import (
    METER,
    PAYER,
    balance,
    do,
    done,
    held,
    pay_in,
    purse,
    told,
)
from tests.hub.machine import PHONE


def test_a_meter_that_was_typed_gets_its_token(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    data = done(machine, pay_in(20_000, payer=PAYER, payer_form="open"))
    assert (data["outcome"], data["meter"], len(data["token"])) == ("sold", METER, 20)
    assert told(machine) == [("token", f"+{PAYER}")]
    assert balance(machine, "wallet:mpesa") == 20_000
    whole(machine)


def test_the_token_of_a_hidden_payer_goes_to_the_meters_phone(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(20_000, payer="2547 ***** 126", payer_form="masked"))
    done(machine, pay_in(20_000))
    assert told(machine) == [("token", PHONE)] * 2
    whole(machine)


def test_what_nobody_can_read_is_held(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    for typed in ("for my mother", "04123456785", "999999", ""):
        assert done(machine, pay_in(7_000, typed))["outcome"] == "unknown"
    assert {(row[0], row[1], row[2]) for row in held(machine)} == {("unknown", "held", 7_000)}
    assert balance(machine, "suspense:wallet") == -28_000
    whole(machine)


def test_the_same_receipt_is_the_same_money(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    first = done(machine, pay_in(20_000, receipt="RKT1"))
    again = done(machine, pay_in(20_000, receipt="RKT1", proof="statement"), "another key")
    assert again == {name: first[name] for name in ("payment", "wallet", "receipt", "outcome")} | {
        "known": True
    }
    wrong = do(machine, pay_in(21_000, receipt="RKT1"), "a third")
    assert (wrong.outcome, wrong.code) == (Outcome.REFUSED, "wallet-differs")
    assert balance(machine, "wallet:mpesa") == 20_000
    whole(machine)


def test_money_of_no_currency_is_asked_for_again(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    assert do(machine, pay_in(7_000, currency="")).code == "wallet-report-wrong"
    assert (held(machine), balance(machine, "wallet:mpesa")) == ([], 0)
    whole(machine)


def test_too_little_waits_for_the_next_payment(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    small = done(machine, pay_in(200))
    assert (small["outcome"], held(machine)) == ("small", [("small", "waits", 200, METER)])
    nearly = done(machine, pay_in(small["missing"] - 1))
    assert (nearly["outcome"], nearly["missing"]) == ("small", 1)
    data = done(machine, pay_in(1))
    assert (data["outcome"], data["tender"]) == ("sold", 200 + small["missing"])
    assert held(machine) == [("small", "used", 0, METER)] * 2
    assert [row[0] for row in told(machine)] == ["pay-in-small", "pay-in-small", "token"]
    assert credit(machine) == data["carried_forward"]
    whole(machine)


def test_an_account_a_bill_and_a_float(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    item = debt(machine, 5_000)
    assert done(machine, pay_in(2_000, f"ORD {item}"))["outcome"] == "paid"
    assert done(machine, pay_in(4_000, "ACC 100001"))["outcome"] == "paid"
    assert (opens(machine), credit(machine)) == ({}, 1_000)
    from tests.core.agents.shop import opened

    opened(machine)
    assert done(machine, pay_in(9_000, "A1"))["balance"] == 9_000
    whole(machine)

""" "My payment": receipt and meter bring the token again, a few times an hour."""

from pathlib import Path

from core.messages import AskMyPayment, Outcome
from core.messages.vending import Recipient
from tests.core.collection.desk import whole
from tests.core.wallets.purse import METER, do, done, pay_in, purse, told

STRANGER = "+256772123456"


def ask(receipt: str = "RKT1", meter: str = METER, phone: str = STRANGER) -> AskMyPayment:
    reply = (Recipient(way="sms", address=phone),)
    return AskMyPayment(
        phone=phone, receipt=receipt, meter=meter, reply=reply, answer_by_notice=True
    )


def test_whoever_knows_both_reads_the_same_digits(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    sold = done(machine, pay_in(20_000, receipt="RKT1"))
    found = done(machine, ask())
    assert (found["token"], found["copy"], found["tender"]) == (sold["token"], True, 20_000)
    assert done(machine, ask(" RKT1 ", METER.removeprefix("0")))["token"] == sold["token"]
    assert told(machine)[-1] == ("token-copy", STRANGER)
    assert machine.rows("SELECT count(*) FROM token") == [(1,)]
    whole(machine)


def test_one_of_the_two_is_not_enough(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(20_000, receipt="RKT1"))
    for receipt, meter in (("RKT2", METER), ("RKT1", "04123456792"), ("", METER)):
        answer = do(machine, ask(receipt, meter))
        assert (answer.outcome, answer.code) == (Outcome.REFUSED, "my-payment-unknown")
    whole(machine)


def test_money_without_a_token_is_told(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(200, receipt="RKT1"))
    answer = do(machine, ask())
    assert (answer.code, answer.args["payment"]) == ("my-payment-waits", "W-000001")
    assert told(machine)[-1] == ("refusal", STRANGER)


def test_guessing_ends_for_an_hour(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(20_000, receipt="RKT1"))
    codes = [do(machine, ask(f"RKT{n}")).code for n in range(2, 7)]
    assert codes == ["my-payment-unknown"] * 3 + ["asks-too-often"] * 2
    assert do(machine, ask()).code == "asks-too-often"
    assert done(machine, ask(phone="+256772000000"))["copy"]
    machine.time.at_us += 3_601_000_000
    assert done(machine, ask())["copy"]
    assert machine.rows("SELECT count(*) FROM wallet_asks") == [(2,)]
    whole(machine)

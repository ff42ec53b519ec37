"""Another holder's meter by SMS waits for YES; a phone with several accounts names one."""

from pathlib import Path
from typing import Any

import pytest

from core.messages import Answer, ConfirmVend, Outcome, PhoneLink
from core.messages.vending import Recipient
from tests.hub.machine import METER, PHONE, Machine, buy, enrol, fresh_sqlite, pay
from tests.hub.sales import change, drn_of, refused

MINUTE_US = 60_000_000
NEIGHBOUR = "+256700000002"
OTHERS = drn_of(1)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Okello with money, and the neighbour whose meter he buys for."""
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "enrol")
    machine.do(enrol("100002", OTHERS, NEIGHBOUR, name="Namubiru Jane"), "enrol2")
    machine.do(pay(100_000), "pay")
    return machine


def yes(code: str, phone: str = PHONE) -> ConfirmVend:
    return ConfirmVend(phone=phone, code=code, reply=(Recipient(way="sms", address=phone),))


def asked(machine: Machine, key: str = "buy", tender: int = 20_000) -> str:
    """The code under which a purchase for the neighbour waits; each time another one."""
    machine.time.drawn += 16 * 1_234
    args = refused(machine.do(buy(tender, OTHERS), key), "confirm-holder")
    assert args["holder"] == "N***** J*****"
    return str(args["code"])


def sales(machine: Machine) -> int:
    ((count,),) = machine.rows("SELECT count(*) FROM sale")
    return int(count)


def templates(machine: Machine) -> list[str]:
    return [out.message.template for out in machine.channel.sent]


def test_the_code_is_asked_for_and_yes_within_ten_minutes_buys(machine: Machine) -> None:
    code = asked(machine)
    assert sales(machine) == 0
    machine.time.at_us += 9 * MINUTE_US + 59_000_000
    answer = machine.do(yes(code), "yes")
    assert answer.outcome is Outcome.DONE
    assert (answer.data["meter"], answer.data["account"]) == (OTHERS, "100001")
    assert templates(machine) == ["confirm-holder", "token"]
    credits = dict(machine.rows("SELECT number, credit FROM account"))
    assert credits == {"100001": 80_000, "100002": answer.data["carried_forward"]}
    assert machine.unaccounted() == 0


def test_after_ten_minutes_it_is_over(machine: Machine) -> None:
    code = asked(machine)
    machine.time.at_us += 10 * MINUTE_US
    refused(machine.do(yes(code), "yes1"), "confirm-expired")
    assert sales(machine) == 0
    assert templates(machine) == ["confirm-holder", "refusal"]


def test_of_two_questions_under_one_code_only_the_newer_can_be_bought(machine: Machine) -> None:
    first, second = asked(machine, "a", 20_000), asked(machine, "b", 30_000)
    change(machine, "UPDATE confirmation SET code = :c WHERE code = :d", c=first, d=second)
    assert machine.do(yes(first), "yes1").data["tender"] == 30_000
    refused(machine.do(yes(first), "yes2"), "confirm-taken")
    assert sales(machine) == 1


def test_a_wrong_code_buys_nothing_and_leaves_the_purchase_waiting(machine: Machine) -> None:
    code = asked(machine)
    wrong = f"{(int(code) + 1) % 10_000:04d}"
    refused(machine.do(yes(wrong), "yes1"), "confirm-unknown")
    assert sales(machine) == 0
    assert machine.do(yes(code), "yes2").outcome is Outcome.DONE


def test_the_code_of_another_phone_buys_nothing(machine: Machine) -> None:
    code = asked(machine)
    refused(machine.do(yes(code, NEIGHBOUR), "yes"), "confirm-unknown")
    assert sales(machine) == 0


def test_yes_twice_is_one_sale(machine: Machine) -> None:
    code = asked(machine)
    first = machine.do(yes(code), "yes1")
    assert first.outcome is Outcome.DONE
    refused(machine.do(yes(code), "yes2"), "confirm-taken")
    assert sales(machine) == 1


def test_yes_twice_in_one_batch_is_one_sale(machine: Machine) -> None:
    code = asked(machine)
    heard = [machine.accept(yes(code), key) for key in ("yes1", "yes2")]
    machine.settle()
    answers = [machine.answer(each[0].message_id) for each in heard]
    assert [answer.outcome for answer in answers] == [Outcome.DONE, Outcome.REFUSED]
    assert sales(machine) == 1


def test_the_network_delivers_yes_twice(machine: Machine) -> None:
    code = asked(machine)
    first = machine.do(yes(code), "yes")
    heard = machine.accept(yes(code), "yes")
    machine.settle()
    assert heard[0].repeat
    assert heard[0].answer == first
    assert sales(machine) == 1
    assert templates(machine) == ["confirm-holder", "token"]


def test_two_questions_wait_side_by_side(machine: Machine) -> None:
    codes = [asked(machine, "a", 20_000), asked(machine, "b", 30_000)]
    assert codes[0] != codes[1]
    assert machine.do(yes(codes[1]), "yes1").data["tender"] == 30_000
    assert machine.do(yes(codes[0]), "yes2").data["tender"] == 20_000


def test_the_same_question_twice_is_a_likely_repeat_at_the_second_yes(machine: Machine) -> None:
    codes = [asked(machine, "a"), asked(machine, "b")]
    first = machine.do(yes(codes[0]), "yes1")
    second = machine.do(yes(codes[1]), "yes2")
    refused(second, "likely-repeat")
    assert second.data["token"] == first.data["token"]
    assert sales(machine) == 1


def test_what_stands_against_the_sale_at_the_yes_leaves_it_waiting(machine: Machine) -> None:
    code = asked(machine)
    change(machine, "UPDATE meter SET state = 'blocked' WHERE drn = :d", d=OTHERS)
    answer = machine.do(yes(code), "yes1")
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "meter-blocked")
    change(machine, "UPDATE meter SET state = 'active' WHERE drn = :d", d=OTHERS)
    assert machine.do(yes(code), "yes2").outcome is Outcome.DONE


def test_the_price_is_that_of_the_yes(machine: Machine) -> None:
    """A question is no sale: the month that has begun meanwhile is the one that counts."""
    code = asked(machine)
    machine.do(buy(9_000, OTHERS, NEIGHBOUR), "theirs")  # refused: no money; nothing moved
    machine.do(pay(50_000, "100002"), "pay2")
    own = machine.do(buy(9_000, OTHERS, NEIGHBOUR), "own")
    assert own.outcome is Outcome.DONE
    answer = machine.do(yes(code), "yes")
    assert "service" not in {line["code"] for line in answer.data["lines"]}


def test_on_a_screen_the_holder_is_shown_and_nothing_waits(machine: Machine) -> None:
    answer = machine.do(buy(20_000, OTHERS, answer_by_notice=False), "a")
    assert answer.code == "confirm-holder"
    assert "code" not in answer.args
    assert machine.rows("SELECT count(*) FROM confirmation") == [(0,)]
    agreed = machine.do(buy(20_000, OTHERS, holder_confirmed=True), "b")
    assert agreed.outcome is Outcome.DONE


# --- several accounts ------------------------------------------------------------------------


@pytest.fixture
def two(machine: Machine) -> Machine:
    """Okello's phone may spend a second account, too."""
    second = enrol("100003", drn_of(3), customer="C100001", phones=(PhoneLink(msisdn=PHONE),))
    assert machine.do(second, "enrol3").outcome is Outcome.DONE
    machine.do(pay(60_000, "100003"), "pay3")
    return machine


def bought(machine: Machine, key: str, **options: Any) -> Answer:
    return machine.do(buy(20_000, another=True, holder_confirmed=True, **options), key)


def test_each_meter_is_paid_by_its_own_account(two: Machine) -> None:
    assert bought(two, "a", meter=METER).data["account"] == "100001"
    assert bought(two, "b", meter=drn_of(3)).data["account"] == "100003"


def test_for_a_meter_of_another_one_account_must_be_named(two: Machine) -> None:
    refused(bought(two, "a", meter=OTHERS), "account-ambiguous")
    assert sales(two) == 0
    assert bought(two, "b", meter=OTHERS, account="100003").data["account"] == "100003"
    credits = dict(two.rows("SELECT number, credit FROM account"))
    assert (credits["100001"], credits["100003"]) == (100_000, 40_000)


def test_a_named_account_is_used_even_for_the_own_meter(two: Machine) -> None:
    assert bought(two, "a", meter=METER, account="100003").data["account"] == "100003"


def test_only_an_account_of_the_phone_can_be_named(two: Machine) -> None:
    refused(bought(two, "a", meter=METER, account="100002"), "account-not-yours")
    refused(bought(two, "b", meter=METER, account="999999"), "account-not-yours")
    change(two, "UPDATE account SET state = 'closed' WHERE number = '100003'")
    refused(bought(two, "c", meter=METER, account="100003"), "account-closed")
    assert sales(two) == 0


def test_the_question_keeps_the_named_account(two: Machine) -> None:
    args = refused(two.do(buy(20_000, OTHERS, account="100003"), "a"), "confirm-holder")
    assert two.do(yes(args["code"]), "yes").data["account"] == "100003"

"""``YES nnnn`` and ``LAST``, through the whole machine."""

from pathlib import Path
from typing import Any

import pytest

from core.company import SaleLimits
from core.messages import (
    Answer,
    AskLastTokens,
    ConfirmVend,
    CreditVend,
    MeterLink,
    Outcome,
    Recipient,
)
from tests.hub.machine import METER, PHONE, Machine, buy, demo_terms, enrol, fresh_sqlite, pay

OTHER_METER, OTHER_PHONE = "01000000008", "+256700000002"
MINUTE_US = 60_000_000


def two_households(folder: Path, **terms: Any) -> Machine:
    """100001 with 50,000 and 100002 of Akello Grace with another meter."""
    machine = Machine(fresh_sqlite(folder), terms=demo_terms(**terms))
    machine.do(enrol(), "enrol1")
    meter = MeterLink(drn=OTHER_METER, sgc="201457")
    second = enrol("100002", phone=OTHER_PHONE, meter=meter, name="Akello Grace")
    machine.do(second, "enrol2")
    machine.do(pay(50_000), "pay")
    return machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return two_households(tmp_path)


def ask(machine: Machine, key: str = "ask", **options: Any) -> str:
    """Ask to buy for the other's meter; the code that the SMS names."""
    answer = machine.do(buy(meter=OTHER_METER, **options), key)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "confirm-holder")
    assert answer.args["holder"] == "A***** G*****"
    assert machine.channel.sent[-1].message.template == "confirm-holder"
    return str(answer.args["code"])


def yes(machine: Machine, code: str, key: str = "yes", phone: str = PHONE) -> Answer:
    reply = (Recipient(way="sms", address=phone),)
    return machine.do(ConfirmVend(phone=phone, code=code, reply=reply), key)


def sales(machine: Machine) -> int:
    return int(machine.rows("SELECT count(*) FROM sale")[0][0])


def test_a_yes_buys_what_was_asked_from_the_buyers_account(machine: Machine) -> None:
    code = ask(machine)
    assert sales(machine) == 0
    answer = yes(machine, code)
    assert answer.outcome is Outcome.DONE
    assert (answer.data["meter"], answer.data["account"]) == (OTHER_METER, "100001")
    assert machine.rows("SELECT number, credit FROM account ORDER BY id") == [
        ("100001", 30_000),
        ("100002", answer.data["carried_forward"]),
    ]
    assert machine.rows("SELECT state FROM confirmation") == [("taken",)]
    assert machine.channel.sent[-1].message.template == "token"


def test_a_second_yes_buys_nothing(machine: Machine) -> None:
    code = ask(machine)
    yes(machine, code)
    answer = yes(machine, code, "yes-again")
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "confirm-taken")
    assert sales(machine) == 1


def test_two_of_one_batch_are_one_purchase(machine: Machine) -> None:
    code = ask(machine)
    heard = [machine.accept(ConfirmVend(phone=PHONE, code=code), f"yes{n}") for n in range(2)]
    machine.settle()
    answers = [machine.answer(each[0].message_id) for each in heard]
    assert [answer.code for answer in answers] == ["ok", "confirm-taken"]
    assert sales(machine) == 1


@pytest.mark.parametrize(("code", "phone"), [("0000", PHONE), (None, OTHER_PHONE)])
def test_a_wrong_code_or_anothers_phone_buys_nothing(
    machine: Machine, code: str | None, phone: str
) -> None:
    asked = ask(machine)
    wrong = code if code is not None and code != asked else asked if code is None else "0001"
    answer = yes(machine, wrong, phone=phone)
    assert answer.code == "confirm-unknown"
    assert sales(machine) == 0


@pytest.mark.parametrize("late_us", [0, 1, 24 * 60 * MINUTE_US])
def test_a_yes_that_comes_too_late_is_told_so(machine: Machine, late_us: int) -> None:
    code = ask(machine)
    ((expires,),) = machine.rows("SELECT expires FROM confirmation")
    machine.time.at_us = expires + late_us
    machine.sweeper.step()
    answer = yes(machine, code)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "confirm-expired")
    assert sales(machine) == 0
    assert machine.channel.sent[-1].message.args["code"] == "confirm-expired"


def test_a_yes_in_the_last_minute_is_in_time(machine: Machine) -> None:
    code = ask(machine)
    ((expires,),) = machine.rows("SELECT expires FROM confirmation")
    machine.time.at_us = expires - MINUTE_US
    assert yes(machine, code).outcome is Outcome.DONE


def test_a_yes_that_is_refused_may_be_said_again_when_the_money_is_there(
    machine: Machine,
) -> None:
    code = ask(machine, tender=45_000)
    machine.do(buy(20_000), "own")
    assert yes(machine, code).code == "credit-insufficient"
    machine.do(pay(20_000), "more")
    assert yes(machine, code, "yes2").outcome is Outcome.DONE


def test_only_the_newest_purchase_of_a_code_is_confirmed(machine: Machine) -> None:
    first = ask(machine)
    with machine.store.transaction() as tx:
        tx.run("UPDATE confirmation SET code = '7777'")
    ask(machine, "ask2", tender=10_000)
    with machine.store.transaction() as tx:
        tx.run("UPDATE confirmation SET code = '7777'")
    assert first
    assert yes(machine, "7777").data["tender"] == 10_000


def test_a_confirmed_purchase_counts_against_the_limits(tmp_path: Path) -> None:
    machine = two_households(tmp_path, limits=SaleLimits(per_day_phone=25_000))
    machine.do(buy(10_000), "own")
    code = ask(machine)
    assert yes(machine, code).code == "limit-per-day-phone"
    assert sales(machine) == 1


def test_a_menu_that_has_asked_already_needs_no_yes(machine: Machine) -> None:
    answer = machine.do(buy(meter=OTHER_METER, holder_confirmed=True), "menu")
    assert answer.outcome is Outcome.DONE
    assert machine.rows("SELECT count(*) FROM confirmation") == [(0,)]


def test_without_a_way_to_tell_the_code_none_is_made(machine: Machine) -> None:
    command = CreditVend(meter=OTHER_METER, tender=20_000, currency="UGX", phone=PHONE)
    answer = machine.do(command, "api")
    assert answer.code == "confirm-holder"
    assert "code" not in answer.args
    assert machine.rows("SELECT count(*) FROM confirmation") == [(0,)]


# --- LAST -----------------------------------------------------------------------------------------


def last(machine: Machine, phone: str = PHONE, key: str = "last") -> Answer:
    reply = (Recipient(way="sms", address=phone),)
    return machine.do(AskLastTokens(phone=phone, reply=reply), key)


def test_the_last_three_tokens_are_the_same_digits_newest_first(machine: Machine) -> None:
    tokens = []
    for number in range(4):
        machine.time.at_us += 11 * MINUTE_US
        tokens.append(machine.do(buy(10_000, another=True), f"b{number}").data["token"])
    answer = last(machine)
    assert [sale["token"] for sale in answer.data["sales"]] == tokens[:0:-1]
    assert machine.channel.sent[-1].message.template == "last-tokens"
    assert sales(machine) == 4


def test_a_sale_of_the_same_batch_is_among_them(machine: Machine) -> None:
    bought = machine.accept(buy(), "b1")
    asked = machine.accept(AskLastTokens(phone=PHONE), "last")
    machine.settle()
    token = machine.answer(bought[0].message_id).data["token"]
    found = machine.answer(asked[0].message_id).data["sales"]
    assert [sale["token"] for sale in found] == [token]


def test_who_bought_nothing_has_none_and_a_stranger_is_refused(machine: Machine) -> None:
    assert last(machine, OTHER_PHONE).data["sales"] == []
    assert last(machine, "+256711111111", "l2").code == "phone-not-registered"


def test_the_meters_own_sale_is_shown_to_who_bought_it(machine: Machine) -> None:
    yes(machine, ask(machine))
    assert [sale["meter"] for sale in last(machine).data["sales"]] == [OTHER_METER]
    assert METER not in str(last(machine, key="l2").data)

"""Taking on customers and telling balances, through the whole machine."""

from pathlib import Path
from typing import Any

import pytest

from core.handlers.accounts import MAX_PHONES
from core.messages import (
    AskBalance,
    Enrol,
    MeterLink,
    Outcome,
    PhoneLink,
    Recipient,
    SendNotice,
    SetLanguage,
)
from core.queries.customer import phone_view
from tests.hub.machine import METER, PHONE, Machine, buy, enrol, fresh_sqlite, pay

OTHER_METER, OTHER_PHONE = "01000000008", "+256700000002"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(fresh_sqlite(tmp_path))
    assert machine.do(enrol(), "enrol").outcome is Outcome.DONE
    return machine


def other(**changes: Any) -> Enrol:
    values = {"meter": MeterLink(drn=OTHER_METER, sgc="201457"), "phone": OTHER_PHONE, **changes}
    number = values.pop("number", "100002")
    return enrol(number, phone=values.pop("phone"), **values)


def count(machine: Machine, table: str) -> int:
    return int(machine.rows(f"SELECT count(*) FROM {table}")[0][0])


def test_everything_is_written_and_linked(machine: Machine) -> None:
    tables = "customer account service_point agreement agreement_state meter meter_install phone"
    assert {table: count(machine, table) for table in tables.split()} == dict.fromkeys(
        tables.split(), 1
    )
    assert machine.rows(
        "SELECT c.name, a.number, s.number, g.tariff, m.drn, p.msisdn, pm.name FROM customer c "
        "JOIN account a ON a.customer_id = c.id JOIN agreement g ON g.account_id = a.id "
        "JOIN service_point s ON s.id = g.service_point_id "
        "JOIN meter_install i ON i.service_point_id = s.id JOIN meter m ON m.id = i.meter_id "
        "JOIN phone_account l ON l.account_id = a.id JOIN phone p ON p.id = l.phone_id "
        "JOIN phone_meter pm ON pm.phone_id = p.id AND pm.meter_id = m.id"
    ) == [("Okello Daniel", "100001", "S100001", "uganda-domestic", METER, PHONE, "Home")]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"number": "100001"}, "account 100001 exists"),
        ({"tariff": "atlantis"}, "no tariff atlantis; there are: uganda-domestic"),
        ({"currency": "KES"}, "currency KES; Demo Power keeps UGX"),
        ({"meter": MeterLink(drn=METER, sgc="201457")}, f"meter {METER} is on file already"),
        ({"meter": MeterLink(drn="04123456789", sgc="1")}, "last digit"),
        ({"meter": MeterLink(drn="0412", sgc="1")}, "11 or 13"),
        (
            {"phones": tuple(PhoneLink(msisdn=f"+25670000{n:04d}") for n in range(9))},
            f"9 phones; at most {MAX_PHONES}",
        ),
        ({"phones": (PhoneLink(msisdn=PHONE), PhoneLink(msisdn=PHONE))}, "named twice"),
        (
            {"meter": MeterLink(drn="01000000008", sgc="201457", max_credit_tenths=0)},
            "takes no credit",
        ),
    ],
)
def test_a_conflict_refuses_the_whole(machine: Machine, changes: dict[str, Any], says: str) -> None:
    before = {table: count(machine, table) for table in ("customer", "account", "meter", "phone")}
    answer = machine.do(other(**changes), "second")
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "enrol-conflict")
    assert says in answer.args["what"]
    assert before == {table: count(machine, table) for table in before}


def test_two_of_one_batch_see_each_other(machine: Machine) -> None:
    first = machine.accept(other(), "a")
    second = machine.accept(other(number="100003"), "b")
    machine.settle()
    assert machine.answer(first[0].message_id).outcome is Outcome.DONE
    answer = machine.answer(second[0].message_id)
    assert f"meter {OTHER_METER} is on file already" in answer.args["what"]


def test_a_customer_who_is_known_gets_one_more_account(machine: Machine) -> None:
    again = other(customer="C100001", phone=PHONE)
    assert machine.do(again, "again").outcome is Outcome.DONE
    assert count(machine, "customer") == 1
    assert count(machine, "account") == 2
    assert count(machine, "phone") == 1
    assert count(machine, "phone_account") == 2


def test_the_most_phones_that_are_allowed_are_taken(machine: Machine) -> None:
    phones = tuple(PhoneLink(msisdn=f"+25670000{n:04d}") for n in range(100, 100 + MAX_PHONES))
    assert machine.do(other(phones=phones), "many").outcome is Outcome.DONE
    assert count(machine, "phone") == 1 + MAX_PHONES


def test_who_is_enrolled_blocked_is_blocked(machine: Machine) -> None:
    blocked = MeterLink(drn=OTHER_METER, sgc="201457", blocked="tamper")
    machine.do(other(meter=blocked), "blocked")
    machine.do(pay(50_000, "100002"), "pay")
    answer = machine.do(buy(meter=OTHER_METER, phone=OTHER_PHONE), "buy")
    assert (answer.code, answer.args["reason"]) == ("meter-blocked", "tamper")


@pytest.mark.parametrize("mode", ["postpaid"])
def test_who_is_billed_after_use_buys_no_token(machine: Machine, mode: str) -> None:
    machine.do(other(mode=mode), "postpaid")
    answer = machine.do(buy(meter=OTHER_METER, phone=OTHER_PHONE), "buy")
    assert answer.code == "meter-not-prepaid"


def test_an_account_without_a_meter_can_be_paid(machine: Machine) -> None:
    assert machine.do(other(meter=None), "no-meter").outcome is Outcome.DONE
    assert machine.do(pay(5, "100002"), "pay").data["credit"] == 5


# --- BALANCE --------------------------------------------------------------------------------------


def ask(machine: Machine, phone: str = PHONE, key: str = "balance") -> Any:
    reply = (Recipient(way="sms", address=phone),)
    return machine.do(AskBalance(phone=phone, reply=reply), key)


def test_the_balance_says_credit_and_what_is_left_of_the_first_block(machine: Machine) -> None:
    machine.do(pay(50_000), "pay")
    before = ask(machine)
    machine.do(buy(), "buy")
    after = ask(machine, key="balance2")
    assert (before.data["credit"], after.data["credit"]) == (50_000, 30_002)
    assert before.data["block_left_milli"] - after.data["block_left_milli"] in (
        28_100,
        before.data["block_left_milli"],
    )
    assert [o.message.template for o in machine.channel.sent] == ["balance", "token", "balance"]


def test_a_strangers_balance_is_refused_by_a_notice(machine: Machine) -> None:
    answer = ask(machine, "+256711111111")
    assert answer.code == "phone-not-registered"
    assert [o.message.template for o in machine.channel.sent] == ["refusal"]


def test_a_language_is_kept_for_the_phone_and_its_texts_are_in_it(machine: Machine) -> None:
    answer = machine.do(SetLanguage(phone=PHONE, language="fr"), "language")
    assert answer.outcome is Outcome.DONE
    with machine.store.reader() as reader:
        assert phone_view(reader, machine.terms, PHONE).language == "fr"
    reply = (Recipient(way="sms", address=PHONE, language="en"),)
    machine.do(AskBalance(phone=PHONE, reply=reply), "balance")
    (told,) = [out.message for out in machine.channel.sent]
    assert isinstance(told, SendNotice)
    assert told.language == "fr"


def test_a_strangers_language_is_not_kept(machine: Machine) -> None:
    answer = machine.do(SetLanguage(phone=OTHER_PHONE, language="fr"), "language")
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "phone-not-registered")
    assert machine.rows("SELECT msisdn FROM phone") == [(PHONE,)]

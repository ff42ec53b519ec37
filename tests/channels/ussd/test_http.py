"""The HTTP face as an aggregator meets it: forms in, CON and END out."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from adapters.ussd.africastalking import MAX_FORM_BYTES
from core.messages import Recipient, SetLanguage
from core.queries import customer
from core.queries.views import MeterView, PhoneView
from core.refusals import refuse
from hub.channel import HttpResponse, KeyReused, Overloaded
from tests.channels.ussd.fakes import (
    CALLER,
    HOME,
    OTHER,
    FakeCompany,
    FakePorts,
    Phone,
    done,
    form,
    phone_view,
    post,
    quote_view,
    refused,
    sale_view,
)

PRICE = ("1", "1", "20000")


def test_the_story() -> None:
    """Dial, Buy units, Home, 20,000: the quote, then the token on the screen and by SMS."""
    phone = Phone()
    assert phone.dial().startswith("CON Demo Power\n1 Buy units\n")
    assert "1 Home 04123456784\n2 Another meter" in phone.answer("1")
    phone.answer("1")
    quote = phone.answer("20,000")
    for part in ("28.1 units", "Service 3,360", "VAT 3,051", "Energy 13,587", "1 Pay from account"):
        assert part in quote
    end = phone.answer("1")
    assert end.startswith("END ")
    assert "1234 5678 9012 3456 7890" in end
    (bought,) = phone.ports.purchases
    assert (bought.meter, bought.tender, bought.currency) == (HOME, 20_000, "UGX")
    assert (bought.phone, bought.account, bought.quoted_tenths) == (CALLER, "100001", 281)
    assert not any((bought.holder_confirmed, bought.another, bought.answer_by_notice))
    assert bought.reply == (Recipient(way="sms", address=CALLER, language="en"),)
    arrival = phone.ports.arrivals[0]
    assert arrival.key == f"ussd-mno/{CALLER}/ATUid_1/3"
    assert arrival.partition_ref == f"meter/{HOME}"


@pytest.mark.parametrize("hops", range(1, 5))
def test_a_hop_that_comes_twice_gets_the_same_screen_and_buys_once(hops: int) -> None:
    phone = Phone()
    shown = [phone.dial(), *(phone.answer(text) for text in (*PRICE, "1"))]
    again = [phone.get(post(form("*".join((*PRICE, "1")[:hops]))))]
    assert [each.body for each in again] == [shown[hops]]
    assert phone.hop() == shown[-1]
    assert len(phone.ports.arrivals) == 1
    assert len(phone.ports.records) == 7  # repeats are journaled too


def test_two_equal_hops_at_once_buy_once_and_see_the_same() -> None:
    phone = Phone()
    phone.dial()
    phone.answer(*PRICE)
    slow: Deferred[Any] = Deferred()
    phone.ports.answers = [slow]
    answers: list[HttpResponse] = []
    for _ in range(2):
        phone.send(post(form("1*1*20000*1"))).addCallback(answers.append)
    assert answers == []
    phone.ports.known["k"] = ("m9", done())
    from hub.channel import Accepted

    slow.callback(Accepted("m9"))
    assert len(answers) == 2
    assert answers[0].body == answers[1].body
    assert answers[0].body.startswith("END Token")
    assert len(phone.ports.arrivals) == 1


def test_a_start_that_comes_twice_gets_the_same_first_screen() -> None:
    phone = Phone()
    assert phone.dial() == phone.dial()
    assert [asked[0] for asked in phone.ports.asked] == ["phone_view"]


def test_answers_dialled_with_the_code_walk_on_to_the_price_and_no_further() -> None:
    phone = Phone()
    assert "28.1 units" in phone.dial("1*1*20000*1*1")
    assert phone.ports.arrivals == []
    assert phone.answer("1").startswith("END Token")
    assert len(phone.ports.arrivals) == 1


def test_a_restart_between_price_and_payment_loses_nothing_and_doubles_nothing() -> None:
    """The same answers make the same key: the first sale's answer is given again."""
    phone = Phone()
    phone.dial()
    first = phone.answer(*PRICE, "1")
    again = phone.restart()
    assert "28.1 units" in again.hop()  # the price again: it was not seen in this process
    assert again.answer("1") == first
    assert [each.key for each in again.ports.arrivals] == [f"ussd-mno/{CALLER}/ATUid_1/3"] * 2
    assert len(again.ports.known) == 1


def test_where_ids_come_again_a_key_holds_the_start_of_its_session() -> None:
    phone = Phone(config={"unique_session_ids": False})
    phone.dial("1*1*20000")
    phone.answer("1")
    phone.ports.reactor.advance(1)
    phone.dial()
    phone.answer(*PRICE, "1")
    keys = {arrival.key for arrival in phone.ports.arrivals}
    assert len(keys) == 2


def test_an_id_that_is_used_again_after_the_end_is_a_new_session() -> None:
    phone = Phone()
    phone.dial()
    phone.answer(*PRICE, "1")
    assert phone.dial().startswith("CON Demo Power")


def test_late_ends_politely() -> None:
    phone = Phone(FakePorts(answers=[None]))
    phone.dial("1*1*20000")
    answers: list[HttpResponse] = []
    phone.send(post(form("1*1*20000*1"))).addCallback(answers.append)
    phone.ports.reactor.advance(3.9)
    assert answers == []
    phone.ports.reactor.advance(0.2)
    assert answers[0].body.startswith("END We have your request. Do not buy again")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Overloaded(), "END We are very busy. Nothing was bought."),
        (OSError("the journal's disk"), "END We cannot see yet whether"),
        (KeyReused(), "CON "),
        (refused("credit-insufficient", account="100001", credit=5, tender=20_000), "CON "),
        (refused("meter-blocked", meter=HOME, reason="tamper", help_line="0800 123456"), "tamper"),
        (refused("confirm-holder", meter=HOME, holder="J***** D*****", tender=1), "J***** D*****"),
        (
            refused("likely-repeat", {"token": "?"}),
            "END We have your request",
        ),  # unreadable: careful
    ],
)
def test_how_a_purchase_ends_without_a_token(answer: Any, says: str) -> None:
    phone = Phone(FakePorts(answers=[answer]))
    phone.dial("1*1*20000")
    assert says in phone.answer("1")


def test_a_purchase_whose_acceptance_is_not_known_is_not_called_a_no() -> None:
    phone = Phone(FakePorts(answers=[Deferred()]))
    phone.dial("1*1*20000")
    answers: list[HttpResponse] = []
    phone.send(post(form("1*1*20000*1"))).addCallback(answers.append)
    phone.ports.reactor.advance(4.1)
    assert "Do not buy again before" in answers[0].body


def test_a_changed_price_is_shown_and_asked_again_under_a_new_key() -> None:
    phone = Phone(FakePorts(answers=[refused("quote-changed", quoted=281, units=279), done()]))
    phone.dial("1*1*20000")
    phone.ports.says[customer.quote] = quote_view(units_tenths=279)
    assert phone.answer("1").startswith("CON The price has changed:\nUGX 20,000 = 27.9 units")
    assert phone.answer("1").startswith("END Token")
    assert [each.quoted_tenths for each in phone.ports.purchases] == [281, 279]
    assert len({arrival.key for arrival in phone.ports.arrivals}) == 2


def test_the_impatient_customer_is_shown_his_earlier_purchase() -> None:
    phone = Phone()
    phone.ports.says[customer.quote] = quote_view(earlier=sale_view())
    shown = phone.dial("1*1*20000")
    assert "You bought 28.1 units" in shown
    assert "1 Show that token again\n2 Buy another\n3 Cancel" in shown
    assert "1234 5678 9012 3456 7890" in phone.answer("1")
    assert phone.ports.arrivals == []
    phone.dial("1*1*20000", session="ATUid_2")
    assert "28.1 units" in phone.answer("2")
    phone.answer("1")
    assert phone.ports.purchases[0].another


def test_a_repeat_that_only_the_sale_finds_is_asked_about() -> None:
    earlier = refused("likely-repeat", done().data, receipt="00000042", minutes=1, meter=HOME)
    phone = Phone(FakePorts(answers=[earlier, done(receipt="00000043")]))
    phone.dial("1*1*20000")
    assert "2 Buy another" in phone.answer("1")
    phone.answer("2")
    assert "00000043" in phone.answer("1")


def test_another_holders_meter_is_asked_about_by_a_masked_name() -> None:
    phone = Phone()
    shown = phone.dial(f"1*2*{OTHER}*5000".replace(OTHER, HOME))
    phone.ports.says[customer.quote] = quote_view(OTHER, 5000)
    shown = phone.dial(f"1*2*{HOME}*5000", session="ATUid_2")
    assert f"Meter {OTHER} belongs to J***** D*****. Buy for it?\n1 Yes, go on\n2 No, stop" in shown
    phone.answer("1")
    phone.answer("1")
    assert phone.ports.purchases[0].holder_confirmed


def test_a_mistyped_meter_is_refused_before_anything_is_asked() -> None:
    phone = Phone()
    shown = phone.dial("1*2*04123456789")
    assert "check digit does not fit. No money was taken." in shown
    assert "Enter the meter number" in shown


def test_a_stranger_sees_a_masked_name_and_how_to_register() -> None:
    ports = FakePorts()
    ports.says[customer.phone_view] = phone_view(registered=False, accounts=(), meters=())
    ports.says[customer.quote] = refuse(
        "phone-not-registered", phone=CALLER, holder="J***** D*****"
    )
    phone = Phone(ports)
    assert "this phone is not registered" in phone.dial()
    shown = phone.answer("1", HOME)
    assert shown.startswith(f"END Meter {HOME} belongs to J***** D*****.")
    assert "To register, call 0800 123456" in shown
    assert ports.asked[-1][1:4] == (CALLER, HOME, 0)
    assert ports.arrivals == []


def test_a_refusal_of_the_price_is_said_in_the_customers_language() -> None:
    ports = FakePorts()
    ports.says[customer.phone_view] = phone_view(language="fr")
    ports.says[customer.quote] = refuse("meter-unknown", meter=HOME, company="Demo Power")
    shown = Phone(ports).dial("1*1*20000")
    assert "compteur" in shown
    assert "0 Retour 00 Accueil" in shown


def test_tokens_balance_and_language() -> None:
    phone = Phone()
    assert "1234 5678 9012 3456 7890" in phone.dial("2")
    balance = phone.answer("0", "3")
    assert "Credit UGX 30,000" in balance
    assert "Left at the first price this month: 1.9 kWh" in balance
    assert "Debt" not in balance
    assert phone.answer("00", "4", "2").startswith("CON Demo Power\n1 Nunua umeme")
    phone.answer("1", "1", "20000", "1")
    assert phone.ports.purchases[0].reply[0].language == "sw"


def chosen(ports: FakePorts) -> list[tuple[str, Any]]:
    return [(a.partition_ref, a.message) for a in ports.arrivals if type(a.message) is SetLanguage]


def test_a_language_that_is_chosen_is_kept_for_the_phone() -> None:
    phone = Phone()
    phone.dial("4*2")
    phone.answer("4", "1")
    kept = [SetLanguage(phone=CALLER, language=code) for code in ("sw", "en")]
    assert chosen(phone.ports) == [(f"phone/{CALLER}", message) for message in kept]
    assert len({arrival.key for arrival in phone.ports.arrivals}) == 2


@pytest.mark.parametrize("fault", [Overloaded("full"), ValueError("a fault")])
def test_a_language_that_cannot_be_kept_is_that_of_the_session(fault: Exception) -> None:
    assert Phone(FakePorts(answers=[fault])).dial("4*2").startswith("CON Demo Power\n1 Nunua umeme")


def test_a_strangers_language_is_that_of_the_session() -> None:
    ports = FakePorts()
    ports.says[customer.phone_view] = PhoneView(msisdn=CALLER, registered=False)
    assert "haijasajiliwa" in Phone(ports).dial("3*2")
    assert ports.arrivals == []


def test_a_meters_name_stays_on_its_line() -> None:
    phone = Phone()
    meter = MeterView(drn=HOME, name="Fer\nme\x1b à l’ouest")
    phone.ports.says[customer.phone_view] = phone_view(meters=(meter,))
    assert f"1 Fer me à l'ouest {HOME}\n" in phone.dial("1")


def test_nothing_bought_yet() -> None:
    phone = Phone()
    phone.ports.says[customer.last_sales] = ()
    assert "No token was bought by this phone yet." in phone.dial("2")


def test_a_test_company_says_so() -> None:
    phone = Phone(FakePorts(company=FakeCompany(test=True)))
    assert phone.dial().startswith("CON TEST Demo Power")
    assert phone.answer(*PRICE, "1").startswith("END TEST Token")


@pytest.mark.parametrize("text", ["", "2", "3", "1*1*20000"])
def test_a_query_that_fails_says_that_nothing_was_bought(text: str) -> None:
    phone = Phone()
    failing: dict[str, Any] = {
        "": customer.phone_view,
        "2": customer.last_sales,
        "3": customer.balance,
    }
    phone.ports.says[failing.get(text, customer.quote)] = OSError("the database is away")
    shown = phone.dial(text)
    assert shown.startswith("END Something went wrong on our side. Nothing was bought.")


def test_a_query_that_is_slow_does_not_hold_the_screen() -> None:
    phone = Phone()
    phone.ports.says[customer.last_sales] = Deferred()
    answers: list[HttpResponse] = []
    phone.send(post(form("2"))).addCallback(answers.append)
    phone.ports.reactor.advance(4.1)
    assert answers[0].body.startswith("END Something went wrong")


def test_a_caller_who_cannot_be_looked_up_may_dial_again_in_the_same_session() -> None:
    phone = Phone()
    phone.ports.says[customer.phone_view] = OSError("away")
    assert phone.dial().startswith("END")
    phone.ports.says[customer.phone_view] = phone_view()
    assert phone.dial().startswith("CON Demo Power")


def test_a_dropped_session_is_taken_up_by_a_redial() -> None:
    phone = Phone()
    phone.dial()
    phone.answer("1", "1")
    over = form("", status="Incomplete", errorMessage="timed out").replace(b"&text=", b"")
    assert phone.get(post(over)) == HttpResponse(200, "")
    assert phone.dial(session="ATUid_2").startswith("CON Welcome back. You had not finished.")
    assert "Enter the amount" in phone.answer("1")
    assert "28.1 units" in phone.answer("20000")


def test_a_redial_at_the_price_asks_for_it_again() -> None:
    phone = Phone()
    phone.dial("1*1*20000")
    phone.dial(session="ATUid_2")
    assert "28.1 units" in phone.answer("1")
    assert phone.ports.arrivals == []
    phone.answer("1")
    assert phone.ports.arrivals[0].key.endswith("/ATUid_2/1")


def test_a_redial_much_later_starts_afresh() -> None:
    phone = Phone()
    phone.dial("1*1")
    phone.ports.reactor.advance(301)
    assert phone.dial(session="ATUid_2").startswith("CON Demo Power")


def test_what_a_dropped_purchase_bought_is_not_offered_again() -> None:
    phone = Phone(FakePorts(answers=[None]))
    phone.dial("1*1*20000")
    phone.send(post(form("1*1*20000*1")))
    over = form("", status="Incomplete").replace(b"&text=", b"")
    phone.get(post(over))
    phone.ports.reactor.advance(5)
    assert phone.dial(session="ATUid_2").startswith("CON Demo Power")


def test_the_end_of_an_unknown_session_is_tolerated() -> None:
    over = form("", session="nobody", status="Success").replace(b"&text=", b"")
    assert Phone().get(post(over)).status == 200


def test_too_many_sessions_are_told_that_we_are_busy() -> None:
    phone = Phone(config={"max_sessions": 1})
    phone.dial()
    assert phone.dial(session="ATUid_2").startswith("END We are very busy.")
    phone.ports.reactor.advance(301)
    assert phone.dial(session="ATUid_3").startswith("CON Demo Power")


def test_a_session_of_too_many_hops_ends() -> None:
    phone = Phone()
    phone.dial()
    for _ in range(60):
        phone.answer("9")
    assert phone.answer("9").startswith("END")


@pytest.mark.parametrize(
    "field", ["sessionId", "serviceCode", "phoneNumber", "networkCode", "text"]
)
@pytest.mark.parametrize("times", [0, 2])
def test_missing_and_doubled_fields_get_400_and_a_sentence(field: str, times: int) -> None:
    phone = Phone()
    fields: dict[str, Any] = {"text": "4711", field: ["1"] * times}
    response = phone.get(post(form(**fields)))
    assert response.status == 400
    assert response.body.startswith(f"The field {field} is ")
    assert phone.ports.asked == []
    assert "4711" not in str(phone.ports.records)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"method": "PUT"}, 405),
        ({"method": "DELETE"}, 405),
        ({"body": b"a" * (MAX_FORM_BYTES + 1)}, 413),
        ({"body": b"\xff"}, 400),
        ({"body": b""}, 400),
        ({"headers": {"Content-Type": "application/json"}}, 415),
        ({"headers": {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}}, 200),
        ({"peer": "10.1.2.3:999"}, 403),
        ({"peer": "[::1]:999"}, 200),
        ({"peer": "::ffff:127.0.0.1"}, 200),
        ({"peer": "nonsense"}, 403),
    ],
)
def test_what_is_not_read_at_all(changes: dict[str, Any], status: int) -> None:
    assert Phone().get(post(**{"body": form(""), **changes})).status == status


def test_a_short_code_is_no_caller() -> None:
    response = Phone().get(post(form("", phoneNumber="123456")))
    assert response == HttpResponse(400, "The field phoneNumber must be a subscriber's number.")


def test_an_aggregator_that_calls_by_get() -> None:
    query = {
        "sessionId": ["x"], "serviceCode": ["*123#"], "phoneNumber": ["0700000001"],
        "networkCode": ["1"], "text": [""],
    }  # fmt: skip
    phone = Phone()
    response = phone.get(post(b"", method="GET", query=query))
    assert response.body.startswith("CON Demo Power")
    assert phone.ports.asked[0] == ("phone_view", CALLER)  # a national number is made E.164


@given(
    st.lists(st.tuples(st.text("sePhone Idtx=&%+*", max_size=12), st.text(max_size=8)), max_size=8)
)
@settings(max_examples=60, deadline=None)
def test_random_forms_get_an_answer_of_ours(pairs: list[tuple[str, str]]) -> None:
    from urllib.parse import urlencode

    response = PLAYGROUND.get(post(urlencode(pairs).encode()))
    assert response.status in (200, 400)


@given(st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_text_gets_a_screen(text: str) -> None:
    body = form(text.encode("utf-8", "ignore").decode(), session="fuzz")
    response = PLAYGROUND.get(post(body))
    assert response.status == 200
    assert response.body[:4] in ("CON ", "END ")


PLAYGROUND = Phone()


def test_draining_answers_what_is_in_flight_and_takes_nothing_new() -> None:
    phone = Phone(FakePorts(answers=[None]))
    phone.dial("1*1*20000")
    answers: list[HttpResponse] = []
    stopped: list[None] = []
    phone.send(post(form("1*1*20000*1"))).addCallback(answers.append)
    phone.channel.stop().addCallback(stopped.append)
    assert stopped == []
    assert phone.dial(session="ATUid_2").startswith("END We are very busy")
    phone.ports.reactor.advance(4.1)
    assert answers[0].body.startswith("END We have your request")
    assert stopped == [None]


def test_the_channel_says_how_it_is_and_sends_nothing() -> None:
    phone = Phone()
    phone.dial("1*1*20000")
    status = phone.channel.status()
    assert (status["state"], status["sessions"], status["in_flight"]) == ("up", 1, 0)
    assert status["counts"]["quote.quoted"] == 1
    assert phone.channel.capacity() == 0
    found: list[Any] = []
    from core.messages import SendNotice
    from hub.channel import Outbound

    notice = SendNotice(way="sms", recipient=CALLER, template="token", args={})
    phone.channel.send(Outbound("m1", notice, 1, "")).addCallback(found.append)
    assert found[0].retry is False


def test_the_journal_gets_every_hop_with_the_history_so_far() -> None:
    phone = Phone()
    phone.dial()
    phone.answer("1", "1")
    raws = [json.loads(raw) for _, raw in phone.ports.records]
    assert [raw["text"] for raw in raws] == ["", "1", "1*1"]
    assert [key for key, _ in phone.ports.records] == [f"ussd-mno/ATUid_1/{n}" for n in range(3)]

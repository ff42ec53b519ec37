"""Paying by wallet, the caller's own meters, PINs and payments: what the hub is asked, and said."""

import msgspec
import pytest

from channels.ussd.pins import Pins
from core.messages import (
    AddMeter,
    Answer,
    AskMyPayment,
    ChangeMeter,
    CheckPin,
    ConfirmMeter,
    CreditVend,
    Outcome,
    RequestCollection,
    ResetPin,
    SetPin,
)
from core.queries import customer
from core.queries.views import LineView
from core.refusals import refuse
from core.registration.years import YEAR_US
from hub.channel import Overloaded
from hub.pins import phone_proof
from tests.channels.ussd.fakes import (
    CALLER,
    HOME,
    OTHER,
    FakeCompany,
    FakePorts,
    Phone,
    done,
    phone_view,
    quote_view,
    refused,
    sale_view,
)

KEY = bytes(32)
PIN, NEW = "4729", "8351"
WALLET = "M-PESA"


def proof(pin: str) -> str:
    return phone_proof(KEY, "demo", CALLER, pin)


def said(**data: object) -> Answer:
    return Answer(outcome=Outcome.DONE, data=data)


def customer_with(pin: str = "", answers: list[object] | None = None, **view: object) -> Phone:
    """A caller whose company has a wallet and a key of PINs."""
    ports = FakePorts(answers=list(answers or []), key=KEY)
    quoted = {"wallet": WALLET, "pin": pin, **view}
    ports.says[customer.phone_view] = phone_view(wallet=WALLET)
    ports.says[customer.quote] = lambda _p, meter, tender, *_: quote_view(meter, tender, **quoted)
    return Phone(ports)


def stranger(answers: list[object] | None = None, wallet: str = WALLET) -> Phone:
    """A phone that nobody has registered."""
    phone = customer_with("", answers, account="", credit=0)
    unknown = phone_view(registered=False, accounts=(), meters=(), name="", wallet=wallet)
    phone.ports.says[customer.phone_view] = unknown
    return phone


# -- by wallet


def test_the_buy_ends_with_a_choice_of_who_pays() -> None:
    phone = customer_with("", [said(reference="r", collection=7, wallet_name=WALLET)])
    phone.dial()
    quote = phone.answer("1", "1", "20000")
    for line in ("1 Pay from account 100001", f"2 Pay by {WALLET}", "3 Cancel"):
        assert line in quote
    end = phone.answer("2")
    assert end.startswith("END Approve UGX 20,000 by M-PESA on your phone now.")
    assert end.endswith("Do not pay twice.")
    (arrival,) = phone.ports.arrivals
    message = arrival.message
    assert isinstance(message, RequestCollection)
    assert (message.payer, message.amount, message.currency) == (CALLER, 20_000, "UGX")
    assert message.vend is not None
    assert (message.vend.meter, message.vend.tender, message.vend.account) == (HOME, 20_000, "")
    assert message.vend.quoted_tenths == 281
    assert message.reply[0].address == CALLER
    assert arrival.key.endswith("/wallet")
    assert phone.hop() == end  # a repeat of the network
    assert len(phone.ports.arrivals) == 1


@pytest.mark.parametrize(("language", "most"), [("en", 1), ("sw", 1), ("fr", 1), ("zh", 2)])
def test_a_price_with_two_ways_to_pay_has_no_more_pages_than_with_one(
    language: str, most: int
) -> None:
    """80 Chinese characters are half a page of others: two, as without a wallet."""
    for label in ("", "MTN MoMo"):
        phone = customer_with("", wallet=label, units_tenths=2_810)
        phone.ports.company = FakeCompany(test=True)
        view = phone_view(wallet=WALLET, language=language)
        phone = Phone(phone.ports)
        phone.ports.says[customer.phone_view] = view
        phone.dial()
        pages = [phone.answer("1", "1", "200000")]
        while "98 " in pages[-1]:
            pages.append(phone.answer("98"))
        assert len(pages) == most, pages
        assert "100001" in pages[-1]
        assert label in pages[-1]


def test_on_a_page_before_the_last_is_answered_what_has_been_shown() -> None:
    lines = tuple(LineView(code="", label=f"Levy {n}", amount=10**n) for n in range(1, 8))
    for answer, bought in (("1", True), ("2", False), ("3", False)):
        phone = customer_with(lines=lines)
        phone.dial()
        first = phone.answer("1", "1", "20000")
        assert "98 More" in first
        assert "Pay" not in first
        second = phone.answer("1")  # no way to pay has been shown: the next page
        assert not phone.ports.arrivals
        assert "1 Pay from account" in second
        if "98 " in second:
            phone.answer(answer)
            assert bool(phone.ports.arrivals) is bought
    view = tuple(LineView(code="", label=f"Levy {n}", amount=10**n) for n in range(1, 6))
    for answer, bought in (("1", True), ("3", False)):
        phone = customer_with(lines=view)
        phone.dial()
        first = phone.answer("1", "1", "20000")
        assert "98 More" in first
        assert "1 Pay from account" in first
        assert "3 Cancel" not in first
        assert phone.answer(answer)
        assert bool(phone.ports.arrivals) is bought


def test_without_credit_only_the_wallet_pays() -> None:
    phone = customer_with("", [said(wallet_name=WALLET)], account="", credit=0)
    phone.dial()
    quote = phone.answer("1", "1", "20000")
    assert "Pay from account" not in quote
    assert f"1 Pay by {WALLET}" in quote
    assert "Approve" in phone.answer("1")


def test_without_a_wallet_the_menu_speaks_of_none() -> None:
    phone = Phone(FakePorts(key=KEY))
    assert "My payment" not in phone.dial()
    assert WALLET not in phone.answer("1", "1", "20000")


def test_a_stranger_buys_for_anothers_meter_by_his_wallet() -> None:
    phone = stranger([said(wallet_name=WALLET)])
    assert f"5 Buy units, pay by {WALLET}" in phone.dial()
    assert "belongs to J***** D*****" in phone.answer("5", "1", OTHER_DRN, "5000")
    assert f"1 Pay by {WALLET}" in phone.answer("1")
    assert "comes by SMS" in phone.answer("1")
    (arrival,) = phone.ports.arrivals
    assert isinstance(arrival.message, RequestCollection)
    assert arrival.message.vend is not None
    assert arrival.message.vend.holder_confirmed


OTHER_DRN = "04123456792"


def test_a_stranger_whom_no_wallet_serves_cannot_buy() -> None:
    assert "Buy units" not in stranger(wallet="").dial()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refused("channel-closed"), "closed"),
        (Overloaded("full"), "Nothing was bought"),
        (None, "Do not pay again"),
        (OSError("gone"), "Do not buy again before"),
    ],
)
def test_a_push_that_did_not_go_out_says_so(answer: object, words: str) -> None:
    phone = customer_with("", [answer])
    phone.dial()
    phone.answer("1", "1", "20000")
    request = phone.hop()
    assert request
    shown: list[str] = []
    from tests.channels.ussd.fakes import form, post

    text = f"{phone.history}*98*2"
    if "98 " not in request:
        text = f"{phone.history}*2"
    else:
        phone.answer("98")
    sending = phone.send(post(form(text, phone.session)))
    sending.addCallback(lambda response: shown.append(response.body))
    phone.ports.reactor.advance(10)
    assert words in shown[0]


# -- PINs


def test_above_the_limit_the_pin_is_asked_for_and_its_pass_goes_with_the_purchase() -> None:
    phone = customer_with("needed", [said(**{"pass": "word"}), done()], wallet="")
    phone.dial()
    phone.answer("1", "1", "90000")
    assert "enter your PIN" in phone.answer("1")
    assert phone.ports.arrivals == []
    assert "1234 5678 9012 3456 7890" in phone.answer(PIN)
    checked, bought = (each.message for each in phone.ports.arrivals)
    assert checked == CheckPin(phone=CALLER, proof=proof(PIN))
    assert isinstance(bought, CreditVend)
    assert bought.pin_pass == "word"
    assert phone.ports.arrivals[1].key == f"ussd-mno/{CALLER}/ATUid_1/3"


def test_a_wrong_pin_is_asked_for_again_and_a_lock_ends_it() -> None:
    answers = [
        refused("phone-pin-wrong", tries=2),
        refused("phone-pin-wrong", tries=1),
        refused("phone-pin-locked", until="12:00"),
    ]
    phone = customer_with("needed", answers, wallet="")
    phone.dial()
    phone.answer("1", "1", "90000", "1")
    assert "2 more times" in phone.answer(NEW)
    assert "1 more times" in phone.answer(NEW)
    assert "Try again after 12:00" in phone.answer(NEW)
    assert len({arrival.key for arrival in phone.ports.arrivals}) == 3
    assert phone.ports.purchases == []


@pytest.mark.parametrize("typed", ["12", "123456789", "12a4", "٤٧٢٩", ""])
def test_what_is_no_pin_reaches_nobody(typed: str) -> None:
    phone = customer_with("needed", wallet="")
    phone.dial()
    phone.answer("1", "1", "90000", "1")
    assert "4 to 8 digits" in phone.answer(typed)
    assert phone.ports.arrivals == []


def test_back_and_home_work_where_a_pin_is_asked_for() -> None:
    phone = customer_with("needed", wallet="")
    phone.dial()
    phone.answer("1", "1", "90000", "1")
    assert "Enter the amount" in phone.answer("0")
    assert "Demo Power" in phone.answer("00")


def test_the_check_that_is_late_has_bought_nothing() -> None:
    phone = customer_with("needed", [None], wallet="")
    phone.dial()
    phone.answer("1", "1", "90000", "1")
    shown: list[str] = []
    from tests.channels.ussd.fakes import form, post

    sending = phone.send(post(form(f"{phone.history}*{PIN}", phone.session)))
    sending.addCallback(lambda response: shown.append(response.body))
    phone.ports.reactor.advance(10)
    assert "Nothing was bought" in shown[0]
    assert phone.ports.purchases == []


def test_a_redial_while_a_pin_is_asked_for_shows_the_price_again() -> None:
    phone = customer_with("needed", wallet="")
    phone.dial()
    phone.answer("1", "1", "90000", "1")
    assert "1 Continue" in phone.dial(session="ATUid_2")
    assert "UGX 90,000" in phone.answer("1")


def test_the_first_pin_is_set_where_it_is_needed() -> None:
    phone = customer_with("unset", [said(pin="set")], wallet="")
    phone.dial()
    assert "you have none yet" in phone.answer("1", "1", "90000", "1")
    assert "guessed first" in phone.answer("1", "1234")
    assert "again" in phone.answer(NEW)
    assert "Your PIN is set" in phone.answer(NEW)
    (arrival,) = phone.ports.arrivals
    assert arrival.message == SetPin(phone=CALLER, proof=proof(NEW))


def test_two_that_differ_are_asked_for_anew() -> None:
    phone = customer_with("", [said(pin="set")])
    phone.ports.says[customer.pin_state] = "unset"
    phone.dial()
    assert "not the same" in phone.answer("9", NEW, "8352")
    assert phone.ports.arrivals == []
    assert "Your PIN is set" in phone.answer(NEW, NEW)


def test_another_pin_by_the_old_one_and_by_a_code() -> None:
    phone = customer_with("", [said(pin="set"), said(sent_to="******001"), said(pin="set")])
    phone.ports.says[customer.pin_state] = "set"
    phone.dial()
    assert "Your PIN is set" in phone.answer("9", "1", PIN, NEW, NEW)
    phone.dial(session="ATUid_2")
    assert "******001" in phone.answer("2", "9", "2")  # not to go on with the first session
    assert "Your PIN is set" in phone.answer("4711", NEW, NEW)
    by_old, asked, by_code = (each.message for each in phone.ports.arrivals)
    assert by_old == SetPin(phone=CALLER, proof=proof(NEW), old_proof=proof(PIN))
    assert asked == ResetPin(phone=CALLER)
    assert by_code == SetPin(phone=CALLER, proof=proof(NEW), code="4711")


def test_a_stranger_has_no_pin() -> None:
    phone = customer_with()
    phone.ports.says[customer.pin_state] = "stranger"
    phone.dial()
    assert "not registered" in phone.answer("9")


def test_where_the_company_has_no_key_there_is_no_menu_of_pins() -> None:
    assert "My PIN" not in Phone().dial()
    assert Pins(None, "demo").heard(CALLER, PIN, new=False) == "none"


# -- meters


def test_a_meter_is_added_by_a_code() -> None:
    answers = [said(sent_to="******002"), refused("phone-code-wrong", tries=2), said(state="done")]
    phone = customer_with("", answers)
    phone.dial()
    assert "2 Add a meter" in phone.answer("8")
    assert "******002" in phone.answer("2", OTHER_DRN, "Dad", "2")
    assert "2 more times" in phone.answer("4711")
    assert phone.answer("4712").startswith("END Done")
    added, *confirmed = (each.message for each in phone.ports.arrivals)
    assert added == AddMeter(phone=CALLER, meter=OTHER_DRN, name="Dad", spends=True, language="en")
    assert confirmed == [ConfirmMeter(phone=CALLER, code=code) for code in ("4711", "4712")]


def test_a_code_can_be_entered_in_another_session() -> None:
    phone = customer_with("", [said(state="done")])
    phone.dial()
    assert "END Done" in phone.answer("8", "3", "4711")


def test_where_an_operator_must_agree_he_is_named() -> None:
    phone = customer_with("", [said(meter=OTHER_DRN, waits="operator")])
    phone.dial()
    assert "Our staff will look" in phone.answer("8", "2", OTHER_DRN, "Dad", "1")
    message = phone.ports.arrivals[0].message
    assert isinstance(message, AddMeter)
    assert not message.spends


def test_a_meter_is_named_and_removed() -> None:
    phone = customer_with("", [said(meter=HOME), said(meter=HOME)])
    phone.dial()
    assert f"meter {HOME}" in phone.answer("8", "1", "2", "Shop")
    phone.dial(session="ATUid_2")
    assert f"meter {HOME}" in phone.answer("8", "1", "3", "1")
    assert [each.message for each in phone.ports.arrivals] == [
        ChangeMeter(phone=CALLER, meter=HOME, change="name", name="Shop"),
        ChangeMeter(phone=CALLER, meter=HOME, change="remove"),
    ]


def test_after_a_year_the_registration_is_kept_by_a_code() -> None:
    phone = customer_with("", [said(sent_to="******001"), said(state="done", kept=True)])
    phone.dial()
    assert "Keep this phone" not in phone.answer("8")
    old = phone.ports.now_us() - YEAR_US - 1
    phone.ports.says[customer.phone_view] = phone_view(seen_at=old)
    phone.dial(session="ATUid_2")
    assert "4 Keep this phone registered" in phone.answer("2", "8")
    assert "******001" in phone.answer("4")
    assert "END Done" in phone.answer("4711")
    assert phone.ports.arrivals[0].message == ChangeMeter(phone=CALLER, meter="", change="keep")


def test_an_answer_that_is_late_promises_nothing() -> None:
    phone = customer_with("", [None])
    phone.dial()
    shown: list[str] = []
    from tests.channels.ussd.fakes import form, post

    phone.answer("8", "1", "3")
    sending = phone.send(post(form(f"{phone.history}*1", phone.session)))
    sending.addCallback(lambda response: shown.append(response.body))
    phone.ports.reactor.advance(10)
    assert "We cannot see yet" in shown[0]


# -- my payment


def test_the_token_of_a_payment_for_who_knows_its_receipt_and_the_meter() -> None:
    view = msgspec.to_builtins(sale_view(meter=OTHER))
    phone = stranger([said(**{**view, "copy": True}), refused("meter-not-saved", meter=OTHER_DRN)])
    phone.dial()
    shown = phone.answer("6", "skl1a2b3c4", OTHER_DRN)
    assert "COPY" in shown
    assert "1234 5678 9012 3456 7890" in shown
    message = phone.ports.arrivals[0].message
    assert isinstance(message, AskMyPayment)
    assert (message.phone, message.receipt, message.meter) == (CALLER, "SKL1A2B3C4", OTHER_DRN)
    phone.dial(session="ATUid_2")
    assert "not in your list" in phone.answer("6", "SKL9", OTHER_DRN)


def test_the_refusals_that_the_menu_may_meet_have_words() -> None:
    for code in ("pin-needed", "pin-unset", "registration-unused", "phone-codes-spent"):
        assert refuse(code).code == code

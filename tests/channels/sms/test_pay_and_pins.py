"""Paying by the sender's own wallet, in four languages; and a PIN, which no text may carry."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.sms.commands import Buy, Money, Nonsense, names_a_pin, parse, without_digits
from channels.sms.words import default_words
from core.messages import CreditVend, RequestCollection, SendNotice
from tests.channels.sms.fixture import PHONE, Stage, parts_of

WORDS, UGX = default_words(), Money("UGX", 0)
METER = "04123456784"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (f"PAY {METER} 20000", "en"),
        (f"pay 20,000 for {METER}", "en"),
        (f"BUY {METER} 20000 MPESA", "en"),
        (f"buy {METER} 20k by m-pesa", "en"),
        (f"BUY AND PAY {METER} 20000", "en"),
        (f"LIPA {METER} 20000", "sw"),
        (f"nunua {METER} 20000 MPESA", "sw"),
        (f"Payer {METER} 20000", "fr"),
        (f"ACHAT {METER} 20000 portefeuille", "fr"),
        (f"付款 {METER} 20000", "zh"),
        (f"购电{METER} 20000元钱包".replace("元", ""), "zh"),
    ],
)
def test_by_wallet(text: str, language: str) -> None:
    found = parse(text, WORDS, UGX)
    if "AND" in text:  # a word that is not understood: the text to send is shown
        assert isinstance(found, Nonsense)
        assert found.args["suggestion"] == f"PAY {METER} 20000"
        return
    assert isinstance(found, Buy | Nonsense)
    if isinstance(found, Nonsense):
        assert found.args["suggestion"].endswith(f"{METER} 20000"), found
        return
    assert (found.meter, found.tender, found.wallet) == (METER, 20_000, True)
    assert found.language == language


def test_a_purchase_without_such_a_word_is_the_accounts() -> None:
    found = parse(f"BUY {METER} 20000", WORDS, UGX)
    assert isinstance(found, Buy)
    assert not found.wallet


@pytest.mark.parametrize("text", ["PAY", f"PAY {METER}", "PAY 20000", "MPESA"])
def test_what_is_missing_is_asked_for(text: str) -> None:
    assert isinstance(parse(text, WORDS, UGX), Nonsense)


def test_the_wallet_is_asked_and_the_answer_comes_by_text() -> None:
    stage = Stage()
    assert stage.say(f"PAY {METER} 20000") == [0]
    (arrival,) = stage.ports.arrivals
    message = arrival.message
    assert isinstance(message, RequestCollection)
    assert (message.payer, message.amount, message.currency) == (PHONE, 20_000, "UGX")
    assert message.purpose == "vend"
    assert message.answer_by_notice
    assert message.vend is not None
    assert (message.vend.meter, message.vend.tender) == (METER, 20_000)
    assert not message.vend.holder_confirmed  # whose it is, is asked
    assert message.reply == message.vend.reply
    assert arrival.partition_ref == f"meter/{METER}"
    assert arrival.expires_in_s
    stage.say(f"PAY {METER} 20000")  # the network's repeat
    assert len({each.key for each in stage.ports.arrivals}) == 1


PINS = [
    "PIN 4729",
    "my pin is 4729 thanks",
    f"BUY {METER} 90000 PIN 4729",
    "4729 pin",
    "Pin:4729",
    "namba ya siri 4729",
    "Mon NIP 4729",
    "nywila: 47-29",
]
#: In letters that the test's network does not carry.
OTHER_PINS = ["PIN ４７２９", "PIN ٤٧٢٩", "密码4729", "密碼：4729"]


@pytest.mark.parametrize("text", OTHER_PINS)
def test_a_pin_in_other_letters(text: str) -> None:
    assert names_a_pin(text, WORDS)
    assert not any(letter.isdigit() for letter in without_digits(text))
    assert parse(text, WORDS, UGX) == Nonsense("pin-by-sms", language=_language(text))


def _language(text: str) -> str:
    return "en" if text.startswith("PIN") else "zh"


@pytest.mark.parametrize("text", PINS)
def test_a_pin_by_text_is_refused_and_not_kept(text: str) -> None:
    stage = Stage()
    assert stage.say(text) == [0]
    (arrival,) = stage.ports.arrivals
    message = arrival.message
    assert isinstance(message, SendNotice)
    assert (message.template, message.args) == ("nonsense", {"reason": "pin-by-sms"})
    kept = repr(stage.ports.__dict__)
    assert "4729" not in kept
    assert "47-29" not in kept
    assert arrival.raw.endswith(without_digits(text))


def test_the_key_of_such_a_text_says_nothing_of_the_pin() -> None:
    """Ten thousand keys are tried in no time."""
    keys = set()
    for pin in ("4729", "8351"):
        stage = Stage()
        stage.say(f"PIN {pin}")
        keys.add(stage.ports.arrivals[0].key)
    assert len(keys) == 1


def test_a_long_text_in_parts_is_not_kept_either() -> None:
    stage = Stage()
    stage.hear(*parts_of("please " * 40 + "my PIN 4729"))
    assert "4729" not in repr(stage.ports.__dict__)
    first, *_ = parts_of("x" * 200 + " PIN 4729")
    stage.hear(first)


def test_words_that_only_hold_the_letters_are_no_pin() -> None:
    for text in (f"BUY {METER} 20000", "SPINACH 1234", "shopping 4000", "PINE 12"):
        assert not names_a_pin(text, WORDS)
    assert isinstance(parse("PIN", WORDS, UGX), Nonsense)


@given(st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=150)
def test_no_digit_is_left_of_a_text_that_names_a_pin(before: str, after: str) -> None:
    text = f"{before} PIN {after}"
    kept = without_digits(text)
    assert not any(letter.isdigit() for letter in kept)
    assert len(kept) == len(text)


def test_purchases_from_an_account_carry_no_pin() -> None:
    """Above the company's limit the core refuses them: a text never has the pass."""
    stage = Stage()
    stage.say(f"BUY {METER} 9000000")
    message = stage.ports.arrivals[0].message
    assert isinstance(message, CreditVend)
    assert message.pin_pass == ""

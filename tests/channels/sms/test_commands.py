"""What people type, and what is made of it: a table of labelled cases, and properties."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.sms import commands
from channels.sms.amounts import multiplied, readings
from channels.sms.commands import Ask, Buy, Command, Money, Nonsense, Yes, parse
from channels.sms.words import default_words, fold
from core.refusals import OPERATOR
from hub.textkeys import KEYS

WORDS = default_words()
UGX = Money("UGX", 0)
KES = Money("KES", 2)
METER = "04123456784"


def said(text: str, money: Money = UGX) -> Command:
    return parse(text, WORDS, money)


BOUGHT = [
    # label, text, meter, tender, language
    ("plain", "BUY 04123456784 20000", METER, 20000, "en"),
    ("lower case", "buy 04123456784 20000", METER, 20000, "en"),
    ("amount first", "buy 20000 04123456784", METER, 20000, "en"),
    ("many blanks and lines", "  Buy \n 04123456784\t20000 . ", METER, 20000, "en"),
    ("13 digits", "BUY 0412345678425 20000", "0412345678425", 20000, "en"),
    ("thousands comma", "BUY 04123456784 20,000", METER, 20000, "en"),
    ("thousands blank", "BUY 04123456784 20 000", METER, 20000, "en"),
    ("thousands blank first", "BUY 20 000 04123456784", METER, 20000, "en"),
    ("thousands blank that could end a meter", "BUY 04123456784 20 500", METER, 20500, "en"),
    ("thousands dot", "BUY 04123456784 20.000", METER, 20000, "en"),
    ("thousands apostrophe", "BUY 04123456784 20'000", METER, 20000, "en"),
    ("millions", "BUY 04123456784 1,250,000", METER, 1250000, "en"),
    ("k", "BUY 04123456784 20k", METER, 20000, "en"),
    ("K apart", "BUY 04123456784 20 K", METER, 20000, "en"),
    ("k first", "BUY 20K 04123456784", METER, 20000, "en"),
    ("half k", "BUY 04123456784 1.5k", METER, 1500, "en"),
    ("half k, comma", "BUY 04123456784 1,5k", METER, 1500, "en"),
    ("currency before", "BUY 04123456784 UGX 20000", METER, 20000, "en"),
    ("currency glued", "BUY 04123456784 UGX20,000", METER, 20000, "en"),
    ("currency after", "BUY 04123456784 20000ugx", METER, 20000, "en"),
    ("shillings", "buy 04123456784 shs 20,000", METER, 20000, "en"),
    ("slash and dash", "BUY 04123456784 20000/=", METER, 20000, "en"),
    ("slash and dash, thousands", "BUY 04123456784 20,000/-", METER, 20000, "en"),
    ("noughts after the mark", "BUY 04123456784 20000.00", METER, 20000, "en"),
    ("full stop at the end", "BUY 04123456784 20000.", METER, 20000, "en"),
    ("full-width digits", "BUY ０４１２３４５６７８４ ２００００", METER, 20000, "en"),
    ("full-width word", "ＢＵＹ 04123456784 20000", METER, 20000, "en"),
    ("Arabic-Indic digits", "BUY ٠٤١٢٣٤٥٦٧٨٤ ٢٠٠٠٠", METER, 20000, "en"),
    ("O for nought in the meter", "BUY O4123456784 20000", METER, 20000, "en"),
    ("O for nought in the amount", "BUY 04123456784 2OOOO", METER, 20000, "en"),
    ("o with thousands", "buy 04123456784 2o,ooo", METER, 20000, "en"),
    ("meter in groups", "BUY 0412 345 6784 20000", METER, 20000, "en"),
    ("meter in groups by hyphens", "BUY 04-1234-56784 20000", METER, 20000, "en"),
    ("meter in groups, amount too", "BUY 0412 345 6784 20 000", METER, 20000, "en"),
    ("meter in groups, amount first", "BUY 20000 0412 345 6784", METER, 20000, "en"),
    ("comma between", "BUY 04123456784, 20000", METER, 20000, "en"),
    ("comma without blank", "BUY 04123456784,20000", METER, 20000, "en"),
    ("comma without blank, amount first", "BUY 20000,04123456784", METER, 20000, "en"),
    ("star and hash", "BUY*04123456784*20000#", METER, 20000, "en"),
    ("slashes", "buy/04123456784/20000", METER, 20000, "en"),
    ("no blank after the word", "BUY04123456784 20000", METER, 20000, "en"),
    ("words between", "buy for meter 04123456784 amount 20000 please", METER, 20000, "en"),
    ("token as a plain word", "buy token 04123456784 20000", METER, 20000, "en"),
    ("word last", "04123456784 20000 buy", METER, 20000, "en"),
    ("zero is for the core to refuse", "BUY 04123456784 0", METER, 0, "en"),
    ("misspelled", "BUI 04123456784 20000", METER, 20000, "en"),
    ("Swahili", "nunua 04123456784 20000", METER, 20000, "sw"),
    ("Swahili, with words", "NUNUA umeme mita 04123456784 shilingi 20000", METER, 20000,
     "sw"),
    ("French", "achat 04123456784 20 000", METER, 20000, "fr"),
    ("French, accent", "acheté 04123456784 20000", METER, 20000, "fr"),
    ("French thousand", "ACHETER 04123456784 20 mille", METER, 20000, "fr"),
    ("Chinese", "买 04123456784 20000", METER, 20000, "zh"),
    ("Chinese without blanks", "买电04123456784，20000", METER, 20000, "zh"),
    ("Chinese sentence", "请买电表04123456784金额20000", METER, 20000, "zh"),
    ("Chinese ten thousand", "购电 04123456784 2万", METER, 20000, "zh"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("label", "text", "meter", "tender", "language"), BOUGHT, ids=[case[0] for case in BOUGHT]
)
def test_purchases(label: str, text: str, meter: str, tender: int, language: str) -> None:
    bought = said(text)
    assert isinstance(bought, Buy), (label, bought)
    assert (bought.meter, bought.tender, bought.another) == (meter, tender, False)
    assert bought.language == language


@pytest.mark.parametrize(
    ("text", "tender"),
    [
        ("BUY 04123456784 1500", 150000),
        ("BUY 04123456784 1500.50", 150050),
        ("BUY 04123456784 1,500.5", 150050),
        ("BUY 04123456784 1 500,50", 150050),
        ("BUY 04123456784 15.5", 1550),
        ("BUY 04123456784 15,50", 1550),
        ("BUY 04123456784 1,500", 150000),
        ("BUY 04123456784 1.5k", 150000),
        ("BUY 04123456784 KSh 1,500/=", 150000),
        ("BUY 04123456784 0.5", 50),
    ],
)
def test_purchases_in_a_currency_with_decimals(text: str, tender: int) -> None:
    bought = said(text, KES)
    assert isinstance(bought, Buy)
    assert bought.tender == tender


@pytest.mark.parametrize("word", ["AGAIN", "again!", "tena", "encore", "再"])
def test_again(word: str) -> None:
    bought = said(f"BUY 04123456784 20000 {word}")
    assert isinstance(bought, Buy)
    assert bought.another


UNCLEAR = [
    # label, text, money, reason, args that matter
    ("nothing", "", UGX, "", {}),
    ("signs only", "?!", UGX, "", {}),
    ("chat", "hello how are you", UGX, "", {}),
    ("again alone", "again", UGX, "", {}),
    ("a number alone", "20000", UGX, "", {}),
    ("very long", "buy " * 500, UGX, "", {}),
    ("no word", "04123456784 20000", UGX, "send-instead", {"suggestion": "BUY 04123456784 20000"}),
    ("word not known", "but 04123456784 20k", UGX, "send-instead",
     {"suggestion": "BUY 04123456784 20000"}),
    ("words not understood", "dont buy 04123456784 20000", UGX, "send-instead",
     {"suggestion": "BUY 04123456784 20000"}),
    ("Swahili, not understood", "usi nunua 04123456784 20000", UGX, "send-instead",
     {"suggestion": "NUNUA 04123456784 20000"}),
    ("nothing to buy", "BUY", UGX, "meter-missing", {}),
    ("no meter", "BUY 20000", UGX, "meter-missing", {"tender": 20000}),
    ("no amount", "BUY 04123456784", UGX, "amount-missing", {"meter": METER}),
    ("no amount, groups", "BUY 0412 345 6784", UGX, "amount-missing", {"meter": METER}),
    ("two meters", "BUY 04123456784 37123456789 20000", UGX, "several-meters", {}),
    ("two meters, no amount", "BUY 04123456784 37123456789", UGX, "several-meters", {}),
    ("two amounts", "BUY 04123456784 20000 30000", UGX, "several-amounts", {}),
    ("amount around the meter", "BUY 100 04123456784 20000", UGX, "several-amounts", {}),
    ("short meter", "BUY 0412345678 20000", UGX, "meter-length",
     {"meter": "0412345678", "length": 10}),
    ("long meter", "BUY 041234567841 20000", UGX, "meter-length", {"length": 12}),
    ("short meter alone", "BUY 0412345678", UGX, "meter-length", {"length": 10}),
    ("decimals that the currency has not", "BUY 04123456784 20000.50", UGX, "amount-unclear",
     {"text": "20000.50"}),
    ("a nought forgotten", "BUY 04123456784 20,00", UGX, "amount-unclear", {"text": "20,00"}),
    ("leading nought", "BUY 04123456784 0200", UGX, "amount-unclear", {"text": "0200"}),
    ("one and a half or 1500", "BUY 04123456784 1.500", KES, "amount-ambiguous", {"text": "1.500"}),
    ("three digits before K", "BUY 04123456784 1.500k", UGX, "amount-unclear", {}),
    ("meter and amount both in groups, two readings", "BUY 0412 345 6784 20 500", UGX,
     "amount-ambiguous", {}),
    ("other currency", "BUY 04123456784 USD 20", UGX, "currency-wrong",
     {"currency": "USD", "expected": "UGX"}),
    ("dollar sign", "BUY 04123456784 $20", UGX, "currency-wrong", {"currency": "USD"}),
    ("two commands", "BALANCE LAST", UGX, "several-commands", {}),
    ("buy and balance", "BUY 04123456784 20000 BALANCE", UGX, "several-commands", {}),
    ("yes without code", "YES", UGX, "code-missing", {}),
    ("yes with words", "yes 4711 but not today", UGX, "code-missing", {}),
    ("yes with a long code", "yes 04123456784", UGX, "code-missing", {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("label", "text", "money", "reason", "args"), UNCLEAR, ids=[case[0] for case in UNCLEAR]
)
def test_what_is_not_clear(
    label: str, text: str, money: Money, reason: str, args: dict[str, object]
) -> None:
    answer = said(text, money)
    assert isinstance(answer, Nonsense), (label, answer)
    assert answer.reason == reason
    assert {name: answer.args[name] for name in args} == args
    assert not reason or f"nonsense.{reason}" in KEYS or reason in OPERATOR


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes 4711", Yes("4711", "en")),
        ("YES4711", Yes("4711", "en")),
        ("Yes, 4 7 1 1 please.", Yes("4711", "en")),
        ("4711 yes", Yes("4711", "en")),
        ("Y 4711", Yes("4711", "en")),
        ("ndiyo 4711", Yes("4711", "sw")),
        ("OUI 4711", Yes("4711", "fr")),
        ("是4711", Yes("4711", "zh")),
        ("balance", Ask("balance", "en")),
        ("My balance please", Ask("balance", "en")),
        ("credit", Ask("balance", "en")),
        ("salio", Ask("balance", "sw")),
        ("余额", Ask("balance", "zh")),
        ("LAST", Ask("last", "en")),
        ("last 3 tokens", Ask("last", "en")),
        ("token", Ask("last", "en")),
        ("dernier jeton", Ask("last", "fr")),
        ("free", Ask("free", "en")),
        ("Free units please", Ask("free", "en")),
        ("FREE 04123456784", Ask("free", "en", "04123456784")),
        ("free 0412 3456 784", Ask("free", "en", "04123456784")),
        ("my free 50 units", Ask("free", "en")),
        ("bure", Ask("free", "sw")),
        ("Unités gratuites 04123456784", Ask("free", "fr", "04123456784")),
        ("免费", Ask("free", "zh")),
        ("free 0412345678", Nonsense("meter-length", {"meter": "0412345678", "length": 10}, "en")),
        ("free 04123456784 01000000008", Nonsense("several-meters", {}, "en")),
        ("free and buy 04123456784 2000", Nonsense("several-commands", {}, "en")),
        ("advance", Ask("advance", "en")),
        ("I want advance please", Ask("advance", "en")),
        ("Advance 04123456784", Ask("advance", "en", "04123456784")),
        ("advance 0412 3456 784", Ask("advance", "en", "04123456784")),
        ("advance 3,000", Ask("advance", "en", "", 3_000)),
        ("ADVANCE 04123456784 3000", Ask("advance", "en", "04123456784", 3_000)),
        ("advance 3K for 04123456784", Ask("advance", "en", "04123456784", 3_000)),
        ("mkopo 3000", Ask("advance", "sw", "", 3_000)),
        ("Avance 04123456784", Ask("advance", "fr", "04123456784")),
        ("预支", Ask("advance", "zh")),
        ("advance 3000 now or never", Nonsense("advance-how", {}, "en")),
        ("advance 0412345678", Nonsense("advance-how", {}, "en")),
        ("advance 04123456784 01000000008", Nonsense("advance-how", {}, "en")),
        (
            "advance 3000 KES",
            Nonsense("currency-wrong", {"currency": "KES", "expected": "UGX"}, "en"),
        ),
        ("advance 0", Ask("advance", "en", "", 0)),
        ("price 04123456784 30", Ask("price", "en", "04123456784", 300)),
        ("Price of 30.5 units for 04123456784", Ask("price", "en", "04123456784", 305)),
        ("price 04123456784 1,000", Ask("price", "en", "04123456784", 10_000)),
        ("bei 04123456784 30", Ask("price", "sw", "04123456784", 300)),
        ("Prix 04123456784 30", Ask("price", "fr", "04123456784", 300)),
        ("价格 04123456784 30", Ask("price", "zh", "04123456784", 300)),
        ("price", Nonsense("price-how", {}, "en")),
        ("price 30", Nonsense("price-how", {}, "en")),
        ("price 04123456784", Nonsense("price-how", {}, "en")),
        ("price 04123456784 0", Nonsense("price-how", {}, "en")),
        ("price 04123456784 200000", Nonsense("price-how", {}, "en")),
        ("price 04123456784 30 tomorrow", Nonsense("price-how", {}, "en")),
        ("price buy 04123456784 30", Nonsense("several-commands", {}, "en")),
        ("help", Ask("help", "en")),
        ("Help!!", Ask("help", "en")),
        ("msaada", Ask("help", "sw")),
        ("帮助", Ask("help", "zh")),
    ],
)
def test_other_commands(text: str, expected: Command) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    ("text", "exponent", "mark", "expected"),
    [
        ("20000", 0, ".", {20000}),
        ("20.000", 0, ".", {20000}),
        ("20,5", 0, ".", set()),
        ("1.500", 2, ".", {150000, 150}),
        ("1,500", 2, ".", {150000}),
        ("1,500", 2, ",", {150000, 150}),
        ("1.500", 3, ".", {1500000, 1500}),
        ("1.234", 2, ".", {123400}),
        ("1,234.5", 2, ".", {123450}),
        ("1.234,50", 2, ".", {123450}),
        ("1,2345", 2, ".", set()),
        ("1,234,56", 2, ".", set()),
        ("12,34,567", 2, ".", set()),
        ("1.234,567.89", 2, ".", set()),
        ("00", 0, ".", set()),
        ("12345678901", 0, ".", set()),
    ],
)
def test_readings(text: str, exponent: int, mark: str, expected: set[int]) -> None:
    assert readings(text, exponent, mark) == expected


def test_multiplied() -> None:
    assert multiplied("20", 1000, 0) == {20000}
    assert multiplied("1.25", 1000, 2) == {125000}
    assert multiplied("1.250", 1000, 2) == set()
    assert multiplied("0.001", 1000, 0) == set()


def test_the_word_for_answers() -> None:
    assert WORDS.word("buy", "sw") == "NUNUA"
    assert WORDS.word("buy", "lg") == "BUY"


def test_every_word_of_the_file_is_heard() -> None:
    """None is shadowed by another word or by noise when it stands alone."""
    for word, (kind, language) in WORDS.commands.items():
        whole = kind in ("buy", "pay", "price")
        text = f"{word} 04123456784 20000" if whole else f"{word} 4711"
        heard = said(text)
        if kind in ("again", "wallet"):
            assert isinstance(said(f"BUY 04123456784 20000 {word}"), Buy)
        else:
            assert heard.language == language, (word, heard)
            ends = {"buy": Buy, "pay": Buy, "yes": Yes, "pin": Nonsense}
            assert isinstance(heard, ends.get(kind, Ask)), word


_AMOUNTS = st.integers(1, 9_999_999)
_WRITTEN = st.sampled_from(
    [
        "{0}", "{0:,}", "UGX {0}", "UGX{0:,}", "{0}/=", "{0:,}/=", "{0} shs", "Sh.{0}", "{0}.00",
        "{0:_}",
    ]
)  # fmt: skip
_METERS = st.one_of([st.text("0123456789", min_size=n, max_size=n) for n in (11, 13)])
_GLUE = st.sampled_from([" ", "  ", ", ", " - ", "*", "\n", " for ", "/", "; "])


@settings(max_examples=300)
@given(_METERS, _AMOUNTS, _WRITTEN, _GLUE, st.booleans(), st.booleans())
def test_a_purchase_is_read_as_meant_or_asked_about(
    meter: str, amount: int, written: str, glue: str, first: bool, lower: bool
) -> None:
    """The property that matters: never another meter, never another amount."""
    shown = written.format(amount).replace("_", " ")
    text = f"BUY {shown}{glue}{meter}" if first else f"BUY {meter}{glue}{shown}"
    bought = said(text.lower() if lower else text)
    assert isinstance(bought, Buy), text
    assert (bought.meter, bought.tender) == (meter, amount)


@settings(max_examples=300)
@given(st.text(alphabet=" 0123456789OoKk.,'/=-BUYESbuy买万元٣３\u200b\n", max_size=60))
def test_anything_may_be_typed(text: str) -> None:
    for money in (UGX, KES):
        answer = said(text, money)
        if isinstance(answer, Buy):
            assert re.fullmatch(r"[0-9]{11}|[0-9]{13}", answer.meter)
            again = said(answer.text, money)
            assert isinstance(again, Buy)
            assert (again.meter, again.tender) == (answer.meter, answer.tender)


@settings(max_examples=200)
@given(_METERS, st.integers(1, 10**9), st.sampled_from(["BUY", "NUNUA", "ACHAT", "BUT", "YES"]))
def test_the_plain_form_is_read_as_all_others(meter: str, amount: int, word: str) -> None:
    for money in (UGX, KES):
        text = f"{word} {meter} {amount}"
        assert said(text, money) == commands._understood(text, WORDS, money)


@settings(max_examples=200)
@given(st.text(max_size=80))
def test_folding_is_final_and_parsing_never_raises(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    said(text)

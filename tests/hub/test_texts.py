"""The customers' sentences: complete in every language, checked with their line, rendered right."""

import re
from dataclasses import dataclass
from importlib import resources

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.smpp.gsm0338 import septets
from core.documents import DocumentError
from core.queries.views import BalanceView, LineView, SaleView
from core.refusals import OPERATOR
from hub.textkeys import ALIASES, KEYS
from hub.texts import Texts, check_cases, read_folder, read_sheets

LANGUAGES = ("en", "fr", "sw", "zh")


@dataclass(frozen=True)
class House:
    code: str = "demo"
    name: str = "Demo Power"
    zone: str = "Africa/Kampala"
    currency: str = "UGX"
    exponent: int = 0
    languages: tuple[str, ...] = ("en",)
    test: bool = False
    country_code: str = "256"
    help_line: str = "0800 100 100"


SALE = SaleView(
    receipt="A-0000123",
    meter="04123456784",
    token="54321098765432109876",
    units_tenths=281,
    tender=20000,
    currency="UGX",
    lines=(
        LineView(code="energy.1", amount=1500),
        LineView(code="energy.2", amount=12087),
        LineView(code="service", amount=3360),
        LineView(code="vat", amount=3051),
    ),
    carried_forward=2,
    at=1_793_529_000_000_000,
    meter_name="Home",
)
ARGS = {
    "change": 17,
    "meter": "04123456784",
    "length": 10,
    "company": "demo",
    "reason": "debt",
    "sgc": "600727",
    "krn": 1,
    "tender": 20000,
    "smallest": 3400,
    "held": 4000,
    "other": "A-018",
    "largest": 39_490,
    "units": 281,
    "limit": 5000,
    "wallet": "M-PESA",
    "target": "04123456784",
    "owed": 3200,
    "most": 2,
    "days": 30,
    "limit_tenths": 500,
    "phone": "+256772123456",
    "account": "100001",
    "payment": "DP-M00000017",
    "credit": 1000,
    "currency": "UGX",
    "expected": "UGX",
    "holder": "Jane Okello",
    "code": "4711",
    "receipt": "A-1",
    "minutes": 3,
    "off": 40,
    "quoted": 280,
    "what": "x",
    "text": "1.500",
    "expirytime": "…",
    "channel": "sms",
    "why": "x",
    "reference": "A1",
    "suggestion": "BUY 04123456784 20000",
    "operator": "mary",
    "kind": "refund",
    "role": "vending-approver",
    "act": 17,
    "wanted": 3,
    "until": "2026-11-22 09:00",
    "state": "done",
    "decision": "approve",
    "needs": "in words",
    "terminal": "T0000017",
    "cashier": "07",
    "tries": 2,
    "stan": 41,
    "batch": 7,
    "case": 3,
    "token": "DP-00000001",
    "month": "2026-11",
    "tariff": "uganda-domestic",
    "per": "kWh",
    "fits": "m3",
    "agent": "A-017",
    "desk": "D1",
}
SALE_ARGS = msgspec.to_builtins(SALE)
KCT = ("03854447086453451911", "02791799436242461152", "67118070329353977190")
WITH_SET = SALE_ARGS | {"kct": KCT}
FREE_ARGS = {"free_token": KCT[0], "units_tenths": 500, "meter": "04123456784", "kct": KCT[1:]}
NOTICES = {
    "advance": {
        "token": KCT[0],
        "units_tenths": 40,
        "meter": "04123456784",
        "owed": 3200,
        "currency": "UGX",
    },
    "price": {
        "units_tenths": 305,
        "meter": "04123456784",
        "tender": 23456,
        "currency": "UGX",
        "lines": [{"code": "energy", "amount": 19878}, {"code": "vat", "amount": 3578}],
        "suggestion": "BUY 04123456784 23456",
    },
    "free-units": FREE_ARGS,
    "free-units-copy": FREE_ARGS,
    "token": SALE_ARGS,
    "token-copy": WITH_SET,
    "token-key-change": WITH_SET,
    "token-key-change-again": WITH_SET,
    "token-key-due": SALE_ARGS,
    "last-tokens": {"sales": [SALE_ARGS, SALE_ARGS]},
    "last-tokens.sale": SALE_ARGS,
    "balance": msgspec.to_builtins(BalanceView(account="100001", credit=30000, currency="UGX")),
    "repeat": {"sale": SALE_ARGS, "text": "BUY 04123456784 20000 AGAIN"},
    "act-token": WITH_SET,
    "act-credit": WITH_SET,
    "act-copy": WITH_SET,
    "float-low": {"agent": "A-017", "credit": 30000, "currency": "UGX"},
    "payment": {"account": "100001", "amount": 50000, "currency": "UGX", "credit": 50000},
    "wallet-returned": {"wallet": "M-PESA", "amount": 500, "currency": "UGX", "receipt": "SKL1"},
    "wallet-taken-back": {"wallet": "M-PESA", "amount": 500, "currency": "UGX", "receipt": "SKL1"},
    "wallet-moved": {"wallet": "M-PESA", "amount": 500, "currency": "UGX", "target": "04123456784"},
    "wallet-case": {"wallet": "M-PESA", "amount": 500, "currency": "UGX", "case": 17},
    "pay-in-small": {"amount": 500, "currency": "UGX", "missing": 1200, "meter": "04123456784"},
    "pay-in-debts": {"debts": 700, "currency": "UGX", "account": "100001"},
    "pay-in-held": {"amount": 500, "currency": "UGX", "reference": "041S", "payment": "W-000017"},
    "pay-in-credited": {"amount": 500, "currency": "UGX", "account": "100001"},
    "payment-taken-back": {
        "payment": "DP-M00000017",
        "account": "100001",
        "agent": "Kisoro shop",
        "amount": 50000,
        "currency": "UGX",
    },
}


@pytest.fixture(scope="module")
def texts() -> Texts:
    return Texts(read_folder(), House())


def english() -> str:
    return (resources.files("mappings") / "texts" / "en.yaml").read_text(encoding="utf-8")


def broken(old: str, new: str) -> list[str]:
    assert old in english()
    with pytest.raises(DocumentError) as caught:
        read_sheets([("texts/en.yaml", english().replace(old, new, 1))])
    return [str(problem) for problem in caught.value.problems]


def line_of(text: str) -> int:
    return english()[: english().index(text)].count("\n") + 1


def test_the_languages_that_come_with_it() -> None:
    assert tuple(read_folder()) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_text_in_every_language_with_sample_values(
    texts: Texts, key: str, language: str
) -> None:
    args = NOTICES.get(key, ARGS)
    if key.startswith("refusal."):
        args = {"code": key.removeprefix("refusal."), "args": ARGS}
        key = "refusal"
    shown = texts.render(key, language, args)
    assert shown.strip() == shown
    assert not re.search(r"[{}\[\]]|\bNone\b|\d{14}", shown)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_its_sentence(texts: Texts, language: str) -> None:
    for code in OPERATOR:
        shown = texts.render("refusal", language, {"code": code, "args": ARGS})
        assert "?" not in shown, code


@pytest.mark.parametrize("language", ["en", "fr", "sw"])
def test_only_letters_of_the_gsm_alphabet(texts: Texts, language: str) -> None:
    """One other letter would leave 70 characters of 160."""
    for key in KEYS:
        args = NOTICES.get(key, ARGS)
        if key.startswith("refusal."):
            args, key = {"code": key.removeprefix("refusal."), "args": ARGS}, "refusal"
        assert septets(texts.render(key, language, args)) is not None, key


def test_what_says_that_no_money_was_taken(texts: Texts) -> None:
    """All but those where money may have moved, or where none was at stake."""
    marks = {"en": "money was taken", "fr": "prélevé", "sw": "pesa", "zh": "扣款"}
    for code in OPERATOR.keys() - {
        "outcome-unknown",
        "confirm-taken",
        "enrol-conflict",
        "likely-repeat",
        "order-unknown",
        "reference-unknown",
        *(code for code in OPERATOR if code.startswith(("act-", "operator-"))),
        "second-person",
        "no-entitlement",
        "service-wrong",
        *(code for code in OPERATOR if code.startswith("advance-")),
        "payment-known",  # the money was taken, once
        # money that came by wallet, or may have
        *(code for code in OPERATOR if code.startswith(("wallet-", "my-payment-"))),
        *("statement-wrong", "settlement-known"),  # a provider's or a bank's, no customer's
        "asks-too-often",
        *(code for code in OPERATOR if code.startswith(("free-units-", "entitlement-"))),
        *(code for code in OPERATOR if code.startswith("key-change-")),
        *(code for code in OPERATOR if code.startswith(("cashier-", "pin-"))),
        *(code for code in OPERATOR if code.startswith(("phone-code", "registration-"))),
        "meter-not-saved",
        "terminal-wrong",  # an act
        # said at a terminal of what was not known, or had happened before
        *("terminal-late", "terminal-kept", "reversal-partial", "advice-refused", "message-wrong"),
    }:
        for language, mark in marks.items():
            shown = texts.render("refusal", language, {"code": code, "args": ARGS})
            assert mark in shown, (code, language)
    for language, mark in marks.items():
        shown = texts.render("outcome-unknown", language, {})
        assert mark not in shown


def test_what_is_more_than_a_meter_takes_is_said_in_money_and_in_units(texts: Texts) -> None:
    shown = texts.render("refusal", "en", {"code": "credit-above-meter", "args": ARGS})
    assert shown.startswith(
        "UGX 20,000 buys more than the meter takes at once (50.0 kWh). The most"
    )
    assert "is UGX 39,490." in shown


def test_the_cases_inside_the_sheets() -> None:
    assert check_cases(read_folder(), House()) == []


def test_a_case_that_fails_is_named() -> None:
    sheets = read_sheets([("texts/en.yaml", english().replace("to spend", "to use", 1))])
    (wrong,) = check_cases(sheets, House())
    assert wrong.startswith("texts/en.yaml: cases[1] balance: got 'Account 100001: UGX 30,000 to u")


def test_the_token_message(texts: Texts) -> None:
    assert texts.render("token", "en", SALE_ARGS) == (
        "Token 5432 1098 7654 3210 9876\n"
        "28.1 kWh, meter 04123456784 Home\n"
        "Energy 13,587, Service 3,360, VAT 3,051, carried fwd 2\n"
        "UGX 20,000, receipt A-0000123"
    )


def test_views_may_be_given_as_they_are(texts: Texts) -> None:
    assert texts.render("last-tokens", "en", {"sales": [SALE]}) == (
        "COPY\n01/11/2026 13:30, meter 04123456784, 28.1 kWh\n5432 1098 7654 3210 9876"
    )


def test_another_holder_is_masked(texts: Texts) -> None:
    shown = texts.render("token", "en", {**SALE_ARGS, "holder": "Jane Okello", "meter_name": ""})
    assert "meter 04123456784 (J*** O***)" in shown


@pytest.mark.parametrize(
    ("holder", "shown"),
    [
        ("O***** D*****", "O***** D*****"),  # as the core sends it: not masked once more
        ("O***** Daniel", "O***** D***"),
        ("O*kello D*", "O*** D*"),
        ("J", "J***"),
        ("***", "***"),
        ("+256***678", "+256***678"),
    ],
)
def test_what_is_masked_stays_as_it_is(texts: Texts, holder: str, shown: str) -> None:
    args = {"holder": holder, "code": "4711", "tender": 20_000, "meter": "04123456784"}
    assert f"belongs to {shown}. To" in texts.render("confirm-holder", "en", args)


@pytest.mark.parametrize(
    ("language", "minutes", "phrase"),
    [
        ("en", 1, "the same 1 minute ago (receipt"),
        ("en", 5, "the same 5 minutes ago (receipt"),
        ("fr", 1, "cet achat il y a 1 minute (facture"),
        ("fr", 5, "cet achat il y a 5 minutes (facture"),
        ("sw", 1, "hivyo dakika 1 iliyopita (risiti"),
        ("sw", 5, "hivyo dakika 5 zilizopita (risiti"),
        ("zh", 1, "您在1分钟前已"),
        ("zh", 5, "您在5分钟前已"),
    ],
)
def test_a_phrase_goes_with_its_number(
    texts: Texts, language: str, minutes: int, phrase: str
) -> None:
    args = {"code": "likely-repeat", "args": {"minutes": minutes, "receipt": "A-1"}}
    assert phrase in texts.render("refusal", language, args)


def test_no_tokens_yet(texts: Texts) -> None:
    assert "no token yet" in texts.render("last-tokens", "en", {"sales": []})


def test_optional_parts_of_a_balance(texts: Texts) -> None:
    shown = texts.render(
        "balance",
        "en",
        {"account": "1", "credit": 0, "currency": "KES", "debt": 100, "block_left_milli": 0},
    )
    assert shown == (
        "Account 1: KES 0.00 to spend. Debt KES 1.00. Left at the first price this month: 0 kWh. "
        "The meter itself shows the units left in it."
    )


@pytest.mark.parametrize(
    ("language", "word"), [("en", "PAY"), ("fr", "PAYER"), ("sw", "LIPA"), ("zh", "付")]
)
def test_help_speaks_of_paying_by_wallet(texts: Texts, language: str, word: str) -> None:
    shown = texts.render("help", language, {})
    assert any(line.startswith(word) for line in shown.splitlines())
    assert language == "zh" or (septets(shown) or 999) <= 160


def test_nonsense_helps_with_what_was_wrong(texts: Texts) -> None:
    general = texts.render("nonsense", "en", {})
    assert texts.render("nonsense", "en", {"reason": "of its own"}) == general
    assert "For which meter?" in texts.render("nonsense", "en", {"reason": "meter-missing"})


def test_languages_fall_back(texts: Texts) -> None:
    assert texts.language("fr-CD") == "fr"
    assert texts.language("lg") == "en"
    assert Texts(read_folder(), House(languages=("lg", "sw"))).language("lg") == "sw"


def test_a_test_company_says_so() -> None:
    texts = Texts(read_folder(), House(test=True))
    assert texts.render("token", "en", SALE_ARGS).startswith("TEST Token 5432")
    assert (
        Texts(read_folder(), House())
        .render("token", "zh", {**SALE_ARGS, "test": True})
        .startswith("测试 充值码")
    )


def test_a_missing_token_is_an_error_and_a_missing_word_is_not(texts: Texts) -> None:
    with pytest.raises(LookupError, match="needs 'token'"):
        texts.render("token", "en", {**SALE_ARGS, "token": ""})
    with pytest.raises(LookupError, match="no text 'tokens'"):
        texts.render("tokens", "en", {})
    with pytest.raises(LookupError, match=r"no text 'refusal\.new'"):
        texts.render("refusal", "en", {"code": "new"})
    shown = texts.render("refusal", "en", {"code": "meter-unknown", "args": {}})
    assert shown.startswith("We do not know meter ?.")


def test_aliases_point_to_texts() -> None:
    assert set(ALIASES.values()) <= KEYS.keys()


@pytest.mark.parametrize(
    ("label", "old", "new", "expected"),
    [
        ("unknown placeholder", "Token {token}\n    {units} {unit}, meter {meter}[ {meter_name}]",
         "Token {token}\n    {units} {unit}, meter {meter}[ {metername}]",
         "texts.token: unknown placeholder {metername}"),
        ("missing placeholder", "    Token {token}\n    {units}", "    {units}",
         "texts.token: the placeholder {token} is missing"),
        ("required but optional", "To buy again send {again}", "[To buy again send {again}]",
         "texts.repeat: the placeholder {again} is missing"),
        ("bracket", "nonsense: >-\n    We", "nonsense: >-\n    [We",
         "texts.nonsense: a '[' is not closed"),
        ("brace", "nonsense: >-\n    We", "nonsense: >-\n    {We",
         "texts.nonsense: '{' at character 1 has no partner"),
        ("unknown text", "  nonsense: >-", "  nonsens: >-", "texts.nonsens: there is no such text"),
        ("money", '"{currency} {amount}"', '"{currency}"', "money: {amount} is missing"),
        ("no number in a phrase", 'other: "{n} minutes ago"', 'other: "minutes ago"',
         "counted.minutes_ago: {n} is missing in 'other'"),
        ("no phrases", "counted:", "counting:", "counted"),
        ("separators", 'thousands: ","', 'thousands: ";"', "numbers.thousands: expected one of"),
    ],
)  # fmt: skip
def test_a_wrong_sheet_names_file_and_line(label: str, old: str, new: str, expected: str) -> None:
    found = broken(old, new)
    assert any(expected in problem for problem in found), (label, found)
    assert all(re.match(r"texts/en\.yaml:\d+: ", problem) for problem in found)


def test_the_line_is_that_of_the_text() -> None:
    (problem,) = broken("{credit} to spend.", "{credits} {credit} to spend.")
    assert problem.startswith(f"texts/en.yaml:{line_of('balance: >-')}: texts.balance: unknown")


@settings(max_examples=60)
@given(
    st.integers(0, 10**12),
    st.integers(0, 99_999),
    st.text("0123456789", min_size=20, max_size=20),
    st.sampled_from(LANGUAGES),
)
def test_the_digits_come_through(tender: int, units: int, token: str, language: str) -> None:
    texts = Texts(_SHEETS, House())
    shown = texts.render(
        "token", language, {**SALE_ARGS, "tender": tender, "units_tenths": units, "token": token}
    )
    assert token in shown.replace(" ", "")
    assert str(tender) in re.sub(r"[ ,.]", "", shown)


_SHEETS = read_folder()

"""Tokens in words, and as objects."""

from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from core.sts.errors import KeyNeededError, TokenClassError, TokenCrcError
from core.sts.explain import describe, explain
from core.sts.inspect import inspect_token
from core.sts.key_change import NewKey, sections
from core.sts.meter_state import MeterModel, MeterState, Result
from core.sts.tid import BaseDate
from core.sts.token import (
    Decoded,
    TokenData,
    credit,
    currency_credit,
    decode,
    digits_of,
    encode,
    extended_set,
    flag_set,
    insert_class,
    management,
    meter_test,
)
from tests.core.sts.samples import DEMO_PAN, NOW_US, cipher

B14 = BaseDate.Y2014
TID = 6_612_480
ON_FILE = MeterState(MeterModel(11), DEMO_PAN, b"", sgc="201457")
TOKEN = encode(credit(0, TID, 5, 281), cipher(11))


def read(digits: str) -> Decoded:
    return decode(digits, cipher(11))


def test_a_good_token() -> None:
    words = explain(TOKEN, read, ON_FILE, B14, NOW_US)
    assert words.taken
    assert words.lines() == [
        "Electricity credit: 28.1 kWh.",
        "Made on 2026-07-29 at 00:00 UTC (TID 6612480, base date 2014).",
        "The meter would answer Accept.",
        "Nothing stands against it.",
        "Ask the customer to key it in.",
    ]


def test_the_hour_is_told_in_the_companys_zone() -> None:
    zone = timezone(timedelta(hours=3), "EAT")
    assert "2026-07-29 at 03:00 EAT" in explain(TOKEN, read, ON_FILE, B14, NOW_US, zone).made


def test_a_token_from_the_future_or_of_the_reserved_minute_is_remarked() -> None:
    early = explain(TOKEN, read, ON_FILE, B14, NOW_US - 61 * 60_000_000)
    assert "in the future" in early.made
    special = encode(management(5, TID + 1, 5, 0), cipher(11))
    assert "special token" in explain(special, read, ON_FILE, B14, NOW_US).made


@pytest.mark.parametrize(
    ("state", "typed", "result", "says"),
    [
        (replace(ON_FILE, tids=(TID,)), TOKEN, Result.USED, "already"),
        (replace(ON_FILE, tids=(TID + 1,) * 50), TOKEN, Result.OLD, "older"),
        (replace(ON_FILE, ken=80), TOKEN, Result.KEY_EXPIRED, "expired"),
        (replace(ON_FILE, kt=1), TOKEN, Result.DDTK, "default key"),
        (replace(ON_FILE, registers=(9_999_999, 0, 0, 0)), TOKEN, Result.OVERFLOW, "register"),
        (ON_FILE, TOKEN[:-1], Result.FORMAT, "has 19"),
        (ON_FILE, TOKEN[:-1] + "0", Result.CRC, "another key"),
        (replace(ON_FILE, locked_until_us=1 << 60), TOKEN, Result.ACCEPT, "Nothing"),
    ],
)
def test_why_not(state: MeterState, typed: str, result: Result, says: str) -> None:
    words = explain(typed, read, state, B14, NOW_US)
    assert words.result == result
    assert says in words.why
    assert words.advice
    assert words.taken == (result == Result.ACCEPT)
    assert typed not in "".join(words.lines())


def test_a_key_change_is_told_by_its_parts() -> None:
    parts = sections(NewKey(bytes(16), 2, "201457", "07", 2, 255, roll_over=True), 11)
    words = explain(encode(parts[0], cipher(11)), read, ON_FILE, B14, NOW_US)
    assert words.taken
    assert words.result == Result.KCT_1
    assert "waits for the others" in words.why
    assert words.made == ""
    assert describe(parts[0]).endswith("revision 2, and the meter forgets its used tokens.")
    assert describe(parts[1]) == "Key change, 2nd section: to tariff index 07."
    assert describe(parts[2]) == "Key change, 3rd section."


def test_without_a_key_nothing_is_said() -> None:
    with pytest.raises(KeyNeededError):
        explain(TOKEN, lambda digits: decode(digits, None), ON_FILE, B14, NOW_US)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (credit(3, 1, 1, 5), "Time credit: 0.5 minutes."),
        (credit(1, 1, 1, 12_345), "Water credit: 1,234.5 m³."),
        (currency_credit(4, 1, -100_000), "Electricity credit in currency: -0.99994."),
        (meter_test(0, (1 << 36) - 1), "Meter test or display: all tests."),
        (meter_test(0, 0b11), "Meter test or display: load switch, display."),
        (meter_test(11, 1 << 30), "Proprietary test or display: control 40000000."),
        (management(0, 1, 1, 5_000), "Set maximum power limit: 5,000 W."),
        (management(1, 1, 1, 0xFFFF), "Clear credit: all registers."),
        (management(1, 1, 1, 2), "Clear credit: register 2."),
        (management(2, 1, 1, 9), "Set tariff rate: 9."),
        (management(5, 1, 1, 0), "Clear tamper condition."),
        (extended_set(1, 1, 3, 4), "Extended set: setting 3 to 4."),
        (flag_set(1, 1, 3, 1), "Extended set: flag 3 on."),
        (flag_set(1, 1, 3, 0), "Extended set: flag 3 off."),
    ],
)
def test_every_kind_has_its_words(data: TokenData, text: str) -> None:
    assert describe(data) == text


def test_inspect_gives_plain_objects() -> None:
    closed = inspect_token(TOKEN)
    assert closed["encrypted"]
    assert "fields" not in closed
    seen = inspect_token(TOKEN, cipher(11), B14)
    assert seen["tenths"] == 281
    assert seen["made_us"] == NOW_US
    assert seen["fields"] == {"rnd": 5, "tid": TID, "amount": 281}
    money = encode(currency_credit(4, TID, 100_000), cipher(11))
    assert inspect_token(money, cipher(11))["amount_1e5"] == 100_004
    assert inspect_token("0000 0000 0001 5099 7584")["what"].endswith("load switch.")


def test_inspect_refuses_what_is_no_token() -> None:
    with pytest.raises(TokenClassError):
        inspect_token(digits_of(insert_class(0, 3)))
    with pytest.raises(TokenCrcError):
        inspect_token("0000 0000 0001 5099 7585")

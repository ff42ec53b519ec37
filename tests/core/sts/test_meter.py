"""The meter: every answer, the TID memory, key changes in any order, lock-out."""

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.sts.amounts import decode_units, encode_units
from core.sts.key_change import NewKey, encode_set
from core.sts.meter import enter, manufactured
from core.sts.meter_state import SECOND_US, MeterModel, MeterState, Result
from core.sts.sta import SAMPLE_TABLES
from core.sts.tid import MINUTE_US, is_reserved
from core.sts.token import (
    TokenData,
    block_of,
    credit,
    currency_credit,
    digits_of,
    encode,
    extended_set,
    flag_set,
    insert_class,
    management,
    meter_test,
    seal,
)
from tests.core.sts.samples import DEMO_PAN, NOW_US, cipher, decoder_key

TID = 6_612_480


def meter(ea: int = 11, kt: int = 2, **model: object) -> MeterState:
    make = MeterModel(ea, SAMPLE_TABLES, **model)  # type: ignore[arg-type]
    return MeterState(make, DEMO_PAN, decoder_key(ea), kt=kt, sgc="201457")


def put(state: MeterState, data: TokenData, now_us: int = NOW_US) -> tuple[MeterState, Result]:
    state, reaction = enter(state, encode(data, cipher(state.model.ea)), now_us)
    return state, reaction.result


def test_a_credit_is_taken_once() -> None:
    state, result = put(meter(), credit(0, TID, 5, 281))
    assert (result, state.registers[0]) == (Result.ACCEPT, 281)
    again, result = put(state, credit(0, TID, 5, 281))
    assert (result, again) == (Result.USED, state)
    other, result = put(state, credit(0, TID, 6, 500))
    assert (result, other) == (Result.USED, state), "the TID counts, not the digits"


def test_the_memory_keeps_the_highest_and_refuses_what_is_older() -> None:
    state = manufactured(meter(tid_memory=3), TID)
    for step, expected in [
        (-1, Result.OLD),
        (0, Result.USED),
        (10, Result.ACCEPT),
        (30, Result.ACCEPT),
        (20, Result.ACCEPT),
        (10, Result.USED),
        (9, Result.OLD),
        (11, Result.ACCEPT),
        (10, Result.OLD),
        (21, Result.ACCEPT),
    ]:
        state, result = put(state, credit(0, TID + step, 1, 1))
        assert result == expected, step
    assert state.tids == (TID + 20, TID + 21, TID + 30)


def test_an_expired_key_takes_nothing() -> None:
    state = replace(meter(), ken=100)
    last = (101 << 16) - 1
    assert put(state, credit(0, last, 1, 1))[1] == Result.ACCEPT
    assert put(state, credit(0, last + 1, 1, 1))[1] == Result.KEY_EXPIRED
    assert put(state, management(5, last + 1, 1, 0))[1] == Result.KEY_EXPIRED


@pytest.mark.parametrize(
    ("kt", "expected"),
    [(0, Result.ACCEPT), (1, Result.DDTK), (2, Result.ACCEPT), (3, Result.ACCEPT)],
)
def test_credit_under_each_key_type(kt: int, expected: Result) -> None:
    assert put(meter(kt=kt), credit(0, TID, 1, 1))[1] == expected
    assert put(meter(kt=kt), management(5, TID, 1, 0))[1] == Result.ACCEPT


def test_the_register_has_an_end_and_the_token_stays_good() -> None:
    state, result = put(meter(register_max=500), credit(0, TID, 1, 500))
    assert result == Result.ACCEPT
    full, result = put(state, credit(0, TID + 5, 1, 1))
    assert (result, full) == (Result.OVERFLOW, state)
    used = replace(full, registers=(400, 0, 0, 0))
    assert put(used, credit(0, TID + 5, 1, 1))[1] == Result.ACCEPT


def test_services_are_kept_apart() -> None:
    assert put(meter(), credit(1, TID, 1, 1))[1] == Result.FUNCTION
    water = meter(services=frozenset({1}))
    state, result = put(water, credit(1, TID, 1, 77))
    assert (result, state.registers) == (Result.ACCEPT, (0, 77, 0, 0))
    money = meter(services=frozenset({4}))
    state, _ = put(money, currency_credit(4, TID, 10_000))
    state, result = put(state, currency_credit(4, TID + 1, -4_000))
    assert (result, state.money[0]) == (Result.ACCEPT, 6_000)
    assert put(money, credit(0, TID, 1, 1))[1] == Result.FUNCTION


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("123", Result.FORMAT),
        ("9" * 20, Result.FORMAT),
        ("5862 5789 9869 9135 748A", Result.FORMAT),
        (digits_of(insert_class(0, 3)), Result.FUNCTION),
        ("58625789986991357487", Result.CRC),
    ],
)
def test_what_cannot_be_read(typed: str, expected: Result) -> None:
    assert enter(meter(), typed, NOW_US)[1].result == expected


def test_a_reserved_subclass_is_a_function_error() -> None:
    digits = digits_of(seal(block_of(0, 9, 0), 0, cipher(11)))
    assert enter(meter(), digits, NOW_US)[1].result == Result.FUNCTION


@pytest.mark.parametrize(
    ("data", "changed"),
    [
        (management(0, TID, 1, encode_units(16_000)), {"power_limit": 16_000}),
        (management(2, TID, 1, 7), {"tariff_rate": 7}),
        (management(5, TID, 1, 0), {"tamper": False}),
        (management(6, TID, 1, encode_units(900)), {"unbalance_limit": 900}),
        (management(7, TID, 1, 9), {"water_factor": 9}),
        (management(1, TID, 1, 0), {"registers": (0, 2, 3, 4)}),
        (management(1, TID, 1, 6), {"money": (5, 6, 0, 8)}),
        (management(1, TID, 1, 0xFFFF), {"registers": (0,) * 4, "money": (0,) * 4}),
        (extended_set(TID, 1, 0, 12), {"settings": (("setting 0", 12),)}),
        (flag_set(TID, 1, 1, 1), {"settings": (("flag 1", 1),)}),
    ],
)
def test_management_tokens_act_and_are_kept(data: TokenData, changed: dict[str, object]) -> None:
    full = replace(
        meter(services=frozenset({1})), registers=(1, 2, 3, 4), money=(5, 6, 7, 8), tamper=True
    )
    state, result = put(full, data)
    assert result == Result.ACCEPT
    assert state == replace(full, tids=(TID,), **changed)  # type: ignore[arg-type]
    assert put(state, data)[1] == Result.USED


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (management(0, TID, 1, encode_units(100_100)), Result.RANGE),
        (management(6, TID, 1, 0xFFFF), Result.RANGE),
        (management(1, TID, 1, 8), Result.RANGE),
        (flag_set(TID, 1, 12, 1), Result.RANGE),
        (management(7, TID, 1, 1), Result.FUNCTION),
        (management(11, TID, 1, 1), Result.FUNCTION),
        (meter_test(0, 1, 12), Result.MFR_CODE),
        (meter_test(0, 0), Result.FUNCTION),
        (meter_test(0, 1 << 18), Result.FUNCTION),
        (meter_test(11, 1), Result.FUNCTION),
        (meter_test(0, 1), Result.ACCEPT),
        (meter_test(1, 1 << 17), Result.ACCEPT),
        (meter_test(1, (1 << 28) - 1, 99), Result.ACCEPT),
        (meter_test(2, 5), Result.ACCEPT),
    ],
)
def test_other_answers(data: TokenData, expected: Result) -> None:
    before = meter(mfr_code=99)
    state, result = put(before, data)
    assert result == expected
    assert state == before


def test_flags_are_set_again() -> None:
    state, _ = put(meter(), flag_set(TID, 1, 2, 1))
    state, _ = put(state, flag_set(TID + 5, 1, 2, 0))
    assert state.settings == (("flag 2", 0),)


# --- key changes --------------------------------------------------------------------------------


def change_to(ea: int, *, three: bool = False, **more: object) -> list[str]:
    new = NewKey(decoder_key(ea, "02"), 2, "201457", "02", 3, 250)
    return encode_set(cipher(ea), replace(new, **more), three_tokens=three)  # type: ignore[arg-type]


@pytest.mark.parametrize(("ea", "three", "sgc"), [(7, False, "000000"), (7, True, "201457")])
def test_two_and_three_tokens_in_any_order(ea: int, three: bool, sgc: str) -> None:
    for order in permutations(change_to(ea, three=three)):
        check_set(meter(ea), list(order), sgc)


def test_four_tokens_in_any_order() -> None:
    for order in permutations(change_to(11)):
        check_set(meter(11), list(order), "201457")


def check_set(state: MeterState, order: list[str], sgc: str) -> None:
    for digits in order[:-1]:
        state, reaction = enter(state, digits, NOW_US)
        assert reaction.result.value.endswith("KCT")
        state, _ = enter(state, digits, NOW_US)  # once more does no harm
    state, reaction = enter(state, order[-1], NOW_US)
    assert reaction.result == Result.ACCEPT
    assert state.key == decoder_key(state.model.ea, "02")
    assert (state.ti, state.krn, state.ken, state.kt, state.sgc) == ("02", 3, 250, 2, sgc)
    assert state.sections == ()


def test_sections_answer_by_their_number() -> None:
    state, answers = meter(11), []
    for digits in change_to(11)[:3]:
        state, reaction = enter(state, digits, NOW_US)
        answers.append(reaction.result)
    assert answers == [Result.KCT_1, Result.KCT_2, Result.KCT_3]
    assert enter(meter(11), change_to(11)[3], NOW_US)[1].result == Result.KCT_4


def test_a_half_entered_set_is_dropped_after_a_time() -> None:
    first, second = change_to(7)
    state, _ = enter(meter(7), first, NOW_US)
    in_time = NOW_US + 10 * MINUTE_US
    assert enter(state, second, in_time)[1].result == Result.ACCEPT
    late, reaction = enter(state, second, in_time + 1)
    assert reaction.result == Result.KCT_2
    assert late.key == decoder_key(7)


def test_credit_in_between_is_taken_under_the_old_key() -> None:
    first, second = change_to(7)
    state, _ = enter(meter(7), first, NOW_US)
    state, result = put(state, credit(0, TID, 1, 10))
    assert result == Result.ACCEPT
    state, reaction = enter(state, second, NOW_US)
    assert reaction.result == Result.ACCEPT
    assert put(state, credit(0, TID + 5, 1, 10))[1] == Result.CRC, "now only the new key counts"


def test_roll_over_empties_the_memory() -> None:
    for roll_over, kept in ((True, ()), (False, (TID,))):
        state = replace(meter(7), tids=(TID,))
        for digits in change_to(7, roll_over=roll_over):
            state, _ = enter(state, digits, NOW_US)
        assert state.tids == kept


@pytest.mark.parametrize(
    ("kt", "more", "place", "expected"),
    [
        (3, {}, 0, Result.KEY_TYPE),
        (2, {"kt": 3}, 0, Result.KEY_TYPE),
        (2, {"krn": 0}, 0, Result.RANGE),
        (2, {"ti": "100"}, 1, Result.RANGE),
        (1, {}, 0, Result.KCT_1),
    ],
)
def test_sections_that_are_refused(
    kt: int, more: dict[str, object], place: int, expected: Result
) -> None:
    digits = change_to(7, **more)[place]  # type: ignore[arg-type]
    assert enter(meter(7, kt), digits, NOW_US)[1].result == expected


def test_a_two_token_meter_does_not_know_the_third() -> None:
    old = meter(7, three_kct=False)
    answers = [enter(old, digits, NOW_US)[1].result for digits in change_to(7, three=True)]
    assert answers == [Result.FUNCTION, Result.KCT_2, Result.FUNCTION]


# --- lock-out -----------------------------------------------------------------------------------


def test_three_wrong_tokens_lock_the_keypad_for_longer_each_time() -> None:
    state, now = meter(), NOW_US
    wrong = "58625789986991357487"
    for _ in range(2):
        state, reaction = enter(state, wrong, now)
        assert reaction.result == Result.CRC
    for pause in (10, 20, 40, 80, 160, 320, 640, 1280, 1280):
        state, reaction = enter(state, wrong, now)
        assert reaction.result == Result.CRC
        right = encode(credit(0, TID, 1, 1), cipher(11))
        assert enter(state, right, now + pause * SECOND_US - 1)[1].result == Result.LOCKED_OUT
        now += pause * SECOND_US
    state, result = put(state, credit(0, TID, 1, 1), now)
    assert result == Result.ACCEPT
    assert state.wrong == 0


def test_a_meter_that_is_not_ready_says_so() -> None:
    assert put(replace(meter(), ready=False), credit(0, TID, 1, 1))[1] == Result.NOT_READY


# --- properties ---------------------------------------------------------------------------------

TIDS = st.integers(1, 5_000).filter(lambda tid: not is_reserved(tid))
CREDITS = st.lists(st.tuples(TIDS, st.integers(1, 9_000)), max_size=20)


@settings(max_examples=60)
@given(CREDITS, st.sampled_from([7, 11]))
def test_each_token_is_credited_once_at_most(tokens: list[tuple[int, int]], ea: int) -> None:
    state, total, seen = meter(ea, tid_memory=5), 0, set()
    for tid, tenths in tokens:
        data = credit(0, tid, 3, tenths)
        state, result = put(state, data)
        if result == Result.ACCEPT:
            assert tid not in seen
            seen.add(tid)
            total += decode_units(data.fields["amount"])
        else:
            assert result in (Result.USED, Result.OLD)
        assert put(state, data)[1] in (Result.USED, Result.OLD)
    assert state.registers[0] == total


@settings(derandomize=True, max_examples=60)
@given(st.integers(0, 19), st.integers(1, 9), st.sampled_from([7, 11]))
def test_the_meter_refuses_any_single_wrong_digit(place: int, shift: int, ea: int) -> None:
    digits = encode(credit(0, TID, 5, 281), cipher(ea))
    wrong = digits[:place] + str((int(digits[place]) + shift) % 10) + digits[place + 1 :]
    state, reaction = enter(meter(ea), wrong, NOW_US)
    assert reaction.result in (Result.CRC, Result.FORMAT, Result.FUNCTION)
    assert state.registers[0] == 0

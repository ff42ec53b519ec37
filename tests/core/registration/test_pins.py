"""A phone's PIN: set first, guessed three times, locked, reset; what it opens is one purchase."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.messages import ConfirmVend
from core.pins import LOCK_US, LONGEST_US, TRIES, lock_us, tried
from tests.core.registration.house import (
    DAY_US,
    LIMIT,
    MINUTE_US,
    NEIGHBOUR,
    OTHER_METER,
    STRANGER,
    ask,
    check,
    code_for,
    dear,
    do,
    done,
    no,
    proof,
    reset,
    set_pin,
    street,
    wrong,
)
from tests.hub.machine import PHONE, Machine, buy


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = street(tmp_path)
    done(machine, set_pin("4729"))
    return machine


def sold(machine: Machine) -> int:
    return int(machine.rows("SELECT COALESCE(sum(tender), 0) FROM sale")[0][0])


def test_above_the_limit_a_pass_is_needed_and_used_up(machine: Machine) -> None:
    done(machine, buy(LIMIT))
    assert no(machine, dear()) == "pin-needed"
    assert no(machine, dear("made-up")) == "pin-needed"
    word = done(machine, check("4729"))["pass"]
    done(machine, dear(word))
    assert no(machine, dear(word, another=True)) == "pin-needed"
    assert sold(machine) == LIMIT + (LIMIT + 1)


def test_of_two_purchases_at_once_with_one_pass_one_is_made(machine: Machine) -> None:
    word = done(machine, check("4729"))["pass"]
    heard = [machine.accept(dear(word, LIMIT + n), f"dear{n}") for n in (1, 2)]
    machine.settle()
    codes = [machine.answer(each[0].message_id).code for each in heard]
    assert sorted(codes) == ["ok", "pin-needed"]


def test_a_repeat_of_the_purchase_is_answered_though_its_pass_is_used(machine: Machine) -> None:
    word = done(machine, check("4729"))["pass"]
    first = done(machine, dear(word), "key")
    assert done(machine, dear(word), "key") == first
    assert sold(machine) == LIMIT + 1


def test_a_purchase_that_was_refused_leaves_the_pass(machine: Machine) -> None:
    word = done(machine, check("4729"))["pass"]
    assert no(machine, dear(word, quoted_tenths=1)) == "quote-changed"
    done(machine, dear(word))


def test_a_pass_is_good_for_minutes_and_for_its_phone(machine: Machine) -> None:
    word = done(machine, check("4729"))["pass"]
    assert no(machine, dear(word, phone=NEIGHBOUR, meter=OTHER_METER)) == "pin-needed"
    machine.time.at_us += 6 * MINUTE_US
    assert no(machine, dear(word)) == "pin-needed"


def test_a_wrong_pin_ends_the_pass_of_before(machine: Machine) -> None:
    word = done(machine, check("4729"))["pass"]
    assert no(machine, check("1111")) == "phone-pin-wrong"
    assert no(machine, dear(word)) == "pin-needed"


def test_a_confirmation_by_sms_opens_nothing(machine: Machine) -> None:
    """Another's meter, above the limit: refused before there is a code to confirm."""
    asked = dear(meter=OTHER_METER, answer_by_notice=True)
    assert no(machine, asked) == "pin-needed"
    assert machine.rows("SELECT * FROM confirmation") == []
    assert no(machine, ConfirmVend(phone=PHONE, code="0001")) == "confirm-unknown"


def test_a_company_without_a_limit_asks_for_no_pin(tmp_path: Path) -> None:
    from core.company import SaleLimits

    machine = street(tmp_path, limits=SaleLimits())
    done(machine, buy(900_000))


def test_three_wrong_ones_lock_for_a_time_that_doubles(machine: Machine) -> None:
    for lock in (15, 30):
        answers = [do(machine, check("0000")) for _ in range(3)]
        assert [a.code for a in answers] == ["phone-pin-wrong"] * 2 + ["phone-pin-locked"]
        assert [a.args.get("tries") for a in answers] == [2, 1, None]
        assert no(machine, check("4729")) == "phone-pin-locked"  # also the right one
        assert no(machine, set_pin("5551", old_proof=proof("4729"))) == "phone-pin-locked"
        machine.time.at_us += (lock - 1) * MINUTE_US
        assert no(machine, check("4729")) == "phone-pin-locked"
        machine.time.at_us += 2 * MINUTE_US
    done(machine, check("4729"))
    assert do(machine, check("0000")).args["tries"] == 2


def test_another_pin_needs_the_old_one(machine: Machine) -> None:
    assert no(machine, set_pin("5551")) == "registration-wrong"
    assert no(machine, set_pin("5551", old_proof=proof("1111"))) == "phone-pin-wrong"
    done(machine, set_pin("5551", old_proof=proof("4729")))
    assert no(machine, check("4729")) == "phone-pin-wrong"
    done(machine, check("5551"))


def test_a_code_resets_also_who_is_locked(machine: Machine) -> None:
    for _ in range(3):
        do(machine, check("0000"))
    assert done(machine, reset()) == {"sent_to": "******001"}
    code = code_for(machine, PHONE)
    assert do(machine, set_pin("5551", code=wrong(code))).args["tries"] == 2
    done(machine, set_pin("5551", code=code))
    done(machine, check("5551"))
    assert no(machine, set_pin("5552", code=code)) == "phone-code-none"


def test_codes_of_a_reset_are_few_short_lived_and_guessed_thrice(machine: Machine) -> None:
    done(machine, reset())
    code = code_for(machine, PHONE)
    assert [do(machine, set_pin("5551", code=wrong(code))).args["tries"] for _ in range(3)] == [
        2, 1, 0,
    ]  # fmt: skip
    assert no(machine, set_pin("5551", code=code)) == "phone-code-none"
    done(machine, reset())
    machine.time.at_us += 61 * MINUTE_US
    assert no(machine, set_pin("5551", code=code_for(machine, PHONE))) == "phone-code-none"
    done(machine, reset())
    assert no(machine, reset()) == "phone-codes-spent"
    machine.time.at_us += DAY_US
    done(machine, reset())


def test_an_operator_clears_a_pin_with_evidence(machine: Machine) -> None:
    assert no(machine, ask("pin-clear", PHONE, evidence="")) == "act-wrong"
    assert done(machine, ask("pin-clear", PHONE))["pin"] == "cleared"
    assert no(machine, check("4729")) == "pin-unset"
    assert no(machine, ask("pin-clear", PHONE)) == "pin-unset"
    done(machine, set_pin("5551"))


def test_who_may_spend_nothing_has_no_pin(machine: Machine) -> None:
    assert no(machine, set_pin("5551", STRANGER)) == "phone-not-registered"
    assert no(machine, check("5551", STRANGER)) == "pin-unset"
    assert no(machine, reset(STRANGER)) == "phone-not-registered"
    assert no(machine, reset(NEIGHBOUR)) == "pin-unset"


def test_what_is_no_proof_is_no_pin(machine: Machine) -> None:
    from core.messages import SetPin

    assert no(machine, SetPin(phone=NEIGHBOUR, proof="4729")) == "registration-wrong"


def test_one_pin_of_two_phones_has_two_proofs() -> None:
    assert proof("4729", PHONE) != proof("4729", NEIGHBOUR)


# -- at random


@given(st.integers(0, 4_000))
@settings(max_examples=60)
def test_a_lock_never_shrinks_and_ends(wrong_ones: int) -> None:
    lock = lock_us(wrong_ones)
    assert (lock > 0) == (wrong_ones > 0 and wrong_ones % TRIES == 0)
    assert lock in (0, *range(LOCK_US, LONGEST_US + 1, LOCK_US))
    assert not lock or lock_us(wrong_ones + TRIES) >= lock


@given(st.lists(st.booleans(), max_size=12), st.integers(1, 10**15))
@settings(max_examples=60)
def test_only_a_right_pin_forgets_the_wrong_ones(tries: list[bool], now_us: int) -> None:
    wrong_ones = 0
    for right in tries:
        outcome = tried("a" * 64, ("a" if right else "b") * 64, wrong_ones, now_us)
        assert outcome.right is right
        assert outcome.wrong == (0 if right else wrong_ones + 1)
        assert outcome.until == (0 if right else now_us + lock_us(outcome.wrong)) or not lock_us(
            outcome.wrong
        )
        wrong_ones = outcome.wrong


MOVES = st.sampled_from(["right", "wrong", "wrong", "wait", "buy", "reset", "set"])


@given(st.lists(MOVES, max_size=10))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_guesser_never_has_more_than_three_tries_a_lock(moves: list[str]) -> None:
    """Whatever is done in whatever order: who is locked opens nothing, and a pass buys once."""
    with tempfile.TemporaryDirectory() as folder:
        machine = street(Path(folder))
        done(machine, set_pin("4729"))
        word, wrong_ones, locked_until, bought = "", 0, 0, 0
        for at, move in enumerate(moves):
            locked = locked_until > machine.time.at_us
            if move == "wait":
                machine.time.at_us += 20 * MINUTE_US
                word = ""  # five minutes are over
            elif move == "buy":
                answer = do(machine, dear(word, LIMIT + 1 + at))
                assert answer.code == ("ok" if word else "pin-needed")
                bought += LIMIT + 1 + at if word else 0
                word = ""
            elif move in ("right", "wrong"):
                answer = do(machine, check("4729" if move == "right" else "9274"))
                if locked:
                    assert answer.code == "phone-pin-locked"
                elif move == "right":
                    word, wrong_ones = answer.data["pass"], 0
                else:
                    wrong_ones, word = wrong_ones + 1, ""
                    if wrong_ones % TRIES == 0:
                        locked_until = machine.time.at_us + lock_us(wrong_ones)
            elif move == "reset":
                do(machine, reset())
            elif not locked:
                done(machine, set_pin("4729", old_proof=proof("4729")))
                wrong_ones, word = 0, ""
        assert sold(machine) == bought
        machine.store.close()

"""A phone's meters: asked for, agreed to by the holder or an operator, named, removed, kept."""

from pathlib import Path

import pytest

from core.messages import AskAdvance, AskBalance, ChangeMeter, Recipient
from core.registration.states import MOVES, RequestMove, RequestState, moved
from core.registration.years import YEAR_US
from tests.core.registration.house import (
    DAY_US,
    LIMIT,
    MINUTE_US,
    NEIGHBOUR,
    OTHER_METER,
    STRANGER,
    accounts,
    add,
    ask,
    code_for,
    confirm,
    do,
    done,
    meters,
    no,
    street,
    wrong,
    yes,
)
from tests.hub.machine import METER, PHONE, Machine, buy


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return street(tmp_path)


def test_who_has_the_code_of_the_holder_has_the_meter(machine: Machine) -> None:
    asked = done(machine, add())
    assert (asked["state"], asked["sent_to"]) == ("waiting", "******001")
    message = machine.channel.sent[-1].message
    assert (message.recipient, message.template) == (PHONE, "register-meter")  # type: ignore[attr-defined]
    assert meters(machine, STRANGER) == []
    code = code_for(machine, PHONE)
    assert done(machine, confirm(code)) == {"meter": METER, "state": "done", "spends": False}
    assert meters(machine, STRANGER) == [(METER, "Dad")]
    assert accounts(machine, STRANGER) == []
    assert no(machine, confirm(code)) == "phone-code-none"  # it counts once
    assert no(machine, buy(phone=STRANGER)) == "phone-not-registered"
    assert machine.unaccounted() == 0


def test_who_asks_to_spend_may_spend_when_the_holder_agrees(machine: Machine) -> None:
    done(machine, add(spends=True))
    assert machine.channel.sent[-1].message.template == "register-spending"  # type: ignore[attr-defined]
    done(machine, confirm(code_for(machine, PHONE)))
    assert accounts(machine, STRANGER) == ["100001"]
    assert done(machine, buy(phone=STRANGER))["account"] == "100001"


def test_the_holder_himself_needs_no_code(machine: Machine) -> None:
    assert done(machine, add(PHONE, name="House"))["state"] == "done"
    assert meters(machine, PHONE) == [(METER, "House")]
    assert machine.channel.sent == []


def test_three_wrong_codes_end_the_request(machine: Machine) -> None:
    done(machine, add())
    code = code_for(machine, PHONE)
    left = [do(machine, confirm(wrong(code))).args["tries"] for _ in range(3)]
    assert left == [2, 1, 0]
    assert no(machine, confirm(code)) == "phone-code-none"
    assert meters(machine, STRANGER) == []


def test_a_code_is_good_for_an_hour_and_a_new_request_takes_the_place_of_the_old(
    machine: Machine,
) -> None:
    done(machine, add())
    first = code_for(machine, PHONE)
    done(machine, add(meter=OTHER_METER))
    second = code_for(machine, NEIGHBOUR)
    assert first != second
    assert no(machine, confirm(first)) == "phone-code-wrong"
    machine.time.at_us += 61 * MINUTE_US
    assert no(machine, confirm(second)) == "phone-code-none"


def test_codes_are_few_for_a_phone_and_for_a_meter(machine: Machine) -> None:
    for _ in range(3):
        done(machine, add())
    assert no(machine, add()) == "phone-codes-spent"
    for last in (5, 6):
        done(machine, add(f"+25670000010{last}"))
    assert no(machine, add("+256700000107")) == "phone-codes-spent"
    assert no(machine, add(meter=OTHER_METER)) == "phone-codes-spent"
    machine.time.at_us += DAY_US
    done(machine, add())


def test_a_repeat_sends_no_second_code(machine: Machine) -> None:
    done(machine, add(), "one")
    done(machine, add(), "one")
    assert len(machine.channel.sent) == 1


def test_a_code_for_a_meter_that_went_to_another_gives_nothing(machine: Machine) -> None:
    """The account of the meter is another one by now."""
    done(machine, add(spends=True))
    with machine.store.transaction() as tx:
        tx.run("UPDATE phone_request SET account_id = 2")
    assert no(machine, confirm(code_for(machine, PHONE))) == "registration-wrong"
    assert accounts(machine, STRANGER) == []


@pytest.mark.parametrize(
    ("meter", "code"),
    [
        ("04123456789", "meter-check-digit"),
        ("0412345678", "meter-length"),
        ("01234567897", "meter-unknown"),
    ],
)
def test_what_is_no_meter_is_refused(machine: Machine, meter: str, code: str) -> None:
    assert no(machine, add(meter=meter)) == code


def test_without_a_phone_on_file_an_operator_agrees(machine: Machine) -> None:
    done(machine, ask("remove", PHONE, account="100001"))
    assert done(machine, add())["waits"] == "operator"
    assert machine.channel.sent == []
    assert no(machine, confirm("")) == "phone-code-none"
    answer = done(machine, ask("approve", meter=METER))  # saves it only: one person is enough
    assert (answer["state"], answer["registered"], answer["phone"]) == ("done", METER, STRANGER)
    assert meters(machine, STRANGER) == [(METER, "Dad")]
    assert no(machine, ask("approve", meter=METER)) == "registration-wrong"


def test_two_operators_agree_to_spending(machine: Machine) -> None:
    done(machine, add(spends=True))
    assert no(machine, ask("approve", meter=METER, evidence="")) == "act-wrong"
    assert no(machine, ask("approve", meter=METER, operator="sam")) == "act-no-role"
    waiting = done(machine, ask("approve", meter=METER))
    assert (waiting["state"], waiting["phone"]) == ("requested", STRANGER)
    assert accounts(machine, STRANGER) == []
    done(machine, yes(waiting["act"]))
    assert accounts(machine, STRANGER) == ["100001"]
    assert no(machine, yes(waiting["act"])) == "act-not-open"


def test_an_act_that_the_code_overtook_is_refused(machine: Machine) -> None:
    done(machine, add(spends=True))
    waiting = done(machine, ask("approve", meter=METER))
    done(machine, confirm(code_for(machine, PHONE)))
    assert no(machine, yes(waiting["act"])) == "registration-wrong"
    assert accounts(machine, STRANGER) == ["100001"]


def test_an_operator_refuses_a_request(machine: Machine) -> None:
    done(machine, add())
    code = code_for(machine, PHONE)
    done(machine, ask("refuse", meter=METER))
    assert no(machine, confirm(code)) == "phone-code-none"
    assert no(machine, ask("refuse", meter=METER)) == "registration-wrong"


def test_what_an_operator_takes_away_is_gone(machine: Machine) -> None:
    assert no(machine, ask("remove", PHONE)) == "registration-wrong"
    assert no(machine, ask("remove", PHONE, account="100002")) == "account-not-yours"
    assert no(machine, ask("remove", PHONE, meter=OTHER_METER)) == "meter-not-saved"
    done(machine, ask("remove", PHONE, meter=METER))
    assert (meters(machine, PHONE), accounts(machine, PHONE)) == ([], ["100001"])
    done(machine, ask("remove", PHONE, account="100001"))
    assert no(machine, buy()) == "phone-not-registered"


def change(what: str, name: str = "", meter: str = METER) -> ChangeMeter:
    return ChangeMeter(phone=PHONE, meter=meter, change=what, name=name)  # type: ignore[arg-type]


def test_a_meter_is_named_again_and_again_and_removed(machine: Machine) -> None:
    heard = [
        machine.accept(change("name", name), f"name/{name}") for name in ("Shop", "Bar", "Inn")
    ]  # in one batch
    machine.settle()
    assert all(heard)
    assert meters(machine, PHONE) == [(METER, "Inn")]
    assert no(machine, change("name", "x" * 21)) == "registration-wrong"
    assert no(machine, change("name", "Shop", OTHER_METER)) == "meter-not-saved"
    done(machine, change("remove"))
    assert meters(machine, PHONE) == []
    assert no(machine, change("remove")) == "meter-not-saved"
    assert accounts(machine, PHONE) == ["100001"]  # what it may spend is no matter of a list
    done(machine, add(PHONE))
    assert meters(machine, PHONE) == [(METER, "Dad")]


def test_a_phone_has_nine_meters_at_most(machine: Machine) -> None:
    with machine.store.transaction() as tx:
        for number in range(8):
            tx.run(
                "INSERT INTO meter (id, company, drn, max_credit_tenths, tct, ea, dkga, sgc, krn, "
                "ti, ken, base_year) SELECT 100 + :n, company, 'M' || :n, max_credit_tenths, tct, "
                "ea, dkga, sgc, krn, ti, ken, base_year FROM meter WHERE id = 1", n=number,
            )  # fmt: skip
            tx.run("INSERT INTO phone_meter VALUES (1, 100 + :n, '', 1, NULL)", n=number)
    assert no(machine, add(PHONE, OTHER_METER)) == "registration-full"
    assert done(machine, add(PHONE, METER))["state"] == "done"  # it has that one


def test_after_a_year_a_phone_is_confirmed_again(machine: Machine) -> None:
    machine.time.at_us += 40 * DAY_US
    done(machine, buy())
    machine.time.at_us += YEAR_US - DAY_US
    done(machine, buy(LIMIT))
    machine.time.at_us += YEAR_US + DAY_US
    assert no(machine, buy()) == "registration-unused"
    # nor owe in its holder's name, or read what he has
    assert no(machine, AskAdvance(phone=PHONE, meter=METER)) == "registration-unused"
    assert no(machine, AskBalance(phone=PHONE)) == "registration-unused"
    # nor may it agree for others: that number may be another's
    assert done(machine, add())["waits"] == "operator"
    kept = done(machine, change("keep", meter=""))
    assert kept["sent_to"] == "******001"
    done(machine, confirm(code_for(machine, PHONE), PHONE))
    done(machine, buy(LIMIT))
    assert machine.channel.sent[-1].message.template == "token"  # type: ignore[attr-defined]


def test_a_purchase_renews_the_year_once_a_month(machine: Machine) -> None:
    def seen() -> int:
        return int(machine.rows("SELECT seen_at FROM phone WHERE msisdn = :p", p=PHONE)[0][0])

    registered = seen()
    machine.time.at_us += 20 * DAY_US
    done(machine, buy())
    assert seen() == registered
    machine.time.at_us += 20 * DAY_US
    done(machine, buy())
    assert seen() > registered + 30 * DAY_US


def test_the_language_of_a_phone_is_kept_beside_its_year(machine: Machine) -> None:
    from core.messages import SetLanguage

    machine.time.at_us += 40 * DAY_US
    machine.accept(SetLanguage(phone=PHONE, language="sw"), "language")
    machine.accept(buy(reply=(Recipient(way="sms", address=PHONE),)), "buy")
    machine.settle()
    ((language, seen),) = machine.rows("SELECT language, seen_at FROM phone WHERE id = 1")
    assert language == "sw"
    assert seen > machine.time.at_us - DAY_US


@pytest.mark.parametrize("state", RequestState)
@pytest.mark.parametrize("move", RequestMove)
def test_every_pair_of_state_and_move(state: RequestState, move: RequestMove) -> None:
    assert moved(state, move) == MOVES.get((state, move))
    decided = state in (RequestState.DONE, RequestState.REFUSED, RequestState.ENDED)
    assert not decided or moved(state, move) is None

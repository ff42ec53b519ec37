"""Who hears that a PIN has changed, or that another phone may spend an account."""

from pathlib import Path
from typing import Any

import pytest

from core.messages import AddMeter
from core.registration.years import YEAR_US
from tests.core.registration.house import (
    NEIGHBOUR,
    STRANGER,
    add,
    ask,
    code_for,
    confirm,
    done,
    proof,
    reset,
    set_pin,
    street,
    yes,
)
from tests.hub.machine import METER, PHONE, Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return street(tmp_path)


def told(machine: Machine, template: str) -> list[tuple[str, dict[str, Any]]]:
    """Who got it, with what it says, oldest first."""
    messages: list[Any] = [sent.message for sent in machine.channel.sent]
    return [(m.recipient, dict(m.args)) for m in messages if m.template == template]


def second_phone(machine: Machine) -> None:
    done(machine, add(spends=True))
    done(machine, confirm(code_for(machine, PHONE)))


def test_the_holder_hears_that_another_phone_may_spend(machine: Machine) -> None:
    second_phone(machine)
    assert told(machine, "phone-spends") == [(PHONE, {"phone": STRANGER, "meter": METER})]


def test_a_meter_in_a_list_is_told_to_nobody(machine: Machine) -> None:
    done(machine, add())
    done(machine, confirm(code_for(machine, PHONE)))
    assert told(machine, "phone-spends") == []


def test_the_holder_hears_of_what_operators_approve(machine: Machine) -> None:
    """Also where his phone was not used for a year: somebody at the counter said yes for him."""
    machine.time.at_us += YEAR_US + 1
    done(machine, AddMeter(phone=NEIGHBOUR, meter=METER, spends=True, language="en"))
    act = done(machine, ask("approve", NEIGHBOUR, meter=METER))
    assert told(machine, "phone-spends") == []
    done(machine, yes(act["act"]))
    assert told(machine, "phone-spends") == [(PHONE, {"phone": NEIGHBOUR, "meter": METER})]


def test_the_phone_and_those_beside_it_hear_that_a_pin_has_changed(machine: Machine) -> None:
    """Whoever has taken the number over gets the code and the notice: the others hear of it."""
    second_phone(machine)
    done(machine, set_pin("4729"))
    both = [(PHONE, {"phone": PHONE}), (STRANGER, {"phone": PHONE})]
    assert told(machine, "pin-changed") == both
    done(machine, set_pin("8351", old_proof=proof("4729")))
    assert told(machine, "pin-changed") == both * 2
    done(machine, reset())
    done(machine, set_pin("7193", code=code_for(machine, PHONE)))
    assert told(machine, "pin-changed") == both * 3
    done(machine, ask("pin-clear", PHONE))
    assert told(machine, "pin-changed") == both * 4

"""What comes to its turn too late: who waits for it is told, on the way that he still sees."""

from pathlib import Path

import pytest

from core.messages import Outcome
from tests.hub.machine import Machine, buy, enrol, fresh_sqlite, pay

SECOND_US = 1_000_000


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    return machine


def _templates(machine: Machine) -> list[tuple[str, str]]:
    found = []
    for outbound in machine.channel.sent:
        args = getattr(outbound.message, "args", {})
        found.append((getattr(outbound.message, "template", ""), args.get("code", "")))
    return found


def test_a_purchase_that_expired_is_refused_and_the_buyer_is_told(machine: Machine) -> None:
    heard = machine.accept(buy(), "k", expires_in_s=3_600.0)
    machine.intake.step()
    machine.time.at_us += 3_601 * SECOND_US
    machine.settle()
    answer = machine.answer(heard[0].message_id)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "expired")
    assert _templates(machine) == [("refusal", "expired")]
    assert machine.rows("SELECT outcome FROM delivery WHERE handler = 'vending.credit-vend'") == [
        ("expired",)
    ]
    assert machine.rows("SELECT count(*) FROM sale") == [(0,)]
    assert machine.unaccounted() == 0


@pytest.mark.parametrize(
    ("left_s", "told"), [(3.0, []), (0.3, [("refusal", "credit-insufficient")])]
)
def test_a_no_that_the_screen_may_have_missed_is_sent_too(
    machine: Machine, left_s: float, told: list[tuple[str, str]]
) -> None:
    message = buy(tender=60_000, answer_by_notice=False)
    machine.accept(message, "k", reply_within_s=4.0)
    machine.intake.step()
    machine.time.at_us += int((4.0 - left_s) * SECOND_US)
    machine.settle()
    assert _templates(machine) == told

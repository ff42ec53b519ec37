"""A security module that does not answer: nobody hears a no, no attempt is burned, nothing lost."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.messages import Outcome
from core.store.tables.machine import RETRY, STATE_NAMES
from core.sts.errors import ModuleAwayError
from hub.inbox import POSTPONED_S
from tests.hub.machine import Machine, buy, enrol, fresh_sqlite, pay


class Outage:
    """The module of a machine, which may be away."""

    def __init__(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        module, self.away = machine.terms.module, True
        issue = module.issue_credit

        def asked(*args: Any) -> Any:
            if self.away:
                raise ModuleAwayError("the module box does not answer", where="box")
            return issue(*args)

        monkeypatch.setattr(module, "issue_credit", asked)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(fresh_sqlite(tmp_path))
    made.do(enrol(), "e")
    made.do(pay(50_000), "p")
    return made


def test_a_sale_waits_for_its_module_and_is_done_once(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage = Outage(machine, monkeypatch)
    heard = machine.accept(buy(20_000), "b")
    for _ in range(20):  # more often than a delivery has attempts
        machine.settle()
        machine.time.at_us += (POSTPONED_S + 1) * 1_000_000
        machine.sweeper.step()
    rows = machine.rows(
        "SELECT state, attempt, error_class FROM delivery WHERE handler = 'vending.credit-vend'"
    )
    assert [(STATE_NAMES[row[0]], *row[1:]) for row in rows] in (
        [("open", 0, "module")],
        [(STATE_NAMES[RETRY], 0, "module")],
    )
    assert machine.rows("SELECT count(*) FROM sale") == [(0,)]
    assert machine.unaccounted() == 0
    outage.away = False
    machine.time.at_us += (POSTPONED_S + 1) * 1_000_000
    machine.sweeper.step()
    machine.settle()
    assert machine.answer(heard[0].message_id).outcome is Outcome.DONE
    assert machine.rows("SELECT count(*) FROM token") == [(1,)]
    assert machine.rows("SELECT sum(made) FROM module_log") == [(1,)]


def test_an_outage_is_logged_and_after_a_day_the_answer_is_unknown(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    Outage(machine, monkeypatch)
    heard = machine.accept(buy(20_000), "b")
    with capture_logs() as logs:
        machine.settle()
    assert {"event": "module.away", "error": "the module box does not answer",
            "log_level": "error"} in logs  # fmt: skip
    machine.time.at_us += 25 * 3_600 * 1_000_000
    machine.sweeper.step()
    machine.settle()
    assert machine.rows("SELECT count(*) FROM delivery WHERE state = 3") == [(1,)]
    assert machine.answer(heard[0].message_id).outcome is Outcome.UNKNOWN
    assert machine.unaccounted() == 0


def test_the_next_purchase_of_the_account_waits_behind_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage = Outage(machine, monkeypatch)
    machine.accept(buy(20_000), "b1")
    machine.accept(buy(9_000), "b2")
    machine.settle()
    outage.away = False
    for _ in range(3):
        machine.time.at_us += (POSTPONED_S + 1) * 1_000_000
        machine.sweeper.step()
        machine.settle()
    assert machine.rows("SELECT tender FROM sale ORDER BY id") == [(20_000,), (9_000,)]
    assert machine.unaccounted() == 0

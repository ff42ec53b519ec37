"""A command that expires behind a dead one of its key is refused there: once, and told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.handlers.base import Draw
from core.messages import CreditVend, Outcome, SendNotice
from core.store.tables.machine import DEAD, DONE, OPEN, PARKED
from core.store.upgrade import upgrade
from core.vending import sale
from hub import inbox, sweeper
from hub.balance import Line, lines
from hub.envelope import Envelope, seal
from hub.outbox import WORKER
from hub.partitions import NEW as PARTITIONS
from tests.hub.machine import PHONE, Machine, buy, enrol, fresh_sqlite, pay
from tests.servers.postgres import Postgres

MINUTE_US = 60_000_000
ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]


@pytest.fixture(params=ENGINES)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    if request.param == "sqlite":
        yield enrolled(fresh_sqlite(tmp_path))
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    url = postgres.prepared("expired", upgrade)
    machine = enrolled(url)
    yield machine
    machine.store.close()
    postgres.drop(url)


def enrolled(url: str) -> Machine:
    machine = Machine(url)
    machine.do(enrol(), "enrol")
    machine.do(pay(100_000), "pay")
    return machine


def behind_a_dead_one(machine: Machine, *waiting: tuple[CreditVend, dict[str, Any]]) -> list[str]:
    """A purchase that is dead, and those that wait behind it: all their message ids."""
    heard = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sale, "price_purchase", None)
        patched.setattr(inbox, "RETRY_AFTER_S", ())
        for number, (command, options) in enumerate(((buy(), {}), *waiting)):
            heard.append(machine.accept(command, f"b{number}", **options))
            machine.settle()
    return [str(each[0].message_id) for each in heard]


def another(**options: Any) -> tuple[CreditVend, dict[str, Any]]:
    return buy(another=True), options


def state(machine: Machine, message_id: str) -> tuple[int, str]:
    ((found, outcome),) = machine.rows(
        "SELECT state, outcome FROM delivery WHERE message_id = :m", m=message_id
    )
    return int(found), str(outcome)


def sweep(machine: Machine, later_us: int = sweeper.EVERY_US) -> bool:
    machine.time.at_us += later_us
    return machine.sweeper.step()


def books(machine: Machine) -> Line:
    with machine.store.reader() as reader:
        (line,) = [each for each in lines(reader) if each.handler == "vending.credit-vend"]
    return line


def refusals(machine: Machine) -> list[Any]:
    sent = [out.message for out in machine.channel.sent]
    return [m.args["code"] for m in sent if isinstance(m, SendNotice) and m.template == "refusal"]


def test_it_is_refused_and_told_once_and_those_behind_it_stay(machine: Machine) -> None:
    dead, late, early, plain = behind_a_dead_one(
        machine, another(expires_in_s=60.0), another(expires_in_s=3600.0), another()
    )
    assert not sweep(machine)
    assert [state(machine, each)[0] for each in (late, early, plain)] == [PARKED] * 3
    assert sweep(machine, 2 * MINUTE_US)
    machine.settle()
    answer = machine.answer(late)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "expired")
    assert state(machine, late) == (DONE, "expired")
    assert [state(machine, each)[0] for each in (dead, early, plain)] == [DEAD, PARKED, PARKED]
    assert refusals(machine) == ["expired"]
    line = books(machine)
    assert (line.accepted, line.refused, line.dead, line.parked) == (4, 1, 1, 2)
    assert machine.unaccounted() == 0
    assert not sweep(machine, MINUTE_US)  # that was all
    machine.settle()
    assert refusals(machine) == ["expired"]


def test_what_has_not_expired_goes_on_when_the_dead_one_is_gone(machine: Machine) -> None:
    dead, late, early = behind_a_dead_one(
        machine, another(expires_in_s=60.0), another(expires_in_s=3600.0)
    )
    assert sweep(machine, 2 * MINUTE_US)
    machine.settle()
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET state = 0, attempt = 0 WHERE message_id = :m", m=dead)
    machine.settle()
    assert sweep(machine)
    machine.settle()
    assert [machine.answer(each).outcome for each in (dead, early)] == [Outcome.DONE] * 2
    assert machine.answer(late).code == "expired"
    assert machine.rows("SELECT count(*) FROM sale") == [(2,)]
    assert machine.unaccounted() == 0


def test_whose_screen_is_gone_is_told_by_text(machine: Machine) -> None:
    by_menu = buy(another=True, answer_by_notice=False)
    *_, late = behind_a_dead_one(machine, (by_menu, {"expires_in_s": 60.0, "reply_within_s": 5.0}))
    assert sweep(machine, 2 * MINUTE_US)
    machine.settle()
    assert machine.answer(late).code == "expired"
    assert refusals(machine) == ["expired"]
    assert machine.channel.sent[-1].message.recipient == PHONE  # type: ignore[attr-defined]


@pytest.mark.parametrize("stated", ["soon", "2026-11-21T09:00:00", ""])
def test_without_an_expiry_that_can_be_read_it_waits(stated: str) -> None:
    envelope = Envelope(
        id="x", source="s", type="t", time="", recordedtime="", partitionkey="demo/1",
        correlationid="x", company="demo", expirytime=stated,
    )  # fmt: skip
    for sealed in (seal(envelope), "{"):
        delivery = inbox.Delivery(1, "x", "h", "sms", "demo/1", 0, 0, sealed, 0)
        assert inbox.expiry_of(delivery) == 0


def test_by_the_instant_of_its_decision_it_is_refused_or_stays_parked(machine: Machine) -> None:
    """Never done out of its turn: not by a rerun with an earlier draw, nor by a clock set back."""
    *_, late = behind_a_dead_one(machine, another(expires_in_s=60.0))
    in_time = machine.time.at_us
    assert sweep(machine, 2 * MINUTE_US)
    after = machine.time.at_us
    assert state(machine, late)[0] == OPEN
    with machine.store.transaction() as tx:
        fetched = inbox.fetch_open(tx, WORKER, range(PARTITIONS), 10)
        machine.worker.batch.run(tx, fetched, {late: Draw(in_time, 1, "1234")})
    assert state(machine, late)[0] == PARKED
    machine.time.at_us = after
    assert sweep(machine)
    machine.time.at_us = in_time
    machine.settle()
    assert state(machine, late)[0] == PARKED
    machine.time.at_us = after
    assert sweep(machine, MINUTE_US)
    machine.settle()
    assert state(machine, late) == (DONE, "expired")
    assert machine.rows("SELECT count(*) FROM sale") == [(0,)]
    assert machine.unaccounted() == 0

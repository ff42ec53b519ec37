"""The same history on both engines: the same answers, the same books, the same views."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.queries.collection import (
    ageing,
    items_of,
    known_accounts,
    old_debts,
    overdue_accounts,
    payments_of,
)
from core.store.tx import DataStoreError
from core.store.upgrade import upgrade
from tests.core.collection.desk import act, agreed, debt, desk, desk_on, done, money, whole
from tests.hub.machine import Machine, buy
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow
TODAY = date(2026, 11, 21)


@pytest.fixture
def server(postgres: Postgres) -> Iterator[Machine]:
    url = postgres.prepared("collection", upgrade)
    machine = desk_on(url)
    yield machine
    machine.store.close()
    postgres.drop(url)


def story(machine: Machine) -> list[Any]:
    """What every step of a long story answers, and what is shown at its end."""
    said: list[Any] = [done(machine, money(90_000))]
    fee = done(machine, act("fee", fee="visit"))
    said += [fee, done(machine, money(4_000)), debt(machine, 50_000, 2024), debt(machine, 9_000)]
    said.append(agreed(machine, act("credit-note", items=(fee["item"],), amount=2_000)))
    said.append(agreed(machine, act("credit-note", items=(fee["item"],))))
    said.append(agreed(machine, act("write-off", items=(2,), amount=1_000)))
    said.append(done(machine, act("waiver", items=(2,), amount=500)))
    said.append(done(machine, act("late-fees", on="2026-11-21")))
    cheque = done(machine, money(30_000, "cheque"))
    said += [cheque, agreed(machine, act("clear", payment=cheque["payment"]))]
    said.append(done(machine, act("dishonour", payment=cheque["payment"])))
    said.append(done(machine, act("plan", instalments=3, on="2026-12-31", items=(2,))))
    said.append(done(machine, act("plan-break", plan=1)))
    said.append(agreed(machine, act("recover", items=(3,), method="fixed", value=500)))
    bought = done(machine, buy(20_000))
    said.append([line for line in bought["lines"] if line["code"] == "old-debt"])
    said.append(done(machine, act("deposit", deposit="equipment", amount=2_000)))
    said.append(agreed(machine, act("deposit-refund", deposit="equipment", amount=2_000)))
    receipt = done(machine, act("receipt", amount=1_000))["receipt"]
    said.append(done(machine, money(1_000, receipt=receipt)))
    whole(machine)
    with machine.store.reader() as reader:
        said += [
            items_of(reader, "demo", "100001", TODAY, closed=True),
            payments_of(reader, "demo", "100001", 10),
            ageing(reader, "demo", TODAY, (1, 31, 61)),
            ageing(reader, "demo", TODAY, (1, 31, 61), "100001"),
            list(overdue_accounts(reader, "demo", TODAY)),
            known_accounts(reader, "demo", ["100001", "9"]),
            old_debts(reader, "demo", ["old/100001/2024/energy", "old/100001/1999/energy"]),
        ]
    return [_plain(each) for each in said]


def _plain(value: Any) -> Any:
    """Without what an engine's own clock gives."""
    plain = msgspec.to_builtins(value)
    if isinstance(plain, list):
        return [_plain(each) for each in plain]
    if isinstance(plain, dict):
        return {k: _plain(v) for k, v in plain.items() if k not in ("at", "expires")}
    return plain


def test_the_story_is_the_same(server: Machine, tmp_path: Path) -> None:
    machine = desk(tmp_path)
    told = story(machine)
    machine.store.close()
    assert story(server) == told


def test_allocations_are_final(server: Machine, tmp_path: Path) -> None:
    machine = desk(tmp_path)
    for each in (server, machine):
        done(each, money(1_000))
        for statement in ("UPDATE allocation SET amount = 1", "DELETE FROM allocation"):
            with pytest.raises(DataStoreError), each.store.transaction() as tx:
                tx.run(statement)
        whole(each)
    machine.store.close()

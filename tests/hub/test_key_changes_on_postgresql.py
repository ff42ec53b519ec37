"""Key changes on PostgreSQL: the same statements, the same states."""

from collections.abc import Iterator

import pytest

from core.messages import ConfirmKeyChange, FailKeyChange
from core.queries import key_changes as queries
from core.sts.meter_state import Result
from core.vending.key_change_states import LAPSE_US
from tests.hub.key_changes import (
    NOW,
    campaigned,
    change,
    coded,
    move_in,
    on_file,
    set_tokens,
    take_all,
    terms,
    wanted,
)
from tests.hub.machine import METER, Machine, buy
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    from core.store.upgrade import upgrade

    url = postgres.prepared("keychange", upgrade)
    machine = Machine(url, terms=terms())
    move_in(machine, coded())
    yield machine
    machine.store.close()
    postgres.drop(url)


def test_from_the_campaign_to_the_end(machine: Machine) -> None:
    meter = coded()
    machine.do(buy(5_000), "before")
    assert campaigned(machine, wanted(), "need").data["needed"] == 1
    with machine.store.reader() as reader:
        assert [each.meter for each in queries.not_bought(reader, "demo", "c1")] == [METER]
        assert list(queries.group(reader, "demo", NOW, 1)) == [[METER]]
    first = machine.do(buy(20_000), "1")
    assert take_all(meter, first, machine.time.at_us)[-1] is Result.ACCEPT
    assert set_tokens(machine) == first.data["kct"]
    again = machine.do(buy(6_000), "2")
    assert again.data["kct"] == first.data["kct"]
    with machine.store.reader() as reader:
        (count,) = queries.campaign_counts(reader, "demo")
        assert (count.state, count.meters, count.stuck) == ("issued", 1, 0)
        view = queries.view_of(reader, "demo", METER)
        assert view is not None
        assert (view.issued, view.ro) == (2, False)
        assert len(queries.old_tokens(reader, "demo", METER)) == 1
    machine.time.at_us += LAPSE_US
    machine.sweeper.step()
    assert change(machine)["state"] == "presumed"
    machine.do(ConfirmKeyChange(meter=METER, how="read-out", operator="alice", reason="b"), "c")
    assert change(machine)["state"] == "confirmed"
    assert machine.unaccounted() == 0


def test_a_change_that_fails(machine: Machine) -> None:
    campaigned(machine, wanted(), "need")
    machine.do(buy(20_000), "1")
    assert on_file(machine)["krn"] == 2
    machine.do(FailKeyChange(meter=METER, operator="alice", reason="b"), "f")
    assert (on_file(machine)["krn"], change(machine)["state"]) == (1, "failed")

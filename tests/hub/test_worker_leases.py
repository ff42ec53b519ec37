"""What a worker has in hand when its lease moves is not committed, and goes back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.messages import Outcome
from core.store.ids import take
from core.store.tx import TransientStoreError
from hub.bus import Taken
from hub.bus.table import TableSource
from hub.worker import FencedError, StoreAway
from tests.hub.machine import Machine, enrol, fresh_sqlite, pay


class Bundles:
    """A source that counts what became of what it gave, as a broker's would."""

    def __init__(self, machine: Machine) -> None:
        self.table = TableSource(machine.store)
        self.acknowledged = self.returned = 0

    def take(self, limit: int) -> Taken | None:
        taken = self.table.take(limit)
        if taken is None:
            return None
        return Taken(taken.deliveries, self._done, taken.again, self._back)

    def assign(self, partitions: Sequence[int]) -> None:
        self.table.assign(partitions)

    def _done(self) -> None:
        self.acknowledged += 1

    def _back(self) -> None:
        self.returned += 1


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(fresh_sqlite(tmp_path))
    assert machine.do(enrol(), "enrol").outcome is Outcome.DONE
    return machine


def test_what_was_kept_while_the_store_was_away_is_another_s_when_the_lease_has_moved(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = machine.worker.source = Bundles(machine)
    machine.accept(pay(50_000), "pay")
    machine.intake.step()

    def away(_store: Any) -> Any:
        raise TransientStoreError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(type(machine.store), "transaction", away)
        with pytest.raises(StoreAway):
            machine.worker.step()
    machine.worker.leased = lambda _partition: False
    with pytest.raises(FencedError):
        machine.worker.step()
    assert machine.rows("SELECT credit FROM account") == [(0,)]
    assert (source.acknowledged, source.returned) == (0, 1)

    machine.worker.leased = lambda _partition: True
    machine.settle()
    assert machine.rows("SELECT credit FROM account") == [(50_000,)]
    assert machine.unaccounted() == 0


class Flaky:
    """A store whose next COMMIT is lost."""

    def __init__(self, store: Any) -> None:
        self._store, self.lost = store, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with self._store.transaction() as tx:
            yield tx
            if self.lost:
                self.lost = False
                raise TransientStoreError("lost at COMMIT")


def test_ids_of_a_block_that_was_not_committed_are_not_drawn(machine: Machine) -> None:
    """They may be another worker's block by then: two rows of one id, and good messages dead."""
    one = machine.worker
    one.store = Flaky(machine.store)  # type: ignore[assignment]
    with pytest.raises(TransientStoreError):
        one._stock({"sale": 3})
    assert one.batch.ids.missing("sale", 1) == 1
    with machine.store.transaction() as tx:
        theirs = take(tx, "sale", 1_000)
    one._stock({"sale": 3})
    assert one.batch.ids.draw("sale") not in theirs

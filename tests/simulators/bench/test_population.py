"""Millions of accounts, of which there are a few here; and that there is room for them first."""

from pathlib import Path

import pytest

from core.store.pg import connect
from core.store.upgrade import upgrade
from simulators.bench import accounts, population
from simulators.bench.memory import Held
from simulators.bench.servers import start_postgres


def test_there_must_be_room_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    population.check_room(tmp_path, 1)
    monkeypatch.setattr(population, "BYTES_PER_ACCOUNT", 2**50)
    with pytest.raises(population.NoRoomError, match=r"10 accounts need .* GiB at"):
        population.check_room(tmp_path, 10)


@pytest.mark.parametrize("count", [0, -1, population.MOST + 1])
def test_there_are_so_many_phone_numbers(tmp_path: Path, count: int) -> None:
    with pytest.raises(ValueError, match="accounts: from 1 to"):
        population.check_room(tmp_path, count)


def test_ten_million_need_what_a_disk_has() -> None:
    assert population.bytes_needed(10_000_000) < 40 * 2**30
    assert population.bytes_needed(100) == 100 * 2 * population.BYTES_PER_ACCOUNT


def stand(p50: float, own_mib: int, bound: float = 1.0) -> accounts.Stand:
    held = {"channel": Held(own_mib * 2048, own_mib * 1024, 9)}
    return accounts.Stand(bound, 2.0, p50, 2 * p50, {"workers": 1}, held, held, {}, 0.1)


def test_the_large_one_is_compared_with_the_small_ones_around_it() -> None:
    figures = accounts._figures([stand(8.0, 100), stand(12.0, 110), stand(12.0, 100)], 100_000)
    assert (figures["p50_ratio"], figures["p99_ratio"]) == (1.2, 1.2)
    assert figures["p50_ms"] == [8.0, 12.0, 12.0]
    assert figures["node_memory_ratio"] == 1.1
    assert figures["processes_own_mib"] == {"channel": 110.0}


@pytest.mark.slow
def test_several_processes_load_a_town(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(population, "CHUNK", 30)
    server = start_postgres()
    try:
        url, told = server.create("town"), []
        upgrade(url)
        population.populate(url, 100, told.append, processes=2)
        with connect(url) as connection:
            one = connection.execute(
                "SELECT count(*), count(DISTINCT a.id), sum(a.credit) + sum(p.amount) "
                "FROM account a JOIN posting p ON p.owner = a.id AND p.line = 1"
            ).fetchone()
            after = connection.execute("SELECT next FROM id_block WHERE name = 'meter'").fetchone()
        assert one == (100, 100, 0)
        assert after == (101,)
        assert any("loaded 100 of 100 accounts" in sentence for sentence in told)
        assert population.sizes(url)["account"] > 0
        assert population.database_size(url) > sum(population.sizes(url).values()) / 2
    finally:
        server.stop()

"""Each bench in its smallest form, with its real servers, processes and peers.

Nothing is judged by time here: a figure of a machine that stands still may be 0 or huge.
"""

import dataclasses
import math
import socket
from pathlib import Path
from typing import Any

import pytest

from simulators.bench import (
    accounts,
    billing,
    floats,
    full,
    money,
    path,
    pos,
    sales,
    soak,
    submit,
)
from simulators.bench.options import Options
from simulators.bench.servers import start_postgres, start_rabbit

pytestmark = pytest.mark.slow


def small(engine: str = "postgresql", households: int = 200) -> Options:
    return Options(engine=engine, seconds=1, rounds=1, warm_s=0.2, households=households, scale=1)


def check(figures: dict[str, Any], *names: str) -> None:
    """They were measured; what was sold or billed for it the benches count themselves."""
    for name in names:
        assert math.isfinite(figures[name]), name
        assert figures[name] >= 0, name


@pytest.mark.parametrize("engine", path.ENGINES)
def test_the_path(engine: str) -> None:
    figures = path.run(small(engine))
    check(figures, "path_per_s", "path_to_tpcb", "calm_p50_ms", "half_p99_to_tpcb_mean")
    parts = {
        "sqlite": {"channel", "load"},
        "postgresql": {"channel", "load", "workers", "postgres"},
        "rabbitmq": {"channel", "load", "workers", "postgres", "broker"},
    }
    assert set(figures["cpu_us_per_sale"]) == parts[engine]
    check(figures, "path_to_bare_commits" if engine == "sqlite" else "one_worker_to_tpcb")


@pytest.mark.parametrize("engine", pos.ENGINES)
def test_the_terminals(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pos, "TERMINALS", 10)
    figures = pos.run(small(engine))
    check(figures, "pos_per_s", "pos_to_tpcb", "pos_p50_ms", "half_p99_ms")
    assert figures["cpu_us_per_sale"]["channel"] > 0


def test_the_notices() -> None:
    figures = money.run(small("sqlite"))
    check(figures, "money_per_s", "money_to_tpcb", "calm_p50_ms", "half_p99_ms")
    assert set(figures["cpu_us_per_sale"]) == {"channel", "load"}


@pytest.mark.parametrize("engine", sales.ENGINES)
def test_the_sales(engine: str) -> None:
    figures = sales.run(small(engine, households=600))
    check(figures, "journal_per_s", "together_per_s")
    check(figures, "together_to_commits" if engine == "sqlite" else "workers_to_tpcb")


def test_the_floats() -> None:
    figures = floats.run(small(households=300))
    check(figures, "one_row_per_s", "tills_to_one_row", "flood_to_one_row")


@pytest.mark.parametrize("engine", billing.ENGINES)
def test_the_bills(engine: str) -> None:
    figures = billing.run(Options(engine=engine, rounds=1, households=500, tenfold=True))
    check(figures, "bills_per_s", "rebill_to_bills", "peak_mib")
    if engine == "postgresql":
        assert figures["tenfold"]["accounts"] == 5_000
        check(figures["tenfold"], "time_ratio", "memory_ratio", "bills_per_s")
        check(figures, "bills_to_copy", "bills_to_copy_if_quiet")


def test_the_full_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full, "BILLS_PER_S", 1_000)
    figures = full.run(dataclasses.replace(small(), nodes=(2,)))
    (two,) = figures["runs"]
    check(figures, "ratio_to_tpcb")
    check(two, "ratio_to_tpcb", "calm_p99_to_tpcb_mean", "half_p50_ms", "bills_p99_ratio")
    assert two["nodes"] == 2
    assert two["metrics_pages"] > 0
    assert set(two["cpu_us_per_sale"]) == {"channel", "load", "workers", "postgres"}


def test_the_accounts() -> None:
    figures = accounts.run(small(households=1_000))
    assert (figures["accounts"], figures["small_accounts"]) == (1_000, 100)
    check(figures, "p50_ratio", "p99_ratio", "disk_gib", "node_memory_ratio", "loaded_per_s")
    assert figures["octets_per_account_by_table"]["account"] > 0


def test_the_soak() -> None:
    figures = soak.run(dataclasses.replace(small(), minutes=0.05))
    assert figures["sales"] > 0
    assert figures["failed"] is not figures["flat"]
    assert len(figures["own_mib"]["channel"]) == soak.READINGS
    assert "postgres" in figures["open_files"]
    assert figures["octets_per_sale_by_table"]


def test_the_submits() -> None:
    figures = submit.run(small())
    check(figures, "window_1_per_s", "window_10_per_s", "window_50_to_echo", "throttled_to_plain")


def test_servers_are_private_and_leave_nothing_behind() -> None:
    postgres, rabbit = start_postgres(), start_rabbit()
    folders: list[Path] = [postgres.folder, rabbit.folder]
    try:
        assert postgres.create("one").endswith("/one")
        assert postgres.port != 5432
        assert rabbit.port != 5672
    finally:
        rabbit.stop()
        postgres.stop()
    assert [folder for folder in folders if folder.exists()] == []
    for server in (postgres, rabbit):
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", server.port)):
            pass

"""Units given away are worth what the next units would cost: limits of a year count the year."""

from dataclasses import replace as changed
from pathlib import Path

import msgspec
import pytest

from core.tariffs.compiling import CompiledTariff, compile_tariff
from core.tariffs.shapes import Energy
from tests.hub.acting import acting, ask, books, sold
from tests.hub.machine import Machine
from tests.hub.sales import set_clock


def with_period(tariff: CompiledTariff, period: str) -> CompiledTariff:
    replace = msgspec.structs.replace
    versions = tuple(
        replace(version, components=tuple(
            replace(c, period=period) if isinstance(c, Energy) else c for c in version.components
        ))
        for version in tariff.tariff.versions
    )  # fmt: skip
    return compile_tariff(replace(tariff.tariff, versions=versions))


def gift_after_a_month(folder: Path, period: str) -> int:
    machine: Machine = acting(folder)
    tariffs = {name: with_period(each, period) for name, each in machine.terms.tariffs.items()}
    machine.worker.batch.terms = {"demo": changed(machine.terms, tariffs=tariffs)}
    set_clock(machine, "2026-11-22T10:00:00")
    sold(machine)  # through the first, cheap block
    set_clock(machine, "2026-12-22T10:00:00")
    assert machine.do(ask("free-issue", units_tenths=100), "gift").code == "ok"
    return books(machine, "free-issue")["expense:free-issue"]


@pytest.mark.parametrize(
    ("period", "worth"), [("calendar_month", 10 * 250), ("calendar_year", 7_509)]
)
def test_the_cheap_block_is_used_up_for_a_year(tmp_path: Path, period: str, worth: int) -> None:
    assert gift_after_a_month(tmp_path, period) == worth

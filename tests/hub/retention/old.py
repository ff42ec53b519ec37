"""A company whose year is over: its machine, and pruning of it at a later time."""

from pathlib import Path

from hub.janitor import House, Run, begin, drop_months
from hub.pruning import Took
from hub.sections import PruningSection, RetentionSection
from tests.hub.machine import Machine

DAY_US = 86_400_000_000
ZONE = "Africa/Kampala"


def house(**kept: int) -> House:
    """The demo company."""
    return House("demo", ZONE, RetentionSection(**kept))


def later(machine: Machine, days: int) -> None:
    """So many days pass."""
    machine.time.at_us += days * DAY_US


def run_of(machine: Machine, archive: Path | None = None, chunk: int = 3, **kept: int) -> Run:
    """A run of the demo company, from now on."""
    section = PruningSection(chunk=chunk)
    return begin(machine.store, [house(**kept)], section, archive, machine.time.sources())


def prune(machine: Machine, archive: Path | None = None, chunk: int = 3, **kept: int) -> Took:
    """All of it."""
    run = run_of(machine, archive, chunk, **kept)
    while run.step():
        pass
    now = machine.time.now_us()
    run.dropped = drop_months(machine.store, [house(**kept)], archive is not None, now)
    run.end("tests", "node1", whole=True)
    return run.took


def counts(machine: Machine, *tables: str) -> list[int]:
    """Rows of tables."""
    return [int(machine.rows(f"SELECT count(*) FROM {table}")[0][0]) for table in tables]

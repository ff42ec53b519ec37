"""Plays a scenario: installation, load, fault, healing, rest, and the checker's word."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from time import monotonic, time_ns
from typing import Any

from tests.faults import smalldisk
from tests.faults.garbage import Mad
from tests.faults.load import VILLAGE, Load
from tests.faults.scenarios import RABBITMQ, SQLITE, Form, Scenario
from tests.faults.servers import Servers
from tests.faults.site import Site
from tests.promises.checker import Broken, complaints
from tests.promises.company import Setting
from tests.promises.farend import ERROR, OVERLOADED, Record
from tests.promises.processes import ROOT
from tests.promises.worlds import fill

#: Answers before the fault and after the recovery: all is in swing, and is again.
SWING = 20


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one scenario on one engine."""

    scenario: str
    engine: str
    form: str
    seed: int
    messages: int = 0  # different ones that the far end offered
    repeats: int = 0  # and how often it offered one again
    pushed_back: int = 0  # how often it was told to come again
    done: int = 0
    refused: int = 0
    sales: int = 0
    dead: int = 0  # in the work list of dead letters
    restarts: int = 0  # how often the node was started again
    recovery_s: float = 0.0  # the longest, from a healing until all that waited was answered
    recovery_mean_s: float = 0.0
    times: int = 0  # how often it was healed
    seconds: float = 0.0  # of the whole
    findings: list[str] = field(default_factory=list)

    def data(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Play:
    """Which scenario is played, where and how much of it."""

    scenario: Scenario
    engine: str
    form: Form
    form_name: str
    seed: int


def books(url: str) -> None:
    """The village, an hour old."""
    fill(url, time_ns() // 1_000 - 3_600_000_000, VILLAGE)


@dataclass(slots=True)
class Stage:
    """Servers and books that plays share; ``folder``: where temporary files go."""

    servers: Servers
    folder: str | None = None
    alone: bool = False  # this process has mounts of its own
    _template: Path | None = None

    @contextmanager
    def place(self, engine: str, small: bool) -> Iterator[tuple[Path, str]]:
        """A folder for an installation and the URL of its fresh books; gone at the end.

        ``small``: on a small disk are SQLite's books, PostgreSQL's journal.
        """
        # a short name: a Unix socket's path has a limit of 107 bytes
        made = Path(tempfile.mkdtemp(prefix="wb-", dir=self.folder))
        made.chmod(0o755)  # the server's own user looks for its disk in it
        disk, url = made / "var", ""
        disk.mkdir()
        try:
            if small:
                smalldisk.mount(disk, "" if engine == SQLITE else "postgres")
            url = self._books(engine, made)
            if small and engine != SQLITE:
                self.servers.postgres.move_journal(url, disk)
            yield made, url
        finally:
            if url and engine != SQLITE:
                self.servers.postgres.drop(url)
            if small:
                smalldisk.unmount(disk)
            shutil.rmtree(made, ignore_errors=True)

    def _books(self, engine: str, folder: Path) -> str:
        if engine != SQLITE:
            return self.servers.postgres.prepared("village", books)
        if self._template is None:
            self._template = Path(tempfile.mkdtemp(prefix="wb-", dir=self.folder)) / "books.db"
            books(f"sqlite:{self._template}")
        path = folder / "var" / "wattbus.db"
        shutil.copy(self._template, path)
        return f"sqlite:{path}"

    def close(self) -> None:
        """End what was started, remove what was made."""
        self.servers.stop()
        if self._template is not None:
            shutil.rmtree(self._template.parent)


def kind(what: Play) -> tuple[object, ...]:
    """Plays of one kind are played one after the other on one installation."""
    scenario = what.scenario
    setting = scenario.is_drill, scenario.has_mad, what.form.open_messages
    return what.engine, scenario.needs_small_disk, setting


def play_all(stage: Stage, plays: Sequence[Play]) -> Iterator[Row]:
    """Kind by kind. What has findings is followed by a fresh installation."""
    for what in plays:
        if what.scenario.needs_small_disk and not stage.alone:
            yield play_alone(stage, what)
    waiting = [each for each in plays if stage.alone or not each.scenario.needs_small_disk]
    while waiting:
        with installation(stage, waiting) as site:
            alike = [each for each in waiting if kind(each) == kind(waiting[0])]
            for what in alike:
                waiting.remove(what)
                row = play(site, what)
                yield row
                if row.findings:
                    break


def play_alone(stage: Stage, what: Play) -> Row:
    """In a process whose mounts are its own: its small disks end with it. NoSmallDiskError."""
    folder = Path(tempfile.mkdtemp(prefix="wb-", dir=stage.folder))
    rows = folder / "rows"
    words = [what.scenario.name, "--engine", what.engine, "--seed", str(what.seed)]
    words += ["--alone", "--json", str(rows), *(["--short"] if what.form_name == "short" else [])]
    environment = {**os.environ, "TMPDIR": str(stage.folder or tempfile.gettempdir())}
    process = subprocess.Popen(
        [*smalldisk.namespace(), sys.executable, "-m", "tests.faults", *words],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        said, _ = process.communicate()
        if not rows.exists():
            raise RuntimeError(f"{what.scenario.name} was not played: {said}")
        return Row(**json.loads(rows.read_text(encoding="utf-8")))
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


@contextmanager
def installation(stage: Stage, plays: Sequence[Play]) -> Iterator[Site]:
    """A running one for the first of these and those of its kind; ended whatever happens."""
    first = plays[0]
    through = {
        name for each in plays if kind(each) == kind(first) for name in each.scenario.through
    }
    small = first.scenario.needs_small_disk
    with stage.place(first.engine, small) as (folder, url):
        broker = stage.servers.rabbit.server.url if first.engine == RABBITMQ else ""
        setting = Setting(
            open_messages=first.form.open_messages, workers=first.form.workers, bus_url=broker
        )
        site = Site(
            folder, url, setting, servers=stage.servers, through=tuple(sorted(through)),
            is_drill=first.scenario.is_drill, small_disk=folder / "var" if small else None,
            mad=Mad(Random(first.seed)) if first.scenario.has_mad else None,
        )  # fmt: skip
        try:
            site.start()
            yield site
        finally:
            site.close()


def play(site: Site, what: Play) -> Row:
    """One scenario; its findings are in the row, whatever went wrong."""
    began, before = monotonic(), tallied(site)
    site.random, site.seconds, site.times = Random(what.seed), what.form.seconds, what.form.times
    site.recoveries.clear()
    load = site.load = Load(site.far, what.form.pace, Random(what.seed + 1))
    try:
        findings = _found(site, load, what.scenario)
    finally:
        load.stop()
        for proxy in site.proxies.values():
            proxy.heal()
    healed = site.recoveries or [0.0]
    return Row(
        what.scenario.name, what.engine, what.form_name, what.seed,
        **{name: count - before[name] for name, count in tallied(site).items()},
        recovery_s=round(max(healed), 2),
        recovery_mean_s=round(sum(healed) / len(healed), 2),
        times=len(site.recoveries),
        seconds=round(monotonic() - began, 1),
        findings=findings,
    )  # fmt: skip


def tallied(site: Site) -> dict[str, int]:
    """What is counted, since the installation was started."""
    record = site.record
    outcomes = Counter(answers[-1]["outcome"] for answers in record.answers.values())
    return {
        "messages": len(record.asks),
        "repeats": len(record.lines) - len(record.asks),
        "pushed_back": site.refused(),
        "done": outcomes["done"],
        "refused": outcomes["refused"],
        "sales": int(site.rows("SELECT count(*) FROM sale")[0][0]),
        "dead": int(site.rows("SELECT count(*) FROM delivery WHERE state = 3")[0][0]),
        "restarts": len(site.ends),
    }


def _found(site: Site, load: Load, scenario: Scenario) -> list[str]:
    """Everything that went wrong, one sentence each."""
    found: list[str] = []
    try:
        load.start()
        _in_swing(site)
        scenario.breaks(site)
        site.recovers()
        _in_swing(site)
        load.rest()
        site.settle()
    except Broken as broken:
        found.append(str(broken))
    load.stop()
    found += [f"UNACCOUNTED {lost} at some moment" for lost in sorted(site.drift)]
    found += [
        f"RECOVERY took {seconds:.1f} s, the limit is {scenario.limit_s:g} s"
        for seconds in site.recoveries
        if seconds > scenario.limit_s
    ]
    with site.reader() as reader:
        return [*found, *complaints(reader, site.record, _order(site.record))]


def _in_swing(site: Site) -> None:
    had = len(site.record.answers)
    site.until(lambda: len(site.record.answers) >= had + SWING, "messages are answered")


def _order(record: Record) -> Any:
    """What was pushed back comes again out of its turn: only then there is no order to keep."""
    told = {ack["state"] for acks in record.acks.values() for ack in acks}
    return "none" if told & {OVERLOADED, ERROR} else "across"

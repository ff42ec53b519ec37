"""The janitor: a stage that prunes by night, a chunk in each turn, when nothing else waits."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog

from core.calendars import local_time
from core.store import months
from core.store.retention import WALKS, Tier
from core.store.tx import Reader, StoreError, TransientStoreError
from core.store.upgrade import Store
from hub import audit, pruning
from hub.archive import Archive, Note
from hub.audit import Act
from hub.clock import Sources
from hub.pruning import Job, Took, Turn
from hub.sections import Config, PruningSection, RetentionSection

#: How often it looks whether a night has come.
EVERY_US: Final = 60_000_000
#: After a fault (the disk of the archive is full) it begins again so much later.
AGAIN_US: Final = 600_000_000
#: What is open changes while it works: it is looked up again after so long.
STORIES_US: Final = 30_000_000
#: A chunk shall take no longer than this, for an arrival that comes meanwhile may wait for it; one
#: that took longer is followed by one of half its rows, but of some.
CHUNK_US: Final = 40_000
LEAST: Final = 20
#: So many times as long as a chunk took nothing is done: at most a fifth of the time is its own.
REST: Final = 4
#: More open deliveries than this are traffic, and pruning waits; how long, and until when at most.
BUSY: Final = 32
BUSY_US: Final = 500_000
#: Its audit row is under this name where nobody asked for it.
CLOCK: Final = "clock"

log = structlog.get_logger("hub.retention")


@dataclass(frozen=True, slots=True)
class House:
    """A company as pruning knows it."""

    code: str
    zone: str
    kept: RetentionSection


def cut_us(house: House, tier: Tier, now_us: int) -> int:
    """Rows of a tier that are older than this may go; 0: none."""
    local = local_time(now_us, house.zone)
    if tier is Tier.BODIES:
        days = house.kept.bodies_days
        return now_us - days * 86_400_000_000 if days else 0
    count = house.kept.rows_months if tier is Tier.ROWS else 12 * house.kept.evidence_years
    if not count:
        return 0
    at = local.year * 12 + local.month - 1 - count
    day = min(local.day, 28)  # every month has it
    begun = datetime(at // 12, at % 12 + 1, day, tzinfo=UTC) if at >= 12 else None
    return int(begun.timestamp()) * 1_000_000 if begun else 0


def is_night(now_us: int, zone: str, section: PruningSection) -> str:
    """The date on which the night that it is began, in the zone; empty: it is none."""
    local = local_time(now_us, zone)
    at, begins, ends = f"{local:%H:%M}", section.begins, section.ends
    if begins <= ends:
        return f"{local.date()}" if begins <= at < ends else ""
    if at >= begins:
        return f"{local.date()}"
    return f"{local.date() - timedelta(days=1)}" if at < ends else ""


def jobs_of(house: House, now_us: int, on_server: bool) -> Iterator[Job]:
    """What is to be walked through for a company, in its order.

    On PostgreSQL rows of the journal go by months: what is of the month of the cut goes with it.
    """
    for walk in WALKS:
        cut = cut_us(house, walk.tier, now_us)
        if on_server and walk.name == "rows.journal" and cut:
            cut = months.Month.of(cut).begins_us
        if cut:
            yield Job(walk, house.code, cut)


@dataclass(slots=True)
class Run:
    """Pruning of some companies, from the first walk to the last."""

    store: Store
    jobs: list[Job]
    section: PruningSection
    now_us: Any
    archive: Archive | None = None
    took: Took = field(default_factory=Took)
    dropped: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    _turn: Turn | None = None
    _stories: frozenset[str] = frozenset()
    _stories_at: int = 0
    _size: int = 0

    def step(self) -> bool:
        """One chunk; False when all is done. StoreError, OSError: begin again later."""
        now = self.now_us()
        if self._turn is None:
            if not self.jobs:
                return False
            self._turn = Turn(self.jobs.pop(0), self.archive)
        self._turn.chunk = self._size = self._size or self.section.chunk
        with self.store.transaction() as tx:
            if not self._stories_at or abs(now - self._stories_at) > STORIES_US:
                self._stories, self._stories_at = pruning.open_stories(tx), now
            took, more = self._turn.step(tx, self._stories, now)
        self.took.add(took)
        self._fit(self.now_us() - now)
        if not more:
            self._turn = None
        return True

    def _fit(self, took_us: int) -> None:
        if took_us > CHUNK_US:
            self._size = max(self._size // 2, min(LEAST, self.section.chunk))
        elif took_us < CHUNK_US // 3:
            self._size = min(self._size * 2, self.section.chunk)

    def end(self, actor: str, writer: str, whole: bool) -> None:
        """Close the archive's files and put the run on record."""
        self.notes = self.archive.close() if self.archive is not None else []
        facts = {**self.took.as_facts(), "months": self.dropped, "whole": whole}
        if self.archive is not None:
            facts["archive"] = [[n.tier, n.table, n.day, n.rows, n.sha256] for n in self.notes[:20]]
            facts["files"] = len(self.notes)
        with self.store.transaction() as tx:
            audit.append(tx, writer, [Act(actor, "prune", "retention", facts)], self.now_us())
        log.info("retention.pruned", rows=dict(self.took.rows), left=dict(self.took.left),
                 months=self.dropped, whole=whole)  # fmt: skip


def dry_run(reader: Reader, jobs: list[Job], now_us: int) -> Took:
    """What would go now; nothing is changed."""
    took, stories = Took(), pruning.open_stories(reader)
    for job in jobs:
        turn, more = Turn(job, dry=True), True
        while more:
            found, more = turn.step(reader, stories, now_us)
            took.add(found)
    return took


def drop_months(store: Store, houses: list[House], archive: bool, now_us: int) -> list[str]:
    """On PostgreSQL: whole months of the journal that nothing unfinished is in; their names.

    Where there is an archive only what its chunks have emptied goes so.
    """
    if store.dialect != "postgresql":
        return []
    cuts = [cut_us(house, Tier.ROWS, now_us) for house in houses]
    if not cuts or not all(cuts):
        return []
    with store.reader() as reader:
        names = months.over(reader, min(cuts))
        ends = dict(months.partitions(reader))
        oldest = min(pruning.open_stories(reader), default="") if names else ""
        strange = _companies(reader) - {house.code for house in houses} if names else set()
    gone = []
    for name in names:
        with store.transaction() as tx:
            empty = not tx.rows(f"SELECT 1 FROM {name} LIMIT 1")
            free = not archive and not strange and (not oldest or oldest >= ends[name])
            if empty or free:
                months.drop(tx, name)
                gone.append(name)
    return gone


def _companies(reader: Reader) -> set[str]:
    """Those that have messages, one step in an index each: one may be configured no more."""
    found: set[str] = set()
    while True:
        rows = reader.rows(
            "SELECT min(company) FROM request WHERE company > :last", last=max(found, default="")
        )
        if rows[0][0] is None:
            return found
        found.add(str(rows[0][0]))


def houses_of(config: Config) -> dict[str, House]:
    """The companies of a configuration."""
    return {
        code: House(code, section.zone, section.retention)
        for code, section in config.companies.items()
    }


def archive_of(config: Config) -> Path | None:
    """The folder of the archive, if there is one."""
    folder = config.retention.archive
    return config.path(folder) if folder else None


@dataclass(slots=True)
class Janitor:
    """A stage. It raises nothing that is its own fault: selling goes on without it."""

    store: Store
    houses: Mapping[str, House]
    section: PruningSection
    archive: Path | None
    writer: str
    sources: Sources = field(default_factory=Sources)
    leads: Callable[[], bool] = lambda: True  # of many nodes, one goes by the clock: the keeper
    _next: int = 0
    _wait: int = EVERY_US
    _run: Run | None = None
    _nights: dict[str, str] = field(default_factory=dict)
    _asked: str = ""

    def ask(self, actor: str) -> None:
        """Prune all companies now, whatever the time is, as soon as nothing waits."""
        self._asked = actor
        self._next = 0

    def step(self) -> bool:
        """One chunk, if it is night and nothing waits; False: it does not ask for another turn."""
        now = self.sources.now_us()
        if 0 < self._next - now <= self._wait:  # a clock set back must not stop it for hours
            return False
        try:
            self._work(now)
        except TransientStoreError:
            self._rest(AGAIN_US)
            raise
        except (StoreError, OSError) as error:
            log.error("retention.failed", error=f"{type(error).__name__}: {error}")
            self._broken_off()
            self._nights.clear()  # this night is not over
            self._rest(AGAIN_US)
        return False

    def _rest(self, wait_us: int) -> None:
        self._next, self._wait = self.sources.now_us() + wait_us, wait_us

    def _work(self, now: int) -> None:
        if self._run is None and not self._begun(now):
            self._rest(EVERY_US)
            return
        assert self._run is not None, "a run is under way"
        if self._busy():
            self._rest(BUSY_US)
            return
        night = any(is_night(now, house.zone, self.section) for house in self.houses.values())
        on = night or bool(self._asked)
        if not (on and self._run.step()):
            self._ended(whole=on)
        pause = self.section.pause_ms * 1_000 + REST * (self.sources.now_us() - now)
        self._rest(max(pause, 1))

    def _begun(self, now: int) -> bool:
        leads = self.leads()
        if leads:
            with self.store.transaction() as tx:
                for name in months.make_ahead(tx, now):
                    log.info("journal.month", name=name)
        nightly = self.section.nightly and leads
        nights = {
            code: is_night(now, house.zone, self.section) if nightly else ""
            for code, house in self.houses.items()
        }
        new = [code for code, night in nights.items() if self._nights.get(code, "") < night]
        due = [self.houses[code] for code in (self.houses if self._asked else new)]
        if not due:
            return False
        self._nights |= {code: nights[code] for code in new}
        self._run = begin(self.store, due, self.section, self.archive, self.sources)
        self._run.dropped = drop_months(
            self.store, list(self.houses.values()), self.archive is not None, now
        )
        return True

    def _ended(self, whole: bool) -> None:
        run, self._run = self._run, None
        assert run is not None, "a run is under way"
        actor, self._asked = self._asked or CLOCK, ""
        run.end(actor, self.writer, whole)

    def _broken_off(self) -> None:
        """What went before a fault is on record too, where that can be."""
        run, self._run = self._run, None
        try:
            if run is not None:
                run.end(self._asked or CLOCK, self.writer, whole=False)
        except (StoreError, OSError) as error:
            log.error("retention.not-on-record", error=f"{type(error).__name__}: {error}")

    def _busy(self) -> bool:
        with self.store.reader_on_writer() as reader:
            ((count,),) = reader.rows(
                "SELECT count(*) FROM (SELECT 1 AS one FROM delivery WHERE state = 0 "
                "AND target = 'worker' LIMIT :busy) x",
                busy=BUSY,
            )
        return int(count) >= BUSY


def begin(
    store: Store, houses: list[House], section: PruningSection, archive: Path | None,
    sources: Sources,
) -> Run:  # fmt: skip
    """A run of some companies. OSError: its archive cannot be."""
    now = sources.now_us()
    on_server = store.dialect == "postgresql"
    jobs = [job for house in houses for job in jobs_of(house, now, on_server)]
    found = None
    if archive is not None:
        archive.mkdir(mode=0o700, parents=True, exist_ok=True)
        stamp = datetime.fromtimestamp(now // 1_000_000, UTC)
        found = Archive(archive, f"{stamp:%Y%m%dT%H%M%S}-{now % 1_000_000:06}")
    return Run(store, jobs, section, sources.now_us, found)

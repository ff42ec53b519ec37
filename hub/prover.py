"""The daily proof: a stage by the clock, a slice of it in each turn: nobody waits for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from core.calendars import local_time, start_of_day
from core.store.upgrade import Store
from hub.clock import Sources
from hub.proof import Proof
from hub.proof_read import Span
from hub.proof_store import keep, last_proof

#: How often it looks whether a proof is due.
EVERY_US = 60_000_000
#: After a fault (the store was away) it begins again so much later.
AGAIN_US = 600_000_000
#: Rows of a kind in a turn: some ten milliseconds, between which everything else has its turn.
TURN = 500
#: Findings that are logged one by one; the log is no list of thousands.
MOST_LOGGED = 20

log = structlog.get_logger("hub.proof")


def due_until(now_us: int, proof_at: str, zones: Mapping[str, str]) -> int:
    """Up to which instant should be proved by now.

    It is the latest midnight, in any company's zone, whose ``proof_at`` has come. All companies
    are proved at once, from one such midnight to the next: where the zones are one, by days.
    """
    hour, minute = map(int, proof_at.split(":"))
    after = timedelta(hours=hour, minutes=minute)
    found = []
    for zone in set(zones.values()):
        local = local_time(now_us, zone)
        begun = timedelta(hours=local.hour, minutes=local.minute)
        day = local.date() if begun >= after else local.date() - timedelta(days=1)
        found.append(start_of_day(day, zone))
    return max(found, default=0)


@dataclass(slots=True)
class Prover:
    """A stage. ``zones``: company -> zone; ``proof_at`` is HH:MM in the companies' zones.

    It raises nothing: a proof that fails is no reason to stop selling, and is begun again.
    """

    store: Store
    zones: Mapping[str, str]
    proof_at: str
    sources: Sources = field(default_factory=Sources)
    _next: int = 0
    _wait: int = EVERY_US
    _proof: Proof | None = None
    _run: Iterator[int] | None = None

    def step(self) -> bool:
        """One slice of a proof, if one is due; True while it goes on."""
        try:
            if self._run is None and not self._begun():
                return False
            return self._turn()
        except Exception as error:  # whatever it is, tokens go on being sold
            log.error("tokens.proof.failed", error=f"{type(error).__name__}: {error}")
            self._run = self._proof = None
            self._next, self._wait = self.sources.now_us() + AGAIN_US, AGAIN_US
            return False

    def _begun(self) -> bool:
        now = self.sources.now_us()
        if 0 < self._next - now <= self._wait:  # a clock set back must not stop it for hours
            return False
        self._next, self._wait = now + EVERY_US, EVERY_US
        until = due_until(now, self.proof_at, self.zones)
        with self.store.reader() as reader:
            last = last_proof(reader)
        if until <= last.until or not self.zones:
            return False
        self._proof = Proof(
            self.store.reader, Span(last.until, until), self.zones, last.heads,
            going_on=True, slice=TURN,
        )  # fmt: skip
        self._run = self._proof.run()
        return True

    def _turn(self) -> bool:
        assert self._run is not None, "a proof is under way"
        assert self._proof is not None, "a proof is under way"
        if next(self._run, None) is not None:
            return True
        proof, self._run, self._proof = self._proof, None, None
        with self.store.transaction() as tx:
            kept = keep(tx, proof, self.sources.now_us())
        if kept:
            _tell(proof)
        return True


def _tell(proof: Proof) -> None:
    """The alarm, or that all is well."""
    found = proof.findings
    for counted in proof.counters:
        for before, after in counted.restarts:
            log.warning(
                "tokens.counter.restarted", module=counted.module,
                before=before.counted, after=after.counted,
            )  # fmt: skip
    if not found.total:
        log.info("tokens.proved", tokens=proof.tokens)
        return
    log.error("tokens.findings", findings=found.total, codes=dict(found.counts))
    for finding in found.listed[:MOST_LOGGED]:
        log.error("tokens.finding", code=finding.code, sentence=finding.sentence)

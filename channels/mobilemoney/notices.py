"""Callbacks about our own requests: who they are about, and whether they are believed."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from msgspec.structs import replace
from twisted.internet.defer import Deferred

from adapters.mobilemoney.reading import Reading, Said
from adapters.mobilemoney.sending import Kind
from channels.mobilemoney.asks import AskJob, is_as_asked, resumed
from channels.mobilemoney.life import Lives, Report, Running
from channels.mobilemoney.provider import Provider
from channels.mobilemoney.refunds import RefundJob
from channels.mobilemoney.steps import OVER, Note, Step, restored, written
from hub.channel import Ports


@dataclass(slots=True)
class Notices:
    """``large``: from so much on our own question decides. ``room``: whether one more request that
    was over may be asked about again."""

    ports: Ports
    provider: Provider
    lives: Lives
    large: int
    room: Callable[[], bool]
    counters: Counter[str] = field(default_factory=Counter)

    async def take(self, kind: Kind, reference: str, found: Reading, raw: str) -> None:
        """Fires when it is safe. Fails as ``Ports.accept`` does."""
        name = reference or found.key
        running = self.lives.running.get(name) if name else None
        if running is None and name:
            running = await self._from_note(kind, name)
        if running is None:
            self._kept("nobody's", name, raw)
            return
        report = self._believed(running, found)
        if report is None:
            self._ask(running, found, raw)
            return
        await self.lives.journal(running, report, raw)
        self.counters["believed"] += 1
        if not running.over:
            Deferred.fromCoroutine(self.lives.finish(running, report, told=True))
        elif name not in self.lives.running and found.said is Said.PAID:
            paid = replace(running.note, step=Step.ENDED, untold=False, paid=found.receipt)
            await self.ports.keep(name, written(paid))

    async def _from_note(self, kind: Kind, name: str) -> Running | None:
        """A request that is over, or waits in the database: what its note says of it."""
        text = await self.ports.kept(name)
        known = self.lives.running.get(name)
        if text is None or known is not None:
            return known
        try:
            note = restored(text)
        except ValueError as error:  # a note of another kind: the name is none of a request
            self.ports.log.warning("wallet.note", error=str(error)[:200])
            return None
        running = Running(self._job(kind, name, note), note, self.ports.now_us())
        running.over = note.step in OVER
        return running

    def _job(self, kind: Kind, name: str, note: Note) -> AskJob | RefundJob:
        if kind is Kind.REFUND or note.receipt:
            return RefundJob(self.provider, name, "")
        return AskJob(self.provider, name, "", 0.0)

    def _believed(self, running: Running, found: Reading) -> Report | None:
        """Paid must be just what was asked, of a provider whose notices say it; that there is no
        money needs no more proof than the way by which it came."""
        job, note = running.job, running.note
        if isinstance(job, RefundJob):
            return job.judged(running, found, "notice")
        if found.said is Said.PAID:
            if self.provider.data.believes != "notice" or not is_as_asked(found, note, self.large):
                return None
            if _anothers(found.key, job.reference):
                return None
            return job.judged(running, found, "notice")
        if found.said is Said.FAILED and not running.over:
            return job.judged(running, found, "notice")
        return None

    def _ask(self, running: Running, found: Reading, raw: str) -> None:
        """Kept, and asked about at once where it says something that would change anything."""
        name = running.job.reference
        self._kept("unproved", name, raw)
        if found.said in (Said.PENDING, Said.QUESTION) or isinstance(running.job, RefundJob):
            return
        if found.said is Said.PAID:
            running.claimed = found
        if name in self.lives.running:
            self.lives.poke(running)
        elif running.over and found.said in (Said.PAID, Said.UNVERIFIED, Said.REVERSED):
            self._ask_again(running)

    def _ask_again(self, running: Running) -> None:
        """It was over, and they say that money has moved all the same."""
        if running.note.paid or not running.note.sent_us or not self.room():
            return
        running.note = resumed(running.note, self.ports.now_us())
        running.over, running.poked = False, True
        self.counters["asked again"] += 1
        self.lives.begin(running)

    def _kept(self, why: str, name: str, raw: str) -> None:
        self.counters[why] += 1
        told = json.dumps({"why": why, "body": raw})
        self.ports.record(f"{self.ports.name}/notice/{name}", told)


def _anothers(key: str, reference: str) -> bool:
    """A genuine notice of another request of ours, sent to this one's address: our references are
    UUIDs, and providers' own numbers are none."""
    try:
        return str(UUID(key)) != reference
    except ValueError:
        return False

"""Callbacks about our own requests: who they are about, and whether they are believed."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec.structs import replace
from twisted.internet.defer import Deferred

from adapters.mobilemoney.reading import Reading, Said
from adapters.mobilemoney.sending import Kind, UnfitError
from channels.mobilemoney.asks import AskJob, is_as_asked, resumed
from channels.mobilemoney.life import Lives, Report, Running
from channels.mobilemoney.provider import DOUBTFUL, Provider
from channels.mobilemoney.refunds import RefundJob
from channels.mobilemoney.steps import OVER, Note, Step, restored, written
from hub.channel import Overloaded, Ports, SendResult, Sent

#: The one note of all requests that were over and are asked about again, each with its instant;
#: so many have room in it.
AGAIN: Final = "asked-again"
MAX_AGAIN: Final = 200
_again: Final = msgspec.json.Decoder(dict[str, int])


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
    again: dict[str, int] = field(default_factory=dict)
    _loaded: bool = False
    _loading: bool = False

    async def take(self, kind: Kind, reference: str, found: Reading, raw: str) -> None:
        """Fires when it is safe. Fails as ``Ports.accept`` does."""
        name = reference or found.key
        running = self.lives.running.get(name) if name else None
        if running is None and name:
            running = await self._from_note(kind, name)
        if running is None:
            self._kept("nobody's", name, raw)
            return
        report = self._believed(running, found, own=bool(reference))
        if report is None:
            await self._ask(running, found, raw)
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

    def _believed(self, running: Running, found: Reading, own: bool) -> Report | None:
        """Paid must be just what was asked, of a provider whose notices say it. That there is no
        money is believed where it is sure, or cannot be asked. ``own``: it came to the address of
        this very request; a refund's end is believed only there."""
        job, note = running.job, running.note
        if isinstance(job, RefundJob):
            return job.judged(running, found, "notice") if own else None
        if _anothers(found.key, running):
            return None
        if found.said is Said.PAID:
            if self.provider.data.believes != "notice" or not is_as_asked(found, note, self.large):
                return None
            return job.judged(running, found, "notice")
        if found.said is Said.FAILED and not running.over:
            if self.provider.reason(found.reason) in DOUBTFUL and self._can_be_asked(running):
                return None
            return job.judged(running, found, "notice")
        return None

    def _can_be_asked(self, running: Running) -> bool:
        """A push without their number cannot: what its notice says is all that there will be."""
        try:
            return running.job.question(self.lives.caller.now(), running.note) is not None
        except UnfitError:
            return False

    async def _ask(self, running: Running, found: Reading, raw: str) -> None:
        """Kept, and asked about at once where it says something that would change anything."""
        name = running.job.reference
        self._kept("unproved", name, raw)
        if found.said in (Said.PENDING, Said.QUESTION) or isinstance(running.job, RefundJob):
            return
        if found.said is Said.PAID and not _anothers(found.key, running):
            running.claimed = found
        if name in self.lives.running:
            self.lives.poke(running)
        elif running.over and found.said in (Said.PAID, Said.UNVERIFIED, Said.REVERSED):
            await self._ask_again(running)

    # --- what was over --------------------------------------------------------------------------

    async def _ask_again(self, running: Running) -> None:
        """It was over, and they say that money has moved all the same. Noted first: the hub does
        not hand it over again after a restart. Overloaded: the provider shall say it again."""
        name = running.job.reference
        if running.note.paid or not running.note.sent_us:
            return
        await self.load()
        if name in self.lives.running:
            self.lives.poke(self.lives.running[name])
            return
        if not self.room() or len(self.again) >= MAX_AGAIN:
            self.ports.log.error("wallet.late", reference=name, why="too many are being asked")
            raise Overloaded("no room to ask about what was over")
        self.again[name] = self.ports.now_us()
        try:
            await self._keep()
        except BaseException:
            self.again.pop(name, None)
            raise
        running.poked = True
        self._resume(running, self.again[name])

    def _resume(self, running: Running, since_us: int) -> None:
        name = running.job.reference
        if name in self.lives.running:
            return
        running.note = resumed(running.note, since_us)
        running.over = False
        self.counters["asked again"] += 1
        self.lives.begin(running).addCallback(lambda found: self._ended(name, found))

    def _ended(self, name: str, found: SendResult) -> None:
        if not isinstance(found, Sent):
            return  # the channel stops: the note says that it goes on after the restart
        self.again.pop(name, None)
        Deferred.fromCoroutine(self._keep()).addErrback(self._trouble)

    async def _keep(self) -> None:
        await self.ports.keep(AGAIN, json.dumps(self.again))

    def tick(self) -> None:
        """After a restart: what was being asked about again is, as soon as it can be read."""
        if not self._loaded and not self._loading:
            self._loading = True
            Deferred.fromCoroutine(self.load()).addErrback(self._trouble)

    async def load(self) -> None:
        """Fails as ``Ports.kept`` does; then it is tried again."""
        try:
            if self._loaded:
                return
            text = await self.ports.kept(AGAIN)
            noted = _again.decode(text) if text is not None else {}
            for name, since_us in noted.items():
                if name not in self.again:
                    await self._from_before(name, since_us)
            self._loaded = True
        finally:
            self._loading = False

    async def _from_before(self, name: str, since_us: int) -> None:
        running = await self._from_note(Kind.NOTICE, name)
        if running is None or not running.over or running.note.paid:
            return
        self.again[name] = since_us
        self._resume(running, since_us)

    def _trouble(self, failure: Any) -> None:
        self.ports.log.warning("wallet.note", error=str(failure.value)[:200])

    def _kept(self, why: str, name: str, raw: str) -> None:
        self.counters[why] += 1
        told = json.dumps({"why": why, "body": raw})
        self.ports.record(f"{self.ports.name}/notice/{name}", told)


def _anothers(key: str, running: Running) -> bool:
    """A notice of another request of ours, sent to this one's address: our references are UUIDs;
    the provider's own number of a request, where he has one, came with his answer to it."""
    try:
        return str(UUID(key)) != running.job.reference
    except ValueError:
        return bool(key and running.note.key) and key != running.note.key

"""The lives of requests to a provider: noted before they leave, asked about, told until journaled.

:mod:`channels.mobilemoney.steps` has the table. What a request is about (a payer, a refund) is its
:class:`Job`: what is sent, what is asked, and how an answer is reported.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from msgspec.structs import replace
from twisted.internet.defer import Deferred

from adapters.mobilemoney.reading import Reading, Said
from adapters.mobilemoney.sending import Answered, Call, Came, Given, Result
from channels.mobilemoney.caller import AWAY, Caller
from channels.mobilemoney.config import MobileMoneyConfig
from channels.mobilemoney.steps import SECOND_US, Note, Step, caught_up, due_us, written
from core.messages import Message
from core.messages.wallets import Proof
from hub import failpoints
from hub.channel import NOT_SENT, Arrival, Failed, KeyReused, Ports, SendResult, Sent

#: What could not be journaled comes again after this long; a closed way is looked at as often.
TICK_S: Final = 1.0
#: However often a callback makes us ask, one request is asked about no more often than this.
SPACING_S: Final = 5.0
#: Reports are remembered as long as any key is.
VALID_S: Final = 400 * 86_400.0
_BACK: Final = Failed("the channel is being stopped", retry=True, error_class=NOT_SENT)


@dataclass(frozen=True, slots=True)
class Report:
    """A message to the hub. ``name``: what tells it from others about the same reference."""

    name: str
    message: Message
    state: str


class Job(Protocol):
    """What a request is about."""

    @property
    def reference(self) -> str: ...
    @property
    def patience_s(self) -> float:
        """What could surely not be sent for so long is refused."""

    def send(self, given: Given, note: Note) -> Call: ...
    def read_send(self, answered: Answered) -> Result: ...
    def question(self, given: Given, note: Note) -> Call | None: ...
    def read_question(self, answered: Answered) -> Result: ...
    def refused(self, note: Note) -> Report:
        """It was surely not taken (``code`` and ``reason`` of the note)."""

    def judged(self, running: "Running", found: Reading, proof: Proof) -> Report | None:
        """The end that a reading says; None: it says none."""

    def absent(self, running: "Running", age_s: float) -> Report | None:
        """The end, if "I know nothing of it" is believed."""

    def on_the_way(self, state: str, note: Note, detail: str) -> Report | None:
        """``pending``, ``unknown``: what is told of it before its end; None: nothing."""

    def explained(self, result: Result) -> str:
        """Our reason for a refusal."""


@dataclass(eq=False, slots=True)
class Running:
    """A request in this channel. ``claimed``: what a callback said that was not believed;
    ``unreceipted``: they say paid, without their number of it; ``waited``: it came here in time."""

    job: Job
    note: Note
    since_us: int
    correlation: str = ""
    done: "Deferred[SendResult]" = field(default_factory=Deferred)
    told: set[str] = field(default_factory=set)
    over: bool = False
    poked: bool = False
    asked_at: float = float("-inf")
    claimed: Reading | None = None
    unreceipted: bool = False
    waited: bool = False
    bell: "Callable[[], None]" = lambda: None


@dataclass(slots=True)
class Lives:
    """``look``: called when only the list of payments can tell what became of a request; ``ended``:
    when one has left."""

    ports: Ports
    caller: Caller
    config: MobileMoneyConfig
    look: Callable[[], None] = lambda: None
    ended: Callable[[], None] = lambda: None
    counters: Counter[str] = field(default_factory=Counter)
    running: dict[str, Running] = field(default_factory=dict)
    stopping: bool = False

    def begin(self, running: Running) -> "Deferred[SendResult]":
        """Go on where the note says that it was; fires when its end is journaled."""
        self.running[running.job.reference] = running
        self.counters["taken up"] += 1
        life = Deferred.fromCoroutine(self._life(running))
        life.addErrback(lambda failure: self._broken(running, failure))
        return running.done

    def stop(self) -> None:
        """What rests goes back to the database; what is under way ends first."""
        self.stopping = True
        for running in list(self.running.values()):
            running.bell()

    def poke(self, running: Running) -> None:
        """Ask now: a callback has said something that is not believed without asking."""
        running.poked = True
        running.bell()

    # --- one life -------------------------------------------------------------------------------

    async def _life(self, running: Running) -> None:
        if running.note.untold:
            await self.finish(running, running.job.refused(running.note))
        while not running.over and running.note.step is Step.WAITING:
            if self.stopping:
                return self._give_back(running)
            await self._try(running)
        while not running.over:
            if self.stopping:
                return self._give_back(running)
            await self._wait_and_ask(running)
        return None

    async def _wait_and_ask(self, running: Running) -> None:
        due = due_us(running.note)
        if due is None:
            await self._given_up(running)
            return
        seconds = (due - self.ports.now_us()) / SECOND_US
        if running.poked:
            seconds = running.asked_at + SPACING_S - self.ports.reactor.seconds()
        if seconds > 0:
            await self._rest(running, seconds)
        else:
            await self._ask(running)

    async def _given_up(self, running: Running) -> None:
        """A day has gone by, and nobody knows."""
        self.ports.log.error("wallet.nobody-knows", reference=running.job.reference)
        report = running.job.on_the_way("unknown", running.note, "asked for a day")
        await self.finish(running, report)

    # --- it is sent -----------------------------------------------------------------------------

    async def _try(self, running: Running) -> None:
        """Send it, if that may be; else rest."""
        now = self.ports.now_us()
        if (now - running.since_us) / SECOND_US >= running.job.patience_s:
            await self._refuse(running, _too_late(running))
            return
        running.waited = True
        if not self.caller.breaker.lets(self.ports.reactor.seconds()):
            await self._rest(running, TICK_S)
            return
        sending = replace(running.note, step=Step.SENDING, sent_us=now)
        if not await self._kept(running, sending):
            self.caller.breaker.unused()
            await self._rest(running, self.config.again_s)
            return
        if running.over:  # somebody told its end meanwhile
            self.caller.breaker.unused()
            return
        running.note = sending
        failpoints.hit("wallet.before-call")
        job = running.job
        result = await self.caller.make(lambda given: job.send(given, sending), job.read_send)
        failpoints.hit("wallet.after-call")
        if not running.over and result is not None:  # its callback may have been quicker
            await self._sent(running, result)

    async def _sent(self, running: Running, result: Result) -> None:
        note, job = running.note, running.job
        self.counters[result.came.value] += 1
        if result.came is Came.REFUSED:
            reason = job.explained(result)
            await self._refuse(
                running, replace(note, code=result.code, reason=reason, detail=result.text)
            )
        elif result.came in (Came.BUSY, Came.STALE, Came.ABSENT):
            running.note = replace(note, step=Step.WAITING, sent_us=0)
            await self._kept(running, running.note)
            if not running.over:
                await self._rest(running, self.config.again_s)
        elif result.came is Came.LOST:
            running.note = replace(note, step=Step.LOST)
            await self._kept(running, running.note)
            await self._tell(running, "unknown", result.text)
        else:
            running.note = replace(note, step=Step.TAKEN, key=result.key)
            await self._kept(running, running.note)
            await self._taken(running, result)

    async def _taken(self, running: Running, result: Result) -> None:
        if result.reading is not None:
            await self._judge(running, result.reading)
        if not running.over:
            await self._tell(running, "pending", result.shown)

    async def _refuse(self, running: Running, note: Note) -> None:
        """Noted before it is told: what was told must not be sent again after a crash between."""
        running.note = replace(note, step=Step.REFUSED, untold=True)
        running.over = True
        while not await self._kept(running, running.note):
            if self.stopping:
                return self._give_back(running)
            await self._sleep(TICK_S)
        return await self.finish(running, running.job.refused(running.note))

    # --- it is asked about ----------------------------------------------------------------------

    async def _ask(self, running: Running) -> None:
        job, note = running.job, running.note
        running.poked, running.asked_at = False, self.ports.reactor.seconds()
        result = await self.caller.make(lambda given: job.question(given, note), job.read_question)
        now = self.ports.now_us()
        running.note = caught_up(running.note, now)
        if running.over:
            return
        self.counters["asked"] += 1
        if result is None:
            self.look()  # no question can be asked: perhaps the list of payments knows
        elif result.reading is not None:
            await self._judge(running, result.reading)
        elif result.came is Came.ABSENT:
            report = job.absent(running, (now - note.sent_us) / SECOND_US)
            if report is not None:
                await self.finish(running, report)

    async def _judge(self, running: Running, found: Reading) -> None:
        report = running.job.judged(running, found, "status")
        if report is not None:
            await self.finish(running, report)
        elif running.unreceipted:
            self.look()
        elif found.said is Said.PENDING:
            await self._tell(running, "pending", found.text)
        elif found.said in (Said.UNKNOWN, Said.UNVERIFIED):
            await self._tell(running, "unknown", found.text)

    # --- it is told -----------------------------------------------------------------------------

    async def _tell(self, running: Running, state: str, detail: str) -> None:
        """Once; what could not be journaled is told with the next occasion."""
        report = running.job.on_the_way(state, running.note, detail)
        if report is None or running.over or report.name in running.told:
            return
        try:
            await self.journal(running, report, "")
            running.told.add(report.name)
        except Exception as error:
            self.ports.log.warning("wallet.report", error=str(error))

    async def finish(self, running: Running, report: Report | None, told: bool = False) -> None:
        """Journal the end until it is journaled, note it, and let the request go. ``told``: it is
        journaled already."""
        running.over = True
        running.bell()
        receipt = str(getattr(report.message, "receipt", "")) if report else ""
        paid = receipt if report and report.state == "paid" else running.note.paid
        ended = replace(running.note, step=Step.ENDED, untold=False, paid=paid)
        while True:
            try:
                if report is not None and not told:
                    await self.journal(running, report, "")
                    told = True
                await self.ports.keep(running.job.reference, written(ended))
                break
            except Exception as error:
                self.ports.log.warning("wallet.end", error=str(error))
            if self.stopping:
                return self._give_back(running)
            await self._sleep(TICK_S)
        failpoints.hit("wallet.before-end")
        running.note = ended
        self.counters[report.state if report else "nobody knows"] += 1
        self._let_go(running, Sent())
        return None

    async def journal(self, running: Running, report: Report, raw: str) -> None:
        """One report. Fails as ``Ports.accept`` does, but for another end under the same name: the
        first stands, and people look at this one."""
        reference = running.job.reference
        arrived = Arrival(
            key=f"{reference}/{report.name}",
            message=report.message,
            raw=raw or f"{reference}: {report.state}",
            partition_ref=f"wallet/{reference}",
            source_id=reference,
            correlation=running.correlation,
            valid_for_s=VALID_S,
        )
        try:
            await self.ports.accept(arrived)
        except KeyReused:
            self.ports.log.error("wallet.two-ends", reference=reference, state=report.state)

    # --- small ----------------------------------------------------------------------------------

    async def _kept(self, running: Running, note: Note) -> bool:
        try:
            await self.ports.keep(running.job.reference, written(note))
        except Exception as error:
            self.ports.log.warning("wallet.note", error=str(error))
            return False
        return True

    def _give_back(self, running: Running) -> None:
        """The hub hands it over again after the next start; the note says how far it was."""
        self._let_go(running, _BACK)

    def _let_go(self, running: Running, result: SendResult) -> None:
        self.running.pop(running.job.reference, None)
        if not running.done.called:
            running.done.callback(result)
        self.ended()

    def _broken(self, running: Running, failure: Any) -> None:
        """A fault of ours: the delivery comes again, and its note says how far it was."""
        self.ports.log.error("wallet.fault", error=failure.getTraceback())
        running.over = True
        self._let_go(running, Failed(repr(failure.value), retry=True))

    def _rest(self, running: Running, seconds: float) -> "Deferred[None]":
        """Fires after so long, or when somebody rings."""
        done: Deferred[None] = Deferred()
        timer = self.ports.reactor.callLater(seconds, lambda: running.bell())

        def ring() -> None:
            running.bell = lambda: None
            if timer.active():
                timer.cancel()
            done.callback(None)

        running.bell = ring
        return done

    def _sleep(self, seconds: float) -> "Deferred[None]":
        done: Deferred[None] = Deferred()
        self.ports.reactor.callLater(seconds, done.callback, None)
        return done


def _too_late(running: Running) -> Note:
    """The provider could not be reached, or it came to us when its time was over."""
    reason, said = ("provider", "not reached in time") if running.waited else ("timeout", "too old")
    return replace(running.note, code=AWAY, reason=reason, detail=said)

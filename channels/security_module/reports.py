"""What the hub is told of an order: on the way once, and its end until it is safely journaled."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Literal

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from adapters.prismtoken.issue import Issue, Step
from channels.security_module.translate import Kept, note_of
from core.messages import OrderTokens, ReportTokens
from hub.channel import Arrival, KeyReused, Ports, SendResult

#: What could not be journaled comes again after this long, and waiting orders are looked at.
TICK_S: Final = 1.0
#: Reports are remembered as long as any key is.
_VALID_S: Final = 400 * 86_400.0


@dataclass(eq=False, slots=True)
class Running:
    """An order in this channel. ``busy``: a note, a call or a report of it is under way."""

    message: OrderTokens
    issue: Issue
    since_us: int
    correlation: str
    done: "Deferred[SendResult]" = field(default_factory=Deferred)
    busy: bool = False
    told: set[str] = field(default_factory=set)
    said: str = ""  # the module's own words of the last refusal

    @property
    def step(self) -> Step:
        """Where it is."""
        return self.issue.step


@dataclass(slots=True)
class Reports:
    """``over``: called when the end of an order is journaled and noted."""

    ports: Ports
    over: Callable[[Running, ReportTokens], None]

    def on_the_way(
        self, running: Running, state: Literal["delayed", "doubtful"]
    ) -> "Deferred[Any]":
        """Report it, once; what could not be journaled is told again. Fires in any case."""
        running.told.add(state)
        running.busy = True
        message = running.message
        report = ReportTokens(module=message.module, order=message.order, state=state)
        return self._report(running, report).addErrback(
            lambda _: self.ports.reactor.callLater(TICK_S, running.told.discard, state)
        )

    def finish(self, running: Running, report: ReportTokens) -> None:
        """Journal the end until it is journaled, note that it is, and let the order go.

        A refusal is noted before it is told: what was told must not be ordered again after a crash
        in between. The other ends are found again by asking the module.
        """
        running.busy = True
        step = Step.REFUSED if report.state == "refused" else running.step
        running.issue = replace(running.issue, step=step)
        done: Deferred[Any] = succeed(None)
        if step is Step.REFUSED:
            done = self._note(running, Kept(running.issue, True, report.code, report.detail))
        done.addCallback(lambda _: self._report(running, report))
        done.addCallback(lambda _: self._note(running, Kept(running.issue)))
        done.addCallbacks(
            lambda _: self.over(running, report), partial(self._not_finished, running, report)
        )

    def _note(self, running: Running, kept: Kept) -> "Deferred[None]":
        return self.ports.keep(running.message.reference, note_of(kept))

    def _not_finished(self, running: Running, report: ReportTokens, failure: Failure) -> None:
        self.ports.log.warning("module.end", order=report.order, error=failure.getErrorMessage())
        self.ports.reactor.callLater(TICK_S, self.finish, running, report)

    def _report(self, running: Running, report: ReportTokens) -> "Deferred[Any]":
        message = running.message
        arrived = Arrival(
            key=f"{message.reference}/{report.state}",
            message=report,
            raw=f"order {report.order}: {report.state} {report.code} {report.detail}".strip(),
            partition_ref=f"meter/{message.meter}",
            source_id=message.reference,
            correlation=running.correlation,
            valid_for_s=_VALID_S,
        )
        return self.ports.accept(arrived).addErrback(partial(self._not_journaled, report))

    def _not_journaled(self, report: ReportTokens, failure: Failure) -> Failure | None:
        """Another end under the same name: the first one stands, and people look at this one."""
        if isinstance(failure.value, KeyReused):
            self.ports.log.error("module.two-ends", order=report.order, state=report.state)
            return None
        self.ports.log.warning("module.report", error=failure.getErrorMessage())
        return failure

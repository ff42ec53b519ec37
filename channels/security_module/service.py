"""The channel of one security module: a queue of orders, and the life of each until its end.

The life itself is the table in :mod:`adapters.prismtoken.issue`; here its promises are kept: the
step *issuing* is on disk before the call leaves; what may have been made is asked about and never
ordered again; an order leaves this channel only when its end is safely journaled.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import msgspec
from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.python.failure import Failure

from adapters.prismtoken.calls import Authorised
from adapters.prismtoken.codes import Blame
from adapters.prismtoken.errors import LocalError
from adapters.prismtoken.events import Lost, Outcome, Refused
from adapters.prismtoken.issue import Issue, Step, next_call, restarted, settled
from channels.security_module.config import ModuleConfig
from channels.security_module.reports import TICK_S, Reports, Running
from channels.security_module.translate import (
    Kept,
    note_of,
    order_of,
    refusal,
    report_of,
    restored,
)
from channels.security_module.watch import Watch
from core.messages import OrderTokens, ReportTokens
from core.queries.modules import order_asked
from hub import failpoints
from hub.breaker import Breaker
from hub.channel import NOT_SENT, Failed, Outbound, Ports, SendResult, Sent
from hub.envelope import made_at_us
from hub.links.prismtoken import PrismLink

#: Our own codes of an order that was refused here: the module never saw it.
AWAY, UNFIT = "module_away", "module_order"
SECOND_US: Final = 1_000_000


@dataclass(slots=True)
class SecurityModuleChannel:
    """Implements ``hub.channel.Channel``."""

    ports: Ports
    config: ModuleConfig
    link: PrismLink
    breaker: Breaker
    counters: Counter[str] = field(default_factory=Counter)
    chance: Callable[[], float] = random.random  # in [0, 1)
    _orders: dict[str, Running] = field(default_factory=dict)
    _taking: int = 0  # orders whose note is being looked up
    _starting: int = 0  # orders whose note is being written: they have a connection each
    _stopping: bool = False
    _timer: Any = None
    watch: Watch = field(init=False)
    reports: Reports = field(init=False)

    def __post_init__(self) -> None:
        self.reports = Reports(self.ports, self._let_go)
        self.watch = Watch(self.ports, self.config, self.link, self._begun)

    # --- what a channel is ----------------------------------------------------------------------

    def start(self) -> None:
        """From now on the link carries our orders."""
        self.link.on_free(self._pump)
        self._tick()
        self.ports.wake()

    def stop(self) -> "Deferred[None]":
        """Waits for the calls that are out; what waits goes back to the database."""
        self._stopping = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        for running in [each for each in self._orders.values() if not each.busy]:
            self._give_back(running)
        left: Deferred[Any] = DeferredList([_after(each.done) for each in self._orders.values()])
        return left.addCallback(lambda _: None)

    def capacity(self) -> int:
        """Orders are taken while the module is away too: some must be given up, or told of."""
        held = len(self._orders) + self._taking
        return 0 if self._stopping else max(0, self.config.waiting - held)

    def send(self, outbound: Outbound) -> "Deferred[SendResult]":
        """Take an order; fires when its end is journaled."""
        message = outbound.message
        if not isinstance(message, OrderTokens):
            return succeed(Failed("a security module makes tokens only", retry=False))
        self._taking += 1
        kept: Deferred[Any] = self.ports.query(order_asked, message.order, message.reference)
        kept.addCallback(partial(self._as_placed, message))
        kept.addErrback(self._not_known, message)
        return kept.addCallback(partial(self._taken, message, outbound))

    def status(self) -> Mapping[str, Any]:
        """The link's state, orders by their step, the breaker, and counts since start."""
        steps = Counter(running.step.value for running in self._orders.values())
        return {
            "state": self.link.status()["state"],
            "link": self.config.link,
            "breaker": self.breaker.state.value,
            "orders": dict(steps),
            **self.watch.status(),
            **self.counters,
        }

    # --- an order begins ------------------------------------------------------------------------

    def _as_placed(self, message: OrderTokens, asked: str | None) -> "Deferred[Any] | SendResult":
        """Only what a decision has placed, word for word: nobody makes up or mends an order."""
        if asked is None:
            return self.ports.kept(message.reference).addCallback(_over)
        if msgspec.json.decode(asked, type=OrderTokens) != message:
            self.ports.log.error("module.order-altered", order=message.order)
            return Failed("it is not the order that was placed", False, "order")
        return self.ports.kept(message.reference)

    def _not_known(self, failure: Failure, message: OrderTokens) -> SendResult:
        """Whether it was begun before is not known: it comes again, and no attempt is burned."""
        self.ports.log.warning("module.note", order=message.order, error=failure.getErrorMessage())
        return Failed("the note of this order cannot be read", retry=True, error_class=NOT_SENT)

    def _taken(
        self, message: OrderTokens, outbound: Outbound, note: "str | SendResult | None"
    ) -> "Deferred[SendResult] | SendResult":
        self._taking -= 1
        if isinstance(note, Sent | Failed):
            return note
        try:
            kept = restored(order_of(message), note)
        except ValueError as error:  # what was begun must not be begun again by guessing
            return Failed(f"the note of this order is none: {error}", retry=False)
        if kept.issue.over and not kept.untold:
            return Sent()  # somebody sent it again: its end is journaled
        if self._stopping or message.reference in self._orders:
            return Failed("the channel is being stopped", retry=True, error_class=NOT_SENT)
        since_us = made_at_us(outbound.message_id)
        running = Running(message, kept.issue, since_us, outbound.correlation)
        return self._takes_up(running, kept)

    def _takes_up(self, running: Running, kept: Kept) -> "Deferred[SendResult]":
        """Go on where the note says that it was."""
        self._orders[running.message.reference] = running
        self.counters["taken"] += 1
        if kept.untold:
            self.reports.finish(running, refusal(running.message, kept.code, kept.detail))
            return running.done
        running.issue = restarted(kept.issue, self.ports.now_us(), self.config.policy())
        if running.step is Step.DOUBTFUL:
            self.counters["doubtful after a restart"] += 1
        self._pump()
        return running.done

    def _tick(self) -> None:
        if not self._stopping:
            self._timer = self.ports.reactor.callLater(TICK_S, self._tick)
            self._pump()

    def _pump(self) -> None:
        """Give every free connection the oldest order that is due; look after those that wait."""
        if self._stopping:
            return
        now = self.ports.now_us()
        for running in list(self._orders.values()):
            if not running.busy:  # looked at here: telling of one may have begun the next
                self._look_after(running, now)
        for running in list(self._orders.values()):
            if self._free() <= 0:
                return
            if not running.busy and running.issue.not_before_us <= now and self._may(running):
                self._begin(running, now)
        if self._free() > 0:
            self.watch.look()

    def _begun(self) -> int | None:
        """How many orders were ever taken; None while there is one."""
        return None if self._orders or self._taking else self.counters["taken"]

    def _look_after(self, running: Running, now: int) -> None:
        if running.step is Step.WAITING:
            self._aged(running, now)
        elif running.step is Step.DOUBTFUL and "doubtful" not in running.told:
            self._tell(running, "doubtful")

    def _free(self) -> int:
        """Connections that nobody has, or will have once his note is written."""
        return self.link.free() - self._starting

    def _may(self, running: Running) -> bool:
        """A question may always be asked; a module in trouble gets no new orders."""
        if running.step is not Step.WAITING:
            return True
        return self.breaker.lets(self.ports.reactor.seconds())

    def _aged(self, running: Running, now: int) -> None:
        """Surely not made, and for long: first the buyer is told, then he gets his money back."""
        age = (now - running.since_us) / SECOND_US
        if age >= self.config.give_up_s:
            self._refuse(running, AWAY, f"not made for {age:.0f} s")
        elif age >= self.config.tell_after_s and not running.told:
            self._tell(running, "delayed")

    def _begin(self, running: Running, now: int) -> None:
        try:
            issue, call = next_call(running.issue, now)
        except LocalError as error:
            self.breaker.unused()
            self._refuse(running, UNFIT, str(error))
            return
        running.busy = True
        if issue.step is not Step.ISSUING:
            self._call(running, issue, call)
            return
        self._starting += 1
        kept = self.ports.keep(running.message.reference, note_of(Kept(issue)))
        kept.addCallbacks(
            lambda _: self._noted(running, issue, call), partial(self._not_noted, running)
        )

    def _noted(self, running: Running, issue: Issue, call: Authorised) -> None:
        self._starting -= 1
        failpoints.hit("module.before-call")
        self._call(running, issue, call)

    def _not_noted(self, running: Running, failure: Failure) -> None:
        """Not on disk, so nothing leaves; the store will be back."""
        self._starting -= 1
        self.breaker.unused()
        self.ports.log.warning("module.note", error=failure.getErrorMessage())
        self._put_off(running, running.issue, self.config.again_s)
        self._idle(running)

    def _put_off(self, running: Running, issue: Issue, seconds: float) -> None:
        later = self.ports.now_us() + int(seconds * SECOND_US)
        running.issue = replace(issue, not_before_us=later)

    # --- a call and its outcome -----------------------------------------------------------------

    def _call(self, running: Running, issue: Issue, call: Authorised) -> None:
        before, running.issue = running.issue, issue
        self.link.call(call).addCallbacks(
            partial(self._outcome, running), partial(self._not_sent, running, before)
        )

    def _not_sent(self, running: Running, before: Issue, failure: Failure) -> None:
        """It surely never left: the order is as it was, and comes again with the next look."""
        self._put_off(running, before, TICK_S)
        if before.step is not Step.WAITING:  # a question
            self._idle(running)
            return
        self.breaker.unused()
        if isinstance(failure.value, LocalError):
            self._refuse(running, UNFIT, failure.getErrorMessage())
        else:
            self._waits_again(running)

    def _waits_again(self, running: Running) -> None:
        """Surely not made, and noted so: else a restart could only ask, and perhaps too late to
        believe the answer. Without the note it is asked; that is safe, too."""
        kept = self.ports.keep(running.message.reference, note_of(Kept(running.issue)))
        kept.addErrback(
            lambda failure: self.ports.log.warning("module.note", error=failure.getErrorMessage())
        )
        kept.addCallback(lambda _: self._idle(running))

    def _outcome(self, running: Running, outcome: Outcome) -> None:
        failpoints.hit("module.before-report")
        now, policy = self.ports.now_us(), self.config.policy()
        running.issue = settled(running.issue, outcome, now, policy)
        running.said = outcome.sentence if isinstance(outcome, Refused) else ""
        self._judge(outcome)
        if running.issue.over:
            self._end(running)
        elif running.step is Step.WAITING:
            self._apart(running, now)
            self._waits_again(running)
        else:
            self._idle(running)

    def _apart(self, running: Running, now: int) -> None:
        """Orders that were put off together do not come again together: two connections in step
        could take each other's access token away at every try, for as long as they are in step."""
        if running.issue.not_before_us > now:
            rest = (running.issue.not_before_us - now) / SECOND_US
            self._put_off(running, running.issue, rest + self.chance() * self.config.again_s)

    def _judge(self, outcome: Outcome) -> None:
        """What the outcome says of the module, whatever it says of the order."""
        self.counters[type(outcome).__name__.lower()] += 1
        trouble = isinstance(outcome, Lost) or (
            isinstance(outcome, Refused) and outcome.verdict.blame is Blame.MODULE
        )
        if isinstance(outcome, Refused) and outcome.verdict.code == "module_never_made":
            trouble = False  # an answer to a question
        if trouble:
            self.breaker.failed(self.ports.reactor.seconds())
        else:
            self.breaker.well()
        if isinstance(outcome, Refused) and outcome.verdict.blame is Blame.OPERATOR:
            self.ports.log.error("module.refuses", code=outcome.verdict.code, said=outcome.sentence)

    def _idle(self, running: Running) -> None:
        running.busy = False
        if self._stopping:
            self._give_back(running)
        else:
            self._pump()

    def _give_back(self, running: Running) -> None:
        """The hub hands it over again after the next start; the note says how far it was."""
        self._orders.pop(running.message.reference, None)
        running.done.callback(Failed("the channel is being stopped", True, NOT_SENT))

    # --- what is told ---------------------------------------------------------------------------

    def _tell(self, running: Running, state: Any) -> None:
        self.reports.on_the_way(running, state).addCallback(lambda _: self._idle(running))

    def _refuse(self, running: Running, code: str, why: str) -> None:
        """There is surely no token, and there will be none."""
        self.reports.finish(running, refusal(running.message, code, why))

    def _end(self, running: Running) -> None:
        report = report_of(running.message, running.issue, running.said)
        if running.step in (Step.WRONG, Step.UNDECIDED):
            self.ports.log.error(
                "module.needs-people",
                order=report.order,
                state=report.state,
                meter=running.message.meter,
                detail=report.detail,
            )
        self.reports.finish(running, report)

    def _let_go(self, running: Running, report: ReportTokens) -> None:
        failpoints.hit("module.before-end")
        self.counters[report.state] += 1
        self._orders.pop(running.message.reference, None)
        running.done.callback(Sent())
        self.ports.wake()
        self._pump()


def _after(deferred: "Deferred[Any]") -> "Deferred[None]":
    """Fires when another one has ended, whatever its end; leaves its result alone."""
    done: Deferred[None] = Deferred()

    def ended(result: Any) -> Any:
        done.callback(None)
        return result

    deferred.addBoth(ended)
    return done


def _over(note: str | None) -> SendResult:
    """An order that is not open: it came to its end here, or nobody placed it."""
    if note is not None:
        return Sent()
    return Failed("no such order is open", retry=False, error_class="order")


def build(ports: Ports, config: ModuleConfig) -> SecurityModuleChannel:
    """The channel of one configuration section."""
    link: PrismLink = ports.link(config.link)
    return SecurityModuleChannel(ports, config, link, Breaker(config.failures, config.pause_s))

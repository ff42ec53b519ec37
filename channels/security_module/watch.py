"""What a module says of itself: its alerts, and its counter while nothing is under way.

The counter is worth nothing while an order is: the module may have made what is not logged yet. So
our own log is read first, and only while no order is open there; then the module is asked; and what
it says counts only if no order was begun meanwhile.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from twisted.python.failure import Failure

from adapters.prismtoken.api import NodeStatus
from adapters.prismtoken.calls import GetStatus
from adapters.prismtoken.events import Outcome, Returned
from channels.security_module.config import ModuleConfig
from core.messages import ReportModule
from core.messages.modules import MAX_ALERTS
from core.queries.modules import Work, work_of
from hub.channel import Arrival, Ports
from hub.links.prismtoken import PrismLink

#: An alert is a sentence; a box that says more is looked at by people anyway.
_LONGEST: Final = 200
#: A count of tokens: more digits than a box makes in its life.
_COUNT: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
#: So long without one idle moment is told of: until there is one, nothing is compared.
_BUSY_S: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class _Before:
    """What was known before the module was asked."""

    at_us: int
    begun: int
    logged: int


@dataclass(slots=True)
class Watch:
    """``begun``: how many orders were ever begun; None while one is under way."""

    ports: Ports
    config: ModuleConfig
    link: PrismLink
    begun: Callable[[], int | None]
    alerts: tuple[str, ...] = ()
    counted: int | None = None
    _asking: bool = False
    _asked: int = 0
    _status_at: float = 0.0  # monotonic: when the status is due again, and the counter
    _count_at: float = 0.0
    _counted_at: float = field(init=False)
    _unknown: bool = False  # that the field is not there was said

    def __post_init__(self) -> None:
        self._counted_at = self._now()

    def _now(self) -> float:
        return float(self.ports.reactor.seconds())

    def status(self) -> Mapping[str, Any]:
        """For operators: what the module warns of, and its counter when it was last compared."""
        found: dict[str, Any] = {"alerts": list(self.alerts)} if self.alerts else {}
        if self.counted is not None:
            found["counted"] = self.counted
        return found

    def look(self) -> None:
        """A connection is free: ask what is due."""
        now = self._now()
        if self._asking:
            return
        if self.config.counter and now >= self._count_at:
            if self.begun() is not None:
                self._begin_count()
                return
            self._never_idle(now)
        if now >= self._status_at:
            self._ask(None)

    def _never_idle(self, now: float) -> None:
        if now - self._counted_at >= _BUSY_S:
            self._counted_at = now
            self.ports.log.warning("module.counter", why="not idle for an hour: not compared")

    # --- our log first --------------------------------------------------------------------------

    def _begin_count(self) -> None:
        self._asking = True
        begun, at_us = self.begun(), self.ports.now_us()
        done = self.ports.query(work_of, self.ports.name)
        done.addCallbacks(partial(self._worked, begun, at_us), self._not_read)

    def _worked(self, begun: int | None, at_us: int, work: Work) -> None:
        self._asking = False
        if work.open or begun is None or self.begun() != begun:
            self._count_at = self._now() + self.config.again_s
            self._never_idle(self._now())
        elif self.link.free() > 0:
            self._ask(_Before(at_us, begun, work.logged))

    def _not_read(self, failure: Failure) -> None:
        self._asking = False
        self._count_at = self._now() + self.config.again_s
        self.ports.log.warning("module.counter", why=failure.getErrorMessage())

    # --- then the module ------------------------------------------------------------------------

    def _ask(self, before: _Before | None) -> None:
        self._asking = True
        self._asked += 1
        now = self._now()
        self._status_at = now + self.config.status_s
        if before is not None:
            self._count_at = now + self.config.again_s  # unless it comes to something
        done = self.link.call(GetStatus(message_id=f"wattbus.status.{self._asked}"))
        done.addCallbacks(partial(self._answered, before), lambda _: None)
        done.addErrback(self._odd)
        done.addBoth(lambda _: self._over())

    def _over(self) -> None:
        self._asking = False

    def _odd(self, failure: Failure) -> None:
        self.ports.log.error("module.status", why=failure.getErrorMessage())

    def _answered(self, before: _Before | None, outcome: Outcome) -> None:
        if not isinstance(outcome, Returned):
            self.ports.log.warning("module.status", code=outcome.verdict.code)
            return
        nodes: tuple[NodeStatus, ...] = outcome.result
        self._alarm(_alerts(nodes))
        if before is None:
            return
        if self.begun() != before.begun:
            return
        self._count_at = self._status_at = self._now() + self.config.status_s
        counted = self._count(nodes)
        if counted is not None:
            self._report(before, counted)

    def _alarm(self, alerts: tuple[str, ...]) -> None:
        for alert in sorted({*alerts} - {*self.alerts}):
            self.ports.log.error("module.alert", said=alert)
        for alert in sorted({*self.alerts} - {*alerts}):
            self.ports.log.info("module.alert-over", said=alert)
        self.alerts = alerts

    def _count(self, nodes: tuple[NodeStatus, ...]) -> int | None:
        """The sum over the nodes that have the field; None, and said once, where it is no count."""
        told = [
            node.info[self.config.counter] for node in nodes if self.config.counter in node.info
        ]
        if told and all(_COUNT.fullmatch(text) for text in told):
            self._unknown = False
            return sum(map(int, told))
        if not self._unknown:
            self._unknown = True
            known = ", ".join(sorted({name for node in nodes for name in node.info}))[:_LONGEST]
            why = "is no count" if told else f"is not in its status, which has: {known}"
            self.ports.log.error("module.counter", why=f"{self.config.counter!r} {why}")
        return None

    def _report(self, before: _Before, counted: int) -> None:
        if self.counted is not None and counted < self.counted:
            self.ports.log.warning("module.counter.restarted", before=self.counted, after=counted)
        self.counted, self._counted_at = counted, self._now()
        name, at_us = self.ports.name, before.at_us
        report = ReportModule(
            module=name, at=at_us, counted=counted, logged=before.logged, alerts=self.alerts
        )
        arrived = Arrival(
            key=f"{name}/count/{at_us}",
            message=report,
            raw=f"counter {counted}, logged {before.logged}, {len(self.alerts)} alerts",
            partition_ref=f"module/{name}",
        )
        self.ports.accept(arrived).addErrback(self._not_journaled)

    def _not_journaled(self, failure: Failure) -> None:
        self._count_at = self._now() + self.config.again_s
        self.ports.log.warning("module.counter", why=failure.getErrorMessage())


def _alerts(nodes: tuple[NodeStatus, ...]) -> tuple[str, ...]:
    said = {
        f"{alert.e_code}: {alert.e_msg_en}"[:_LONGEST] for node in nodes for alert in node.alerts
    }
    return tuple(sorted(said))[:MAX_ALERTS]

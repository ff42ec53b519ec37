"""An issuer for the simulator's tests: sessions on real sockets that bring orders to their end.

What a channel will do with a database it does with a dict: step stored, call sent, outcome settled.
"""

import asyncio
import time
from collections import deque
from typing import Any

from adapters.prismtoken.calls import Authorised
from adapters.prismtoken.events import Lost, Ready, Refused, Returned
from adapters.prismtoken.issue import Issue, Policy, next_call, settled
from adapters.prismtoken.orders import Order
from adapters.prismtoken.session import TokenSession
from adapters.prismtoken.settings import Login, Settings
from hub.dialer import Backoff, Dialer
from hub.wire import Wire
from tests.loop import fired

QUICK = Policy(settle=0.05, remembered=600.0, again=0.02)


class Client:
    """``links`` connections to one module; every event is kept."""

    def __init__(
        self, reactor: Any, endpoint: str | int, links: int = 1, policy: Policy = QUICK,
        call_timeout: float = 5.0, password: str = "secret",
    ) -> None:  # fmt: skip
        self.events: list[Any] = []
        self.issues: dict[str, Issue] = {}
        self._policy = policy
        self._due: deque[str] = deque()
        self._calls: dict[str, asyncio.Future[Any]] = {}
        self._waiting: deque[tuple[Authorised, str]] = deque()
        self._changed = asyncio.Event()
        self._reactor = reactor
        if isinstance(endpoint, int):
            endpoint = f"tcp:127.0.0.1:{endpoint}"
        settings = Settings(call_timeout=call_timeout, refused_pause=0.05)
        self.dialers = [
            Dialer(
                reactor, endpoint, TokenSession(Login("hub", password), settings), self._event,
                lambda: 0.0, Backoff(first=0.01, longest=0.05),
            )
            for _ in range(links)
        ]  # fmt: skip
        for dialer in self.dialers:
            dialer.start()

    def order(self, *orders: Order) -> None:
        for order in orders:
            self.issues[order.message_id] = Issue(order)
            self._due.append(order.message_id)
        self._pump()

    def call(self, call: Authorised, tag: str = "call") -> "asyncio.Future[Any]":
        self._calls[tag] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, tag))
        self._pump()
        return self._calls[tag]

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, kind: type, count: int = 1) -> list[Any]:
        while len(self.of(kind)) < count:
            self._changed.clear()
            await self._changed.wait()
        return self.of(kind)

    async def done(self) -> dict[str, Issue]:
        """Waits until every order is at its end."""
        while not all(issue.over for issue in self.issues.values()):
            self._changed.clear()
            await self._changed.wait()
        return self.issues

    async def stop(self) -> None:
        for dialer in self.dialers:
            await fired(dialer.stop())

    # --- inside --------------------------------------------------------------------------------

    def _pump(self) -> None:
        for dialer in self.dialers:
            session: Any = dialer.session
            wire = dialer.wire
            if wire is None or not session.ready:
                continue
            if self._waiting:
                call, tag = self._waiting.popleft()
                session.call(call, tag, wire.now())
            elif self._due:
                name = self._due.popleft()
                self.issues[name], issuing = next_call(self.issues[name], self._now_us())
                session.call(issuing, name, wire.now())
            else:
                return
            dialer.touch()

    def _event(self, wire: Wire, event: Any) -> None:
        self.events.append(event)
        if isinstance(event, Returned | Refused | Lost):
            self._settle(event)
        if isinstance(event, Ready):
            self._pump()
        self._changed.set()

    def _settle(self, event: Returned | Refused | Lost) -> None:
        name = str(event.tag)
        if name in self._calls:
            self._calls[name].set_result(event)
            return
        issue = settled(self.issues[name], event, self._now_us(), self._policy)
        self.issues[name] = issue
        if not issue.over:
            pause = max(0.0, (issue.not_before_us - self._now_us()) / 1e6)
            self._reactor.callLater(pause, self._again, name)

    def _again(self, name: str) -> None:
        self._due.append(name)
        self._pump()

    def _now_us(self) -> int:
        return int(time.monotonic() * 1e6)

"""Answers to waiting sockets: the answer is a column of its request, the doorbell only a hint."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from twisted.internet.defer import Deferred

from core.messages import Answer
from core.store.upgrade import Store
from hub import failpoints

_decode = msgspec.json.Decoder(Answer).decode


@dataclass(slots=True)
class Answers:
    """Who waits for which message's answer; the stage looks for all of them in one statement."""

    store: Store
    on_reactor: Callable[..., Any]
    poke: Callable[[], None] = lambda: None
    _waiting: dict[str, "list[Deferred[Answer | None]]"] = field(default_factory=dict)

    def wait(self, message_id: str, within_s: float, clock: Any) -> "Deferred[Answer | None]":
        """Fires with the answer, or with None when the time is over (outcome unknown)."""
        deferred: Deferred[Answer | None] = Deferred()
        self._waiting.setdefault(message_id, []).append(deferred)
        timer = clock.callLater(within_s, self._over, message_id, deferred)

        def stop(result: Any) -> Any:
            if timer.active():
                timer.cancel()
            return result

        deferred.addBoth(stop)
        self.poke()
        return deferred

    def _over(self, message_id: str, deferred: "Deferred[Answer | None]") -> None:
        waiting = self._waiting.get(message_id, [])
        if deferred in waiting:
            waiting.remove(deferred)
            if not waiting:
                del self._waiting[message_id]
            deferred.callback(None)

    def step(self) -> bool:
        """Look for the answers that somebody waits for."""
        wanted = list(self._waiting)
        if not wanted:
            return False
        with self.store.reader_on_writer() as reader:
            rows = reader.rows(
                "SELECT message_id, answer FROM request "
                "WHERE message_id IN :wanted AND answer IS NOT NULL",
                wanted=wanted,
            )
        for message_id, answer in rows:
            self.on_reactor(self._ring, message_id, _decode(answer))
        return False

    def _ring(self, message_id: str, answer: Answer) -> None:
        failpoints.hit("answer.before-reply")
        for deferred in self._waiting.pop(message_id, []):
            deferred.callback(answer)

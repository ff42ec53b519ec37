"""Requests that the hub decides: journaled under the terminal's own key, then answered once.

A repeat has the same key, so it gets the stored answer; other content under it is an alarm.
"""

from dataclasses import dataclass, replace
from typing import Final

from channels.pos.config import PosConfig
from channels.pos.ended import Ended, Ending
from channels.pos.evidence import Evidence
from channels.pos.translate import Asked, Wrong, canonical, partition_of
from core.messages import Answer
from hub.channel import Accepted, Arrival, KeyReused, Overloaded, Ports
from hub.deadlines import TimeUp, within

#: What a shop no longer waits for may expire; what has happened at the terminal never does.
_EXPIRES: Final = frozenset({"vend", "pay", "sign_on"})


@dataclass(frozen=True, slots=True)
class Requests:
    """Tells the hub, and waits."""

    ports: Ports
    config: PosConfig
    ending: Ending
    evidence: Evidence

    async def run(self, asked: Asked, key: str, raw: str, peer: str) -> Ended:
        """How a request ended; never raises."""
        try:
            arrival = self._arrival(asked, key, raw)
        except Wrong as wrong:
            if wrong.code == "advice-refused":
                self.evidence.alarm(wrong.code, asked.terminal, peer)
            self.ports.record(f"{self.ports.name}/{wrong.code}", raw)
            args = {"terminal": asked.terminal, "what": wrong.what}
            return self.ending.refused(wrong.code, args)
        deadline = self.ports.reactor.seconds() + self.config.answer_s
        try:
            accepted = await within(self.ports.reactor, self.ports.accept(arrival), deadline)
        except Overloaded:
            self.evidence.counts["overloaded"] += 1
            return self.ending.refused("overloaded", {})
        except KeyReused:
            if asked.former:  # it was asked for before the terminal was bound to another agent
                return await self.run(_of_former(asked), key, raw, peer)
            self.evidence.alarm("key-reused", asked.terminal, peer)
            return self.ending.refused("key-reused", {})
        except TimeUp:
            return self._late()
        except Exception:  # whether it was stored is not known: it is no decline
            self.ports.log.exception("pos.accept-failed", operation=asked.operation)
            return self._late()
        answer = await self._answer(accepted, deadline)
        if answer is None:
            return self._late()
        return self.ending.answer(asked.operation, answer)

    def _late(self) -> Ended:
        self.evidence.counts["late"] += 1
        return self.ending.late()

    async def _answer(self, accepted: Accepted, deadline: float) -> Answer | None:
        if accepted.repeat:
            self.evidence.counts["repeats"] += 1
        if accepted.answer is not None:
            return accepted.answer
        left = max(0.0, deadline - self.ports.reactor.seconds())
        try:
            return await self.ports.answer(accepted.message_id, left)
        except Exception:  # it is accepted: it will be done whatever failed here
            self.ports.log.exception("pos.answer-failed", message_id=accepted.message_id)
            return None

    def _arrival(self, asked: Asked, key: str, raw: str) -> Arrival:
        message = canonical(asked)
        assert message is not None, f"{asked.operation} is told to the hub"
        expires = self.config.expires_s if asked.operation in _EXPIRES else None
        return Arrival(
            key=key,
            message=message,
            raw=raw,
            partition_ref=partition_of(message, asked.agent),
            raw_is_hex=True,
            source_id=asked.take("rrn"),
            reply_within_s=self.config.answer_s,
            expires_in_s=expires,
            valid_for_s=self.config.remembered_s,
        )


def _of_former(asked: Asked) -> Asked:
    """The same request of the agent that the terminal was bound to before: under the key of one
    that is known, it is that one's repeat or other content, and never something new."""
    return replace(asked, agent=asked.former, former="")

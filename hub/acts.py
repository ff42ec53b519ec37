"""What operators do to messages over the control socket: replay, discard, edit, and looking under
a mask. Each act is one transaction with its row in the audit trail.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from core.messages import (
    AskPayer,
    CollectOffline,
    Message,
    OrderTokens,
    ReceiveDeposit,
    ReceivePayIn,
    ReportCollection,
    ReportReversal,
    ReportTokens,
    ReversePayment,
    SendNotice,
    SettleWallet,
    TakeStatement,
    name_of,
    struct_of,
)
from core.store.tx import Tx
from hub import audit, balance, deadletter
from hub.audit import Act
from hub.chores import Chores
from hub.clock import Sources
from hub.control import BY_CUSTOMERS, BY_HAND
from hub.deadletter import ActError, DeadLetter, Named
from hub.envelope import (
    Envelope,
    EnvelopeError,
    body_bytes,
    payload_hash,
    rfc3339,
    type_name,
    uuid7,
)
from hub.journal import resolve
from hub.outbox import Posted, post
from hub.partitioning import partition_ref
from hub.routing import Routing, RoutingError

#: Why somebody did something must be said in words, and in few of them.
MAX_REASON = 500
#: What may be looked at under its mask, on the record.
LOOKS = ("show-token", "show-raw")
#: What customers and desks have said, and what is told to them, may be put in other words, on the
#: record. What a counterpart has said of money or tokens may not: in other words it is made up.
EDITABLE = (SendNotice, *BY_CUSTOMERS, *BY_HAND)
#: What of these is thrown away is money: they end what somebody has paid for, or bring what he has
#: paid. By type's name, with what can be done instead.
_KEPT: Mapping[str, str] = {
    **dict.fromkeys(
        (name_of(kind).name for kind in (OrderTokens, ReportTokens)),
        "is an order at a security module, or its end: money may wait for it. Replay it; an order "
        "that the module cannot end is given up by two people (wattbus act request give-up-order)",
    ),
    **dict.fromkeys(
        (name_of(kind).name for kind in (ReceiveDeposit, CollectOffline, ReceivePayIn)),
        "says that money has come: mend what stands against it, and replay it",
    ),
    **dict.fromkeys(
        (name_of(kind).name for kind in (ReportCollection, ReportReversal)),
        "is a provider's word on somebody's money: mend what stands against it, and replay it",
    ),
    **dict.fromkeys(
        (name_of(kind).name for kind in (TakeStatement, SettleWallet)),
        "is what a provider has paid out, or accounts for: mend what stands against it, replay it",
    ),
    **dict.fromkeys(
        (name_of(kind).name for kind in (AskPayer, ReversePayment)),
        "is on its way to a provider: its payment stays open until he has said what became of it. "
        "Replay it",
    ),
}

Request = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """Does the acts. ``writer`` is the node: it has a chain and tallies of its own."""

    chores: Chores
    routing: Routing
    sources: Sources
    writer: str

    def verbs(self) -> dict[str, Callable[[Request], Any]]:
        """The verbs of the control socket."""
        return {
            "replay": self.replay,
            "discard": self.discard,
            "edit": self.edit,
            "look": self.look,
        }

    def replay(self, request: Request) -> Any:
        """``ids``, ``handler`` (empty: all of the message's), ``skip``, ``reason`` or none."""
        named = _named(request)
        reason = reason_of(request, needed=False)

        def chore(tx: Tx) -> dict[str, Any]:
            now = self.sources.now_us()
            letters = deadletter.locked(tx, named, deadletter.REPLAYABLE)
            deadletter.replay(tx, letters, now)
            self._record(tx, request, "replay", [_fact(x, reason) for x in letters], now)
            return {"replayed": [letter.message_id for letter in letters]}

        return self.chores.do(chore)

    def discard(self, request: Request) -> Any:
        """``ids``, ``handler``, ``reason``."""
        named = _named(request)
        reason = reason_of(request)

        def chore(tx: Tx) -> dict[str, Any]:
            now = self.sources.now_us()
            letters = deadletter.locked(tx, named, deadletter.DISCARDABLE)
            _not_kept(letters)
            deadletter.discard(tx, letters, reason, self.writer, now)
            self._record(tx, request, "discard", [_fact(x, reason) for x in letters], now)
            return {"discarded": [letter.message_id for letter in letters]}

        return self.chores.do(chore)

    def edit(self, request: Request) -> Any:
        """``ids`` (one), ``data`` (the corrected message), ``reason``."""
        named, reason, data = _named(request), reason_of(request), request.get("data")
        if len(named.ids) != 1:
            raise ActError("one message is edited at a time")

        def chore(tx: Tx) -> dict[str, Any]:
            now = self.sources.now_us()
            letters = deadletter.locked(tx, named, deadletter.DISCARDABLE)
            if len(letters) != 1:
                raise ActError(f"message {named.ids[0]} has {len(letters)} handlers in trouble")
            old, new = self._send_corrected(tx, letters[0], data, now)
            deadletter.discard(tx, letters, f"edited as {new.id}: {reason}", self.writer, now)
            _hand_over_request(tx, named.ids[0], new)
            fact = (named.ids[0], {"new": new.id, "reason": reason, "changed": _changes(old, new)})
            self._record(tx, request, "edit", [fact], now)
            return {"discarded": named.ids[0], "sent": new.id}

        return self.chores.do(chore)

    def look(self, request: Request) -> Any:
        """``what`` (one of LOOKS), ``subjects``, ``reason``: nothing is done but the record."""
        what, reason = str(request.get("what", "")), reason_of(request)
        subjects = [str(subject) for subject in request.get("subjects", ())]
        if what not in LOOKS:
            raise ActError(f"look is one of: {', '.join(LOOKS)}")

        def chore(tx: Tx) -> dict[str, Any]:
            facts = [(subject, {"reason": reason}) for subject in subjects]
            self._record(tx, request, what, facts, self.sources.now_us())
            return {"recorded": len(facts)}

        return self.chores.do(chore)

    def _record(
        self, tx: Tx, request: Request, act: str, facts: list[tuple[str, dict[str, Any]]], now: int
    ) -> None:
        actor = str(request.get("actor", "")) or "unknown"
        acts = [Act(actor, act, subject, detail) for subject, detail in facts]
        audit.append(tx, self.writer, acts, now)

    def _send_corrected(
        self, tx: Tx, letter: DeadLetter, data: Any, now: int
    ) -> tuple[Envelope, Envelope]:
        """Post the corrected message; returns the old and the new envelope."""
        try:
            old = deadletter.envelope_of(tx, letter.message_id)
        except EnvelopeError as error:
            raise ActError(f"{error}; discard it and send the command again") from error
        message = _message(letter.type, data)
        subject, key = _order(tx, old, message)
        new = msgspec.structs.replace(
            old,
            id=uuid7(now, self.sources.random_bytes),
            source="/wattbus/operator",
            type=type_name(message),
            recordedtime=rfc3339(now),
            subject=subject,
            partitionkey=key,
            causationid=old.id,
            payloadhash=payload_hash(message),
            expirytime="",
            replydeadline="",
            data=body_bytes(message),
        )
        try:
            routes = self.routing.routes(letter.company, message)
        except RoutingError as error:
            raise ActError(str(error)) from error
        post(tx, [Posted(new, routes, now, "", letter.origin, _party(message, letter))])
        tallies: balance.Tallies = balance.Tallies()
        for route in routes:
            tallies[letter.origin, route.handler, balance.ACCEPTED] += 1
        balance.add(tx, self.writer, tallies)
        return old, new


def _not_kept(letters: Sequence[DeadLetter]) -> None:
    """What somebody's money hangs on is not thrown away."""
    for letter in letters:
        if letter.type in _KEPT:
            raise ActError(f"message {letter.message_id} {_KEPT[letter.type]}")


def _message(name: str, data: Any) -> Message:
    known = struct_of(name)
    if known is None:
        raise ActError(f"message type {name} is not known to this version; discard it")
    if "operator" in known.struct.__struct_fields__:
        raise ActError("what an operator asked for is not put in other words: ask for it again")
    if known.struct not in EDITABLE:
        raise ActError(f"{name} is not put in other words: it is a counterpart's, or our own")
    try:
        return msgspec.convert(data, known.struct)
    except msgspec.ValidationError as error:
        raise ActError(f"{name}: {error}") from error


def _order(tx: Tx, old: Envelope, message: Message) -> tuple[str, str]:
    """Subject and key: a notice keeps its own; a command is ordered by what it is now about."""
    if isinstance(message, SendNotice):
        return old.subject, old.partitionkey
    reference = partition_ref(message)
    found = resolve(tx, [(old.company, reference)])
    return reference, found.get((old.company, reference), f"{old.company}/{reference}")


def _party(message: Message, letter: DeadLetter) -> str:
    found = getattr(message, "phone", "") or getattr(message, "recipient", "")
    return str(found) or letter.party


def _hand_over_request(tx: Tx, old_id: str, new: Envelope) -> None:
    """The counterpart's request now stands for the corrected message: a repeat gets its answer."""
    tx.run(
        "UPDATE request SET message_id = :new, answer = NULL, answered = NULL "
        "WHERE message_id = :old",
        new=new.id,
        old=old_id,
    )


def _changes(old: Envelope, new: Envelope) -> dict[str, Any]:
    before, after = msgspec.json.decode(old.data), msgspec.json.decode(new.data)
    if not isinstance(before, dict):
        return {"all": after}
    names = sorted({*before, *after})
    return {
        name: [before.get(name), after.get(name)]
        for name in names
        if before.get(name) != after.get(name)
    }


def _fact(letter: DeadLetter, reason: str) -> tuple[str, dict[str, Any]]:
    was = {"handler": letter.handler, "state": letter.state_name, "error": letter.error[:200]}
    return letter.message_id, {"reason": reason, **was}


def _named(request: Request) -> Named:
    ids = request.get("ids")
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise ActError("ids must be a list of message ids")
    handler, skip = str(request.get("handler", "")), request.get("skip") is True
    return Named(tuple(dict.fromkeys(ids)), handler, skip)


def reason_of(request: Request, *, needed: bool = True) -> str:
    """Why it is done, in the operator's words. ActError."""
    reason = str(request.get("reason", "")).strip()
    if needed and not reason:
        raise ActError("say why: a reason is kept in the audit trail")
    if len(reason) > MAX_REASON:
        raise ActError(f"the reason has {len(reason)} characters; at most {MAX_REASON}")
    return reason


__all__ = ["LOOKS", "ActError", "Desk", "reason_of"]

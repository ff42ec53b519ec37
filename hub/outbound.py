"""The way out: open deliveries of channels are handed over, and what became of them is marked.

A channel takes as many as it has capacity for; a link that is down has none, so an outage burns no
attempts. What was handed over and not marked when the process dies is handed over again: delivery
at the edge is at least once, with the message's id as its key.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from time import monotonic, perf_counter
from typing import Any

import structlog
from twisted.internet.defer import Deferred, maybeDeferred

from core.messages import SendNotice
from core.store.states import DEAD
from core.store.tx import Insert, TransientStoreError, Tx, UnknownOutcomeError, Update
from core.store.upgrade import Store
from hub import balance, failpoints, inbox
from hub.channel import NOT_SENT, Channel, Failed, Outbound, SendResult, Sent
from hub.clock import Sources
from hub.envelope import EnvelopeError, body_of, from_rfc3339, unseal
from hub.fence import ALONE, Fence
from hub.inbox import Delivery, Mark, Trouble
from hub.observe import subject
from hub.outbox import CHANNEL
from hub.partitions import every
from hub.watch import Decided, Watch
from hub.worker import MAX_BATCH

#: What no bell told of is found this much later.
LOOK_S = 0.5

log = structlog.get_logger("hub.outbound")


@dataclass(frozen=True, slots=True)
class Ended:
    """A delivery that its channel has finished with."""

    delivery: Delivery
    notice: SendNotice | None
    result: SendResult
    traceparent: str = ""
    correlation: str = ""
    started_us: int = 0  # when the channel got it
    ended_us: int = 0


@dataclass(slots=True, eq=False)
class _Line:
    """One channel's deliveries in flight.

    What is on its way to the reactor is not in the channel's capacity yet. So both sides count up,
    each its own number: ``limit`` is how many may have been handed over since the start.
    """

    channel: Channel
    in_flight: dict[int, Delivery] = field(default_factory=dict)
    limit: int = 0  # written on the reactor
    sent: int = 0  # written on the reactor
    handed: int = 0  # written on the store's thread
    more: bool = True  # there may be open ones that were not looked at


@dataclass(slots=True)
class OutboundStage:
    """Hands over and marks. ``step`` runs on the store's thread, everything else on the reactor."""

    store: Store
    writer: str
    on_reactor: Callable[..., Any]
    sources: Sources = field(default_factory=Sources)
    poke: Callable[[], None] = lambda: None
    last: int = 0  # how many the last step had
    alone: bool = True  # nobody rings: every step looks for what is open
    clock: Callable[[], float] = monotonic
    held: set[str] = field(default_factory=set)  # channels that are given nothing (reactor)
    watch: Watch = field(default_factory=Watch)
    fence: Fence = ALONE
    _rung: bool = True
    _looked: float = 0.0
    _lines: dict[str, _Line] = field(default_factory=dict)
    _ended: deque[Ended] = field(default_factory=deque)
    _unsure: set[int] = field(default_factory=set)  # seqs whose marks were lost at a COMMIT

    def attach(self, channels: Mapping[str, Channel]) -> None:
        """The channels of this process, by instance name."""
        self._lines = {name: _Line(channel) for name, channel in channels.items()}

    def put(self, name: str, channel: Channel) -> None:
        """One more channel, or another in the place of one that was closed (reactor)."""
        self._lines = {**self._lines, name: _Line(channel)}  # a step under way has the old ones
        self.wake(name)

    def drop(self, names: Collection[str]) -> None:
        """These are closed: what is in flight on them is no longer ours to mark (reactor)."""
        self._lines = {name: line for name, line in self._lines.items() if name not in names}

    def wake(self, name: str) -> None:
        """A channel's capacity may have changed (reactor)."""
        line = self._lines.get(name)
        if line is not None:
            line.limit = line.sent + (0 if name in self.held else line.channel.capacity())
            self.poke()

    def hold(self, name: str, held: bool) -> None:
        """Give a channel nothing more, or go on (reactor)."""
        (self.held.add if held else self.held.discard)(name)
        self.wake(name)

    def ring(self) -> None:
        """Somebody has committed deliveries for channels (any thread)."""
        self._rung = True
        self.poke()

    def in_flight(self, names: Collection[str] | None = None) -> int:
        """Handed over and not yet marked (by these channels)."""
        lines = [line for name, line in self._lines.items() if names is None or name in names]
        ended = len(self._ended) if names is None else 0  # these are in flight, too
        return sum(len(line.in_flight) for line in lines) + ended

    def step(self) -> bool:
        """Mark what has ended, then hand over what is open."""
        marked = self._mark_ended()
        lines = self._lines
        if self._should_look():
            for line in lines.values():
                line.more = True
        for name, line in lines.items():
            self._hand_over(name, line)
        return marked

    def _should_look(self) -> bool:
        """After a ring, and now and then without: a bell is only a hint."""
        now = self.clock()
        if not (self.alone or self._rung or now - self._looked >= LOOK_S):
            return False
        self._rung, self._looked = False, now
        return True

    def _mark_ended(self) -> bool:
        taken = [self._ended.popleft() for _ in range(min(len(self._ended), MAX_BATCH))]
        ended = [end for end in taken if self._is_in_flight(end)]  # not of a channel that is closed
        self.last = len(ended)
        if not ended:
            return False
        failpoints.hit("outbound.before-mark")
        try:
            self._write(ended)
        except BaseException:
            self._ended.extendleft(end for end in reversed(ended) if self._is_in_flight(end))
            raise
        failpoints.hit("outbound.after-mark")
        return True

    def _write(self, ended: list[Ended]) -> None:
        begun = perf_counter()
        try:
            with self.store.transaction() as tx:
                moved = self.fence.moved(tx, {_channel_of(end) for end in ended})
                ours = [end for end in ended if _channel_of(end) not in moved]
                if ours:
                    write_ends(tx, self._unwritten(tx, ours), self.writer, self.sources)
        except UnknownOutcomeError:
            self._unsure |= {end.delivery.seq for end in ended}
            raise
        except TransientStoreError:
            raise
        except Exception as error:  # one end is to blame, not its neighbours
            self._halve(ended, error)
            return
        self.watch.transaction("outbound", perf_counter() - begun, len(ended))
        if moved:
            log.warning(
                "outbound.seat-moved", channels=sorted(moved), dropped=len(ended) - len(ours)
            )
        for end in ended:
            if _channel_of(end) not in moved:
                _tell(self.watch, end)
            self._unsure.discard(end.delivery.seq)
            for line in self._lines.values():
                line.in_flight.pop(end.delivery.seq, None)

    def _unwritten(self, tx: Tx, ended: list[Ended]) -> list[Ended]:
        """Without those that a commit which we did not hear of has marked: marked twice, they would
        be counted twice. Only then is there anything to ask."""
        asked = [end.delivery for end in ended if end.delivery.seq in self._unsure]
        still = {delivery.seq for delivery in inbox.still_open(tx, asked)} if asked else set()
        gone = {delivery.seq for delivery in asked} - still
        return [end for end in ended if end.delivery.seq not in gone]

    def _halve(self, ended: list[Ended], error: Exception) -> None:
        """Find the end that cannot be written; it is marked without the counterpart's words.

        If even that fails it stays in flight: what cannot be marked must not be sent again.
        """
        if len(ended) > 1:
            middle = len(ended) // 2
            self._write(ended[:middle])
            self._write(ended[middle:])
            return
        (end,) = ended
        about = subject(end.delivery.message_id, end.traceparent, end.correlation)
        log.error("outbound.unstorable", **about, error=str(error))
        plain = wordless(end.result)
        if plain != end.result:
            self._write([Ended(end.delivery, end.notice, plain)])

    def _is_in_flight(self, end: Ended) -> bool:
        return any(end.delivery.seq in line.in_flight for line in self._lines.values())

    def _hand_over(self, name: str, line: _Line) -> None:
        limit = min(line.limit - line.handed, MAX_BATCH)
        if limit <= 0 or not line.more or not self.fence.may(name):
            return
        with self.store.reader_on_writer() as reader:
            found = inbox.fetch_open(
                reader, CHANNEL + name, list(every()), limit, list(line.in_flight)
            )
            # looked at last: whoever took the seat before may have handed over what was found
            if found and not self.fence.ours(reader, name):
                return
        batch = self._in_order(line, found)
        line.more = len(found) >= limit or len(batch) < len(found)
        for delivery in batch:
            line.in_flight[delivery.seq] = delivery
        if batch:
            line.handed += len(batch)
            self.on_reactor(self._send_all, name, line, batch)

    def _in_order(self, line: _Line, found: list[Delivery]) -> list[Delivery]:
        """One at a time per key: what an earlier one of its key holds back is parked or waits."""
        if not found:
            return []
        with self.store.reader_on_writer() as reader:
            held = inbox.held_back(reader, found)
        if held:
            with self.store.transaction() as tx:
                marks = [inbox.parked(d) for d in found if d.seq in held]
                inbox.mark(tx, marks, self.sources.now_us())
        busy = {delivery.partitionkey for delivery in line.in_flight.values()}
        free = []
        for delivery in found:
            if delivery.seq not in held and delivery.partitionkey not in busy:
                busy.add(delivery.partitionkey)
                free.append(delivery)
        return free

    def _send_all(self, name: str, line: _Line, batch: list[Delivery]) -> None:
        if self._lines.get(name) is not line:
            return  # closed meanwhile: it was never handed over
        for delivery in batch:
            line.sent += 1
            if self.fence.may(name):
                self._send(line, delivery)
            else:  # we were frozen: it may be another's by now
                doubt = Failed("its seat is in doubt", True, NOT_SENT)
                self._over(line, Ended(delivery, None, doubt))
        self.wake(name)

    def _send(self, line: _Line, delivery: Delivery) -> None:
        failpoints.hit("outbound.before-send")
        try:
            envelope = unseal(delivery.envelope)
            message = body_of(envelope)
        except EnvelopeError as error:
            unread = Failed(str(error), retry=False, error_class="unreadable")
            self._over(line, Ended(delivery, None, unread))
            return
        expiry = from_rfc3339(envelope.expirytime) if envelope.expirytime else None
        outbound = Outbound(
            delivery.message_id,
            message,
            delivery.attempt + 1,
            envelope.correlationid,
            expiry,
            envelope.traceparent,
        )
        notice = message if isinstance(message, SendNotice) else None
        trace, started_us = (envelope.traceparent, envelope.correlationid), self.sources.now_us()

        def over(result: SendResult) -> None:
            instants = (started_us, self.sources.now_us())
            self._over(line, Ended(delivery, notice, result, *trace, *instants))

        deferred: Deferred[SendResult] = maybeDeferred(line.channel.send, outbound)
        deferred.addErrback(lambda failure: Failed(repr(failure.value), retry=True))
        deferred.addCallback(over)

    def _over(self, line: _Line, end: Ended) -> None:
        if any(known is line for known in self._lines.values()):
            self._ended.append(end)
            self.poke()


def _channel_of(end: Ended) -> str:
    return end.delivery.handler.removeprefix(CHANNEL)


def _tell(watch: Watch, end: Ended) -> None:
    """A delivery's number and spans, once it is marked."""
    if not end.started_us:  # it could not even be read
        return
    sent = isinstance(end.result, Sent)
    one = Decided(
        end.delivery.message_id,
        end.delivery.handler,
        end.delivery.recorded_us,
        end.traceparent,
        "sent" if sent else "failed",
        "" if isinstance(end.result, Sent) else end.result.error_class,
        end.delivery.attempt + 1,
    )
    told = end.correlation if sent and end.notice is not None else ""
    watch.sent(one, told, end.started_us, end.ended_us)


def wordless(result: SendResult) -> SendResult:
    """The same result without anything that the counterpart chose."""
    if isinstance(result, Sent):
        return Sent()
    return Failed("its reason cannot be stored", result.retry)


def write_ends(tx: Tx, ended: list[Ended], writer: str, sources: Sources) -> None:
    """Marks, notices' states, the network's references and the tallies of a set of ends."""
    now = sources.now_us()
    marks = [_mark_of(end, now, sources) for end in ended]
    tallies: balance.Tallies = Counter()
    states: dict[int, tuple[int, str, str, int]] = {}
    references: set[tuple[str, str, int]] = set()
    for end, mark in zip(ended, marks, strict=True):
        notice_id = end.notice.notice_id if end.notice else 0
        if isinstance(end.result, Sent):
            tallies[end.delivery.origin, end.delivery.handler, "sent"] += 1
            channel = end.delivery.handler.removeprefix(CHANNEL)
            references |= {(channel, ref, notice_id) for ref in end.result.references}
            states[notice_id] = (notice_id, "sent", "", now)
        elif mark.state == DEAD:
            states[notice_id] = (notice_id, "failed", end.result.reason, now)
    states.pop(0, None)
    tx.write(
        [
            inbox.marked(marks, now),
            _moved_notices(tx, list(states.values())),
            Insert(
                "notice_reference",
                ("channel", "reference", "notice_id"),
                sorted(references),
                "ON CONFLICT (channel, reference, notice_id) DO NOTHING",
            ),
            balance.counted(writer, tallies),
        ]
    )


def _moved_notices(tx: Tx, states: list[tuple[int, str, str, int]]) -> Update:
    """Only a queued notice becomes sent: a receipt may have come before the response."""
    rows = tx.rows(
        "SELECT id, state FROM notice WHERE id IN :ids ORDER BY id FOR UPDATE",
        ids=sorted(row[0] for row in states),
    ) if states else []  # fmt: skip
    queued = {id_ for id_, state in rows if state == "queued"}
    moved = [row for row in states if row[0] in queued]
    return Update("notice", ("id", "state", "detail", "updated_at"), moved)


def _mark_of(end: Ended, now: int, sources: Sources) -> Mark:
    if isinstance(end.result, Sent):
        return inbox.done(end.delivery, "sent")
    trouble = Trouble(end.result.error_class, end.result.reason, end.result.retry)
    if trouble.retry and trouble.error_class == NOT_SENT:
        return inbox.postponed(end.delivery, trouble, now)
    jitter = int.from_bytes(sources.random_bytes(2)) / 32_767.5 - 1
    return inbox.failed(end.delivery, trouble, now, jitter)

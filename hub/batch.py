"""One batch, one transaction: lock, load, decide each in order, write each row once.

This is the contract that keeps money right (``docs/adr/0003``); each numbered rule below has a
mutant in the promise suite. Nothing here talks to a broker or a socket.

1. the same message twice in a batch: the second is dropped before anything else (``inbox``)
2. lock first, read in a later statement, one lock order (``core.store.load``)
3. messages whose (handler, key) has an earlier row in trouble are parked; one that has expired is
   refused all the same, which nothing before it can change
4. decide in arrival order on one evolving state; draws are made once and kept for reruns
5. an exception discards only its message's changes; its key's later messages are parked
6. each row is written once; the write helper asserts it (``core.store.tx``)
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from core.book import Book, Emitted, Stage, Wants
from core.company import Terms
from core.handlers.base import Context, Draw, Handler, NotYet
from core.handlers.registry import HANDLERS
from core.handlers.vending import tell_refusal
from core.messages import Answer, Message, Outcome
from core.refusals import Refusal, refuse
from core.store.ids import Ids, next_decision
from core.store.load import load
from core.store.save import changes_of
from core.store.states import DEAD
from core.store.tx import Tx, Update
from core.sts.errors import ModuleAwayError
from core.vending.checks import horizon
from hub import balance, failpoints, inbox, module_log
from hub.drawn import Recorder
from hub.envelope import (
    Envelope,
    EnvelopeError,
    body_of,
    caused,
    from_rfc3339,
    unseal,
)
from hub.inbox import Delivery, Mark, Trouble
from hub.module_log import Heads, head_of
from hub.outbox import Posted, rows_of
from hub.routing import Routing
from hub.watch import FAULT, Decided

_encode = msgspec.json.encode
_UNKNOWN = _encode(Answer(outcome=Outcome.UNKNOWN, code="outcome-unknown")).decode()


@dataclass(frozen=True, slots=True)
class Work:
    """A delivery with its message decoded."""

    delivery: Delivery
    envelope: Envelope
    message: Message
    handler: Handler
    terms: Terms
    held: bool = False  # by an earlier one in trouble: it is here to be refused, if it is late


@dataclass(slots=True)
class Result:
    """What a batch comes to, before it is written."""

    marks: list[Mark] = field(default_factory=list)
    answers: list[tuple[str, str]] = field(default_factory=list)  # (message id, answer JSON)
    posted: list[Posted] = field(default_factory=list)
    tallies: balance.Tallies = field(default_factory=Counter)
    held: dict[tuple[str, str], int] = field(default_factory=dict)  # in trouble since this seq
    faults: list[tuple[Delivery, Exception]] = field(default_factory=list)
    away: str = ""  # what a security module that did not answer said last
    heads: Heads = field(default_factory=dict)  # of the modules' logs, once this is committed
    place: int = 0  # of the batch, in the order of all that decided
    now_us: int = 0  # when it began
    decided: list[Decided] = field(default_factory=list)  # to be told of once it is committed


@dataclass(slots=True)
class Batch:
    """Decides and writes batches; holds what stays the same between them."""

    terms: Mapping[str, Terms]
    routing: Routing
    writer: str
    random_bytes: Callable[[int], bytes]
    now_us: Callable[[], int]
    ids: Ids = field(default_factory=Ids)
    heads: Heads = field(default_factory=dict)

    def run(self, tx: Tx, fetched: Sequence[Delivery], draws: dict[str, Draw]) -> Result:
        """Everything of one batch inside the caller's transaction."""
        now = self.now_us()
        result = Result(now_us=now)
        deliveries = inbox.still_open(tx, fetched)
        held = inbox.not_in_turn(tx, deliveries)
        works = [w for d in deliveries if (w := self._read(d, d.seq in held, result))]
        for work in works:
            if work.delivery.message_id not in draws:
                draws[work.delivery.message_id] = self._draw(now)
        # a rerun after midnight asks for the day of its draws, not of the clock
        books = self._load(tx, works, min((d.now_us for d in draws.values()), default=now))
        result.place = next_decision(tx) if works else 0
        failpoints.hit("worker.before-decide")
        for work in works:
            book = books[work.terms.code]
            self._decide(work, book, draws[work.delivery.message_id], result)
        self._write(tx, result, books, now)
        failpoints.hit("worker.before-commit")
        return result

    def needs(self, fetched: Sequence[Delivery]) -> Counter[str]:
        """How many ids of each series the batch may draw: taken from blocks before it begins."""
        needed: Counter[str] = Counter()
        for delivery in fetched:
            handler = _BY_NAME.get(delivery.handler)
            if handler is not None:
                company = delivery.partitionkey.partition("/")[0]
                for name, count in handler.ids.items():
                    needed[name.format(company=company)] += count
        return needed

    def _load(self, tx: Tx, works: Sequence[Work], now: int) -> dict[str, Book]:
        """One book per company, in one order of companies everywhere."""
        by_company: dict[str, list[Wants]] = {}
        for work in works:
            by_company.setdefault(work.terms.code, []).append(work.handler.wants(work.message))
        return {
            company: load(
                tx, company, Wants.union(by_company[company]), horizon(self.terms[company], now)
            )
            for company in sorted(by_company)
        }

    def _draw(self, now: int) -> Draw:
        """Messages that are drawn for in one batch have its instant."""
        chance = int.from_bytes(self.random_bytes(4))
        return Draw(now, chance & 0xF, f"{(chance >> 4) % 10_000:04d}")

    def _read(self, delivery: Delivery, held: bool, result: Result) -> Work | None:
        """Decode: what is held back is parked unless it is over, the unreadable is dead."""
        if held and not _over(delivery, self.now_us()):
            result.marks.append(inbox.parked(delivery))
            return None
        try:
            envelope = unseal(delivery.envelope)
            message = body_of(envelope)
            work = Work(
                delivery,
                envelope,
                message,
                _BY_NAME[delivery.handler],
                self.terms[envelope.company],
                held,
            )
        except (EnvelopeError, KeyError) as error:
            self._fault(delivery, "", Trouble("unreadable", str(error), retry=False), result)
            return None
        return work

    def _decide(self, work: Work, book: Book, draw: Draw, result: Result) -> None:
        delivery = work.delivery
        behind = result.held.get((delivery.partitionkey, delivery.handler), delivery.seq)
        held = work.held or behind < delivery.seq
        if held and not _over(delivery, draw.now_us):  # a refusal as expired needs no turn
            result.marks.append(inbox.parked(delivery))
            return
        stage = Stage(book)
        ids = Recorder(self.ids.draw)
        context = Context(
            work.terms, stage, draw, ids.new_id, delivery.message_id, delivery.origin,
            delivery.attempt + 1,
        )  # fmt: skip
        try:
            answer = answer_of(work, context)
            posted = [self._emit(work, item, draw) for item in stage.emitted]
        except ModuleAwayError as error:  # an outage burns no attempt, and no customer hears a no
            mark = inbox.postponed(delivery, Trouble("module", str(error)), draw.now_us)
            result.away = str(error)
            self._held(delivery, work.envelope.idempotencykey, mark, result)
            result.decided.append(_told(work, FAULT, "module-away"))
            return
        except Exception as error:  # a poisonous message hurts only itself
            trouble = Trouble(type(error).__name__, f"{type(error).__name__}: {error}")
            self._fault(delivery, work.envelope.idempotencykey, trouble, result, error)
            result.decided.append(_told(work, FAULT, trouble.error_class))
            return
        stage.accept()
        result.posted += posted
        result.answers += [(id_, _encode(later).decode()) for id_, later in stage.answers]
        for item in posted:
            for route in item.routes:
                result.tallies[item.origin, route.handler, balance.ACCEPTED] += 1
        self._answered(work, answer, ids.said(draw), result)

    def _emit(self, work: Work, item: Emitted, draw: Draw) -> Posted:
        """A message of our own, caused by this one; it keeps its key, so its order is kept too,
        unless it is about somebody else."""
        cause, message = work.envelope, item.message
        envelope = caused(cause, message, draw.now_us, self.random_bytes, item.key)
        routes = self.routing.routes(cause.company, message)
        return Posted(envelope, routes, draw.now_us, "", work.delivery.origin, item.party)

    def _answered(self, work: Work, answer: Answer, drawn: str, result: Result) -> None:
        delivery, outcome = work.delivery, outcome_of(answer)
        result.marks.append(inbox.done(delivery, outcome, result.place, drawn))
        result.tallies[delivery.origin, delivery.handler, outcome] += 1
        result.decided.append(_told(work, outcome, answer.code if outcome in _NO else ""))
        if work.envelope.idempotencykey and answer.outcome is not Outcome.PENDING:
            result.answers.append((delivery.message_id, _encode(answer).decode()))

    def _fault(
        self, delivery: Delivery, key: str, trouble: Trouble, result: Result,
        error: Exception | None = None,
    ) -> None:  # fmt: skip
        jitter = int.from_bytes(self.random_bytes(2)) / 32_767.5 - 1
        mark = inbox.failed(delivery, trouble, self.now_us(), jitter)
        self._held(delivery, key, mark, result)
        if error is not None and not isinstance(error, NotYet):
            result.faults.append((delivery, error))

    def _held(self, delivery: Delivery, key: str, mark: Mark, result: Result) -> None:
        """It is not done: later ones of its key wait; what is dead is answered as unknown."""
        result.marks.append(mark)
        if key and mark.state == DEAD:
            result.answers.append((delivery.message_id, _UNKNOWN))
        at = (delivery.partitionkey, delivery.handler)
        result.held[at] = min(delivery.seq, result.held.get(at, delivery.seq))

    def _write(self, tx: Tx, result: Result, books: Mapping[str, Book], now: int) -> None:
        """Everything at once: a statement for each set would be what a small batch costs."""
        changes = [change for book in books.values() for change in changes_of(book)]
        changes.append(inbox.marked(result.marks, now))
        changes += rows_of(result.posted)
        changes.append(answered(result.answers, now))
        changes.append(balance.counted(self.writer, result.tallies))
        made = module_log.made_in(self.terms, books)
        known = {m: self.heads.get(m) or head_of(tx, m, self.writer) for m in made}
        changes.append(module_log.sealed(self.writer, made, known, now))
        result.heads = known
        tx.write(changes)

    def committed(self, result: Result) -> None:
        """What this batch wrote stands."""
        self.heads.update(result.heads)

    def rolled_back(self) -> None:
        """It is not known what stands: the next batch reads it."""
        self.heads.clear()


#: The code of a command that came to its turn too late; also the outcome of its delivery.
EXPIRED = "expired"
#: An answer takes this long from its decision to a screen at most: one decided later than this
#: before the deadline may miss the screen, and is told by a notice too. Twice is better than never.
TO_THE_SCREEN_US = 500_000


def answer_of(work: Work, context: Context) -> Answer:
    """The handler's answer; a refusal discards what it had staged, but may ask its question."""
    try:
        _in_time(work.envelope, context.now_us)
        return work.handler.decide(context, work.message)
    except Refusal as refusal:
        stage = context.stage
        if refusal.code != "confirm-holder":
            stage.entities.clear()
            stage.links.clear()
            stage.rows.clear()
        stage.emitted.clear()
        stage.answers.clear()
        answer = Answer(
            outcome=Outcome.REFUSED,
            code=refusal.code,
            args=dict(refusal.args_),
            data=dict(refusal.data),
        )
        if _told_by_notice(work, context.now_us):
            tell_refusal(context, work.message.reply, answer)  # type: ignore[attr-defined]
        return answer


def outcome_of(answer: Answer) -> str:
    """What a delivery's row and the tallies say of it. One that left its answer to a later message
    is done with its own part."""
    if answer.code == EXPIRED:
        return EXPIRED
    return str(Outcome.DONE if answer.outcome is Outcome.PENDING else answer.outcome)


#: Outcomes whose code says why not.
_NO = frozenset({str(Outcome.REFUSED), EXPIRED})


def _told(work: Work, outcome: str, code: str) -> Decided:
    delivery = work.delivery
    return Decided(
        delivery.message_id,
        delivery.handler,
        delivery.recorded_us,
        work.envelope.traceparent,
        outcome,
        code,
        delivery.attempt + 1,
    )


def _in_time(envelope: Envelope, now_us: int) -> None:
    """A command past its expiry is not begun: who sent it has stopped to expect it."""
    if envelope.expirytime and from_rfc3339(envelope.expirytime) < now_us:
        raise refuse(EXPIRED, expirytime=envelope.expirytime)


def _over(delivery: Delivery, now_us: int) -> bool:
    """The same of a delivery, which may be unreadable: then it is not over."""
    return 0 < inbox.expiry_of(delivery) < now_us


def _told_by_notice(work: Work, now_us: int) -> bool:
    """Whether a refusal is sent as a notice: the customer asked by text, or his screen is gone."""
    if getattr(work.message, "answer_by_notice", False):
        return True
    deadline = work.envelope.replydeadline
    late = bool(deadline) and from_rfc3339(deadline) < now_us + TO_THE_SCREEN_US
    return late and bool(getattr(work.message, "reply", ()))


_BY_NAME: dict[str, Handler] = {handler.name: handler for handler in HANDLERS.values()}


def answer_unknown(tx: Tx, message_ids: Sequence[str], now: int) -> None:
    """What is dead is answered too: unknown, never a no; a replay writes the true answer."""
    tx.write([answered([(message_id, _UNKNOWN) for message_id in message_ids], now)])


def answered(answers: Sequence[tuple[str, str]], now: int) -> Update:
    """The answer is a column of its request. A request whose key names a newer message has none."""
    rows = [(message_id, answer, now) for message_id, answer in answers]
    return Update("request", ("message_id", "answer", "answered"), rows, must_match=False)

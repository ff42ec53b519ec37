"""The facts behind a timeline: one story per thing that a customer did, gathered by indexes only.

Every statement here is an index look-up or a short range of one, so that a search ends within a
second however many messages there are (a test reads the query plans). What has no index is reached
through what has: messages that a command caused lie under its own key, right behind it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from core.messages import (
    Answer,
    ConfirmVend,
    Message,
    OrderTokens,
    RequestCollection,
    SendNotice,
)
from core.store.tx import Reader, Row
from hub.envelope import EnvelopeError, body_of, unseal

#: A command's own messages are written with it: later ones under its key are somebody else's.
CAUSED_WITHIN_US = 5_000_000
#: Messages looked at behind one command: a household's key is quiet, an agent's is not.
CAUSED_AT_MOST = 200
#: What was caused by what was caused: no chain of ours is longer.
ROUNDS = 3
_NEVER = 2**62


@dataclass(frozen=True, slots=True)
class Arrived:
    """A row of the journal. Instants in µs UTC."""

    id: str
    channel: str
    key: str
    party: str
    outcome: str
    message_id: str | None
    raw: str
    raw_is_hex: bool
    recorded_us: int


@dataclass(frozen=True, slots=True)
class Handled:
    """What became of a message at one handler."""

    handler: str
    state: int
    attempt: int
    due_us: int
    outcome: str
    error_class: str
    error: str
    updated_us: int


@dataclass(frozen=True, slots=True)
class Sold:
    """The sale of a purchase, with its token."""

    receipt: str
    state: str
    meter: str
    account: str
    currency: str
    tender: int
    units_tenths: int
    token: str
    priced_us: int
    commodity: str


@dataclass(frozen=True, slots=True)
class Told:
    """A notice's row: whether somebody was told, and what the network said."""

    id: int
    way: str
    recipient: str
    template: str
    state: str
    detail: str
    queued_us: int
    updated_us: int


@dataclass(slots=True)
class Step:
    """One message of a story with everything that hangs on it."""

    id: str
    type: str
    channel: str
    partitionkey: str
    party: str
    correlation: str
    causation: str
    recorded_us: int
    subject: str
    body: Message | None
    handled: list[Handled] = field(default_factory=list)
    arrivals: list[Arrived] = field(default_factory=list)
    notices: list[Told] = field(default_factory=list)
    sale: Sold | None = None
    answer: Answer | None = None


@dataclass(slots=True)
class Story:
    """Messages of one correlation, oldest first."""

    correlation: str
    steps: list[Step]

    @property
    def at_us(self) -> int:
        """When it began."""
        return self.steps[0].recorded_us

    def sent_at(self, notice_id: int) -> int | None:
        """When a notice was handed to its network, if it was."""
        for step in self.steps:
            if isinstance(step.body, SendNotice) and step.body.notice_id == notice_id:
                return next((h.updated_us for h in step.handled if h.outcome == "sent"), None)
        return None


_MESSAGE = (
    "SELECT id, type, channel, partitionkey, party, correlationid, causationid, recorded, envelope "
    "FROM message"
)


def step_of(row: Row) -> Step:
    """A row of ``message``; a body that cannot be read is None, never a failure."""
    id_, type_, channel, key, party, correlation, causation, recorded, envelope = row
    step = Step(id_, type_, channel, key, party, correlation, causation, recorded, "", None)
    try:
        opened = unseal(envelope)
        step.subject = opened.subject
        step.body = body_of(opened)
    except EnvelopeError:
        pass
    return step


def by_party(reader: Reader, company: str, party: str, limit: int) -> list[Step]:
    """The newest messages from or to a phone."""
    rows = reader.rows(
        f"{_MESSAGE} WHERE party = :party AND company = :company ORDER BY recorded DESC "
        "LIMIT :limit",
        party=party,
        company=company,
        limit=limit,
    )
    return [step_of(row) for row in rows]


def by_key(reader: Reader, key: str, limit: int) -> list[Step]:
    """The newest messages under a partition key."""
    rows = reader.rows(
        f"{_MESSAGE} WHERE partitionkey = :key ORDER BY recorded DESC LIMIT :limit",
        key=key,
        limit=limit,
    )
    return [step_of(row) for row in rows]


def by_id(reader: Reader, company: str, ids: Iterable[str]) -> list[Step]:
    """Messages by their ids."""
    wanted = sorted(set(ids))
    if not wanted:
        return []
    rows = reader.rows(
        f"{_MESSAGE} WHERE id IN :ids AND company = :company", ids=wanted, company=company
    )
    return [step_of(row) for row in rows]


def gather(reader: Reader, company: str, seeds: Iterable[Step], limit: int) -> list[Story]:
    """The newest ``limit`` stories that the seeds belong to, oldest first, complete."""
    known = {step.id: step for step in seeds}
    newest: dict[str, int] = {}
    for step in known.values():
        newest[step.correlation] = max(newest.get(step.correlation, 0), step.recorded_us)
    chosen = sorted(newest, key=lambda c: newest[c], reverse=True)[:limit]
    wanted = set(chosen)
    known = {id_: step for id_, step in known.items() if step.correlation in wanted}
    for step in by_id(reader, company, wanted - known.keys()):  # how each of them began
        known[step.id] = step
    fresh = list(known.values())
    for _ in range(ROUNDS):
        _handled(reader, fresh)
        caused = [s for step in fresh for s in _caused(reader, step)]
        caused += _of_wallets(reader, fresh)
        fresh = list({step.id: step for step in caused if step.id not in known}.values())
        known.update((step.id, step) for step in fresh)
    _handled(reader, fresh)
    steps = list(known.values())
    if steps:
        _outcomes(reader, company, steps)
    return _told_in_order(steps)


def _told_in_order(steps: list[Step]) -> list[Story]:
    groups: dict[str, list[Step]] = {}
    for step in sorted(steps, key=lambda s: (s.recorded_us, s.id)):
        groups.setdefault(step.correlation, []).append(step)
    stories = [Story(correlation, group) for correlation, group in groups.items()]
    return sorted(stories, key=lambda story: story.at_us)


def _caused(reader: Reader, step: Step) -> list[Step]:
    """What a command has caused: written in the transaction that marked it."""
    ends = [h.updated_us + CAUSED_WITHIN_US for h in step.handled if h.outcome]
    if isinstance(step.body, OrderTokens):
        ends = [_NEVER]  # its module's reports come when they come
    if not ends or isinstance(step.body, SendNotice):
        return []
    rows = reader.rows(
        f"{_MESSAGE} WHERE partitionkey = :key AND recorded >= :since AND recorded <= :until "
        "ORDER BY recorded LIMIT :limit",
        key=step.partitionkey,
        since=step.recorded_us,
        until=max(ends),
        limit=CAUSED_AT_MOST,
    )
    return [step_of(row) for row in rows if row[5] == step.correlation]


def _of_wallets(reader: Reader, steps: list[Step]) -> list[Step]:
    """How a payer's wallet was asked, and what it said: these have keys of the collection's own."""
    asks = {s.id: s for s in steps if isinstance(s.body, RequestCollection | ConfirmVend)}
    found: list[Step] = []
    for message_id, answer in _answers(reader, sorted(asks)):
        ask, reference = asks[message_id], answer.data.get("reference")
        if not reference or "collection" not in answer.data:
            continue
        company = ask.partitionkey.partition("/")[0]
        for kind in ("ask", "wallet"):
            under = by_key(reader, f"{company}/{kind}/{reference}", CAUSED_AT_MOST)
            found += [step for step in under if step.correlation == ask.correlation]
    return found


def _answers(reader: Reader, ids: list[str]) -> list[tuple[str, Answer]]:
    if not ids:
        return []
    rows = reader.rows(
        "SELECT message_id, answer FROM request WHERE message_id IN :ids AND answer IS NOT NULL",
        ids=ids,
    )
    return [(id_, msgspec.json.decode(answer, type=Answer)) for id_, answer in rows]


def _handled(reader: Reader, steps: list[Step]) -> None:
    at = {step.id: step for step in steps}
    if not at:
        return
    rows = reader.rows(
        "SELECT message_id, handler, state, attempt, due, outcome, error_class, error, updated "
        "FROM delivery WHERE message_id IN :ids ORDER BY seq",
        ids=sorted(at),
    )
    for message_id, *fields in rows:
        at[message_id].handled.append(Handled(*fields))


def _outcomes(reader: Reader, company: str, steps: list[Step]) -> None:
    at = {step.id: step for step in steps}
    ids = sorted(at)
    for message_id, answer in _answers(reader, ids):
        at[message_id].answer = answer
    for message_id, *fields in reader.rows(
        "SELECT s.message_id, COALESCE(s.receipt, ''), s.state, m.drn, a.number, s.currency, "
        "s.tender, s.units_tenths, COALESCE(t.digits, ''), s.priced_at, m.commodity "
        "FROM sale s "
        "JOIN meter m ON m.id = s.meter_id JOIN account a ON a.id = s.payer_account_id "
        "LEFT JOIN token t ON t.cause_id = s.id AND t.cause = 'sale' WHERE s.message_id IN :ids",
        ids=ids,
    ):
        at[message_id].sale = Sold(*fields)
    for message_id, *fields in reader.rows(
        "SELECT message_id, id, way, recipient, template, state, detail, queued_at, updated_at "
        "FROM notice WHERE message_id IN :ids ORDER BY id",
        ids=ids,
    ):
        at[message_id].notices.append(Told(*fields))
    _arrivals(reader, company, at)


JOURNAL_ROWS = (
    "SELECT id, channel, key, party, outcome, message_id, raw, raw_is_hex, recorded FROM journal"
)
#: Rows of the journal looked at per phone: repeats of what is shown are among the newest.
JOURNAL_AT_MOST = 1_000


def arrived(row: Row) -> Arrived:
    """A row of ``JOURNAL_ROWS``."""
    id_, channel, key, party, outcome, message_id, raw, is_hex, recorded = row
    return Arrived(id_, channel, key, party, outcome, message_id, raw, bool(is_hex), recorded)


def _arrivals(reader: Reader, company: str, at: dict[str, Step]) -> None:
    """How each message came in, and its repeats: those have the same phone."""
    rows = reader.rows(
        f"{JOURNAL_ROWS} WHERE id IN :ids AND company = :company", ids=sorted(at), company=company
    )
    found = {row[0]: arrived(row) for row in rows}
    since = min((step.recorded_us for step in at.values()), default=0)
    for party in sorted({arrival.party for arrival in found.values()} - {""}):
        for arrival in of_party(reader, company, party, since, JOURNAL_AT_MOST):
            found[arrival.id] = arrival
    for arrival in sorted(found.values(), key=lambda a: (a.recorded_us, a.id)):
        if arrival.message_id in at:
            at[arrival.message_id].arrivals.append(arrival)


def of_party(reader: Reader, company: str, party: str, since_us: int, limit: int) -> list[Arrived]:
    """The newest rows of the journal of a phone, since an instant."""
    rows = reader.rows(
        f"{JOURNAL_ROWS} WHERE party = :party AND recorded >= :since AND company = :company "
        "ORDER BY recorded DESC LIMIT :limit",
        party=party,
        since=since_us,
        company=company,
        limit=limit,
    )
    return [arrived(row) for row in rows]

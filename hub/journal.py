"""The journal: what arrives is stored, raw and decoded, before it is acknowledged or acted on.

One transaction for all that is waiting: keys are looked up (a repeat gets the stored answer, other
content under the same key is quarantined), the beneficiary's account is resolved, envelopes are
written, deliveries are made. Only then do the callers hear that their arrival is safe.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from core.messages import Answer, Outcome
from core.store.tx import Insert, Reader, Row, Tx
from hub import balance, failpoints
from hub.channel import Accepted, Arrival
from hub.clock import Sources
from hub.envelope import (
    Envelope,
    body_bytes,
    is_payload,
    made_at_us,
    payload_hash,
    rfc3339,
    type_name,
    uuid7,
)
from hub.outbox import COMMANDS, WORKER, Posted, Route, rows_of
from hub.partitions import partition_of
from hub.watch import Watch


@dataclass(frozen=True, slots=True)
class Entry:
    """An arrival with the channel instance that brought it and the company it serves."""

    company: str
    channel: str
    arrival: Arrival
    routes: tuple[Route, ...]
    test: bool = False


@dataclass(frozen=True, slots=True)
class Noted:
    """Something that arrived and asks for nothing: journaled only."""

    company: str
    channel: str
    key: str
    party: str
    raw: str


#: How an arrival ended in the journal.
ACCEPTED, DUPLICATE, QUARANTINED, NOTED = "accepted", "duplicate", "quarantined", "noted"


@dataclass(frozen=True, slots=True)
class Journaled:
    """What the journal says of one entry: its outcome, and the first message of its key."""

    outcome: str
    message_id: str
    answer: Answer | None = None
    envelope: Envelope | None = None  # of one that is traced
    parent: str = ""  # the span that its own is under

    def accepted(self) -> Accepted:
        """As the channel hears it."""
        return Accepted(self.message_id, self.outcome == DUPLICATE, self.answer)


@dataclass(slots=True)
class _Work:
    """One entry on its way through the batch."""

    entry: Entry
    message_id: str
    hash: str
    result: Journaled | None = None


_COLUMNS = (
    "id", "company", "channel", "key", "party", "raw", "raw_is_hex", "message_id", "outcome",
    "recorded",
)  # fmt: skip


@dataclass(slots=True)
class Journal:
    """Writes batches of arrivals. ``writer`` names this process in the tallies."""

    writer: str
    sources: Sources = field(default_factory=Sources)
    doorbell: Callable[[Tx, Iterable[int]], None] = lambda _tx, _partitions: None
    watch: Watch = field(default_factory=Watch)
    outbell: Callable[[Tx], None] = lambda _tx: None  # for channels, which another node may hold

    def write(
        self, tx: Tx, entries: Sequence[Entry], noted: Sequence[Noted] = ()
    ) -> list[Journaled]:
        """Store everything in the caller's transaction; results in the order of ``entries``."""
        now = self.sources.now_us()
        works = [
            _Work(e, uuid7(now, self.sources.random_bytes), payload_hash(e.arrival.message))
            for e in entries
        ]
        fresh = _claim_keys(tx, works, now)
        keys = resolve(tx, [(w.entry.company, w.entry.arrival.partition_ref) for w in fresh])
        posted = [self._posted(work, keys, now) for work in fresh]
        more = [self._journal_rows(works, noted, now), self._counted(works)]
        tx.write([*rows_of(posted), *more])
        self._ring(tx, posted)
        failpoints.hit("journal.before-commit")
        return [work.result for work in works if work.result is not None]

    def _ring(self, tx: Tx, posted: Sequence[Posted]) -> None:
        """For workers and for channels; in this process it is rung for after the commit, too."""
        for_workers = {
            partition_of(item.envelope.partitionkey)
            for item in posted
            if any(route.target == WORKER for route in item.routes)
        }
        if for_workers:
            self.doorbell(tx, for_workers)
        if any(route.target not in COMMANDS for item in posted for route in item.routes):
            self.outbell(tx)

    def _posted(self, work: _Work, keys: dict[tuple[str, str], str], now: int) -> Posted:
        entry, arrival = work.entry, work.entry.arrival
        reference = arrival.partition_ref
        key = keys.get((entry.company, reference), f"{entry.company}/{reference}")
        deadline, expiry = arrival.reply_within_s, arrival.expires_in_s
        at = rfc3339(now)
        traceparent, parent = self.watch.begin(
            work.message_id, arrival.traceparent, arrival.correlation
        )
        envelope = Envelope(
            id=work.message_id,
            source=f"/wattbus/channel/{entry.channel}",
            type=type_name(arrival.message),
            subject=reference,
            time=at,
            recordedtime=at,
            partitionkey=key,
            correlationid=arrival.correlation or work.message_id,
            traceparent=traceparent,
            company=entry.company,
            idempotencykey=arrival.key,
            payloadhash=work.hash,
            sourcemsgid=arrival.source_id,
            replydeadline=rfc3339(now + int(deadline * 1e6)) if deadline is not None else "",
            expirytime=rfc3339(now + int(expiry * 1e6)) if expiry is not None else "",
            testindicator=entry.test,
            data=body_bytes(arrival.message),
        )
        if traceparent:
            work.result = Journaled(ACCEPTED, work.message_id, None, envelope, parent)
        return Posted(envelope, entry.routes, now, entry.channel, entry.channel, party_of(arrival))

    def _journal_rows(self, works: Sequence[_Work], noted: Sequence[Noted], now: int) -> Insert:
        rows = [self._row(work, now) for work in works]
        rows += [
            (
                self._id(now), n.company, n.channel, n.key, n.party, _printable(n.raw), 0, None,
                NOTED, now,
            )
            for n in noted
        ]  # fmt: skip
        return Insert("journal", _COLUMNS, rows)

    def _id(self, now: int) -> str:
        return uuid7(now, self.sources.random_bytes)

    def _row(self, work: _Work, now: int) -> Row:
        entry, arrival, result = work.entry, work.entry.arrival, work.result
        assert result is not None, "every entry has an outcome"
        # the arrival that became a message shares its id; a repeat has an id of its own
        own = work.message_id if result.outcome == ACCEPTED else self._id(now)
        return (
            own, entry.company, entry.channel, arrival.key, party_of(arrival),
            _printable(arrival.raw), int(arrival.raw_is_hex), result.message_id, result.outcome,
            now,
        )  # fmt: skip

    def _counted(self, works: Sequence[_Work]) -> Insert:
        tallies: balance.Tallies = Counter()
        for work in works:
            assert work.result is not None
            for route in work.entry.routes:
                at = (work.entry.channel, route.handler)
                tallies[*at, balance.ACCEPTED] += 1
                if work.result.outcome != ACCEPTED:
                    tallies[*at, balance.DUPLICATE] += 1
        return balance.counted(self.writer, tallies)


def party_of(arrival: Arrival) -> str:
    """Whom an operator searches for: the phone of the message, if it has one."""
    message = arrival.message
    found = getattr(message, "phone", "") or getattr(message, "recipient", "")
    return str(found)


def _printable(raw: str) -> str:
    """PostgreSQL stores no NUL in text; the sign for it keeps the evidence readable."""
    return raw.replace("\0", "\u2400")


def _claim_keys(tx: Tx, works: Sequence[_Work], now: int) -> list[_Work]:
    """Claim the keys; returns the works that are new, and sets the result of every work."""
    firsts: dict[tuple[str, str, str], _Work] = {}
    for work in works:
        firsts.setdefault(_key(work), work)
    claimed: set[Row] = set()
    known: dict[tuple[str, str, str], _Stored] = {}
    wanted = sorted(firsts)  # one lock order
    while wanted:  # again where one that was there was pruned between two statements
        rows = tx.insert(
            "request",
            ("company", "channel", "key", "message_id", "payload_hash", "valid_until"),
            [_request_row(firsts[key], now) for key in wanted],
            "ON CONFLICT (company, channel, key) DO NOTHING RETURNING company, channel, key",
        )
        claimed.update(tuple(row) for row in rows)
        known |= _stored(tx, [key for key in wanted if key not in claimed], firsts, now)
        wanted = [key for key in wanted if key not in claimed and key not in known]
    lapsed = [firsts[key] for key, stored in known.items() if stored.is_over(firsts[key], now)]
    _renew(tx, lapsed, now)
    for key in (_key(work) for work in lapsed):
        known.pop(key)
    fresh = [work for key, work in firsts.items() if key not in known]
    for work in fresh:
        work.result = Journaled(ACCEPTED, work.message_id)
    for work in works:
        if work.result is None:
            key = _key(work)
            work.result = _repeat(work, known.get(key) or _Stored.of(firsts[key], now))
    return fresh


def _stored(
    tx: Tx, keys: list[tuple[str, str, str]], firsts: dict[tuple[str, str, str], _Work], now: int
) -> dict[tuple[str, str, str], "_Stored"]:
    """What is stored under these keys. What is over is read again under a lock: of two that would
    renew a key at once, one finds it new; and of one that was pruned meanwhile nothing is left."""
    found = _known(tx, keys)
    over = [key for key, stored in found.items() if stored.is_over(firsts[key], now)]
    locked = _known(tx, over, lock=True)
    return {key: stored for key, stored in found.items() if key not in over} | locked


@dataclass(frozen=True, slots=True)
class _Stored:
    message_id: str
    hash: str
    answer: str | None
    valid_until: int

    @staticmethod
    def of(work: _Work, now: int) -> "_Stored":
        return _Stored(work.message_id, work.hash, None, now)

    def is_over(self, work: _Work, now: int) -> bool:
        """Whether what is stored no longer answers this arrival: it is a new request."""
        arrival = work.entry.arrival
        if self.valid_until + int(arrival.grace_s * 1e6) <= now:
            return True
        again = arrival.ask_again_after_s
        if again is None or self.answer is None or not self.is_same(work):
            return False
        refused = msgspec.json.decode(self.answer, type=Answer).outcome is Outcome.REFUSED
        return refused and now - made_at_us(self.message_id) > int(again * 1e6)

    def is_same(self, work: _Work) -> bool:
        """Whether the arrival says what was stored; an older version hashed fewer fields."""
        return self.hash == work.hash or is_payload(self.hash, work.entry.arrival.message)


def _key(work: _Work) -> tuple[str, str, str]:
    return work.entry.company, work.entry.channel, work.entry.arrival.key


def _request_row(work: _Work, now: int) -> tuple[str, str, str, str, str, int]:
    valid_until = now + int(work.entry.arrival.valid_for_s * 1e6)
    return (*_key(work), work.message_id, work.hash, valid_until)


def _known(
    tx: Tx, keys: list[tuple[str, str, str]], lock: bool = False
) -> dict[tuple[str, str, str], _Stored]:
    """What is stored under these keys. A repeat locks nothing: batches write answers to these
    rows, in an order of their own."""
    if not keys:
        return {}
    suffix = " FOR UPDATE" if lock else ""
    rows = tx.rows(
        "SELECT company, channel, key, message_id, payload_hash, answer, valid_until "
        "FROM request WHERE channel IN :channels AND key IN :keys "
        f"ORDER BY company, channel, key{suffix}",
        channels=sorted({key[1] for key in keys}),
        keys=sorted({key[2] for key in keys}),
    )
    wanted = set(keys)
    return {tuple(row[:3]): _Stored(*row[3:]) for row in rows if tuple(row[:3]) in wanted}


def _renew(tx: Tx, works: Sequence[_Work], now: int) -> None:
    """A key whose time is over names a new request; what it was before is in the journal."""
    for work in works:
        company, channel, key, message_id, digest, until = _request_row(work, now)
        tx.run(
            "UPDATE request SET message_id = :message_id, payload_hash = :digest, answer = NULL, "
            "answered = NULL, valid_until = :until "
            "WHERE company = :company AND channel = :channel AND key = :key",
            message_id=message_id,
            digest=digest,
            until=until,
            company=company,
            channel=channel,
            key=key,
        )


def _repeat(work: _Work, stored: _Stored) -> Journaled:
    if not stored.is_same(work):
        return Journaled(QUARANTINED, stored.message_id)
    answer = msgspec.json.decode(stored.answer, type=Answer) if stored.answer else None
    return Journaled(DUPLICATE, stored.message_id, answer)


def resolve(reader: Reader, references: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """(company, reference) -> ``company/account`` of the beneficiary, set by set.

    What cannot be resolved is left out: it is ordered by its raw reference.
    """
    wanted: dict[tuple[str, str], set[str]] = {}
    found: dict[tuple[str, str], str] = {}
    for company, reference in references:
        kind, _, value = reference.partition("/")
        if kind in _ACCOUNT_OF:
            wanted.setdefault((company, kind), set()).add(value)
        elif kind == "account":
            found[company, reference] = f"{company}/{value}"
    for (company, kind), values in wanted.items():
        for value, account in reader.rows(_ACCOUNT_OF[kind], company=company, refs=sorted(values)):
            found[company, f"{kind}/{value}"] = f"{company}/{account}"
    return found


_ACCOUNT_OF = {
    "meter": (
        "SELECT m.drn, x.number FROM meter m "
        "JOIN meter_install i ON i.meter_id = m.id AND i.to_us IS NULL "
        "JOIN agreement a ON a.service_point_id = i.service_point_id AND a.to_us IS NULL "
        "JOIN account x ON x.id = a.account_id WHERE m.company = :company AND m.drn IN :refs"
    ),
    "phone": (
        "SELECT p.msisdn, min(x.number) FROM phone p "
        "JOIN phone_account l ON l.phone_id = p.id AND l.to_us IS NULL "
        "JOIN account x ON x.id = l.account_id "
        "WHERE p.company = :company AND p.msisdn IN :refs GROUP BY p.msisdn"
    ),
}

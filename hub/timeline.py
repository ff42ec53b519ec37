"""From what was typed to the stories it stands in: ``wattbus find``."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from core.messages import DeliveryReport, RequestCollection
from core.store.tables.wallet_books import STANDS
from core.store.tx import Reader
from hub import searching, stories
from hub.journal import NOTED
from hub.searching import Guess, recognise
from hub.stories import Arrived, Step, Story

#: Rows of one index range that are looked at: some years of a household, a day of an agent.
PER_LOOK = 400
#: A pause in a menu longer than this begins another session on the timeline.
SESSION_GAP_US = 180_000_000


@dataclass(frozen=True, slots=True)
class Hops:
    """Menu screens of one session: journaled, but no commands."""

    channel: str
    party: str
    arrivals: tuple[Arrived, ...]

    @property
    def at_us(self) -> int:
        """When the session began."""
        return self.arrivals[0].recorded_us


@dataclass(frozen=True, slots=True)
class Timeline:
    """What happened in one company to what was typed, oldest first. ``understood``: as what."""

    company: str
    understood: tuple[Guess, ...]
    stories: tuple[Story | Hops, ...]


def find(reader: Reader, company: str, country_code: str, typed: str, limit: int) -> Timeline:
    """Look everything up. An empty ``understood``: it can be nothing; no stories: nothing found."""
    guesses = recognise(typed, country_code)
    seeds: dict[str, Step] = {}
    hits = []
    hops: list[Hops] = []
    for guess in guesses:
        found = _LOOKS[guess.kind](reader, company, guess.value)
        if guess.kind == searching.PHONE:
            hops += _hops(reader, company, guess.value)
        if found or (guess.kind == searching.PHONE and hops):
            hits.append(guess)
        seeds.update((step.id, step) for step in found)
    _put_receipts_in_their_stories(reader, company, seeds.values())
    told: list[Story | Hops] = [*stories.gather(reader, company, seeds.values(), limit), *hops]
    told.sort(key=lambda story: story.at_us)
    return Timeline(company, tuple(hits) or guesses, tuple(told[-limit:]))


def _of_phone(reader: Reader, company: str, phone: str) -> list[Step]:
    """What came from it or went to it, and what its wallet paid or was asked for."""
    paid = reader.rows(
        "SELECT message_id, paid_message_id FROM wallet_payment WHERE company = :company "
        "AND payer IN :spellings ORDER BY created_at DESC LIMIT :limit",
        company=company,
        spellings=[phone, phone.removeprefix("+")],
        limit=PER_LOOK,
    )
    ids = {id_ for row in paid for id_ in row if id_}
    return stories.by_party(reader, company, phone, PER_LOOK) + stories.by_id(reader, company, ids)


def _of_message(reader: Reader, company: str, message_id: str) -> list[Step]:
    return stories.by_id(reader, company, [message_id])


def _of_receipt(reader: Reader, company: str, receipt: str) -> list[Step]:
    rows = reader.rows(
        "SELECT message_id FROM sale WHERE company = :company AND receipt IN :spellings "
        "UNION ALL SELECT message_id FROM advance WHERE company = :company "
        "AND receipt IN :spellings",
        company=company,
        spellings=sorted({receipt, receipt.upper()}),
    )
    rows += _by_wallet(reader, company, sorted({receipt, receipt.upper()}))
    return stories.by_id(reader, company, [row[0] for row in rows])


def _by_wallet(reader: Reader, company: str, names: list[str]) -> list[tuple[str]]:
    """A payment by wallet, by its provider's receipt or by our number: what asked for it, what
    brought the money, what became of what was held, who wanted it back."""
    found = reader.rows(
        "SELECT id, message_id, paid_message_id FROM wallet_payment WHERE company = :company "
        "AND receipt IN :names AND receipt <> '' UNION ALL "
        "SELECT id, message_id, paid_message_id FROM wallet_payment WHERE company = :company "
        "AND number IN :names",
        company=company,
        names=names,
    )
    if not found:
        return []
    # a refund that failed has a case, whose story is the same
    more = reader.rows(
        "SELECT decision_id FROM held_money WHERE payment_id IN :ids AND decision_id <> '' "
        f"UNION SELECT message_id FROM wallet_refund WHERE payment_id IN :ids AND {STANDS} "
        "UNION SELECT message_id FROM wallet_case WHERE payment_id IN :ids",
        ids=[row[0] for row in found],
    )
    ids = dict.fromkeys(id_ for row in found for id_ in row[1:] if id_)
    return [*((id_,) for id_ in ids), *more]


def _of_token(reader: Reader, company: str, digits: str) -> list[Step]:
    rows = reader.rows(
        "SELECT s.message_id FROM token t JOIN sale s ON s.id = t.cause_id "
        "WHERE t.digits = :digits AND t.cause = 'sale' AND t.company = :company "
        "UNION ALL SELECT c.message_id FROM token t JOIN free_claim c ON c.id = t.cause_id "
        "WHERE t.digits = :digits AND t.cause = 'free-units' AND t.company = :company "
        "UNION ALL SELECT a.message_id FROM token t JOIN advance a ON a.id = t.cause_id "
        "WHERE t.digits = :digits AND t.cause = 'advance' AND t.company = :company",
        digits=digits,
        company=company,
    )
    return stories.by_id(reader, company, [row[0] for row in rows])


def _of_meter(reader: Reader, company: str, drn: str) -> list[Step]:
    """Its sales, and what was tried for it: under its account's key, or its own when unknown."""
    subject = f"meter/{drn}"
    sold = reader.rows(
        "SELECT s.message_id FROM meter m JOIN sale s ON s.meter_id = m.id "
        "WHERE m.company = :company AND m.drn = :drn ORDER BY s.priced_at DESC LIMIT :limit",
        company=company,
        drn=drn,
        limit=PER_LOOK,
    )
    given = reader.rows(
        "SELECT c.message_id FROM meter m JOIN free_claim c ON c.meter_id = m.id AND c.sale_id = 0 "
        "WHERE m.company = :company AND m.drn = :drn ORDER BY c.claimed_at DESC LIMIT :limit",
        company=company,
        drn=drn,
        limit=PER_LOOK,
    )
    lent = reader.rows(
        "SELECT a.message_id FROM meter m JOIN advance a ON a.meter_id = m.id "
        "WHERE m.company = :company AND m.drn = :drn ORDER BY a.issued_at DESC LIMIT :limit",
        company=company,
        drn=drn,
        limit=PER_LOOK,
    )
    steps = stories.by_id(reader, company, [row[0] for row in (*sold, *given, *lent)])
    for key in (f"{company}/{subject}", *_keys_of_meter(reader, company, drn)):
        tried = stories.by_key(reader, key, PER_LOOK)
        steps += [s for s in tried if s.subject == subject or _meter_in(s) == drn]
    return steps


def _meter_in(step: Step) -> str:
    body = step.body.vend if isinstance(step.body, RequestCollection) else step.body
    meter = getattr(body, "meter", None)
    return str(getattr(meter, "drn", meter) or "")


def _keys_of_meter(reader: Reader, company: str, drn: str) -> list[str]:
    rows = reader.rows(
        "SELECT x.number FROM meter m "
        "JOIN meter_install i ON i.meter_id = m.id AND i.to_us IS NULL "
        "JOIN agreement a ON a.service_point_id = i.service_point_id AND a.to_us IS NULL "
        "JOIN account x ON x.id = a.account_id WHERE m.company = :company AND m.drn = :drn",
        company=company,
        drn=drn,
    )
    return [f"{company}/{row[0]}" for row in rows]


def _of_account(reader: Reader, company: str, number: str) -> list[Step]:
    """What stands under its key, and what its phones bought with it for other meters."""
    steps = stories.by_key(reader, f"{company}/{number}", PER_LOOK)
    phones = reader.rows(
        "SELECT a.id, p.msisdn FROM account a JOIN phone_account l ON l.account_id = a.id "
        "JOIN phone p ON p.id = l.phone_id WHERE a.company = :company AND a.number = :number",
        company=company,
        number=number,
    )
    paid: list[str] = []
    for account_id, msisdn in phones:
        rows = reader.rows(
            "SELECT message_id, payer_account_id FROM sale WHERE phone = :phone "
            "ORDER BY priced_at DESC LIMIT :limit",
            phone=msisdn,
            limit=PER_LOOK,
        )
        paid += [row[0] for row in rows if row[1] == account_id]
    return steps + stories.by_id(reader, company, paid)


_LOOKS: dict[str, Callable[[Reader, str, str], list[Step]]] = {
    searching.PHONE: _of_phone,
    searching.MESSAGE: _of_message,
    searching.RECEIPT: _of_receipt,
    searching.TOKEN: _of_token,
    searching.METER: _of_meter,
    searching.ACCOUNT: _of_account,
}


def _put_receipts_in_their_stories(reader: Reader, company: str, steps: Iterable[Step]) -> None:
    """A receipt of the network is no story: it belongs to the one whose notice it is about.

    Networks use an id again after a while: the receipt is about the newest notice before it. One
    that is about nothing of ours stays alone.
    """
    reports = [(step, step.body) for step in steps if isinstance(step.body, DeliveryReport)]
    if not reports:
        return
    rows = reader.rows(
        "SELECT r.channel, r.reference, n.queued_at, m.correlationid FROM notice_reference r "
        "JOIN notice n ON n.id = r.notice_id JOIN message m ON m.id = n.message_id "
        "WHERE r.channel IN :channels AND r.reference IN :references AND n.company = :company "
        "ORDER BY n.queued_at",
        channels=sorted({report.channel for _, report in reports}),
        references=sorted({report.reference for _, report in reports}),
        company=company,
    )
    for step, report in reports:
        for channel, reference, queued_us, correlation in rows:
            about = (channel, reference) == (report.channel, report.reference)
            if about and queued_us <= step.recorded_us:
                step.correlation = correlation


def _hops(reader: Reader, company: str, phone: str) -> list[Hops]:
    """Menu hops of a phone, by session: its hops follow one another within a pause."""
    found = stories.of_party(reader, company, phone, 0, PER_LOOK)
    noted = sorted(
        (a for a in found if a.outcome == NOTED), key=lambda a: (a.channel, a.recorded_us, a.id)
    )
    sessions: list[list[Arrived]] = []
    for arrival in noted:
        last = sessions[-1][-1] if sessions else None
        near = last is not None and last.channel == arrival.channel
        if near and last and arrival.recorded_us - last.recorded_us <= SESSION_GAP_US:
            sessions[-1].append(arrival)
        else:
            sessions.append([arrival])
    return [Hops(s[0].channel, phone, tuple(s)) for s in sessions]

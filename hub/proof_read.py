"""What the proof reads: module logs by batch, tokens by instant, and what differs, found in SQL.

Every statement looks at one span of instants through its index, or at one row by its key: what a
proof costs grows with what it proves, not with what the tables hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from core.store.tx import Reader, Row
from core.sts.errors import StsError
from core.sts.log_row import LogRow
from core.sts.meter_id import meter_pan
from core.sts.module_log import token_digest
from core.sts.proof import CAUSES, Cause, Findings
from core.sts.proof_chain import BEGINNING, End
from core.sts.proof_match import Found

#: A writer's log is read in pieces of this many batches (of up to 256 tokens, 110 bytes each).
ROWS = 64
#: What slices of time are cut by.
_BY_TIME = (("token", "made_at"), ("sale", "priced_at"), ("ledger_txn", "at"))
_NEVER = 2**62
_LOG = "module, writer, batch, made, total, previous, seal, digests, entries, at"


@dataclass(frozen=True, slots=True)
class Span:
    """Instants from ``since`` up to but not including ``until``."""

    since: int
    until: int

    def within(self, other: "Span") -> "Span":
        """What both have in common; empty spans end where they begin."""
        since = max(self.since, other.since)
        return Span(since, max(since, min(self.until, other.until)))


def writers(reader: Reader) -> Iterator[tuple[str, str]]:
    """Every (module, writer) that has a log, each found by one look at the key."""
    place = ("", "")
    while rows := reader.rows(
        "SELECT module, writer FROM module_log WHERE (module, writer) > (:module, :writer) "
        "ORDER BY module, writer LIMIT 1",
        module=place[0],
        writer=place[1],
    ):
        place = (rows[0][0], rows[0][1])
        yield place


def newest_at(reader: Reader) -> int:
    """The instant of the newest batch in any log; 0 when there is none."""
    return max(
        (at for place in writers(reader) for at, _ in _last(reader, place, _NEVER)), default=0
    )


def _last(reader: Reader, place: tuple[str, str], most: int) -> list[tuple[int, int]]:
    rows = reader.rows(
        "SELECT at, batch FROM module_log WHERE module = :module AND writer = :writer "
        "AND batch <= :most ORDER BY batch DESC LIMIT 1",
        module=place[0],
        writer=place[1],
        most=most,
    )
    return [(int(at), int(batch)) for at, batch in rows]


def first_batch_from(reader: Reader, place: tuple[str, str], since: int) -> int:
    """The number of a log's first batch at or after an instant, by halving; gaps are no matter."""
    low, high = 0, _last(reader, place, _NEVER)[0][1] + 1
    while high - low > 1:
        middle = (low + high) // 2
        found = _last(reader, place, middle)
        if found and found[0][0] >= since:
            high = middle
        else:
            low = middle
    return high


def log_rows(reader: Reader, place: tuple[str, str], after: int, limit: int = ROWS) -> list[LogRow]:
    """A log's next rows after batch ``after``."""
    rows = reader.rows(
        f"SELECT {_LOG} FROM module_log WHERE module = :module AND writer = :writer "
        "AND batch > :after ORDER BY batch LIMIT :limit",
        module=place[0],
        writer=place[1],
        after=after,
        limit=limit,
    )
    return [LogRow(*row) for row in rows]


def end_at(reader: Reader, place: tuple[str, str], most: int = _NEVER) -> End:
    """Where a log stood with its last batch up to ``most``; before the first: its beginning."""
    rows = reader.rows(
        "SELECT batch, total, seal FROM module_log WHERE module = :module AND writer = :writer "
        "AND batch <= :most ORDER BY batch DESC LIMIT 1",
        module=place[0],
        writer=place[1],
        most=most,
    )
    return End(*rows[0]) if rows else BEGINNING


def first_instant(reader: Reader, span: Span) -> int:
    """The first instant in the span at which there is a token, a sale or a transaction."""
    found = [span.until]
    for table, column in _BY_TIME:
        rows = reader.rows(
            f"SELECT {column} FROM {table} WHERE {column} >= :since AND {column} < :until "
            f"ORDER BY {column} LIMIT 1",
            since=span.since,
            until=span.until,
        )
        found += [int(row[0]) for row in rows]
    return min(found)


def slice_end(reader: Reader, span: Span, most: int) -> int:
    """Where a slice that begins with the span must end to hold about ``most`` rows of a kind."""
    found = [span.until]
    for table, column in _BY_TIME:
        rows = reader.rows(
            f"SELECT {column} FROM {table} WHERE {column} >= :since AND {column} < :until "
            f"ORDER BY {column} LIMIT 1 OFFSET :most",
            since=span.since,
            until=span.until,
            most=most,
        )
        found += [max(int(row[0]), span.since + 1) for row in rows]
    return min(found)


def tokens(reader: Reader, span: Span, ours: Span) -> list[Found]:
    """The tokens of a span in the order of their instants."""
    rows = reader.rows(
        'SELECT id, company, digits, cause, meter_id, "class", subclass, tid, made_at FROM token '
        "WHERE made_at >= :since AND made_at < :until ORDER BY made_at, id",
        since=span.since,
        until=span.until,
    )
    meters = sorted({row[4] for row in rows})
    numbers: dict[int, str] = dict(
        reader.rows("SELECT id, drn FROM meter WHERE id IN :ids", ids=meters)
    )
    return [_found(row, numbers.get(row[4], ""), ours) for row in rows]


def _found(row: Row, drn: str, ours: Span) -> Found:
    id_, company, digits, cause, meter_id, class_, subclass, tid, made_at = row
    return Found(
        id=id_,
        company=company,
        digest=_digest(drn, digits),
        cause=cause,
        meter=drn or f"(unknown meter {meter_id})",
        meter_id=meter_id,
        token_class=class_,
        subclass=subclass,
        tid=tid if tid >= 0 else None,
        made_at=made_at,
        ours=ours.since <= made_at < ours.until,
    )


def _digest(drn: str, digits: str) -> str:
    """A row that no module can have made (a wrong meter number, odd digits) has no digest."""
    try:
        return token_digest(meter_pan(drn), digits)
    except (StsError, UnicodeEncodeError):
        return f"none of {drn} {digits}"


def twins(reader: Reader, ids: list[int]) -> frozenset[int]:
    """Which of these tokens have a twin: another row with the same digits for the same meter."""
    rows = reader.rows(
        "SELECT a.id FROM token a JOIN token b ON b.digits = a.digits AND b.meter_id = a.meter_id "
        "AND b.id <> a.id WHERE a.id IN :ids",
        ids=ids,
    )
    return frozenset(row[0] for row in rows)


def compare(reader: Reader, span: Span, findings: Findings) -> None:
    """The tokens, causes and postings of a span with each other; what differs is noted."""
    made = _ids(reader, "token", "made_at", span)
    for token, company, cause in reader.rows(
        "SELECT id, company, cause FROM token WHERE id IN :ids AND NOT cause IN :known",
        ids=made,
        known=sorted(CAUSES),
    ):
        findings.add("cause-unknown", token=token, company=company, cause=cause)
    for kind in CAUSES.values():
        _caused(reader, kind, made, findings)
        rows = _ids(reader, kind.table, kind.at, span) if kind.at else made
        _counted(reader, kind, rows, findings)
    _posted(reader, span, findings)


def _ids(reader: Reader, table: str, column: str, span: Span) -> list[int]:
    """The rows of a span by their ids.

    By ids the rows are joined in every statement: a plan that is prepared for any span takes it to
    be a share of the table, and would go through the other tables from end to end.
    """
    rows = reader.rows(
        f"SELECT id FROM {table} WHERE {column} >= :since AND {column} < :until",
        since=span.since,
        until=span.until,
    )
    return sorted(row[0] for row in rows)


def _caused(reader: Reader, kind: Cause, made: list[int], findings: Findings) -> None:
    """From the tokens' side: each has its cause, and it is the right one."""
    value = f'OR (t."class" = {kind.token_class} AND c.{kind.value} <> t.value)'
    for token, company, cause_id, missing in reader.rows(
        f"SELECT t.id, t.company, t.cause_id, c.id IS NULL FROM token t "
        f"LEFT JOIN {kind.table} c ON c.id = t.cause_id WHERE t.id IN :ids AND t.cause = :name "
        f"AND (c.id IS NULL OR c.company <> t.company OR {kind.meter} <> t.meter_id "
        f"OR NOT ({kind.state}) {value if kind.value else ''})",
        name=kind.name,
        ids=made,
    ):
        code = "cause-missing" if missing else "cause-differs"
        findings.add(code, token=token, company=company, cause=kind.name, cause_id=cause_id)


def _counted(reader: Reader, kind: Cause, ids: list[int], findings: Findings) -> None:
    """From the causes' side: each has its tokens, no fewer and no more.

    ``ids`` are the causes', or where these have no instant of their own the tokens'.
    """
    right = f"BETWEEN {kind.least} AND {kind.most}"
    mine = f't.cause = :name AND t."class" = {kind.token_class}'
    if kind.at:
        sql = (
            f"SELECT c.id, c.company, count(t.id) FROM {kind.table} c "
            f"LEFT JOIN token t ON t.cause_id = c.id AND {mine} "
            f"WHERE c.id IN :ids AND {kind.state} "
            f"GROUP BY c.id, c.company HAVING NOT count(t.id) {right}"
        )
    else:
        sql = (
            f"SELECT t.cause_id, t.company, count(t.id) FROM token t WHERE t.id IN :ids AND {mine} "
            f"GROUP BY t.cause_id, t.company HAVING NOT count(t.id) {right}"
        )
    for cause_id, company, found in reader.rows(sql, name=kind.name, ids=ids):
        where = {"cause": kind.name.capitalize(), "cause_id": cause_id, "company": company}
        if found == 0:
            findings.add("cause-without-token", **where)
        else:
            findings.add("cause-tokens", **where, found=found, least=kind.least, most=kind.most)


_SALES = (
    "FROM sale s LEFT JOIN ledger_txn x ON x.at = s.issued_at AND x.message_id = s.message_id "
    "AND x.kind = 'sale' AND x.company = s.company AND x.currency = s.currency "
)
_OF_SPAN = "WHERE s.id IN :ids AND s.state = 'issued' "
#: What a ledger of customers' credit moved for one of them.
_CREDIT = (
    "COALESCE(sum(CASE WHEN p.ledger = 'customer-credit' AND p.owner = s.{} "
    "THEN p.amount ELSE 0 END), 0)"
)
#: What the float of the agent who sold it gave.
_FLOAT = (
    "COALESCE(sum(CASE WHEN p.ledger = 'agent-float' AND p.owner = s.agent_id "
    "THEN p.amount ELSE 0 END), 0)"
)
_AMOUNTS = (
    f"SELECT s.id, s.company, s.tender, s.carried_forward {_SALES}"
    f"LEFT JOIN posting p ON p.txn_id = x.id {_OF_SPAN} AND x.id IS NOT NULL "
    "GROUP BY s.id, s.company, s.tender, s.carried_forward, s.payer_account_id, s.account_id, "
    "s.agent_id "
    "HAVING COALESCE(sum(p.amount), 0) <> 0 "
    f"OR {_CREDIT.format('payer_account_id')} <> "
    "CASE WHEN s.agent_id = 0 THEN s.tender ELSE 0 END "
    "- CASE WHEN s.payer_account_id = s.account_id THEN s.carried_forward ELSE 0 END "
    f"OR (s.payer_account_id <> s.account_id "
    f"AND {_CREDIT.format('account_id')} <> -s.carried_forward) "
    f"OR {_FLOAT} <> CASE WHEN s.agent_id = 0 THEN 0 ELSE s.tender END"
)


#: Free units whose expense is not in the books as it was worth.
_CLAIMED = (
    "SELECT c.id, c.company, COALESCE(sum(p.amount), 0), c.amount FROM free_claim c "
    "LEFT JOIN ledger_txn x ON x.at = c.claimed_at AND x.message_id = c.message_id "
    "AND x.kind = 'free-units' AND x.company = c.company "
    "LEFT JOIN posting p ON p.txn_id = x.id AND p.ledger = 'expense:free-units' "
    "WHERE c.id IN :ids GROUP BY c.id, c.company, c.amount "
    "HAVING COALESCE(sum(p.amount), 0) <> c.amount"
)


#: Free units of a month that an earlier claim of the agreement gave, under whatever entitlement.
_GIVEN_TWICE = (
    "SELECT c.id, c.company, min(o.id) FROM free_claim c "
    "JOIN entitlement e ON e.id = c.entitlement_id "
    "JOIN entitlement f ON f.agreement_id = e.agreement_id "
    "JOIN free_claim o ON o.entitlement_id = f.id AND o.through_month >= c.from_month "
    "AND o.from_month <= c.through_month AND o.id < c.id "
    "WHERE c.id IN :ids GROUP BY c.id, c.company"
)


def _posted(reader: Reader, span: Span, findings: Findings) -> None:
    """Each sale is posted once, for what was paid; each posted sale is there."""
    sales = _ids(reader, "sale", "priced_at", span)
    for cause_id, company, found in reader.rows(
        f"SELECT s.id, s.company, count(x.id) {_SALES}{_OF_SPAN}"
        "GROUP BY s.id, s.company HAVING count(x.id) <> 1",
        ids=sales,
    ):
        findings.add("sale-not-posted", cause_id=cause_id, company=company, found=found)
    for cause_id, company, tender, carried in reader.rows(_AMOUNTS, ids=sales):
        findings.add(
            "sale-amounts", cause_id=cause_id, company=company, tender=tender, carried=carried
        )
    _given(reader, span, findings)
    for txn, company in reader.rows(
        "SELECT x.id, x.company FROM ledger_txn x LEFT JOIN sale s ON s.message_id = x.message_id "
        "WHERE x.id IN :ids AND x.kind = 'sale' AND s.id IS NULL",
        ids=_ids(reader, "ledger_txn", "at", span),
    ):
        findings.add("posting-without-sale", txn=txn, company=company)


def _given(reader: Reader, span: Span, findings: Findings) -> None:
    """Free units are posted for what they were worth, and each month is given once."""
    claims = _ids(reader, "free_claim", "claimed_at", span)
    for cause_id, company, posted, amount in reader.rows(_CLAIMED, ids=claims):
        findings.add(
            "claim-amount", cause_id=cause_id, company=company, posted=posted, amount=amount
        )
    for cause_id, company, other in reader.rows(_GIVEN_TWICE, ids=claims):
        findings.add("claim-month-twice", cause_id=cause_id, company=company, other=other)

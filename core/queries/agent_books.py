"""An agent's books: what moved his float between two instants, what he earned, what of it is tax.

Everything is read from the postings and the documents behind them, so it is what the ledger says.
"""

from collections.abc import Iterable

import msgspec

from core.store.tx import Reader


class StatementLine(msgspec.Struct, frozen=True, kw_only=True):
    """What moved a float: ``amount`` is what it gained, ``balance`` what it was afterwards.

    ``about``: the receipt of a sale or payment, also of their commission and reversals; of a
    transfer the other agent; the reference of a top-up, the slip of a surrender, what a fee is of;
    else the way and desk, or the act.
    """

    at: int
    kind: str
    amount: int
    balance: int
    about: str


class KindSum(msgspec.Struct, frozen=True, kw_only=True):
    """The movements of a kind: how many, and what the float gained by them (minor units)."""

    kind: str
    count: int
    amount: int


class CommissionSum(msgspec.Struct, frozen=True, kw_only=True):
    """Commission in minor units. ``gross`` was earned, less what was taken back (``back`` of it);
    ``tax`` was withheld of it; ``at_once`` came to the float with the sales. Of what is owed:
    ``owed_before`` and ``owed_after``; below 0 it owes us."""

    gross: int
    back: int
    tax: int
    at_once: int
    owed_before: int
    owed_after: int


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """``before`` + the lines = ``after``, and so are the kinds."""

    before: int
    lines: tuple[StatementLine, ...]
    after: int
    kinds: tuple[KindSum, ...]
    commission: CommissionSum


#: What each posting on a float is about. A message makes one sale or one payment, or moves one
#: float by an act; so the message tells which.
_LINES = (
    "SELECT t.at, t.kind, -p.amount, COALESCE(s.receipt, y.number, cs.receipt, cy.number, "
    "x.number, NULLIF(m.reference, ''), CASE WHEN m.desk <> '' THEN m.way || ' ' || m.desk "
    "WHEN m.act_id > 0 THEN 'act ' || m.act_id ELSE '' END, '') "
    "FROM posting p JOIN ledger_txn t ON t.id = p.txn_id "
    "JOIN agent a ON a.id = p.owner LEFT JOIN ledger_txn o ON o.id = t.reverses "
    "LEFT JOIN sale s ON t.kind IN ('sale', 'sale-cancelled') "
    "AND s.message_id = COALESCE(o.message_id, t.message_id) "
    "LEFT JOIN payment y ON y.txn_id = COALESCE(t.reverses, t.id) "
    "LEFT JOIN agent_commission c ON c.txn_id = t.id AND c.agent_id = p.owner "
    "LEFT JOIN sale cs ON c.source = 'sale' AND cs.id = c.source_id "
    "LEFT JOIN payment cy ON c.source = 'payment' AND cy.id = c.source_id "
    "LEFT JOIN agent_movement m ON m.txn_id = t.id "
    "LEFT JOIN agent x ON m.kind = 'transfer' "
    "AND x.id = CASE WHEN m.agent_id = p.owner THEN m.other_id ELSE m.agent_id END "
    "WHERE p.ledger = 'agent-float' AND p.owner <> 0 AND a.company = :company "
    "AND a.number = :number AND t.at >= :since AND t.at < :until ORDER BY t.at, t.id, p.line"
)
_BEFORE = (
    "SELECT CAST(COALESCE(-sum(p.amount), 0) AS BIGINT) FROM posting p "
    "JOIN ledger_txn t ON t.id = p.txn_id JOIN agent a ON a.id = p.owner "
    "WHERE p.ledger = :ledger AND p.owner <> 0 AND a.company = :company "
    "AND a.number = :number AND t.at < :at"
)
_COMMISSION = (
    "SELECT CAST(COALESCE(sum(c.gross), 0) AS BIGINT), "
    "CAST(COALESCE(sum(CASE WHEN c.gross < 0 THEN -c.gross ELSE 0 END), 0) AS BIGINT), "
    "CAST(COALESCE(sum(c.tax), 0) AS BIGINT), "
    "CAST(COALESCE(sum(CASE WHEN c.settle = 'withheld' THEN c.gross - c.tax ELSE 0 END), 0) "
    "AS BIGINT) FROM agent_commission c JOIN agent a ON a.id = c.agent_id "
    "WHERE a.company = :company AND a.number = :number AND c.at >= :since AND c.at < :until"
)


def statement_of(
    reader: Reader, company: str, number: str, since_us: int, until_us: int
) -> Statement:
    """An agent's float from ``since_us`` to before ``until_us``; empty for a number of nobody."""
    whose = {"company": company, "number": number}
    before = balance = _sum(reader, "agent-float", since_us, whose)
    lines = []
    for at, kind, amount, about in reader.rows(_LINES, since=since_us, until=until_us, **whose):
        balance += amount
        lines.append(StatementLine(at=at, kind=kind, amount=amount, balance=balance, about=about))
    ((gross, back, tax, at_once),) = reader.rows(
        _COMMISSION, since=since_us, until=until_us, **whose
    )
    commission = CommissionSum(
        gross=gross,
        back=back,
        tax=tax,
        at_once=at_once,
        owed_before=_sum(reader, "commission", since_us, whose),
        owed_after=_sum(reader, "commission", until_us, whose),
    )
    return Statement(
        before=before,
        lines=tuple(lines),
        after=balance,
        kinds=sums(lines),
        commission=commission,
    )


def _sum(reader: Reader, ledger: str, at_us: int, whose: dict[str, str]) -> int:
    """What a ledger of the agent held just before an instant."""
    ((held,),) = reader.rows(_BEFORE, ledger=ledger, at=at_us, **whose)
    return int(held)


def sums(lines: Iterable[StatementLine]) -> tuple[KindSum, ...]:
    """The lines by kind, each kind where it came first."""
    found: dict[str, tuple[int, int]] = {}
    for line in lines:
        count, amount = found.get(line.kind, (0, 0))
        found[line.kind] = (count + 1, amount + line.amount)
    return tuple(
        KindSum(kind=kind, count=count, amount=amount) for kind, (count, amount) in found.items()
    )

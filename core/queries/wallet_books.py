"""Money by wallet as people look at it: open payments, work lists, cases, statements, and whether
provider, ledger and bank say the same. Read without a lock, so never a decision.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final, TypeVar

import msgspec

from core.calendars import start_of_day
from core.store.load_wallet_books import expected_of
from core.store.tx import Reader
from core.wallets.terms import Wallet

#: What is told at once.
MAX_ROWS: Final = 1_000
_NEVER: Final = 2**62
_SATURDAY: Final = 5
V = TypeVar("V", bound=msgspec.Struct)


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """A payment. Minor units; instants in µs UTC; the payer as his provider shows him."""

    number: str
    wallet: str
    kind: str
    state: str
    purpose: str
    target: str
    receipt: str
    currency: str
    asked: int
    paid: int
    outcome: str
    reason: str
    proof: str
    typed: str
    payer: str
    created_at: int
    paid_at: int
    applied_at: int
    settled_at: int
    ended_at: int


class HeldView(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the work list: held money, or a payment that its provider's statement has not."""

    payment: str
    wallet: str
    receipt: str
    what: str
    state: str
    owner: str
    amount: int
    currency: str
    since: int
    deadline: int


class CaseView(msgspec.Struct, frozen=True, kw_only=True):
    """A case."""

    case: int
    kind: str
    state: str
    wallet: str
    payment: str
    receipt: str
    amount: int
    currency: str
    detail: str
    evidence: str
    opened_at: int
    closed_at: int
    closed_by: str
    reason: str


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a statement with its outcome; ``page`` 0: it is ours only."""

    page: int
    line: int
    receipt: str
    outcome: str
    amount: int
    ours: int
    fee: int
    payment: str
    detail: str


class StatementView(msgspec.Struct, frozen=True, kw_only=True):
    """A day. ``outcomes``: how many lines of each; ``lines``: those that do not match."""

    wallet: str
    day: int
    currency: str
    pages: int
    last_page: int
    checked: bool
    total: int
    outcomes: Mapping[str, int]
    lines: tuple[LineView, ...]


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet three ways. ``ledger``: our float with the provider by the books; ``statement``:
    what his statements have, less what he paid out and kept; ``bank``: what he paid out; ``fees``:
    what he kept; ``unsettled``: what he has still to pay out, of ``payments`` since ``oldest`` (0:
    none); ``overdue``: what of that he should have paid out by now; ``held``: what of it waits in
    suspense; ``ours_only``, ``differs``: lines to look at.
    """

    wallet: str
    currency: str
    ledger: int
    statement: int
    bank: int
    fees: int
    unsettled: int
    overdue: int
    payments: int
    oldest: int
    held: int
    ours_only: int
    differs: int

    @property
    def agrees(self) -> bool:
        """Provider = ledger = bank, to the minor unit."""
        return self.statement == self.ledger == self.unsettled


def _views(reader: Reader, kind: type[V], sql: str, **params: Any) -> list[V]:
    names = kind.__struct_fields__
    return [kind(**dict(zip(names, row, strict=True))) for row in reader.rows(sql, **params)]


_PAYMENT = (
    "SELECT number, wallet, kind, state, purpose, target, receipt, CASE WHEN paid_currency = '' "
    "THEN currency ELSE paid_currency END, asked, paid, outcome, reason, proof, typed, payer, "
    "created_at, paid_at, applied_at, settled_at, ended_at FROM wallet_payment "
)


def payments(
    reader: Reader, company: str, wallet: str = "", state: str = "", limit: int = 100
) -> list[PaymentView]:
    """Payments of a state, the oldest first; none named: all that nobody knows the end of."""
    states = [state] if state else ["created", "sent", "pending", "unknown", "disputed"]
    return _views(
        reader,
        PaymentView,
        f"{_PAYMENT}WHERE company = :company AND state IN :states "
        "AND (wallet = :wallet OR :wallet = '') ORDER BY created_at, id LIMIT :most",
        company=company,
        states=states,
        wallet=wallet,
        most=min(limit, MAX_ROWS),
    )


def payment_named(reader: Reader, company: str, name: str) -> list[PaymentView]:
    """The payments with this number of ours, or this receipt of a provider."""
    return _views(
        reader,
        PaymentView,
        f"{_PAYMENT}WHERE company = :company AND (number = :name "
        "OR (receipt = :name AND receipt <> '')) ORDER BY id",
        company=company,
        name=name,
    )


def work_list(reader: Reader, company: str, limit: int = 100) -> list[HeldView]:
    """What people must decide, the oldest first, the larger before the smaller: money that is held,
    and payments of ours that no statement has."""
    return _views(
        reader,
        HeldView,
        "SELECT number, wallet, receipt, what, state, owner, amount, currency, since, deadline "
        "FROM (SELECT w.number, h.wallet, h.receipt, h.reason AS what, h.state, h.owner, "
        "h.rest AS amount, h.currency, h.since, h.deadline FROM held_money h "
        "JOIN wallet_payment w ON w.id = h.payment_id WHERE h.company = :company "
        "AND h.state IN ('held', 'overdue', 'refund-due', 'refunding') UNION ALL "
        "SELECT w.number, w.wallet, l.receipt, 'ours-only', w.state, '', l.ours, w.currency, "
        "l.at, 0 FROM wallet_statement_line l JOIN wallet_payment w ON w.id = l.payment_id "
        f"WHERE {_OURS_ONLY}) u ORDER BY since, amount DESC, number LIMIT :most",
        company=company,
        most=min(limit, MAX_ROWS),
    )


#: A payment that the statement of its day has not, and no other day's has.
_OURS_ONLY: Final = (
    "l.company = :company AND l.outcome = 'ours-only' AND NOT EXISTS "
    "(SELECT 1 FROM wallet_statement_line o JOIN wallet_statement os ON os.id = o.statement_id "
    "JOIN wallet_statement ls ON ls.id = l.statement_id AND ls.wallet = os.wallet "
    "WHERE o.company = l.company AND o.receipt = l.receipt "
    "AND o.page > 0 AND o.outcome <> 'withdrawn')"
)


def cases(
    reader: Reader, company: str, state: str = "open", payment: str = "", limit: int = 100
) -> list[CaseView]:
    """Cases, the oldest first; of one payment, if it is named, of every state."""
    which = "w.number = :payment" if payment else "c.state = :state"
    return _views(
        reader,
        CaseView,
        "SELECT c.id, c.kind, c.state, c.wallet, COALESCE(w.number, ''), c.receipt, c.amount, "
        "c.currency, c.detail, c.evidence, c.opened_at, c.closed_at, c.closed_by, c.reason "
        "FROM wallet_case c LEFT JOIN wallet_payment w ON w.id = c.payment_id "
        f"WHERE c.company = :company AND {which} ORDER BY c.opened_at, c.id LIMIT :most",
        company=company,
        state=state,
        payment=payment,
        most=min(limit, MAX_ROWS),
    )


def statement_of(reader: Reader, company: str, wallet: str, day: int) -> StatementView | None:
    """A day's statement; None: none was taken."""
    found = reader.rows(
        "SELECT id, currency, pages, last_page, checked FROM wallet_statement "
        "WHERE company = :company AND wallet = :wallet AND day = :day",
        company=company,
        wallet=wallet,
        day=day,
    )
    if not found:
        return None
    ((id_, currency, pages, last, checked),) = found
    outcomes: dict[str, int] = {}
    total = 0
    for outcome, count, amount in reader.rows(
        "SELECT outcome, count(*), CAST(sum(amount) AS BIGINT) FROM wallet_statement_line "
        "WHERE statement_id = :id GROUP BY outcome ORDER BY outcome",
        id=id_,
    ):
        outcomes[outcome] = count
        total += amount if outcome != "withdrawn" else 0
    lines = _views(
        reader,
        LineView,
        "SELECT l.page, l.line, l.receipt, l.outcome, l.amount, l.ours, l.fee, "
        "COALESCE(w.number, ''), l.detail FROM wallet_statement_line l "
        "LEFT JOIN wallet_payment w ON w.company = l.company AND w.wallet = :wallet "
        "AND w.receipt = l.receipt WHERE l.statement_id = :id AND l.outcome <> 'match' "
        "ORDER BY l.outcome, l.receipt LIMIT :most",
        id=id_,
        wallet=wallet,
        most=MAX_ROWS,
    )
    return StatementView(
        wallet=wallet, day=day, currency=currency, last_page=last, checked=checked == "yes",
        pages=len(msgspec.json.decode(pages, type=list[int])), total=total, outcomes=outcomes,
        lines=tuple(lines),
    )  # fmt: skip


def balances(
    reader: Reader, company: str, wallets: Mapping[str, Wallet], today: tuple[date, str]
) -> list[BalanceView]:
    """Each wallet three ways, on a day in the company's zone."""
    day, zone = today
    return [
        _balance(reader, company, each, start_of_day(owed_until(day, each.settle_days), zone))
        for _, each in sorted(wallets.items())
    ]


def owed_until(today: date, settle_days: int) -> date:
    """Payments of days before this one should have been paid out: so many working days (Monday to
    Friday; holidays are not known here) after their day have passed whole."""
    first = today
    working = 0
    while working < settle_days:
        first -= timedelta(days=1)
        working += first.weekday() < _SATURDAY
    return first


def _balance(reader: Reader, company: str, of: Wallet, due: int) -> BalanceView:
    wallet, currency = of.name, of.currency
    one = {"company": company, "wallet": wallet}
    expected = expected_of(reader, company, (wallet, currency), _NEVER)
    overdue = max(0, expected_of(reader, company, (wallet, currency), due).amount)
    ((bank, fees),) = reader.rows(
        "SELECT CAST(COALESCE(sum(amount), 0) AS BIGINT), CAST(COALESCE(sum(fee), 0) AS BIGINT) "
        "FROM wallet_settlement WHERE company = :company AND wallet = :wallet",
        **one,
    )
    ((lines, differs),) = reader.rows(
        "SELECT CAST(COALESCE(sum(CASE WHEN l.page > 0 AND l.outcome <> 'withdrawn' "
        "THEN l.amount ELSE 0 END), 0) AS BIGINT), CAST(COALESCE(sum(CASE WHEN l.outcome = "
        "'amount-differs' THEN 1 ELSE 0 END), 0) AS BIGINT) FROM wallet_statement s "
        "JOIN wallet_statement_line l ON l.statement_id = s.id "
        "WHERE s.company = :company AND s.wallet = :wallet",
        **one,
    )
    ((ours_only,),) = reader.rows(
        "SELECT count(*) FROM wallet_statement_line l JOIN wallet_statement s "
        f"ON s.id = l.statement_id WHERE s.wallet = :wallet AND {_OURS_ONLY}",
        **one,
    )
    ((ledger,),) = reader.rows(
        "SELECT CAST(COALESCE(sum(p.amount), 0) AS BIGINT) FROM posting p "
        "JOIN ledger_txn t ON t.id = p.txn_id WHERE p.ledger = :ledger "
        "AND t.company = :company AND t.currency = :currency",
        ledger=f"wallet:{wallet}",
        company=company,
        currency=currency,
    )
    ((held,),) = reader.rows(
        "SELECT CAST(COALESCE(sum(rest), 0) AS BIGINT) FROM held_money WHERE company = :company "
        "AND wallet = :wallet AND state IN ('held', 'overdue', 'refund-due', 'refunding')",
        **one,
    )
    ((oldest,),) = reader.rows(
        "SELECT COALESCE(min(paid_at), 0) FROM wallet_payment WHERE company = :company "
        "AND wallet = :wallet AND paid > 0 AND settled_at = 0 AND state <> 'refunded'",
        **one,
    )
    return BalanceView(
        wallet=wallet, currency=currency, ledger=ledger, statement=lines - bank - fees, bank=bank,
        fees=fees, unsettled=expected.amount, overdue=overdue, payments=expected.payments,
        oldest=oldest, held=held,
        ours_only=ours_only, differs=differs,
    )  # fmt: skip

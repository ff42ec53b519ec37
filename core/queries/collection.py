"""What is owed, as the desk sees it: an account's items and payments, arrears by age."""

from collections.abc import Iterator, Sequence
from datetime import date

import msgspec

from core.messages import RequestMoneyAct
from core.store.tx import Reader

#: Accounts fetched at once where all of them are gone through.
PAGE = 1_000


class ItemView(msgspec.Struct, frozen=True, kw_only=True):
    """An open item; ``days`` overdue (0: not due yet), amounts in minor units."""

    item: int
    account: str
    kind: str
    code: str
    item_class: str
    label: str
    period: int
    due: str
    amount: int
    open: int
    state: str
    plan: int
    days: int


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """A payment, with what of it went to this account."""

    payment: str
    way: str
    desk: str
    reference: str
    state: str
    amount: int
    here: int
    at: int


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """What is ``since`` to ``until`` days overdue (until 0: no end); 0 to 0: not overdue."""

    since: int
    until: int
    amount: int
    items: int


class Ageing(msgspec.Struct, frozen=True, kw_only=True):
    """Arrears of a company, or of one account, on a day. ``in_recovery``: debts that purchases pay,
    which have no due day; ``total`` is all of it, and what is posted on receivables."""

    on: str
    account: str
    buckets: tuple[Bucket, ...]
    in_recovery: int
    total: int


_ITEM = (
    "i.id, a.number, i.kind, i.code, i.item_class, i.label, i.period, i.due, i.amount, i.open, "
    "i.state, i.plan_id"
)
_FIELDS = "item account kind code item_class label period due amount open state plan".split()


def items_of(
    reader: Reader, company: str, account: str, on: date, *, closed: bool = False
) -> list[ItemView]:
    """The items of an account, oldest due day first; ``closed``: those that are paid, too."""
    rows = reader.rows(
        f"SELECT {_ITEM} FROM open_item i JOIN account a ON a.id = i.account_id "
        f"WHERE a.company = :company AND a.number = :account {'' if closed else 'AND i.open > 0 '}"
        "ORDER BY i.due, i.id",
        company=company,
        account=account,
    )
    return [
        ItemView(**dict(zip(_FIELDS, row, strict=True)), days=_overdue(row[7], on)) for row in rows
    ]


def _overdue(due: str, on: date) -> int:
    return max(0, (on - date.fromisoformat(due)).days)


def payments_of(reader: Reader, company: str, account: str, limit: int) -> list[PaymentView]:
    """The newest payments that went to an account."""
    rows = reader.rows(
        "SELECT p.number, p.way, p.desk, p.reference, p.state, p.amount, "
        "CAST(sum(x.amount) AS BIGINT), p.received_at "
        "FROM allocation x JOIN payment p ON x.source = 'payment' AND p.id = x.source_id "
        "JOIN account a ON a.id = x.account_id WHERE a.company = :company AND a.number = :account "
        "GROUP BY p.id, p.number, p.way, p.desk, p.reference, p.state, p.amount, p.received_at "
        "ORDER BY p.id DESC LIMIT :limit",
        company=company,
        account=account,
        limit=limit,
    )
    names = PaymentView.__struct_fields__
    return [PaymentView(**dict(zip(names, row, strict=True))) for row in rows]


def ageing(
    reader: Reader, company: str, on: date, begins: Sequence[int], account: str = ""
) -> Ageing:
    """Arrears by age; ``begins``: the days overdue from which each bucket begins."""
    only = "AND a.number = :account " if account else ""
    params = {"account": account} if account else {}
    rows = reader.rows(
        "SELECT i.due, CAST(sum(i.open) AS BIGINT), count(*) FROM open_item i "
        "JOIN account a ON a.id = i.account_id WHERE i.company = :company AND i.open > 0 "
        f"{only}GROUP BY i.due",
        company=company,
        **params,
    )
    ((in_recovery,),) = reader.rows(
        "SELECT CAST(COALESCE(sum(d.outstanding), 0) AS BIGINT) FROM debt d "
        "JOIN agreement g ON g.id = d.agreement_id JOIN account a ON a.id = g.account_id "
        f"WHERE d.company = :company {only}",
        company=company,
        **params,
    )
    found = [(_overdue(due, on), amount, count) for due, amount, count in rows]
    starts = [0, *begins]
    edges = zip(starts, [*(day - 1 for day in begins), 0], strict=True)
    buckets = tuple(_bucket(since, until, found) for since, until in edges)
    total = sum(bucket.amount for bucket in buckets) + in_recovery
    return Ageing(
        on=on.isoformat(), account=account, buckets=buckets, in_recovery=in_recovery, total=total
    )


def _bucket(since: int, until: int, found: list[tuple[int, int, int]]) -> Bucket:
    last = until or (0 if since == 0 else 10**9)
    own = [(amount, count) for days, amount, count in found if since <= days <= last]
    return Bucket(
        since=since,
        until=until,
        amount=sum(amount for amount, _ in own),
        items=sum(count for _, count in own),
    )


def overdue_accounts(reader: Reader, company: str, until: date) -> Iterator[list[str]]:
    """Accounts with items that late fees may be owed for up to a day, page by page."""
    after = 0
    while True:
        rows = reader.rows(
            "SELECT DISTINCT a.id, a.number FROM open_item i JOIN account a ON a.id = i.account_id "
            "WHERE i.company = :company AND i.due < :until AND i.late_done = 0 "
            "AND i.item_class <> 'penalty' AND a.state = 'active' AND a.id > :after "
            "ORDER BY a.id LIMIT :page",
            company=company,
            until=until.isoformat(),
            after=after,
            page=PAGE,
        )
        if not rows:
            return
        after = rows[-1][0]
        yield [row[1] for row in rows]


def known_accounts(reader: Reader, company: str, numbers: Sequence[str]) -> dict[str, str]:
    """number → state of those that there are."""
    rows = reader.rows(
        "SELECT number, state FROM account WHERE company = :company AND number IN :numbers",
        company=company,
        numbers=list(numbers),
    )
    return dict(rows)


def old_debts(reader: Reader, company: str, identities: Sequence[str]) -> set[str]:
    """Of these natural keys, those that are on file already."""
    rows = reader.rows(
        "SELECT identity FROM open_item WHERE company = :company AND identity IN :identities "
        "AND state = 'live'",
        company=company,
        identities=list(identities),
    )
    return {row[0] for row in rows}


class OpeningView(msgspec.Struct, frozen=True, kw_only=True):
    """An act about credit of an older system; ``waits``: it can still be approved."""

    act: int
    account: str
    year: int
    amount: int
    waits: bool
    over: bool  # rejected, refused or lapsed: it can be asked for again


def opening_acts(reader: Reader, company: str, digest: str, now_us: int) -> list[OpeningView]:
    """The acts about credit of an older system that came by the file of this digest."""
    found = reader.rows(
        "SELECT id, account, amount, command, evidence, state, expires FROM token_act "
        "WHERE company = :company AND kind = 'opening-credit' ORDER BY id",
        company=company,
    )
    views = []
    for id_, account, amount, command, evidence, state, expires in found:
        if evidence.endswith(f" {digest}"):
            waits = state == "requested" and expires > now_us
            year = msgspec.json.decode(command, type=RequestMoneyAct).year
            views.append(OpeningView(
                act=id_, account=account, year=year, amount=amount, waits=waits,
                over=not waits and state != "done",
            ))  # fmt: skip
    return views

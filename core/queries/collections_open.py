"""Collections of which nobody has said for sure how they end, the oldest first.

The clock asks nothing of money: a collection that is open over its time stays open until its
provider says what became of it. His channel asks on; here people see which ones, and how long.
"""

from typing import Final

import msgspec

from core.store.tables.wallets import OPEN
from core.store.tx import Reader

#: More than a screen of them is an outage of a provider, and the count says so.
MOST: Final = 500
_SECOND_US: Final = 1_000_000


class OpenCollection(msgspec.Struct, frozen=True, kw_only=True):
    """One of them. ``late_s``: seconds over its time; 0: it may still be approved. ``reason`` and
    ``code`` are what was said last; ``payer`` E.164; ``asked`` minor units."""

    number: str
    wallet: str
    state: str
    purpose: str
    target: str
    payer: str
    asked: int
    currency: str
    reference: str
    age_s: int
    late_s: int
    reason: str
    code: str


class OpenCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many of a wallet are open, and what they come to; ``late``: of them over their time."""

    wallet: str
    currency: str
    count: int
    amount: int
    late: int
    oldest_s: int


_COLUMNS: Final = (
    "number, wallet, state, purpose, target, payer, asked, currency, reference, created_at, "
    "deadline, reason, code"
)


def open_collections(
    reader: Reader, company: str, now_us: int, wallet: str = "", most: int = MOST
) -> list[OpenCollection]:
    """At most ``most`` open collections of a company, or of one of its wallets."""
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM wallet_payment WHERE company = :company AND {OPEN} "
        "AND (wallet = :wallet OR :wallet = '') ORDER BY deadline, id LIMIT :most",
        company=company,
        wallet=wallet,
        most=min(most, MOST),
    )
    return [_one(*row, now_us=now_us) for row in rows]


def _one(*row: object, now_us: int) -> OpenCollection:
    said = dict(zip(_COLUMNS.split(", "), row, strict=True))
    created, deadline = said.pop("created_at"), said.pop("deadline")
    assert isinstance(created, int)
    assert isinstance(deadline, int)
    age, late = (now_us - created) // _SECOND_US, (now_us - deadline) // _SECOND_US
    return OpenCollection(age_s=max(0, age), late_s=max(0, late), **said)  # type: ignore[arg-type]


def open_by_wallet(reader: Reader, company: str, now_us: int) -> list[OpenCount]:
    """How many are open with each wallet."""
    rows = reader.rows(
        "SELECT wallet, currency, count(*), CAST(sum(asked) AS BIGINT), "
        "count(CASE WHEN deadline < :now THEN 1 END), min(created_at) FROM wallet_payment "
        f"WHERE company = :company AND {OPEN} GROUP BY wallet, currency ORDER BY wallet, currency",
        company=company,
        now=now_us,
    )
    return [
        OpenCount(
            wallet=wallet,
            currency=currency,
            count=count,
            amount=amount,
            late=late,
            oldest_s=max(0, (now_us - oldest) // _SECOND_US),
        )
        for wallet, currency, count, amount, late, oldest in rows
    ]

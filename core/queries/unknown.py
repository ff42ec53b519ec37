"""Money whose end nobody knows yet: one list, by age, of all that took it and has not ended.

Sales that wait for a security module on the network (also those of terminals), collections of which
a provider has said nothing for sure, refunds that he may have made. None of it is lost, nothing of
it is done again; each has somebody who must act, or who is asked already.
"""

from typing import Final

import msgspec

from core.store.tables.orders import OPEN as OPEN_ORDERS
from core.store.tables.wallets import OPEN as OPEN_COLLECTIONS
from core.store.tx import Reader

#: More than this is an outage, and the sums say so.
MOST: Final = 1_000
_SECOND_US: Final = 1_000_000


class UnknownMoney(msgspec.Struct, frozen=True, kw_only=True):
    """One of them. ``amount`` minor units; ``about`` the meter, account, or a payment's receipt;
    ``where`` the module or wallet that knows; ``people``: it does not end by itself."""

    company: str
    kind: str  # sale | terminal | collection | refund
    number: str  # order 12, W-000123, a refund's reference
    state: str
    where: str
    about: str
    currency: str
    amount: int
    age_s: int
    people: bool
    message_id: str


class UnknownSum(msgspec.Struct, frozen=True, kw_only=True):
    """How many there are of a kind, what they come to, and how old the oldest is."""

    company: str
    kind: str
    currency: str
    count: int
    amount: int
    oldest_s: int


# a sale at a terminal is the item's money too: it is counted once, as the terminal's
_SALES: Final = (
    "SELECT o.company AS company, CASE WHEN i.id IS NULL THEN 'sale' ELSE 'terminal' END AS kind, "
    "'order ' || o.id AS number, o.state AS state, o.module AS place, o.meter AS about, "
    "s.currency AS currency, s.tender AS amount, o.ordered_at AS since, "
    "CASE WHEN o.state IN ('wrong', 'undecided') THEN 1 ELSE 0 END AS people, "
    "s.message_id AS message_id FROM token_order o JOIN sale s ON s.id = o.cause_id "
    "LEFT JOIN terminal_item i ON i.about = s.id AND i.about <> 0 AND i.kind = 'sale' "
    f"WHERE o.cause = 'sale' AND o.{OPEN_ORDERS}"
)
# one that its payer may still approve is no riddle; over its time, or unanswered, it is
_COLLECTIONS: Final = (
    "SELECT company, 'collection', number, state, wallet, target, currency, asked, created_at, "
    "CASE WHEN deadline < :now THEN 1 ELSE 0 END, message_id FROM wallet_payment "
    f"WHERE {OPEN_COLLECTIONS} AND (state = 'unknown' OR deadline < :now)"
)
_REFUNDS: Final = (
    "SELECT company, 'refund', reference, state, wallet, receipt, currency, amount, asked_at, 0, "
    "message_id FROM wallet_refund WHERE state = 'unknown'"
)
_ALL: Final = f"({_SALES} UNION ALL {_COLLECTIONS} UNION ALL {_REFUNDS}) u"


def unknown_money(
    reader: Reader, now_us: int, company: str = "", most: int = MOST
) -> list[UnknownMoney]:
    """At most ``most`` of a company (empty: of all), the oldest first."""
    one = " WHERE company = :company" if company else ""
    rows = reader.rows(
        "SELECT company, kind, number, state, place, about, currency, amount, since, people, "
        f"message_id FROM {_ALL}{one} ORDER BY since, number LIMIT :most",
        now=now_us, most=most, **({"company": company} if company else {}),
    )  # fmt: skip
    return [
        UnknownMoney(
            company=row[0], kind=row[1], number=row[2], state=row[3], where=row[4], about=row[5],
            currency=row[6], amount=row[7], age_s=_age(now_us, row[8]), people=bool(row[9]),
            message_id=row[10],
        )
        for row in rows
    ]  # fmt: skip


def unknown_sums(reader: Reader, now_us: int) -> list[UnknownSum]:
    """By company, kind and currency: all of them."""
    rows = reader.rows(
        "SELECT company, kind, currency, count(*), CAST(sum(amount) AS BIGINT), min(since) "
        f"FROM {_ALL} GROUP BY company, kind, currency ORDER BY company, kind, currency",
        now=now_us,
    )
    return [
        UnknownSum(
            company=row[0], kind=row[1], currency=row[2], count=row[3], amount=row[4],
            oldest_s=_age(now_us, row[5]),
        )
        for row in rows
    ]  # fmt: skip


def _age(now_us: int, since_us: int) -> int:
    return max(0, (now_us - since_us) // _SECOND_US)

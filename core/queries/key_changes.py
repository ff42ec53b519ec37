"""What support and campaigns may know of key changes: reads only."""

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from core.store.tx import Reader, Row

V = TypeVar("V", bound=msgspec.Struct)

#: Old tokens shown for one meter: what nobody has keyed in for so many purchases is not looked for.
OLD_TOKENS = 10
#: Rows of one page of an export.
PAGE = 1_000


class CampaignCount(msgspec.Struct, frozen=True):
    """How many meters of a campaign are where; ``stuck``: the set could not be made."""

    campaign: str
    sgc: str  # the group that they come from
    krn: int
    state: str
    meters: int
    stuck: int


class NotBought(msgspec.Struct, frozen=True):
    """A meter that waits for a purchase since the change is needed (µs UTC)."""

    meter: str
    account: str
    holder: str
    address: str
    phone: str
    campaign: str
    needed_at: int
    last_bought_at: int | None
    area: str


class OldToken(msgspec.Struct, frozen=True):
    """A credit token under the key that the meter had before; not known as entered."""

    receipt: str
    digits: str
    units_tenths: int
    at: int
    commodity: str


class ChangeView(msgspec.Struct, frozen=True):
    """A meter's newest key change."""

    meter: str
    campaign: str
    state: str
    old: str  # SGC/KRN/TI, and the expiry number where that changes
    new: str
    ro: bool
    issued: int
    how: str
    operator: str
    reason: str
    note: str
    needed_at: int
    issued_at: int
    presumed_at: int
    closed_at: int


# An older change of the same meter is history: only the newest counts.
_NEWEST = "key_change k JOIN meter m ON m.key_change_id = k.id"


def campaign_counts(reader: Reader, company: str, campaign: str = "") -> list[CampaignCount]:
    """The view of a campaign, or of all (and of single meters, whose campaign is empty)."""
    rows = reader.rows(
        "SELECT k.campaign, k.old_sgc, k.old_krn, k.state, count(*), "
        "sum(CASE WHEN k.note <> '' THEN 1 ELSE 0 END) "
        f"FROM {_NEWEST} WHERE k.company = :company AND (:campaign = '' OR k.campaign = :campaign) "
        "GROUP BY k.campaign, k.old_sgc, k.old_krn, k.state "
        "ORDER BY k.campaign, k.old_sgc, k.old_krn, k.state",
        company=company,
        campaign=campaign,
    )
    return [_as(CampaignCount, (*row[:4], int(row[4]), int(row[5]))) for row in rows]


def view_of(reader: Reader, company: str, drn: str) -> ChangeView | None:
    """The newest change of one meter."""
    rows = reader.rows(
        "SELECT m.drn, k.campaign, k.state, k.old_sgc, k.old_krn, k.old_ti, k.new_sgc, k.new_krn, "
        "k.new_ti, k.ro, k.issued, k.how, k.operator, k.reason, k.note, k.needed_at, k.issued_at, "
        "k.presumed_at, k.closed_at, k.old_ken, k.new_ken "
        f"FROM {_NEWEST} WHERE k.company = :company AND m.drn = :drn",
        company=company,
        drn=drn,
    )
    if not rows:
        return None
    row = rows[0]
    old, new = ("/".join(map(str, row[at : at + 3])) for at in (3, 6))
    if row[19] != row[20]:
        old, new = f"{old} KEN {row[19]}", f"{new} KEN {row[20]}"
    return _as(ChangeView, (*row[:3], old, new, bool(row[9]), *row[10:19]))


def group(reader: Reader, company: str, sgc: str, krn: int) -> Iterator[list[str]]:
    """The meters on file with this key, in pages: those of a campaign."""
    after = 0
    while True:
        rows = reader.rows(
            "SELECT id, drn FROM meter WHERE company = :company AND sgc = :sgc AND krn = :krn "
            "AND id > :after ORDER BY id LIMIT :count",
            company=company,
            sgc=sgc,
            krn=krn,
            after=after,
            count=PAGE,
        )
        if not rows:
            return
        after = rows[-1][0]
        yield [row[1] for row in rows]


_NOT_BOUGHT = (
    "SELECT m.drn, x.number, c.name, p.address, (SELECT min(f.msisdn) FROM phone_account l "
    "JOIN phone f ON f.id = l.phone_id WHERE l.account_id = x.id AND l.to_us IS NULL), "
    "k.campaign, k.needed_at, (SELECT max(s.priced_at) FROM sale s WHERE s.meter_id = m.id), "
    "p.area, k.id "
    f"FROM {_NEWEST} JOIN meter_install i ON i.meter_id = m.id AND i.to_us IS NULL "
    "JOIN service_point p ON p.id = i.service_point_id "
    "JOIN agreement a ON a.service_point_id = p.id AND a.to_us IS NULL "
    "JOIN account x ON x.id = a.account_id JOIN customer c ON c.id = x.customer_id "
    "WHERE k.company = :company AND k.campaign = :campaign AND k.state = 'needed' "
    "AND k.id > :after AND NOT EXISTS "
    "(SELECT 1 FROM sale s WHERE s.meter_id = m.id AND s.priced_at >= k.needed_at) "
    "ORDER BY k.id LIMIT :count"
)


def not_bought(reader: Reader, company: str, campaign: str) -> Iterator[NotBought]:
    """Who has to be visited: no purchase since the change is needed."""
    after = 0
    while True:
        rows = reader.rows(_NOT_BOUGHT, company=company, campaign=campaign, after=after, count=PAGE)
        for row in rows:
            yield _as(NotBought, (*row[:4], row[4] or "", *row[5:9]))
        if len(rows) < PAGE:
            return
        after = rows[-1][9]


def old_tokens(reader: Reader, company: str, drn: str) -> list[OldToken]:
    """The last credit tokens under the key before the newest change, newest first.

    A keypad meter does not say what was keyed in: those that the customer still has are worth
    nothing once the meter has its new key, and are replaced when they are brought.
    """
    rows = reader.rows(
        "SELECT s.receipt, t.digits, t.value, t.made_at, m.commodity "
        f"FROM {_NEWEST} JOIN sale s ON s.meter_id = m.id "
        "JOIN token t ON t.cause_id = s.id AND t.cause = 'sale' "
        "AND t.sgc = k.old_sgc AND t.krn = k.old_krn AND t.ti = k.old_ti "
        "WHERE k.company = :company AND m.drn = :drn "
        # of a change of the expiry number alone the old tokens are as good as the new ones
        "AND NOT (k.old_sgc = k.new_sgc AND k.old_krn = k.new_krn AND k.old_ti = k.new_ti "
        "AND k.old_kt = k.new_kt) "
        "AND k.issued_at > 0 AND k.state <> 'failed' AND t.made_at <= k.issued_at "
        "AND NOT EXISTS (SELECT 1 FROM token_void v WHERE v.token_id = t.id) "
        "ORDER BY t.made_at DESC, t.id DESC LIMIT :count",
        company=company,
        drn=drn,
        count=OLD_TOKENS,
    )
    return [_as(OldToken, row) for row in rows]


def _as(kind: type[V], row: Row) -> V:
    return kind(**dict(zip(kind.__struct_fields__, row, strict=True)))

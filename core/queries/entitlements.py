"""What support may know of free basic units: who is entitled to how many, and what was given."""

import msgspec

from core.store.tx import Reader


class EntitlementView(msgspec.Struct, frozen=True):
    """An entitlement with the meter that is at its place now ("" where there is none); months are
    YYYYMM, instants µs UTC, ``given_tenths`` the sum of all claims."""

    entitlement: int
    meter: str
    account: str
    commodity: str
    tenths: int
    from_month: int
    to_month: int
    unclaimed: str
    cap_months: int
    in_blocks: bool
    claimed_through: int
    claims: int
    given_tenths: int
    operator: str
    reason: str
    given_at: int
    ended_at: int


_SQL = (
    "SELECT e.id, COALESCE(m.drn, ''), x.number, COALESCE(m.commodity, 'electricity'), e.tenths, "
    "e.from_month, e.to_month, e.unclaimed, e.cap_months, e.in_blocks, e.claimed_through, "
    "(SELECT count(*) FROM free_claim c WHERE c.entitlement_id = e.id), "
    "(SELECT COALESCE(sum(c.tenths), 0) FROM free_claim c WHERE c.entitlement_id = e.id), "
    "e.operator, e.reason, e.given_at, e.ended_at FROM entitlement e "
    "JOIN agreement a ON a.id = e.agreement_id JOIN account x ON x.id = a.account_id "
    "LEFT JOIN meter_install i ON i.service_point_id = a.service_point_id AND i.to_us IS NULL "
    "LEFT JOIN meter m ON m.id = i.meter_id "
    "WHERE e.company = :company AND (:meter = '' OR m.drn = :meter) "
    "AND (:all = 1 OR e.ended_at = 0) ORDER BY e.id DESC LIMIT :limit"
)


def entitlements(
    reader: Reader, company: str, meter: str, ended: bool, limit: int
) -> list[EntitlementView]:
    """The newest entitlements, of one meter or of all; with those that were ended if asked for."""
    rows = reader.rows(_SQL, company=company, meter=meter, all=int(ended), limit=limit)
    return [_view(row) for row in rows]


def _view(row: tuple[object, ...]) -> EntitlementView:
    values = dict(zip(EntitlementView.__struct_fields__, row, strict=True))
    values["in_blocks"] = bool(values["in_blocks"])
    values["given_tenths"] = int(str(values["given_tenths"]))
    return msgspec.convert(values, EntitlementView)

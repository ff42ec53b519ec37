"""Billing periods and what was used in them: opened, filled with usage, closed."""

from collections.abc import Sequence
from datetime import date

import msgspec

from core.billing.shapes import BillingError, Draw
from core.store.tx import Reader, Tx

OPEN, CLOSED = "open", "closed"
#: Usage rows of one call: some megabytes.
MAX_ROWS = 10_000
_COLUMNS = (
    "id", "company", "agreement_id", "period", "version", "first", "last", "registers", "source",
    "estimated", "recorded_at",
)  # fmt: skip


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """What an agreement used in a period, from whoever measured it. Milli-units by the names that
    the tariff uses (``units``, ``units.peak``, ``max_kw``, ``area_m2`` …)."""

    agreement: int
    first: date
    last: date
    registers: dict[str, int]
    source: str
    estimated: bool = False

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"agreement {self.agreement}: {self.last} is before {self.first}")
        if not self.registers or min(self.registers.values()) < 0:
            raise ValueError(f"agreement {self.agreement}: registers must be given, none below 0")


def open_period(tx: Tx, company: str, period: int, now_us: int) -> None:
    """Open a period. BillingError when it is no month, or was opened before."""
    if not (1 <= period % 100 <= 12 and 190_000 <= period <= 999_912):
        raise BillingError(f"{period} is no period: write YYYYMM")
    row = (company, period, OPEN, now_us, 0)
    made = tx.insert(
        "billing_period", ("company", "period", "state", "opened_at", "closed_at"), [row],
        "ON CONFLICT DO NOTHING RETURNING period",
    )  # fmt: skip
    if not made:
        raise BillingError(f"period {period} was opened already")


def close_period(tx: Tx, company: str, period: int, now_us: int) -> None:
    """Close it: no usage, no run of it any more. BillingError when a run of it is not finished."""
    need_open(tx, company, period, lock="UPDATE")  # whoever plans a run now is waited for
    open_runs = tx.rows(
        "SELECT id FROM bill_run WHERE company = :company AND period = :period "
        "AND state NOT IN ('issued', 'abandoned')",
        company=company, period=period,
    )  # fmt: skip
    if open_runs:
        raise BillingError(f"run {open_runs[0][0]} of period {period} is not issued")
    tx.run(
        "UPDATE billing_period SET state = 'closed', closed_at = :now "
        "WHERE company = :company AND period = :period",
        now=now_us, company=company, period=period,
    )  # fmt: skip


def need_open(tx: Reader, company: str, period: int, lock: str = "SHARE") -> None:
    """BillingError unless the period is open; it stays so until the transaction ends."""
    rows = tx.rows(
        "SELECT state FROM billing_period WHERE company = :company AND period = :period "
        f"FOR {lock}", company=company, period=period,
    )  # fmt: skip
    if not rows or rows[0][0] != OPEN:
        raise BillingError(f"period {period} of {company} is {'closed' if rows else 'not open'}")


def record_usage(
    tx: Tx, company: str, period: int, reported: Sequence[Reported], draw: Draw, now_us: int
) -> int:
    """Write usage: of each agreement the next version; what was there before stays. Rows written.

    BillingError when an agreement is not of the company, comes twice, or began later.
    """
    need_open(tx, company, period)
    ids = [each.agreement for each in reported]
    if len(set(ids)) != len(ids) or len(ids) > MAX_ROWS:
        raise BillingError(f"an agreement comes twice, or there are more than {MAX_ROWS}")
    known = tx.rows(
        "SELECT g.id, COALESCE((SELECT max(u.version) FROM bill_usage u WHERE "
        "u.agreement_id = g.id AND u.period = :period), 0), g.since FROM agreement g "
        "WHERE g.company = :company AND g.id IN :ids",
        period=period, company=company, ids=ids,
    ) if ids else []  # fmt: skip
    versions: dict[int, int] = {id_: version for id_, version, _ in known}
    missing = [each for each in ids if each not in versions]
    if missing:
        raise BillingError(f"no agreement {missing[0]} in {company}")
    since = {id_: begun for id_, _, begun in known}
    for each in reported:  # what the one before him used is not his
        if each.first.isoformat() < since[each.agreement]:
            raise BillingError(
                f"agreement {each.agreement} began on {since[each.agreement]}, not on {each.first}"
            )
    _need_billed(tx, reported)
    first = draw("bill_usage", len(ids)) if ids else 0
    tx.load("bill_usage", _COLUMNS, [
        (
            first + place, company, each.agreement, period, versions[each.agreement] + 1,
            each.first.isoformat(), each.last.isoformat(),
            msgspec.json.encode(each.registers, order="sorted").decode(), each.source,
            int(each.estimated), now_us,
        )
        for place, each in enumerate(reported)
    ])  # fmt: skip
    return len(ids)


def _need_billed(tx: Reader, reported: Sequence[Reported]) -> None:
    """BillingError where an agreement's days are not billed: tokens have paid them, or it has
    ended (``core.changes``). Agreements of one mode all their life are not in that table."""
    slices: dict[int, list[tuple[str, str]]] = {}
    for agreement, first, last in tx.rows(
        "SELECT agreement_id, first, last FROM billed_days WHERE agreement_id IN :ids ORDER BY id",
        ids=[each.agreement for each in reported],
    ) if reported else []:  # fmt: skip
        slices.setdefault(agreement, []).append((first, last))
    for each in reported:
        own, used = slices.get(each.agreement), (each.first.isoformat(), each.last.isoformat())
        if own and not any(a <= used[0] and (not b or used[1] <= b) for a, b in own):
            days = ", ".join(f"{a} to {b or 'now'}" for a, b in own)
            raise BillingError(
                f"agreement {each.agreement} is billed for {days}, not for {used[0]} to {used[1]}"
            )

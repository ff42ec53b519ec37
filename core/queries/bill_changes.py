"""Changes of billed quantities that wait for a second person, with what he has to know."""

import msgspec

from core.store.tx import Reader

#: More than a person decides in a day.
MOST = 1_000


class ChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """``by``: register → milli-units more (less); ``registers``: as billed; ``total``: of the bill,
    minor units."""

    change: int
    bill: int
    account: str
    period: int
    by: dict[str, int]
    registers: dict[str, int]
    total: int
    reason: str
    evidence: str
    asked_by: str
    asked_at: int


def waiting_changes(reader: Reader, company: str) -> list[ChangeView]:
    """Those that are asked for, the oldest first."""
    rows = reader.rows(
        "SELECT c.id, c.bill_id, a.number, c.period, c.changes, u.registers, b.total, c.reason, "
        "c.evidence, c.asked_by, c.asked_at FROM usage_change c JOIN bill b ON b.id = c.bill_id "
        "JOIN bill_usage u ON u.id = b.usage_id JOIN account a ON a.id = b.account_id "
        "WHERE c.company = :company AND c.state = 'asked' ORDER BY c.id LIMIT :most",
        company=company, most=MOST,
    )  # fmt: skip
    decode = msgspec.json.Decoder(dict[str, int]).decode
    return [
        ChangeView(
            change=id_, bill=bill, account=account, period=period, by=decode(by),
            registers=decode(registers), total=total, reason=reason, evidence=evidence,
            asked_by=asked_by, asked_at=asked_at,
        )
        for id_, bill, account, period, by, registers, total, reason, evidence, asked_by, asked_at
        in rows
    ]  # fmt: skip

"""One phase of one partition, inside a transaction that somebody else opens and commits.

``claim`` takes the next partition that is free for a phase (its row stays locked until the commit,
other workers pass it by); ``freeze`` and ``compute`` do it. ``core.billing.issue`` has the third.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec

from core.billing.calculate import LINE, calculate
from core.billing.shapes import (
    FIRST_SEQUENCE,
    REBILL,
    BillingError,
    Computed,
    Draw,
    Frozen,
    RunTerms,
    Usage,
    digest_of,
)
from core.billing.states import PHASES, BillState, PartState, RunMove
from core.calendars import add_months
from core.store.tx import Reader, Tx

BILL = (
    "id", "company", "run_id", "agreement_id", "account_id", "period", "sequence", "live", "state",
    "outsort", "tariff", "usage_id", "snapshot", "digest", "consumption", "net", "tax", "total",
    "credits", "replaces", "txn_id", "item_id", "reversal_id", "issued_at", "made_at",
)  # fmt: skip
_PARTITION = (
    "number", "from_agreement", "to_agreement", "inputs", "snapshot", "digest", "first_bill",
    "bills",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_PARTITION)} FROM run_partition WHERE run_id = :run AND "
#: The newest usage of a period; final rows, so that its id freezes it.
_NEWEST = (
    "JOIN bill_usage u ON u.agreement_id = g.id AND u.period = :period AND NOT EXISTS (SELECT 1 "
    "FROM bill_usage n WHERE n.agreement_id = u.agreement_id AND n.period = u.period "
    "AND n.version > u.version) "
)
_LIVE = "b.agreement_id = g.id AND b.period = :period AND b.sequence = :sequence AND b.live = 1"
_RANGE = "WHERE g.company = :company AND g.id >= :low AND g.id <= :high "
_BEFORE = (
    "(SELECT p.consumption FROM bill p WHERE p.agreement_id = g.id AND p.period = :before "
    "AND p.sequence = :sequence AND p.live = 1 AND p.state = 'issued')"
)
_TO_BILL = (
    f"SELECT g.id, g.account_id, g.tariff, u.id, a.currency, {_BEFORE}, 0 FROM agreement g "
    f"JOIN account a ON a.id = g.account_id {_NEWEST}{_RANGE}AND g.mode = 'postpaid' "
    f"AND NOT EXISTS (SELECT 1 FROM bill b WHERE {_LIVE}) ORDER BY g.id"
)
_TO_CORRECT = (
    f"SELECT g.id, b.account_id, b.tariff, u.id, a.currency, {_BEFORE}, b.id FROM agreement g "
    f"JOIN bill b ON {_LIVE} AND b.state = 'issued' JOIN account a ON a.id = b.account_id "
    f"{_NEWEST}{_RANGE}AND b.usage_id <> u.id ORDER BY g.id"
)


class Partition(msgspec.Struct, frozen=True, gc=False):
    """A row of ``run_partition``, as a phase needs it."""

    number: int
    low: int
    high: int
    inputs: str
    snapshot: str
    digest: str
    first_bill: int
    bills: int

    def frozen(self) -> tuple[Frozen, ...]:
        """Its inputs. BillingError when they are not those that were frozen."""
        found = msgspec.json.decode(self.inputs, type=tuple[Frozen, ...])
        if digest_of(found) != self.snapshot:
            raise BillingError(f"partition {self.number}: its inputs were changed")
        return found


def claim(tx: Tx, run_id: int, phase: RunMove) -> Partition | None:
    """The next partition for this phase, locked; None when there is no free one."""
    tail = ""
    if tx.dialect == "postgresql":
        # tables that were empty when a plan was made would be read from end to end for ever after
        tx.run("SET LOCAL enable_seqscan = off")
        tail = " FOR UPDATE SKIP LOCKED"
    rows = tx.rows(
        f"{_SELECT}state = :state ORDER BY number LIMIT 1{tail}",
        run=run_id, state=PHASES[phase][0].value,
    )  # fmt: skip
    return Partition(*rows[0]) if rows else None


def freeze(tx: Tx, terms: RunTerms, part: Partition) -> int:
    """Write down which inputs hold for each bill of a partition; how many there are."""
    rows = tx.rows(
        _TO_CORRECT if terms.kind == REBILL else _TO_BILL,
        company=terms.company, period=terms.period, before=add_months(terms.period, -1),
        sequence=FIRST_SEQUENCE, low=part.low, high=part.high,
    )  # fmt: skip
    frozen = [Frozen(*row) for row in rows]
    _note(tx, terms.id, part.number, PartState.FROZEN, *_packed(frozen))
    return len(frozen)


def _packed(frozen: Sequence[Frozen]) -> tuple[str, str]:
    return msgspec.json.encode(frozen).decode(), digest_of(frozen)


def _note(
    tx: Tx, run_id: int, number: int, state: PartState, inputs: str, snapshot: str
) -> None:  # fmt: skip
    tx.run(
        "UPDATE run_partition SET state = :state, inputs = :inputs, snapshot = :snapshot "
        "WHERE run_id = :run AND number = :number",
        state=state.value, inputs=inputs, snapshot=snapshot, run=run_id, number=number,
    )  # fmt: skip


def compute(tx: Tx, terms: RunTerms, part: Partition, draw: Draw, now_us: int) -> int:
    """Calculate, outsort and write the bills of a partition; how many."""
    frozen = part.frozen()
    if terms.kind != REBILL:
        left = _without_bill(tx, terms, frozen)
        if len(left) != len(frozen):
            frozen = left
            _note(tx, terms.id, part.number, PartState.FROZEN, *_packed(frozen))
    bills = calculate(terms, frozen, usages(tx, frozen))
    first = draw("bill", len(bills)) if bills else 0
    tx.load("bill", BILL, _bill_rows(terms, bills, first, now_us))
    tx.load("bill_line", LINE, [
        (number, *line) for number, bill in enumerate(bills, first) for line in bill.lines
    ])  # fmt: skip
    tx.run(
        "UPDATE run_partition SET state = :state, digest = :digest, first_bill = :first, "
        "bills = :bills, held = :held, total = :total WHERE run_id = :run AND number = :number",
        state=PartState.CALCULATED.value, digest=digest_of([bill.digest for bill in bills]),
        first=first, bills=len(bills), held=sum(bill.state is BillState.HELD for bill in bills),
        total=sum(bill.total for bill in bills), run=terms.id, number=part.number,
    )  # fmt: skip
    return len(bills)


def _without_bill(tx: Tx, terms: RunTerms, frozen: Sequence[Frozen]) -> tuple[Frozen, ...]:
    """Those that got no bill from another run meanwhile; the index refuses what comes later."""
    billed = {row[0] for row in tx.rows(
        "SELECT agreement_id FROM bill WHERE live = 1 AND period = :period "
        "AND sequence = :sequence AND agreement_id IN :ids",
        period=terms.period, sequence=FIRST_SEQUENCE, ids=[each.agreement for each in frozen],
    )} if frozen else set()  # fmt: skip
    return tuple(each for each in frozen if each.agreement not in billed)


def usages(reader: Reader, frozen: Sequence[Frozen]) -> dict[int, Usage]:
    """What was used, by the ids of the frozen rows."""
    rows = reader.rows(
        "SELECT id, first, last, registers FROM bill_usage WHERE id IN :ids",
        ids=[each.usage for each in frozen],
    ) if frozen else []  # fmt: skip
    days: dict[str, date] = {}
    decode = _REGISTERS.decode
    return {
        id_: Usage(id_, _day(days, first), _day(days, last), decode(text))
        for id_, first, last, text in rows
    }


_REGISTERS = msgspec.json.Decoder(dict[str, int])


def _day(days: dict[str, date], text: str) -> date:
    found = days.get(text)
    if found is None:
        found = days[text] = date.fromisoformat(text)
    return found


def _bill_rows(
    terms: RunTerms, bills: Sequence[Computed], first: int, now_us: int
) -> list[tuple[Any, ...]]:
    """A correction is not live before the bill that it replaces is reversed."""
    return [
        (
            number, terms.company, terms.id, bill.frozen.agreement, bill.frozen.account,
            terms.period, FIRST_SEQUENCE, 0 if bill.frozen.replaces else 1, bill.state.value,
            bill.outsort, bill.frozen.tariff, bill.frozen.usage, bill.snapshot, bill.digest,
            bill.consumption, bill.net, bill.tax, bill.total, bill.credits, bill.frozen.replaces,
            0, 0, 0, 0, now_us,
        )
        for number, bill in enumerate(bills, first)
    ]  # fmt: skip


def again(reader: Reader, terms: RunTerms, number: int) -> tuple[str, str]:
    """Calculate a partition a second time and write nothing: (digest as stored, digest now)."""
    rows = reader.rows(f"{_SELECT}number = :number", run=terms.id, number=number)
    if not rows:
        raise BillingError(f"run {terms.id} has no partition {number}")
    part = Partition(*rows[0])
    frozen = part.frozen()
    bills = calculate(terms, frozen, usages(reader, frozen))
    return part.digest, digest_of([bill.digest for bill in bills])

"""One phase of one partition, inside a transaction that somebody else opens and commits.

``claim`` takes the next partition that is free for a phase (its row stays locked until the commit,
other workers pass it by); ``freeze`` and ``compute`` do it. ``core.billing.issue`` has the third.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from core.billing.calculate import LINE, calculate
from core.billing.earlier import usages
from core.billing.inputs import commons, gather
from core.billing.shapes import (
    FIRST_SEQUENCE,
    REBILL,
    BillingError,
    Computed,
    Draw,
    Frozen,
    RunTerms,
    digest_of,
    text_digest,
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
        if text_digest(self.inputs) != self.snapshot:
            raise BillingError(f"partition {self.number}: its inputs were changed")
        return found


def claim(tx: Tx, run_id: int, phase: RunMove, number: int = 0, above: int = 0) -> Partition | None:
    """The next partition for this phase, locked; None when there is no free one.

    ``number``: this one and no other; who is at it is waited for. None: it is done. ``above``: the
    search begins behind this one; from the first, each would pass by all that are done.
    """
    which, named = "AND number > :number ", number or above
    tail = ""
    if tx.dialect == "postgresql":
        # tables that were empty when a plan was made would be read from end to end for ever after
        tx.run("SET LOCAL enable_seqscan = off")
        tail = " FOR UPDATE" if number else " FOR UPDATE SKIP LOCKED"
    if number:
        which = "AND number = :number "
    rows = tx.rows(
        f"{_SELECT}state = :state {which}ORDER BY number LIMIT 1{tail}",
        run=run_id, state=PHASES[phase][0].value, number=named,
    )  # fmt: skip
    return Partition(*rows[0]) if rows else None


def waiting(reader: Reader, run_id: int, phase: RunMove, above: int, most: int) -> list[int]:
    """Numbers of partitions that wait for this phase, the lowest above ``above`` first."""
    rows = reader.rows(
        "SELECT number FROM run_partition WHERE run_id = :run AND number > :above "
        "AND state = :state ORDER BY number LIMIT :most",
        run=run_id, above=above, state=PHASES[phase][0].value, most=most,
    )  # fmt: skip
    return [row[0] for row in rows]


def any_free(tx: Tx, run_id: int, phase: RunMove) -> bool:
    """Whether one waits for this phase that nobody is at now. Whoever ends a partition asks: the
    one that asks last sees none, so that the end of a phase is seen, at times more than once."""
    tail = " FOR SHARE SKIP LOCKED" if tx.dialect == "postgresql" else ""
    return bool(tx.rows(
        "SELECT number FROM run_partition WHERE run_id = :run AND state = :state "
        f"ORDER BY number DESC LIMIT 1{tail}", run=run_id, state=PHASES[phase][0].value,
    ))  # fmt: skip


def unfinished(tx: Tx, run_id: int, phase: RunMove) -> int:
    """How many still wait for this phase, once everybody who was at one has come to an end."""
    return len(tx.rows(
        "SELECT number FROM run_partition WHERE run_id = :run AND state = :state "
        "ORDER BY number FOR UPDATE", run=run_id, state=PHASES[phase][0].value,
    ))  # fmt: skip


def freeze(tx: Tx, terms: RunTerms, part: Partition) -> int:
    """Write down which inputs hold for each bill of a partition; how many there are."""
    rows = tx.rows(
        _TO_CORRECT if terms.kind == REBILL else _TO_BILL,
        company=terms.company, period=terms.period, before=add_months(terms.period, -1),
        sequence=FIRST_SEQUENCE, low=part.low, high=part.high,
    )  # fmt: skip
    frozen = gather(tx, terms, [Frozen(*row) for row in rows], (part.low, part.high))
    _note(tx, terms.id, part.number, PartState.FROZEN, *_packed(frozen))
    return len(frozen)


def _packed(frozen: Sequence[Frozen]) -> tuple[str, str]:
    text = msgspec.json.encode(frozen).decode()
    return text, text_digest(text)


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
    bills = calculate(terms, frozen, usages(tx, frozen), commons(tx, frozen))
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
    bills = calculate(terms, frozen, usages(reader, frozen), commons(reader, frozen))
    return part.digest, digest_of([bill.digest for bill in bills])

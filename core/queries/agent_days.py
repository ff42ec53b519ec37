"""An agent's day: what he sold and collected, what he brought, and what does not fit together.

Three levels are compared: what his terminals say of their batches and what we have of them; what we
have booked; what the bank, or a desk, has got. A difference is a row for a person to look at, with
its age; nothing is booked here. (facts/payments, reconciliation levels.)
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from core.queries.agent_books import KindSum, statement_of
from core.store.tx import Reader

HOUR_US: Final = 3_600_000_000
#: Debits that are looked through for the age of what is owed: some months of a busy shop. Older
#: than the last of them is old enough.
MOST_DEBITS: Final = 20_000


class BatchSum(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of one of the agent's terminals: what we have of it, what the terminal says (None:
    it has said nothing yet). Minor units, less what was reversed. ``since``: when it was opened."""

    terminal: str
    number: int
    state: str
    since: int
    ours: int
    theirs: int | None = None


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a person must look at. ``kind``:

    ``batch-differs``      a terminal's total is not ours: ``amount`` is theirs less ours
    ``batch-open``         a batch of an earlier day was not settled
    ``topup-unanswered``   the agent says that he paid; neither the bank nor a desk says so
    ``topup-differs``      another amount came than the agent said: what came less what was said
    ``topup-by-hand``      two people counted it; the bank has not said it itself
    ``surrender-overdue``  our cash is longer in his hands than allowed
    """

    kind: str
    about: str
    amount: int
    since: int


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent owes: ``in_hand`` of our cash (with what is reserved), the oldest of it taken
    at ``since`` (0: nothing is booked); ``owes_commission`` was paid out and taken back later;
    ``short`` was collected without the line above his float, and is due beside it, like it."""

    number: str
    name: str
    currency: str
    in_hand: int
    cash_limit: int
    since: int
    overdue: bool
    owes_commission: int
    short: int


class AgentDay(msgspec.Struct, frozen=True, kw_only=True):
    """``sold`` and ``collected`` are less what was taken back that day; ``banked`` came by a bank,
    ``at_desk`` as cash at a desk. ``before`` + the kinds = ``after``."""

    number: str
    currency: str
    before: int
    kinds: tuple[KindSum, ...]
    after: int
    sold: int
    collected: int
    banked: int
    at_desk: int
    in_batches: int
    looks: tuple[Look, ...]


def day_of(
    reader: Reader, company: str, number: str, day: tuple[int, int],
    now_us: int, surrender_hours: int, batches: Sequence[BatchSum] = (),
) -> AgentDay:  # fmt: skip
    """``day``: its first instant, and that of the next one. ``batches``: of the agent's terminals,
    those of the day and those that are still open."""
    since_us, until_us = day
    made = statement_of(reader, company, number, since_us, until_us)
    by_kind = {each.kind: each.amount for each in made.kinds}
    due = dues(reader, company, now_us, surrender_hours, number)
    overdue = tuple(
        Look(kind="surrender-overdue", about=each.number, amount=each.in_hand, since=each.since)
        for each in due
        if each.overdue
    )
    whose = {"company": company, "number": number, "since": since_us, "until": until_us}
    banked, at_desk = _brought(reader, whose)
    ((currency,),) = reader.rows(
        "SELECT f.currency FROM agent_float f JOIN agent a ON a.id = f.agent_id "
        "WHERE a.company = :company AND a.number = :number",
        company=company,
        number=number,
    )
    return AgentDay(
        number=number,
        currency=currency,
        before=made.before,
        kinds=made.kinds,
        after=made.after,
        sold=-by_kind.get("sale", 0) - by_kind.get("sale-cancelled", 0),
        collected=-sum(by_kind.get(each, 0) for each in ("payment", "reversed", "dishonoured")),
        banked=banked,
        at_desk=at_desk,
        in_batches=sum(batch.ours for batch in batches if batch.since >= since_us),
        looks=(*_of_batches(batches, since_us), *_of_topups(reader, whose), *overdue),
    )


def _brought(reader: Reader, whose: dict[str, object]) -> tuple[int, int]:
    """(by banks and mobile money, as cash at desks) in the day."""
    ((banked, at_desk),) = reader.rows(
        "SELECT CAST(COALESCE(sum(CASE WHEN m.way = 'cash' THEN 0 ELSE m.amount END), 0) "
        "AS BIGINT), CAST(COALESCE(sum(CASE WHEN m.way = 'cash' THEN m.amount ELSE 0 END), 0) "
        "AS BIGINT) FROM agent_movement m JOIN agent a ON a.id = m.agent_id "
        "WHERE a.company = :company AND a.number = :number AND m.at >= :since "
        "AND m.at < :until AND m.kind IN ('topup', 'surrender')",
        **whose,
    )
    return int(banked), int(at_desk)


def _of_batches(batches: Sequence[BatchSum], since_us: int) -> list[Look]:
    """What does not fit between terminals and us."""
    found = []
    for batch in batches:
        about = f"{batch.terminal}/{batch.number}"
        if batch.theirs is not None and batch.theirs != batch.ours:
            differs = batch.theirs - batch.ours
            found.append(Look(kind="batch-differs", about=about, amount=differs, since=batch.since))
        if batch.state != "closed" and batch.since < since_us:
            found.append(Look(kind="batch-open", about=about, amount=batch.ours, since=batch.since))
    return found


def _of_topups(reader: Reader, whose: dict[str, object]) -> list[Look]:
    """What does not fit between the agent's word, ours and the bank's."""
    rows = reader.rows(
        "SELECT 'topup-unanswered', t.reference, t.amount, t.requested_at FROM agent_topup t "
        "JOIN agent a ON a.id = t.agent_id WHERE a.company = :company AND a.number = :number "
        "AND t.state IN ('requested', 'expired') AND t.requested_at < :until AND NOT EXISTS ("
        "SELECT 1 FROM agent_topup n WHERE n.agent_id = t.agent_id AND n.reference = t.reference "
        "AND n.id > t.id) UNION ALL "
        "SELECT 'topup-differs', t.reference, m.amount - t.amount, m.at FROM agent_topup t "
        "JOIN agent a ON a.id = t.agent_id JOIN agent_movement m ON m.id = t.movement_id "
        "WHERE a.company = :company AND a.number = :number AND m.amount <> t.amount "
        "AND m.at >= :since AND m.at < :until UNION ALL "
        "SELECT 'topup-by-hand', COALESCE(NULLIF(m.reference, ''), 'act ' || m.act_id), "
        "m.amount, m.at FROM agent_movement m JOIN agent a ON a.id = m.agent_id "
        "WHERE a.company = :company AND a.number = :number AND m.kind = 'topup' "
        "AND m.act_id <> 0 AND m.way <> 'cash' AND m.at >= :since AND m.at < :until "
        "ORDER BY 4, 1, 2",
        **whose,
    )
    return [Look(kind=row[0], about=row[1], amount=row[2], since=row[3]) for row in rows]


#: What the agent collected above his float, without the line, and has not made good.
_SHORT = (
    "COALESCE((SELECT CAST(sum(y.amount) AS BIGINT) FROM posting y "
    "WHERE y.ledger = 'agent-short' AND y.owner = a.id AND y.owner <> 0), 0)"
)


def _short_since(reader: Reader, agent_id: int) -> int:
    """When the oldest of it was booked."""
    ((at,),) = reader.rows(
        "SELECT COALESCE(min(opened_at), 0) FROM terminal_case WHERE agent_id = :id "
        "AND kind = 'float-short' AND state = 'open'",
        id=agent_id,
    )
    return int(at)


def dues(
    reader: Reader, company: str, now_us: int, surrender_hours: int, number: str = ""
) -> list[Due]:
    """Agents that owe something (or the one of that number, if he does), the oldest first."""
    one = "AND a.number = :number " if number else ""
    params = {"company": company, **({"number": number} if number else {})}
    owed = (
        "COALESCE((SELECT CAST(sum(x.amount) AS BIGINT) FROM posting x "
        "WHERE x.ledger = 'commission' AND x.owner = a.id AND x.owner <> 0), 0)"
    )
    rows = reader.rows(
        "SELECT id, number, name, currency, balance, reserved, cash_limit, back, short FROM ("
        "SELECT a.id, a.number, a.name, f.currency, f.balance, f.reserved, a.cash_limit, "
        f"{owed} AS back, {_SHORT} AS short FROM agent a JOIN agent_float f ON f.agent_id = a.id "
        f"WHERE a.company = :company {one}) u WHERE balance < reserved OR back > 0 OR short > 0",
        **params,
    )
    made = []
    for id_, name_, title, currency, balance, reserved, limit, back, short in rows:
        since = _oldest(reader, id_, -balance) if balance < 0 else 0
        if short:
            since = min(filter(None, (since, _short_since(reader, id_))), default=0)
        made.append(
            Due(
                number=name_,
                name=title,
                currency=currency,
                in_hand=max(0, reserved - balance),
                cash_limit=limit,
                since=since,
                overdue=0 < since <= now_us - surrender_hours * HOUR_US,
                owes_commission=max(0, back),
                short=max(0, short),
            )
        )
    return sorted(made, key=lambda due: (due.since == 0, due.since, due.number))


def _oldest(reader: Reader, agent_id: int, held: int) -> int:
    """When the oldest of what is owed was taken: what came has paid for the oldest debits, so the
    newest ones are what is left. Minor units."""
    oldest = 0
    for at, amount in reader.rows(
        "SELECT t.at, p.amount FROM posting p JOIN ledger_txn t ON t.id = p.txn_id "
        "WHERE p.ledger = 'agent-float' AND p.owner = :id AND p.owner <> 0 AND p.amount > 0 "
        "ORDER BY t.at DESC, t.id DESC LIMIT :most",
        id=agent_id,
        most=MOST_DEBITS,
    ):
        oldest, held = at, held - amount
        if held <= 0:
            break
    return int(oldest)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A top-up that an agent asked for; ``state`` as it is now, also where nobody has looked."""

    request: int
    agent: str
    amount: int
    way: str
    desk: str
    reference: str
    state: str
    requested_at: int
    expires: int


def wishes(
    reader: Reader, company: str, now_us: int, number: str = "", *, ended: bool = False
) -> list[Wish]:
    """What agents (or the one of that number) ask for and nobody has decided, the oldest first;
    ``ended``: the newest hundred, whatever became of them."""
    one = " AND a.number = :number" if number else ""
    open_ = "" if ended else " AND t.state = 'requested'"
    params = {"company": company, **({"number": number} if number else {})}
    rows = reader.rows(
        "SELECT t.id, a.number, t.amount, t.way, t.desk, t.reference, t.state, t.requested_at, "
        "t.expires FROM agent_topup t JOIN agent a ON a.id = t.agent_id "
        f"WHERE t.company = :company{one}{open_} ORDER BY t.id {'DESC LIMIT 100' if ended else ''}",
        **params,
    )
    found = [Wish(**dict(zip(Wish.__struct_fields__, row, strict=True))) for row in rows]
    return [
        msgspec.structs.replace(wish, state="expired")
        if wish.state == "requested" and wish.expires <= now_us
        else wish
        for wish in found
    ]

"""What agents earn: reckoned with the sale, posted beside it, taken back with it. Pure.

A commission is a transaction of its own, so that a sale posts the same whoever paid for it:
``expense:commission`` against the seller's float (withheld) or what is owed to him
(``commission``), what is owed to those above him, and the tax that is withheld of it. Those above
never get it on their floats at once: their rows would be locked by every sale below them.
"""

from collections.abc import Sequence

from msgspec.structs import asdict, replace

from core.agents.entities import Agent, AgentFloat, Earned
from core.agents.states import BILLS, MAX_DEPTH, AgentState
from core.agents.terms import Part, Rule, divided
from core.calendars import local_date, period_of
from core.collection.items import book, mirror
from core.entities import PastSale
from core.handlers.base import Context
from core.ledger import AGENT_FLOAT, Entry
from core.refusals import refuse
from core.tariffs.sale import Line
from core.tariffs.shapes import TAX_AUTHORITY, THIRD_PARTY

COMMISSION = "commission"
EXPENSE = "expense:commission"


def part_of(line: Line) -> str:
    """Whose money a receipt line is, in the words of a rule's base."""
    if line.step == "debts":
        return "debts"
    if line.payee == TAX_AUTHORITY:
        return "tax"
    return "third-party" if line.payee.startswith(THIRD_PARTY) else "own"


def commission_of_sale(ctx: Context, sale: PastSale, lines: Sequence[Line]) -> None:
    """What the agent whose float paid for a sale earns."""
    agent = ctx.stage.need(Agent, sale.agent_id)
    rule = ctx.terms.agents.rules.get(agent.commission)
    if rule is None:
        return
    base = sum(line.amount for line in lines if part_of(line) in rule.base)
    _earn(ctx, agent, rule, sale.commodity, (base, "sale", sale.id))


def commission_of_payment(ctx: Context, agent: Agent, payment_id: int, amount: int) -> None:
    """What an agent earns for a payment that he collected."""
    rule = ctx.terms.agents.rules.get(agent.commission)
    if rule is not None:
        base = amount if "collected" in rule.base else 0
        _earn(ctx, agent, rule, BILLS, (base, "payment", payment_id))


def _earn(ctx: Context, agent: Agent, rule: Rule, service: str, of: tuple[int, str, int]) -> None:
    """``of``: the base, and what it is the base of: source and id."""
    base, source, source_id = max(0, of[0]), of[1], of[2]
    today = local_date(ctx.now_us, ctx.terms.zone)
    rate = rule.rate(service, today)
    if rate is None:
        return
    float_ = ctx.stage.need(AgentFloat, agent.id)
    month = max(float_.month, period_of(today))  # a clock set back does not reopen a month
    month_base = float_.month_base if float_.month == month else 0
    ctx.stage.put(agent.id, replace(float_, month=month, month_base=month_base + base))
    gross = rate.gross(base, month_base)
    if not (gross or base):
        return
    # of nothing too the row is kept: it says what goes back from the month's base
    parts = divided(rule, gross, _line(ctx, agent)) or [Part(agent.id, 0, 0)]
    txn_id = _post(ctx, agent, rule, parts) if gross else ctx.new_id("ledger_txn")
    for part in parts:
        settle = rule.settle if part.agent_id == agent.id else "paid"
        earned = Earned(
            txn_id, part.agent_id, ctx.terms.code, source, source_id, rule.code, settle, base,
            part.gross, part.tax, ctx.now_us,
        )  # fmt: skip
        _write(ctx, earned)


def _line(ctx: Context, agent: Agent) -> list[int]:
    """The seller, and those above him who are not closed, the nearest first."""
    found, above = [agent.id], agent.parent_id
    for _ in range(MAX_DEPTH):
        parent = ctx.stage.get(Agent, above) if above else None
        if parent is None:
            break
        if parent.state != AgentState.CLOSED:
            found.append(parent.id)
        above = parent.parent_id
    return found


def take_back(ctx: Context, agent_id: int, source: str, source_id: int) -> None:
    """What was earned of a sale or payment that never was goes back, from everybody who got a part.

    The seller's float has the money of the reversal already. Refused where a commission that was
    more than the payment has been spent.
    """
    rows: tuple[Earned, ...] = ctx.stage.linked("commission-of", (source, source_id)) or ()
    if not any(sum(getattr(row, name) for row in rows) for name in ("gross", "base")):
        return
    at_once = sum(row.gross - row.tax for row in rows if row.settle == "withheld")
    float_ = ctx.stage.need(AgentFloat, agent_id)
    if float_.spendable < at_once:
        raise refuse(
            "float-insufficient",
            agent=ctx.stage.need(Agent, agent_id).number,
            credit=max(0, float_.spendable),
            tender=at_once,
            currency=float_.currency,
        )
    nothing = not any(row.gross for row in rows)
    txn_id = ctx.new_id("ledger_txn") if nothing else mirror(ctx, rows[0].txn_id, "commission-back")
    for row in rows:
        gone = replace(
            row, txn_id=txn_id, base=-row.base, gross=-row.gross, tax=-row.tax, at=ctx.now_us
        )
        _write(ctx, gone)
    month = period_of(local_date(rows[0].at, ctx.terms.zone))
    float_ = ctx.stage.need(AgentFloat, agent_id)
    if float_.month == month:
        left = max(0, float_.month_base - rows[0].base)
        ctx.stage.put(agent_id, replace(float_, month_base=left))


def _write(ctx: Context, earned: Earned) -> None:
    """The row, and what a reversal of this batch must see."""
    ctx.stage.add("agent_commission", **asdict(earned))
    at = ("commission-of", (earned.source, earned.source_id))
    ctx.stage.link(*at, (*(ctx.stage.linked(*at) or ()), earned))


def _post(ctx: Context, agent: Agent, rule: Rule, parts: Sequence[Part]) -> int:
    entries = [Entry(EXPENSE, sum(part.gross for part in parts))]
    for part in parts:
        at_once = rule.settle == "withheld" and part.agent_id == agent.id
        entries.append(Entry(AGENT_FLOAT if at_once else COMMISSION, -part.net, part.agent_id))
        entries.append(Entry(f"tax:{rule.tax_code}", -part.tax))
    return book(ctx, COMMISSION, entries)

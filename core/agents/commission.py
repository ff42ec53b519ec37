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
from core.entities import PastSale
from core.handlers.base import Context
from core.ledger import AGENT_FLOAT, Entry, Transaction, post
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


def commission_of_sale(
    ctx: Context, sale: PastSale, lines: Sequence[Line], cause: str = ""
) -> None:
    """What the agent whose float paid for a sale earns; ``cause``: the command, where it is not the
    present message."""
    agent = ctx.stage.need(Agent, sale.agent_id)
    rule = ctx.terms.agents.rules.get(agent.commission)
    if rule is None:
        return
    base = sum(line.amount for line in lines if part_of(line) in rule.base)
    _earn(ctx, agent, rule, sale.commodity, (base, "sale", sale.id, cause))


def commission_of_payment(ctx: Context, agent: Agent, payment_id: int, amount: int) -> None:
    """What an agent earns for a payment that he collected."""
    rule = ctx.terms.agents.rules.get(agent.commission)
    if rule is not None:
        base = amount if "collected" in rule.base else 0
        _earn(ctx, agent, rule, BILLS, (base, "payment", payment_id, ""))


def _earn(
    ctx: Context, agent: Agent, rule: Rule, service: str, of: tuple[int, str, int, str]
) -> None:
    """``of``: the base, and what it is the base of: source, id, the command that caused it."""
    base, source, source_id, cause = max(0, of[0]), of[1], of[2], of[3]
    today = local_date(ctx.now_us, ctx.terms.zone)
    rate = rule.rate(service, today)
    if rate is None:
        return
    float_ = ctx.stage.need(AgentFloat, agent.id)
    month = max(float_.month, period_of(today))  # a clock set back does not reopen a month
    month_base = float_.month_base if float_.month == month else 0
    ctx.stage.put(agent.id, replace(float_, month=month, month_base=month_base + base))
    gross = rate.gross(base, month_base)
    if not gross:
        return
    parts = divided(rule, gross, _line(ctx, agent))
    txn_id = _post(ctx, agent, rule, parts, cause)
    for part in parts:
        settle = rule.settle if part.agent_id == agent.id else "paid"
        earned = Earned(
            txn_id, part.agent_id, ctx.terms.code, source, source_id, rule.code, settle, base,
            part.gross, part.tax, ctx.now_us,
        )  # fmt: skip
        ctx.stage.add("agent_commission", **asdict(earned))


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


def _post(ctx: Context, agent: Agent, rule: Rule, parts: Sequence[Part], cause: str) -> int:
    entries = [Entry(EXPENSE, sum(part.gross for part in parts))]
    for part in parts:
        at_once = rule.settle == "withheld" and part.agent_id == agent.id
        entries.append(Entry(AGENT_FLOAT if at_once else COMMISSION, -part.net, part.agent_id))
        entries.append(Entry(f"tax:{rule.tax_code}", -part.tax))
    txn = Transaction(
        ctx.new_id("ledger_txn"), ctx.terms.code, COMMISSION, ctx.terms.currency,
        cause or ctx.message_id, ctx.now_us,
    )  # fmt: skip
    post(ctx.stage, txn, entries)
    return txn.id

"""Bills that were collected while the line was down: the customer has paid, so the money is booked.

Whatever is wrong with it is a case: no such account (the money waits in suspense), less on the
float than was collected (the agent owes the rest), above the terminal's limit of the day, a receipt
that was not given to it.
"""

from datetime import timedelta
from typing import Any, Final

from msgspec.structs import replace

from core.agents.commission import commission_of_payment
from core.agents.entities import Agent
from core.agents.floats import agent_of, float_of, refilled, spent
from core.agents.states import AgentState
from core.calendars import local_date
from core.collection.items import book
from core.collection.payments import Part, receive
from core.collection.tenders import Tender
from core.entities import Account
from core.handlers.base import Context
from core.ledger import AGENT_FLOAT, Entry
from core.messages import Answer, CollectOffline, Outcome
from core.refusals import refuse
from core.terminals import cases
from core.terminals.entities import Terminal
from core.terminals.item_entities import TerminalCase, TerminalItem, offline_name, slip_name
from core.terminals.item_states import ItemState
from core.terminals.presence import terminal_of
from core.terminals.slips import (
    PAYMENT,
    Asked,
    At,
    batch_for,
    check_words,
    day_number,
    day_of,
    record,
    today_of,
    unused,
)
from core.terminals.states import TerminalState

#: What an agent owes who collected above his float.
AGENT_SHORT: Final = "agent-short"
SHORT: Final = "agent-short"
#: The way of paying that agents' payments have.
BY_AGENT: Final = "agent"
#: The year 2900, in microseconds: a clock that says more is wrong beyond any calendar.
LAST_US: Final = 29_348_000_000_000_000
#: A line is mended within a month; a payment that is older is looked at.
OFFLINE_DAYS: Final = 31


def decide_offline(ctx: Context, command: CollectOffline) -> Answer:
    """Book it, and say what is wrong with it."""
    agent, slip = agent_of(ctx, command.agent), command.slip
    if command.amount <= 0:
        raise refuse("tender-not-positive", tender=command.amount)
    if command.currency != ctx.terms.currency:
        raise refuse(
            "currency-wrong",
            currency=command.currency,
            account=command.account,
            expected=ctx.terms.currency,
        )
    terminal = terminal_of(ctx, slip.terminal)
    day_of(slip.terminal, slip.day)
    check_words(slip, command.amount)
    slip = replace(slip, receipt=receipt_number(slip.receipt))
    known = ctx.stage.get(TerminalItem, slip_name(terminal.id, slip.day, slip.stan))
    if known is not None and _same(ctx, command, agent, known):
        return _answer(command, known, [])
    unused(ctx, terminal, slip)
    made_day = _made_day(ctx, command)
    known = _sent_before(ctx, command, (terminal.id, slip.receipt, made_day))
    if known is not None:
        return _answer(command, known, [])
    batch, late = batch_for(ctx, terminal, slip.batch, slip.day)
    at = At(Asked(agent, slip, PAYMENT, command.amount, command.currency), terminal, batch, late)
    wrongs = [f"batch {batch.number} was closed before"] if late else []
    wrongs += _wrongs(ctx, command, (agent, terminal), made_day)
    item, found = _book(ctx, command, at, made_day)
    _remember(ctx, item)
    if wrongs:
        what = "; ".join(wrongs)
        found.append(
            cases.about_item(ctx, item, cases.OFFLINE_WRONG, what, account=command.account[:40])
        )
    return _answer(command, item, found)


def _same(ctx: Context, command: CollectOffline, agent: Agent, item: TerminalItem) -> bool:
    """Whether it came before, under another key."""
    account = _account(ctx, command.account)
    return account is not None and (
        (item.offline, item.agent_id, item.amount, item.receipt, item.account_id)
        == (1, agent.id, command.amount, receipt_number(command.slip.receipt), account.id)
    )


def _sent_before(
    ctx: Context, command: CollectOffline, of: tuple[int, str, int]
) -> TerminalItem | None:
    """The same bill under another number: a terminal that had no answer has counted on, or its day
    has changed. Terminal, receipt, account, amount and day (``of`` and the command) say it."""
    account = _account(ctx, command.account)
    terminal_id, receipt, made_day = of
    owner = account.id if account is not None else 0
    name = (terminal_id, receipt, owner, command.amount, made_day)
    slip = ctx.stage.linked("offline-as", name) if receipt else None
    item = ctx.stage.get(TerminalItem, slip) if slip is not None else None
    stands = item is not None and item.state in (ItemState.BOOKED, ItemState.KEPT)
    return item if stands else None


def on_calendar(made_at: int) -> bool:
    """Whether a terminal's clock says something that can be."""
    return 0 < made_at < LAST_US


def receipt_number(receipt: str) -> str:
    """A number of a series as it is kept: terminals print it with zeros before it, or without."""
    plain = receipt.strip()
    if not (plain.isascii() and plain.isdecimal()):
        return plain
    return plain.lstrip("0") or "0"


def _made_day(ctx: Context, command: CollectOffline) -> int:
    """The day of the company's zone on which it was collected, as the terminal says."""
    if not on_calendar(command.made_at):
        return command.slip.day
    return day_number(local_date(command.made_at, ctx.terms.zone))


def _wrongs(
    ctx: Context, command: CollectOffline, who: tuple[Agent, Terminal], made_day: int
) -> list[str]:
    """Everything that a person should know of it, in words."""
    (agent, terminal), slip, stage = who, command.slip, ctx.stage
    found = []
    if agent.state != AgentState.ACTIVE:
        found.append(f"agent {agent.number} is {agent.state}")
    if terminal.state != TerminalState.ACTIVE:
        found.append(f"terminal {terminal.number} is {terminal.state}")
    if terminal.agent_id != agent.id:
        found.append(f"terminal {terminal.number} is another agent's")
    today, made = today_of(ctx), day_of(slip.terminal, made_day)
    if not today - timedelta(OFFLINE_DAYS) <= made <= today + timedelta(1):
        found.append(f"made on {made}, as the terminal says")
    if command.made_at and not on_calendar(command.made_at):
        found.append(f"its clock says {command.made_at}")
    before = stage.linked("offline-of", (terminal.id, made_day)) or 0
    if before + command.amount > terminal.emergency_limit:
        found.append(
            f"{before + command.amount} on {made}, the limit is {terminal.emergency_limit}"
        )
    receipt = receipt_number(slip.receipt)
    number = int(receipt) if receipt.isdecimal() else -1
    series = stage.linked("receipts-of", terminal.id) or ()
    if not any(first <= number <= last for first, last in series):
        found.append(f"receipt {slip.receipt or '(none)'} was not given to this terminal")
    elif stage.linked("receipt-used", receipt):
        found.append(f"receipt {slip.receipt} was used before")
    return found


def _book(
    ctx: Context, command: CollectOffline, at: At, made_day: int
) -> tuple[TerminalItem, list[TerminalCase]]:
    """The money: to its account, else in suspense; what the float does not have the agent owes."""
    agent, amount = at.asked.agent, command.amount
    short = amount - float_of(ctx.stage, agent).spendable
    if short > 0:
        move_short(ctx, agent.id, short, at.terminal.number)
    account = _account(ctx, command.account)
    tender = Tender(way=BY_AGENT, desk=f"{agent.number}/{at.terminal.number}", agent_id=agent.id)
    payment = receive(ctx, [Part(account, amount)], tender)
    commission_of_payment(ctx, agent, payment.id, amount)
    spent(ctx, agent.id, amount)
    item = record(
        ctx, at, ItemState.BOOKED, offline=1, made_day=made_day, about=payment.id,
        document=payment.number, account_id=account.id if account is not None else 0,
    )  # fmt: skip
    found = []
    if account is None:
        what = f"no account {command.account[:40]} that money can go to"
        found.append(
            cases.about_item(ctx, item, cases.SUSPENSE_CASE, what, account=command.account[:40])
        )
    if short > 0:
        what = f"{amount - short} of {amount} were on the float"
        found.append(cases.about_item(ctx, item, cases.FLOAT_SHORT, what, amount=short))
    return item, found


def _account(ctx: Context, number: str) -> Account | None:
    """Where the money can go: an active account of the company's currency."""
    id_ = ctx.stage.linked("account-number", number)
    account = ctx.stage.get(Account, id_) if id_ is not None else None
    if account is None or account.state != "active" or account.currency != ctx.terms.currency:
        return None
    return account


def _remember(ctx: Context, item: TerminalItem) -> None:
    """What the next one of this batch must see."""
    at = (item.terminal_id, item.made_day)
    ctx.stage.link("offline-of", at, (ctx.stage.linked("offline-of", at) or 0) + item.amount)
    if item.receipt:
        ctx.stage.link("receipt-used", item.receipt, True)
        ctx.stage.link("offline-as", offline_name(item), item.slip)


def move_short(ctx: Context, agent_id: int, amount: int, place: str) -> int:
    """The agent owes ``amount`` more and his float has it; below 0: the float pays it back."""
    txn_id = book(ctx, SHORT, [
        Entry(AGENT_SHORT, amount, agent_id), Entry(AGENT_FLOAT, -amount, agent_id),
    ])  # fmt: skip
    ctx.stage.add(
        "agent_movement", id=ctx.new_id("agent_movement"), company=ctx.terms.code,
        agent_id=agent_id, other_id=0, kind="short", amount=amount, way="offline", desk=place,
        reference="", act_id=0, txn_id=txn_id, message_id=ctx.message_id, at=ctx.now_us,
    )  # fmt: skip
    owed: int = ctx.stage.linked("short-owed", agent_id) or 0
    ctx.stage.link("short-owed", agent_id, owed + amount)
    refilled(ctx, agent_id)
    return txn_id


def _answer(command: CollectOffline, item: TerminalItem, found: list[TerminalCase]) -> Answer:
    data: dict[str, Any] = {
        "payment": item.document,
        "account": command.account[:40],
        "amount": item.amount,
        "currency": item.currency,
        "receipt": item.receipt,
    }
    if found:
        data["case"] = found[0].id
        data["cases"] = [case.kind for case in found]
    return Answer(outcome=Outcome.DONE, data=data)

"""Bills that were collected while the line was down: the customer has paid, so the money is booked.

Whatever is wrong with it is a case: no such account (the money waits in suspense), less on the
float than was collected (the agent owes the rest), above the terminal's limit of the day, a receipt
that was not given to it.
"""

from datetime import timedelta
from typing import Any, Final

from msgspec.structs import replace

from core.agents.areas import collects_for
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
from core.terminals.undone import OF_PAYMENT

#: What an agent owes who collected above his float.
AGENT_SHORT: Final = "agent-short"
SHORT: Final = "agent-short"
#: The way of paying that agents' payments have.
BY_AGENT: Final = "agent"
#: The year 2900, in microseconds: a clock that says more is wrong beyond any calendar.
LAST_US: Final = 29_348_000_000_000_000
#: A bill of these was booked; what operators have undone is not booked again by being sent again.
_STANDS: Final = (ItemState.BOOKED, ItemState.KEPT, ItemState.UNDONE)
#: A line is mended within a month; a payment that is older is looked at.
OFFLINE_DAYS: Final = 31


def decide_offline(ctx: Context, command: CollectOffline) -> Answer:
    """Book it, and say what is wrong with it."""
    slip = command.slip
    agent_of(ctx, command.agent)
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
    if known is not None and _same(ctx, command, known):
        return _answer(command, known, [])
    unused(ctx, terminal, slip)
    made_day = _made_day(ctx, command)
    known = _sent_before(ctx, command, terminal, made_day)
    if known is not None:
        return _answer(command, known, [])
    agent = _collector(ctx, command, terminal)
    batch, late = batch_for(ctx, terminal, slip.batch, slip.day)
    at = At(Asked(agent, slip, PAYMENT, command.amount, command.currency), terminal, batch, late)
    wrongs = [f"batch {batch.number} was closed before"] if late else []
    wrongs += _wrongs(ctx, command, (agent, terminal), made_day)
    item, found = _book(ctx, command, at, made_day)
    _remember(ctx, item, command.account)
    if wrongs:
        what = "; ".join(wrongs)
        found.append(
            cases.about_item(ctx, item, cases.OFFLINE_WRONG, what, account=command.account[:40])
        )
    return _answer(command, item, found)


def _collector(ctx: Context, command: CollectOffline, terminal: Terminal) -> Agent:
    """Whose float pays: of a bill that was collected before the terminal was bound to its agent,
    the former one's. A receipt that was given since says that its clock is wrong."""
    agent = agent_of(ctx, command.agent)
    if agent.id != terminal.agent_id or not terminal.former_agent_id:
        return agent
    before = on_calendar(command.made_at) and command.made_at < terminal.bound_at
    given = _series_of(ctx, terminal.id, receipt_number(command.slip.receipt))
    since = given is not None and given[2] >= terminal.bound_at
    return ctx.stage.need(Agent, terminal.former_agent_id) if before and not since else agent


def _same(ctx: Context, command: CollectOffline, item: TerminalItem) -> bool:
    """Whether it came before, under another key."""
    receipt = receipt_number(command.slip.receipt)
    alike = (item.offline, item.amount, item.receipt) == (1, command.amount, receipt)
    account = _account(ctx, command.account)
    known = account is not None or _typed(ctx, command, item)
    return alike and known and _same_account(ctx, command, item)


def _typed(ctx: Context, command: CollectOffline, item: TerminalItem) -> bool:
    """Whether the item is in suspense for the very number that is named."""
    typed: str | None = ctx.stage.linked("offline-typed", item.slip)
    return item.account_id == 0 and typed == command.account[:40]


def _same_account(ctx: Context, command: CollectOffline, item: TerminalItem) -> bool:
    """For the same account, or in suspense for a number that has become an account's since."""
    account = _account(ctx, command.account)
    owner = account.id if account is not None else 0
    return item.account_id == owner or _typed(ctx, command, item)


def _sent_before(
    ctx: Context, command: CollectOffline, terminal: Terminal, made_day: int
) -> TerminalItem | None:
    """The same bill under another number: a terminal that had no answer has counted on, its day
    has changed, or it dates anew what it sends again. Terminal, receipt, account and amount say it;
    of a receipt that is no number of a series, which may come again, the day too."""
    receipt = receipt_number(command.slip.receipt)
    if not receipt:
        return None
    once = _series_of(ctx, terminal.id, receipt) is not None
    for slip in ctx.stage.linked("offline-as", (terminal.id, receipt)) or ():
        item = ctx.stage.get(TerminalItem, slip)
        if item is None or item.state not in _STANDS:
            continue
        alike = item.amount == command.amount and (once or item.made_day == made_day)
        if alike and _same_account(ctx, command, item):
            return item
    return None


def _series_of(ctx: Context, terminal_id: int, receipt: str) -> tuple[int, int, int] | None:
    """The series that a receipt's number is of: first and last, and when the terminal got it."""
    number = int(receipt) if receipt.isdecimal() else -1
    series: tuple[tuple[int, int, int], ...] = ctx.stage.linked("receipts-of", terminal_id) or ()
    return next((each for each in series if each[0] <= number <= each[1]), None)


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
    account = _account(ctx, command.account)
    if account is not None and not collects_for(stage, agent, account):
        found.append(f"account {account.number} is in none of the areas of agent {agent.number}")
    if terminal.state != TerminalState.ACTIVE:
        found.append(f"terminal {terminal.number} is {terminal.state}")
    if terminal.agent_id != agent.id:
        former = agent.id == terminal.former_agent_id
        what = "is another agent's"
        what += f": it was made before, and agent {agent.number} owes it" if former else ""
        found.append(f"terminal {terminal.number} {what}")
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
    if _series_of(ctx, terminal.id, receipt) is None:
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
    ctx.stage.link(OF_PAYMENT, payment.id, item.slip)
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


def _remember(ctx: Context, item: TerminalItem, account: str) -> None:
    """What the next one of this batch must see."""
    at = (item.terminal_id, item.made_day)
    ctx.stage.link("offline-of", at, (ctx.stage.linked("offline-of", at) or 0) + item.amount)
    if item.receipt:
        ctx.stage.link("receipt-used", item.receipt, True)
        name = offline_name(item)
        known = ctx.stage.linked("offline-as", name) or ()
        ctx.stage.link("offline-as", name, (*known, item.slip))
    if not item.account_id:
        ctx.stage.link("offline-typed", item.slip, account[:40])


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

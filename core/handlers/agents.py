"""Commands of agents: what their floats pay for, money that comes to them, operators' acts."""

from typing import Any

from msgspec.structs import replace

from core.agents import money
from core.agents.act_kinds import AGENT_KINDS
from core.agents.acts import STEPS, carry_out
from core.agents.areas import may_collect_for
from core.agents.cash import slip_ids
from core.agents.commission import commission_of_payment
from core.agents.entities import Agent
from core.agents.floats import agent_of, can_pay, may_sell, spent
from core.agents.states import BILLS
from core.agents.tells import also_told
from core.agents.wanted import reference_of, wants_of
from core.book import Wants
from core.collection.payments import Part, account_of, receive
from core.collection.tenders import Tender
from core.counter.wanted import cash_at
from core.entities import Account
from core.handlers.base import Context, Handler
from core.handlers.terminal_items import SLIP_IDS, wants_of_slip
from core.handlers.vending import SALE_IDS
from core.messages import (
    Answer,
    CollectPayment,
    CreditVend,
    Outcome,
    ReceiveDeposit,
    RequestAgentAct,
    SellCredit,
)
from core.refusals import refuse
from core.terminals.slips import PAYMENT, SALE, Asked, at_terminal
from core.vending import act_checks as checks
from core.vending.act_kinds import Kind, Two
from core.vending.act_life import act_answer, new_act, on_file
from core.vending.sale import sell_by_agent
from core.vending.sale_rows import MAX_RECIPIENTS, tell

#: What an act with agents may draw.
AGENT_ACT_IDS = {
    "token_act": 1,
    "account": 1,
    "ledger_txn": 2,
    "agent_movement": 2,
    "notice": 2,
    slip_ids("{company}"): 1,
    "till_move": 1,  # cash that it hands over at a desk with shifts
}
#: The way of paying that agents' payments have; nobody else may name it.
BY_AGENT = "agent"
#: A till's name: a terminal's has 8 characters (ISO 8583, DE 41), a cashier's some more.
MAX_TILL = 40


def decide_sell(ctx: Context, command: SellCredit) -> Answer:
    """Sell: the float pays, and the agent keeps the cash."""
    agent = agent_of(ctx, command.agent)
    purchase = CreditVend(
        meter=command.meter,
        tender=command.tender,
        currency=command.currency,
        phone=command.phone,
        another=command.another,
        quoted_tenths=command.quoted_tenths,
        reply=command.reply,
        answer_by_notice=command.answer_by_notice,
    )
    if command.slip is None:
        return sell_by_agent(ctx, purchase, agent)
    asked = Asked(agent, command.slip, SALE, command.tender, command.currency)
    return at_terminal(ctx, asked, lambda: sell_by_agent(ctx, purchase, agent))


def _wants_sell(command: SellCredit) -> Wants:
    phones = (command.phone,) if command.phone else ()
    wants = Wants(meters=(command.meter,), phones=phones, agents=(command.agent,))
    return Wants.union((wants, wants_of_slip(command.slip))) if command.slip else wants


def decide_collect(ctx: Context, command: CollectPayment) -> Answer:
    """Collect: the float pays the customer's payment in, and the agent keeps the cash."""
    agent = agent_of(ctx, command.agent)
    if command.slip is None:
        return _collect(ctx, command, agent)
    asked = Asked(agent, command.slip, PAYMENT, command.amount, command.currency)
    return at_terminal(ctx, asked, lambda: _collect(ctx, command, agent))


def _collect(ctx: Context, command: CollectPayment, agent: Agent) -> Answer:
    if command.amount <= 0:
        raise refuse("tender-not-positive", tender=command.amount)
    may_sell(agent, BILLS)
    account = account_of(ctx, command.account)
    may_collect_for(ctx.stage, agent, account)
    float_ = can_pay(ctx, agent, command.amount)
    if not command.currency == account.currency == float_.currency:
        raise refuse(
            "currency-wrong",
            currency=command.currency,
            account=account.number,
            expected=account.currency,
        )
    if len(command.till) > MAX_TILL:
        raise money.wrong(agent.number, f"a till's name has at most {MAX_TILL} characters")
    desk = f"{agent.number}/{command.till}" if command.till else agent.number
    tender = Tender(way=BY_AGENT, desk=desk, rule=command.rule, agent_id=agent.id)
    payment = receive(ctx, [Part(account, command.amount, command.items)], tender)
    commission_of_payment(ctx, agent, payment.id, command.amount)
    spent(ctx, agent.id, command.amount)
    credit = ctx.stage.need(Account, account.id).spendable
    data: dict[str, Any] = {
        "payment": payment.number,
        "account": account.number,
        "amount": command.amount,
        "currency": account.currency,
        "credit": credit,
    }
    tell(ctx, also_told(ctx, agent, account.id, command.reply), "payment", data)
    return Answer(outcome=Outcome.DONE, data=data)


def _wants_collect(command: CollectPayment) -> Wants:
    number = (command.account,)
    phones = tuple(recipient.address for recipient in command.reply[:MAX_RECIPIENTS])
    wants = Wants(accounts=number, owing=number, phones=phones, agents=(command.agent,))
    return Wants.union((wants, wants_of_slip(command.slip))) if command.slip else wants


def decide_deposit(ctx: Context, command: ReceiveDeposit) -> Answer:
    """A bank has the money: the float may spend it. Its reference counts once."""
    if not reference_of(command):
        raise money.wrong(command.agent, "a bank's deposit needs its reference")
    if command.currency != ctx.terms.currency:
        raise refuse(
            "currency-wrong",
            currency=command.currency,
            account=command.agent,
            expected=ctx.terms.currency,
        )
    topup = RequestAgentAct(
        operator="", kind="agent-topup", agent=command.agent, reason="", amount=command.amount,
        way=command.way, desk=command.desk, reference=command.reference,
    )  # fmt: skip
    money.check_topup(ctx, topup)
    facts = money.carry_topup(ctx, 0, topup)
    return Answer(outcome=Outcome.DONE, data={"agent": command.agent, **facts})


def _wants_deposit(command: ReceiveDeposit) -> Wants:
    return Wants(
        agents=(command.agent,),
        deposits=(reference_of(command),),
        counter=cash_at(command.way, command.desk),
    )


def decide_request(ctx: Context, command: RequestAgentAct) -> Answer:
    """Check everything; then carry it out at once, or let it wait for a second person."""
    operator = checks.operator_of(ctx.terms, command.operator)
    kind = _kind_of(command)
    checks.with_role(kind, command.operator, operator, kind.role)
    amount = STEPS[kind.name].check(ctx, command)
    act = replace(new_act(ctx, kind.name, command), amount=amount)
    checks.within_day(ctx, kind, act)
    act = on_file(ctx, act)
    if kind.two is Two.ALWAYS:
        return act_answer(ctx, act)
    # the rule that one person is enough approves; a no here is the request's own no
    return carry_out(ctx, act)


def _kind_of(command: RequestAgentAct) -> Kind:
    """The kind that is asked for, with a reason, and evidence where it needs some."""
    kind = AGENT_KINDS.get(command.kind)
    if kind is None:
        known = ", ".join(AGENT_KINDS)
        raise refuse("act-wrong", kind=command.kind, what=f"no such act; there are: {known}")
    what = checks.wrong_words(command.reason, command.evidence, needed=kind.evidence)
    if what:
        raise refuse("act-wrong", kind=command.kind, what=what)
    return kind


def _wants_request(command: RequestAgentAct) -> Wants:
    return Wants.union((wants_of(command), Wants(operators=(command.operator,))))


HANDLERS = (
    Handler(
        "agents.sell-credit",
        SellCredit,
        _wants_sell,
        decide_sell,
        # the sale's and the commission's; one more notice: the float is low
        {**SALE_IDS, **SLIP_IDS, "ledger_txn": 3, "notice": MAX_RECIPIENTS + 1},
    ),
    Handler(
        "agents.collect-payment",
        CollectPayment,
        _wants_collect,
        decide_collect,
        {
            "ledger_txn": 2,
            "payment": 1,
            "payment-number/{company}": 1,
            "notice": MAX_RECIPIENTS + 1,
            **SLIP_IDS,
        },
    ),
    Handler(
        "agents.receive-deposit",
        ReceiveDeposit,
        _wants_deposit,
        decide_deposit,
        {"ledger_txn": 2, "agent_movement": 2, "notice": 1},
    ),
    Handler("agents.request-act", RequestAgentAct, _wants_request, decide_request, AGENT_ACT_IDS),
)

"""Commands of agents about their own money: what they have paid in, what they give one another."""

from core.agents import money, topups, transfers
from core.agents.fees import FEE_IDS
from core.agents.wanted import reference_of
from core.book import Wants
from core.collection.terms import AT_ONCE
from core.counter.wanted import cash_at
from core.handlers.base import Context, Handler
from core.messages import Answer, Outcome, RequestAgentAct, RequestTopUp, TransferFloat
from core.refusals import refuse


def decide_topup_request(ctx: Context, command: RequestTopUp) -> Answer:
    """Keep it until the bank or two people say the same. Nothing moves."""
    agent = money.living(ctx, command.agent)
    if command.currency != ctx.terms.currency:
        raise refuse(
            "currency-wrong",
            currency=command.currency,
            account=command.agent,
            expected=ctx.terms.currency,
        )
    asked = RequestAgentAct(
        operator="", kind="agent-topup", agent=command.agent, reason="", amount=command.amount,
        way=command.way, desk=command.desk, reference=command.reference,
    )  # fmt: skip
    reference = reference_of(command)
    if not reference:
        raise money.wrong(agent.number, "say the reference under which it was paid")
    money.place(ctx, asked, AT_ONCE)
    money.positive(asked)
    money.new_reference(ctx, agent.number, reference)
    topup = topups.ask(ctx, agent, command)
    data = {
        "agent": agent.number,
        "request": topup.id,
        "state": topup.state,
        "amount": topup.amount,
        "currency": command.currency,
        "reference": topup.reference,
        "expires": topup.expires,
    }
    return Answer(outcome=Outcome.DONE, data=data)


def _wants_topup_request(command: RequestTopUp) -> Wants:
    return Wants(
        agents=(command.agent,),
        deposits=tuple(filter(None, (reference_of(command),))),
        counter=cash_at(command.way, command.desk),
    )


def decide_transfer(ctx: Context, command: TransferFloat) -> Answer:
    """Check the contracts, the limits and the float; then it is the other's."""
    transfers.check(ctx, command)
    facts = transfers.carry(ctx, command)
    data = {
        "agent": command.agent,
        "other": command.other,
        "amount": command.amount,
        "currency": command.currency,
        **facts,
    }
    return Answer(outcome=Outcome.DONE, data=data)


def _wants_transfer(command: TransferFloat) -> Wants:
    return Wants(agents=(command.agent, command.other))


HANDLERS = (
    Handler(
        "agents.request-topup",
        RequestTopUp,
        _wants_topup_request,
        decide_topup_request,
        {"agent_topup": 1},
    ),
    Handler(
        "agents.transfer-float",
        TransferFloat,
        _wants_transfer,
        decide_transfer,
        # the transfer's and its fee's; each of the two may be told that its float is low
        {name: count + 1 for name, count in FEE_IDS.items()} | {"notice": 2},
    ),
)

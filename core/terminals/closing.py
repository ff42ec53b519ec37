"""A person closes a case: by name and with a reason, and with the money that it is about."""

from typing import Any

from core.agents.entities import Agent, AgentFloat
from core.collection.entities import Payment
from core.collection.payments import Part, account_of
from core.collection.suspense import assign, waiting_of
from core.handlers.base import Context
from core.messages import Answer, CloseTerminalCase, Outcome
from core.refusals import Refusal, refuse
from core.terminals import cases
from core.terminals.item_entities import TerminalCase
from core.terminals.offline import move_short
from core.vending import act_checks as checks
from core.vending.act_kinds import Role

_ACT = "close-case"


def decide_close(ctx: Context, command: CloseTerminalCase) -> Answer:
    """Close it; who moves money by it must be one who agrees to agents' acts."""
    operator = checks.operator_of(ctx.terms, command.operator)
    case = cases.open_case(ctx, command.case)
    money = case.kind in (cases.SUSPENSE_CASE, cases.FLOAT_SHORT)
    if Role.AGENT_APPROVER not in operator.roles and (money or Role.AGENTS not in operator.roles):
        role = Role.AGENT_APPROVER if money else Role.AGENTS
        raise refuse("act-no-role", operator=command.operator, kind=_ACT, role=role)
    what = checks.wrong_words(command.reason, "", needed=False)
    if what:
        raise _wrong(what)
    if command.account and case.kind != cases.SUSPENSE_CASE:
        raise _wrong(f"case {case.id} is {case.kind}: no money of it waits for an account")
    facts: dict[str, Any] = {}
    txn_id = 0
    if case.kind == cases.SUSPENSE_CASE:
        txn_id = _to_account(ctx, case, command.account)
        facts = {"account": command.account, "payment": case.document}
    elif case.kind == cases.FLOAT_SHORT:
        txn_id = _paid_back(ctx, case)
        facts = {"paid": case.amount, "currency": case.currency}
    cases.close(ctx, case, command.operator, command.reason.strip(), txn_id)
    return Answer(outcome=Outcome.DONE, data={"case": case.id, "state": "closed", **facts})


def _wrong(what: str) -> Refusal:
    return refuse("act-wrong", kind=_ACT, what=what)


def _to_account(ctx: Context, case: TerminalCase, number: str) -> int:
    """Whose money it is, unless the terminal has taken the payment back."""
    payment = ctx.stage.need(Payment, case.document)
    if not waiting_of(ctx, payment):
        if number:
            raise _wrong(f"payment {case.document} does not wait any more")
        return 0
    if not number:
        raise _wrong(f"say whose money payment {case.document} is: its account")
    account = account_of(ctx, number)
    if account.currency != case.currency:
        raise refuse(
            "currency-wrong", currency=case.currency, account=number, expected=account.currency
        )
    return assign(ctx, payment, Part(account, case.amount))


def _paid_back(ctx: Context, case: TerminalCase) -> int:
    """The float has the money now."""
    agent, float_ = ctx.stage.need(Agent, case.agent_id), ctx.stage.need(AgentFloat, case.agent_id)
    if float_.spendable < case.amount:
        raise refuse(
            "float-insufficient",
            agent=agent.number,
            credit=max(0, float_.spendable),
            tender=case.amount,
            currency=float_.currency,
        )
    return move_short(ctx, agent.id, -case.amount, "case")

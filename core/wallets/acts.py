"""An operator's act with a payment by wallet: checked, carried out, decided by its token's state.

A token that is out cannot be proved unused from here: such a payment stays where it is, its case
has the evidence, and what is given for it is given by the acts with tokens and money, by two people
(``reallocation``, ``cancel-sale``, ``credit-note``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from core.collection.tenders import not_now, unknown
from core.entities import Account, TokenAct
from core.handlers.base import Context
from core.messages import Answer, Recipient, RequestWalletAct
from core.refusals import Refusal, refuse
from core.vending.act_life import act_answer, moved_act
from core.vending.act_states import ActMove
from core.vending.sale_rows import tell
from core.wallets import cases, refunds, rows, takeback
from core.wallets import held as holding
from core.wallets.act_kinds import (
    ASSIGN,
    CASE_CLOSE,
    PAID_TWICE,
    REFUND,
    WRONG_AMOUNT,
    WRONG_METER,
)
from core.wallets.applying import release
from core.wallets.entities import WalletPayment
from core.wallets.held_states import HeldMoney, HeldState
from core.wallets.money import told
from core.wallets.pay_ins import look_up, record
from core.wallets.routing import Reading, Target
from core.wallets.states import WalletState

Facts = dict[str, Any]
_command = msgspec.json.Decoder(RequestWalletAct)
#: What of an agent's or meter's number is shown: no number is longer.
_MAX_NUMBER: Final = 40


@dataclass(frozen=True, slots=True)
class Step:
    """``check`` refuses, or gives the amount that moves (0: none); ``carry`` does it."""

    check: Callable[[Context, RequestWalletAct], int]
    carry: Callable[[Context, TokenAct, RequestWalletAct], Facts]


def command_of(act: TokenAct) -> RequestWalletAct:
    """What was asked for."""
    return _command.decode(act.command)


def payment_of(ctx: Context, number: str) -> WalletPayment:
    """The payment of that number, with money. Raises Refusal."""
    payment = rows.by_number(ctx.stage, number)
    if payment is None:
        raise unknown(f"no payment {number} by wallet")
    if not payment.paid:
        raise not_now(f"payment {number} is {payment.state}: no money came")
    takeback.as_loaded(ctx, payment)
    return payment


def _target(ctx: Context, command: RequestWalletAct) -> Target:
    """Whose it is: exactly one of meter, account, agent, and it is there. Raises Refusal."""
    named = [
        Reading(kind, number)  # type: ignore[arg-type]
        for kind, number in (
            ("meter", command.meter), ("account", command.account), ("agent", command.agent),
        )
        if number
    ]  # fmt: skip
    if len(named) != 1:
        raise _wrong(command, "name one: the meter, the account or the agent whose it is")
    found = look_up(ctx.stage, named[0])
    if found is None:
        raise unknown(f"no {named[0].names} {named[0].number[:_MAX_NUMBER]}")
    return found


def _wrong(command: RequestWalletAct, what: str) -> Refusal:
    return refuse("act-wrong", kind=command.kind, what=what)


def _held(ctx: Context, payment: WalletPayment) -> HeldMoney:
    row = holding.suspended_of(ctx, payment.id)
    if row is None or row.state == HeldState.REFUNDING:
        raise not_now(f"nothing of payment {payment.number} is held")
    return row


def _ours(ctx: Context, payment: WalletPayment) -> None:
    currency = payment.paid_currency or payment.currency
    if currency != ctx.terms.currency:
        raise not_now(f"payment {payment.number} is in {currency}: it can only be given back")


def _check_assign(ctx: Context, command: RequestWalletAct) -> int:
    payment = payment_of(ctx, command.payment)
    _ours(ctx, payment)
    _target(ctx, command)
    return _held(ctx, payment).rest


def _carry_assign(ctx: Context, act: TokenAct, command: RequestWalletAct) -> Facts:
    payment = payment_of(ctx, command.payment)
    return _released(ctx, act, payment, _held(ctx, payment), _target(ctx, command))


def _released(
    ctx: Context, act: TokenAct, payment: WalletPayment, row: HeldMoney, target: Target
) -> Facts:
    """Book it there, or refuse: nobody's approval was for money that stays where it is."""
    applied = release(ctx, row, target)
    if applied.rest and applied.rest >= row.rest:
        raise not_now(
            f"payment {payment.number} cannot be booked on {target.names} {target.number}"
        )
    record(ctx, ctx.stage.need(WalletPayment, payment.id), applied)
    cases.decided(ctx, payment.id, act.approver or act.operator, act.reason, act.id)
    return {"outcome": applied.outcome, **applied.data, "payment": payment.number}


def _check_refund(ctx: Context, command: RequestWalletAct) -> int:
    payment = payment_of(ctx, command.payment)
    refunds.check(ctx, payment)
    return payment.paid


def _carry_refund(ctx: Context, act: TokenAct, command: RequestWalletAct) -> Facts:
    payment = payment_of(ctx, command.payment)
    refund = refunds.ask(ctx, payment, refunds.Why("act", act.reason, act.id))
    return {"refund": refund.id, "refund_state": refund.state, "payment": payment.number}


def _bought(ctx: Context, payment: WalletPayment) -> bool:
    """Whether a token is out, or may be."""
    return takeback.token_of(ctx, payment) in ("issued", "ordered")


def _check_wrong_meter(ctx: Context, command: RequestWalletAct) -> int:
    payment = payment_of(ctx, command.payment)
    target = _target(ctx, command)
    if target.names != "meter":
        raise _wrong(command, "name the meter that it was meant for")
    if target.number == payment.target:
        raise _wrong(command, f"it was for meter {target.number}")
    if _bought(ctx, payment):
        return 0
    _ours(ctx, payment)
    if payment.outcome == "topped-up":
        raise not_now(f"payment {payment.number} is on an agent's float")
    row = holding.suspended_of(ctx, payment.id)
    if row is not None and (row.state == HeldState.REFUNDING or row.rest != payment.paid):
        raise not_now(f"payment {payment.number} is not held as a whole")
    takeback.still_there(ctx, payment)
    return payment.paid


def _carry_wrong_meter(ctx: Context, act: TokenAct, command: RequestWalletAct) -> Facts:
    payment, target = payment_of(ctx, command.payment), _target(ctx, command)
    if _bought(ctx, payment):
        return _case(ctx, act, payment, cases.WRONG_METER, command)
    before = _holders(ctx, payment)
    row = takeback.to_suspense(ctx, payment)
    rows.keep(ctx.stage, replace(payment, payment_id=0, held_id=row.id, target=target.number))
    facts = _released(ctx, act, payment, row, target)
    _say(ctx, payment, before, "wallet-moved", target=target.number)
    return {**facts, "moved_to": target.number}


def _check_case(ctx: Context, command: RequestWalletAct) -> int:
    payment_of(ctx, command.payment)
    return 0


def _carry_wrong_amount(ctx: Context, act: TokenAct, command: RequestWalletAct) -> Facts:
    payment = payment_of(ctx, command.payment)
    return _case(ctx, act, payment, cases.WRONG_AMOUNT, command)


def _check_twice(ctx: Context, command: RequestWalletAct) -> int:
    payment = payment_of(ctx, command.payment)
    return 0 if _bought(ctx, payment) else _check_refund(ctx, command)


def _carry_twice(ctx: Context, act: TokenAct, command: RequestWalletAct) -> Facts:
    payment = payment_of(ctx, command.payment)
    if _bought(ctx, payment):
        return _case(ctx, act, payment, cases.PAID_TWICE, command)
    return _carry_refund(ctx, act, command)


def _case(
    ctx: Context, act: TokenAct, payment: WalletPayment, kind: str, command: RequestWalletAct
) -> Facts:
    """A case with its evidence, told to whoever paid and to whoever has what was bought."""
    meant = command.meter or command.account or command.agent
    detail = f"{act.reason}. Token: {takeback.token_of(ctx, payment)}; booked on {payment.target}"
    if meant:
        detail = f"{detail}; meant for {meant}"
    case = cases.about_payment(
        ctx, payment, kind, detail, amount=command.amount, evidence=command.evidence
    )
    both = {each.address: each for each in _holders(ctx, payment)}
    if command.to:
        both.setdefault(command.to, Recipient(way="sms", address=command.to))
    _say(ctx, payment, tuple(both.values()), "wallet-case", case=case.id)
    return {"case": case.id, "case_kind": kind, "payment": payment.number}


def _holders(ctx: Context, payment: WalletPayment) -> tuple[Recipient, ...]:
    """Who paid, and who has what was bought with it: they may be two."""
    found = {each.address: each for each in told(ctx, payment, payment.account_id)}
    phone = ctx.stage.linked("first-phone", payment.account_id)
    if phone is not None and ctx.stage.get(Account, payment.account_id) is not None:
        language = phone[1] or ctx.terms.languages[0]
        found.setdefault(phone[0], Recipient(way="sms", address=phone[0], language=language))
    return tuple(found.values())


def _say(
    ctx: Context, payment: WalletPayment, to: tuple[Recipient, ...], template: str, **more: Any
) -> None:
    wallet = ctx.terms.wallets.wallets.get(payment.wallet)
    args: Facts = {
        "payment": payment.number,
        "amount": payment.paid,
        "currency": payment.paid_currency or payment.currency,
        "wallet": wallet.label if wallet is not None else payment.wallet,
        **more,
    }
    tell(ctx, to, template, args)


def _check_close(ctx: Context, command: RequestWalletAct) -> int:
    case = cases.open_case(ctx, command.case)
    payment = ctx.stage.get(WalletPayment, case.payment_id) if case.payment_id else None
    if payment is not None and payment.state == WalletState.DISPUTED:
        raise not_now(f"payment {payment.number} is in dispute: assign it or give it back first")
    return 0


def _carry_close(ctx: Context, act: TokenAct, command: RequestWalletAct) -> Facts:
    case = cases.open_case(ctx, command.case)
    cases.close(ctx, case, act.approver or act.operator, act.reason, act.id)
    return {"case": case.id, "case_state": "closed"}


STEPS: Final[Mapping[str, Step]] = {
    ASSIGN: Step(_check_assign, _carry_assign),
    REFUND: Step(_check_refund, _carry_refund),
    WRONG_METER: Step(_check_wrong_meter, _carry_wrong_meter),
    WRONG_AMOUNT: Step(_check_case, _carry_wrong_amount),
    PAID_TWICE: Step(_check_twice, _carry_twice),
    CASE_CLOSE: Step(_check_close, _carry_close),
}


def carry_out(ctx: Context, act: TokenAct) -> Answer:
    """Approved: check again, then do it, or a Refusal."""
    step, command = STEPS[act.kind], command_of(act)
    amount = step.check(ctx, command)
    if amount > act.amount:  # the second person agreed to less
        raise not_now(f"act {act.id} has changed from {act.amount} to {amount}: ask again")
    facts = step.carry(ctx, act, command)
    act = moved_act(
        ctx, act, ActMove.APPROVE, ActMove.CARRY_OUT, amount=amount, decided_at=ctx.now_us
    )
    return act_answer(ctx, act, **facts)

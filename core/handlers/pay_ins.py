"""Money that comes by wallet by itself, money that waits, and who asks for a payment's token."""

from typing import Final

from core.book import Wants
from core.handlers.base import Context, Handler
from core.handlers.vending import SALE_IDS, tell_refusal
from core.messages import Answer, AskMyPayment, Outcome, ReceivePayIn, SweepHeld
from core.vending.sale_rows import MAX_RECIPIENTS
from core.wallets import held as holding
from core.wallets.applying import release
from core.wallets.book_wants import BACK_HELD
from core.wallets.cases import CASE_IDS
from core.wallets.entities import WalletPayment
from core.wallets.held_states import RUNNING, HeldMoney, HeldState
from core.wallets.my_payment import ask
from core.wallets.pay_ins import receive_pay_in, record
from core.wallets.refunds import REFUND_IDS, lapsed
from core.wallets.rows import BY_RECEIPT, ROW_IDS

#: Tries of one message: as it came, up to a price step, after debts were paid, and that again.
_TRIES: Final = 4
#: What money by wallet may draw until it is booked; whoever calls ``apply`` or ``release`` has
#: these.
APPLY_IDS: Final = {
    **{name: count * _TRIES for name, count in SALE_IDS.items()},
    **holding.HELD_IDS,
    "held_money": 2,
    "payment": _TRIES,
    "payment-number/{company}": _TRIES,
    "ledger_txn": _TRIES * (SALE_IDS["ledger_txn"] + 3),
    "agent_movement": 2,
    "notice": _TRIES * MAX_RECIPIENTS + 2,
}

#: What lies over its deadline may go back to its payer.
SWEEP_IDS: Final = {
    name: APPLY_IDS.get(name, 0) + REFUND_IDS.get(name, 0) for name in {**APPLY_IDS, **REFUND_IDS}
}


def decide_pay_in(ctx: Context, command: ReceivePayIn) -> Answer:
    """Book money that has come, once: a token, a bill, a float, or held with a reason."""
    return receive_pay_in(ctx, command)


def _wants_pay_in(command: ReceivePayIn) -> Wants:
    payer = command.payer if command.payer_form == "open" else ""
    phones = (payer, f"+{payer}") if payer.isdecimal() else (payer,)
    return Wants(
        wallets=((BY_RECEIPT, command.wallet, command.receipt),),
        typed=(command.typed,),
        deposits=(command.receipt,),
        phones=tuple(filter(None, phones)),
    )


def decide_sweep(ctx: Context, command: SweepHeld) -> Answer:
    """The clock came to held money: what stood against it may be gone; if not, and its deadline
    has passed, it goes on. What was decided meanwhile is left as it is."""
    held = ctx.stage.get(HeldMoney, command.held)
    if held is None or held.state not in RUNNING or held.next_at > ctx.now_us:
        return Answer(outcome=Outcome.DONE, data={"held": command.held, "outcome": "nothing"})
    if held.state != HeldState.WAITS:
        applied = release(ctx, held)
        payment = ctx.stage.need(WalletPayment, held.payment_id)
        if applied.rest < held.rest:
            payment = record(ctx, payment, applied)
        if not applied.rest:
            if applied.outcome == "ordered":
                return Answer(outcome=Outcome.PENDING)
            data = {"held": held.id, "outcome": applied.outcome, "payment": payment.number}
            return Answer(outcome=Outcome.DONE, data=data)
        held = ctx.stage.need(HeldMoney, applied.held_id)
    if held.deadline <= ctx.now_us:
        held = holding.lapse(ctx, held)
        if held.state == HeldState.REFUND_DUE:
            lapsed(ctx, ctx.stage.need(WalletPayment, held.payment_id))
            held = ctx.stage.need(HeldMoney, held.id)
    return Answer(outcome=Outcome.DONE, data={"held": held.id, "outcome": held.state})


def _wants_sweep(command: SweepHeld) -> Wants:
    return Wants(held=(command.held,), wallet_books=((BACK_HELD, "", str(command.held)),))


def decide_ask(ctx: Context, command: AskMyPayment) -> Answer:
    """The token of a payment, marked COPY."""
    found = ask(ctx, command)
    if isinstance(found, Answer):
        return found
    answer = Answer(outcome=Outcome.REFUSED, code=found.code, args=dict(found.args_))
    if command.answer_by_notice:
        tell_refusal(ctx, command.reply, answer)
    return answer


def _wants_ask(command: AskMyPayment) -> Wants:
    receipt = command.receipt.strip()
    return Wants(
        wallets=((BY_RECEIPT, "", receipt),),
        tokens_of=((command.phone, receipt),),
        phones=(command.phone,),
    )


HANDLERS = (
    Handler(
        "wallets.receive-pay-in",
        ReceivePayIn,
        _wants_pay_in,
        decide_pay_in,
        {**APPLY_IDS, **ROW_IDS, **CASE_IDS},
    ),
    Handler("wallets.sweep-held", SweepHeld, _wants_sweep, decide_sweep, SWEEP_IDS),
    Handler(
        "wallets.ask-my-payment",
        AskMyPayment,
        _wants_ask,
        decide_ask,
        {"wallet_asks": 1, "notice": MAX_RECIPIENTS},
    ),
)

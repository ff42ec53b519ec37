"""Cancelling a whole sale: as if it had not been, as far as nothing was built upon it. Pure.

Digits that were given out cannot be called back, so a sale is only cancelled when its token can
never be taken: the meter itself is back, or its key is another one by now, and a read-out or a
visit shows that it had not been taken before. Everything else that a customer brings forward about
an issued token is another act: a copy, new digits, units for another meter, a refund of what the
meter gives back. Source: facts/payments §6.2 (after the token exists there is no automatic undo).
"""

from core.agents.commission import take_back
from core.agents.floats import unspent
from core.calendars import local_date
from core.collection.items import mirror
from core.entities import (
    Account,
    Agreement,
    AgreementState,
    Meter,
    SaleOnFile,
    TokenAct,
    TokenOnFile,
)
from core.handlers.base import Context
from core.messages import RequestTokenAct
from core.refusals import refuse
from core.tariffs.compiling import NoTariffError
from core.terminals.undone import OF_SALE, undone
from core.vending.act_on_file import cannot, credit_on_file, not_rekeyed
from core.vending.act_tokens import command_of, is_good, make_void
from core.vending.price import MILLI_PER_TENTH, same_limits
from core.vending.sale_effects import Effect, InterferesError, owe_again, stored_effect, without
from core.vending.sale_rows import pay_items

#: The kind of the mirrored transaction.
CANCELLED = "sale-cancelled"


def can_cancel(ctx: Context, command: RequestTokenAct, meter: Meter) -> int:
    """Whether the sale can be cancelled; what it was paid with, in minor units."""
    token, sale, effect = _asked(ctx, command, meter)
    _never_taken(ctx, command, meter, token)
    if all(other.id != sale.id for other in ctx.stage.linked("refundable", meter.drn) or ()):
        raise cannot(command, "a refund since then has paid for its units, or too many follow")
    agreement = ctx.stage.get(Agreement, sale.agreement_id)
    if agreement is None or (agreement.state, agreement.mode) != ("active", "prepaid"):
        raise cannot(command, "its agreement changes, has ended or is billed: no purchase comes")
    if ctx.stage.linked("open-order", sale.agreement_id) is not None:
        raise cannot(command, "a purchase waits for its token, and stands upon this one")
    if sale.currency != ctx.terms.currency:
        raise cannot(command, f"it was sold in {sale.currency}")
    payer = ctx.stage.need(Account, sale.payer_account_id)
    if payer.state != "active":
        raise refuse("account-closed", account=payer.number)
    owner = ctx.stage.need(Account, sale.account_id)
    paid_back = not sale.agent_id and owner.id == payer.id
    if not paid_back and owner.spendable < sale.carried_forward:
        raise cannot(command, f"account {owner.number} has spent what was carried forward")
    _state_without(ctx, command, sale, effect)
    return sale.tender


def cancel(ctx: Context, act: TokenAct, meter: Meter) -> int:
    """The sale's postings mirrored line by line, its token void, blocks, charges and debts as if it
    had not been; the amount that is the payer's credit again, or an agent's float's."""
    command, stage = command_of(act), ctx.stage
    token, sale, effect = _asked(ctx, command, meter)
    stage.put(sale.agreement_id, _state_without(ctx, command, sale, effect))
    owe_again(stage, effect.paid)
    pay_items(ctx, sale.id, effect.items, sign=-1)
    mirror(ctx, sale.txn_id, CANCELLED)
    if sale.agent_id:
        take_back(ctx, sale.agent_id, "sale", sale.id)
        unspent(ctx, sale.agent_id, sale.tender, sale.priced_at)
    make_void(ctx, act, token)
    stage.link("sale-cancelled", sale.id, True)
    undone(stage, OF_SALE, sale.id)
    for name, key in (
        ("recent-sales", sale.meter_id),
        ("last-sales", sale.phone),
        ("refundable", meter.drn),
    ):
        known = stage.linked(name, key)
        if known is not None:
            stage.link(name, key, tuple(other for other in known if other.id != sale.id))
    return sale.tender


def _asked(
    ctx: Context, command: RequestTokenAct, meter: Meter
) -> tuple[TokenOnFile, SaleOnFile, Effect]:
    token = credit_on_file(ctx, command, meter.drn)
    sale = ctx.stage.get(SaleOnFile, token.cause_id) if token.cause == "sale" else None
    if sale is None or sale.meter_id != meter.id:
        raise cannot(command, "the token was not sold, or stands for one that was")
    effect = stored_effect(sale.effect)
    if effect is None:
        raise cannot(command, "it was sold before what sales change was kept")
    return token, sale, effect


def _never_taken(ctx: Context, command: RequestTokenAct, meter: Meter, token: TokenOnFile) -> None:
    """The meter is back, or its key has changed and what is shown says: without this token."""
    if command.evidence.split(maxsplit=1)[0].rstrip(":").lower() == "returned":
        return
    if is_good(ctx, meter, token.digits, (token.sgc, token.krn, token.ti)):
        raise cannot(
            command, "its meter can take the token at any time: change its key first, or bring it"
        )
    not_rekeyed(ctx, command, meter, token)


def _state_without(
    ctx: Context, command: RequestTokenAct, sale: SaleOnFile, effect: Effect
) -> AgreementState:
    state = ctx.stage.need(AgreementState, sale.agreement_id)
    sold = sale.units_tenths * MILLI_PER_TENTH
    try:
        return without(state, effect, sold, _counts(ctx, sale, effect, state))
    except InterferesError as error:
        raise cannot(command, str(error)) from error


def _counts(ctx: Context, sale: SaleOnFile, effect: Effect, state: AgreementState) -> bool:
    """Whether the sale's units are among those that the state holds."""
    tariff = ctx.terms.tariffs.get(sale.tariff.partition("@")[0])
    if tariff is None:
        return state.period == effect.after[0]
    try:
        today = local_date(ctx.now_us, ctx.terms.zone)
        return same_limits(tariff, today, effect.after[0], state.period)
    except NoTariffError:
        return state.period == effect.after[0]

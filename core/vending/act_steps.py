"""How each kind of act is checked and carried out: two small functions a kind, in one table.

``check`` looks at everything that can be looked at before anybody approves, and changes nothing;
it runs again when the act is carried out, for the world may have moved.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from core.commodity import units_only
from core.entities import Account, Meter, TokenAct, TokenOnFile, TokenOrder
from core.handlers.base import Context
from core.messages import ReportTokens, RequestTokenAct
from core.refusals import refuse
from core.store.load_acts import WAITS
from core.sts.layouts import TokenClass
from core.vending import act_keys as keys
from core.vending import act_money as money
from core.vending.act_checks import meter_of
from core.vending.act_kinds import CANCEL, ENTITLEMENT, KEY_CHANGE, KINDS
from core.vending.act_on_file import cannot, credit_on_file, not_rekeyed, on_file
from core.vending.act_states import ActMove
from core.vending.act_tokens import command_of, is_good, issue_setting, issue_units, make_void
from core.vending.cancel import can_cancel, cancel
from core.vending.entitling import can_entitle, entitle
from core.vending.order_states import FOR_PEOPLE
from core.vending.token_orders import key_of_order


@dataclass(frozen=True, slots=True)
class Outcome:
    """What carrying out came to. ``notice``: the text for the customer; ``amount`` minor units.
    No digits: nothing was made, and nobody is told."""

    digits: str
    units_tenths: int = 0
    amount: int = 0
    move: ActMove = ActMove.CARRY_OUT
    notice: str = "act-token"


Check = Callable[[Context, RequestTokenAct, Meter], int]
Carry = Callable[[Context, TokenAct, Meter], Outcome]


@dataclass(frozen=True, slots=True)
class Step:
    """``check`` gives the amount (minor units) that counts in the operator's day."""

    check: Check
    carry: Carry


def _in_use(_ctx: Context, command: RequestTokenAct, meter: Meter) -> int:
    """A blocked meter may be served (a tamper case blocks it); one that is out may not."""
    if meter.state == "exchanged":
        raise refuse("meter-being-exchanged", meter=command.meter)
    return 0


def _for_credit(ctx: Context, command: RequestTokenAct, meter: Meter) -> int:
    """Units go to a meter that could also be sold to."""
    _in_use(ctx, command, meter)
    if meter.state == "blocked":
        raise refuse(
            "meter-blocked",
            meter=meter.drn,
            reason=meter.block_reason,
            help_line=ctx.terms.help_line,
        )
    return 0


# --- settings ----------------------------------------------------------------------------------


def _setting(ctx: Context, act: TokenAct, meter: Meter) -> Outcome:
    token = issue_setting(ctx, act, command_of(act), meter)
    ctx.stage.link("last-act", (act.kind, act.meter), act.command)
    return Outcome(token.digits)


def _can_clear_tamper(ctx: Context, command: RequestTokenAct, meter: Meter) -> int:
    _in_use(ctx, command, meter)
    money.can_charge(ctx, command, meter)
    return command.fee


def _clear_tamper(ctx: Context, act: TokenAct, meter: Meter) -> Outcome:
    """The fee first: without it there is no token."""
    command = command_of(act)
    if ctx.stage.linked("came", act.id) is not None:
        # the token is made: if the credit is gone by now, the fee becomes a debt
        command = replace(command, as_debt=True)
    fee = money.charge(ctx, command, meter)
    return Outcome(issue_setting(ctx, act, command, meter).digits, amount=fee)


# --- units for free ------------------------------------------------------------------------------


def _can_give(ctx: Context, command: RequestTokenAct, meter: Meter) -> int:
    units_only(meter.commodity, meter.drn)
    _for_credit(ctx, command, meter)
    return -sum(entry.amount for entry in money.worth(ctx, meter, command.units_tenths))


def _give(ctx: Context, act: TokenAct, meter: Meter) -> Outcome:
    income = money.worth(ctx, meter, act.units_tenths)
    amount = money.give_away(ctx, act.kind, KINDS[act.kind].ledger, income)
    token = issue_units(ctx, act, meter, act.units_tenths)
    return Outcome(token.digits, act.units_tenths, amount, notice="act-credit")


# --- tokens that were issued before --------------------------------------------------------------


def _can_reprint(ctx: Context, command: RequestTokenAct, meter: Meter) -> int:
    on_file(ctx, command, meter.drn)
    return 0


def _reprint(ctx: Context, act: TokenAct, meter: Meter) -> Outcome:
    """The same digits; nothing is made."""
    token = on_file(ctx, command_of(act), meter.drn)
    units = token.value if token.token_class == TokenClass.CREDIT else 0
    return Outcome(token.digits, units, notice="act-copy")


def _can_replace(ctx: Context, command: RequestTokenAct, meter: Meter) -> int:
    _for_credit(ctx, command, meter)
    token = credit_on_file(ctx, command, meter.drn)
    if is_good(ctx, meter, token.digits, (token.sgc, token.krn, token.ti)):
        raise cannot(
            command, "the token is good for the data on file, correct them or print it again"
        )
    not_rekeyed(ctx, command, meter, token)
    return 0


def _replace(ctx: Context, act: TokenAct, meter: Meter) -> Outcome:
    return _again(ctx, act, meter, credit_on_file(ctx, command_of(act), meter.drn))


def _same_commodity(command: RequestTokenAct, old: Meter, meter: Meter) -> None:
    """Units of water are no units of electricity, whatever they cost."""
    if old.commodity != meter.commodity:
        raise cannot(command, f"meter {old.drn} measures {old.commodity}, not {meter.commodity}")


def _can_reallocate(ctx: Context, command: RequestTokenAct, meter: Meter) -> int:
    _for_credit(ctx, command, meter)
    _same_commodity(command, meter_of(ctx.terms, ctx.stage, command.from_meter), meter)
    credit_on_file(ctx, command, command.from_meter)
    return 0


def _reallocate(ctx: Context, act: TokenAct, meter: Meter) -> Outcome:
    return _again(ctx, act, meter, credit_on_file(ctx, command_of(act), act.from_meter))


def _again(ctx: Context, act: TokenAct, meter: Meter, old: TokenOnFile) -> Outcome:
    """New digits for units that were paid for: no price, no blocks; the old digits are void."""
    token = issue_units(ctx, act, meter, old.value)
    make_void(ctx, act, old)
    return Outcome(token.digits, old.value, notice="act-credit")


# --- units left in a meter -----------------------------------------------------------------------


def _can_transfer(ctx: Context, command: RequestTokenAct, meter: Meter) -> int:
    """From a meter that is out, once, to one that is in."""
    units_only(meter.commodity, meter.drn)
    _for_credit(ctx, command, meter)
    money.agreement_at(ctx, meter)
    old = meter_of(ctx.terms, ctx.stage, command.from_meter)
    if old.state != "exchanged" and ctx.stage.linked("agreement-of", old.id) is not None:
        raise cannot(command, f"meter {old.drn} is still in use")
    _same_commodity(command, old, meter)
    earlier = ctx.stage.linked("moved-from", old.drn)
    if earlier:
        raise cannot(command, f"the units of meter {old.drn} were moved by act {earlier}")
    left = ctx.stage.linked("left-in", old.drn)
    if left is not None and command.units_tenths > left[1]:
        raise cannot(
            command,
            f"by change {left[0]} {left[1] // 10}.{left[1] % 10} units of it may be moved, no more",
        )
    return 0


def _transfer(ctx: Context, act: TokenAct, meter: Meter) -> Outcome:
    token = issue_units(ctx, act, meter, act.units_tenths)
    ctx.stage.link("moved-from", act.from_meter, act.id)
    return Outcome(token.digits, act.units_tenths, notice="act-credit")


def _can_refund(ctx: Context, command: RequestTokenAct, meter: Meter) -> int:
    units_only(meter.commodity, meter.drn)
    _in_use(ctx, command, meter)
    ctx.stage.need(Account, money.agreement_at(ctx, meter).account_id)
    entries = money.refund_entries(ctx, meter, command.units_tenths, ctx.now_us)
    return sum(entry.amount for entry in entries)


def _refund(ctx: Context, act: TokenAct, meter: Meter) -> Outcome:
    """Only the token that clears the meter: money comes when it is shown that the meter took it."""
    token = issue_setting(ctx, act, command_of(act), meter)
    ctx.stage.link("last-refund", meter.drn, WAITS)
    return Outcome(token.digits, act.units_tenths, act.amount, ActMove.HAND_OUT)


def pay_refund(ctx: Context, act: TokenAct, meter: Meter) -> int:
    """The end of a refund: the sales of these units, as of the request, the other way round.

    Of two refunds that were issued side by side the second finds the sales paid back already.
    """
    entries = money.refund_entries(ctx, meter, act.units_tenths, act.requested_at)
    amount = money.pay_back(ctx, meter, entries)
    ctx.stage.link("refundable", meter.drn, ())
    ctx.stage.link("last-refund", meter.drn, ctx.now_us)
    return amount


# --- orders at modules on the network ------------------------------------------------------------


def _can_give_up(ctx: Context, command: RequestTokenAct, meter: Meter) -> int:
    _stuck_order(ctx, command, meter)
    return 0


def _stuck_order(ctx: Context, command: RequestTokenAct, meter: Meter) -> TokenOrder:
    """The meter's order that only people can end; one that the module may still end is not."""
    agreement = ctx.stage.linked("agreement-of", meter.id)
    waiting = (
        ctx.stage.linked("open-order", agreement),
        ctx.stage.linked("open-act-order", meter.drn),
    )
    for order in waiting:
        if order is None or order.meter != meter.drn or order.id != command.value:
            continue
        if order.state not in FOR_PEOPLE:
            raise cannot(command, f"order {order.id} is {order.state}: the module may still end it")
        stuck: TokenOrder = order
        return stuck
    raise cannot(command, f"it has no order number {command.value} that waits (wattbus orders)")


def _give_up(ctx: Context, act: TokenAct, meter: Meter) -> Outcome:
    """Said to the order in its own turn, as the module's reports are."""
    order = _stuck_order(ctx, command_of(act), meter)
    code = f"act {act.id}"
    report = ReportTokens(module=order.module, order=order.id, state="give-up", code=code)
    ctx.stage.emit(report, key=key_of_order(ctx, meter))
    return Outcome("", notice="")


def _change_key(ctx: Context, act: TokenAct, meter: Meter) -> Outcome:
    """The change is on file; its set is made at the next sale."""
    keys.change(ctx, act, meter)
    return Outcome("")


def _cancel(ctx: Context, act: TokenAct, meter: Meter) -> Outcome:
    """No token: the money is credit again."""
    return Outcome("", amount=cancel(ctx, act, meter))


_SETTING = Step(_in_use, _setting)
_GIFT = Step(_can_give, _give)

STEPS: Final[Mapping[str, Step]] = {
    "test": _SETTING,
    "extended-read": _SETTING,
    "power-limit": _SETTING,
    "clear-credit": _SETTING,
    "tariff-rate": _SETTING,
    "clear-tamper": Step(_can_clear_tamper, _clear_tamper),
    "unbalance-limit": _SETTING,
    "water-factor": _SETTING,
    "extended-set": _SETTING,
    "free-issue": _GIFT,
    "compensation": _GIFT,
    "reprint": Step(_can_reprint, _reprint),
    "replacement": Step(_can_replace, _replace),
    "reallocation": Step(_can_reallocate, _reallocate),
    "credit-transfer": Step(_can_transfer, _transfer),
    CANCEL: Step(can_cancel, _cancel),
    "refund": Step(_can_refund, _refund),
    "give-up-order": Step(_can_give_up, _give_up),
    KEY_CHANGE: Step(keys.can_change, _change_key),
    ENTITLEMENT: Step(can_entitle, lambda *at: Outcome(entitle(*at))),
}

"""Reports of security modules on the network: what became of what was ordered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec.structs import replace

from core.book import Wants
from core.collection.business import MAX_FEES
from core.entities import TokenOrder
from core.handlers.base import Context, Handler
from core.messages import Answer, MadeToken, Outcome, ReportModule, ReportTokens
from core.refusals import refuse
from core.terminals.slips import order_ended
from core.vending import act_carry, ordered_advance, ordered_claim, ordered_sale
from core.vending.key_change import MAX_SET
from core.vending.order_states import ENDED, OrderState, moved
from core.vending.sale_rows import MAX_RECIPIENTS, receipt_ids
from core.vending.token_orders import split

#: A module's own words are cut at this many characters.
MAX_DETAIL: Final = 500


@dataclass(frozen=True, slots=True)
class Ends:
    """What each end of an order means for what it was ordered for."""

    made: Callable[[Context, TokenOrder, tuple[MadeToken, ...]], None]
    none: Callable[[Context, TokenOrder], None]
    unsure: Callable[[Context, TokenOrder], None]


ENDS: Final[Mapping[str, Ends]] = {
    "sale": Ends(ordered_sale.token_came, ordered_sale.no_token, ordered_sale.in_doubt),
    "free-units": Ends(ordered_claim.token_came, ordered_claim.no_token, ordered_claim.in_doubt),
    "advance": Ends(ordered_advance.token_came, ordered_advance.no_token, ordered_advance.in_doubt),
    "act": Ends(act_carry.token_came, act_carry.no_token, act_carry.in_doubt),
}


def decide_report(ctx: Context, command: ReportTokens) -> Answer:
    """Move the order, and what waits for it. What comes too late, or twice, changes nothing."""
    order = ctx.stage.get(TokenOrder, command.order)
    if order is None or order.module != command.module:
        raise refuse("order-unknown", order=command.order, module=command.module)
    after = moved(order.state, command.state)
    if after is None:
        return _too_late(ctx, order, command)
    over = after in ENDED
    changed = replace(
        order,
        state=str(after),
        code=command.code,
        detail=command.detail[:MAX_DETAIL],
        ended_at=ctx.now_us if over else 0,
    )
    ctx.stage.put(order.id, changed)
    if over and order.agreement_id:
        ctx.stage.link("open-order", order.agreement_id, None)
    elif over:
        ctx.stage.link("open-act-order", order.meter, None)
    ends = ENDS[order.cause]
    if after is OrderState.MADE:
        ends.made(ctx, changed, command.tokens)
    elif over:
        ends.none(ctx, changed)
    else:
        ends.unsure(ctx, changed)
    if over and order.cause == "sale":
        _at_terminal(ctx, changed)
    return Answer(outcome=Outcome.DONE, data={"order": order.id, "state": str(after)})


def _at_terminal(ctx: Context, order: TokenOrder) -> None:
    """The sale of a terminal has ended: its item too."""
    view = None
    if order.state == OrderState.MADE:
        view = next(answer.data for id_, answer in ctx.stage.answers if id_ == order.reference)
    order_ended(ctx, order.cause_id, view)


def _too_late(ctx: Context, order: TokenOrder, command: ReportTokens) -> Answer:
    """A repeat says what is known. A token that comes after its order was given up goes into the
    module's log, where the proof finds it: it has no cause."""
    if command.state == "made" and order.state != OrderState.MADE:
        made = [each for part in split(ctx, order, command.tokens, ("", "")) for each in part]
        for place, token in enumerate(made):
            ctx.stage.link("made-by", (order.module, f"{ctx.message_id}/{place}"), token)
    return Answer(outcome=Outcome.DONE, data={"order": order.id, "state": order.state})


def _wants(command: ReportTokens) -> Wants:
    return Wants(orders=(command.order,))


_IDS = {
    "token": 1 + MAX_SET,
    "ledger_txn": 2 + MAX_FEES,  # of an act with a fee
    "open_item": MAX_FEES,
    "debt": 1 + MAX_FEES,
    "free_claim": 1,
    "notice": MAX_RECIPIENTS + 1,
    "terminal_case": 1,
    "held_money": 1,  # of a wallet, whose token will not come
    receipt_ids("{company}"): 1,
}


def decide_count(ctx: Context, command: ReportModule) -> Answer:
    """Keep what a module counted: the proof compares it with what was logged."""
    ctx.stage.add(
        "module_count",
        module=command.module,
        at=command.at,
        company=ctx.terms.code,
        counted=command.counted,
        logged=command.logged,
        alerts=msgspec.json.encode(command.alerts).decode(),
    )
    return Answer(outcome=Outcome.DONE)


HANDLERS = (
    Handler("vending.report-tokens", ReportTokens, _wants, decide_report, _IDS),
    Handler("vending.report-module", ReportModule, lambda _: Wants(), decide_count, {}),
)

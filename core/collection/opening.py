"""Credit that an older system owed its customers: an act of two people, once for account and year.

It posts ``opening:credit`` against ``customer-credit``: money that can be spent, so the amount is
that which the second person has agreed to, and a year of an account comes once.
"""

from typing import Any

from core.calendars import local_date
from core.collection.charges import FIRST_YEAR
from core.collection.entities import OpeningAct
from core.collection.items import book
from core.collection.tenders import not_now, wrong
from core.entities import Account, TokenAct
from core.handlers.base import Context
from core.ledger import CUSTOMER_CREDIT, Entry
from core.messages import RequestMoneyAct
from core.refusals import refuse
from core.vending.act_states import ActState

#: What credit of an older system is taken over against.
OPENING_CREDIT = "opening:credit"
OPENING_ACT, _ASKED = "opening-credit", "opening-credits"


def check_opening(ctx: Context, command: RequestMoneyAct, account: Account) -> int:
    """An amount, and a year that the account was not given yet."""
    if command.amount <= 0:
        raise refuse("tender-not-positive", tender=command.amount)
    this_year = local_date(ctx.now_us, ctx.terms.zone).year
    if not FIRST_YEAR <= command.year <= this_year:
        raise wrong(f"{command.year} is no year from {FIRST_YEAR} to {this_year}")
    own = ctx.stage.linked("carried-act", ctx.message_id)
    acts: tuple[OpeningAct, ...] = ctx.stage.linked(_ASKED, account.number) or ()
    for other in acts:
        if other.year == command.year and other.id != own:
            _not_given(ctx, other, asked=own is None)
    return command.amount


def _not_given(ctx: Context, other: OpeningAct, *, asked: bool) -> None:
    act = ctx.stage.get(TokenAct, other.id)
    state = act.state if act is not None else other.state
    if state == ActState.DONE:
        raise not_now(f"the credit of {other.year} was taken over by act {other.id} already")
    if asked and state == ActState.REQUESTED and other.expires > ctx.now_us:
        raise not_now(f"act {other.id} about the credit of {other.year} waits for its approval")


def noted(ctx: Context, act: TokenAct, command: RequestMoneyAct) -> None:
    """What the next request of this batch must see."""
    if act.kind == OPENING_ACT:
        known = ctx.stage.linked(_ASKED, command.account) or ()
        asked = OpeningAct(act.id, command.year, act.state, act.expires)
        ctx.stage.link(_ASKED, command.account, (*known, asked))


def carry_opening(
    ctx: Context, _act: TokenAct, command: RequestMoneyAct, account: Account
) -> dict[str, Any]:
    """It is the customer's credit from now on."""
    book(ctx, "opening-credit", [
        Entry(OPENING_CREDIT, command.amount),
        Entry(CUSTOMER_CREDIT, -command.amount, account.id),
    ])  # fmt: skip
    return {"year": command.year, "credit": ctx.stage.need(Account, account.id).spendable}

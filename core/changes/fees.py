"""What a change costs: fees of the catalogue, raised with its other money and undone with it.

Who has the agreement pays before his securities do, so that they pay this too; who comes, or the
holder of an account, pays for himself. Purchases pay none of it before the change is switched.
"""

from core.changes.cases import Case, need_account
from core.changes.entities import Service
from core.collection.business import (
    ACCOUNT,
    COMES,
    FINAL_BILL,
    LEAVES,
    Payer,
    raise_for,
    recover_raised,
)
from core.collection.entities import OpenItem
from core.entities import Account
from core.handlers.base import Context


def of_leaving(ctx: Context, case: Case, service: Service, account: Account) -> list[OpenItem]:
    """What the holder of the agreement owes for the change, and for a bill that is his last one.

    A fee of an agreement that ends is his own: it does not stay with the service point.
    """
    kind, cause = case.kind, f"change/{case.change.id}"
    about = 0 if kind.closes else service.id
    payer = Payer(account, (service.tariff,), LEAVES if kind.opens else ACCOUNT, about)
    items = raise_for(ctx, kind.name, cause, payer)
    if service.mode == "postpaid" and (kind.closes or kind.to_mode):
        last = Payer(account, (service.tariff,), ACCOUNT, about)
        items += raise_for(ctx, FINAL_BILL, f"{cause}/{FINAL_BILL}", last)
    return items


def of_others(ctx: Context, case: Case) -> list[OpenItem]:
    """What somebody owes who comes, or the holder of an account with all its agreements."""
    kind, change = case.kind, case.change
    if kind.opens:
        account = need_account(ctx, change.to_account_id)
        payer = Payer(account, (_tariff(ctx, case),), COMES if kind.closes else ACCOUNT)
        return raise_for(ctx, kind.name, f"change/{change.id}/{COMES}", payer)
    if kind.renames:
        account = need_account(ctx, change.account_id)
        own = ctx.stage.linked("services-of", account.id) or ()
        tariffs = tuple(ctx.stage.need(Service, id_).tariff for id_ in own)
        return raise_for(ctx, kind.name, f"change/{change.id}", Payer(account, tariffs))
    return []


def _tariff(ctx: Context, case: Case) -> str:
    """That of the agreement that begins."""
    before = ctx.stage.get(Service, case.change.agreement_id) if case.change.agreement_id else None
    return case.asked.tariff or (before.tariff if before else "")


def recover_fees(ctx: Context, case: Case, opened: int) -> None:
    """Switched: purchases pay them where the catalogue says so; of who comes those of the agreement
    that was ``opened`` (0: none)."""
    change = case.change
    for account_id in filter(None, {change.account_id: 0, change.to_account_id: 0}):
        agreement = opened if account_id == change.to_account_id else change.agreement_id
        recover_raised(ctx, account_id, change.settle_id, agreement)

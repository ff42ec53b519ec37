"""What a sale leaves behind: its state, its row, its postings, what is told of it. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from core.book import Stage
from core.collection.entities import OpenItem
from core.collection.items import settle
from core.entities import Account, Agreement, AgreementState, Debt, Meter, PastSale, Phone
from core.handlers.base import Context
from core.ledger import AGENT_FLOAT, CUSTOMER_CREDIT, Entry, Transaction, post
from core.messages import Recipient, SendNotice
from core.tariffs.sale import Line
from core.vending.price import Price
from core.vending.receipt import entries
from core.vending.sale_effects import Effect, effect_text, facts_of
from core.vending.states import SaleState

#: A sale tells at most so many recipients: the buyer, the holder, and some to spare.
MAX_RECIPIENTS = 4

#: What is told of a sale, by what it shows of a key change.
TEMPLATES = {
    "": "token",
    "due": "token-key-due",
    "first": "token-key-change",
    "again": "token-key-change-again",
}


class Bought(msgspec.Struct, frozen=True, gc=False):
    """A purchase that nothing stands against. ``agent_id``: whose float pays; ``payer`` is the
    beneficiary's account then."""

    meter: Meter
    agreement: Agreement
    payer: Account
    price: Price
    agent_id: int = 0


def receipt_ids(company: str) -> str:
    """The series that a company's receipt numbers are drawn from."""
    return f"receipt/{company}"


def new_receipt(ctx: Context) -> str:
    """The next receipt's number."""
    return f"{ctx.terms.receipt_series}{ctx.new_id(receipt_ids(ctx.terms.code)):08d}"


def post_sale(
    ctx: Context, sale: PastSale, lines: Sequence[Line], beneficiary: int, cause: str = ""
) -> None:
    """The sale's one transaction; ``cause``: the command, where it is not the present message."""
    payer = Entry(CUSTOMER_CREDIT, sale.tender, sale.payer_account_id)
    if sale.agent_id:
        payer = Entry(AGENT_FLOAT, sale.tender, sale.agent_id)
    posted = entries(lines, payer, beneficiary, sale.carried_forward)
    txn = Transaction(
        ctx.new_id("ledger_txn"),
        ctx.terms.code,
        "sale",
        sale.currency,
        cause or ctx.message_id,
        ctx.now_us,
    )
    post(ctx.stage, txn, posted)


def carry_on(stage: Stage, bought: Bought) -> Effect:
    """What the tariff remembers from here on: blocks, month charges, and debts that were paid."""
    price = bought.price
    state = stage.need(AgreementState, bought.agreement.id)
    now = replace(
        state,
        period=price.period,
        units_milli=price.priced.units_this_period,
        fixed_through=price.priced.fixed_through or 0,
    )
    stage.put(bought.agreement.id, now)
    for debt_id, amount in price.paid_debts:
        before = stage.need(Debt, debt_id)
        stage.put(debt_id, replace(before, outstanding=before.outstanding - amount))
    return Effect(facts_of(state), facts_of(now), price.paid_debts, price.paid_items)


def pay_items(ctx: Context, sale_id: int, paid: Iterable[tuple[int, int]], sign: int = 1) -> None:
    """Settle the open items that a sale pays; ``sign`` -1: they are owed again."""
    for item_id, amount in paid:
        settle(ctx, ctx.stage.need(OpenItem, item_id), sign * amount, "sale", sale_id)


def remember(stage: Stage, sale: PastSale) -> None:
    """What the next message of the batch must see of an issued sale."""
    recent = stage.linked("recent-sales", sale.meter_id) or ()
    stage.link("recent-sales", sale.meter_id, (sale, *recent))
    last = stage.linked("last-sales", sale.phone)
    if last is not None:
        stage.link("last-sales", sale.phone, (sale, *last))
    count_spent(stage, sale)


def count_spent(stage: Stage, sale: PastSale) -> None:
    """The limits of the day."""
    by_phone = () if sale.agent_id else (("spent-phone", sale.phone),)
    for name, key in (("spent-meter_id", sale.meter_id), *by_phone):
        stage.link(name, key, (stage.linked(name, key) or 0) + sale.tender)


def write_sale(
    ctx: Context, sale: PastSale, bought: Bought, state: SaleState, effect: Effect
) -> None:
    """The sale as a row; one that waits for its token has no receipt yet."""
    ctx.stage.add(
        "sale",
        id=sale.id,
        company=ctx.terms.code,
        message_id=ctx.message_id,
        state=str(state),
        channel=ctx.channel,
        phone=sale.phone,
        payer_account_id=sale.payer_account_id,
        account_id=bought.agreement.account_id,
        agreement_id=bought.agreement.id,
        meter_id=sale.meter_id,
        currency=sale.currency,
        tender=sale.tender,
        units_tenths=sale.units_tenths,
        carried_forward=sale.carried_forward,
        period=bought.price.period,
        tariff=bought.price.tariff_name,
        lines=sale.lines,
        receipt=sale.receipt or None,
        priced_at=sale.priced_at,
        issued_at=ctx.now_us if state is SaleState.ISSUED else 0,
        effect=effect_text(effect),
        agent_id=sale.agent_id,
    )
    if sale.agent_id:
        ctx.stage.link("sold-by-agent", ctx.message_id, sale)


def tell(
    ctx: Context,
    recipients: tuple[Recipient, ...],
    template: str,
    args: dict[str, Any],
    sale_id: int = 0,
) -> None:
    """One notice, one row and one message per recipient and way."""
    for recipient in recipients[:MAX_RECIPIENTS]:
        notice_id = ctx.new_id("notice")
        ctx.stage.emit(
            SendNotice(
                way=recipient.way,
                recipient=recipient.address,
                template=template,
                args=args,
                language=_language_of(ctx.stage, recipient),
                notice_id=notice_id,
                channel=recipient.channel,
            ),
            party=recipient.address,
        )
        ctx.stage.add(
            "notice",
            id=notice_id,
            company=ctx.terms.code,
            message_id=ctx.message_id,
            sale_id=sale_id,
            way=recipient.way,
            recipient=recipient.address,
            template=template,
            state="queued",
            detail="",
            queued_at=ctx.now_us,
            updated_at=ctx.now_us,
        )


def _language_of(stage: Stage, recipient: Recipient) -> str:
    """The language registered with the phone, else the one that he used."""
    phone = stage.get(Phone, recipient.address)
    return phone.language if phone is not None and phone.language else recipient.language

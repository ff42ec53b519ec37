"""A sale as its buyer sees it, and as the books post it."""

from collections.abc import Sequence
from typing import Final

import msgspec

from core.company import Terms
from core.entities import PastSale, Phone
from core.ledger import CUSTOMER_CREDIT, Entry
from core.queries.views import LineView, SaleView
from core.tariffs.sale import Line
from core.tariffs.shapes import TAX_AUTHORITY, THIRD_PARTY

#: Letters of a meter's name on a receipt: no name may make a token's message longer than a phone
#: takes.
MAX_NAME: Final = 20

_encode = msgspec.json.Encoder().encode
_views = msgspec.json.Decoder(tuple[LineView, ...])
_lines = msgspec.json.Decoder(tuple[Line, ...])


def lines_json(lines: tuple[Line, ...]) -> str:
    """The receipt's lines as they are stored: all that the tariff said of each."""
    return _encode(lines).decode()


def line_views(lines: str) -> tuple[LineView, ...]:
    """The stored lines as the buyer may see them."""
    return _views.decode(lines)


def stored_lines(lines: str) -> tuple[Line, ...]:
    """The stored lines as the tariff made them."""
    return _lines.decode(lines)


def sale_view(terms: Terms, sale: PastSale, phone: Phone | None = None) -> SaleView:
    """An issued sale as its buyer sees it; also the data of the answer to his purchase.

    ``phone`` is the buyer's: by the name that he gave the meter he knows it better than by digits.
    """
    names = {own.drn: own.name for own in phone.meters} if phone is not None else {}
    return shown_sale(sale, names.get(sale.drn, "")[:MAX_NAME], test=terms.test)


def shown_sale(sale: PastSale, meter_name: str = "", *, test: bool = False) -> SaleView:
    """The same where the company's terms are not at hand: whoever shows it says if it is a test."""
    return SaleView(
        receipt=sale.receipt,
        meter=sale.drn,
        token=sale.token,
        units_tenths=sale.units_tenths,
        tender=sale.tender,
        currency=sale.currency,
        lines=line_views(sale.lines),
        carried_forward=sale.carried_forward,
        at=sale.priced_at,
        meter_name=meter_name,
        account=sale.account_number,
        test=test,
        sgc=sale.sgc,
        krn=sale.krn,
        ti=sale.ti,
        key_change=sale.key_change,
        kct=sale.kct,
        commodity=sale.commodity,
        free_token=sale.free_token,
        free_tenths=sale.free_tenths,
    )


def ledger_of(line: Line) -> str:
    """The chart's account for a receipt line: whose money it is."""
    if line.step == "debts":
        return f"receivable:{line.code}"
    if line.payee == TAX_AUTHORITY:
        return f"tax:{line.code}"
    if line.payee.startswith(THIRD_PARTY):
        return f"payable:{line.payee.removeprefix(THIRD_PARTY)}"
    return f"revenue:{line.code}"


def entries(lines: Sequence[Line], payer: Entry, beneficiary_id: int, carried: int) -> list[Entry]:
    """What a sale posts: what ``payer`` gives (a customer's credit, an agent's float) becomes
    income, tax, debt paid and carried forward."""
    posted = [payer]
    for line in lines:
        owner = beneficiary_id if line.step == "debts" else 0
        posted.append(Entry(ledger_of(line), -line.amount, owner))
    posted.append(Entry(CUSTOMER_CREDIT, -carried, beneficiary_id))
    return posted

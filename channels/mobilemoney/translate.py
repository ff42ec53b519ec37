"""What a provider says, as canonical messages; amounts between his major and our minor units."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from adapters.mobilemoney.reading import Payer, Reading
from adapters.mobilemoney.sending import Given
from core.messages import ReceivePayIn, ReportCollection
from core.messages.wallets import MAX_DETAIL, MAX_TYPED, CollectionReport, PayerForm, Proof
from core.money import CURRENCIES

_SECOND_US: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FORMS: Final[dict[Payer, PayerForm]] = {
    Payer.OPEN: "open",
    Payer.MASKED: "masked",
    Payer.HASHED: "hashed",
    Payer.ABSENT: "absent",
}


def major(minor: int, currency: str) -> Decimal:
    """The decimal number of major units, with all its places."""
    return Decimal(minor).scaleb(-CURRENCIES[currency].exponent)


def minor(amount: Decimal | None, currency: str) -> int | None:
    """Minor units; None: no amount, a currency that we do not know, or parts of a minor unit."""
    if amount is None or currency not in CURRENCIES:
        return None
    scaled = amount.scaleb(CURRENCIES[currency].exponent)
    return int(scaled) if scaled == scaled.to_integral_value() else None


def instant(at: datetime | None) -> int:
    """Microseconds UTC; 0: the provider says no time."""
    if at is None:
        return 0
    return int(at.timestamp()) * _SECOND_US


def when(at_us: int, given: Given) -> datetime | None:
    """An instant in the provider's zone; None: there is none."""
    if not at_us:
        return None
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(given.now.tzinfo)


def payer(found: Reading) -> tuple[str, PayerForm]:
    """The payer as the provider shows him: E.164 where it is open."""
    form = _FORMS[found.payer_form]
    return (f"+{found.payer}" if form == "open" else found.payer), form


def paid_report(
    wallet: str, reference: str, found: Reading, amount: int, proof: Proof
) -> ReportCollection:
    """A collection that was paid: receipt, amount and currency as they say them."""
    number, form = payer(found)
    return ReportCollection(
        wallet=wallet,
        reference=reference,
        state="paid",
        proof=proof,
        receipt=found.receipt,
        amount=amount,
        currency=found.currency,
        payer=number,
        payer_form=form,
        at=instant(found.at),
        detail=found.text[:MAX_DETAIL],
    )


def state_report(
    wallet: str, reference: str, state: CollectionReport, proof: Proof, said: tuple[str, str, str]
) -> ReportCollection:
    """Any other report; ``said``: their code, our reason, their words."""
    code, reason, detail = said
    return ReportCollection(
        wallet=wallet,
        reference=reference,
        state=state,
        proof=proof,
        code=code,
        reason=reason,
        detail=detail[:MAX_DETAIL],
    )


def pay_in(wallet: str, found: Reading, amount: int, proof: Proof) -> ReceivePayIn:
    """Money that came by itself."""
    number, form = payer(found)
    return ReceivePayIn(
        wallet=wallet,
        receipt=found.receipt,
        amount=amount,
        currency=found.currency,
        proof=proof,
        typed=found.account[:MAX_TYPED],
        payer=number,
        payer_form=form,
        at=instant(found.at),
        short_code=found.short_code,
    )

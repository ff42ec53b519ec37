"""What people are told by SMS about their phones."""

from typing import Any

from msgspec.structs import replace

from core.entities import Phone
from core.handlers.base import Context
from core.messages.vending import Recipient
from core.vending import sale_rows
from core.vending.sale_rows import MAX_RECIPIENTS


def pin_changed(ctx: Context, msisdn: str) -> None:
    """The phone hears it, and those beside it: who took its number over would hear it alone."""
    known = ctx.stage.get(Phone, msisdn)
    others = ctx.stage.linked("phones-beside", msisdn) or ()
    for phone, language in ((msisdn, known.language if known else ""), *others)[:MAX_RECIPIENTS]:
        to = Recipient(way="sms", address=phone, language=language)
        tell(ctx, to, "pin-changed", {"phone": msisdn})


def phone_spends(ctx: Context, msisdn: str, drn: str) -> None:
    """All that may spend the meter's account hear that there is another; also who has not used it
    for long: if somebody agreed in his place, he is the one to say so."""
    holders = ctx.stage.linked("holders-of", drn) or ()
    others = [(phone, language) for phone, language, _ in holders if phone != msisdn]
    for phone, language in others[:MAX_RECIPIENTS]:
        to = Recipient(way="sms", address=phone, language=language)
        tell(ctx, to, "phone-spends", {"phone": msisdn, "meter": drn})


def tell(ctx: Context, to: Recipient, template: str, args: dict[str, Any]) -> None:
    """One notice; in the company's first language where nobody has chosen one."""
    if not to.language:
        to = replace(to, language=ctx.terms.languages[0] if ctx.terms.languages else "en")
    sale_rows.tell(ctx, (to,), template, args)

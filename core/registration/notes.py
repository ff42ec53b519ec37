"""What people are told by SMS about their phones."""

from typing import Any

from msgspec.structs import replace

from core.handlers.base import Context
from core.messages.vending import Recipient
from core.vending import sale_rows


def tell(ctx: Context, to: Recipient, template: str, args: dict[str, Any]) -> None:
    """One notice; in the company's first language where nobody has chosen one."""
    if not to.language:
        to = replace(to, language=ctx.terms.languages[0] if ctx.terms.languages else "en")
    sale_rows.tell(ctx, (to,), template, args)

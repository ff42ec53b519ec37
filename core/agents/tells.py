"""Who hears of what an agent sold or collected: the customer, whom he may tell nothing. Pure."""

from core.agents.entities import TOLD, Agent
from core.handlers.base import Context
from core.messages import Recipient
from core.vending.sale_rows import MAX_RECIPIENTS


def also_told(
    ctx: Context, agent: Agent, account_id: int, reply: tuple[Recipient, ...]
) -> tuple[Recipient, ...]:
    """``reply`` and the phone that the account registered first, unless that one is among them.

    It gets what any recipient gets, in its own language: the token of a sale is of use to nobody
    but that meter.
    """
    if not agent.told(ctx.terms.agents.tells):
        return reply
    found: tuple[str, str] | None = ctx.stage.linked(TOLD, account_id)
    if found is None or any(each.address == found[0] for each in reply):
        return reply
    # the customer is told whoever else is: the last of too many gives way
    kept = reply[: MAX_RECIPIENTS - 1]
    language = found[1] or ctx.terms.languages[0]
    return (*kept, Recipient(way="sms", address=found[0], language=language))

"""Commands of agents: what their floats pay for, and money that comes to the floats."""

from core.agents.floats import agent_of
from core.book import Wants
from core.handlers.base import Context, Handler
from core.handlers.vending import SALE_IDS
from core.messages import Answer, CreditVend, SellCredit
from core.vending.sale import sell_by_agent


def decide_sell(ctx: Context, command: SellCredit) -> Answer:
    """Sell: the float pays, and the agent keeps the cash."""
    agent = agent_of(ctx, command.agent)
    purchase = CreditVend(
        meter=command.meter,
        tender=command.tender,
        currency=command.currency,
        phone=command.phone,
        another=command.another,
        quoted_tenths=command.quoted_tenths,
        reply=command.reply,
        answer_by_notice=command.answer_by_notice,
    )
    return sell_by_agent(ctx, purchase, agent)


def _wants_sell(command: SellCredit) -> Wants:
    phones = (command.phone,) if command.phone else ()
    return Wants(meters=(command.meter,), phones=phones, agents=(command.agent,))


HANDLERS = (
    Handler(
        "agents.sell-credit",
        SellCredit,
        _wants_sell,
        decide_sell,
        # the sale's and the commission's; one more notice: the float is low
        {**SALE_IDS, "ledger_txn": 3, "notice": SALE_IDS["notice"] + 1},
    ),
)

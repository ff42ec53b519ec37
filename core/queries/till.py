"""What an agent sees before it sells or collects: a price, whose the meter is, what is owed.

Plain functions of a reader and the company's terms, as those of a customer's own phone: nothing is
locked, nothing is written, a business no is *returned*.
"""

import msgspec
from msgspec.structs import replace

from core.agents.areas import may_sell_at
from core.agents.entities import Agent
from core.agents.floats import float_of, may_sell
from core.book import Stage, Wants
from core.company import Terms
from core.messages import CreditVend
from core.queries.terminal_copies import IN_AREAS
from core.queries.views import BillView, MeterView, QuoteView
from core.refusals import Refusal, refuse
from core.store.load import load
from core.store.load_key_changes import shown_with
from core.store.tx import Reader
from core.vending import checks
from core.vending.key_change import newest
from core.vending.price import price_purchase
from core.vending.receipt import line_views, lines_json, sale_view


def meter_at_till(
    reader: Reader, terms: Terms, agent: str, meter: str, now_us: int
) -> MeterView | Refusal:
    """Whose the meter is (masked), if something can be sold for it where the agent sells."""
    try:
        stage, known = _loaded(reader, terms, agent, meter, now_us)
        found, agreement = checks.sellable(terms, stage, meter)
        may_sell_at(stage, known, found, agreement)
    except Refusal as refusal:
        return refusal
    return MeterView(drn=found.drn, holder=checks.masked(agreement.holder))


def quote_at_till(
    reader: Reader, terms: Terms, agent: str, meter: str, tender: int, now_us: int
) -> QuoteView | Refusal:
    """What a sale by an agent would give now; ``credit`` is what its float can pay.

    The checks are those of the sale itself, in its order.
    """
    try:
        return _quote(reader, terms, (agent, meter, tender), now_us)
    except Refusal as refusal:
        return refusal


def _quote(reader: Reader, terms: Terms, asked: tuple[str, str, int], now_us: int) -> QuoteView:
    number, drn, tender = asked
    stage, agent = _loaded(reader, terms, number, drn, now_us)
    if tender <= 0:
        raise refuse("tender-not-positive", tender=tender)
    meter, agreement = checks.sellable(terms, stage, drn)
    may_sell(agent, meter.commodity, meter.sgc)
    may_sell_at(stage, agent, meter, agreement)
    account = checks.account_of(stage, agreement)
    command = CreditVend(meter=drn, tender=tender, currency=terms.currency, phone="")
    checks.within_limits(terms, stage, command, meter, by_phone=False)
    float_ = float_of(stage, agent)
    if float_.spendable < tender:
        raise refuse(
            "float-insufficient", agent=number, credit=max(0, float_.spendable), tender=tender,
            currency=float_.currency,
        )  # fmt: skip
    price = price_purchase(terms, stage, meter, agreement, tender, now_us)
    earlier = checks.likely_repeat(terms, stage, meter, tender, (account.id, agent.id), now_us)
    view = QuoteView(
        meter=MeterView(drn=drn, holder=checks.masked(agreement.holder)),
        tender=tender,
        currency=terms.currency,
        units_tenths=price.units_tenths,
        lines=line_views(lines_json(price.priced.lines)),
        carried_forward=price.priced.carried_forward,
        account=account.number,
        credit=float_.spendable,
        commodity=meter.commodity,
    )
    if earlier is None:
        return view
    return replace(view, earlier=sale_view(terms, shown_with(newest(stage, meter), earlier)))


def _loaded(
    reader: Reader, terms: Terms, agent: str, meter: str, now_us: int
) -> tuple[Stage, Agent]:
    """What is known of both; refuses an agent that there is not."""
    wants = Wants(meters=(meter,), agents=(agent,))
    stage = Stage(load(reader, terms.code, wants, checks.horizon(terms, now_us), lock=False))
    id_ = stage.linked("agent-number", agent)
    found = stage.get(Agent, id_) if id_ is not None else None
    if found is None:
        raise refuse("agent-unknown", agent=agent, company=terms.name)
    return stage, found


def bill_at_till(reader: Reader, terms: Terms, account: str, agent: str = "") -> BillView | Refusal:
    """What an account owes on its open items; its holder masked. ``agent``: who would collect it,
    where accounts of his areas alone are his."""
    rows = reader.rows(
        "SELECT a.state, a.currency, c.name, (SELECT CAST(COALESCE(sum(i.open), 0) AS BIGINT) "
        "FROM open_item i WHERE i.account_id = a.id AND i.open > 0) "
        "FROM account a JOIN customer c ON c.id = a.customer_id "
        "WHERE a.company = :company AND a.number = :account",
        company=terms.code,
        account=account,
    )
    if not rows:
        return refuse("account-unknown", account=account, company=terms.name)
    state, currency, name, due = rows[0]
    if state != "active":
        return refuse("account-closed", account=account)
    if _elsewhere(reader, terms.code, account, agent):
        return refuse("agent-out-of-area", agent=agent, what=account)
    return BillView(account=account, holder=checks.masked(name), due=due, currency=currency)


def _elsewhere(reader: Reader, company: str, account: str, agent: str) -> bool:
    """Whether the agent serves certain areas, and the account has no service point there."""
    named = {"company": company, "agent": agent}
    rows = reader.rows(
        "SELECT areas FROM agent WHERE company = :company AND number = :agent", **named
    )
    areas = msgspec.json.decode(rows[0][0], type=list[str]) if rows else []
    return bool(areas) and not reader.rows(
        "SELECT 1 FROM account a WHERE a.company = :company AND a.number = :account "
        f"AND {IN_AREAS}",
        company=company,
        account=account,
        areas=areas,
    )

"""``wattbus orders``: what security modules on the network were asked for and have not ended."""

import json
import time
from typing import Annotated

import msgspec
import typer

from core.calendars import local_time
from core.queries.modules import OrderView, newest_orders, open_orders
from core.units import quantity
from core.vending.order_states import FOR_PEOPLE
from hub.config import Config
from hub.storywords import Lens
from hub.verbs._shared import DEFAULT, ConfigOption, JsonOption, configuration, reading

NAME = "orders"

#: Shown unless more are asked for.
SHOWN = 50
#: What each state means for whoever looks at it.
MEANS = {
    "ordered": "its turn comes, or it is being made",
    "delayed": "surely not made yet: the module is away; the buyer was told that it takes longer",
    "doubtful": "it may have been made: the module is asked; nothing is to be done by hand",
    "wrong": "something else came back than was asked for: look at the module and its logs; the "
    "money stays reserved",
    "undecided": "the module does not know any more whether it was made: ask its vendor for its "
    "log; the money stays reserved",
    "made": "the token is in the books",
    "refused": "there is no token, the money went back",
    "given-up": "two people decided that nobody has its token",
}


def command(
    config: ConfigOption = DEFAULT,
    everything: Annotated[
        bool, typer.Option("--all", help="Those that are over too, newest first.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = SHOWN,
    as_json: JsonOption = False,
) -> None:
    """List orders at security modules on the network that are not over, oldest first.

    A sale or an operator's act whose token a module on the network makes is one order. Most are
    over within a second. One that stays "ordered" or "delayed" waits for a module that is away
    (`wattbus status`); "doubtful" ones may have been made and are asked about without your help.

    "wrong" and "undecided" are yours: the module made something else, or does not know any more.
    The buyer has neither token nor money back until two people decide. `wattbus find` with the
    meter's number tells the story of an order. Exit 0, whatever there is.
    """
    settings = configuration(config)
    with reading(settings) as reader:
        found = newest_orders(reader, limit) if everything else open_orders(reader, limit)
    now_us = time.time_ns() // 1_000
    if as_json:
        typer.echo(json.dumps([_object(view, now_us) for view in found]))
        return
    for view in found:
        _say(settings, view, now_us)
    if not found:
        typer.echo("no orders" if everything else "no orders are open")


def _object(view: OrderView, now_us: int) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(view)
    return {**plain, "age_s": _age_s(view, now_us), "for_people": view.state in FOR_PEOPLE}


def _age_s(view: OrderView, now_us: int) -> int:
    """How long it was, or has been, open."""
    return max(0, ((view.ended_at or now_us) - view.at) // 1_000_000)


def _say(settings: Config, view: OrderView, now_us: int) -> None:
    company = settings.companies.get(view.company)
    lens = Lens(company.zone if company else "UTC", view.currency)
    people = view.state in FOR_PEOPLE
    moment = local_time(view.at, lens.zone)
    typer.secho(
        f"order {view.order}  {moment:%Y-%m-%d %H:%M:%S}  {view.state} for "
        f"{_span(_age_s(view, now_us))}  module {view.module}  meter {view.meter}  "
        f"{_purpose(view, lens)}",
        fg=typer.colors.RED if people else None,
    )
    said = f"{view.code} {view.detail}".strip()
    typer.secho(f"    {MEANS.get(view.state, '')}{': ' + said if said else ''}", dim=not people)


def _purpose(view: OrderView, lens: Lens) -> str:
    if view.cause == "sale":
        what = quantity(view.units_tenths, view.commodity, view.currency)
        return f"sale of {what} for {lens.money(view.tender)}"
    return f"{view.cause} {view.cause_id}: {view.kind or 'unknown'}"


def _span(seconds: int) -> str:
    """``45 s``, ``12 min``, ``3 h``, ``9 days``."""
    for size, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"

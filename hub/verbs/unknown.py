"""``wattbus unknown``: money whose end nobody knows yet, by age, and who must act."""

import json
import time
from typing import Annotated

import msgspec
import typer

from core.queries.unknown import MOST, UnknownMoney, UnknownSum, unknown_money, unknown_sums
from hub.storywords import Lens
from hub.verbs._shared import DEFAULT, ConfigOption, JsonOption, configuration, reading

NAME = "unknown"

#: kind -> who is asked already, and who must act where it does not end by itself.
WHO = {
    "sale": ("the module is asked", "two people: wattbus act request give-up-order"),
    "terminal": ("the module is asked", "two people: wattbus act request give-up-order"),
    "collection": ("the provider is asked", "its wallet's people: wattbus wallets open"),
    "refund": ("the provider is asked", "its wallet's people: wattbus wallets cases"),
}


def command(
    config: ConfigOption = DEFAULT,
    company: Annotated[str, typer.Option(help="Only this company.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="The oldest.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List money whose end nobody knows yet, the oldest first.

    Purchases that wait for a security module, payments by wallet that the provider says nothing
    certain about, refunds that he may have made. Nothing of it is done a second time; do nothing by
    hand but what stands beside it. Exit 0, whatever there is.
    """
    settings = configuration(config)
    now_us = time.time_ns() // 1_000
    with reading(settings) as reader:
        found = unknown_money(reader, now_us, company, limit)
        sums = [s for s in unknown_sums(reader, now_us) if not company or s.company == company]
    if as_json:
        lines = [{**msgspec.to_builtins(one), "who": who(one)} for one in found]
        typer.echo(json.dumps({"money": lines, "sums": msgspec.to_builtins(sums)}))
        return
    for one in found:
        typer.secho(
            f"{span(one.age_s):>8}  {one.company}  {one.kind} {one.number}  {one.state}  "
            f"{Lens('UTC', one.currency).money(one.amount)}  {one.where}  {one.about}  {who(one)}",
            fg=typer.colors.RED if one.people else None,
        )
    typer.echo(told(sums) or "of all money it is known what became of it")


def who(one: UnknownMoney) -> str:
    """Who is asked, or who must act."""
    return WHO[one.kind][one.people]


def told(sums: list[UnknownSum]) -> str:
    """All of it in a line; empty: there is none."""
    parts = [
        f"{each.company}: {each.count} of kind {each.kind}, "
        f"{Lens('UTC', each.currency).money(each.amount)}, the oldest {span(each.oldest_s)}"
        for each in sums
    ]
    return f"not known yet: {'; '.join(parts)}" if parts else ""


def span(seconds: int) -> str:
    """``45 s``, ``12 min``, ``3 h``, ``9 days``."""
    for size, name in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"

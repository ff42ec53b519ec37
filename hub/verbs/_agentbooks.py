"""What ``wattbus agents`` reads: statements, days, what is owed, what agents ask for."""

import csv
import json
import sys
import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any

import msgspec
import typer

from core.calendars import local_date, local_time, start_of_day
from core.money import NumberFormat, format_amount
from core.queries.agent_books import KindSum, Statement, StatementLine, statement_of
from core.queries.agent_days import AgentDay, Due, Wish, day_of, dues, wishes
from core.queries.agents import agents_of
from core.queries.terminal_items import batches_of_agent
from core.store.tx import Reader
from hub.companies import agent_terms
from hub.verbs._scope import listed, scope_of
from hub.verbs._shared import (
    DEFAULT,
    CompanyOption,
    ConfigOption,
    JsonOption,
    company_of,
    configuration,
    die,
    reading,
)

#: A point and no groups: what spreadsheets read.
PLAIN = NumberFormat(group="")
Number = Annotated[str, typer.Argument(help="The agent's number.")]
Numbers = Annotated[str, typer.Argument(help="The agent's number; none: all of them.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="A line for each movement.")]


def now_us() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000


def known(reader: Reader, code: str, number: str) -> None:
    """Exit 1 for a number of nobody."""
    if not agents_of(reader, code, number):
        die(f"there is no agent {number}")


def statement(
    number: Number,
    config: ConfigOption = DEFAULT,
    month: Annotated[str, typer.Option(help="YYYY-MM; else the present month.")] = "",
    company: CompanyOption = "",
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show everything that moved an agent's float in a month, with what it was before and after."""
    settings = configuration(config)
    code = company_of(settings, company)
    section = settings.companies[code]
    first, after = _month(month, section.zone)
    with reading(settings) as reader:
        known(reader, code, number)
        since, until = start_of_day(first, section.zone), start_of_day(after, section.zone)
        made = statement_of(reader, code, number, since, until)
    if as_json:
        facts = {"agent": number, "from": first.isoformat(), "before": made.before,
                 "after": made.after, "currency": section.currency,
                 "lines": msgspec.to_builtins(made.lines),
                 "kinds": msgspec.to_builtins(made.kinds),
                 "commission": msgspec.to_builtins(made.commission)}  # fmt: skip
        typer.echo(json.dumps(facts))
    elif as_csv:
        _csv(made.lines, section.currency, section.zone)
    else:
        _print(made, section.currency, section.zone)


def _print(made: Statement, code: str, zone: str) -> None:
    typer.echo(f"{'before':<54}{format_amount(made.before, code):>16}")
    for line in made.lines:
        at = _moment(line.at, zone)
        amount, balance = format_amount(line.amount, code), format_amount(line.balance, code)
        typer.echo(f"{at}  {line.kind:<20}{amount:>16}{balance:>16}  {line.about}")
    typer.echo(f"{'after':<54}{format_amount(made.after, code):>16} {code}")
    typer.echo("")
    for kind in made.kinds:
        typer.echo(_sum_line(kind, code))
    earned = made.commission
    typer.echo(
        f"commission {format_amount(earned.gross, code)}, of it taken back "
        f"{format_amount(earned.back, code)}; withholding tax {format_amount(earned.tax, code)}; "
        f"on the float at once {format_amount(earned.at_once, code)}"
    )
    typer.echo(
        f"commission owed before {format_amount(earned.owed_before, code)}, "
        f"after {format_amount(earned.owed_after, code)} {code}"
    )


def _sum_line(kind: KindSum, code: str) -> str:
    return f"{kind.kind:<20}{kind.count:>8}{format_amount(kind.amount, code):>16}"


def _csv(lines: Sequence[StatementLine], code: str, zone: str) -> None:
    """Amounts in the major unit, with a point and no groups."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("at", "kind", "amount", "balance", "currency", "about"))
    for line in lines:
        at = local_time(line.at, zone).isoformat(timespec="seconds")
        money = plain(line.amount, code), plain(line.balance, code)
        writer.writerow((at, line.kind, *money, code, _safe(line.about)))


def plain(minor: int, code: str) -> str:
    """``-2000050`` KES → ``-20000.50``."""
    return format_amount(minor, code, PLAIN)


def _safe(text: str) -> str:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


def _moment(at_us: int, zone: str) -> str:
    return local_time(at_us, zone).strftime("%Y-%m-%d %H:%M")


def _month(text: str, zone: str) -> tuple[date, date]:
    """The first day of a month and of the next one; exit 2 for what is none."""
    try:
        today = local_date(now_us(), zone)
        first = date.fromisoformat(f"{text}-01") if text else today.replace(day=1)
    except ValueError:
        die(f"--month {text!r} is no month: write it like 2026-11", 2)
    return first, (first + timedelta(days=32)).replace(day=1)


def day(
    number: Number,
    config: ConfigOption = DEFAULT,
    day: Annotated[str, typer.Option(help="YYYY-MM-DD; else today.")] = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show an agent's day: sold, collected, brought, and what does not fit; exit 1 if anything."""
    settings = configuration(config)
    code = company_of(settings, company)
    section = settings.companies[code]
    first = _day(day, section.zone)
    span = (
        start_of_day(first, section.zone),
        start_of_day(first + timedelta(days=1), section.zone),
    )
    hours = agent_terms(settings, section).surrender_hours
    with reading(settings) as reader:
        known(reader, code, number)
        batches = batches_of_agent(reader, code, number, span)
        found = day_of(reader, code, number, span, now_us(), hours, batches)
    if as_json:
        typer.echo(json.dumps({"day": first.isoformat(), **msgspec.to_builtins(found)}))
    else:
        _print_day(found, section.zone)
    if found.looks:
        raise typer.Exit(1)


def _day(text: str, zone: str) -> date:
    """A day; exit 2 for what is none."""
    try:
        return date.fromisoformat(text) if text else local_date(now_us(), zone)
    except ValueError:
        die(f"--day {text!r} is no day: write it like 2026-11-21", 2)


def _print_day(found: AgentDay, zone: str) -> None:
    code = found.currency
    typer.echo(f"{'before':<28}{format_amount(found.before, code):>16} {code}")
    for kind in found.kinds:
        typer.echo(_sum_line(kind, code))
    typer.echo(f"{'after':<28}{format_amount(found.after, code):>16}")
    for name in ("sold", "collected", "in_batches", "banked", "at_desk"):
        amount = format_amount(getattr(found, name), code)
        typer.echo(f"{name.replace('_', ' '):<28}{amount:>16}")
    for look in found.looks:
        typer.echo(
            f"look: {look.kind} {look.about} {format_amount(look.amount, code)}, "
            f"{age(look.since)} since {_moment(look.since, zone)}"
        )


def age(since_us: int) -> str:
    """``3 d`` or ``5 h``, rounded down."""
    hours = max(0, now_us() - since_us) // 3_600_000_000
    return f"{hours // 24} d" if hours >= 48 else f"{hours} h"


def remit(
    number: Numbers = "",
    config: ConfigOption = DEFAULT,
    overdue: Annotated[bool, typer.Option(help="Only what should be here already.")] = False,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show which agents owe us: cash in hand with its age, the oldest first; commission paid out
    and taken back since; what they collected above their floats. Exit 1 if anything is overdue."""
    settings = configuration(config)
    code = company_of(settings, company)
    section = settings.companies[code]
    hours = agent_terms(settings, section).surrender_hours
    with reading(settings) as reader:
        if number:
            known(reader, code, number)
        found = dues(reader, code, now_us(), hours, number)
    shown = [due for due in found if due.overdue or not overdue]
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(shown)))
    for due in () if as_json else shown:
        typer.echo(_due(due))
    if not shown and not as_json:
        typer.echo("nobody owes anything" if not overdue else "nothing is overdue")
    if any(due.overdue for due in found):
        raise typer.Exit(1)


def _due(due: Due) -> str:
    held = f"{format_amount(due.in_hand, due.currency):>16} {due.currency}"
    since = f"{age(due.since):>6}" if due.since else " " * 6
    said = ["OVERDUE"] if due.overdue else []
    if due.owes_commission:
        said.append(f"owes {format_amount(due.owes_commission, due.currency)} of commission")
    if due.short:
        said.append(f"short by {format_amount(due.short, due.currency)} of bills without the line")
    return f"{due.number:<12}{held}{since}  {due.name}  {', '.join(said)}".rstrip()


def requests(
    number: Numbers = "",
    config: ConfigOption = DEFAULT,
    every: Annotated[bool, typer.Option("--all", help="The newest hundred, also ended.")] = False,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show the top-ups that agents ask for and nobody has decided, the oldest first."""
    scope = scope_of(config, company)
    with reading(scope.settings) as reader:
        if number:
            known(reader, scope.company, number)
        found = wishes(reader, scope.company, now_us(), number, ended=every)

    def line(wish: Wish) -> str:
        amount = f"{format_amount(wish.amount, scope.currency):>16} {scope.currency}"
        way = f"{wish.way}:{wish.desk}"
        return (
            f"{wish.request:>6} {wish.agent:<12}{amount}  {way:<16} {wish.reference:<20} "
            f"{wish.state}, {age(wish.requested_at)}"
        )

    listed(found, as_json, line, "nobody asks for a top-up")


def print_slip(data: dict[str, Any], code: str, zone: str) -> None:
    """A slip of surrendered cash, twice: the agent's copy and the desk's, each to be signed."""
    for copy in ("agent's copy", "desk's copy"):
        typer.echo("")
        typer.echo(f"SURRENDER OF CASH  {data['slip']}  ({copy})")
        typer.echo(f"  {_moment(data['at'], zone)}  desk {data['desk']}, {data['cashier']}")
        typer.echo(f"  agent {data['agent']}  {data['name']}")
        typer.echo(f"  counted    {format_amount(data['amount'], code):>16} {code}")
        typer.echo(f"  still held {format_amount(data['in_hand'], code):>16} {code}")
        typer.echo("  agent ________________  cashier ________________")

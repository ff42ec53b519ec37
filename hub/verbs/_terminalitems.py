"""Parts of ``wattbus terminals``: what terminals asked for, their batches, and the cases of it."""

import json
import time
from typing import Annotated

import typer

from core.messages import CloseTerminalCase
from core.money import format_amount
from core.queries.terminal_copies import TerminalItemView
from core.queries.terminal_items import BatchView, CaseView, batches_of, cases_of, items_of
from hub.verbs._scope import listed, scope_of
from hub.verbs._shared import (
    DEFAULT,
    CompanyOption,
    ConfigOption,
    JsonOption,
    KeyOption,
    OperatorOption,
    ReasonOption,
    company_of,
    configuration,
    done_or_die,
    operator_name,
    reading,
)
from hub.verbs.act import send

#: The verbs; ``hub.verbs.terminals`` takes them in.
ITEMS = typer.Typer()

TerminalOption = Annotated[str, typer.Option(help="At this terminal.")]
LimitOption = Annotated[int, typer.Option(min=1, max=1_000, help="At most so many.")]
ItemStateOption = Annotated[
    str, typer.Option(help="barred, waiting, reverse-when-known, booked, reversed, kept, refused.")
]
BatchStateOption = Annotated[str, typer.Option(help="open, uploading, closed; none: every.")]


@ITEMS.command()
def items(
    number: Annotated[str, typer.Argument(help="The terminal's number (ISO 8583, DE 41).")],
    config: ConfigOption = DEFAULT,
    day: Annotated[int, typer.Option(help="YYYYMMDD; none: every day.")] = 0,
    state: ItemStateOption = "",
    limit: LimitOption = 50,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show what a terminal asked for and what became of it, the newest first."""
    scope = scope_of(config, company)
    with reading(scope.settings) as reader:
        found = items_of(reader, scope.company, number, day=day, state=state, limit=limit)
    listed(found, as_json, _item_line, "no items")


def _item_line(each: TerminalItemView) -> str:
    money = _money(each.amount, each.currency) if each.currency else ""
    tail = " ".join(filter(None, (each.about, each.reason)))
    return f"{each.day} {each.stan:>6}  {each.kind or '-':<7} {each.state:<18} {money:>16}  {tail}"


@ITEMS.command()
def batches(
    config: ConfigOption = DEFAULT,
    terminal: TerminalOption = "",
    state: BatchStateOption = "",
    limit: LimitOption = 50,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show terminals' batches with both sides' totals, the newest first."""
    scope = scope_of(config, company)
    with reading(scope.settings) as reader:
        found = batches_of(reader, scope.company, terminal=terminal, state=state, limit=limit)
    listed(found, as_json, _batch_line, "no batches")


def _batch_line(each: BatchView) -> str:
    ours = _net(each.our_debits, each.our_reversals)
    theirs = _net(each.their_debits, each.their_reversals)
    our_sum = _money(each.our_debit_amount - each.our_reversal_amount, each.currency)
    their_sum = _money(each.their_debit_amount - each.their_reversal_amount, each.currency)
    says = f"ours {ours} of {our_sum}, theirs {theirs} of {their_sum}"
    ended = says if each.settled else f"{each.items} items"
    wrong = f", {each.differences} differences" if each.differences else ""
    late = f", {each.late} late" if each.late else ""
    head = f"{each.terminal:<9} {each.number:>6} {each.opened} {each.state:<9}"
    return f"{head} {ended}{wrong}{late}"


@ITEMS.command()
def cases(
    config: ConfigOption = DEFAULT,
    terminal: TerminalOption = "",
    closed: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    limit: LimitOption = 100,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show what a person must look at, the oldest first; exit 1 when there is something."""
    scope = scope_of(config, company)
    with reading(scope.settings) as reader:
        found = cases_of(
            reader, scope.company, time.time_ns() // 1_000, state="" if closed else "open",
            terminal=terminal, limit=limit,
        )  # fmt: skip

    def line(each: CaseView) -> str:
        by = f"; {each.closed_by}: {each.reason}" if each.closed_by else f", {each.days} days"
        where = f"{each.terminal} batch {each.batch}"
        where += f" item {each.day}/{each.stan}" if each.day else ""
        return (
            f"{each.id:>6} {each.kind:<18} {_money(each.amount, each.currency):>16}  {where}: "
            f"{each.detail} ({scope.moment(each.opened_at)}{by})"
        )

    listed(found, as_json, line, "no cases")
    if any(each.state == "open" for each in found):
        raise typer.Exit(1)


@ITEMS.command("close-case")
def close_case(
    case: Annotated[int, typer.Argument(help="The case's number.")],
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    account: Annotated[str, typer.Option(help="Whose money it is, of money in suspense.")] = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say what became of a case. Where money moves by it, the role agent-approver is needed."""
    settings = configuration(config)
    code = company_of(settings, company)
    command = CloseTerminalCase(
        operator=operator_name(operator), case=case, reason=reason, account=account
    )
    done = send(settings, code, key, command)
    data = done_or_die(done).data
    if as_json:
        typer.echo(json.dumps({"message": done.message_id, "repeat": done.repeat, **data}))
        return
    to = f": payment {data['payment']} is account {data['account']}'s" if account else ""
    paid = (
        f": the float has paid {_money(data['paid'], data['currency'])}" if "paid" in data else ""
    )
    typer.echo(f"case {data['case']} is closed{to}{paid}")


def _net(sold: int, back: int) -> str:
    return f"{sold}-{back}" if back else str(sold)


def _money(amount: int, currency: str) -> str:
    return f"{format_amount(amount, currency)} {currency}"

"""``wattbus collect``: what operators do with what customers owe, beside taking money."""

import json
from typing import Annotated, Any

import msgspec
import typer

from core.calendars import local_date, local_time
from core.collection.act_kinds import MONEY_KINDS
from core.messages import RequestMoneyAct
from core.money import MoneyError, format_amount, parse_amount
from core.queries.collection import items_of, payments_of
from core.vending.act_kinds import Two
from hub.verbs._shared import (
    DEFAULT,
    CompanyOption,
    ConfigOption,
    JsonOption,
    OperatorOption,
    company_of,
    configuration,
    die,
    operator_name,
    reading,
)
from hub.verbs.act import _now_us, send, tell_done

NAME = "collect"
_TWO = {
    Two.NEVER: "one person",
    Two.ALWAYS: "two people",
    Two.ABOVE: "two people above the operator's waive_alone",
}
_KINDS = "\n\n".join(f"{k.name}: {k.says} ({k.role}; {_TWO[k.two]})" for k in MONEY_KINDS.values())
app = typer.Typer(
    help="What operators do with what customers owe: fees, cheques, reversals, instalments, "
    "deposits, refunds, write-offs. Who may do what: \\[operators.NAME] of the configuration.",
    no_args_is_help=True,
)

MethodOption = Annotated[
    str, typer.Option(help="percent_of_tender, percent_of_outstanding, fixed, all.")
]
Account = Annotated[str, typer.Argument(help="The account's number.")]


@app.command(
    epilog=f"{_KINDS}\n\nAn act that needs two people waits until another operator with the role "
    "collection-approver approves it: wattbus act approve NUMBER.",
)
def request(
    kind: Annotated[str, typer.Argument(help="One of the kinds below.")],
    account: Account,
    reason: Annotated[str, typer.Option(help="Why, in words; it is kept.")],
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    evidence: Annotated[str, typer.Option(help="What proves it: a letter, a case.")] = "",
    amount: Annotated[str, typer.Option(help="As people write it: 50,000 or 50k.")] = "",
    item: Annotated[list[int] | None, typer.Option(help="An open item's number.")] = None,
    payment: Annotated[str, typer.Option(help="The number of a payment's receipt.")] = "",
    fee: Annotated[str, typer.Option(help="A code of the catalogue.")] = "",
    deposit: Annotated[str, typer.Option(help="guarantee or equipment.")] = "",
    way: Annotated[str, typer.Option(help="How it is paid out: cash, transfer.")] = "cash",
    desk: Annotated[str, typer.Option(help="Who pays it out.")] = "main",
    on: Annotated[str, typer.Option(help="The day: first instalment, last of late fees.")] = "",
    instalments: Annotated[int, typer.Option(help="How many months.")] = 0,
    plan: Annotated[int, typer.Option(help="A plan's number.")] = 0,
    receipt: Annotated[str, typer.Option(help="A receipt before its payment.")] = "",
    rule: Annotated[str, typer.Option(help="A rule of allocation.")] = "",
    method: MethodOption = "all",
    value: Annotated[str, typer.Option(help="Percent (12.5) or an amount, by the method.")] = "",
    agreement: Annotated[int, typer.Option(help="Where the account has several.")] = 0,
    year: Annotated[int, typer.Option(help="Of a credit in an older system's books.")] = 0,
    key: Annotated[str, typer.Option(help="Your own name for it: a repeat is done once.")] = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Ask for an act; exit 1 when it is refused. What needs no second person is done at once."""
    settings = configuration(config)
    code = company_of(settings, company)
    currency = settings.companies[code].currency
    share = method.startswith("percent")
    command = RequestMoneyAct(
        operator=operator_name(operator), kind=kind, account=account, reason=reason,
        evidence=evidence, amount=_minor(amount, currency), items=tuple(item or ()),
        payment=payment, fee=fee, deposit=deposit, way=way, desk=desk, on=on,
        instalments=instalments, plan=plan, receipt=receipt, rule=rule, method=method,
        value=_percent(value) if share else _minor(value, currency), agreement=agreement, year=year,
    )  # fmt: skip
    done = send(settings, code, key, command)
    tell_done(settings, code, done, as_json)
    if done.answer is not None and not as_json:
        _tell_facts(done.answer.data, currency)


def _minor(text: str, currency: str) -> int:
    try:
        return parse_amount(text, currency) if text else 0
    except MoneyError as error:
        die(str(error), 2)


#: 10⁻⁸ of the whole in one percent, and the decimals that leaves.
_PERCENT, _DECIMALS = 1_000_000, 6


def _percent(text: str) -> int:
    """12.5 → 10⁻⁸ of the whole; exit 2 for what is none."""
    whole, _, fraction = text.partition(".")
    if not (whole + fraction).isdecimal() or len(fraction) > _DECIMALS:
        die(f"--value {text!r} is no percentage: write it like 12.5", 2)
    return int(whole or 0) * _PERCENT + int(fraction.ljust(_DECIMALS, "0"))


#: What an act's answer says beside the act, and which of it is money.
_FACTS = "item items open plan instalments payment receipt debt".split()
_MONEY = "used held left total owed credit outstanding off back".split()


def _tell_facts(data: dict[str, Any], currency: str) -> None:
    said = [f"{name} {data[name]}" for name in _FACTS if name in data and name != "open"]
    money = [name for name in ("open", *_MONEY) if name in data]
    said += [f"{name} {format_amount(data[name], currency)} {currency}" for name in money]
    if said:
        typer.echo("  " + ", ".join(said))


@app.command()
def show(
    account: Account,
    config: ConfigOption = DEFAULT,
    closed: Annotated[bool, typer.Option("--all", help="Items that are paid, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="The newest payments.")] = 20,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show what an account owes, oldest first, and its newest payments."""
    settings = configuration(config)
    code = company_of(settings, company)
    section = settings.companies[code]
    today = local_date(_now_us(), section.zone)
    with reading(settings) as reader:
        items = items_of(reader, code, account, today, closed=closed)
        payments = payments_of(reader, code, account, limit)
    if as_json:
        facts = {"account": account, "items": items, "payments": payments}
        typer.echo(json.dumps(msgspec.to_builtins(facts)))
        return
    for item in items:
        days = f"{item.days} days overdue" if item.days else "not overdue"
        money = _of(item.open, item.amount, section.currency)
        typer.echo(f"{item.item:>8}  due {item.due}  {item.item_class:<8}{money}  {item.label} "
                   f"({item.kind}, {days})")  # fmt: skip
    if not items:
        typer.echo(f"account {account} owes nothing")
    for payment in payments:
        at = local_time(payment.at, section.zone).strftime("%Y-%m-%d %H:%M")
        money = _of(payment.here, payment.amount, section.currency)
        typer.echo(f"{payment.payment}  {at}  {payment.way}:{payment.desk}  {payment.state}{money}")


def _of(part: int, whole: int, currency: str) -> str:
    shown = format_amount(part, currency)
    return f"  {shown}" if part == whole else f"  {shown} of {format_amount(whole, currency)}"

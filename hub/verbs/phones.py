"""``wattbus phones``: customers' phones that wait for an operator, what he may do with them."""

import json
import time
from typing import Annotated

import msgspec
import typer

from core.calendars import local_time
from core.messages import DecideTokenAct, RequestPhoneAct
from core.queries.phones import PhoneRequestView, phone_of, requests_of
from core.registration.act_kinds import PHONE_KINDS
from core.vending.act_kinds import Two
from hub.verbs._shared import (
    DEFAULT,
    ConfigOption,
    JsonOption,
    OperatorOption,
    ReasonOption,
    company_of,
    configuration,
    die,
    operator_name,
    reading,
)
from hub.verbs.act import KeyOption, send, tell_done

NAME = "phones"
_TWO = {Two.NEVER: "one person", Two.ALWAYS: "two people, where it may spend"}
_KINDS = "\n\n".join(f"{k.name}: {k.says} ({_TWO[k.two]})" for k in PHONE_KINDS.values())
app = typer.Typer(
    help="Customers' phones: requests for meters, what a phone has, its PIN. The role "
    "customer-service asks, the role vending-approver agrees.",
    no_args_is_help=True,
)

CompanyOption = Annotated[str, typer.Option(help="Which company, where there are several.")]
PhoneArgument = Annotated[str, typer.Argument(help="The phone, as +256700000001.")]
LimitOption = Annotated[int, typer.Option(min=1, max=1_000, help="At most so many.")]


@app.command("list")
def list_(
    config: ConfigOption = DEFAULT,
    state: Annotated[
        str, typer.Option(help="operator, waiting, done, refused or ended; empty: any.")
    ] = "operator",
    limit: LimitOption = 50,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """List phones that ask for a meter, oldest first: those that wait for an operator."""
    settings = configuration(config)
    code = company_of(settings, company)
    with reading(settings) as reader:
        found = requests_of(reader, code, state, limit, time.time_ns() // 1_000)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(found)))
        return
    zone = settings.companies[code].zone
    for each in found:
        typer.echo(_line(each, zone))
    if not found:
        typer.echo("no requests")


def _line(each: PhoneRequestView, zone: str) -> str:
    asked = local_time(each.asked_at, zone).strftime("%Y-%m-%d %H:%M")
    wants = "to spend" if each.spends else "to save"
    about = f"meter {each.meter} {wants}" if each.meter else "to go on after a year"
    return f"{asked}  {each.phone:<15} {each.state:<8} {about}  {each.name}".rstrip()


@app.command()
def show(
    phone: PhoneArgument,
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show what a phone may spend, has saved, and whether its PIN is locked; exit 1: not known."""
    settings = configuration(config)
    code = company_of(settings, company)
    with reading(settings) as reader:
        found = phone_of(reader, code, phone)
    if found is None:
        die(f"phone {phone} is not registered")
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(found)))
        return
    zone = settings.companies[code].zone
    lines = [("phone", found.phone), ("language", found.language)]
    lines += [("account", number) for number in found.accounts]
    lines += [("meter", f"{meter} {name}".rstrip()) for meter, name in found.meters]
    lines.append(("PIN", _pin(found.pin_set, found.wrong, found.locked_until, zone)))
    for name, value in lines:
        if value:
            typer.echo(f"{name + ':':<12}{value}")


def _pin(pin_set: bool, wrong: int, locked_until: int, zone: str) -> str:
    if not pin_set:
        return "not set"
    told = f"set, {wrong} wrong" if wrong else "set"
    if locked_until <= time.time_ns() // 1_000:
        return told
    return f"{told}, locked until {local_time(locked_until, zone).strftime('%Y-%m-%d %H:%M')}"


@app.command(epilog=_KINDS)
def ask(
    kind: Annotated[str, typer.Argument(help="One of the kinds below.")],
    phone: PhoneArgument,
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    meter: Annotated[str, typer.Option(help="The meter that it is about.")] = "",
    account: Annotated[str, typer.Option(help="The account that it may not spend.")] = "",
    evidence: Annotated[str, typer.Option(help="What proves it: a passport, a letter.")] = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Ask for an act: approve or refuse a request, take a registration away, clear a PIN."""
    settings = configuration(config)
    code = company_of(settings, company)
    command = RequestPhoneAct(
        operator=operator_name(operator), kind=kind, phone=phone, reason=reason, meter=meter,
        account=account, evidence=evidence,
    )  # fmt: skip
    tell_done(settings, code, send(settings, code, key, command), as_json)


@app.command()
def approve(
    act: Annotated[int, typer.Argument(help="The act's number.")],
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    note: Annotated[str, typer.Option(help="What you looked at; it is kept.")] = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Agree, as the second person: it is done now. To say no: wattbus act reject."""
    settings = configuration(config)
    code = company_of(settings, company)
    command = DecideTokenAct(
        operator=operator_name(operator), act=act, decision="approve", note=note
    )
    tell_done(settings, code, send(settings, code, "", command), as_json)

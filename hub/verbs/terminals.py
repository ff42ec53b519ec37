"""``wattbus terminals``: the terminals of agents, the cashiers at them, and who is signed on."""

import json
import sys
import time
from typing import Annotated, Any

import msgspec
import typer

from core.messages import RequestTerminalAct
from core.money import MoneyError, format_amount, parse_amount
from core.queries.acts import acts_at_terminal
from core.queries.terminals import (
    CashierView,
    ShiftView,
    TerminalView,
    cashiers_of,
    receipts_of,
    shifts_of,
    terminal_of,
    terminals_of,
)
from core.queries.views import ActView
from core.terminals.act_kinds import TERMINAL_KINDS
from core.vending.act_kinds import Two
from hub.config import Config
from hub.pinrules import company_proof, weakness
from hub.pins import PinKeyError
from hub.verbs._scope import Scope, facts, listed, scope_of
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
    die,
    operator_name,
    reading,
)
from hub.verbs._terminalitems import ITEMS
from hub.verbs.act import approve, send, tell_done

NAME = "terminals"
_TWO = {Two.NEVER: "one person", Two.ALWAYS: "two people"}
_KINDS = "\n\n".join(f"{k.name}: {k.says} ({_TWO[k.two]})" for k in TERMINAL_KINDS.values())
_WITH_PIN = ("cashier-add", "cashier-pin")
app = typer.Typer(
    help="Terminals of agents and the cashiers at them. The role agent-supervisor asks, the role "
    "agent-approver agrees: \\[operators.NAME] of the configuration.",
    no_args_is_help=True,
)
app.registered_commands += ITEMS.registered_commands

Number = Annotated[str, typer.Argument(help="The terminal's number (ISO 8583, DE 41).")]
AgentOption = Annotated[str, typer.Option(help="The agent whose it is, or who employs him.")]
NameOption = Annotated[str | None, typer.Option(help="What it, or he, is called.")]
PlaceOption = Annotated[str | None, typer.Option(help="Where it stands.")]
MerchantOption = Annotated[str | None, typer.Option(help="ISO 8583, DE 42.")]
LimitOption = Annotated[int, typer.Option(min=1, max=1_000, help="At most so many.")]
EvidenceOption = Annotated[str, typer.Option(help="What proves it: a letter, a report.")]


def _ask(settings: Config, code: str, key: str, command: RequestTerminalAct, as_json: bool) -> None:
    done = send(settings, code, key, command)
    tell_done(settings, code, done, as_json)
    if done.answer is None or as_json:
        return
    told = ("terminal_state", "cashier_state", "version", "number", "first", "last")
    said = [f"{n.replace('_', ' ')} {done.answer.data[n]}" for n in told if n in done.answer.data]
    if said:
        typer.echo("  " + ", ".join(said))


@app.command()
def register(
    number: Number,
    agent: AgentOption,
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    name: NameOption = None,
    place: PlaceOption = None,
    merchant: MerchantOption = None,
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Give an agent a terminal; a second person must agree: wattbus terminals approve ACT."""
    settings = configuration(config)
    code = company_of(settings, company)
    _ask(settings, code, key, RequestTerminalAct(
        operator=operator_name(operator), kind="terminal-register", terminal=number, agent=agent,
        name=name, place=place, merchant=merchant, reason=reason,
    ), as_json)  # fmt: skip


@app.command(epilog=_KINDS)
def request(
    kind: Annotated[str, typer.Argument(help="One of the kinds below.")],
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    terminal: Annotated[str, typer.Option(help="The terminal's number.")] = "",
    agent: AgentOption = "",
    cashier: Annotated[str, typer.Option(help="The cashier's code; a PIN is asked for.")] = "",
    name: NameOption = None,
    place: PlaceOption = None,
    merchant: MerchantOption = None,
    parameter: Annotated[
        list[str] | None, typer.Option(help="name=value; nothing behind = takes it away.")
    ] = None,
    text: Annotated[str, typer.Option(help="What the terminal shall show.")] = "",
    limit: Annotated[str | None, typer.Option(help="Collected a day without the line.")] = None,
    receipts: Annotated[int, typer.Option(help="So many receipt numbers for that.")] = 0,
    evidence: EvidenceOption = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Ask for any act with a terminal or a cashier: block, lost, bind, cashier-add, …"""
    settings = configuration(config)
    code = company_of(settings, company)
    _ask(settings, code, key, RequestTerminalAct(
        operator=operator_name(operator), kind=kind, terminal=terminal, agent=agent,
        cashier=cashier, name=name, place=place, merchant=merchant, text=text, receipts=receipts,
        parameters=_parameters(parameter), limit=_minor(limit, settings.companies[code].currency),
        pin_proof=_new_pin(settings, code, agent, cashier) if kind in _WITH_PIN else "",
        evidence=evidence, reason=reason,
    ), as_json)  # fmt: skip


def _parameters(given: list[str] | None) -> dict[str, str] | None:
    if given is None:
        return None
    pairs = [each.partition("=") for each in given]
    for name, sign, _ in pairs:
        if not sign:
            die(f"--parameter {name}: write name=value", 2)
    return {name: value for name, _, value in pairs}


def _minor(text: str | None, currency: str) -> int | None:
    try:
        return None if text is None else parse_amount(text, currency) if text != "0" else 0
    except MoneyError as error:
        die(str(error), 2)


def _new_pin(settings: Config, code: str, agent: str, cashier: str) -> str:
    """The proof of a PIN that is keyed in twice, or is the next line of the input."""
    if sys.stdin.isatty():
        pin = str(typer.prompt(f"PIN of {cashier}", hide_input=True, confirmation_prompt=True))
    else:
        pin = sys.stdin.readline().rstrip("\n")
    if wrong := weakness(pin):
        die(wrong, 2)
    try:
        return company_proof(settings, code, agent, cashier, pin)
    except PinKeyError as error:
        die(str(error), 2)


app.command()(approve)


@app.command("list")
def list_(
    config: ConfigOption = DEFAULT,
    agent: Annotated[str, typer.Option(help="One agent's; none: all of them.")] = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """List terminals: state, who is at them, whose they are."""
    scope = scope_of(config, company)
    with reading(scope.settings) as reader:
        found = terminals_of(reader, scope.company, agent)
    listed(found, as_json, _terminal_line, "no terminals")


def _terminal_line(each: TerminalView) -> str:
    return f"{each.number:<9} {each.state:<8} {each.agent:<12} {each.cashier or '-':<9} {each.name}"


@app.command()
def show(
    number: Number,
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show a terminal with its receipt numbers; exit 1 when there is none of that number."""
    scope = scope_of(config, company)
    with reading(scope.settings) as reader:
        found = terminal_of(reader, scope.company, number)
        series = receipts_of(reader, scope.company, number)
    if found is None:
        die(f"there is no terminal {number}")
    if as_json:
        known = {**msgspec.to_builtins(found), "receipts": msgspec.to_builtins(series)}
        typer.echo(json.dumps(known))
        return
    lines = _lines(found, scope)
    lines += [("receipts", f"{each.first} to {each.last}") for each in series]
    facts(lines, 20)


def _lines(terminal: TerminalView, scope: Scope) -> list[tuple[str, Any]]:
    """What is known of it that says something; money, places and instants as people write them."""
    shown: dict[str, Any] = msgspec.to_builtins(terminal)
    currency = shown.pop("currency")
    latitude, longitude = shown.pop("latitude"), shown.pop("longitude")
    if latitude or longitude:
        shown["location"] = f"{latitude / 10**6:.6f}, {longitude / 10**6:.6f}"
    if shown["signal"]:
        shown["signal"] = f"{shown['signal']} dBm"
    if shown["emergency_limit"]:
        shown["emergency_limit"] = f"{format_amount(shown['emergency_limit'], currency)} {currency}"
    for name in ("seen_at", "registered_at"):
        shown[name] = scope.moment(shown[name])
    shown["parameters"] = ", ".join(f"{k}={v}" for k, v in shown["parameters"].items())
    return [(name.replace("_", " "), value) for name, value in shown.items() if value]


@app.command()
def cashiers(
    agent: Annotated[str, typer.Argument(help="The agent's number.")],
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """List an agent's cashiers, those that were removed too."""
    scope = scope_of(config, company)
    with reading(scope.settings) as reader:
        found = cashiers_of(reader, scope.company, agent)

    def line(each: CashierView) -> str:
        wrong = f"  {each.wrong} wrong PINs" if each.wrong else ""
        locked = f", locked until {scope.moment(each.locked_until)}" if each.locked_until else ""
        return f"{each.code:<9} {each.state:<8} {each.name}{wrong}{locked}"

    listed(found, as_json, line, "no cashiers")


@app.command()
def shifts(
    config: ConfigOption = DEFAULT,
    terminal: Annotated[str, typer.Option(help="At this terminal.")] = "",
    agent: Annotated[str, typer.Option(help="Of this agent.")] = "",
    limit: LimitOption = 20,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show who was at a terminal or an agent's terminals, newest first, and what was sold."""
    if bool(terminal) == bool(agent):
        die("--terminal or --agent, one of them", 2)
    scope = scope_of(config, company)
    with reading(scope.settings) as reader:
        found = shifts_of(reader, scope.company, terminal=terminal, agent=agent, limit=limit)
    listed(found, as_json, lambda each: _shift_line(each, scope), "no shifts")


def _shift_line(shift: ShiftView, scope: Scope) -> str:
    sold = ", ".join(
        f"{total['count']} {kind}s {format_amount(total['amount'], scope.currency)}"
        for kind, total in shift.totals.items()
        if total["count"]
    )
    ended = scope.moment(shift.closed_at) or "still open"
    return (
        f"{scope.moment(shift.opened_at)} to {ended:<16}  {shift.terminal:<9} {shift.cashier:<9} "
        f"{shift.name}  {sold or 'nothing sold'}"
    )


@app.command()
def history(
    number: Number,
    config: ConfigOption = DEFAULT,
    limit: LimitOption = 20,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show what operators did with a terminal, newest first."""
    scope = scope_of(config, company)
    with reading(scope.settings) as reader:
        found = acts_at_terminal(reader, scope.company, number, limit, time.time_ns() // 1_000)

    def line(act: ActView) -> str:
        who = f"{act.operator}, {act.approver}" if act.approver else act.operator
        return (
            f"{scope.moment(act.requested_at)}  {act.act:>6}  {act.kind:<20} {act.state:<9} "
            f"{who}: {act.reason}"
        )

    listed(found, as_json, line, "nothing was done with it")

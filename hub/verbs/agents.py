"""``wattbus agents``: who sells for the utility, and the money on their floats."""

import json
from typing import Annotated, Any

import msgspec
import typer

from core.agents.act_kinds import AGENT_KINDS
from core.calendars import local_time
from core.messages import RequestAgentAct
from core.money import MoneyError, format_amount, parse_amount
from core.queries.agent_days import wishes
from core.queries.agents import AgentView, agents_of
from core.vending.act_kinds import Two
from hub.config import Config
from hub.verbs import _agentbooks as books
from hub.verbs._shared import (
    DEFAULT,
    CompanyOption,
    ConfigOption,
    JsonOption,
    KeyOption,
    OperatorOption,
    ReasonOption,
    Submitted,
    company_of,
    configuration,
    die,
    operator_name,
    reading,
)
from hub.verbs.act import approve, send, tell_done

NAME = "agents"
_TWO = {Two.NEVER: "one person", Two.ALWAYS: "two people"}
_KINDS = "\n\n".join(f"{k.name}: {k.says} ({_TWO[k.two]})" for k in AGENT_KINDS.values())
app = typer.Typer(
    help="Agents: who sells and collects for the utility, and the money on their floats. The role "
    "agent-supervisor asks, the role agent-approver agrees: \\[operators.NAME] of the "
    "configuration.",
    no_args_is_help=True,
)

Number = Annotated[str, typer.Argument(help="The agent's number.")]
Money = Annotated[str, typer.Argument(help="As people write it: 500,000 or 500k.")]
WayOption = Annotated[str, typer.Option(help="cash, transfer, mobile, card.")]
DeskOption = Annotated[str, typer.Option(help="The desk or bank account that has the money.")]
EvidenceOption = Annotated[str, typer.Option(help="What proves it: a slip, a letter.")]
NameOption = Annotated[str | None, typer.Option(help="Its name.")]
KindOption = Annotated[str | None, typer.Option(help="direct or third-party.")]
ParentOption = Annotated[
    str | None, typer.Option(help="The agent above it; with alter, empty for none.")
]
ModeOption = Annotated[
    str | None, typer.Option(help="prepaid, or post-settled with --credit-limit.")
]
PhoneOption = Annotated[str | None, typer.Option(help="Told when the float is low: +256…")]
LanguageOption = Annotated[str | None, typer.Option(help="Of what it is told.")]
RuleOption = Annotated[str | None, typer.Option(help="A rule of the company's agents file.")]
GroupOption = Annotated[
    list[str] | None, typer.Option(help="Supply group that it may sell in; none: all.")
]
ServiceOption = Annotated[
    list[str] | None, typer.Option(help="electricity, water, gas, time, bills; none: all.")
]
AreaOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Area of service points that it serves; none: all; with alter, empty for all."
    ),
]
DayOption = Annotated[str | None, typer.Option(help="What it may sell and collect in a day.")]
LowOption = Annotated[str | None, typer.Option(help="Told when the float is below it.")]
LimitOption = Annotated[str | None, typer.Option(help="Of a post-settled agent.")]
CashOption = Annotated[
    str | None, typer.Option(help="Of our cash in a post-settled agent's hands; 0: none.")
]
TransfersOption = Annotated[
    str | None, typer.Option(help="That it may make itself: none, down or both.")
]
TellsOption = Annotated[
    str | None,
    typer.Option(help="The customer by SMS of each sale: yes or no; else as the company does."),
]
ReferenceOption = Annotated[str, typer.Option(help="The bank's or a slip's; it counts once.")]

for _reads in (books.statement, books.day, books.remit, books.requests):
    app.command()(_reads)


def _minor(text: str | None, currency: str) -> int | None:
    try:
        return None if text is None else parse_amount(text, currency) if text != "0" else 0
    except MoneyError as error:
        die(str(error), 2)


def _areas(said: list[str] | None) -> tuple[str, ...] | None:
    """Those that are named; an empty one names none."""
    return None if said is None else tuple(filter(None, said))


def _ask(
    settings: Config, code: str, key: str, command: RequestAgentAct, as_json: bool
) -> Submitted:
    """Ask, and say what came of it; exit 1 when it is refused."""
    done = send(settings, code, key, command)
    tell_done(settings, code, done, as_json)
    if done.answer is None or as_json:
        return done
    currency = settings.companies[code].currency
    names = ("balance", "spendable", "held", "owed", "fee")
    money = [name for name in names if name in done.answer.data]
    said = [f"{n} {format_amount(done.answer.data[n], currency)} {currency}" for n in money]
    if said:
        typer.echo("  " + ", ".join(said))
    return done


@app.command()
def add(
    number: Number,
    name: Annotated[str, typer.Option(help="Its name.")],
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    kind: KindOption = None,
    parent: ParentOption = None,
    mode: ModeOption = None,
    phone: PhoneOption = None,
    language: LanguageOption = None,
    commission: RuleOption = None,
    supply_group: GroupOption = None,
    service: ServiceOption = None,
    area: AreaOption = None,
    daily_limit: DayOption = None,
    low_float: LowOption = None,
    credit_limit: LimitOption = None,
    cash_limit: CashOption = None,
    transfers: TransfersOption = None,
    tells: TellsOption = None,
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take an agent on; a second person must agree: wattbus agents approve NUMBER-OF-THE-ACT."""
    settings = configuration(config)
    code = company_of(settings, company)
    currency = settings.companies[code].currency
    _ask(settings, code, key, RequestAgentAct(
        operator=operator_name(operator), kind="agent-enrol", agent=number, reason=reason,
        name=name, agent_kind=kind, parent=parent, mode=mode, phone=phone, language=language,
        commission=commission, supply_groups=tuple(supply_group or ()),
        services=tuple(service or ()), daily_limit=_minor(daily_limit, currency),
        low_float=_minor(low_float, currency), credit_limit=_minor(credit_limit, currency),
        cash_limit=_minor(cash_limit, currency), transfers=transfers, tells=tells,
        areas=_areas(area),
    ), as_json)  # fmt: skip


@app.command()
def alter(
    number: Number,
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    name: NameOption = None,
    kind: KindOption = None,
    parent: ParentOption = None,
    mode: ModeOption = None,
    phone: PhoneOption = None,
    language: LanguageOption = None,
    commission: RuleOption = None,
    supply_group: GroupOption = None,
    service: ServiceOption = None,
    area: AreaOption = None,
    daily_limit: DayOption = None,
    low_float: LowOption = None,
    credit_limit: LimitOption = None,
    cash_limit: CashOption = None,
    transfers: TransfersOption = None,
    tells: TellsOption = None,
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Change what is known of an agent: only what you name; a second person must agree."""
    settings = configuration(config)
    code = company_of(settings, company)
    currency = settings.companies[code].currency
    _ask(settings, code, key, RequestAgentAct(
        operator=operator_name(operator), kind="agent-alter", agent=number, reason=reason,
        name=name, agent_kind=kind, parent=parent, mode=mode, phone=phone, language=language,
        commission=commission, supply_groups=tuple(supply_group) if supply_group else None,
        services=tuple(service) if service else None,
        daily_limit=_minor(daily_limit, currency), low_float=_minor(low_float, currency),
        credit_limit=_minor(credit_limit, currency), cash_limit=_minor(cash_limit, currency),
        transfers=transfers, tells=tells,
        areas=_areas(area),
    ), as_json)  # fmt: skip


@app.command()
def topup(
    number: Number,
    amount: Money,
    reason: ReasonOption,
    evidence: EvidenceOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    way: WayOption = "cash",
    desk: DeskOption = "main",
    reference: ReferenceOption = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say that money came for an agent's float; it is there when a second person agrees."""
    settings = configuration(config)
    code = company_of(settings, company)
    minor = _minor(amount, settings.companies[code].currency) or 0
    _ask(settings, code, key, RequestAgentAct(
        operator=operator_name(operator), kind="agent-topup", agent=number, reason=reason,
        evidence=evidence, amount=minor, way=way, desk=desk, reference=reference,
    ), as_json)  # fmt: skip


@app.command()
def transfer(
    number: Number,
    other: Annotated[str, typer.Argument(help="The agent that gets it, of the same tree.")],
    amount: Money,
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Move money from an agent's float to another's; a second person must agree."""
    settings = configuration(config)
    code = company_of(settings, company)
    minor = _minor(amount, settings.companies[code].currency) or 0
    _ask(settings, code, key, RequestAgentAct(
        operator=operator_name(operator), kind="agent-transfer", agent=number, other=other,
        amount=minor, reason=reason,
    ), as_json)  # fmt: skip


@app.command()
def grant(
    request: Annotated[int, typer.Argument(help="Its number: wattbus agents requests.")],
    reason: ReasonOption,
    evidence: EvidenceOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    amount: Annotated[str, typer.Option(help="What came, where that is not what was said.")] = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Ask for the top-up that an agent asked for; it is there when a second person agrees."""
    settings = configuration(config)
    code = company_of(settings, company)
    with reading(settings) as reader:
        found = [each for each in wishes(reader, code, books.now_us()) if each.request == request]
    if not found:
        die(f"no request {request} waits: wattbus agents requests --all")
    (wish,) = found
    minor = _minor(amount, settings.companies[code].currency) if amount else wish.amount
    _ask(settings, code, key, RequestAgentAct(
        operator=operator_name(operator), kind="agent-topup", agent=wish.agent, reason=reason,
        evidence=evidence, amount=minor or 0, way=wish.way, desk=wish.desk,
        reference=wish.reference,
    ), as_json)  # fmt: skip


@app.command()
def surrender(
    number: Number,
    amount: Money,
    desk: Annotated[str, typer.Option(help="The desk that has counted it.")],
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say that an agent handed our cash over, counted; print both copies of the slip."""
    settings = configuration(config)
    code = company_of(settings, company)
    section = settings.companies[code]
    done = _ask(settings, code, key, RequestAgentAct(
        operator=operator_name(operator), kind="agent-surrender", agent=number, reason=reason,
        amount=_minor(amount, section.currency) or 0, way="cash", desk=desk,
    ), as_json)  # fmt: skip
    if done.answer is not None and not as_json:
        books.print_slip(dict(done.answer.data), section.currency, section.zone)


@app.command(epilog=_KINDS)
def request(
    kind: Annotated[str, typer.Argument(help="One of the kinds below.")],
    number: Number,
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    amount: Annotated[str, typer.Option(help="As people write it: 500,000 or 500k.")] = "",
    security: Annotated[str, typer.Option(help="guarantee or equipment.")] = "",
    way: Annotated[str, typer.Option(help="Of money that is paid out: cash or transfer.")] = "cash",
    desk: DeskOption = "main",
    reference: ReferenceOption = "",
    evidence: EvidenceOption = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Ask for any other act: block, close, withdraw, securities, commission, declining a top-up."""
    settings = configuration(config)
    code = company_of(settings, company)
    minor = _minor(amount, settings.companies[code].currency) if amount else 0
    _ask(settings, code, key, RequestAgentAct(
        operator=operator_name(operator), kind=kind, agent=number, reason=reason,
        evidence=evidence, amount=minor or 0, security=security, way=way, desk=desk,
        reference=reference,
    ), as_json)  # fmt: skip


app.command()(approve)


@app.command()
def show(
    number: Annotated[str, typer.Argument(help="The agent's number; none: all of them.")] = "",
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show an agent with its money, or all agents; exit 1 when there is none of that number."""
    settings = configuration(config)
    code = company_of(settings, company)
    with reading(settings) as reader:
        found = agents_of(reader, code, number)
    if number and not found:
        die(f"there is no agent {number}")
    if as_json:
        plain = msgspec.to_builtins(found)
        typer.echo(json.dumps(plain[0] if number else plain))
        return
    if number:
        for name, value in _lines(found[0], settings.companies[code].zone):
            typer.echo(f"{name + ':':<17}{value}")
        return
    for agent in found:
        spendable = format_amount(agent.spendable, agent.currency)
        typer.echo(
            f"{agent.number:<12} {agent.state:<8} {spendable:>16} {agent.currency}  {agent.name}"
        )
    if not found:
        typer.echo("no agents")


_MONEY = frozenset(
    "daily_limit low_float balance reserved credit_limit spendable guarantee equipment day_spent "
    "commission_owed cash_limit in_hand day_moved".split()
)


def _lines(agent: AgentView, zone: str) -> list[tuple[str, Any]]:
    """What is known of it that says something; money and instants as people write them."""
    shown = []
    for name, value in msgspec.to_builtins(agent).items():
        if name in _MONEY:
            text = f"{format_amount(value, agent.currency)} {agent.currency}"
            shown.append((name, text if value or name in ("balance", "spendable") else ""))
        elif name == "enrolled_at":
            shown.append((name, local_time(value, zone).strftime("%Y-%m-%d %H:%M")))
        elif name not in ("day", "currency"):
            shown.append((name, ", ".join(value) if isinstance(value, list) else value))
    return [(name.replace("_", " "), value) for name, value in shown if value]

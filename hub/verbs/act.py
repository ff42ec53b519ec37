"""``wattbus act``: what operators do with tokens beside selling them."""

import json
import shlex
import sys
import time
import uuid
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from core.calendars import local_time
from core.messages import (
    CloseTerminalCase,
    DecideTokenAct,
    Message,
    MoveChange,
    RequestAgentAct,
    RequestChange,
    RequestCounterAct,
    RequestMoneyAct,
    RequestPhoneAct,
    RequestTerminalAct,
    RequestTokenAct,
    SellAtCounter,
    TakeAtCounter,
    name_of,
)
from core.messages.vending import Recipient
from core.money import MoneyError, format_amount, parse_amount
from core.queries.acts import act_of, list_acts
from core.queries.views import ActView
from core.sts.token import grouped
from core.units import is_money, quantity
from core.vending.act_kinds import KINDS, REGISTERS, TEST_NAMES, Two
from core.vending.act_states import ActState
from hub.config import Config
from hub.msisdn import e164
from hub.operators import MAX_SECRET, MIN_SECRET, hashed, matches
from hub.verbs._shared import (
    DEFAULT,
    ConfigOption,
    JsonOption,
    OperatorOption,
    Submitted,
    ask_hub,
    company_of,
    configuration,
    die,
    operator_name,
    passphrase,
    reading,
    submitted,
)
from hub.verbs.conform import WrongUseError
from hub.verbs.pay import said_no
from hub.verbs.token import parse_tenths

NAME = "act"

_TWO = {
    Two.NEVER: "one person",
    Two.ALWAYS: "two people",
    Two.ABOVE: "two people above the operator's alone_units",
    Two.RAISING: "two people to raise it",
}
_KINDS = "\n\n".join(f"{k.name}: {k.says} ({k.role}; {_TWO[k.two]})" for k in KINDS.values())
app = typer.Typer(
    help="What operators do with tokens beside selling: settings of meters, units for free, "
    "copies, new digits, refunds. Who may do what: \\[operators.NAME] of the configuration.",
    no_args_is_help=True,
)

CompanyOption = Annotated[str, typer.Option(help="Which company, where there are several.")]
KeyOption = Annotated[
    str, typer.Option(help="A name of your own for it: under it a repeat is done once.")
]
RegisterOption = Annotated[str, typer.Option(help=f"To clear: {', '.join(REGISTERS)}.")]
TestOption = Annotated[
    list[str] | None, typer.Option(help=f"{', '.join(TEST_NAMES)}; none named: all.")
]
DebtOption = Annotated[
    bool, typer.Option("--as-debt", help="Recover the fee from purchases if need be.")
]
ActNumber = Annotated[int, typer.Argument(help="The act's number, as request and list show it.")]


@app.command(
    epilog=f"{_KINDS}\n\nAn act that needs two people waits until another operator with the role "
    "vending-approver approves it. A refund's token clears the meter; money comes back when the "
    "other one confirms, by evidence, that the meter took it.",
)
def request(
    kind: Annotated[str, typer.Argument(help="One of the kinds below.")],
    meter: Annotated[str, typer.Argument(help="The meter (DRN) that the token is for.")],
    reason: Annotated[str, typer.Option(help="Why, in words; it is kept.")],
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    evidence: Annotated[str, typer.Option(help="What proves it: a file, a read-out, a case.")] = "",
    units: Annotated[str, typer.Option(help="kWh, m³ or minutes, such as 28.1.")] = "0",
    watts: Annotated[int, typer.Option(help="Of a limit.")] = 0,
    value: Annotated[int, typer.Option(help="Tariff rate, water factor, setting.")] = 0,
    index: Annotated[int, typer.Option(help="Of an extended setting.")] = 0,
    register: RegisterOption = "all",
    test: TestOption = None,
    token: Annotated[str, typer.Option(help="The token it is about: 20 digits or receipt.")] = "",
    from_meter: Annotated[str, typer.Option(help="Where the units come from.")] = "",
    fee: Annotated[str, typer.Option(help="Of a tamper case, as people write it.")] = "",
    as_debt: DebtOption = False,
    tell: Annotated[list[str] | None, typer.Option(help="Phones that get it by SMS.")] = None,
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Ask for an act; exit 1 when it is refused. What needs no second person is done at once."""
    settings = configuration(config)
    code = company_of(settings, company)
    tenths, minor = _numbers(units, fee, settings.companies[code].currency)
    command = RequestTokenAct(
        operator=operator_name(operator),
        kind=kind,
        meter=meter,
        reason=reason,
        evidence=evidence,
        units_tenths=tenths,
        watts=watts,
        value=value,
        index=index,
        register=register,
        tests=tuple(test or ()),
        token="".join(token.split()),
        from_meter=from_meter,
        fee=minor,
        as_debt=as_debt,
        reply=_recipients(tell or [], settings.companies[code].country_code),
    )
    tell_done(settings, code, send(settings, code, key, command), as_json)


def _numbers(units: str, fee: str, currency: str) -> tuple[int, int]:
    """Tenths of a unit and minor units, of what people write."""
    try:
        return parse_tenths(units), parse_amount(fee, currency) if fee else 0
    except (MoneyError, WrongUseError) as error:
        die(str(error), 2)


def _recipients(phones: list[str], country_code: str) -> tuple[Recipient, ...]:
    """Who is told by SMS; exit 2 for what is no phone."""
    found = [(phone, e164(phone, country_code)) for phone in phones]
    strange = [phone for phone, number in found if not number]
    if strange:
        die(f"{strange[0]} is no phone", 2)
    return tuple(Recipient(way="sms", address=number) for _, number in found)


@app.command()
def approve(
    act: ActNumber,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    note: Annotated[str, typer.Option(help="What you looked at; it is kept.")] = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Agree, as the second person: the act is carried out now. Exit 1 when it cannot be."""
    _decide(config, company, DecideTokenAct(
        operator=operator_name(operator), act=act, decision="approve", note=note,
    ), as_json)  # fmt: skip


@app.command()
def reject(
    act: ActNumber,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say no, as the second person; or take back what you asked for yourself."""
    _decide(config, company, DecideTokenAct(
        operator=operator_name(operator), act=act, decision="reject", note=reason,
    ), as_json)  # fmt: skip


@app.command()
def confirm(
    act: ActNumber,
    evidence: Annotated[str, typer.Option(help="What shows it: a photo, a read-out.")],
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    failed: Annotated[
        bool, typer.Option("--failed", help="The meter did not take it: no money comes back.")
    ] = False,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Confirm that the meter took a refund's token: the money becomes credit of the account."""
    decision = "fail" if failed else "confirm"
    _decide(config, company, DecideTokenAct(
        operator=operator_name(operator), act=act, decision=decision, note=evidence,
    ), as_json)  # fmt: skip


@app.command("list")
def list_them(
    config: ConfigOption = DEFAULT,
    state: Annotated[str, typer.Option(help=f"Only {', '.join(ActState)}.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="The newest.")] = 50,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """List acts, newest first. What waits for a second person: --state requested."""
    settings = configuration(config)
    code = company_of(settings, company)
    if state and state not in list(ActState):
        die(f"--state is one of: {', '.join(ActState)}", 2)
    with reading(settings) as reader:
        acts = list_acts(reader, code, state, limit, _now_us())
    if as_json:
        typer.echo(json.dumps([msgspec.to_builtins(act) for act in acts]))
        return
    for act in acts:
        second = f", {act.approver}" if act.approver else ""
        named = f"agent {act.agent}" if act.agent else f"desk {act.asked.get('desk', '')}"
        about = (
            act.meter
            or act.asked.get("campaign")
            or (f"account {act.account}" if act.account else named)
        )
        if act.agent:
            about = f"agent {act.agent}"
        typer.echo(
            f"{act.act:>6}  {_moment(settings, code, act.requested_at)}  {act.state:<9}  "
            f"{act.kind} for {about} by {act.operator}{second}: {act.reason}"
        )
    if not acts:
        typer.echo("no acts")


@app.command()
def show(
    act: ActNumber,
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show an act with everything but the digits of its token; exit 1 when there is none."""
    settings = configuration(config)
    code = company_of(settings, company)
    with reading(settings) as reader:
        found = act_of(reader, code, act, _now_us())
    if found is None:
        die(f"there is no act {act}")
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(found)))
        return
    for name, value in _lines(settings, code, found):
        typer.echo(f"{name + ':':<14}{value}")


@app.command()
def secret(
    file: Annotated[Path, typer.Argument(help="The secret_file of the configuration.")],
) -> None:
    """Write an operator's passphrase as a scrypt hash; it is asked for, or read from the input.

    A file that is there is only written over by who knows its passphrase, which is asked for first.
    Let file and folder belong to root, and the hub's group read the file (mode 640): whoever can
    write there can be that operator.
    """
    known = _known(file)
    if known and not matches(_words("Passphrase of now"), known):
        die(f"{file} is there, and this is not its passphrase; nothing was written")
    words = _words("New passphrase" if known else "Passphrase", twice=True)
    if not MIN_SECRET <= len(words) <= MAX_SECRET:
        die(f"a passphrase has {MIN_SECRET} to {MAX_SECRET} characters", 2)
    try:
        if not known:
            file.touch(mode=0o600, exist_ok=False)
        file.write_text(hashed(words) + "\n", encoding="ascii")
    except OSError as error:
        die(f"{file} cannot be written: {error}")
    typer.echo(f"wrote {file}")


def _known(file: Path) -> str:
    """What the secret file holds now; empty where there is none."""
    try:
        # a file of nothing matches no passphrase: it is not written over either
        return file.read_text(encoding="ascii", errors="replace").strip() or "nothing"
    except FileNotFoundError:
        return ""
    except OSError as error:
        die(f"{file} cannot be read: {error}")


def _words(prompt: str, twice: bool = False) -> str:
    """A passphrase from the keyboard, or the next line of the input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt(prompt, hide_input=True, confirmation_prompt=twice))


def _now_us() -> int:
    return time.time_ns() // 1_000


def _moment(settings: Config, company: str, at_us: int) -> str:
    return local_time(at_us, settings.companies[company].zone).strftime("%Y-%m-%d %H:%M")


def _lines(settings: Config, company: str, act: ActView) -> list[tuple[str, Any]]:
    """What ``show`` says: fields that say something, amounts and instants as people write them."""
    currency = settings.companies[company].currency
    shown: dict[str, Any] = {**msgspec.to_builtins(act), **act.asked}
    shown.pop("asked", None)
    for name in ("requested_at", "decided_at", "expires"):
        if shown.get(name):
            shown[name] = _moment(settings, company, shown[name])
    for name in ("amount", "fee"):
        if shown.get(name):
            shown[name] = f"{format_amount(shown[name], currency)} {currency}"
    if act.units_tenths:
        shown["units_tenths"] = f"{act.units_tenths // 10}.{act.units_tenths % 10}"
    shown["token"] = shown["pin_proof"] = ""  # neither digits nor proofs are shown
    return [
        (name.removesuffix("_tenths").replace("_", " "), value)
        for name, value in shown.items()
        if value not in ("", 0, None, [])
    ]


def _decide(config: Path, company: str, command: DecideTokenAct, as_json: bool) -> None:
    settings = configuration(config)
    code = company_of(settings, company)
    tell_done(settings, code, send(settings, code, "", command), as_json)


def send(
    settings: Config,
    company: str,
    key: str,
    command: RequestTokenAct
    | RequestMoneyAct
    | RequestAgentAct
    | RequestCounterAct
    | TakeAtCounter
    | SellAtCounter
    | RequestTerminalAct
    | RequestPhoneAct
    | CloseTerminalCase
    | DecideTokenAct
    | RequestChange
    | MoveChange,
) -> Submitted:
    own = key or str(uuid.uuid4())
    key = f"act/{command.operator}/{own}"
    again = (
        f"look: wattbus act show {command.act}"
        if isinstance(command, DecideTokenAct)
        else f"ask again with --key {shlex.quote(own)}: under it, it is done once"
    )
    data: Message = command
    return submitted(
        ask_hub(
            settings,
            {
                "do": "act",
                "company": company,
                "key": key,
                "type": name_of(data).name,
                "operator": command.operator,
                "secret": passphrase(settings, command.operator),
                "data": msgspec.to_builtins(data),
            },
            again,
        )
    )


def _subject(data: dict[str, Any]) -> str:
    """What an act is about, in words."""
    for name in ("meter", "account", "phone", "terminal", "agent", "desk", "campaign"):
        if data.get(name):
            more = f", cashier {data['cashier']}" if data.get("cashier") else ""
            return f"{name} {data[name]}{more}"
    return "nothing"


def _many(tenths: int, commodity: Any, currency: str) -> str:
    """Units, or the money of a meter that holds it."""
    if is_money(commodity):
        return quantity(tenths, commodity, currency)
    return f"{tenths // 10}.{tenths % 10} units"


def tell_done(settings: Config, company: str, done: Submitted, as_json: bool) -> None:
    if done.answer is None:
        die(f"the outcome is not known yet; look for it: wattbus find {done.message_id}")
    if done.answer.outcome != "done":
        die(said_no(done.answer))
    data = done.answer.data
    if as_json:
        typer.echo(json.dumps({"message": done.message_id, "repeat": done.repeat, **data}))
        return
    units, amount = data.get("units_tenths", 0), data.get("amount", 0)
    currency = settings.companies[company].currency
    carried = f", {_many(units, data.get('commodity'), currency)}" if units else ""
    money = f", {format_amount(amount, currency)} {currency}" if amount else ""
    about = _subject(data)
    typer.echo(f"act {data['act']}: {data['kind']} for {about}: {data['state']}{carried}{money}")
    if "token" in data:
        copy = "  COPY" if data.get("copy") else ""
        if data.get("kct"):
            typer.echo("first, if the meter has not taken them:")
            for digits in data["kct"]:
                typer.echo(f"  {grouped(digits)}")
        typer.echo(f"{grouped(data['token'])}{copy}")
    if data["state"] == ActState.REQUESTED:
        until = _moment(settings, company, data["expires"])
        typer.echo(f"another operator must approve it until {until}: "
                   f"wattbus act approve {data['act']}")  # fmt: skip
    if data["state"] == ActState.ISSUED:
        typer.echo(f"when the meter has taken it: wattbus act confirm {data['act']}")

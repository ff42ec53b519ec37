"""``wattbus change``: changes in a customer's life, from the request to the confirmation."""

import json
from typing import Annotated, Any

import msgspec
import typer

from core.changes.kinds import KINDS
from core.changes.states import ChangeMove, ChangeState
from core.messages import MeterLink, MoveChange, PhoneLink, RequestChange
from core.money import format_amount
from core.queries.changes import ChangeView, change_of, list_changes
from hub.msisdn import e164
from hub.verbs._scope import Scope, facts, listed, scope_of
from hub.verbs._shared import (
    DEFAULT,
    CompanyOption,
    ConfigOption,
    JsonOption,
    KeyOption,
    OperatorOption,
    Submitted,
    as_facts,
    die,
    done_or_die,
    operator_name,
    reading,
)
from hub.verbs.act import send
from hub.verbs.conform import WrongUseError
from hub.verbs.token import parse_tenths

NAME = "change"
_KINDS = "\n\n".join(f"{kind.name}: {kind.says}" for kind in KINDS.values())
_LIFE = (
    "requested, read (the meter), settled (the money, by two people: wattbus act approve), "
    "switched (no way back), confirmed; it can be undone until it is switched"
)
app = typer.Typer(
    help=f"Changes in a customer's life: {', '.join(KINDS)}. The life of each: {_LIFE}. "
    "What becomes of units, debts and securities stands in \\[companies.NAME.changes].",
    no_args_is_help=True,
)

Number = Annotated[int, typer.Argument(help="The change's number, as request and list show it.")]
EvidenceOption = Annotated[str, typer.Option(help="What shows it; it is kept.")]
RegistersOption = Annotated[
    list[str] | None, typer.Option(help="NAME=VALUE, three decimals at most: units=1234.5")
]
PhoneOption = Annotated[
    list[str] | None, typer.Option(help="Who may spend the account from then on.")
]


@app.command(
    epilog=f"{_KINDS}\n\nThe role customer-service is needed. An account that is new is made with "
    "--customer and --name. A new meter needs --meter and --sgc.",
)
def request(
    kind: Annotated[str, typer.Argument(help="One of the kinds below.")],
    account: Annotated[str, typer.Argument(help="Whose agreement; of a move-in, who comes.")],
    reason: Annotated[str, typer.Option(help="Why, in words; it is kept.")],
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    evidence: EvidenceOption = "",
    agreement: Annotated[int, typer.Option(help="Where the account has several.")] = 0,
    tariff: Annotated[str, typer.Option(help="Of the agreement from then on.")] = "",
    mode: Annotated[str, typer.Option(help="Of who comes: prepaid or postpaid.")] = "",
    point: Annotated[str, typer.Option(help="The vacant service point of a move-in.")] = "",
    to: Annotated[str, typer.Option(help="The account that comes in a take-over.")] = "",
    customer: Annotated[str, typer.Option(help="Number of a new customer or holder.")] = "",
    name: Annotated[str, typer.Option(help="His name, if he is not on file.")] = "",
    phone: PhoneOption = None,
    meter: Annotated[str, typer.Option(help="The new meter (DRN) of an exchange.")] = "",
    sgc: Annotated[str, typer.Option(help="Its supply group.")] = "",
    krn: Annotated[int, typer.Option(help="Its key revision.")] = 1,
    ti: Annotated[str, typer.Option(help="Its tariff index.")] = "01",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Put a change on file; exit 1 when something stands against it."""
    scope = scope_of(config, company)
    command = RequestChange(
        operator=operator_name(operator), kind=kind, account=account, reason=reason,
        evidence=evidence, agreement=agreement, point=point, to_account=to, customer=customer,
        name=name, tariff=tariff, mode=mode,
        meter=MeterLink(drn=meter, sgc=sgc, krn=krn, ti=ti) if meter else None,
        phones=_phones(phone or [], scope.settings.companies[scope.company].country_code),
    )  # fmt: skip
    _tell(scope, send(scope.settings, scope.company, key, command), as_json)


def _phones(given: list[str], country_code: str) -> tuple[PhoneLink, ...]:
    found = [(phone, e164(phone, country_code)) for phone in given]
    strange = [phone for phone, number in found if not number]
    if strange:
        die(f"{strange[0]} is no phone", 2)
    return tuple(PhoneLink(msisdn=number) for _, number in found)


@app.command()
def read(
    change: Number,
    evidence: Annotated[str, typer.Option(help="readout, returned, visit or photo, and which.")],
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    remaining: Annotated[str, typer.Option(help="Units left in a prepaid meter: 28.1.")] = "",
    register: RegistersOption = None,
    opening: RegistersOption = None,
    usage: RegistersOption = None,
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say what the meter shows (--register), what is left in it (--remaining), what the new one
    shows (--opening); of a postpaid agreement what was used since the last bill (--usage): the
    final bill is made of it. Read again whenever something came in between."""
    try:
        tenths = parse_tenths(remaining) if remaining else -1
    except WrongUseError as error:
        die(str(error), 2)
    _move(config, company, key, as_json, MoveChange(
        operator=operator_name(operator), change=change, move=ChangeMove.READ.value,
        evidence=evidence, remaining_tenths=tenths, readings=_registers(register),
        opening=_registers(opening), usage=_registers(usage),
    ))  # fmt: skip


def _registers(given: list[str] | None) -> dict[str, int]:
    """``units=12.5`` → milli-units; exit 2 for what is none."""
    found: dict[str, int] = {}
    for text in given or []:
        name, _, value = text.partition("=")
        whole, _, fraction = value.partition(".")
        if not name or not (whole.isdecimal() and (fraction or "0").isdecimal()):
            die(f"{text!r} is no register: write it like units=1234.5", 2)
        if len(fraction) > 3 or name in found:
            die(f"{text!r}: three decimals at most, each register once", 2)
        found[name] = int(whole) * 1_000 + int(fraction.ljust(3, "0"))
    return found


def _step(move: ChangeMove, says: str) -> Any:
    def command(
        change: Number,
        config: ConfigOption = DEFAULT,
        operator: OperatorOption = "",
        reason: Annotated[str, typer.Option(help="Why, in words; it is kept.")] = "",
        evidence: EvidenceOption = "",
        key: KeyOption = "",
        company: CompanyOption = "",
        as_json: JsonOption = False,
    ) -> None:
        _move(config, company, key, as_json, MoveChange(
            operator=operator_name(operator), change=change, move=move.value, reason=reason,
            evidence=evidence,
        ))  # fmt: skip

    command.__doc__ = says
    return command


for _what, _says in (
    (ChangeMove.SETTLE, "Ask for its money to move: credit for what is left, charges that are "
     "owed, securities, debts. It waits for a second person: wattbus act approve."),
    (ChangeMove.SWITCH, "Let it become true: mode, meter, agreement or holder. No way back."),
    (ChangeMove.CONFIRM, "Say what shows that it is so (--evidence); that ends it."),
    (ChangeMove.UNDO, "Give it up before it is switched. Where money has moved, a second person "
     "must agree: wattbus act approve; then all of it is back."),
):  # fmt: skip
    app.command(_what.value)(_step(_what, _says))


@app.command("list")
def list_them(
    config: ConfigOption = DEFAULT,
    state: Annotated[str, typer.Option(help=f"Only {', '.join(ChangeState)}.")] = "",
    account: Annotated[str, typer.Option(help="Only what was asked for this account.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="The newest.")] = 50,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """List changes, newest first."""
    scope = scope_of(config, company)
    if state and state not in list(ChangeState):
        die(f"--state is one of: {', '.join(ChangeState)}", 2)
    with reading(scope.settings) as reader:
        changes = list_changes(reader, scope.company, state, account, limit)

    def line(each: ChangeView) -> str:
        return (
            f"{each.change:>6}  {scope.moment(each.requested_at)}  {each.state:<9}  "
            f"{each.kind} of account {each.account} by {each.operator}: {each.reason}"
        )

    listed(changes, as_json, line, "no changes")


@app.command()
def show(
    change: Number,
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show a change with everything that it is about and has done; exit 1 when there is none."""
    scope = scope_of(config, company)
    with reading(scope.settings) as reader:
        found = change_of(reader, scope.company, change)
    if found is None:
        die(f"there is no change {change}")
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(found)))
        return
    facts(_lines(scope, found))


def _lines(scope: Scope, change: ChangeView) -> list[tuple[str, Any]]:
    """Fields that say something, amounts, units and instants as people write them."""
    shown: dict[str, Any] = {**msgspec.to_builtins(change)}
    for name in ("requested_at", "read_at", "settled_at", "switched_at", "ended_at"):
        if shown.get(name):
            shown[name] = scope.moment(shown[name])
    if change.valued:
        shown["valued"] = scope.money(change.valued)
    if change.remaining_tenths:
        left = change.remaining_tenths
        shown["remaining_tenths"] = f"{left // 10}.{left % 10}"
    shown["next"] = " or ".join(change.next)
    for name in ("readings", "did", "asked"):
        shown[name] = _said(shown.get(name) or {}, scope.currency if name == "did" else "")
    return [
        (name.removesuffix("_tenths").replace("_", " "), value)
        for name, value in shown.items()
        if value not in ("", 0, None)
    ]


#: What a change did in money.
_MONEY = ("credited", "accrued", "deposit_used", "recovered", "reopened", "debts_moved",
          "advance_paid")  # fmt: skip


def _said(facts: dict[str, Any], currency: str) -> str:
    """``credited 1,200 UGX, mode postpaid``."""
    parts = []
    for name, value in facts.items():
        if value in ("", 0, None, {}, []):
            continue
        money = currency and name in _MONEY
        text = f"{format_amount(value, currency)} {currency}" if money else value
        parts.append(f"{name.replace('_', ' ')} {text}")
    return ", ".join(parts)


def _move(config: Any, company: str, key: str, as_json: bool, command: MoveChange) -> None:
    scope = scope_of(config, company)
    _tell(scope, send(scope.settings, scope.company, key, command), as_json)


def _tell(scope: Scope, done: Submitted, as_json: bool) -> None:
    answer = done_or_die(done)
    data = answer.data
    if as_json:
        typer.echo(as_facts(done, answer))
        return
    state = data["change_state"]
    typer.echo(f"change {data['change']} of account {data['account']}: {state}")
    if "act" in data:
        until = scope.moment(data["expires"])
        typer.echo(f"another operator must approve it until {until}: "
                   f"wattbus act approve {data['act']}")  # fmt: skip
    elif data["next"]:
        steps = [f"wattbus change {move} {data['change']}" for move in data["next"]]
        typer.echo(f"next: {' or: '.join(steps)}")

"""``wattbus freeunits``: who is entitled to free basic units, and what was given of them."""

import json
import re
from typing import Annotated, Literal

import msgspec
import typer

from core.messages import EndFreeUnits, GiveFreeUnits
from core.queries.entitlements import EntitlementView, entitlements
from core.units import quantity
from core.vending.act_states import ActState
from core.vending.entitlements import month_text
from hub.config import Config
from hub.verbs._operators import asked
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
    die,
    operator_name,
    reading,
)
from hub.verbs.act import tell_done as tell_act
from hub.verbs.conform import WrongUseError
from hub.verbs.token import parse_tenths

NAME = "freeunits"
app = typer.Typer(
    help="Free basic units: entitlements, and what was given of them.", no_args_is_help=True
)

Meter = Annotated[str, typer.Argument(help="The meter's number: its agreement is entitled.")]
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)
#: A page of entitlements; more are asked for by meter.
MAX_LISTED = 1_000


@app.command()
def give(
    meter: Meter,
    units: Annotated[str, typer.Option(help="A month, in the meter's unit, such as 50 or 6.5.")],
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    since: Annotated[str, typer.Option("--from", help="First month, 2026-11; else this one.")] = "",
    until: Annotated[str, typer.Option("--to", help="Last month; else until it is ended.")] = "",
    unclaimed: Annotated[
        Literal["lapse", "cumulate"], typer.Option(help="What is not claimed in its month.")
    ] = "lapse",
    cap_months: Annotated[int, typer.Option(help="So many months at once, if they cumulate.")] = 1,
    in_blocks: Annotated[
        bool, typer.Option("--in-blocks", help="They count in the month's price blocks.")
    ] = False,
    operator: OperatorOption = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Entitle a meter's agreement to units for free each month; exit 1 when that cannot be.

    Above your own alone_units it waits for a second person: wattbus act approve.
    """
    message = GiveFreeUnits(
        operator=operator_name(operator),
        meter=meter,
        tenths=_tenths(units),
        reason=reason,
        from_month=_month(since, "--from"),
        to_month=_month(until, "--to"),
        unclaimed=unclaimed,
        cap_months=cap_months,
        in_blocks=in_blocks,
    )
    settings = configuration(config)
    _send(settings, company_of(settings, company), message, key, as_json)


def _tenths(units: str) -> int:
    try:
        return parse_tenths(units)
    except WrongUseError as error:
        die(str(error), 2)


def _month(text: str, option: str) -> int:
    found = _MONTH.fullmatch(text)
    if text and found is None:
        die(f"{option} is a month as 2026-11, not {text!r}", 2)
    return int(found[1]) * 100 + int(found[2]) if found else 0


@app.command()
def end(
    meter: Meter,
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """A meter's agreement has no free units any more; what was given stays given."""
    message = EndFreeUnits(operator=operator_name(operator), meter=meter, reason=reason)
    settings = configuration(config)
    _send(settings, company_of(settings, company), message, key, as_json)


def _send(
    settings: Config, company: str, message: GiveFreeUnits | EndFreeUnits, key: str, as_json: bool
) -> None:
    """By the verb that makes sure who asks, and keeps it on record."""
    done = asked(settings, company, message, key, NAME)
    assert done.answer is not None  # asked() has seen it
    data = done.answer.data
    if data.get("state") == ActState.REQUESTED:
        tell_act(settings, company, done, as_json)
        return
    if as_json:
        typer.echo(json.dumps(data))
        return
    units = quantity(data["tenths"], data["commodity"])
    if data["ended"]:
        typer.echo(f"meter {data['meter']}: no free units any more ({units} a month)")
        return
    typer.echo(f"meter {data['meter']}: {units} a month, {_span(data)}")


def _span(data: dict[str, int]) -> str:
    last = f"to {month_text(data['to_month'])}" if data["to_month"] else "until it is ended"
    return f"from {month_text(data['from_month'])} {last}"


@app.command("list")
def list_(
    config: ConfigOption = DEFAULT,
    meter: Annotated[str, typer.Option(help="One meter only.")] = "",
    ended: Annotated[bool, typer.Option("--ended", help="Those that were ended too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=MAX_LISTED, help="So many at most.")] = 50,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Entitlements, the newest first, with what was given of each."""
    scope = scope_of(config, company)
    with reading(scope.settings) as reader:
        found = entitlements(reader, scope.company, meter, ended, limit)
    listed(found, as_json, _line, "no entitlements to free units")


def _line(view: EntitlementView) -> str:
    rule = "unclaimed months lapse"
    if view.unclaimed == "cumulate":
        rule = f"up to {view.cap_months} months together"
    claimed = month_text(view.claimed_through) if view.claimed_through else "none"
    ended = "; ended" if view.ended_at else ""
    return (
        f"{view.entitlement}  meter {view.meter or '-'}, account {view.account}: "
        f"{quantity(view.tenths, view.commodity)} a month, {_span(msgspec.to_builtins(view))}, "
        f"{rule}{', in blocks' if view.in_blocks else ''}; given "
        f"{quantity(view.given_tenths, view.commodity)} in {view.claims}, last {claimed}; "
        f"by {view.operator}: {view.reason}{ended}"
    )

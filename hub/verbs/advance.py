"""``wattbus advance``: units on credit for a meter, in an operator's name."""

import json
from typing import Annotated

import typer

from core.messages import GiveAdvance
from core.money import MoneyError, format_amount, parse_amount
from core.sts.token import grouped
from core.units import quantity
from hub.config import Config
from hub.verbs._operators import asked
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
)

NAME = "advance"


def command(
    meter: Annotated[str, typer.Argument(help="The meter's number.")],
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    amount: Annotated[
        str, typer.Option(help="Worth of the units, taxes included; else as much as is given.")
    ] = "",
    operator: OperatorOption = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Give a meter units on credit: its next purchase pays them first. Exit 1 when that cannot be.

    How much, how often and for what fee the company's collection file says (advances).
    """
    settings = configuration(config)
    code = company_of(settings, company)
    message = GiveAdvance(
        operator=operator_name(operator),
        meter=meter,
        reason=reason,
        amount=_minor(settings, code, amount),
    )
    done = asked(settings, code, message, key, NAME)
    assert done.answer is not None  # asked() has seen it
    data = done.answer.data
    if as_json:
        typer.echo(json.dumps(data))
        return
    typer.echo(f"token {grouped(data['token'])}")
    for section in data.get("kct", ()):
        typer.echo(f"to key in before it: {grouped(section)}")
    owed = f"{format_amount(data['owed'], data['currency'])} {data['currency']}"
    units = quantity(data["units_tenths"], data["commodity"])
    again = " (given before)" if done.repeat else ""
    typer.echo(f"meter {meter}: {units} on credit, receipt {data['receipt']}{again}")
    typer.echo(f"the next purchase pays {owed}")


def _minor(settings: Config, company: str, amount: str) -> int:
    if not amount:
        return 0
    try:
        return parse_amount(amount, settings.companies[company].currency)
    except MoneyError as error:
        die(f"--amount: {error}", 2)

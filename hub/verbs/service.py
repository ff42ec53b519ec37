"""``wattbus service``: when an agreement has no service: whole months of it bear no charge."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from core.calendars import local_date
from core.messages import PauseService, ResumeService
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
    operator_name,
)

NAME = "service"
app = typer.Typer(help="Times without service: vacant or disconnected.", no_args_is_help=True)


class Why(StrEnum):
    """Why there is none."""

    VACANT = "vacant"
    DISCONNECTED = "disconnected"


Meter = Annotated[str, typer.Argument(help="The meter's number.")]
WhyOption = Annotated[Why, typer.Option(help="Why there is no service.")]
OnOption = Annotated[str, typer.Option("--on", help="From this day, 2026-11-21; else from now.")]


@app.command()
def pause(
    meter: Meter,
    why: WhyOption,
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    on: OnOption = "",
    operator: OperatorOption = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """A meter's agreement has no service: months without a day of it bear no monthly charge."""
    message = PauseService(
        operator=operator_name(operator), meter=meter, why=why.value, reason=reason, on=on
    )
    _say(config, company, message, key, as_json)


@app.command()
def resume(
    meter: Meter,
    why: WhyOption,
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    on: OnOption = "",
    operator: OperatorOption = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """It has service again."""
    message = ResumeService(
        operator=operator_name(operator), meter=meter, why=why.value, reason=reason, on=on
    )
    _say(config, company, message, key, as_json)


def _say(
    config: Path, company: str, message: PauseService | ResumeService, key: str, as_json: bool
) -> None:
    settings = configuration(config)
    code = company_of(settings, company)
    done = asked(settings, code, message, key, NAME)
    assert done.answer is not None  # asked() has seen it
    data, zone = done.answer.data, settings.companies[code].zone
    if as_json:
        typer.echo(json.dumps(data))
        return
    since = local_date(data["from"], zone)
    until = f" until {local_date(data['to'], zone)}" if data.get("to") else ""
    typer.echo(f"meter {data['meter']}: {data['why']} since {since}{until}")

"""``wattbus find``: the timeline of what happened to a phone, meter, receipt, token or account."""

import json
from typing import Annotated, Any

import typer

from core.store.tx import Reader
from hub.config import CompanySection, Config
from hub.storywords import Lens, as_object, details, headline
from hub.timeline import Hops, Timeline, find
from hub.verbs._shared import (
    DEFAULT,
    ConfigOption,
    JsonOption,
    OperatorOption,
    ask_hub,
    configuration,
    die,
    operator_name,
    reading,
)

NAME = "find"

#: Stories shown unless more are asked for: a customer asks about the last ones.
SHOWN = 20


def command(
    typed: Annotated[
        list[str], typer.Argument(help="A phone, meter, receipt, token, account or message id.")
    ],
    config: ConfigOption = DEFAULT,
    limit: Annotated[int, typer.Option(help="How many stories, the newest.", min=1)] = SHOWN,
    detail: Annotated[bool, typer.Option("--detail", help="Every step of each story.")] = False,
    show_token: Annotated[
        str, typer.Option(metavar="REASON", help="Show tokens; the reason goes on record.")
    ] = "",
    operator: OperatorOption = "",
    as_json: JsonOption = False,
) -> None:
    """Tell what happened, oldest to newest, in words to read to the customer; exit 1: nothing."""
    settings = configuration(config)
    with reading(settings) as reader:
        found = _everywhere(reader, settings, " ".join(typed), limit)
    if show_token:
        _on_record(settings, found, show_token, operator)
    if as_json:
        typer.echo(json.dumps([_object(settings, line, show_token) for line in found]))
    else:
        for timeline in found:
            _show(settings, timeline, bool(show_token), detail)
    if not any(timeline.stories for timeline in found):
        die(_nothing(found, " ".join(typed)))


def _everywhere(reader: Reader, settings: Config, typed: str, limit: int) -> list[Timeline]:
    every = [
        find(reader, code, section.country_code, typed, limit)
        for code, section in settings.companies.items()
    ]
    told = [timeline for timeline in every if timeline.stories]
    return told or every[:1]


def _on_record(settings: Config, found: list[Timeline], reason: str, operator: str) -> None:
    """No digits without a row in the audit trail: it is written before anything is shown."""
    receipts = sorted(
        {
            step.sale.receipt
            for timeline in found
            for story in timeline.stories
            if not isinstance(story, Hops)
            for step in story.steps
            if step.sale is not None
        }
    )
    if receipts:
        request = {"do": "look", "what": "show-token", "subjects": receipts, "reason": reason}
        ask_hub(settings, {**request, "operator": operator_name(operator)})


def _lens(section: CompanySection, show_token: bool) -> Lens:
    return Lens(section.zone, section.currency, show_token)


def _object(settings: Config, timeline: Timeline, show_token: str) -> dict[str, Any]:
    lens = _lens(settings.companies[timeline.company], bool(show_token))
    return {
        "company": timeline.company,
        "understood": [
            {"as": guess.kind, "value": guess.value, "doubt": guess.doubt}
            for guess in timeline.understood
        ],
        "stories": [as_object(story, lens) for story in timeline.stories],
    }


def _show(settings: Config, timeline: Timeline, show_token: bool, detail: bool) -> None:
    section = settings.companies[timeline.company]
    lens = _lens(section, show_token)
    day = ""
    for story in timeline.stories:
        moment = lens.moment(story.at_us)
        if (today := f"{moment:%A %d %B %Y}, {section.zone} ({moment:%z})") != day:
            day = today
            typer.secho(f"{section.name}: {day}", bold=True)
        typer.echo(f"{moment:%H:%M:%S}  {headline(story, lens)}")
        if detail:
            for at, line in details(story, lens):
                typer.secho(f"          {lens.moment(at):%H:%M:%S.%f}  {line}", dim=True)


def _nothing(found: list[Timeline], typed: str) -> str:
    guesses = [guess for timeline in found for guess in timeline.understood]
    if not guesses:
        return f"'{typed}' is no phone, meter, receipt, token, account or message id"
    looked = " or ".join(
        f"{guess.kind} {guess.value}" + (f" ({guess.doubt})" if guess.doubt else "")
        for guess in guesses
        if guess.kind != "token"
    )
    return f"nothing found; looked for {looked or 'the token'}"

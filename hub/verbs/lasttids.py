"""``wattbus lasttids``: the last tokens that an old system made, taken over at a cut-over."""

import hashlib
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from core.sts.tid import AHEAD_MINUTES_MAX
from core.vending.last_tids import Clock
from hub.config import Config
from hub.files import UnreadableError, read_text
from hub.lasttids import AT_ONCE, LastToken, parse, problems_with
from hub.verbs._shared import (
    DEFAULT,
    CompanyOption,
    ConfigOption,
    JsonOption,
    OperatorOption,
    ReasonOption,
    ask_hub,
    company_of,
    configuration,
    die,
    operator_name,
    passphrase,
    reading,
)

NAME = "lasttids"

#: A million rows have some 40 MB; the file is read as a whole.
MAX_BYTES = 64 << 20
#: Problems that are listed; more than that are one mistake made many times.
MOST_TOLD = 100

#: Said when the hub went away in the middle.
AGAIN = "give the list again: what is written already stays as it is"


def command(
    file: Annotated[Path, typer.Argument(help="CSV; - for standard input.")],
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    zone: Annotated[str, typer.Option(help="Of times that name none; else the company's.")] = "",
    check: Annotated[bool, typer.Option("--check", help="Look only; nothing is written.")] = False,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take over each meter's last TID, so that the first token sold here comes after it.

    \b
    meter,time,zone
    04123456784,2026-10-31 23:58,Africa/Kampala

    Or meter,tid,base with the base date's year (1993, 2014, 2035). A last TID is never lowered, so
    a list may be given again. The whole list is checked first; exit 2 with every line and field
    that is wrong, and nothing is written.
    """
    settings = configuration(config)
    code = company_of(settings, company)
    try:
        text = read_text(file, MAX_BYTES, stdin=True)
    except UnreadableError as error:
        die(str(error), 2)
    rows = _checked(settings, code, (text, file.name), zone)
    name = f"{file.name} {hashlib.sha256(text.encode()).hexdigest()[:16]}"
    told = (
        Counter(rows=len(rows)) if check else _send(settings, code, rows, (name, operator, reason))
    )
    if as_json:
        facts = {each: told[each] for each in ("rows", "raised", "unchanged")}
        typer.echo(json.dumps({**facts, "checked_only": check}))
    elif check:
        typer.echo(f"{told['rows']} meters: fine; nothing is written")
    else:
        typer.echo(
            f"{told['rows']} meters: {told['raised']} have a later last TID now, "
            f"{told['unchanged']} had as late a one already"
        )


def _checked(settings: Config, company: str, given: tuple[str, str], zone: str) -> list[LastToken]:
    """The rows of the list, or everything that is wrong and exit 2."""
    text, source = given
    rows, problems = parse(text, zone or settings.companies[company].zone)
    clock = Clock(time.time_ns() // 1000, AHEAD_MINUTES_MAX)  # the hub looks by its own clock too
    with reading(settings) as reader:
        problems += problems_with(reader, company, rows, clock)
    if not rows and not problems:
        problems = [(1, "the list is empty")]
    if problems:
        told = [f"{source}:{line}: {why}" for line, why in sorted(problems)[:MOST_TOLD]]
        more = len(problems) - len(told)
        rest = [f"… and {more:,} more"] if more else []
        die("\n".join([*told, *rest, "nothing is written"]), 2)
    return rows


def _send(
    settings: Config, company: str, rows: list[LastToken], by: tuple[str, str, str]
) -> Counter[str]:
    name, operator, reason = by
    operator = operator_name(operator)
    request = {
        "do": "last-tids",
        "company": company,
        "list": name,
        "operator": operator,
        "secret": passphrase(settings, operator),
        "reason": reason,
    }
    told: Counter[str] = Counter()
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        bar = progress.add_task("meters", total=len(rows))
        for at in range(0, len(rows), AT_ONCE):
            piece = [[row.drn, row.at_us] for row in rows[at : at + AT_ONCE]]
            told.update(ask_hub(settings, {**request, "rows": piece}, AGAIN))
            progress.advance(bar, len(piece))
    return told

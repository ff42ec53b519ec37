"""Where a verb works: a company of the configuration, its money and its clock; and how what was
found is shown."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import typer

from core.calendars import local_time
from core.money import MoneyError, format_amount, parse_amount
from hub.config import Config
from hub.verbs._shared import company_of, configuration, die

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scope:
    """The company that a verb is about, and how its people write money and time."""

    settings: Config
    company: str

    @property
    def currency(self) -> str:
        """The company's."""
        return self.settings.companies[self.company].currency

    @property
    def zone(self) -> str:
        """The company's."""
        return self.settings.companies[self.company].zone

    def minor(self, text: str | None) -> int:
        """An amount as people write it; empty: nothing. Exit 2 for what is none."""
        try:
            return parse_amount(text, self.currency) if text and text != "0" else 0
        except MoneyError as error:
            die(str(error), 2)

    def money(self, minor: int) -> str:
        """An amount as people read it, with its currency."""
        return f"{format_amount(minor, self.currency)} {self.currency}"

    def moment(self, at_us: int) -> str:
        """An instant as people read it; empty for none."""
        return local_time(at_us, self.zone).strftime("%Y-%m-%d %H:%M") if at_us else ""


def scope_of(config: Path, company: str) -> Scope:
    """The company that was named, or the only one; exit 2 when that is not clear."""
    settings = configuration(config)
    return Scope(settings, company_of(settings, company))


def listed(found: Sequence[T], as_json: bool, line: Callable[[T], str], none: str) -> None:
    """A list, a line each; or one JSON array. ``none``: what is said of an empty one."""
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(found)))
        return
    for each in found:
        typer.echo(line(each))
    if not found:
        typer.echo(none)


def facts(lines: Iterable[tuple[str, Any]], width: int = 14) -> None:
    """One thing, a fact a line."""
    for name, value in lines:
        typer.echo(f"{name + ':':<{width}}{value}")

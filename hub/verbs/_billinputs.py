"""``wattbus billrun facts | commons | catch-up | change | changes | change-decide``: more verbs.

Commands of ``hub.verbs.billrun``, in a module of their own for their number: ``add_to`` gives them
to it, and they get from it how an act is done.
"""

import csv
import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import msgspec
import typer

from core.billing.commons import CommonTotal
from core.billing.estimates import Method
from core.billing.facts import Stated, fact_of, milli_of
from core.billing.periods import Reported
from core.money import format_amount, parse_amount
from core.queries.bill_changes import waiting_changes
from core.store.tx import Reader
from hub.billinputs import (
    ROWS,
    CatchUp,
    Change,
    ChangeDecided,
    Commons,
    Facts,
    FromFile,
)
from hub.files import UnreadableError, read_text
from hub.verbs._shared import (
    DEFAULT,
    CompanyOption,
    ConfigOption,
    JsonOption,
    OperatorOption,
    ReasonOption,
    die,
)

T = TypeVar("T")
Lines = Sequence[tuple[int, T]]
FileArgument = Annotated[Path, typer.Argument(help="CSV with a line of column names.")]
PeriodArgument = Annotated[str, typer.Argument(help="The billing period, 2026-10.")]
_OF_USAGE = ("agreement", "first", "last", "source", "estimated")


class Place(Protocol):
    """How ``billrun`` does acts for one company."""

    def do(self, name: str, told: Any, operator: str = "") -> dict[str, Any]:
        """An act by an operator, in one transaction, on record; exit 1 when it cannot be."""

    def books(self) -> Any:
        """The company's books."""

    def reading(self) -> AbstractContextManager[Reader]:
        """A look at the database."""


_place_of: list[Callable[[Path, str], Place]] = []


def add_to(app: typer.Typer, place_of: Callable[[Path, str], Place]) -> None:
    """Make these commands part of a verb."""
    _place_of[:] = [place_of]
    app.command("facts")(facts)
    app.command("commons")(commons)
    app.command("catch-up")(catch_up)
    app.command("change")(change)
    app.command("change-decide")(change_decide)
    app.command("changes")(changes)


def _place(config: Path, company: str) -> Place:
    return _place_of[0](config, company)


def _period(text: str) -> int:
    try:
        return int(date.fromisoformat(f"{text}-01").strftime("%Y%m"))
    except ValueError:
        die(f"{text} is no period: write it as 2026-10", 2)


def _read(path: Path, row_of: Callable[[dict[str, Any]], T]) -> tuple[list[tuple[int, T]], str]:
    """(line, row) of a file, and its digest; exit 2 with the line of what is wrong."""
    try:
        text = read_text(path)
    except UnreadableError as error:
        die(str(error), 2)
    found = []
    for line, row in enumerate(csv.DictReader(text.splitlines()), 2):
        try:
            found.append((line, row_of(row)))
        except KeyError as error:
            die(f"{path}: there is no column {error}", 2)
        except (TypeError, ValueError, AttributeError) as error:
            die(f"{path}: line {line}: {error}", 2)
    return found, hashlib.sha256(text.encode()).hexdigest()


def _parts(path: Path, found: Lines[T], digest: str) -> list[tuple[FromFile, tuple[T, ...]]]:
    """The rows in as many acts as they need."""
    parts = []
    for begin in range(0, len(found), ROWS):
        part = found[begin : begin + ROWS]
        at = FromFile(file=str(path), digest=digest, lines=tuple(line for line, _ in part))
        parts.append((at, tuple(row for _, row in part)))
    return parts


def _say(as_json: bool, told: dict[str, Any], sentence: str) -> None:
    typer.echo(json.dumps(told) if as_json else sentence)


def facts(
    file: FileArgument,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """State facts: agreement, kind, name, value, from, common, source. An empty value ends one.

    Kinds: attribute, category, share, history (a month before the system was here).
    """
    place = _place(config, company)
    found, digest = _read(file, fact_of)
    _need_once(file, found)
    for at, rows in _parts(file, found, digest):
        place.do("facts", Facts(at=at, rows=rows), operator)
    _say(as_json, {"facts": len(found)}, f"{len(found)} facts are stated")


def _need_once(file: Path, found: Lines[Stated]) -> None:
    lines: dict[tuple[int, str, str, str], int] = {}
    for line, each in found:
        if each.key in lines:
            die(f"{file}: line {line}: the same fact as in line {lines[each.key]}", 2)
        lines[each.key] = line


def commons(
    period: PeriodArgument,
    file: FileArgument,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """State what common things came to: common, name, what (amount or quantity), total, source."""
    place, number = _place(config, company), _period(period)
    currency = place.books().currency

    def total_of(row: dict[str, Any]) -> CommonTotal:
        what, text = row["what"], row["total"]
        total = parse_amount(text, currency) if what == "amount" else milli_of(text)
        return CommonTotal(
            common=row["common"], name=row["name"], what=what, total=total,
            source=row.get("source") or "",
        )  # fmt: skip

    found, digest = _read(file, total_of)
    for at, rows in _parts(file, found, digest):
        place.do("commons", Commons(period=number, at=at, rows=rows), operator)
    _say(as_json, {"commons": len(found)}, f"{len(found)} totals are stated")


def catch_up(
    period: PeriodArgument,
    file: FileArgument,
    method: Annotated[str, typer.Option(help="last or distribute: no tariff says it.")],
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take in real readings over days that were estimated; the file is as that of usage.

    ``last``: what is left over is used in this period. ``distribute``: all is divided by days; the
    estimated periods want a rebill.
    """
    how: Method = "last"
    if method == "distribute":
        how = "distribute"
    elif method != how:
        die("--method is last or distribute", 2)
    place, number = _place(config, company), _period(period)
    found, digest = _read(file, _reading)
    rebill: set[int] = set()
    for at, rows in _parts(file, found, digest):
        told = CatchUp(period=number, method=how, at=at, rows=rows)
        rebill.update(place.do("catch-up", told, operator)["rebill"])
    said = f"; a rebill is wanted of {', '.join(map(str, sorted(rebill)))}" if rebill else ""
    done = {"period": number, "rows": len(found), "rebill": sorted(rebill)}
    _say(as_json, done, f"{len(found)} readings taken in{said}")


def _reading(row: dict[str, Any]) -> Reported:
    return Reported(
        agreement=int(row["agreement"]),
        first=date.fromisoformat(row["first"]),
        last=date.fromisoformat(row["last"]),
        source=row["source"],
        estimated=False,
        registers={n: milli_of(text) for n, text in row.items() if n not in _OF_USAGE and text},
    )


def change(
    bill: Annotated[int, typer.Argument(help="The bill's number.")],
    by: Annotated[list[str], typer.Option(help="units=-12.5: so much more or less; repeatable.")],
    evidence: Annotated[str, typer.Option(help="Where it can be seen: a photograph, a report.")],
    reason: ReasonOption = "",
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Ask for more or less of a bill's quantities; somebody else decides (change-decide)."""
    try:
        told = Change(bill=bill, by=dict(map(_more, by)), reason=reason, evidence=evidence)
    except ValueError as error:
        die(str(error), 2)
    done = _place(config, company).do("change", told, operator)
    said = f"change {done['change']} of bill {bill} is asked for: somebody else decides"
    _say(as_json, done, said)


def changes(
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """List the changes that somebody has to decide about."""
    place = _place(config, company)
    books = place.books()
    with place.reading() as reader:
        found = waiting_changes(reader, books.company)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(found)))
        return
    for each in found:
        by = ", ".join(
            f"{name} {each.registers.get(name, 0) / 1000:g} {milli / 1000:+g}"
            for name, milli in each.by.items()
        )
        typer.echo(
            f"change {each.change}  bill {each.bill} of {each.period}, account {each.account}, "
            f"{format_amount(each.total, books.currency)}: {by}; {each.reason} ({each.evidence}), "
            f"asked by {each.asked_by}"
        )
    if not found:
        typer.echo("nothing is asked for")


def _more(text: str) -> tuple[str, int]:
    name, _, amount = text.partition("=")
    milli = milli_of(amount.removeprefix("-").removeprefix("+"))
    return name.strip(), -milli if amount.startswith("-") else milli


def change_decide(
    number: Annotated[int, typer.Argument(help="The change's number.")],
    refuse: Annotated[bool, typer.Option("--refuse", help="It shall not be.")] = False,
    due_days: Annotated[int, typer.Option(min=0, max=365, help="Days to pay.")] = 14,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Approve a change (somebody else than who asked): the bill is reversed and billed anew."""
    told = ChangeDecided(change=number, refuse=refuse, due_days=due_days)
    done = _place(config, company).do("change-decide", told, operator)
    if refuse:
        said = f"change {number} is refused"
    elif done["issued"]:
        said = f"change {number} is approved, and billed anew by run {done['run']}"
    else:
        said = f"change {number} is approved; its bill is held: billrun held {done['run']}"
    _say(as_json, msgspec.to_builtins(done), said)

"""``wattbus billrun``: from usage to issued bills, step by step, each by whoever may take it."""

import csv
import json
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from core.billing import partitions, runs
from core.billing.outsort import read_rules
from core.billing.periods import Reported
from core.billing.shapes import REBILL, REGULAR
from core.billing.states import RunState
from core.money import format_amount
from hub.billacts import (
    USAGE_ROWS,
    Decided,
    OfBill,
    OfPeriod,
    OfRun,
    Planned,
    Usage,
)
from hub.billdesk import CALCULATE, ISSUE, troubles, under_way
from hub.files import UnreadableError, read_text
from hub.verbs import _billinputs
from hub.verbs._billplace import Place, carry_out, place_of
from hub.verbs._shared import (
    DEFAULT,
    CompanyOption,
    ConfigOption,
    JsonOption,
    KeyOption,
    OperatorOption,
    die,
)

NAME = "billrun"
app = typer.Typer(help="Bill runs: plan, run, approve, issue, correct.", no_args_is_help=True)

RunArgument = Annotated[int, typer.Argument(help="The run's number.")]
PeriodArgument = Annotated[str, typer.Argument(help="The billing period, 2026-10.")]
WorkersOption = Annotated[int, typer.Option(min=0, max=64, help="Processes; 0: one a core.")]
_FIELDS = ("agreement", "first", "last", "source", "estimated")


def _period(text: str) -> int:
    try:
        return int(date.fromisoformat(f"{text}-01").strftime("%Y%m"))
    except ValueError:
        die(f"{text} is no period: write it as 2026-10", 2)


def _say(as_json: bool, facts: dict[str, Any], sentence: str) -> None:
    typer.echo(json.dumps(facts) if as_json else sentence)


@app.command("open")
def open_(
    period: PeriodArgument,
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Open a billing period."""
    done = place_of(config, company).do("open", OfPeriod(_period(period)))
    _say(as_json, done, f"period {period} is open")


@app.command()
def close(
    period: PeriodArgument,
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Close a billing period: no usage and no run of it any more."""
    done = place_of(config, company).do("close", OfPeriod(_period(period)))
    _say(as_json, done, f"period {period} is closed")


@app.command()
def usage(
    period: PeriodArgument,
    file: Annotated[
        Path,
        typer.Argument(help="CSV: agreement, first, last, source, estimated, then registers."),
    ],
    config: ConfigOption = DEFAULT,
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take in what was used; of an agreement that has usage already, it is a correction."""
    place, number = place_of(config, company), _period(period)
    try:
        rows = [
            _reported(row, line)
            for line, row in enumerate(csv.DictReader(read_text(file).splitlines()), 2)
        ]
    except (UnreadableError, ValueError) as error:
        die(f"{file}: {error}", 2)
    for begin in range(0, len(rows), USAGE_ROWS):
        part = f"{key}/{begin // USAGE_ROWS + 1}" if key else ""
        place.do("usage", Usage(number, tuple(rows[begin : begin + USAGE_ROWS])), key=part)
    _say(as_json, {"period": number, "rows": len(rows)}, f"{len(rows)} rows of usage taken in")


def _reported(row: dict[str, Any], line: int) -> Reported:
    try:
        return Reported(
            agreement=int(row["agreement"]),
            first=date.fromisoformat(row["first"]),
            last=date.fromisoformat(row["last"]),
            source=row["source"],
            estimated=row["estimated"] in ("1", "yes", "true"),
            registers={n: _milli(v) for n, v in row.items() if n not in _FIELDS and v},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"line {line}: {error!r}") from error


def _milli(text: str) -> int:
    try:
        milli = Decimal(text) * 1_000
        if milli == milli.to_integral_value():
            return int(milli)
    except (InvalidOperation, OverflowError):
        pass
    raise ValueError(f"{text!r} is no quantity with three decimals at most")


@app.command()
def plan(
    period: PeriodArgument,
    config: ConfigOption = DEFAULT,
    rules: Annotated[Path | None, typer.Option(help="Outsorting rules, JSON.")] = None,
    due_days: Annotated[int, typer.Option(min=0, max=365, help="Days to pay.")] = 14,
    rebill: Annotated[bool, typer.Option("--rebill", help="Correct what usage says.")] = False,
    agreement: Annotated[int, typer.Option(min=0, help="Only this agreement; 0: all.")] = 0,
    size: Annotated[int, typer.Option(min=0, help="Agreements of a partition; 0: as suits.")] = 0,
    operator: OperatorOption = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Plan a run of a period; says its number. With --rebill: of bills with newer usage."""
    place = place_of(config, company)
    try:
        held_by = read_rules(read_text(rules)) if rules else ()
    except (UnreadableError, ValueError) as error:
        die(str(error), 2)
    wanted = Planned(
        period=_period(period), kind=REBILL if rebill else REGULAR, due_days=due_days, size=size,
        rules=held_by, agreement=agreement,
    )  # fmt: skip
    done = place.do("plan", wanted, operator, key)
    _say(as_json, done, f"run {done['run']} is planned")


@app.command()
def run(
    number: RunArgument,
    config: ConfigOption = DEFAULT,
    workers: WorkersOption = 0,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Freeze the inputs and calculate; goes on where an earlier start ended.

    Where a hub runs, its bulk lane does it, and goes on if this command is ended.
    """
    place = place_of(config, company)
    _tell(place, number, as_json, carry_out(place, number, CALCULATE, workers))


def _tell(place: Place, number: int, as_json: bool, sentence: str) -> None:
    with place.reading() as reader:
        run_, tally = runs.run_of(reader, number), runs.tally(reader, number)
        wrong = troubles(reader, place.company, number)
        still = not wrong and not under_way(reader, place.company, number)
    facts = {
        "run": number, "period": run_.period, "kind": run_.kind, "state": run_.state,
        "operator": run_.operator, "approver": run_.approver, "due": run_.due,
        "troubles": wrong, **msgspec.to_builtins(tally),
    }  # fmt: skip
    parts = ", ".join(f"{count} {state}" for state, count in tally.partitions.items())
    total = f"{format_amount(tally.total, run_.currency)} {run_.currency}"
    said = (
        f"run {number} ({run_.kind}, {run_.period}) is {run_.state}: {tally.bills} bills, "
        f"{tally.held} held when calculated, {total}; partitions: {parts}"
        + "".join(f"\nit cannot go on: {why}" for why in wrong)
        + ("\n" + _STANDS if still and _is_cut_off(run_, tally) else "")
    )
    _say(as_json, facts, f"{sentence}\n{said}" if sentence else said)


#: A command of it was discarded, or its processes ended; without a hub they may be at it.
_STANDS = "a phase is not whole, and nothing of it is on the bus: start it again, it goes on"


def _is_cut_off(run_: runs.Run, tally: runs.Tally) -> bool:
    """Whether some of its partitions are further than others, or frozen ones are not calculated."""
    if run_.state == RunState.ABANDONED:
        return False
    return len(tally.partitions) > 1 or run_.state == RunState.FROZEN


@app.command()
def status(
    number: RunArgument,
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say how far a run is."""
    _tell(place_of(config, company), number, as_json, "")


@app.command()
def held(
    number: RunArgument,
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """List the bills that wait for somebody to look at them; at most 1,000."""
    with place_of(config, company).reading() as reader:
        rows = reader.rows(
            "SELECT id, agreement_id, outsort, consumption, total FROM bill WHERE run_id = :run "
            "AND outsort <> '' AND state = 'held' ORDER BY id LIMIT 1000",
            run=number,
        )
    names = ("bill", "agreement", "why", "consumption", "total")
    if as_json:
        typer.echo(json.dumps([dict(zip(names, row, strict=True)) for row in rows]))
        return
    for bill, agreement, why, consumption, total in rows:
        typer.echo(
            f"bill {bill}  agreement {agreement}  {consumption / 1000} units  {total}  {why}"
        )
    if not rows:
        typer.echo("nothing is held")


@app.command()
def verify(
    number: RunArgument,
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Calculate a run a second time and compare to the byte; exit 1 when it differs."""
    place = place_of(config, company)
    books, wrong = place.books(), []
    with place.reading() as reader:
        terms = runs.terms_of(runs.run_of(reader, number), books.tariffs)
        count = sum(runs.tally(reader, number).partitions.values())
    for n in range(1, count + 1):  # a look for each: no reader is open for hours
        with place.reading() as reader:
            stored, now = partitions.again(reader, terms, n)
        wrong += [n] if stored != now else []
    said = f"partitions that differ: {wrong}" if wrong else "the same to the byte"
    _say(as_json, {"run": number, "same": not wrong, "differ": wrong}, said)
    if wrong:
        raise typer.Exit(1)


@app.command()
def approve(
    number: RunArgument,
    config: ConfigOption = DEFAULT,
    bill: Annotated[int, typer.Option(min=0, help="Only this held bill; the run otherwise.")] = 0,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="The bill shall not go out; another can be made.")
    ] = False,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Approve a run (somebody else than its planner), or decide about one held bill."""
    if withdraw and not bill:
        die("--withdraw is about one bill: name it with --bill", 2)
    place = place_of(config, company)
    if not bill:
        place.do("approve", OfRun(number), operator)
        _tell(place, number, as_json, "")
        return
    decided = Decided(number, bill, "withdraw" if withdraw else "approve")
    done = place.do("decide", decided, operator)
    _say(as_json, done, f"bill {bill} is {done['state']}")


@app.command()
def abandon(
    number: RunArgument,
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Give up a run that is not approved; its bills are withdrawn, another run may make them."""
    place = place_of(config, company)
    place.do("abandon", OfRun(number))
    _tell(place, number, as_json, "")


@app.command()
def issue(
    number: RunArgument,
    config: ConfigOption = DEFAULT,
    workers: WorkersOption = 0,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Issue what is approved: postings and open items; goes on where an earlier start ended."""
    place = place_of(config, company)
    _tell(place, number, as_json, carry_out(place, number, ISSUE, workers))


@app.command("reverse")
def reverse_(
    bill: Annotated[int, typer.Argument(help="The bill's number.")],
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take an issued bill back: mirrored to zero, what was paid on it becomes credit."""
    done = place_of(config, company).do("reverse", OfBill(bill), operator)
    _say(as_json, done, f"bill {bill} is reversed")


_billinputs.add_to(app, place_of)

"""``wattbus billrun facts | commons | catch-up | change | change-decide``: what bills are made of.

Commands of ``hub.verbs.billrun``, in a module of their own for their number.
"""

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from core.billing import changes, estimates, runs
from core.billing.commons import MAX_ROWS, CommonTotal, state_commons
from core.billing.facts import MAX_FACTS, NoAgreementError, Stated, fact_of, milli_of, state_facts
from core.billing.needs import needs_of
from core.billing.periods import Reported
from core.billing.shapes import BillingError
from core.billing.states import RunMove
from core.money import parse_amount
from core.vending.act_kinds import Role
from hub.billruns import Books, run_phase
from hub.files import UnreadableError, read_text
from hub.verbs import billrun
from hub.verbs._shared import (
    DEFAULT,
    ConfigOption,
    JsonOption,
    OperatorOption,
    ReasonOption,
    die,
)
from hub.verbs.billrun import CompanyOption, PeriodArgument, app

T = TypeVar("T")
FileArgument = Annotated[Path, typer.Argument(help="CSV with a line of column names.")]


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
        except (KeyError, TypeError, ValueError) as error:
            die(f"{path}: line {line}: {error}", 2)
    return found, hashlib.sha256(text.encode()).hexdigest()


@app.command()
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
    books = billrun._books(config, company)
    who = billrun._who(config, company, operator, Role.COLLECTOR)
    stated, digest = _read(file, fact_of)
    lines: dict[tuple[int, str, str, str], int] = {}
    for line, each in stated:
        if each.key in lines:
            die(f"{file}: line {line}: the same fact as in line {lines[each.key]}", 2)
        lines[each.key] = line

    def write(tx: Any, draw: Any) -> None:
        for begin in range(0, len(stated), MAX_FACTS):
            _write_facts(tx, books, stated[begin : begin + MAX_FACTS], (draw, who, str(file)))
        billrun._on_record(tx, books, who, "bill-facts", rows=len(stated), digest=digest)

    billrun._do(books, write)
    billrun._say(as_json, {"facts": len(stated)}, f"{len(stated)} facts are stated")


def _write_facts(
    tx: Any, books: Books, part: list[tuple[int, Stated]], means: tuple[Any, str, str]
) -> None:
    draw, who, file = means
    try:
        state_facts(tx, books.company, [each for _, each in part], (draw, books.now_us()), who)
    except NoAgreementError as error:
        line = next(line for line, each in part if each.agreement == error.agreement)
        raise BillingError(f"{file}: line {line}: {error}") from error


@app.command()
def commons(
    period: PeriodArgument,
    file: FileArgument,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """State what common things came to: common, name, what (amount or quantity), total, source."""
    books, number = billrun._books(config, company), billrun._period(period)
    who = billrun._who(config, company, operator, Role.COLLECTOR)

    def total_of(row: dict[str, Any]) -> CommonTotal:
        what, text = row["what"], row["total"]
        total = parse_amount(text, books.currency) if what == "amount" else milli_of(text)
        return CommonTotal(
            common=row["common"], name=row["name"], what=what, total=total,
            source=row.get("source") or "",
        )  # fmt: skip

    totals, digest = _read(file, total_of)

    def write(tx: Any, draw: Any) -> None:
        for begin in range(0, len(totals), MAX_ROWS):
            part = [each for _, each in totals[begin : begin + MAX_ROWS]]
            state_commons(tx, books.company, number, part, (draw, books.now_us(), who))
        billrun._on_record(tx, books, who, "bill-commons", rows=len(totals), digest=digest)

    billrun._do(books, write)
    billrun._say(as_json, {"commons": len(totals)}, f"{len(totals)} totals are stated")


@app.command("catch-up")
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
    if method not in ("last", "distribute"):
        die("--method is last or distribute", 2)
    books, number = billrun._books(config, company), billrun._period(period)
    who = billrun._who(config, company, operator, Role.COLLECTOR)
    readings, digest = _read(file, lambda row: billrun._reported(row, 0))

    def write(tx: Any, draw: Any) -> list[int]:
        wanting: set[int] = set()
        for line, reading in readings:
            try:
                caught = estimates.catch_up(
                    tx, number, reading, "last" if method == "last" else "distribute",
                    _peaks(tx, books, reading),
                )  # fmt: skip
                estimates.record(tx, books.company, caught, draw, books.now_us())
            except BillingError as error:
                raise BillingError(f"{file}: line {line}: {error}") from error
            wanting.update(caught.periods)
        billrun._on_record(tx, books, who, "bill-catch-up", rows=len(readings), digest=digest)
        return sorted(wanting)

    rebill = billrun._do(books, write)
    said = f"; a rebill is wanted of {', '.join(map(str, rebill))}" if rebill else ""
    facts_ = {"period": number, "rows": len(readings), "rebill": rebill}
    billrun._say(as_json, facts_, f"{len(readings)} readings taken in{said}")


def _peaks(tx: Any, books: Books, reading: Reported) -> frozenset[str]:
    rows = tx.rows("SELECT tariff FROM agreement WHERE id = :id", id=reading.agreement)
    tariff = books.tariffs.get(rows[0][0]) if rows else None
    return needs_of(tariff.tariff).peaks if tariff else frozenset()


@app.command()
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
    books = billrun._books(config, company)
    who = billrun._who(config, company, operator, Role.COLLECTOR)
    try:
        wanted = changes.Wanted(
            bill=bill, by=dict(map(_more, by)), reason=reason, evidence=evidence, operator=who
        )
    except ValueError as error:
        die(str(error), 2)

    def asked(tx: Any, draw: Any) -> int:
        number = changes.ask(tx, books.company, wanted, draw, books.now_us())
        billrun._on_record(
            tx, books, who, "bill-change-ask", bill=bill, change=number, by=json.dumps(wanted.by)
        )
        return number

    number = billrun._do(books, asked)
    said = f"change {number} of bill {bill} is asked for: somebody else decides"
    billrun._say(as_json, {"change": number, "state": "asked"}, said)


def _more(text: str) -> tuple[str, int]:
    name, _, amount = text.partition("=")
    less = amount.startswith("-")
    milli = milli_of(amount.lstrip("+-"))
    return name.strip(), -milli if less else milli


@app.command("change-decide")
def change_decide(
    number: Annotated[int, typer.Argument(help="The change's number.")],
    refuse: Annotated[bool, typer.Option("--refuse", help="It shall not be.")] = False,
    due_days: Annotated[int, typer.Option(min=0, max=365, help="Days to pay.")] = 14,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Approve a change (somebody else than who asked): the bill is reversed and billed anew.

    Ended in between, its run goes on as any other: billrun run, approve, issue.
    """
    books = billrun._books(config, company)
    who = billrun._who(config, company, operator, Role.COLLECTION_APPROVER)
    if refuse:

        def refused(tx: Any, _: Any) -> None:
            changes.refuse(tx, books.company, number, who, books.now_us())
            billrun._on_record(tx, books, who, "bill-change-refuse", change=number)

        billrun._do(books, refused)
        billrun._say(as_json, {"change": number, "state": "refused"}, f"change {number} is refused")
        return
    plan = runs.Plan(
        company=books.company, period=0, currency=books.currency, operator=who, due_days=due_days
    )

    def approved(tx: Any, draw: Any) -> int:
        change_, run = changes.approve(tx, number, plan, draw, books.now_us())
        detail = {"bill": change_.bill, "change": number, "rebill": run}
        billrun._on_record(tx, books, who, "bill-change-approve", **detail)
        return run

    run = billrun._do(books, approved)
    issued = _rebill(books, run, who)
    facts_ = {"change": number, "state": "approved", "run": run, "issued": issued}
    said = "billed anew" if issued else f"run {run} is held or waits: billrun held {run}"
    billrun._say(as_json, facts_, f"change {number} is approved; {said}")


def _rebill(books: Books, run: int, who: str) -> int:
    """From the plan to the new bill; the second person has approved it all."""
    with billrun._told():
        for phase in RunMove.FREEZE, RunMove.CALCULATE:
            run_phase(books, run, phase)
        billrun._do(books, lambda tx, _: runs.approve(tx, run, who, books.now_us()))
        return run_phase(books, run, RunMove.ISSUE).bills

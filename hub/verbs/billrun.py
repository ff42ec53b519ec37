"""``wattbus billrun``: from usage to issued bills, step by step, each by whoever may take it."""

import csv
import getpass
import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress

from core.billing import categories, partitions, periods, reverse, runs
from core.billing import issue as issuing
from core.billing.outsort import read_rules
from core.billing.periods import Reported
from core.billing.shapes import BillingError
from core.billing.states import BillMove, RunMove, WrongMoveError
from core.money import format_amount
from core.store.tx import StoreError
from core.vending.act_kinds import Role
from hub import audit
from hub.audit import Act
from hub.billinputs import INPUT_ACTS
from hub.billruns import Books, books_of, open_desk, run_phase
from hub.clock import Sources
from hub.control import ControlError
from hub.engine import EngineError
from hub.files import UnreadableError, read_text
from hub.operators import Identity
from hub.verbs import _billinputs
from hub.verbs._shared import (
    DEFAULT,
    ConfigOption,
    JsonOption,
    OperatorOption,
    company_of,
    configuration,
    die,
    operator_name,
)
from hub.verbs.act import _secret as passphrase

NAME = "billrun"
app = typer.Typer(help="Bill runs: plan, run, approve, issue, correct.", no_args_is_help=True)

CompanyOption = Annotated[str, typer.Option(help="Which company, where there are several.")]
RunArgument = Annotated[int, typer.Argument(help="The run's number.")]
PeriodArgument = Annotated[str, typer.Argument(help="The billing period, 2026-10.")]
WorkersOption = Annotated[int, typer.Option(min=0, max=64, help="Processes; 0: one a core.")]
_FIELDS = ("agreement", "first", "last", "source", "estimated")
T = TypeVar("T")


@contextmanager
def _told() -> Iterator[None]:
    """What cannot be done is said in a sentence, exit 1."""
    try:
        yield
    except (BillingError, WrongMoveError, EngineError) as error:
        die(str(error))
    except StoreError as error:
        die(f"the database does not answer, or refuses: {error}")


def _books(config: Path, company: str) -> Books:
    settings = configuration(config)
    try:
        return books_of(settings, company_of(settings, company), Sources().now_us)
    except (OSError, ValueError) as error:
        die(str(error), 2)


def _do(books: Books, what: Callable[[Any, Any], T]) -> T:
    """In one transaction."""
    with _told(), closing(open_desk(books)) as desk, desk.transaction() as (tx, draw):
        return what(tx, draw)


def _who(config: Path, company: str, operator: str, role: Role) -> str:
    """Who asks: one of the configuration's operators, with the role and his passphrase.

    A test company without operators takes a name for it.
    """
    settings, name = configuration(config), operator_name(operator)
    code = company_of(settings, company)
    if settings.companies[code].test and not settings.operators:
        return name
    secret = passphrase(settings, name)
    section = settings.operators[name]
    if role not in section.roles or (section.companies and code not in section.companies):
        die(f"operator {name} may not do that for {code}: the role {role} is needed")
    try:
        Identity.of(settings).check(name, secret)
    except ControlError as error:
        die(str(error))
    return name


def _on_record(tx: Any, books: Books, who: str, act: str, **detail: Any) -> None:
    """A row of the audit trail, in the transaction of what it tells; the verb has its own chain."""
    actor = f"{who} via {getpass.getuser()}"
    subject = f"bill/{detail['bill']}" if detail.get("bill") else f"run/{detail.get('run', 0)}"
    row = Act(actor, act, subject, {**detail, "company": books.company})
    audit.append(tx, "billrun", [row], books.now_us())


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
    books, number = _books(config, company), _period(period)

    def opened(tx: Any, _: Any) -> None:
        periods.open_period(tx, books.company, number, books.now_us())
        categories.evaluate(tx, books.company, number, books.tariffs, books.zone)

    _do(books, opened)
    _say(as_json, {"period": number, "state": "open"}, f"period {period} is open")


@app.command()
def close(
    period: PeriodArgument,
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Close a billing period: no usage and no run of it any more."""
    books, number = _books(config, company), _period(period)
    _do(books, lambda tx, _: periods.close_period(tx, books.company, number, books.now_us()))
    _say(as_json, {"period": number, "state": "closed"}, f"period {period} is closed")


@app.command()
def usage(
    period: PeriodArgument,
    file: Annotated[
        Path,
        typer.Argument(help="CSV: agreement, first, last, source, estimated, then registers."),
    ],
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take in what was used; of an agreement that has usage already, it is a correction."""
    books, number = _books(config, company), _period(period)
    try:
        rows = [
            _reported(row, line)
            for line, row in enumerate(csv.DictReader(read_text(file).splitlines()), 2)
        ]
    except (UnreadableError, ValueError) as error:
        die(f"{file}: {error}", 2)
    for begin in range(0, len(rows), periods.MAX_ROWS):
        part = rows[begin : begin + periods.MAX_ROWS]
        _do(books, lambda tx, draw, part=part: periods.record_usage(  # type: ignore[misc]
            tx, books.company, number, part, draw, books.now_us()
        ))  # fmt: skip
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
    size: Annotated[int, typer.Option(help="Agreements of a partition.")] = runs.SIZE,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Plan a run of a period; says its number. With --rebill: of bills with newer usage."""
    books = _books(config, company)
    who = _who(config, company, operator, Role.COLLECTOR)
    try:
        held_by = read_rules(read_text(rules)) if rules else ()
    except (UnreadableError, ValueError) as error:
        die(str(error), 2)
    wanted = runs.Plan(
        company=books.company, period=_period(period), currency=books.currency,
        operator=who, kind="rebill" if rebill else "regular",
        due_days=due_days, size=size, rules=held_by, agreement=agreement,
    )  # fmt: skip

    def planned(tx: Any, draw: Any) -> int:
        made = runs.plan(tx, wanted, draw, books.now_us())
        _on_record(tx, books, who, "bill-run-plan", run=made, period=wanted.period)
        return made

    number = _do(books, planned)
    _say(as_json, {"run": number, "state": "planned"}, f"run {number} is planned")


@app.command()
def run(
    number: RunArgument,
    config: ConfigOption = DEFAULT,
    workers: WorkersOption = 0,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Freeze the inputs and calculate; goes on where an earlier start ended."""
    books = _books(config, company)
    done = 0
    for phase in RunMove.FREEZE, RunMove.CALCULATE:
        if phase is RunMove.FREEZE and _state(books, number) != "planned":
            continue
        done = _with_bar(books, number, phase, workers)
    _tell(books, number, as_json, f"{done} bills calculated")


def _state(books: Books, number: int) -> str:
    return _do(books, lambda tx, _: runs.run_of(tx, number).state)


def _with_bar(books: Books, number: int, phase: RunMove, workers: int) -> int:
    seen: dict[str, Any] = {}
    with _told(), Progress(console=Console(stderr=True), auto_refresh=False) as bar:

        def watch(done: int, of: int) -> None:
            if "task" not in seen:
                seen["task"] = bar.add_task(phase.value, total=of)
            bar.update(seen["task"], completed=done, refresh=True)

        return run_phase(books, number, phase, workers or os.cpu_count() or 1, watch).bills


def _tell(books: Books, number: int, as_json: bool, sentence: str) -> None:
    run_, tally = _do(books, lambda tx, _: (runs.run_of(tx, number), runs.tally(tx, number)))
    facts = {
        "run": number, "period": run_.period, "kind": run_.kind, "state": run_.state,
        "operator": run_.operator, "approver": run_.approver, "due": run_.due,
        **msgspec.to_builtins(tally),
    }  # fmt: skip
    parts = ", ".join(f"{count} {state}" for state, count in tally.partitions.items())
    total = f"{format_amount(tally.total, run_.currency)} {run_.currency}"
    said = (
        f"run {number} ({run_.kind}, {run_.period}) is {run_.state}: {tally.bills} bills, "
        f"{tally.held} held when calculated, {total}; partitions: {parts}"
    )
    _say(as_json, facts, f"{sentence}\n{said}" if sentence else said)


@app.command()
def status(
    number: RunArgument,
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say how far a run is."""
    _tell(_books(config, company), number, as_json, "")


@app.command()
def held(
    number: RunArgument,
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """List the bills that wait for somebody to look at them; at most 1,000."""
    books = _books(config, company)
    rows = _do(books, lambda tx, _: tx.rows(
        "SELECT id, agreement_id, outsort, consumption, total FROM bill WHERE run_id = :run "
        "AND outsort <> '' AND state = 'held' ORDER BY id LIMIT 1000", run=number,
    ))  # fmt: skip
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
    books = _books(config, company)

    def compare(tx: Any, _: Any) -> list[int]:
        terms = runs.terms_of(runs.run_of(tx, number), books.tariffs)
        count = sum(runs.tally(tx, number).partitions.values())
        pairs = {n: partitions.again(tx, terms, n) for n in range(1, count + 1)}
        return [n for n, (stored, now) in pairs.items() if stored != now]

    wrong = _do(books, compare)
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
    books = _books(config, company)
    who = _who(config, company, operator, Role.COLLECTION_APPROVER)
    if not bill:

        def approved(tx: Any, _: Any) -> None:
            runs.approve(tx, number, who, books.now_us())
            _on_record(tx, books, who, "bill-run-approve", run=number)

        _do(books, approved)
        _tell(books, number, as_json, "")
        return
    what = BillMove.WITHDRAW if withdraw else BillMove.APPROVE

    def decide(tx: Any, _: Any) -> str:
        runs.need_other(tx, number, bill, who)
        _on_record(tx, books, who, f"bill-{what.value}", run=number, bill=bill)
        return issuing.decide(tx, bill, what).value

    state = _do(books, decide)
    _say(as_json, {"bill": bill, "state": state}, f"bill {bill} is {state}")


@app.command()
def abandon(
    number: RunArgument,
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Give up a run that is not approved; its bills are withdrawn, another run may make them."""
    books = _books(config, company)
    _do(books, lambda tx, _: runs.abandon(tx, number))
    _tell(books, number, as_json, "")


@app.command()
def issue(
    number: RunArgument,
    config: ConfigOption = DEFAULT,
    workers: WorkersOption = 0,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Issue what is approved: postings and open items; goes on where an earlier start ended."""
    books = _books(config, company)
    done = _with_bar(books, number, RunMove.ISSUE, workers)
    _tell(books, number, as_json, f"{done} bills issued")


@app.command("reverse")
def reverse_(
    bill: Annotated[int, typer.Argument(help="The bill's number.")],
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take an issued bill back: mirrored to zero, what was paid on it becomes credit."""
    books = _books(config, company)
    who = _who(config, company, operator, Role.COLLECTION_APPROVER)

    def take_back(tx: Any, draw: Any) -> None:
        runs.need_other(tx, 0, bill, who)
        _on_record(tx, books, who, "bill-reverse", bill=bill)
        reverse.reverse_one(tx, bill, draw, books.now_us())

    _do(books, take_back)
    _say(as_json, {"bill": bill, "state": "reversed"}, f"bill {bill} is reversed")


@dataclass(frozen=True, slots=True)
class _Work:
    """The transaction of an act about what bills are made of."""

    tx: Any
    draw: Any
    books: Books
    who: str

    @property
    def now_us(self) -> int:
        return self.books.now_us()

    def record(self, act: str, **detail: Any) -> None:
        _on_record(self.tx, self.books, self.who, act, **detail)


@dataclass(frozen=True, slots=True)
class _InputPlace:
    config: Path
    company: str

    def books(self) -> Books:
        return _books(self.config, self.company)

    @contextmanager
    def reading(self) -> Iterator[Any]:
        with _told(), closing(open_desk(self.books())) as desk, desk.transaction() as (tx, _):
            yield tx

    def do(self, name: str, told: Any, operator: str = "") -> dict[str, Any]:
        _, role, act = INPUT_ACTS[name]
        books, who = self.books(), _who(self.config, self.company, operator, role)
        return _do(books, lambda tx, draw: act(_Work(tx, draw, books, who), told))


_billinputs.add_to(app, _InputPlace)

"""``wattbus arrears``: what is owed by age, late fees for all, debts of an older system."""

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress

from core.calendars import local_date
from core.collection.debtfile import DebtFileError, Line, against_books, read_debts
from core.messages import DecideTokenAct, ImportDebts, RequestMoneyAct, name_of
from core.messages.collection import MAX_DEBTS
from core.money import format_amount
from core.queries.collection import (
    Ageing,
    ageing,
    known_accounts,
    old_debts,
    opening_acts,
    overdue_accounts,
)
from core.queries.remittance import Remittance, remittances
from core.store.tx import Reader
from hub.companies import collection_terms
from hub.config import Config, ConfigError
from hub.files import UnreadableError, read_text
from hub.verbs._shared import (
    DEFAULT,
    CompanyOption,
    ConfigOption,
    JsonOption,
    OperatorOption,
    ReasonOption,
    Submitted,
    ask_hub,
    company_of,
    configuration,
    die,
    operator_name,
    passphrase,
    reading,
    said_no,
    submitted,
)
from hub.verbs.act import _now_us

NAME = "arrears"
app = typer.Typer(
    help="What is owed: by age, late fees, debts of an older system.", no_args_is_help=True
)

#: Commands under way at once: payments go on beside a run.
AT_ONCE = 8
#: Identities asked of the database at once.
PAGE = 1_000

TakenOption = Annotated[
    str, typer.Option(help="From which day late fees are ours, YYYY-MM-DD; else the import's.")
]
DayOption = Annotated[str, typer.Option(help="YYYY-MM-DD; else today.")]
Asked = RequestMoneyAct | ImportDebts | DecideTokenAct
A = TypeVar("A", bound=Asked)
#: What a run adds up of its answers that is no money.
COUNTS = ("debts",)


@app.command("ageing")
def show_ageing(
    config: ConfigOption = DEFAULT,
    account: Annotated[str, typer.Option(help="Only of this account.")] = "",
    on: DayOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show arrears by age; the buckets are those of the company's collection file."""
    settings = configuration(config)
    code = company_of(settings, company)
    begins = _terms(settings, code).ageing
    day = _day(settings, code, on)
    with reading(settings) as reader:
        found = ageing(reader, code, day, begins, account)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(found)))
        return
    _say(found, settings.companies[code].currency)


@app.command("remittance")
def show_remittance(
    month: Annotated[str, typer.Option(help="YYYY-MM, of the company's calendar.")],
    payee: Annotated[
        str, typer.Option(help="As tariffs name it, or tax_authority; else everybody.")
    ] = "",
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show what was collected for others in a month, and what is owed to them."""
    settings = configuration(config)
    code = company_of(settings, company)
    try:
        number = int(date.fromisoformat(f"{month}-01").strftime("%Y%m"))
    except ValueError:
        die(f"{month} is no month: write YYYY-MM", 2)
    with reading(settings) as reader:
        found = remittances(reader, code, number, settings.companies[code].zone, payee)
    if as_json:
        typer.echo(json.dumps([
            msgspec.to_builtins(each) | {"added": each.added, "taken": each.taken}
            for each in found
        ]))  # fmt: skip
        return
    for each in found:
        _say_remittance(each)
    if not found:
        typer.echo("nothing was collected for others, and nothing is owed to them")


def _say_remittance(found: Remittance) -> None:
    def line(name: str, count: str, added: int, taken: int) -> None:
        money = [format_amount(amount, found.currency) for amount in (added, taken)]
        typer.echo(f"  {name:<22}{count:>10}{money[0]:>20}{money[1]:>20}")

    typer.echo(f"{found.payee} ({found.ledger}), {found.month}, {found.currency}")
    typer.echo(f"  {'':<22}{'number':>10}{'added':>20}{'taken back, paid':>20}")
    for each in found.sources:
        line(each.kind, str(each.transactions), each.added, each.taken)
    line("together", "", found.added, found.taken)
    opening, closing = (format_amount(n, found.currency) for n in (found.opening, found.closing))
    typer.echo(f"  owed before {opening}, owed after {closing}")


def _terms(settings: Config, company: str) -> Any:
    try:
        return collection_terms(settings, settings.companies[company])
    except (OSError, ValueError, ConfigError) as error:
        die(str(error), 2)


def _day(settings: Config, company: str, text: str) -> date:
    try:
        return date.fromisoformat(text) if text else _today(settings, company)
    except ValueError:
        die(f"{text} is no day: write YYYY-MM-DD", 2)


def _today(settings: Config, company: str) -> date:
    return local_date(_now_us(), settings.companies[company].zone)


def _say(found: Ageing, currency: str) -> None:
    for bucket in found.buckets:
        if not bucket.since:
            name = "not overdue"
        else:
            name = f"{bucket.since} to {bucket.until} days" if bucket.until else (
                f"{bucket.since} days and more")  # fmt: skip
        typer.echo(f"{name:<22}{format_amount(bucket.amount, currency):>20}  {bucket.items} items")
    recovered = format_amount(found.in_recovery, currency)
    typer.echo(f"{'paid by purchases':<22}{recovered:>20}")
    typer.echo(f"{'together':<22}{format_amount(found.total, currency):>20}  {currency}")


@dataclass(slots=True)
class Run:
    """What became of the commands of a run."""

    done: int = 0
    before: int = 0  # done by an earlier run: nothing was added now
    amounts: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def heard(self, what: str, done: Submitted, names: Sequence[str]) -> None:
        """Count an answer."""
        if done.answer is None:
            self.unknown.append(done.message_id)
        elif done.answer.outcome != "done":
            self.refused[what] = said_no(done.answer)
        elif done.repeat:
            self.before += 1
        else:
            self.done += 1
            for name in names:
                self.amounts[name] = self.amounts.get(name, 0) + done.answer.data.get(name, 0)


@app.command("late-fees")
def late_fees(
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    until: Annotated[str, typer.Option(help="Up to and with this day; else today.")] = "",
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Reckon the late fees of every account; given again for the same day, nothing is added."""
    settings = configuration(config)
    code = company_of(settings, company)
    day, name = _day(settings, code, until), operator_name(operator)
    with reading(settings) as reader:
        accounts = [number for page in overdue_accounts(reader, code, day) for number in page]
    commands = [
        RequestMoneyAct(
            operator=name, kind="late-fees", account=number, reason=reason, on=day.isoformat()
        )
        for number in accounts
    ]

    def keyed(command: RequestMoneyAct) -> tuple[str, str]:
        return command.account, f"late-fees/{command.operator}/{command.account}/{day}"

    _tell(_run(settings, code, commands, keyed, ("owed",)), settings, code, as_json)


@app.command("import")
def import_debts(
    file: Annotated[Path, typer.Argument(help="account,year,amount[,class] a line.")],
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    check: Annotated[bool, typer.Option("--check", help="Only check the file.")] = False,
    taken_over_on: TakenOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take over what an older system was owed, per year; what it owed waits for a second person.

    The whole file is checked first, against the books too: with a problem anywhere nothing is
    taken. A file that broke off in the middle, or of which something was refused, is simply given
    again. A line below 0 is credit: it is asked for, and another operator approves the file
    (wattbus arrears approve).
    """
    settings = configuration(config)
    code = company_of(settings, company)
    currency = settings.companies[code].currency
    on = _day(settings, code, taken_over_on).isoformat() if taken_over_on else ""
    lines, digest = _read(settings, code, file)
    with reading(settings) as reader:
        problems = _against_books(reader, code, lines, file.name, digest)
        acts = opening_acts(reader, code, digest, _now_us())
        # what lapsed or was rejected is asked for anew
        lapsed = Counter((act.account, act.year) for act in acts if act.over)
    if problems:
        die(str(DebtFileError(problems)))
    if check:
        owing = sum(line.debt.amount > 0 for line in lines)
        more = f", {len(lines) - owing} credits" if owing < len(lines) else ""
        typer.echo(f"{file}: fine, {owing} debts{more}")
        return
    name = operator_name(operator)
    source = f"{file.name} {digest}"
    pieces = [
        ImportDebts(operator=name, source=source, currency=currency, debts=debts, taken_over_on=on)
        for debts in _pieces(lines)
    ]
    credit = _proposed(lines, name, source)
    keyed = _keys(pieces, digest, lapsed)
    asked: list[Asked] = [*pieces, *credit]
    run = _run(settings, code, asked, keyed, ("debts", "owed", "amount"))
    if credit and not as_json:
        typer.echo(f"{len(credit)} credits wait for a second person: "
                   f"wattbus arrears approve {file}")  # fmt: skip
    _tell(run, settings, code, as_json)


#: Why credit of an older system is asked for; its evidence is the file.
_TAKEN = "credit of an older system"


def _proposed(lines: Sequence[Line], name: str, source: str) -> list[RequestMoneyAct]:
    """The lines below nothing: each is asked for, and waits."""
    return [
        RequestMoneyAct(
            operator=name, kind="opening-credit", account=line.debt.account, reason=_TAKEN,
            evidence=source, amount=-line.debt.amount, year=line.debt.year,
        )
        for line in lines if line.debt.amount < 0
    ]  # fmt: skip


def _keys(
    pieces: Sequence[ImportDebts], digest: str, lapsed: Counter[tuple[str, int]]
) -> Callable[[Asked], tuple[str, str]]:
    """What each command of the file is called, and under which key a repeat is done once."""
    numbers = {id(piece): str(place) for place, piece in enumerate(pieces)}

    def keyed(asked: Asked) -> tuple[str, str]:
        if isinstance(asked, RequestMoneyAct):
            what, at = f"credit of {asked.account} in {asked.year}", (asked.account, asked.year)
            return what, f"old-credit/{digest}/{asked.account}/{asked.year}/{lapsed[at]}"
        number = numbers[id(asked)]
        return f"piece {number}", f"old-debts/{digest}/{number}"

    return keyed


def _read(settings: Config, code: str, file: Path) -> tuple[list[Line], str]:
    """The lines of a file and its digest; exit 1 with everything that is wrong with its text."""
    currency, year = settings.companies[code].currency, _today(settings, code).year
    try:
        text = read_text(file)
        lines = read_debts(text, file.name, currency, year)
    except (UnreadableError, DebtFileError) as error:
        die(str(error))
    return lines, hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


@app.command("approve")
def approve_credit(
    file: Annotated[Path, typer.Argument(help="The file that was imported.")],
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    note: Annotated[str, typer.Option(help="What you have seen; it is kept.")] = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Approve, as the second person, the credit of a file that another operator imported.

    What waits must be exactly the lines below 0 of the file that you give: account, year, amount.
    """
    settings = configuration(config)
    code = company_of(settings, company)
    lines, digest = _read(settings, code, file)
    wanted = {(x.debt.account, x.debt.year): -x.debt.amount for x in lines if x.debt.amount < 0}
    with reading(settings) as reader:
        waiting = [act for act in opening_acts(reader, code, digest, _now_us()) if act.waits]
    strange = [a.act for a in waiting if wanted.get((a.account, a.year)) != a.amount]
    if strange:
        die(f"act {strange[0]} does not say what the file says: nothing is approved")
    if not waiting:
        die(f"no credit of {file.name} waits for its approval")
    name = operator_name(operator)
    decisions = [
        DecideTokenAct(operator=name, act=each.act, decision="approve", note=note or file.name)
        for each in waiting
    ]

    def keyed(asked: DecideTokenAct) -> tuple[str, str]:
        return f"act {asked.act}", f"opening/{digest}/{asked.act}/{name}"

    _tell(_run(settings, code, decisions, keyed, ("amount",)), settings, code, as_json)


def _pieces(lines: Sequence[Line]) -> Iterator[tuple[Any, ...]]:
    owed = [line.debt for line in lines if line.debt.amount > 0]
    for at in range(0, len(owed), MAX_DEBTS):
        yield tuple(owed[at : at + MAX_DEBTS])


def _against_books(
    reader: Reader, company: str, lines: Sequence[Line], name: str, digest: str
) -> list[str]:
    """Problems that the books show; debts that this very file brought are none."""
    problems: list[str] = []
    begun = reader.rows(
        "SELECT count(*) FROM request WHERE company = :company AND key LIKE :like",
        company=company,
        like=f"old-debts/{digest}/%",
    )[0][0]
    for at in range(0, len(lines), PAGE):
        page = list(lines[at : at + PAGE])
        states = known_accounts(reader, company, [line.debt.account for line in page])
        known = set() if begun else old_debts(reader, company, [line.identity for line in page])
        problems += against_books(page, name, states, known)
    return problems


def _run(
    settings: Config,
    company: str,
    commands: Sequence[A],
    keyed: Callable[[A], tuple[str, str]],
    names: Sequence[str],
) -> Run:
    """Put the commands on the bus, some at once, and count their answers."""
    run = Run()
    if not commands:
        return run
    secret = passphrase(settings, commands[0].operator)  # asked for once

    def one(command: A) -> tuple[str, Submitted]:
        what, key = keyed(command)
        return what, _ask(settings, company, key, command, secret)

    with (
        ThreadPoolExecutor(AT_ONCE) as pool,
        Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress,
    ):
        bar = progress.add_task("commands", total=len(commands))
        for what, done in pool.map(one, commands):
            progress.advance(bar)
            run.heard(what, done, names)
    return run


def _ask(settings: Config, company: str, key: str, command: Asked, secret: str) -> Submitted:
    request = {
        "do": "act",
        "company": company,
        "key": key,
        "type": name_of(command).name,
        "operator": command.operator,
        "secret": secret,
        "data": msgspec.to_builtins(command),
    }
    return submitted(ask_hub(settings, request, "give it again: what was done is not done twice"))


def _tell(run: Run, settings: Config, company: str, as_json: bool) -> None:
    """Say what came of it; exit 1 when something was refused or is not known."""
    if as_json:
        facts = {
            "done": run.done,
            "before": run.before,
            **run.amounts,
            "refused": run.refused,
            "unknown": run.unknown,
        }
        typer.echo(json.dumps(facts))
    else:
        for what, why in run.refused.items():
            typer.secho(f"{what}: {why}", err=True, fg=typer.colors.RED)
        for message_id in run.unknown:
            typer.secho(f"not known yet: wattbus find {message_id}", err=True, fg=typer.colors.RED)
        currency = settings.companies[company].currency
        shown = [
            f"{name} {amount}" if name in COUNTS else f"{name} {format_amount(amount, currency)}"
            for name, amount in run.amounts.items()
        ]
        sums = f": {', '.join(shown)} {currency}" if shown else ""
        typer.echo(f"{run.done} done, {run.before} before, {len(run.refused)} refused{sums}")
    if run.refused or run.unknown:
        raise typer.Exit(1)

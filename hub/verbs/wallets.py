"""``wattbus wallets``: money by mobile money and payment providers, proved and put right."""

import hashlib
import json
import time
import uuid
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from core.calendars import local_date, local_time
from core.documents import DocumentError
from core.messages import (
    Message,
    RequestWalletAct,
    SettleWallet,
    StatementLine,
    TakeStatement,
)
from core.messages.wallets import MAX_LINES
from core.money import MoneyError, format_amount, parse_amount
from core.queries import wallet_books as books
from core.vending.act_kinds import Two
from core.wallets.act_kinds import WALLET_KINDS
from core.wallets.statement_file import StatementFileError, read_statement
from core.wallets.statement_layout import StatementLayout, load_layout
from core.wallets.states import WalletState
from core.wallets.terms import WalletTerms
from hub.companies import wallet_terms
from hub.config import Config
from hub.files import UnreadableError, read_text
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
    done_or_die,
    operator_name,
    reading,
)
from hub.verbs.act import approve, tell_done

NAME = "wallets"
_TWO = {Two.NEVER: "one person", Two.ABOVE: "two people above `alone` of the wallets file"}
_KINDS = "\n\n".join(f"{k.name}: {k.says} ({_TWO[k.two]})" for k in WALLET_KINDS.values())
app = typer.Typer(
    help="Money by wallet: open payments, work lists, cases, statements, payouts, refunds. The "
    "role collection-supervisor asks, the role collection-approver agrees.",
    no_args_is_help=True,
)
LimitOption = Annotated[int, typer.Option(min=1, max=books.MAX_ROWS, help="At most so many.")]
WalletOption = Annotated[str, typer.Option(help="The wallet's name in the wallets file.")]
DayOption = Annotated[str, typer.Option(help="YYYYMMDD or YYYY-MM-DD, the provider's day.")]


def _terms(settings: Config, code: str) -> WalletTerms:
    return wallet_terms(settings, settings.companies[code])


def _one_of(option: str, given: str, known: tuple[str, ...]) -> None:
    """A slip of the key is not "there are none"."""
    if given and given not in known:
        die(f"--{option} {given}: one of {', '.join(known) or 'none'}", 2)


def _told(data: Any, as_json: bool) -> bool:
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(data)))
    return as_json


def _moment(settings: Config, code: str, at_us: int) -> str:
    if not at_us:
        return "-"
    return local_time(at_us, settings.companies[code].zone).strftime("%Y-%m-%d %H:%M")


def _age(at_us: int) -> str:
    """How old something is: ``3 d``, ``5 h``, ``20 min``."""
    minutes = max(0, (time.time_ns() // 1_000 - at_us) // 60_000_000)
    if minutes >= 2_880:
        return f"{minutes // 1_440} d"
    return f"{minutes // 60} h" if minutes >= 120 else f"{minutes} min"


@app.command("list")
def list_(
    config: ConfigOption = DEFAULT,
    wallet: WalletOption = "",
    state: Annotated[str, typer.Option(help="One state; none: what is open or in dispute.")] = "",
    limit: LimitOption = 100,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """List payments that nobody knows the end of, the oldest first."""
    settings = configuration(config)
    code = company_of(settings, company)
    _one_of("wallet", wallet, tuple(_terms(settings, code).wallets))
    _one_of("state", state, tuple(WalletState))
    with reading(settings) as reader:
        found = books.payments(reader, code, wallet, state, limit)
    if _told(found, as_json):
        return
    for each in found:
        money = format_amount(each.paid or each.asked, each.currency)
        typer.echo(
            f"{each.number:<10} {each.wallet:<8} {each.state:<9} {_age(each.created_at):>7} "
            f"{money:>12} {each.currency} {each.target:<13} {each.receipt}"
        )
    if not found:
        typer.echo("no such payments")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Its number, or the provider's receipt.")],
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show a payment with its cases; exit 1 when there is none."""
    settings = configuration(config)
    code = company_of(settings, company)
    with reading(settings) as reader:
        found = books.payment_named(reader, code, name)
        about = [case for each in found for case in books.cases(reader, code, "", each.number)]
    if not found:
        die(f"there is no payment {name} by wallet")
    if _told({"payments": found, "cases": about}, as_json):
        return
    for each in found:
        for field in each.__struct_fields__:
            value = getattr(each, field)
            shown = _moment(settings, code, value) if field.endswith("_at") else value
            if field in ("asked", "paid"):
                shown = format_amount(value, each.currency)
            if value:
                typer.echo(f"{field.replace('_', ' '):<11} {shown}")
    _cases(settings, code, about)


@app.command()
def held(
    config: ConfigOption = DEFAULT,
    limit: LimitOption = 100,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """List what people must decide: held money, and payments that no statement has."""
    settings = configuration(config)
    code = company_of(settings, company)
    with reading(settings) as reader:
        found = books.work_list(reader, code, limit)
    if _told(found, as_json):
        return
    for each in found:
        money = format_amount(each.amount, each.currency)
        typer.echo(
            f"{each.payment:<10} {each.what:<11} {each.state:<10} {_age(each.since):>7} "
            f"{money:>12} {each.currency} until {_moment(settings, code, each.deadline)} "
            f"{each.owner}"
        )
    if not found:
        typer.echo("nothing is held")


@app.command()
def cases(
    config: ConfigOption = DEFAULT,
    state: Annotated[str, typer.Option(help="open or closed.")] = "open",
    limit: LimitOption = 100,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """List cases, the oldest first."""
    settings = configuration(config)
    code = company_of(settings, company)
    _one_of("state", state, ("open", "closed"))
    with reading(settings) as reader:
        found = books.cases(reader, code, state, "", limit)
    if not _told(found, as_json):
        _cases(settings, code, found)
        if not found:
            typer.echo("no cases")


def _cases(settings: Config, code: str, found: list[books.CaseView]) -> None:
    for each in found:
        money = format_amount(each.amount, each.currency)
        typer.echo(
            f"case {each.case:<5} {each.kind:<19} {each.state:<6} "
            f"{_moment(settings, code, each.opened_at)} {money:>12} {each.currency} "
            f"{each.payment or each.receipt}: {each.detail}"
        )


@app.command()
def balance(
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Compare provider, ledger and bank; exit 1 when they do not say the same, or when a payout is
    overdue by the wallet's `settle_days`."""
    settings = configuration(config)
    code = company_of(settings, company)
    zone = settings.companies[code].zone
    today = local_date(time.time_ns() // 1_000, zone)
    with reading(settings) as reader:
        wallets = _terms(settings, code).wallets
        found = books.balances(reader, code, wallets, (today, zone))
    agree = all(each.agrees and not each.overdue for each in found)
    if as_json:
        rows = [{**msgspec.to_builtins(each), "agrees": each.agrees} for each in found]
        typer.echo(json.dumps(rows))
    for each in found if not as_json else []:
        money = {n: format_amount(getattr(each, n), each.currency) for n in _SHOWN}
        said = ", ".join(f"{name} {amount}" for name, amount in money.items())
        since = f" since {_moment(settings, code, each.oldest)}" if each.oldest else ""
        verdict = "agrees" if each.agrees else "DIFFERS"
        if each.overdue:
            late = format_amount(each.overdue, each.currency)
            verdict += f", payout of {late} OVERDUE"
        typer.echo(f"{each.wallet} ({each.currency}) {verdict}: {said}; "
                   f"{each.payments} payments{since}, ours only {each.ours_only}")  # fmt: skip
    if not agree:
        raise typer.Exit(1)


_SHOWN = ("ledger", "statement", "unsettled", "bank", "fees", "held")


@app.command()
def statement(
    file: Annotated[Path, typer.Argument(help="The provider's export (CSV).")],
    wallet: WalletOption,
    day: DayOption,
    config: ConfigOption = DEFAULT,
    layout: Annotated[
        Path | None, typer.Option(help="How it is laid out; else the provider's own layout.")
    ] = None,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Compare a provider's statement of a day with the books.

    What we missed is held until somebody else says so, too: a second operator who brings his file
    of the day, the provider by his own interface, or two people who assign it.
    """
    settings = configuration(config)
    code = company_of(settings, company)
    terms = _terms(settings, code).wallets.get(wallet)
    if terms is None:
        die(f"no wallet {wallet}; there are: {', '.join(_terms(settings, code).wallets)}", 2)
    number = _day(day)
    try:
        lines = read_statement(
            read_text(file), file.name, _layout(layout, terms.provider), terms.currency, number
        )
    except (StatementFileError, DocumentError, UnreadableError) as error:
        die(str(error))
    told: dict[str, int] = {}
    by = (file.name, operator_name(operator))
    parts = _parts(settings, code, (wallet, number), lines)
    for page in _pages(wallet, number, terms.currency, parts, by):
        key = (
            f"{wallet}/{number}/{page.page}/{uuid.uuid4()}"  # a page that came before counts again
        )
        data = _sent(settings, code, key, page)
        for name, count in data.items():
            if isinstance(count, int) and name not in ("day", "page"):
                told[name] = told.get(name, 0) + count
    said = {"wallet": wallet, "day": number, **told}
    if not _told(said, as_json):
        typer.echo(
            f"{file.name}: {told['lines']} lines: {told['match']} match, {told['theirs-only']} "
            f"theirs only (held until the provider or another operator says so, too), "
            f"{told['amount-differs']} differ; what waits, and what is ours only: "
            "wattbus wallets held"
        )


def _parts(
    settings: Config, code: str, of: tuple[str, int], lines: list[StatementLine]
) -> list[list[StatementLine]]:
    """The lines of each page. Of a corrected file that is shorter than the one before, the pages
    that are there no more come empty."""
    with reading(settings) as reader:
        before = books.statement_of(reader, code, *of)
    most = max(before.last_page, before.pages) if before is not None else 0
    parts = [lines[at : at + MAX_LINES] for at in range(0, max(1, len(lines)), MAX_LINES)]
    return parts + [[]] * (most - len(parts))


def _pages(
    wallet: str, day: int, currency: str, parts: list[list[StatementLine]], by: tuple[str, str]
) -> list[TakeStatement]:
    return [
        TakeStatement(
            wallet=wallet, day=day, currency=currency, lines=tuple(part), page=place,
            last=place == len(parts), source=by[0], operator=by[1],
        )
        for place, part in enumerate(parts, 1)
    ]  # fmt: skip


def _day(text: str) -> int:
    digits = text.replace("-", "")
    if len(digits) != 8 or not digits.isdecimal():
        die(f"--day {text}: write YYYYMMDD", 2)
    return int(digits)


def _layout(path: Path | None, provider: str) -> StatementLayout:
    if path is not None:
        return load_layout(read_text(path), path.name)
    there = resources.files("mappings") / "wallets" / "statements" / f"{provider}.yaml"
    if not there.is_file():
        die(f"no layout of {provider}'s statements is here: name one with --layout", 2)
    return load_layout(there.read_text(encoding="utf-8"), f"{provider}.yaml")


def _sent(settings: Config, code: str, what: str, message: Message) -> dict[str, Any]:
    """The answer's data; the same content of the same name is a repeat."""
    digest = hashlib.sha256(msgspec.json.encode(message)).hexdigest()[:16]
    done = asked(settings, code, message, f"wallets/{what}/{digest}", NAME)
    return done_or_die(done).data


@app.command()
def settle(
    reference: Annotated[str, typer.Argument(help="The bank's reference; it counts once.")],
    amount: Annotated[str, typer.Argument(help="What came to our bank.")],
    wallet: WalletOption,
    until: DayOption,
    config: ConfigOption = DEFAULT,
    fee: Annotated[str, typer.Option(help="What the provider kept.")] = "0",
    desk: Annotated[str, typer.Option(help="Our account at the bank.")] = "bank",
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Book a payout of a provider; tell what is missing of it or too much."""
    settings = configuration(config)
    code = company_of(settings, company)
    currency = settings.companies[code].currency
    command = SettleWallet(
        wallet=wallet, reference=reference.strip(), amount=_minor(amount, currency),
        currency=currency, until=_day(until), fee=_minor(fee, currency), desk=desk,
        operator=operator_name(operator),
    )  # fmt: skip
    data = _sent(settings, code, f"settle/{wallet}/{reference}", command)
    if _told(data, as_json):
        return
    difference = data["difference"]
    expected = format_amount(data["expected"], currency)
    says = f"{format_amount(abs(difference), currency)} {'missing' if difference > 0 else 'over'}"
    typer.echo(
        f"{reference}: {data['payments']} payments, {expected} {currency} were to come; "
        f"{says if difference else 'nothing is missing'}"
    )


def _minor(text: str, currency: str) -> int:
    try:
        return parse_amount(text, currency) if text != "0" else 0
    except MoneyError as error:
        die(str(error), 2)


@app.command(epilog=_KINDS)
def request(
    kind: Annotated[str, typer.Argument(help="One of the kinds below.")],
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    payment: Annotated[str, typer.Option(help="The payment's number.")] = "",
    case: Annotated[int, typer.Option(help="The case that is closed.")] = 0,
    evidence: Annotated[str, typer.Option(help="What proves it: a call, a letter.")] = "",
    meter: Annotated[str, typer.Option(help="Whose it is, or was meant to be.")] = "",
    account: Annotated[str, typer.Option(help="Whose it is.")] = "",
    agent: Annotated[str, typer.Option(help="Whose float it is for.")] = "",
    amount: Annotated[str, typer.Option(help="What a case is about; else all of it.")] = "0",
    to: Annotated[str, typer.Option(help="A phone that hears of it, too.")] = "",
    operator: OperatorOption = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Ask for an act: assign, refund, wrong-meter, wrong-amount, paid-twice, case-close."""
    settings = configuration(config)
    code = company_of(settings, company)
    command = RequestWalletAct(
        operator=operator_name(operator), kind=kind, payment=payment, case=case, reason=reason,
        evidence=evidence, meter=meter, account=account, agent=agent, to=to,
        amount=_minor(amount, settings.companies[code].currency),
    )  # fmt: skip
    tell_done(settings, code, asked(settings, code, command, key, "wallets"), as_json)


app.command()(approve)

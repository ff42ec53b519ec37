"""``wattbus counter``: cashiers at their desks, from the first coin that is counted to the bank."""

import json
from typing import Annotated

import msgspec
import typer

from core.counter.act_kinds import COUNTER_KINDS
from core.messages import SellAtCounter, TakeAtCounter
from core.messages.collection import PaymentShare
from core.queries.counter import SeriesView, desks_of, series_of, slips_of, z_reports_of
from core.sts.token import grouped
from core.vending.act_kinds import Two
from hub.verbs._counterdesk import Asking
from hub.verbs._scope import listed
from hub.verbs._shared import (
    DEFAULT,
    CompanyOption,
    ConfigOption,
    JsonOption,
    KeyOption,
    OperatorOption,
    die,
    reading,
)

NAME = "counter"
_TWO = {
    Two.NEVER: "one person",
    Two.ALWAYS: "two people",
    Two.ABOVE: "two people above what the company's collection file allows one",
}
_KINDS = "\n\n".join(
    f"{k.name.removeprefix('counter-')}: {k.says} ({k.role}; {_TWO[k.two]})"
    for k in COUNTER_KINDS.values()
)
app = typer.Typer(
    help="Cashiers at their desks: shifts, money in several ways, tokens, counts, Z reports, "
    "deposits for the bank. Who may do what: \\[operators.NAME] of the configuration.",
    no_args_is_help=True,
    epilog=f"{_KINDS}\n\nWhat needs two people waits until another operator with the role "
    "collection-approver, never the shift's own cashier, approves it: wattbus act approve NUMBER.",
)

Desk = Annotated[str, typer.Argument(help="The desk's code.")]
Amount = Annotated[str, typer.Argument(help="As people write it: 50,000 or 50k.")]
Counted = Annotated[
    list[str], typer.Argument(help="Coins and notes: 50000x3 500x14 is three and fourteen.")
]
WordsOption = Annotated[str, typer.Option("--reason", help="Why; it goes on record.")]
ProofOption = Annotated[str, typer.Option(help="What proves it: a voucher, a statement's line.")]
TenderOption = Annotated[
    list[str] | None,
    typer.Option(help="WAY=AMOUNT:NUMBER:BANK beside cash: cheque=20,000:417:Centenary, "
                 "card=5,000:831207, balance=3,000."),
]  # fmt: skip
GivenOption = Annotated[str, typer.Option(help="The cash that the customer gave; else exactly.")]
AlsoOption = Annotated[
    list[str] | None, typer.Option(help="ACCOUNT=AMOUNT: another account that is paid, too.")
]


@app.command()
def desk(
    code: Annotated[str, typer.Argument(help="Letters, digits and dashes, at most 16.")],
    name: Annotated[str, typer.Option(help="Where it is, what people call it.")],
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    reason: WordsOption = "a desk is set up",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Set a desk up."""
    asking = Asking.of(config, company, operator, key, as_json)
    asking.act("desk", code, name=name, reason=reason)


@app.command("open")
def open_(
    desk: Desk,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    amount: Annotated[str, typer.Option(help="The float's sum, where it is not counted.")] = "",
    piece: Annotated[list[str] | None, typer.Option(help="Counted: 50000x3.")] = None,
    source: Annotated[str, typer.Option(help="office or safe: where it came from.")] = "office",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Begin a shift with a float."""
    asking = Asking.of(config, company, operator, key, as_json)
    asking.act(
        "open", desk, amount=asking.scope.minor(amount), pieces=asking.pieces(piece), source=source
    )


@app.command()
def take(
    desk: Desk,
    account: Annotated[str, typer.Argument(help="The account's number.")],
    amount: Amount,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    given: GivenOption = "",
    tender: TenderOption = None,
    item: Annotated[list[int] | None, typer.Option(help="An open item to pay first.")] = None,
    rule: Annotated[str, typer.Option(help="A rule of allocation; else the company's.")] = "",
    also: AlsoOption = None,
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take a payment in one or several ways; what they leave is cash."""
    asking = Asking.of(config, company, operator, key, as_json)
    shares = [PaymentShare(
        account=account, amount=asking.scope.minor(amount), items=tuple(item or ())
    )]  # fmt: skip
    for word in also or ():
        other, _, part = word.partition("=")
        shares.append(PaymentShare(account=other, amount=asking.scope.minor(part)))
    whole = sum(share.amount for share in shares)
    data = asking.money_taken(TakeAtCounter(
        operator=asking.operator, desk=desk, shares=tuple(shares), amount=whole,
        currency=asking.scope.currency, tenders=asking.tenders(whole, tender, given), rule=rule,
    ))  # fmt: skip
    for number, credit in data.get("credits", {}).items():
        typer.echo(f"credit of account {number}: {asking.scope.money(credit)}")


@app.command()
def sell(
    desk: Desk,
    meter: Annotated[str, typer.Argument(help="The meter's number.")],
    amount: Amount,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    given: GivenOption = "",
    tender: TenderOption = None,
    another: Annotated[bool, typer.Option("--another", help="Not a repeat of the last.")] = False,
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Sell a token for money that is there at once."""
    asking = Asking.of(config, company, operator, key, as_json)
    whole = asking.scope.minor(amount)
    data = asking.money_taken(SellAtCounter(
        operator=asking.operator, desk=desk, meter=meter, tender=whole, another=another,
        currency=asking.scope.currency, tenders=asking.tenders(whole, tender, given),
    ))  # fmt: skip
    for digits in [*data.get("kct", ()), *filter(None, [data.get("token")])]:
        typer.echo(grouped(digits))


def _cash(kind: str, says: str) -> None:
    """Bring a verb that moves cash without a receipt."""

    @app.command(kind, help=says)
    def command(
        desk: Desk,
        amount: Amount,
        config: ConfigOption = DEFAULT,
        operator: OperatorOption = "",
        reason: WordsOption = "",
        evidence: ProofOption = "",
        bag: Annotated[str, typer.Option(help="Of a deposit: the bag or envelope.")] = "",
        key: KeyOption = "",
        company: CompanyOption = "",
        as_json: JsonOption = False,
    ) -> None:
        asking = Asking.of(config, company, operator, key, as_json)
        minor = asking.scope.minor(amount)
        asking.act(kind, desk, amount=minor, reason=reason, evidence=evidence, bank=bag)


def _count(kind: str, says: str) -> None:
    """Bring a verb that counts."""

    @app.command(kind, help=says)
    def command(
        desk: Desk,
        counted: Counted,
        config: ConfigOption = DEFAULT,
        operator: OperatorOption = "",
        to: Annotated[str, typer.Option(help="Of a handover: the next cashier.")] = "",
        reason: WordsOption = "",
        evidence: ProofOption = "",
        key: KeyOption = "",
        company: CompanyOption = "",
        as_json: JsonOption = False,
    ) -> None:
        asking = Asking.of(config, company, operator, key, as_json)
        pieces = asking.pieces(counted)
        asking.act(kind, desk, pieces=pieces, heir=to, reason=reason, evidence=evidence)


def _plain(kind: str, says: str) -> None:
    """Bring a verb that says nothing but the desk."""

    @app.command(kind, help=says)
    def command(
        desk: Desk,
        config: ConfigOption = DEFAULT,
        operator: OperatorOption = "",
        reason: WordsOption = "",
        key: KeyOption = "",
        company: CompanyOption = "",
        as_json: JsonOption = False,
    ) -> None:
        asking = Asking.of(config, company, operator, key, as_json)
        asking.act(kind, desk, reason=reason)


_cash("paid-in", "The cash office brings money.")
_cash("paid-out", "Money leaves the till against a voucher.")
_cash("drop", "Money goes from the till to the safe.")
_cash("deposit", "Cash of the safe goes to the bank, with a numbered slip.")
_cash("hand-in", "Cash of the safe goes to the cash office.")
_count("count", "Count the cash, blind: the shift takes nothing any more.")
_count("recount", "Count again, as a supervisor.")
_count("handover", "Count for the next cashier (--to).")
_count("takeover", "Count the same, as the next cashier: the shift is yours.")
_plain("x", "What the shift has taken up to now.")
_plain("close", "End a shift that was counted: the Z report.")
_plain("withdraw", "The next cashier does not come: the shift is closed as usual.")
_plain("spoil", "The next receipt's number cannot be used.")


@app.command()
def void(
    desk: Desk,
    receipt: Annotated[str, typer.Argument(help="A receipt of the shift that is open.")],
    reason: WordsOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take a receipt back; a second person must agree before the shift is counted."""
    asking = Asking.of(config, company, operator, key, as_json)
    asking.act("void", desk, receipt=receipt, reason=reason)


@app.command()
def cleared(
    desk: Desk,
    slip: Annotated[int, typer.Argument(help="The deposit slip's number.")],
    bank: Annotated[str, typer.Option(help="Our account there.")],
    reference: Annotated[str, typer.Option(help="The bank's; it counts once.")],
    evidence: ProofOption,
    reason: WordsOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    amount: Annotated[str, typer.Option(help="What was credited; else all of it.")] = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say that the bank has credited a slip; a second person must agree."""
    asking = Asking.of(config, company, operator, key, as_json)
    asking.act(
        "cleared", desk, slip=slip, bank=bank, reference=reference, evidence=evidence,
        reason=reason, amount=asking.scope.minor(amount),
    )  # fmt: skip


@app.command()
def series(
    prefix: Annotated[str, typer.Argument(help="Of numbers to register; none: show all.")] = "",
    first: Annotated[int, typer.Argument(help="The first number.")] = 0,
    last: Annotated[int, typer.Argument(help="The last number.")] = 0,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    desk: Annotated[str, typer.Option(help="Whose receipts; none: credit notes.")] = "",
    reason: WordsOption = "",
    key: KeyOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Register numbers (a second person must agree), or show how many are used, void and left."""
    asking = Asking.of(config, company, operator, key, as_json)
    if prefix:
        purpose = "receipt" if desk else "credit-note"
        asking.act(
            "series", desk, prefix=prefix, first=first, last=last, purpose=purpose, reason=reason
        )
        return
    with reading(asking.scope.settings) as reader:
        found = series_of(reader, asking.scope.company)
    listed(found, as_json, _series_line, "no numbers are registered")


def _series_line(each: SeriesView) -> str:
    of = f"desk {each.desk}" if each.desk else "credit notes"
    return (
        f"{each.prefix}{each.first} to {each.last}  {of}: {each.used} used, "
        f"{each.void} of them void, {each.left} left"
    )


@app.command()
def status(
    desk: Annotated[str, typer.Argument(help="The desk's code; none: all of them.")] = "",
    config: ConfigOption = DEFAULT,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="The newest Z and slips.")] = 5,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show who is at which desk; of one desk its newest Z reports and deposit slips, too."""
    asking = Asking.of(config, company, "", "", as_json)
    with reading(asking.scope.settings) as reader:
        desks = desks_of(reader, asking.scope.company, desk)
        reports = z_reports_of(reader, asking.scope.company, desk, limit)
        slips = slips_of(reader, asking.scope.company, desk, limit)
    if desk and not desks:
        die(f"there is no desk {desk}")
    if as_json:
        facts = {"desks": desks, "reports": [*map(msgspec.json.decode, reports)], "slips": slips}
        typer.echo(json.dumps(msgspec.to_builtins(facts)))
        return
    for each in desks:
        who = f"{each.cashier}, {each.state}, since {asking.scope.moment(each.opened_at)}"
        typer.echo(
            f"{each.desk}  {each.name}: {who if each.shift else 'nobody'}; safe "
            f"{asking.scope.money(each.safe)}; {each.numbers_left} numbers left"
        )
    for report in reports:
        data = msgspec.json.decode(report)
        typer.echo(f"Z {data['z_number']} of {asking.scope.moment(data['closed_at'])}")
        asking.tell(data)
    for slip in slips:
        typer.echo(f"slip {slip.slip}  {asking.scope.money(slip.amount)}  {slip.state}  {slip.bag}"
                   f"{slip.reference}")  # fmt: skip
    if not desks:
        typer.echo("no desks")

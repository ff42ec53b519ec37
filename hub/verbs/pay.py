"""``wattbus pay``: money received at a desk becomes credit of an account."""

import json
import uuid
from typing import Annotated

import typer

from core.messages import ReceiveJointPayment, ReceivePayment, name_of
from core.messages.collection import PaymentShare
from core.money import MoneyError, format_amount, parse_amount
from hub.config import Config
from hub.verbs._shared import (
    DEFAULT,
    CompanyOption,
    ConfigOption,
    JsonOption,
    Submitted,
    company_of,
    configuration,
    die,
    done_or_die,
    submit,
)

NAME = "pay"

BankOption = Annotated[str, typer.Option(help="Whose cheque it is; --reference is its number.")]
AgainOption = Annotated[
    bool, typer.Option("--again", help="The first payment of this number was reversed.")
]
ReferenceOption = Annotated[
    str, typer.Option(help="The payment's own number: under it a repeat is done once.")
]
AlsoOption = Annotated[
    list[str] | None,
    typer.Option(help="ACCOUNT=AMOUNT: another account that the same payment is for."),
]


def command(
    account: Annotated[str, typer.Argument(help="The account's number.")],
    amount: Annotated[str, typer.Argument(help="As people write it: 50,000 or 50k.")],
    config: ConfigOption = DEFAULT,
    way: Annotated[str, typer.Option(help="cash, card, transfer, mobile, cheque.")] = "cash",
    desk: Annotated[str, typer.Option(help="Who took it.")] = "main",
    reference: ReferenceOption = "",
    rule: Annotated[str, typer.Option(help="A rule of allocation; else the company's.")] = "",
    item: Annotated[list[int] | None, typer.Option(help="An open item to pay first.")] = None,
    receipt: Annotated[str, typer.Option(help="A receipt that was written before.")] = "",
    also: AlsoOption = None,
    bank: BankOption = "",
    again: AgainOption = False,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Receive a payment for an account; exit 1 when it is refused.

    It pays what the account owes, by the company's rule; what is over becomes credit. A cheque's
    rest is no credit before it clears (wattbus collect request clear). With --also it is one
    payment for many accounts.
    """
    settings = configuration(config)
    code = company_of(settings, company)
    currency = settings.companies[code].currency
    try:
        minor = parse_amount(amount, currency)
    except MoneyError as error:
        die(str(error), 2)
    payment = ReceivePayment(
        account=account,
        amount=minor,
        currency=currency,
        way=way,
        reference=reference,
        desk=desk,
        rule=rule,
        items=tuple(item or ()),
        receipt=receipt,
        bank=bank,
    )
    # the books refuse a second one that stands: no key is needed for that
    key = f"{_key(payment)}/again/{uuid.uuid4()}" if again else _key(payment)
    if also:
        _joint(settings, (code, key), payment, also, as_json)
    else:
        _tell(_sent(settings, code, key, payment), payment, as_json)


def _sent(
    settings: Config, code: str, key: str, payment: ReceivePayment | ReceiveJointPayment
) -> Submitted:
    """It is done; exit 1 when it is refused, or not known yet."""
    done = submit(settings, code, key, name_of(payment).name, payment)
    done_or_die(done)
    return done


def _key(payment: ReceivePayment) -> str:
    """Under what a repeat is known: its way, desk and reference, none of which can pass for
    another's; a payment without a reference is its own."""
    if not payment.reference:
        return f"pay/{uuid.uuid4()}"
    parts = (payment.way, payment.desk, payment.reference)
    if payment.bank:  # two banks may number alike
        parts = (payment.way, payment.bank, payment.reference)
    # only what would be ambiguous is escaped: other references keep the keys they always had
    return "/".join(("pay", *(p.replace("%", "%25").replace("/", "%2F") for p in parts)))


def _tell(done: Submitted, payment: ReceivePayment, as_json: bool) -> None:
    """What became of the money."""
    assert done.answer is not None  # seen by the caller
    account, minor, currency = payment.account, payment.amount, payment.currency
    credit = format_amount(done.answer.data["credit"], currency)
    data = done.answer.data
    if as_json:
        facts = {"message": done.message_id, "repeat": done.repeat, **done.answer.data}
        typer.echo(json.dumps(facts))
        return
    paid = sum(data.get("paid", {}).values())
    owed = f"; {format_amount(paid, currency)} {currency} of what was owed is paid" if paid else ""
    waits = data.get("uncleared", 0)
    owed += f"; {format_amount(waits, currency)} {currency} wait for the bank" if waits else ""
    again = "; it had come already, nothing was added" if done.repeat else ""
    typer.echo(
        f"received {format_amount(minor, currency)} {currency} for account {account}; "
        f"credit {credit} {currency}{owed}{again}"
    )
    if "payment" in data:  # an answer of before collection has none
        typer.echo(f"receipt {data['payment']}")


def _joint(
    settings: Config,
    at: tuple[str, str],
    first: ReceivePayment,
    also: list[str],
    as_json: bool,
) -> None:
    """One payment for the account named and for those of ``also``; ``at``: company and key."""
    code, key = at
    shares = [PaymentShare(account=first.account, amount=first.amount, items=first.items)]
    if first.receipt:
        die("a receipt before payment is for one account", 2)
    for text in also:
        account, _, amount = text.partition("=")
        try:
            minor = parse_amount(amount, first.currency)
        except MoneyError as error:
            die(f"--also {text}: {error}", 2)
        shares.append(PaymentShare(account=account, amount=minor))
    joint = ReceiveJointPayment(
        shares=tuple(shares),
        amount=sum(share.amount for share in shares),
        currency=first.currency,
        way=first.way,
        reference=first.reference,
        desk=first.desk,
        rule=first.rule,
        bank=first.bank,
    )
    done = _sent(settings, code, key, joint)
    assert done.answer is not None  # seen there
    if as_json:
        facts = {"message": done.message_id, "repeat": done.repeat, **done.answer.data}
        typer.echo(json.dumps(facts))
        return
    money = f"{format_amount(joint.amount, first.currency)} {first.currency}"
    again = "; it had come already, nothing was added" if done.repeat else ""
    typer.echo(f"received {money} for {len(shares)} accounts{again}")
    typer.echo(f"receipt {done.answer.data['payment']}")

"""``wattbus pay``: money received at a desk becomes credit of an account."""

import json
import uuid
from typing import Annotated

import typer

from core.messages import Answer, ReceivePayment, name_of
from core.money import MoneyError, format_amount, parse_amount
from core.refusals import OPERATOR, operator_sentence
from hub.verbs._shared import (
    DEFAULT,
    ConfigOption,
    JsonOption,
    company_of,
    configuration,
    die,
    submit,
)

NAME = "pay"


def command(
    account: Annotated[str, typer.Argument(help="The account's number.")],
    amount: Annotated[str, typer.Argument(help="As people write it: 50,000 or 50k.")],
    config: ConfigOption = DEFAULT,
    way: Annotated[str, typer.Option(help="cash, cheque, card, transfer.")] = "cash",
    desk: Annotated[str, typer.Option(help="Who took it.")] = "main",
    reference: Annotated[
        str, typer.Option(help="The payment's own number: under it a repeat is done once.")
    ] = "",
    company: Annotated[str, typer.Option(help="Which company, where there are several.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Receive a payment for an account; exit 1 when it is refused."""
    settings = configuration(config)
    code = company_of(settings, company)
    currency = settings.companies[code].currency
    try:
        minor = parse_amount(amount, currency)
    except MoneyError as error:
        die(str(error), 2)
    payment = ReceivePayment(
        account=account, amount=minor, currency=currency, way=way, reference=reference, desk=desk
    )
    key = f"pay/{way}/{desk}/{reference}" if reference else f"pay/{uuid.uuid4()}"
    done = submit(settings, code, key, name_of(payment).name, payment)
    if done.answer is None:
        die(f"the outcome is not known yet; look for it: wattbus find {done.message_id}")
    if done.answer.outcome != "done":
        die(said_no(done.answer))
    credit = format_amount(done.answer.data["credit"], currency)
    if as_json:
        facts = {"message": done.message_id, "repeat": done.repeat, **done.answer.data}
        typer.echo(json.dumps(facts))
        return
    again = "; it had come already, nothing was added" if done.repeat else ""
    typer.echo(
        f"received {format_amount(minor, currency)} {currency} for account {account}; "
        f"credit {credit} {currency}{again}"
    )


def said_no(answer: Answer) -> str:
    """The operator's sentence of an answer that is not done."""
    if answer.code in OPERATOR:
        return operator_sentence(answer.code, answer.args)
    return f"{answer.outcome}: {answer.code}"

"""``wattbus erase``: a person's names and phones go, by the wish of one and the yes of another."""

import json
from typing import Annotated, Any

import typer

from core.calendars import local_time
from hub.erasing import ACCOUNT, PHONE
from hub.erasuredesk import listed
from hub.msisdn import e164
from hub.verbs._shared import (
    DEFAULT,
    CompanyOption,
    ConfigOption,
    JsonOption,
    ReasonOption,
    ask_hub,
    company_of,
    configuration,
    die,
    passphrase,
    reading,
)

NAME = "erase"
app = typer.Typer(
    help="Erase a person under data-protection law: two people with the role data-protection.",
    no_args_is_help=True,
)

Operator = Annotated[str, typer.Option(help="Your name ([operators.NAME]).")]
Number = Annotated[int, typer.Argument(help="Of the erasure.")]


def _said(config: Any, company: str, operator: str, request: dict[str, Any]) -> dict[str, Any]:
    settings = configuration(config)
    code = company_of(settings, company)
    who = {"company": code, "operator": operator, "secret": passphrase(settings, operator)}
    return ask_hub(settings, {"do": "erase", **who, **request})


@app.command("request")
def request(
    reason: ReasonOption,
    operator: Operator,
    config: ConfigOption = DEFAULT,
    account: Annotated[str, typer.Option(help="The customer that has this account.")] = "",
    phone: Annotated[str, typer.Option(help="A phone alone.")] = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Ask for it. What is not ended (service, credit, debts, cases) refuses it and is named."""
    if bool(account) == bool(phone):
        die("name the person by --account or by --phone", 2)
    settings = configuration(config)
    code = settings.companies[company_of(settings, company)].country_code
    subject = account or e164(phone, code)
    if not subject:
        die(f"{phone} is no phone number", 2)
    kind = ACCOUNT if account else PHONE
    done = _said(config, company, operator,
                 {"step": "ask", "kind": kind, "subject": subject, "reason": reason})  # fmt: skip
    words = (
        f"erasure {done['number']} waits for another person: wattbus erase approve "
        f"{done['number']} ({done['messages']} messages, {done['phones']} phones)"
    )
    typer.echo(json.dumps(done) if as_json else words)


@app.command("approve")
def approve(
    number: Number, reason: ReasonOption, operator: Operator,
    config: ConfigOption = DEFAULT, company: CompanyOption = "", as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Agree; it is done at once and cannot be undone."""
    done = _said(config, company, operator,
                 {"step": "approve", "number": number, "reason": reason})  # fmt: skip
    if as_json:
        typer.echo(json.dumps(done))
        return
    rows = ", ".join(f"{count} of {table}" for table, count in sorted(done["changed"].items()))
    typer.echo(f"erasure {number} is done: the person is {done['called']} now; rows: {rows}")
    if done["archives"]:
        typer.echo(
            f"the archive has {done['archives']} files that it did not touch: look there with "
            "wattbus archive show --text, and let those go by their time"
        )
    typer.echo("backups from before still have the person: let them go by their time too")


@app.command("refuse")
def refuse(
    number: Number, reason: ReasonOption, operator: Operator,
    config: ConfigOption = DEFAULT, company: CompanyOption = "", as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Say no: a law asks for keeping it, or it was another person."""
    done = _said(config, company, operator,
                 {"step": "refuse", "number": number, "reason": reason})  # fmt: skip
    typer.echo(json.dumps(done) if as_json else f"erasure {number} is refused")


@app.command("forget-key")
def forget_key(
    reason: ReasonOption, operator: Operator,
    config: ConfigOption = DEFAULT, company: CompanyOption = "", as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Delete the key of the pseudonyms: nobody can then tell whose one was, by trying."""
    done = _said(config, company, operator, {"step": "forget", "reason": reason})
    typer.echo(json.dumps(done) if as_json else "the key is gone; the next erasure makes another")


@app.command("list")
def list_them(
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    limit: Annotated[int, typer.Option(min=1, help="The newest.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List erasures: who asked, who decided, why; never whom."""
    settings = configuration(config)
    code = company_of(settings, company)
    with reading(settings) as reader:
        found = listed(reader, code, limit)
    if as_json:
        typer.echo(json.dumps(found))
        return
    zone = settings.companies[code].zone
    for one in found:
        at = local_time(one["decided_at"] or one["asked_at"], zone)
        by = f", {one['decided_by']}" if one["decided_by"] else ""
        typer.echo(f"{one['id']}  {at:%Y-%m-%d %H:%M}  {one['kind']}  {one['state']}  "
                   f"{one['asked_by']}{by}  {one['reason']}")  # fmt: skip
    if not found:
        typer.echo("nobody was erased")

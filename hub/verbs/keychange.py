"""``wattbus keychange``: campaigns of key changes, what became of them, and who has not bought."""

import csv
import hashlib
import json
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress

from core.calendars import local_time
from core.messages import (
    ConfirmKeyChange,
    FailKeyChange,
    Message,
    NeedKeyChange,
    RequestTokenAct,
    name_of,
)
from core.messages.tokens import MAX_METERS
from core.queries import acts as queries_of_acts
from core.queries import key_changes as queries
from core.queries.views import ActView
from core.units import quantity
from core.vending.act_kinds import CAMPAIGN, KEY_CHANGE
from core.vending.act_states import ActState
from core.vending.key_change_states import KeyChangeState
from hub.config import Config
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
    done_or_die,
    operator_name,
    passphrase,
    reading,
    said_no,
    submitted,
)
from hub.verbs.act import tell_done as tell_act

NAME = "keychange"
app = typer.Typer(help="Key changes of meters: campaigns and single ones.", no_args_is_help=True)

#: Commands under way at once: sales go on beside a campaign that begins.
AT_ONCE = 4

Asked = RequestTokenAct | NeedKeyChange | ConfirmKeyChange | FailKeyChange

Meter = Annotated[str, typer.Argument(help="The meter's number.")]
CampaignOption = Annotated[str, typer.Option(help="The campaign's name.")]


@dataclass(slots=True)
class Begun:
    """What became of a campaign's meters."""

    needed: int = 0
    known: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)  # messages without an answer


@app.command()
def start(
    to: Annotated[str, typer.Option(help="The new key: SGC/KRN, as 201457/2.")],
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    group: Annotated[str, typer.Option("--from", help="All meters with this key: SGC/KRN.")] = "",
    meter: Annotated[list[str] | None, typer.Option(help="A meter; may be repeated.")] = None,
    campaign: CampaignOption = "",
    ti: Annotated[str, typer.Option(help="Another tariff index, 01 to 99.")] = "",
    three_tokens: Annotated[
        bool, typer.Option("--three-tokens", help="EA07 meters that keep their supply group.")
    ] = False,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Meters shall have another key; the next sale to each brings it (policy "do").

    Two people agree first: this asks for an act, for each single meter or for the campaign, which
    another operator approves (wattbus act approve). Given again then, a campaign begins; given once
    more, it goes on where it broke off. Exit 1 when a meter was refused.
    """
    settings = configuration(config)
    code = company_of(settings, company)
    if bool(group) == bool(meter):
        die("which meters? --from SGC/KRN for a group, or --meter for single ones", 2)
    if bool(group) != bool(campaign):
        die("a group is moved by a campaign, and a single meter is not: --from and --campaign", 2)
    sgc, krn = _key(to, "--to")
    from_sgc, from_krn = _key(group, "--from") if group else ("", 0)
    model = RequestTokenAct(
        operator=operator_name(operator),
        kind=CAMPAIGN if group else KEY_CHANGE,
        meter="",
        reason=reason,
        sgc=sgc,
        krn=krn,
        ti=ti,
        three_tokens=three_tokens,
        campaign=campaign,
        from_sgc=from_sgc,
        from_krn=from_krn,
    )
    _start(settings, code, model, meter or [], as_json)


def _start(
    settings: Config, code: str, model: RequestTokenAct, meters: list[str], as_json: bool
) -> None:
    """Ask for what is not agreed on; begin the campaign that is."""
    secret = passphrase(settings, model.operator)  # asked for once
    if meters:
        for drn in meters:
            _request(settings, code, msgspec.structs.replace(model, meter=drn), secret, as_json)
        return
    known = _agreed(settings, code, model)
    drns = _group(settings, code, model.from_sgc, model.from_krn)
    if known is None:
        _request(settings, code, model, secret, as_json)
        return
    if known.state == ActState.REQUESTED:
        die(f"another operator must approve it: wattbus act approve {known.act}")
    piece = NeedKeyChange(
        meters=(),
        sgc=model.sgc,
        krn=model.krn,
        ti=model.ti,
        three_tokens=model.three_tokens,
        campaign=model.campaign,
        operator=model.operator,
        reason=model.reason,
        act=known.act,
    )
    begun = _begin(settings, code, piece, drns, secret)
    _tell_begun(begun, as_json)
    if begun.refused or begun.unknown:
        raise typer.Exit(1)


def _agreed(settings: Config, company: str, model: RequestTokenAct) -> ActView | None:
    """The newest act of this very campaign that is approved, or may still be."""
    names = "sgc krn ti three_tokens from_sgc from_krn".split()
    with reading(settings) as reader:
        acts = queries_of_acts.campaign_acts(reader, company, model.campaign, _now_us())
    for act in acts:
        asked = msgspec.convert({**act.asked, **_REST}, RequestTokenAct)
        same = all(getattr(asked, name) == getattr(model, name) for name in names)
        if same and act.state in (ActState.DONE, ActState.REQUESTED):
            return act
    return None


#: What a view tells in fields of its own.
_REST = {"operator": "", "kind": CAMPAIGN, "meter": "", "reason": ""}


def _request(
    settings: Config, company: str, command: RequestTokenAct, secret: str, as_json: bool
) -> None:
    done = _ask(settings, company, f"keychange/{uuid.uuid4()}", command, secret)
    tell_act(settings, company, done, as_json)
    if command.campaign and not as_json:
        typer.echo("then give this command again: the campaign begins")


def _now_us() -> int:
    return time.time_ns() // 1_000


def _key(text: str, option: str) -> tuple[str, int]:
    sgc, _, krn = text.partition("/")
    if not (len(sgc) == 6 and sgc.isdecimal() and len(krn) == 1 and krn.isdecimal() and krn > "0"):
        die(f"{option} is SGC/KRN, six digits and one of 1 to 9, as 201457/2; not {text!r}", 2)
    return sgc, int(krn)


def _group(settings: Config, company: str, sgc: str, krn: int) -> list[str]:
    with reading(settings) as reader:
        found = [drn for page in queries.group(reader, company, sgc, krn) for drn in page]
    if not found:
        die(f"no meter of supply group {sgc}, revision {krn}")
    return found


def _begin(
    settings: Config, company: str, model: NeedKeyChange, drns: list[str], secret: str
) -> Begun:
    cuts = range(0, len(drns), MAX_METERS)
    pieces = [
        msgspec.structs.replace(model, meters=tuple(drns[at : at + MAX_METERS])) for at in cuts
    ]
    begun = Begun()

    def one(piece: NeedKeyChange) -> tuple[NeedKeyChange, Submitted]:
        return piece, _ask(settings, company, _name(piece), piece, secret)

    with (
        ThreadPoolExecutor(AT_ONCE) as pool,
        Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress,
    ):
        bar = progress.add_task("meters", total=sum(len(piece.meters) for piece in pieces))
        for piece, done in pool.map(one, pieces):
            progress.advance(bar, len(piece.meters))
            if done.answer is None:
                begun.unknown.append(done.message_id)
            elif done.answer.outcome != "done":
                begun.refused |= dict.fromkeys(piece.meters, said_no(done.answer))
            else:
                begun.needed += done.answer.data["needed"]
                begun.known += done.answer.data["known"]
                begun.refused |= done.answer.data["refused"]
    return begun


def _name(piece: NeedKeyChange) -> str:
    """The key of a piece: a campaign that is given again does not ask twice for the same."""
    content = "\0".join(
        (*piece.meters, piece.sgc, str(piece.krn), piece.ti, piece.reason, str(piece.act))
    )
    digest = hashlib.blake2b(content.encode(), digest_size=12).hexdigest()
    return f"keychange/{piece.campaign}/{digest}"


def _tell_begun(begun: Begun, as_json: bool) -> None:
    if as_json:
        facts = {"needed": begun.needed, "known": begun.known, "refused": begun.refused}
        typer.echo(json.dumps({**facts, "unknown": begun.unknown}))
        return
    for drn, why in begun.refused.items():
        typer.secho(f"{drn}: {why}", err=True, fg=typer.colors.RED)
    for message_id in begun.unknown:
        typer.secho(f"not known yet: wattbus find {message_id}", err=True, fg=typer.colors.RED)
    typer.echo(
        f"a key change is needed by {begun.needed} more, was by {begun.known} already; "
        f"{len(begun.refused)} refused"
    )


@app.command()
def status(
    config: ConfigOption = DEFAULT,
    campaign: CampaignOption = "",
    meter: Annotated[str, typer.Option(help="One meter, with its tokens of before.")] = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """How many meters of each supply group are where; or all about one meter."""
    settings = configuration(config)
    code = company_of(settings, company)
    if meter:
        _one_meter(settings, code, meter, as_json)
        return
    with reading(settings) as reader:
        counts = queries.campaign_counts(reader, code, campaign)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(counts)))
        return
    if not counts:
        typer.echo("no key changes")
    for name, sgc, krn in dict.fromkeys((c.campaign, c.sgc, c.krn) for c in counts):
        here = [c for c in counts if (c.campaign, c.sgc, c.krn) == (name, sgc, krn)]
        by_state = {c.state: c.meters for c in here}
        shown = ", ".join(f"{by_state.get(state, 0)} {state}" for state in KeyChangeState)
        stuck = sum(c.stuck for c in here)
        more = f"; {stuck} sets could not be made" if stuck else ""
        typer.echo(f"{name or 'single meters'}, from {sgc}/{krn}: {shown}{more}")


def _one_meter(settings: Config, company: str, drn: str, as_json: bool) -> None:
    with reading(settings) as reader:
        view = queries.view_of(reader, company, drn)
        tokens = queries.old_tokens(reader, company, drn)
    if view is None:
        die(f"meter {drn} has no key change")
    # digits are money: who must see them asks wattbus find --show-token, on the record
    old = [{"receipt": t.receipt, "units_tenths": t.units_tenths, "at": t.at} for t in tokens]
    if as_json:
        typer.echo(json.dumps({**msgspec.to_builtins(view), "old_tokens": old}))
        return
    zone, currency = settings.companies[company].zone, settings.companies[company].currency
    typer.echo(f"meter {view.meter}: {view.old} to {view.new}, {view.state}")
    typer.echo(f"  campaign {view.campaign or '-'}; printed {view.issued} times{_notes(view)}")
    for name in ("needed_at", "issued_at", "presumed_at", "closed_at"):
        if at := getattr(view, name):
            typer.echo(f"  {name.removesuffix('_at')} {_time(at, zone)}")
    for token in tokens:
        units = quantity(token.units_tenths, token.commodity, currency)
        typer.echo(
            f"  under the old key: receipt {token.receipt}, {units}, {_time(token.at, zone)}; "
            "not known as entered"
        )


def _notes(view: queries.ChangeView) -> str:
    parts = [view.how, f"by {view.operator}: {view.reason}" if view.operator else "", view.note]
    return "".join(f"; {part}" for part in parts if part)


def _time(at: int, zone: str) -> str:
    return local_time(at, zone).isoformat(timespec="minutes")


@app.command()
def confirm(
    meter: Meter,
    how: Annotated[Literal["read-out", "field", "customer"], typer.Option(help="How it is known.")],
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """A meter has its new key; exit 1 when that cannot be."""
    message = ConfirmKeyChange(
        meter=meter, how=how, operator=operator_name(operator), reason=reason
    )
    _send(config, company, message, as_json)


@app.command()
def fail(
    meter: Meter,
    reason: ReasonOption,
    config: ConfigOption = DEFAULT,
    operator: OperatorOption = "",
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """A meter kept its old key, or the change is called off: sales are under the old key again."""
    message = FailKeyChange(meter=meter, operator=operator_name(operator), reason=reason)
    _send(config, company, message, as_json)


def _ask(settings: Config, company: str, key: str, message: Asked, secret: str) -> Submitted:
    """By the verb that makes sure who asks."""
    data: Message = message
    request = {"do": "act", "company": company, "key": key, "type": name_of(data).name}
    who = {"operator": message.operator, "secret": secret}
    return submitted(ask_hub(settings, {**request, **who, "data": msgspec.to_builtins(data)}))


def _send(
    config: Path, company: str, message: ConfirmKeyChange | FailKeyChange, as_json: bool
) -> None:
    settings = configuration(config)
    code = company_of(settings, company)
    secret = passphrase(settings, message.operator)
    done = _ask(settings, code, f"keychange/{uuid.uuid4()}", message, secret)
    data = done_or_die(done).data
    typer.echo(json.dumps(data) if as_json else f"meter {data['meter']}: {data['state']}")


@app.command()
def export(
    campaign: Annotated[str, typer.Option(help="The campaign's name.")],
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Who has not bought since the campaign began, as CSV: these must be visited."""
    settings = configuration(config)
    code = company_of(settings, company)
    zone = settings.companies[code].zone
    with reading(settings) as reader:
        found = queries.not_bought(reader, code, campaign)
        if as_json:
            typer.echo(json.dumps(msgspec.to_builtins(list(found))))
            return
        _write_csv(found, zone)


def _write_csv(found: Iterator[queries.NotBought], zone: str) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(queries.NotBought.__struct_fields__)
    for row in found:
        last = _time(row.last_bought_at, zone) if row.last_bought_at else ""
        texts = (row.meter, row.account, row.holder, row.address, row.phone, row.campaign)
        writer.writerow((*map(_safe, texts), _time(row.needed_at, zone), last, _safe(row.area)))


def _safe(text: str) -> str:
    """A text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "-", "@", "\t") else text

"""``wattbus journal``: what arrived, raw, with its outcome."""

import json
import re
import time
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from core.calendars import local_time
from core.store.tx import Reader
from hub import stories
from hub.config import Config
from hub.msisdn import e164
from hub.observe import masked_raw
from hub.stories import Arrived
from hub.verbs._shared import (
    DEFAULT,
    CompanyOption,
    ConfigOption,
    JsonOption,
    OperatorOption,
    ask_hub,
    company_of,
    configuration,
    die,
    operator_name,
    reading,
)

NAME = "journal"

#: Rows shown unless more are asked for, and the most that is ever read.
SHOWN, AT_MOST = 50, 10_000
_SPAN = re.compile(r"(\d{1,4})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: all that is given must fit. Instants in µs UTC."""

    company: str
    since_us: int
    until_us: int
    key: str = ""
    channel: str = ""
    phone: str = ""
    outcome: str = ""


def command(
    config: ConfigOption = DEFAULT,
    key: Annotated[str, typer.Option(help="The counterpart's key, whole.")] = "",
    phone: Annotated[str, typer.Option(help="A phone, E.164 or local.")] = "",
    channel: Annotated[str, typer.Option(help="An instance's name.")] = "",
    outcome: Annotated[str, typer.Option(help="accepted, duplicate, quarantined, noted.")] = "",
    since: Annotated[str, typer.Option(help="How far back: 90s, 15m, 24h, 7d.")] = "24h",
    until: Annotated[str, typer.Option(help="Up to how long ago: 1h.")] = "0s",
    company: CompanyOption = "",
    limit: Annotated[int, typer.Option(min=1, max=AT_MOST, help="Rows, the newest.")] = SHOWN,
    show_raw: Annotated[
        str, typer.Option(metavar="REASON", help="Show raw bytes; the reason goes on record.")
    ] = "",
    operator: OperatorOption = "",
    as_json: JsonOption = False,
) -> None:
    """Search what arrived, oldest to newest; exit 1 when nothing fits."""
    settings = configuration(config)
    code = company_of(settings, company)
    section = settings.companies[code]
    now = time.time_ns() // 1_000
    number = e164(phone, section.country_code) if phone else ""
    if phone and not number:
        die(f"{phone} is no phone number", 2)
    wanted = Wanted(code, now - span_us(since), now - span_us(until), key, channel, number, outcome)
    with reading(settings) as reader:
        rows = search(reader, wanted, limit)
    if not rows:
        die("nothing in the journal fits; widen --since?")
    if show_raw:
        _on_record(settings, rows, show_raw, operator)
    for row in rows:
        shown = _object(row, section.zone, bool(show_raw))
        typer.echo(json.dumps(shown) if as_json else _line(shown))


def span_us(text: str) -> int:
    """Microseconds of ``15m``; exit 2 for anything else."""
    found = _SPAN.fullmatch(text)
    if found is None:
        die(f"'{text}' is no span of time; write it like 90s, 15m, 24h or 7d", 2)
    return int(found[1]) * _SECONDS[found[2]] * 1_000_000


def id_floor(at_us: int) -> str:
    """Below every UUIDv7 of this millisecond or later: the journal's key is its time."""
    text = f"{max(0, at_us) // 1_000:012x}"
    return f"{text[:8]}-{text[8:]}"


def search(reader: Reader, wanted: Wanted, limit: int) -> list[Arrived]:
    """Rows in the window, the newest, oldest first.

    A phone has its index; everything else is a range of the journal's own key, which is made of
    time: what is looked through is the window, never the table.
    """
    if wanted.phone:
        where, order = "party = :phone AND recorded >= :first AND recorded <= :last", "recorded"
        bounds: dict[str, Any] = {"first": wanted.since_us, "last": wanted.until_us}
        bounds["phone"] = wanted.phone
    else:
        where, order = "id >= :first AND id < :last", "id"
        bounds = {"first": id_floor(wanted.since_us), "last": id_floor(wanted.until_us + 1_000)}
    rows = reader.rows(
        f"{stories.JOURNAL_ROWS} WHERE {where} AND company = :company "
        "AND :key IN ('', key) AND :channel IN ('', channel) AND :outcome IN ('', outcome) "
        f"ORDER BY {order} DESC LIMIT :limit",
        company=wanted.company,
        key=wanted.key,
        channel=wanted.channel,
        outcome=wanted.outcome,
        limit=limit,
        **bounds,
    )
    return [stories.arrived(row) for row in reversed(rows)]


def _on_record(settings: Config, rows: list[Arrived], reason: str, operator: str) -> None:
    request = {
        "do": "look",
        "what": "show-raw",
        "subjects": [row.id for row in rows],
        "reason": reason,
        "operator": operator_name(operator),
    }
    ask_hub(settings, request)


def _object(row: Arrived, zone: str, show_raw: bool) -> dict[str, Any]:
    return {
        "at": local_time(row.recorded_us, zone).isoformat(timespec="milliseconds"),
        "id": row.id,
        "channel": row.channel,
        "key": row.key,
        "party": row.party,
        "outcome": row.outcome,
        "message": row.message_id,
        "raw": row.raw if show_raw else masked_raw(row.raw, row.raw_is_hex),
        "raw_is_hex": row.raw_is_hex,
    }


def _line(shown: dict[str, Any]) -> str:
    about = f"{shown['channel']:10} {shown['outcome']:11} {shown['party'] or '-':15}"
    message = f" message {shown['message']}" if shown["message"] else ""
    return f"{shown['at']}  {about} key {shown['key']}{message}\n    {shown['raw']}"

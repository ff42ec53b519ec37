"""``wattbus enrol``: customers from a YAML or JSON list.

The whole list is checked before anything is sent, and every problem is named with its line. Keys
are made of account numbers, so a list that broke off in the middle is simply given again.
"""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
import yaml
from rich.console import Console
from rich.progress import Progress

from core.agents.areas import wrong_area
from core.commodity import COMMODITIES, by_token
from core.messages import Enrol, MeterLink, PhoneLink, name_of
from core.refusals import Refusal
from core.sts.errors import StsError
from core.sts.meter_id import parse_drn
from hub.config import CompanySection, Config
from hub.files import UnreadableError, read_text
from hub.verbs._shared import (
    DEFAULT,
    CompanyOption,
    ConfigOption,
    company_of,
    configuration,
    die,
    said_no,
    submit,
)

NAME = "enrol"

#: A list larger than this is cut by hand: its file is read as a whole.
MAX_BYTES = 64 * 1024 * 1024
#: Enrolments under way at once: enough that the hub's commits carry many.
AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Item:
    """One customer of the list, with the line that it begins on."""

    line: int
    command: Enrol

    def things(self) -> set[str]:
        """What it writes that another item may write too: these go one after the other."""
        own = self.command
        phones = {f"phone {link.msisdn}" for link in own.phones}
        meter = {f"meter {own.meter.drn}"} if own.meter else set()
        return {f"customer {own.customer}", f"point {own.service_point}", *phones, *meter}


def command(
    file: Annotated[Path, typer.Argument(help="YAML or JSON; - for standard input.")],
    config: ConfigOption = DEFAULT,
    company: CompanyOption = "",
) -> None:
    """Take on customers from a list; exit 1 with every refusal, 2 when the list is wrong.

    \b
    - customer: C100001
      name: Okello Daniel
      account: 100001
      service_point: S100001
      area: NORTH                # where agents of that area sell; may be left out
      tariff: uganda-domestic
      since: 2026-11-01          # monthly charges since then come with the first purchase
      meter: {drn: 04123456784, sgc: 201457, ea: 11}   # of water: commodity: water
      phones:
      - {msisdn: "+256772000001", meter_name: Home}

    Every field, with its meaning and default: Enrol in core/messages/accounts.py.
    """
    settings = configuration(config)
    code = company_of(settings, company)
    try:
        text = read_text(file, MAX_BYTES, stdin=True)
    except UnreadableError as error:
        die(str(error), 2)
    items, problems = parse(text, file.name, settings.companies[code])
    if problems:
        die("\n".join(problems), 2)
    done, refused = _send(settings, code, items, file.name)
    for line in refused:
        typer.secho(line, err=True, fg=typer.colors.RED)
    typer.echo(f"{done} of {len(items)} accounts are enrolled")
    if refused:
        raise typer.Exit(1)


def parse(text: str, source: str, company: CompanySection) -> tuple[list[Item], list[str]]:
    """Items and problems; a problem names file and line. ``currency`` is the company's."""
    try:
        # every scalar stays the text that it is: 04123456784 is no octal number
        root = yaml.compose(text, Loader=yaml.CBaseLoader)
        values = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506 - texts, lists, maps only
    except yaml.YAMLError as error:
        return [], [f"{source}: {_one_line(error)}"]
    if not isinstance(root, yaml.SequenceNode) or not isinstance(values, list):
        return [], [f"{source}:1: not a list of customers (each begins with '- customer: …')"]
    items: list[Item] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    for node, value in zip(root.value, values, strict=True):
        line = node.start_mark.line + 1
        try:
            item = Item(line, _command(value, company))
        except ValueError as error:
            problems.append(f"{source}:{_line_in(node, str(error))}: {error}")
            continue
        first = seen.setdefault(item.command.account, line)
        if first != line:
            problems.append(
                f"{source}:{line}: account {item.command.account} stands at line {first} already"
            )
        items.append(item)
    return items, problems


def _command(value: Any, company: CompanySection) -> Enrol:
    if not isinstance(value, dict):
        raise ValueError("not a customer: a list of fields is expected")
    _known_only(value, Enrol)
    _known_only(value.get("meter"), MeterLink, "meter.")
    phones = value.get("phones")
    for phone in phones if isinstance(phones, list) else ():
        _known_only(phone, PhoneLink, "phones.")
    enrol = msgspec.convert({"currency": company.currency, **value}, Enrol, strict=False)
    if enrol.area and wrong_area(enrol.area):
        raise ValueError(f"{wrong_area(enrol.area)} - at `$.area`")
    if enrol.meter is not None:
        try:
            parse_drn(enrol.meter.drn)
        except StsError as error:
            raise ValueError(f"{error} - at `$.meter.drn`") from error
        _sold_by_token(enrol, enrol.meter)
    return enrol


def _sold_by_token(enrol: Enrol, meter: MeterLink) -> None:
    """What the meter measures is known, and sold by token if it is prepaid."""
    at = "- at `$.meter.commodity`"
    if meter.commodity not in COMMODITIES:
        raise ValueError(f"{meter.commodity!r} is none of {', '.join(COMMODITIES)} {at}")
    try:
        if enrol.mode == "prepaid":
            by_token(meter.commodity, meter.drn)
    except Refusal as no:
        raise ValueError(f"{no.operator()} {at}") from no


def _known_only(value: Any, kind: type[msgspec.Struct], within: str = "") -> None:
    """A misspelt field is a field that is missing: messages would read over it."""
    if not isinstance(value, dict):
        return
    for name in value:
        if name not in kind.__struct_fields__:
            known = ", ".join(kind.__struct_fields__)
            raise ValueError(f"no field {name} (known: {known}) - at `$.{within}{name}`")


def _line_in(node: yaml.Node, message: str) -> int:
    """The line of the field that a message names (``$.meter.drn``), else the item's."""
    names = message.rpartition("`$.")[2].rstrip("`").split(".") if "`$." in message else []
    line = node.start_mark.line + 1
    for name in names:
        name = name.partition("[")[0]
        maps = node.value if isinstance(node, yaml.SequenceNode) else [node]
        pairs = [pair for each in maps if isinstance(each, yaml.MappingNode) for pair in each.value]
        found = next((pair for pair in pairs if pair[0].value == name), None)
        if found is None:
            break
        node, line = found[1], found[0].start_mark.line + 1
    return line


def _one_line(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())


def chunks(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Runs of items that share nothing, in the list's order: they may go at the same time."""
    chunk: list[Item] = []
    taken: set[str] = set()
    for item in items:
        things = item.things()
        if chunk and (len(chunk) >= AT_ONCE or taken & things):
            yield chunk
            chunk, taken = [], set()
        chunk.append(item)
        taken |= things
    if chunk:
        yield chunk


def _send(
    settings: Config, company: str, items: Sequence[Item], source: str
) -> tuple[int, list[str]]:
    def one(item: Item) -> str:
        key = f"enrol/{item.command.account}"
        done = submit(settings, company, key, name_of(item.command).name, item.command)
        if done.answer is None:
            return f"{source}:{item.line}: the outcome is not known yet ({done.message_id})"
        no = said_no(done.answer) if done.answer.outcome != "done" else ""
        return f"{source}:{item.line}: {no}" if no else ""

    refused: list[str] = []
    with (
        ThreadPoolExecutor(AT_ONCE) as pool,
        Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress,
    ):
        bar = progress.add_task("enrol", total=len(items))
        for chunk in chunks(items):
            refused += [line for line in pool.map(one, chunk) if line]
            progress.advance(bar, len(chunk))
    return len(items) - len(refused), refused

"""``wattbus top``: a node live in the terminal: what comes, what is done, what waits, how old."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import islice, pairwise
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from core.store.tx import Reader
from hub import balance, leases, metricbooks
from hub.balance import Line
from hub.config import Config
from hub.outbox import WORKER
from hub.verbs._shared import (
    DEFAULT,
    ConfigOption,
    JsonOption,
    ask_hub,
    configuration,
    hub_answers,
    reading,
)

NAME = "top"
#: What is older than this, open, is shown in red: a customer waits for it.
OLD_S = 60.0


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw. ``oldest``: seconds, by target of the deliveries; ``node``: what the hub
    says of itself, empty where none runs here."""

    at_s: float
    lines: tuple[Line, ...]
    oldest: Mapping[str, float]
    unleased: int
    node: Mapping[str, Any]
    unfinished: Mapping[str, float] = field(default_factory=dict)  # seconds, of sale, payment …
    lag: Mapping[int, int] = field(default_factory=dict)  # open ones of workers, by partition


@dataclass(frozen=True, slots=True)
class Row:
    """A channel's handler between two looks; rates a second."""

    channel: str
    handler: str
    accepted_per_s: float
    done_per_s: float
    refused_per_s: float
    waiting: int
    parked: int
    dead: int


def rows(before: Look, after: Look) -> list[Row]:
    """What moved, and what waits; the busiest first, what has neither is left out."""
    seconds = max(after.at_s - before.at_s, 1e-3)
    earlier = {(line.channel, line.handler): line for line in before.lines}
    found = []
    for line in after.lines:
        was = earlier.get((line.channel, line.handler))

        def rate(of: Callable[[Line], int], now: Line = line, was: Line | None = was) -> float:
            return round((of(now) - (of(was) if was else 0)) / seconds, 1)

        row = Row(
            line.channel,
            line.handler,
            rate(lambda x: x.accepted),
            rate(lambda x: x.done + x.duplicate),
            rate(lambda x: x.refused),
            line.pending,
            line.parked,
            line.dead,
        )
        if any((row.accepted_per_s, row.done_per_s, row.refused_per_s)) or (
            row.waiting or row.parked or row.dead
        ):
            found.append(row)
    return sorted(found, key=lambda row: (-row.accepted_per_s, row.channel, row.handler))


def facts(before: Look, after: Look) -> dict[str, Any]:
    """The same for a program."""
    node = after.node
    return {
        "node": node.get("node", ""),
        "ok": node.get("ok", False),
        "channels": {name: said.get("state", "") for name, said in _of(node, "channels")},
        "links": {name: said.get("state", "") for name, said in _of(node, "links")},
        "unleased": after.unleased,
        "oldest_s": dict(after.oldest),
        "unaccounted": sum(line.unaccounted for line in after.lines),
        "unfinished_s": dict(after.unfinished),
        "lag": {str(partition): n for partition, n in sorted(after.lag.items())},
        "refused_percent": refused_percent(before, after),
        "memory": {name: said["memory"] for name, said in _of(node, "processes")},
        "handlers": [asdict(row) for row in rows(before, after)],
    }


def refused_percent(before: Look, after: Look) -> float:
    """Of what was decided between two looks, how much was refused."""
    moved = rows(before, after)
    refused = sum(row.refused_per_s for row in moved)
    decided = refused + sum(row.done_per_s for row in moved)
    return round(100 * refused / decided, 1) if decided else 0.0


def _of(node: Mapping[str, Any], what: str) -> list[tuple[str, Mapping[str, Any]]]:
    return list(node.get(what, {}).items())


def screen(before: Look, after: Look) -> Group:
    """One screen of it."""
    table = Table(box=None, pad_edge=False)
    for name in ("channel", "handler"):
        table.add_column(name, overflow="fold")
    for name in ("in/s", "done/s", "refused/s", "waiting", "parked", "dead"):
        table.add_column(name, justify="right")
    for row in rows(before, after):
        moved = (f"{row.accepted_per_s:,}", f"{row.done_per_s:,}", f"{row.refused_per_s:,}")
        dead = f"[red]{row.dead:,}[/]" if row.dead else "0"
        table.add_row(row.channel, row.handler, *moved, f"{row.waiting:,}", f"{row.parked:,}", dead)
    return Group(*_head(after), *_health(before, after), "", table)


def _head(look: Look) -> Iterator[str]:
    node = look.node
    well = "well" if node.get("ok") else "[red]NOT WELL[/]" if node else "no hub answers here"
    yield f"{node.get('node', '-')}: {well}"
    for what in ("links", "channels"):
        states = [f"{name} {_state(said)}" for name, said in _of(node, what)]
        if states:
            yield f"{what}: {', '.join(states)}"
    ages = [f"{target} {_age(age)}" for target, age in sorted(look.oldest.items())]
    yield f"oldest open: {', '.join(ages) or 'none'}"
    if look.unleased:
        yield f"[red]{look.unleased} partitions have no worker[/]"
    if lost := sum(line.unaccounted for line in look.lines):
        yield f"[red]{lost} messages are unaccounted for[/]"


def _health(before: Look, after: Look) -> Iterator[str]:
    """A line each, and only where there is something to say."""
    waits = [f"{what} {_age(age)}" for what, age in sorted(after.unfinished.items())]
    if waits:
        yield f"oldest unfinished: {', '.join(waits)}"
    if after.lag:
        most = max(after.lag, key=lambda partition: after.lag[partition])
        total = sum(after.lag.values())
        yield f"lag: {total:,} in {len(after.lag)} partitions, {after.lag[most]:,} in {most}"
    if refused := refused_percent(before, after):
        yield f"refused: {refused:g} %"
    memory = [f"{name} {_megabytes(said)}" for name, said in _of(after.node, "processes")]
    if memory:
        yield f"memory: {', '.join(memory)}"


def _megabytes(said: Mapping[str, Any]) -> str:
    return f"{said.get('memory', 0) / 1e6:,.0f} MB"


def _state(said: Mapping[str, Any]) -> str:
    state = str(said.get("state", "running"))
    return state if state in ("up", "running") else f"[red]{state}[/]"


def _age(seconds: float) -> str:
    text = f"{seconds:,.1f} s"
    return f"[red]{text}[/]" if seconds > OLD_S else text


def look(reader: Reader, now_s: float, node: Mapping[str, Any]) -> Look:
    """One look at the database."""
    oldest = balance.oldest_open(reader).items()
    ages = {target: round(max(0.0, now_s - at / 1e6), 1) for target, at in oldest}
    since = metricbooks.oldest_unfinished(reader).items()
    return Look(
        now_s,
        tuple(balance.lines(reader)),
        ages,
        leases.unleased(reader),
        node,
        {what: round(max(0.0, now_s - at / 1e6), 1) for what, at in since},
        {p: n for (target, p), n in metricbooks.lags(reader).items() if target == WORKER},
    )


def _looks(settings: Config, every_s: float) -> Iterator[Look]:
    """Looks without end."""
    while True:
        node = ask_hub(settings, {"do": "status"}) if hub_answers(settings) else {}
        with reading(settings) as reader:
            yield look(reader, time.time(), node)
        time.sleep(every_s)


def command(
    config: ConfigOption = DEFAULT,
    every: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds between looks.")] = 2.0,
    count: Annotated[int, typer.Option(min=0, help="So many screens; 0: until Ctrl-C.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Watch a node: rates of each channel and handler, what waits, what is dead, how old it is.

    Beside a running hub, or of a database that other nodes work on. With --json one object a look,
    on a line. Rates are of the time between two looks.
    """
    seen = _looks(configuration(config), every)
    pairs = islice(pairwise(seen), count or None)
    with suppress(KeyboardInterrupt):  # that is how one leaves
        if as_json:
            for before, after in pairs:
                typer.echo(json.dumps(facts(before, after)))
            return
        with Live(console=Console(), auto_refresh=False) as live:
            for before, after in pairs:
                live.update(screen(before, after), refresh=True)

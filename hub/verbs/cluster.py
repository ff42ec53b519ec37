"""``wattbus cluster``: nodes, seats, partitions and what waits, of the whole installation."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec
import typer

from hub.cluster import Cluster, cluster
from hub.verbs._shared import DEFAULT, ConfigOption, JsonOption, configuration, reading

NAME = "cluster"


def command(config: ConfigOption = DEFAULT, as_json: JsonOption = False) -> None:
    """Show the nodes, who holds which seat, the workers' partitions, and what waits.

    A seat is what one node holds at a time: a link with its channels, a channel without a link, the
    keeper (sweepers, daily proof) and, with RabbitMQ, the relay. Exit 1 when a seat has no holder
    or partitions have no worker. On SQLite there is one node: see `wattbus status`.
    """
    with reading(configuration(config)) as reader:
        seen = cluster(reader, time.time_ns() // 1_000)
    if as_json:
        typer.echo(msgspec.json.encode(seen))
    else:
        for line in _words(seen):
            typer.echo(line)
    if any(not seat.node for seat in seen.seats) or any(not each.worker for each in seen.workers):
        raise typer.Exit(1)


def _words(seen: Cluster) -> Iterator[str]:
    if not seen.nodes:
        yield "no node is listed: one on SQLite is not, see wattbus status"
    for node in seen.nodes:
        state = f"since {_at(node.started)}" if node.alive else f"SILENT since {_at(node.seen)}"
        roles = ", ".join(node.roles)
        yield f"node {node.name}: {state}, {node.host} process {node.pid}, {node.version} ({roles})"
    for seat in seen.seats:
        since = f"{seat.node} since {_at(seat.since)}" if seat.node else "NOBODY"
        yield f"seat {seat.seat}: {since} (epoch {seat.epoch})"
    for each in seen.workers:
        yield f"partitions {each.worker or 'NOBODY'}: {each.partitions}"
    for lag in seen.lag:
        yield f"open {lag.target}: {lag.open:,}, the oldest {lag.oldest_s:,.1f} s"


def _at(instant_us: int) -> str:
    return datetime.fromtimestamp(instant_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

"""What a node says of itself and of its processes, for ``hub.metrics``."""

import platform
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from hub.breaker import BreakerState
from hub.bus.publisher import BusState
from hub.figures import COUNTERS, FOLDER, HISTOGRAMS, Told, read_all
from hub.lastbackup import last_backup
from hub.watch import Watch

#: What each histogram's label is called, and its sentence.
_HISTOGRAMS = {
    "acceptance_seconds": ("channel", "From a channel's hand-over to the commit"),
    "sale_seconds": ("handler", "From acceptance to the decision's commit"),
    "told_seconds": ("channel", "From acceptance to the customer's text being taken"),
    "transaction_seconds": ("stage", "A stage's transaction, with its commit"),
    "batch_size": ("stage", "Messages of a stage's batch"),
}
_COUNTERS = {
    "not_done": "Decisions that were a no or a fault, by code",
    "spans": "Spans of traces",
    "log_lines": "Lines of the log",
}


@dataclass(frozen=True, slots=True)
class Node:
    """What only the process itself knows: what channels and links say of themselves, and when
    something last arrived by a channel (µs UTC; 0: nothing yet)."""

    channels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    links: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    arrived: Mapping[str, int] = field(default_factory=dict)
    well: bool = True
    seats: Mapping[str, bool] = field(default_factory=dict)
    bus: BusState | None = None  # of a broker
    processes: Sequence[Told] = ()
    data: Path | None = None  # its data folder
    engine: str = ""
    ahead_s: float | None = None  # the host's clock of the database's, where that has one


def processes(data: Path, node: str, watch: Watch) -> list[Told]:
    """This process's numbers, and those that its workers have written."""
    return [watch.file(data, "hub", node).told(), *read_all(data / FOLDER, node)]


def families(node: Node) -> list[Metric]:
    """Everything that the node knows."""
    return [
        *_edges(node),
        *_numbers(node.processes),
        *_usages(node.processes),
        *_place(node.data),
        _ahead(node.ahead_s),
        _build(node.engine),
    ]


def _edges(node: Node) -> list[Metric]:
    up = GaugeMetricFamily("wattbus_channel_up", "1: the channel is up", labels=["channel"])
    breaker = GaugeMetricFamily(
        "wattbus_breaker_open", "1: the counterpart is left alone", labels=["channel"]
    )
    link_up = GaugeMetricFamily("wattbus_link_up", "1: the link is up", labels=["link"])
    arrived = GaugeMetricFamily(
        "wattbus_last_arrival_seconds", "When something last arrived", labels=["channel"]
    )
    well = GaugeMetricFamily("wattbus_well", "1: the stages reach their store")
    for name, said in node.channels.items():
        up.add_metric([name], float(said.get("state") == "up"))
        if "breaker" in said:
            breaker.add_metric([name], float(said["breaker"] == BreakerState.OPEN.value))
    for name, said in node.links.items():
        link_up.add_metric([name], float(said.get("state") == "up"))
    for name, at_us in node.arrived.items():
        if at_us:
            arrived.add_metric([name], at_us / 1e6)
    well.add_metric([], float(node.well))
    seats = GaugeMetricFamily("wattbus_seat_held", "1: this node holds the seat", labels=["seat"])
    for name, held in node.seats.items():
        seats.add_metric([name], float(held))
    return [up, breaker, link_up, arrived, well, seats]


def _numbers(processes: Sequence[Told]) -> Iterable[Metric]:
    for name, bounds in HISTOGRAMS.items():
        label, sentence = _HISTOGRAMS[name]
        family = HistogramMetricFamily(f"wattbus_{name}", sentence, labels=["process", label])
        edges = [f"{bound:g}" for bound in bounds] + ["+Inf"]
        for told in processes:
            for value, found in dict(told.figures.histograms.get(name, {})).items():
                buckets = list(zip(edges, map(float, accumulate(found.counts)), strict=True))
                family.add_metric([told.process, value], buckets, found.total)
        yield family
    for name, labels in COUNTERS.items():
        counter = CounterMetricFamily(
            f"wattbus_{name}", _COUNTERS[name], labels=["process", *labels]
        )
        for told in processes:
            for joined, n in dict(told.figures.counters.get(name, {})).items():
                values = joined.split("\t") + [""] * len(labels)
                counter.add_metric([told.process, *values[: len(labels)]], n)
        yield counter


def _usages(processes: Sequence[Told]) -> list[Metric]:
    by = ["process"]
    memory = GaugeMetricFamily("wattbus_process_memory_bytes", "Resident memory", labels=by)
    cpu = CounterMetricFamily("wattbus_process_cpu_seconds", "Processor time", labels=by)
    files = GaugeMetricFamily("wattbus_process_open_files", "Open files", labels=by)
    started = GaugeMetricFamily("wattbus_process_started_seconds", "Start, Unix time", labels=by)
    wrong = GaugeMetricFamily("wattbus_clock_wrong", "1: no token is made here", labels=by)
    for told in processes:
        memory.add_metric([told.process], told.usage.memory)
        cpu.add_metric([told.process], told.usage.cpu_s)
        files.add_metric([told.process], told.usage.files)
        started.add_metric([told.process], told.usage.started_s)
        wrong.add_metric([told.process], float(told.clock_wrong))
    return [memory, cpu, files, started, wrong]


def _place(data: Path | None) -> list[Metric]:
    free = GaugeMetricFamily("wattbus_disk_free_bytes", "Free, where the data folder is")
    size = GaugeMetricFamily("wattbus_disk_size_bytes", "Size of the disk of the data folder")
    backup = GaugeMetricFamily("wattbus_backup_seconds", "The last backup's moment, Unix time")
    if data is not None:
        with suppress(OSError):
            disk = shutil.disk_usage(data)
            free.add_metric([], disk.free)
            size.add_metric([], disk.total)
        if at_us := last_backup(data):
            backup.add_metric([], at_us / 1e6)
    return [free, size, backup]


def _ahead(ahead_s: float | None) -> Metric:
    family = GaugeMetricFamily("wattbus_clock_ahead_seconds", "This clock against the database's")
    if ahead_s is not None:
        family.add_metric([], ahead_s)
    return family


def _build(engine: str) -> Metric:
    labels = ["version", "python", "engine"]
    family = GaugeMetricFamily("wattbus_build_info", "What runs here", labels=labels)
    family.add_metric([version("wattbus"), platform.python_version(), engine], 1)
    return family

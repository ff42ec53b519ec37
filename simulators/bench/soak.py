"""`wattbus bench soak`: steady sales for a long time; memory and open files must not grow.

Every minute (a tenth of the time where that is less) each process of the node and the server tell
what they hold. The trend is the median slope of all pairs of readings after the first third
(``bench.memory``); over the time that is judged it may not come to more than 3 % and 4 MiB of a
process's own memory, nor to more than two open files. The tables' sizes are told per sale: they
grow by design, and pruning is another matter.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from simulators.bench import memory, population
from simulators.bench.memory import Held
from simulators.bench.options import Options
from simulators.bench.place import Place, standing
from simulators.bench.site import Load, LoadError

NAME = "soak"
HELP = "Steady sales for --minutes; exit 1 when a process's memory or open files grow."
ENGINES = ("sqlite", "postgresql", "rabbitmq")
#: Sales a second: a working day's load of a large utility, half of what these cores do at most.
PER_S = 50.0
READINGS, LONGEST_S = 10, 60.0


@dataclass(slots=True)
class Series:
    """What each process held, reading by reading."""

    held: dict[str, list[Held]] = field(default_factory=dict)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    sales: int = 0

    def add(self, now: dict[str, Held]) -> None:
        """One reading."""
        for name, one in now.items():
            self.held.setdefault(name, []).append(one)

    def grown(self) -> list[str]:
        """What grows, in words."""
        found = []
        for name, series in self.held.items():
            own = [float(one.own_kib) for one in series]
            if memory.grows(own):
                found.append(f"memory of {name}: {memory.growth(own) / 1024:+.1f} MiB")
            files = [float(one.files) for one in series]
            if memory.files_grow(files):
                found.append(f"open files of {name}: {memory.growth(files):+.0f}")
        return found


def run(options: Options) -> dict[str, Any]:
    """The figures; ``failed`` says whether something grows."""
    with ExitStack() as stack:
        place = standing(options, stack, lambda _: Load(options.households))
        with place.running(workers=0):
            before = _sizes(place)
            series, seconds = _steady(place, options)
            after = _sizes(place)
    grown = series.grown()
    for sentence in grown:
        options.say(f"it grows: {sentence}")
    return {
        "bench": NAME,
        "engine": options.engine,
        "minutes": round(seconds * len(series.p50_ms) / 60, 2),
        "per_s": PER_S,
        "sales": series.sales,
        "flat": not grown,
        "failed": bool(grown),
        "grown": "; ".join(grown) or "nothing",
        **_told(series),
        "octets_per_sale_by_table": _by_sale(before, after, series.sales),
    }


def _steady(place: Place, options: Options) -> tuple[Series, float]:
    seconds = min(LONGEST_S, options.minutes * 60 / READINGS)
    series = Series()
    for number in range(1, max(READINGS, round(options.minutes * 60 / seconds)) + 1):
        order = {"do": "rate", "per_s": PER_S, "warm": 0, "seconds": seconds}
        got = place.load.ask(order)
        if got["lost"] or got["others"]:
            raise LoadError(f"not every purchase was sold to: {got}; {place.site.log()}")
        series.sales += got["begun"]
        series.p50_ms.append(round(got["p50_ms"], 1))
        series.p99_ms.append(round(got["p99_ms"], 1))
        series.add(_now(place))
        own = {name: every[-1].own_kib for name, every in series.held.items()}
        options.say(f"reading {number}: {series.sales:,} sales, MiB {memory.as_mib(own)}")
    return series, seconds


def _now(place: Place) -> dict[str, Held]:
    found = memory.of_node(place.hubs[0].pid)
    if not place.site.url.startswith("sqlite:"):
        found["postgres"] = memory.of_server(place.postgres.process.pid)
    if place.rabbit is not None:
        found["broker"] = memory.of_server(place.rabbit.process.pid)
    return found


def _sizes(place: Place) -> dict[str, int]:
    if place.site.url.startswith("sqlite:"):
        path = place.site.folder / "wattbus.db"
        return {path.name: path.stat().st_size}
    return population.sizes(place.site.url)


def _by_sale(before: dict[str, int], after: dict[str, int], sales: int) -> dict[str, int]:
    grown = {table: round((size - before.get(table, 0)) / sales) for table, size in after.items()}
    return {table: octets for table, octets in grown.items() if octets > 0}


def _told(series: Series) -> dict[str, Any]:
    return {
        "p50_ms": series.p50_ms,
        "p99_ms": series.p99_ms,
        "own_mib": {
            name: [round(one.own_kib / 1024, 1) for one in every]
            for name, every in series.held.items()
        },
        "resident_mib": {
            name: [round(one.rss_kib / 1024, 1) for one in every]
            for name, every in series.held.items()
        },
        "open_files": {name: [one.files for one in every] for name, every in series.held.items()},
    }

"""`wattbus bench accounts`: do a sale, a start, a node's memory notice how many accounts there are?

Two databases on one private server: 100,000 accounts and as many as is said (ten million). Both are
loaded set-wise, vacuumed and analyzed. The same node stands before the small one, the large one and
the small one again; the same number of households, spread evenly over all accounts, buy at the same
modest rate. Nearly every sale meets an account that nothing has touched since it was loaded, which
is the worst case: in a real month the same customers come again.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.store.pg import connect
from core.store.upgrade import upgrade
from simulators.bench import memory, population
from simulators.bench.memory import Held
from simulators.bench.options import Options
from simulators.bench.place import Place
from simulators.bench.servers import Postgres, start_postgres
from simulators.bench.site import Load, LoadError, Site, make_keys

NAME = "accounts"
HELP = "Ten million accounts: size on disk, start, memory and a sale's latency, beside 100,000."
ENGINES = ("postgresql",)
SMALL, BUYERS, WARM_TOKENS = 100_000, 20_000, 500
#: Sales a second: far below what two cores can do, so that queues say nothing.
PER_S = 50.0
AIM_LATENCY = 1.2
#: What a server for millions of accounts is given at least (its own defaults are for a laptop), in
#: both cases: buffers, and checkpoints that are not forced by a load. All else as it comes.
SETTINGS = """\
shared_buffers = '1GB'
max_wal_size = '8GB'
"""
#: A table with at least so many rows must not be read from end to end for a sale.
LARGE_ROWS = 10_000
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Stand:
    """What one node before one database did."""

    bound_s: float
    first_token_s: float
    p50_ms: float
    p99_ms: float
    cpu_us: dict[str, int]
    fresh: dict[str, Held]
    used: dict[str, Held]
    scanned: dict[str, int]
    elsewhere: float

    @property
    def own_mib(self) -> float:
        """Memory of the node's own, all processes, after the sales."""
        return sum(one.own_kib for one in self.used.values()) / 1024


def run(options: Options) -> dict[str, Any]:
    """The figures; everything is removed at the end."""
    count = options.households
    small = min(SMALL, max(count // 10, 1))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wattbus-bench-")))
        _announce(options, folder, small + count)
        server = start_postgres(SETTINGS)
        stack.callback(server.stop)
        make_keys(folder)
        filled = {
            name: _filled(server, name, accounts, options)
            for name, accounts in (("small", small), ("large", count))
        }
        stands = [
            _stand(server, folder, name, accounts, options)
            for name, accounts in (("small", small), ("large", count), ("small", small))
        ]
        return {"bench": NAME, "accounts": count, **filled["large"], **_figures(stands, small)}


def _announce(options: Options, folder: Path, accounts: int) -> None:
    """How long and how much, before anything is begun. Raises NoRoomError, ValueError."""
    population.check_room(folder, accounts)
    need, free = population.bytes_needed(accounts), shutil.disk_usage(folder).free
    hours = accounts / population.USUAL_PER_S / 3600
    options.say(
        f"{accounts:,} accounts: about {hours:.1f} hours of loading on two cores, at most "
        f"{need / _GIB:.0f} GiB at {folder.parent} ({free / _GIB:.0f} GiB are free); "
        "all of it is removed at the end"
    )


def _filled(server: Postgres, name: str, accounts: int, options: Options) -> dict[str, Any]:
    url = server.create(name)
    upgrade(url)
    took = population.populate(url, accounts, options.say)
    octets = population.database_size(url)
    largest = list(population.sizes(url).items())[:15]
    options.say(f"{accounts:,} accounts are {octets / _GIB:.2f} GiB")
    return {
        "loaded_per_s": round(accounts / took),
        "disk_gib": round(octets / _GIB, 2),
        "octets_per_account": round(octets / accounts),
        "octets_per_account_by_table": {
            table: round(size / accounts) for table, size in largest if size > accounts
        },
    }


def _stand(
    server: Postgres, folder: Path, name: str, accounts: int, options: Options
) -> Stand:  # fmt: skip
    """A node before a database: how it starts, what it holds, how long a sale takes."""
    buyers = min(BUYERS, accounts)
    site, load = Site(folder, server.url(name)), Load(buyers, accounts)
    place = Place(site, load, server, min(WARM_TOKENS, buyers))
    try:
        server.checkpoint()
        with place.running(workers=0):
            fresh, pid = _held(place), place.hubs[0].pid
            with _scans(site.url) as scanned:
                got = place.at_rate(options, PER_S)
            used = memory.of_node(pid)
        if got["lost"]:
            raise LoadError(f"{got['lost']} sales did not end: {site.log()}")
        options.say(f"{accounts:,} accounts: bound after {place.bound_s:.1f} s, scanned {scanned}")
        return Stand(place.bound_s, place.first_token_s, got["p50_ms"], got["p99_ms"],
                     got["cpu_us"], fresh, used, scanned, got["elsewhere"])  # fmt: skip
    finally:
        load.stop()


def _held(place: Place) -> dict[str, Held]:
    return memory.of_node(place.hubs[0].pid)


@contextmanager
def _scans(url: str) -> Iterator[dict[str, int]]:
    """Which large tables were read from end to end meanwhile: how many rows of each."""
    found: dict[str, int] = {}
    before = _read_rows(url)
    yield found
    for table, rows in _read_rows(url).items():
        if rows > before.get(table, 0):
            found[table] = rows - before.get(table, 0)


#: Rows that whole scans read so far, of tables that are large. Backends tell what they did when
#: they rest, at the latest when they end: what is missed is missed in small and large alike.
_READ = (
    "SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE n_live_tup >= %s AND seq_scan > 0"
)


def _read_rows(url: str) -> dict[str, int]:
    with connect(url) as connection:
        rows = connection.execute(_READ, (LARGE_ROWS,)).fetchall()
    return {str(table): int(read) for table, read in rows}


def _figures(stands: list[Stand], small: int) -> dict[str, Any]:
    first, large, again = stands

    def both(name: str) -> float:
        one, other = float(getattr(first, name)), float(getattr(again, name))
        return (one + other) / 2

    return {
        "small_accounts": small,
        "per_s": PER_S,
        **{
            f"{name}_ratio": round(getattr(large, f"{name}_ms") / max(both(f"{name}_ms"), 0.1), 2)
            for name in ("p50", "p99")
        },
        "latency_aim": AIM_LATENCY,
        "p50_ms": _three(stands, "p50_ms", 1),
        "p99_ms": _three(stands, "p99_ms", 1),
        "bound_s": _three(stands, "bound_s", 2),
        "first_token_s": _three(stands, "first_token_s", 2),
        "node_own_mib": _three(stands, "own_mib", 1),
        "node_memory_ratio": round(large.own_mib / max(both("own_mib"), 1.0), 3),
        "processes_own_mib": _by_process(large.used),
        "processes_own_mib_at_start": _by_process(large.fresh),
        "cpu_us_per_sale": [stand.cpu_us for stand in stands],
        "large_tables_scanned": [stand.scanned for stand in stands],
        "elsewhere_share": [stand.elsewhere for stand in stands],
    }


def _three(stands: list[Stand], name: str, digits: int) -> list[float]:
    """Small, large, small again."""
    return [round(getattr(stand, name), digits) for stand in stands]


def _by_process(processes: Mapping[str, Held]) -> dict[str, float]:
    return memory.as_mib({name: one.own_kib for name, one in processes.items()})

"""`wattbus bench pos`: a 0200 comes in, its 0210 with the token goes out, at two hundred terminals.

Lean terminals, each on a line of its own, drive the hub (``wattbus run`` and its worker processes);
each has one sale under way. Rounds of it and of TPC-B take turns on the same server and cores. What
is measured: sales a second with every terminal selling on as soon as it has its answer, how long
each waited, the same at half of that, and the CPU time of a sale by part.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.bench import shops, yardstick
from simulators.bench.options import Options
from simulators.bench.place import Place, standing
from simulators.bench.rounds import in_turn
from simulators.bench.site import Load, Site

NAME = "pos"
HELP = "0200 in, 0210 with a token out at two hundred terminals, beside TPC-B."
ENGINES = ("sqlite", "postgresql", "rabbitmq")
TERMINALS = 200
#: The share of TPC-B that the path of an SMS aims at; here a float and an item come to it.
AIM_RATIO = 0.5

_CHANNEL = """\
[channels.pos]
kind = "pos"
company = "demo"
endpoint = "tcp:{port}:interface=127.0.0.1"
dialect = "generic-1987-ascii"
"""


@dataclass(frozen=True, slots=True)
class PosSite(Site):
    """An installation whose one channel is that of terminals."""

    def configure(self, port: int, workers: int = 0) -> Path:
        """Write the configuration of a hub that listens at ``port``; returns its path."""
        path = Site.configure(self, port, workers)
        head = path.read_text(encoding="utf-8").partition("[links.smsc]")[0]
        path.write_text(head + _CHANNEL.format(port=port), encoding="utf-8")
        return path


def run(options: Options) -> dict[str, Any]:
    """The figures of one engine."""
    with ExitStack() as stack:
        place = standing(options, stack, lambda _: _load(options), _furnished)
        with place.running(workers=0):
            figures = _saturation(place, options)
            figures |= _half(place, options, figures["pos_per_s"])
        if options.engine == "sqlite":
            commits = yardstick.bare_commits(place.site.folder, 3.0)
            figures["bare_commits_per_s"] = round(commits)
            figures["pos_to_bare_commits"] = round(figures["pos_per_s"] / commits, 3)
        return {"bench": NAME, "engine": options.engine, "terminals": TERMINALS, **figures}


def _load(options: Options) -> Load:
    return Load(TERMINALS, options.households, module="simulators.bench.posload")


def _furnished(site: Site) -> Site:
    shops.open_shops(site.url, TERMINALS)
    return PosSite(site.folder, site.url, site.bus_url)


def _saturation(place: Place, options: Options) -> dict[str, Any]:
    order = {"do": "saturate", "warm": options.warm_s, "seconds": options.seconds}
    found = in_turn(place, options, order)
    return {
        **found.figures(options, NAME, AIM_RATIO),
        "pos_p50_ms": round(found.middle["p50_ms"], 1),
        "pos_p99_ms": round(found.middle["p99_ms"], 1),
    }


def _half(place: Place, options: Options, most: float) -> dict[str, Any]:
    """How long a sale takes when half of the most comes, at moments of their own."""
    got = place.at_rate(options, most / 2)
    return {
        "half_per_s": round(most / 2),
        "half_p50_ms": round(got["p50_ms"], 1),
        "half_p99_ms": round(got["p99_ms"], 1),
        "half_elsewhere_share": got["elsewhere"],
    }

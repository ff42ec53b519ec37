"""`wattbus bench pos`: a 0200 comes in, its 0210 with the token goes out, at two hundred terminals.

Lean terminals, each on a line of its own, drive the hub (``wattbus run`` and its worker processes);
each has one sale under way. Rounds of it and of TPC-B take turns on the same server and cores. What
is measured: sales a second with every terminal selling on as soon as it has its answer, how long
each waited, the same at half of that, and the CPU time of a sale by part.
"""

import os
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from simulators.bench import shops, yardstick
from simulators.bench.options import Options
from simulators.bench.path import WARM_TOKENS, Place
from simulators.bench.servers import start_postgres, start_rabbit
from simulators.bench.site import Load, Site, make_site

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
        place = _place(options, stack)
        with place.running(workers=0):
            figures = _saturation(place, options)
            figures |= _half(place, options, figures["pos_per_s"])
        if options.engine == "sqlite":
            commits = yardstick.bare_commits(place.site.folder, 3.0)
            figures["bare_commits_per_s"] = round(commits)
            figures["pos_to_bare_commits"] = round(figures["pos_per_s"] / commits, 3)
        return {"bench": NAME, "engine": options.engine, "terminals": TERMINALS, **figures}


def _place(options: Options, stack: ExitStack) -> Place:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wattbus-bench-")))
    options.say("starting a private PostgreSQL; pgbench fills its tables")
    postgres = start_postgres()
    stack.callback(postgres.stop)
    yardstick.prepare_tpcb(postgres, options.scale)
    rabbit = None
    if options.engine == "rabbitmq":
        options.say("starting a private RabbitMQ")
        rabbit = start_rabbit()
        stack.callback(rabbit.stop)
    embedded = options.engine == "sqlite"
    url = f"sqlite:{folder / 'wattbus.db'}" if embedded else postgres.create("wattbus")
    bus_url = rabbit.url if rabbit is not None else ""
    made = make_site(folder, url, options.households, options.say, bus_url)
    shops.open_shops(url, TERMINALS)
    load = Load(TERMINALS, options.households, module="simulators.bench.posload")
    stack.callback(load.stop)
    site = PosSite(made.folder, made.url, made.bus_url)
    return Place(site, load, postgres, min(WARM_TOKENS, options.households), rabbit)


def _saturation(place: Place, options: Options) -> dict[str, Any]:
    """Rounds of TPC-B and of the terminals in turn; the hub rests while TPC-B runs."""
    bases: list[yardstick.TpcB] = []
    rounds: list[dict[str, Any]] = []
    for number in range(1, options.rounds + 1):
        place.postgres.checkpoint()
        bases.append(yardstick.tpcb(place.postgres, options.seconds))
        place.postgres.checkpoint()
        order = {"do": "saturate", "warm": options.warm_s, "seconds": options.seconds}
        rounds.append(one := place.measure(order))
        options.say(
            f"round {number}: TPC-B {bases[-1].tps:,.0f}/s, terminals {one['per_s']:,.0f}/s, "
            f"p50 {one['p50_ms']:.0f} ms, p99 {one['p99_ms']:.0f} ms, CPU in us {one['cpu_us']}"
        )
    return _figures(options, bases, rounds)


def _figures(
    options: Options, bases: list[yardstick.TpcB], rounds: list[dict[str, Any]]
) -> dict[str, Any]:
    pairs = list(zip(rounds, bases, strict=True))
    ratios = [one["per_s"] / base.tps for one, base in pairs]
    by_cpu = [base.cpu_us / sum(one["cpu_us"].values()) for one, base in pairs]
    middle = sorted(rounds, key=lambda one: float(one["per_s"]))[len(rounds) // 2]
    return {
        "workers": 0 if options.engine == "sqlite" else os.cpu_count(),
        "tpcb_per_s": round(median(base.tps for base in bases)),
        "tpcb_mean_ms": round(median(base.mean_ms for base in bases), 3),
        "tpcb_cpu_us": round(median(base.cpu_us for base in bases)),
        "pos_per_s": round(middle["per_s"]),
        "pos_to_tpcb": round(median(ratios), 3),
        "pos_to_tpcb_rounds": [round(ratio, 3) for ratio in ratios],
        "pos_to_tpcb_by_cpu": round(median(by_cpu), 3),
        "pos_to_tpcb_aim": AIM_RATIO,
        "pos_p50_ms": round(middle["p50_ms"], 1),
        "pos_p99_ms": round(middle["p99_ms"], 1),
        # by part; rounds differ less in it than in rates, which others on the machine decide
        "cpu_us_per_sale": {
            part: round(median(one["cpu_us"][part] for one in rounds)) for part in middle["cpu_us"]
        },
        "cpu_us_rounds": [one["cpu_us"] for one in rounds],
        "elsewhere_share": [[base.elsewhere, one["elsewhere"]] for one, base in pairs],
    }


def _half(place: Place, options: Options, most: float) -> dict[str, Any]:
    """How long a sale takes when half of the most comes, at moments of their own."""
    place.postgres.checkpoint()
    order = {"do": "rate", "per_s": most / 2, "warm": options.warm_s, "seconds": options.seconds}
    got = place.measure(order)
    options.say(f"at {most / 2:,.0f}/s: p50 {got['p50_ms']:.1f} ms, p99 {got['p99_ms']:.1f} ms")
    return {
        "half_per_s": round(most / 2),
        "half_p50_ms": round(got["p50_ms"], 1),
        "half_p99_ms": round(got["p99_ms"], 1),
        "half_elsewhere_share": got["elsewhere"],
    }

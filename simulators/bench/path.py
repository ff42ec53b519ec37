"""`wattbus bench path`: an SMS comes in, a token goes out, with everything real between.

A lean SMSC with a town of phones drives the hub (``wattbus run`` and its worker processes) over
SMPP; rounds of it and of TPC-B take turns on the same server and cores. Two kinds of figures:

* how many sales a second when there are always enough under way (with all worker processes, and
  with one), beside TPC-B's transactions a second;
* how long one takes at 100 a second and at half of that most, beside TPC-B's mean latency.

CPU per sale is what each part's processes used in the measured seconds, by ``/proc``.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from simulators.bench import cpu, yardstick
from simulators.bench.options import Options
from simulators.bench.servers import Postgres, Rabbit, start_postgres, start_rabbit
from simulators.bench.site import Load, LoadError, Site, make_site, stop

NAME = "path"
HELP = "SMS in, token SMS out: the whole machine over real sockets, beside TPC-B."
ENGINES = ("sqlite", "postgresql", "rabbitmq")
#: Shares of TPC-B and multiples of its mean latency that we aim at.
AIM_RATIO, AIM_P50, AIM_P99 = 0.5, 6.0, 40.0
#: Sales under way in the closed loop: enough that no stage runs dry, fewer than the hub's limits.
IN_FLIGHT = 1_000
#: Deliveries that wait for their response at once, as a generous operator grants.
WINDOW = 200
#: Before a round: every worker is up, has its plans and its leases when so many have gone through.
WARM_TOKENS, READY_S = 2_000, 60.0
CALM_PER_S = 100.0


@dataclass(slots=True)
class Place:
    """What one engine's measurements stand on."""

    site: Site
    load: Load
    postgres: Postgres
    warm_tokens: int
    rabbit: Rabbit | None = None
    hub: "subprocess.Popen[bytes] | None" = None

    def parts(self) -> dict[str, cpu.Part]:
        """Whose CPU time is counted, by part."""
        assert self.hub is not None, "the hub runs"
        found = {"channel": cpu.Part(self.hub.pid, "alone"), "load": cpu.Part(self.load.pid)}
        if not self.site.url.startswith("sqlite:"):
            found["workers"] = cpu.Part(self.hub.pid, "below")
            found["postgres"] = cpu.Part(self.postgres.process.pid)
        if self.rabbit is not None:
            found["broker"] = cpu.Part(self.rabbit.process.pid)
        return found

    @contextmanager
    def running(self, workers: int) -> Iterator[None]:
        """The hub, up and bound, with so many worker processes."""
        self.hub = self.site.run(self.site.configure(self.load.port, workers))
        try:
            self.load.ask({"do": "bound"})
            warm = {"in_flight": 200, "window": WINDOW, "warm": 0, "tokens": self.warm_tokens}
            if self.load.ask({"do": "saturate", "seconds": READY_S, **warm})["tokens"] == 0:
                raise LoadError(f"the hub sells nothing: {self.site.log()}")
            self.site.analyze()  # now that every table has rows: plans are made anew
            yield
        finally:
            stop(self.hub)
            self.hub = None

    def measure(self, order: dict[str, Any]) -> dict[str, Any]:
        """One order to the load, with the CPU time of each part per sale. Raises LoadError.

        A machine that stands still is asked for longer, as the yardstick is.
        """
        while True:
            before, busy = cpu.read(self.parts()), cpu.machine()
            result = self.load.ask(order)
            after = cpu.read(self.parts())
            if result["tokens"] or order["seconds"] >= yardstick.PATIENCE_S:
                break
            order = {**order, "seconds": min(4 * order["seconds"], yardstick.PATIENCE_S)}
        if not result["tokens"] or result["others"]:
            raise LoadError(f"not every text was sold to: {result}; {self.site.log()}")
        sales = result["begun"]
        result["cpu_us"] = {
            name: round((after[name] - before[name]) / sales * 1e6) for name in after
        }
        spent = sum(after.values()) - sum(before.values())
        result["elsewhere"] = cpu.elsewhere(busy, spent)
        return result


def run(options: Options) -> dict[str, Any]:
    """The figures of one engine."""
    with ExitStack() as stack:
        place = _place(options, stack)
        with place.running(workers=0):
            figures = _saturation(place, options)
            figures |= _latency(place, options, figures)
        if options.engine == "sqlite":
            figures |= _beside_commits(place, options, figures)
        else:
            figures |= _one_worker(place, options, figures)
        return {"bench": NAME, "engine": options.engine, **figures}


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
    site = make_site(folder, url, options.households, options.say, bus_url)
    load = Load(options.households)
    stack.callback(load.stop)
    return Place(site, load, postgres, min(WARM_TOKENS, options.households), rabbit)


def _order(options: Options) -> dict[str, Any]:
    return {
        "do": "saturate", "in_flight": IN_FLIGHT, "window": WINDOW, "warm": options.warm_s,
        "seconds": options.seconds,
    }  # fmt: skip


def _saturation(place: Place, options: Options) -> dict[str, Any]:
    """Rounds of TPC-B and of the path in turn; the hub rests while TPC-B runs."""
    bases: list[yardstick.TpcB] = []
    rounds: list[dict[str, Any]] = []
    for number in range(1, options.rounds + 1):
        place.postgres.checkpoint()
        bases.append(yardstick.tpcb(place.postgres, options.seconds))
        place.postgres.checkpoint()
        rounds.append(place.measure(_order(options)))
        options.say(
            f"round {number}: TPC-B {bases[-1].tps:,.0f}/s, path {rounds[-1]['per_s']:,.0f}/s, "
            f"CPU of a sale in us {rounds[-1]['cpu_us']}"
        )
    return _ratios(options, bases, rounds)


def _ratios(
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
        "path_per_s": round(middle["per_s"]),
        "path_to_tpcb": round(median(ratios), 3),
        "path_to_tpcb_rounds": [round(ratio, 3) for ratio in ratios],
        "path_to_tpcb_by_cpu": round(median(by_cpu), 3),
        "path_to_tpcb_aim": AIM_RATIO,
        "cpu_us_per_sale": middle["cpu_us"],
        "elsewhere_share": [[base.elsewhere, one["elsewhere"]] for one, base in pairs],
        "saturated_p50_ms": round(middle["p50_ms"], 1),
    }


def _one_worker(place: Place, options: Options, figures: dict[str, Any]) -> dict[str, Any]:
    place.postgres.checkpoint()
    with place.running(workers=1):
        one = place.measure(_order(options))
    options.say(f"one worker process: {one['per_s']:,.0f}/s")
    return {
        "one_worker_per_s": round(one["per_s"]),
        "one_worker_to_tpcb": round(one["per_s"] / max(figures["tpcb_per_s"], 1), 3),
        "one_worker_cpu_us_per_sale": one["cpu_us"],
    }


def _beside_commits(place: Place, options: Options, figures: dict[str, Any]) -> dict[str, Any]:
    commits = yardstick.bare_commits(place.site.folder, min(3.0, options.seconds / 4))
    return {
        "bare_commits_per_s": round(commits),
        "path_to_bare_commits": round(figures["path_per_s"] / commits, 3),
    }


def _latency(place: Place, options: Options, figures: dict[str, Any]) -> dict[str, Any]:
    """How long a sale takes when it is calm, and at half of the most."""
    found: dict[str, Any] = {}
    for name, per_s in (("calm", CALM_PER_S), ("half", max(figures["path_per_s"] / 2, 1.0))):
        place.postgres.checkpoint()
        order = {"do": "rate", "per_s": per_s, "warm": options.warm_s, "seconds": options.seconds}
        got = place.measure(order)
        options.say(f"at {per_s:,.0f}/s: p50 {got['p50_ms']:.1f} ms, p99 {got['p99_ms']:.1f} ms")
        found[f"{name}_per_s"] = round(per_s)
        found[f"{name}_elsewhere_share"] = got["elsewhere"]
        for point in ("p50", "p99"):
            found[f"{name}_{point}_ms"] = round(got[f"{point}_ms"], 1)
            multiple = got[f"{point}_ms"] / figures["tpcb_mean_ms"]
            found[f"{name}_{point}_to_tpcb_mean"] = round(multiple, 1)
    return {**found, "p50_aim": AIM_P50, "p99_aim": AIM_P99}

"""`wattbus bench path`: an SMS comes in, a token goes out, with everything real between.

A lean SMSC with a town of phones drives the hub (``wattbus run`` and its worker processes) over
SMPP; rounds of it and of TPC-B take turns on the same server and cores. Two kinds of figures:

* how many sales a second when there are always enough under way (with all worker processes, and
  with one), beside TPC-B's transactions a second;
* how long one takes at 100 a second and at half of that most, beside TPC-B's mean latency.

CPU per sale is what each part's processes used in the measured seconds, by ``/proc``.
"""

from contextlib import ExitStack
from typing import Any

from simulators.bench import yardstick
from simulators.bench.options import Options
from simulators.bench.place import WINDOW, Place, standing
from simulators.bench.rounds import in_turn
from simulators.bench.site import Load

NAME = "path"
HELP = "SMS in, token SMS out: the whole machine over real sockets, beside TPC-B."
ENGINES = ("sqlite", "postgresql", "rabbitmq")
#: Shares of TPC-B and multiples of its mean latency that we aim at.
AIM_RATIO, AIM_P50, AIM_P99 = 0.5, 6.0, 40.0
#: Sales under way in the closed loop: enough that no stage runs dry, fewer than the hub's limits.
IN_FLIGHT = 1_000
CALM_PER_S = 100.0


def run(options: Options) -> dict[str, Any]:
    """The figures of one engine."""
    with ExitStack() as stack:
        place = standing(options, stack, lambda _: Load(options.households))
        with place.running(workers=0):
            figures = _saturation(place, options)
            figures |= _latency(place, options, figures)
        if options.engine == "sqlite":
            figures |= _beside_commits(place, options, figures)
        else:
            figures |= _one_worker(place, options, figures)
        return {"bench": NAME, "engine": options.engine, **figures}


def _order(options: Options) -> dict[str, Any]:
    return {
        "do": "saturate", "in_flight": IN_FLIGHT, "window": WINDOW, "warm": options.warm_s,
        "seconds": options.seconds,
    }  # fmt: skip


def _saturation(place: Place, options: Options) -> dict[str, Any]:
    found = in_turn(place, options, _order(options))
    return {
        **found.figures(options, NAME, AIM_RATIO),
        "saturated_p50_ms": round(found.middle["p50_ms"], 1),
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
        got = place.at_rate(options, per_s)
        found[f"{name}_per_s"] = round(per_s)
        found[f"{name}_elsewhere_share"] = got["elsewhere"]
        for point in ("p50", "p99"):
            found[f"{name}_{point}_ms"] = round(got[f"{point}_ms"], 1)
            multiple = got[f"{point}_ms"] / figures["tpcb_mean_ms"]
            found[f"{name}_{point}_to_tpcb_mean"] = round(multiple, 1)
    return {**found, "p50_aim": AIM_P50, "p99_aim": AIM_P99}

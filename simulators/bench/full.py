"""`wattbus bench full`: the path of a sale, SMS in to token out, on one node and on several.

Everything real is in it: sealed logs and receipts, JSON logs, a metrics page that is looked at, the
bulk lane's processes. Nodes stand on this one machine and share its cores; rounds of them and of
TPC-B take turns on the same server. For each number of nodes: the most sales a second as a share of
TPC-B, the CPU time of a sale by part, how long a sale takes at 100 a second and at half of the
most; on one node also while a bill run is on.
"""

import os
import time
from contextlib import ExitStack
from typing import Any

from simulators.bench import cluster
from simulators.bench.cluster import ClusterSite, Scraper
from simulators.bench.options import Options
from simulators.bench.path import AIM_P99, AIM_RATIO, CALM_PER_S, IN_FLIGHT
from simulators.bench.place import WINDOW, Place, standing
from simulators.bench.rounds import in_turn
from simulators.bench.site import Load, LoadError

NAME = "full"
HELP = "The whole path on 1, 2, 3 nodes, and beside a bill run; everything real."
ENGINES = ("postgresql", "rabbitmq")
#: p99 at 100 a second, and with a bill run beside it, as multiples.
AIM_CALM_P99, AIM_BILLS_P99 = 6.0, 2.0
#: Agreements to bill for each second that is measured: more than the bulk lane gets done meanwhile.
BILLS_PER_S = 5_000
#: From this share of the cores in use on, the cores are what bounds it.
CORES_FULL = 0.9


def run(options: Options) -> dict[str, Any]:
    """The figures of one engine, by number of nodes."""
    with ExitStack() as stack:
        place = standing(
            options, stack, lambda _: Load(options.households),
            furnish=lambda site: cluster.furnished(site, max(options.nodes)),
        )  # fmt: skip
        by_nodes = [_nodes(place, options, count) for count in options.nodes]
        return {
            "bench": NAME,
            "engine": options.engine,
            "cores": os.cpu_count(),
            "ratio_to_tpcb": by_nodes[0]["ratio_to_tpcb"],
            "ratio_to_tpcb_aim": AIM_RATIO,
            "runs": by_nodes,
        }


def _site(place: Place) -> ClusterSite:
    assert isinstance(place.site, ClusterSite), "the bench has furnished it so"
    return place.site


def _nodes(place: Place, options: Options, count: int) -> dict[str, Any]:
    """What so many nodes do together."""
    site = _site(place)
    configurations = site.nodes(place.load.port, count)
    scraper = Scraper(site.ports[:count])
    options.say(f"starting {count} node{'s' * (count > 1)}")
    with place.nodes(configurations), scraper.looking():
        figures = _saturation(place, options, count)
        figures |= _latency(place, options, figures)
        if count == 1:
            figures |= _beside_bills(place, options)
    if not scraper.pages:
        raise LoadError(f"no page of metrics came: {site.log()}")
    return {**figures, "metrics_pages": scraper.pages, "metrics_missed": scraper.missed}


def _saturation(place: Place, options: Options, count: int) -> dict[str, Any]:
    order = {
        "do": "saturate", "in_flight": IN_FLIGHT, "window": WINDOW, "warm": options.warm_s,
        "seconds": options.seconds,
    }  # fmt: skip
    found = in_turn(place, options, order)
    figures = found.figures(options, NAME, AIM_RATIO)
    middle = found.middle
    return {
        "nodes": count,
        "workers": count * max(1, (os.cpu_count() or 1) // count),
        "sales_per_s": figures["full_per_s"],
        "p50_ms": round(middle["p50_ms"], 1),
        "p99_ms": round(middle["p99_ms"], 1),
        "tpcb_per_s": figures["tpcb_per_s"],
        "tpcb_mean_ms": figures["tpcb_mean_ms"],
        "tpcb_cpu_us": figures["tpcb_cpu_us"],
        "ratio_to_tpcb": figures["full_to_tpcb"],
        "ratio_to_tpcb_rounds": figures["full_to_tpcb_rounds"],
        "ratio_to_tpcb_by_cpu": figures["full_to_tpcb_by_cpu"],
        "cpu_us_per_sale": figures["cpu_us_per_sale"],
        "elsewhere_share": figures["elsewhere_share"],
        "bound_by": bound_by(middle),
    }


def bound_by(measured: dict[str, Any]) -> str:
    """What stands in the way of more, of a saturated round, in words."""
    parts = {name: us for name, us in measured["cpu_us"].items() if name != "load"}
    costs = ", ".join(f"{name} {us} us" for name, us in sorted(parts.items(), key=lambda p: -p[1]))
    busy = f"{measured['busy']:.0%} of {os.cpu_count()} cores in use"
    if measured["elsewhere"] > 1 - CORES_FULL:
        return f"others on this machine ({measured['elsewhere']:.0%} of it); a sale: {costs}"
    if measured["busy"] >= CORES_FULL:
        return f"the cores ({busy}); a sale: {costs}"
    return f"waiting for commits and for one another ({busy}); a sale: {costs}"


def _latency(place: Place, options: Options, figures: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    rates = {"calm": CALM_PER_S, "half": max(figures["sales_per_s"] / 2, 1.0)}
    for name, per_s in rates.items():
        got = place.at_rate(options, per_s)
        found[f"{name}_per_s"] = round(per_s)
        for point in ("p50", "p99"):
            found[f"{name}_{point}_ms"] = round(got[f"{point}_ms"], 1)
            multiple = got[f"{point}_ms"] / figures["tpcb_mean_ms"]
            found[f"{name}_{point}_to_tpcb_mean"] = round(multiple, 1)
        found[f"{name}_elsewhere_share"] = got["elsewhere"]
    return {**found, "calm_p99_aim": AIM_CALM_P99, "half_p99_aim": AIM_P99}


def _beside_bills(place: Place, options: Options) -> dict[str, Any]:
    """How long a sale takes at 100 a second while the bulk lane bills, and without, in turn."""
    site = _site(place)
    agreements = BILLS_PER_S * options.seconds
    options.say(f"{agreements:,} agreements for a bill run")
    number = cluster.plan_bills(site, agreements)
    without = place.at_rate(options, CALM_PER_S)
    begin = time.monotonic()
    with cluster.billing(site, number):
        beside = place.at_rate(options, CALM_PER_S)
        bills, more = cluster.bills_done(site, number)
    took = time.monotonic() - begin
    options.say(f"{bills:,} bills meanwhile" + ("" if more else ", and the run was over early"))
    return {
        "without_bills_p50_ms": round(without["p50_ms"], 1),
        "without_bills_p99_ms": round(without["p99_ms"], 1),
        "beside_bills_p50_ms": round(beside["p50_ms"], 1),
        "beside_bills_p99_ms": round(beside["p99_ms"], 1),
        "bills_p99_ratio": round(beside["p99_ms"] / max(without["p99_ms"], 0.1), 2),
        "bills_p99_aim": AIM_BILLS_P99,
        "bills_meanwhile": bills,
        "bills_all_the_time": more,
        "bills_per_s": round(bills / took),
        "bills_elsewhere_share": [without["elsewhere"], beside["elsewhere"]],
    }

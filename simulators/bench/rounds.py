"""Rounds of TPC-B and of the machine in turn, on the same server and cores, and their ratios."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from simulators.bench import yardstick
from simulators.bench.options import Options
from simulators.bench.place import Place, workers_of


@dataclass(frozen=True, slots=True)
class Rounds:
    """What was measured, round by round; ``bases`` are TPC-B's."""

    bases: list[yardstick.TpcB]
    rounds: list[dict[str, Any]]

    @property
    def middle(self) -> dict[str, Any]:
        """The round that is quoted."""
        return sorted(self.rounds, key=lambda one: float(one["per_s"]))[len(self.rounds) // 2]

    def figures(self, options: Options, name: str, aim: float) -> dict[str, Any]:
        """The ratios, under names that begin with ``name``."""
        pairs = list(zip(self.rounds, self.bases, strict=True))
        ratios = [one["per_s"] / base.tps for one, base in pairs]
        by_cpu = [base.cpu_us / sum(one["cpu_us"].values()) for one, base in pairs]
        return {
            "workers": workers_of(options),
            "tpcb_per_s": round(median(base.tps for base in self.bases)),
            "tpcb_mean_ms": round(median(base.mean_ms for base in self.bases), 3),
            "tpcb_cpu_us": round(median(base.cpu_us for base in self.bases)),
            f"{name}_per_s": round(self.middle["per_s"]),
            f"{name}_to_tpcb": round(median(ratios), 3),
            f"{name}_to_tpcb_rounds": [round(ratio, 3) for ratio in ratios],
            f"{name}_to_tpcb_by_cpu": round(median(by_cpu), 3),
            f"{name}_to_tpcb_aim": aim,
            "cpu_us_per_sale": self.middle["cpu_us"],
            "elsewhere_share": [[base.elsewhere, one["elsewhere"]] for one, base in pairs],
        }


def in_turn(place: Place, options: Options, order: dict[str, Any]) -> Rounds:
    """Measure ``order`` and TPC-B in turn; the hub rests while TPC-B runs."""
    found = Rounds([], [])
    for number in range(1, options.rounds + 1):
        place.postgres.checkpoint()
        found.bases.append(yardstick.tpcb(place.postgres, options.seconds))
        place.postgres.checkpoint()
        found.rounds.append(one := place.measure(order))
        options.say(
            f"round {number}: TPC-B {found.bases[-1].tps:,.0f}/s, sales {one['per_s']:,.0f}/s, "
            f"p50 {one['p50_ms']:.0f} ms, p99 {one['p99_ms']:.0f} ms, CPU in us {one['cpu_us']}"
        )
    return found

"""What a bench of the whole machine stands on: servers, an installation, a load, and the hub."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulators.bench import cpu, yardstick
from simulators.bench.options import Options
from simulators.bench.servers import Postgres, Rabbit, start_postgres, start_rabbit
from simulators.bench.site import Load, LoadError, Site, make_site, stop

#: Deliveries that wait for their response at once, as a generous operator grants.
WINDOW = 200
#: Before a round: every worker is up, has its plans and its leases when so many have gone through.
WARM_TOKENS, READY_S = 2_000, 60.0


@dataclass(slots=True)
class Place:
    """What one engine's measurements stand on."""

    site: Site
    load: Load
    postgres: Postgres
    warm_tokens: int
    rabbit: Rabbit | None = None
    hubs: "list[subprocess.Popen[bytes]]" = field(default_factory=list)  # of each node
    bound_s: float = 0.0  # from the start of the last ones until all were bound
    first_token_s: float = 0.0  # and until the first sale was over

    def spent(self) -> dict[str, float]:
        """CPU seconds so far by part; those of all nodes' channels, and workers, as one."""
        assert self.hubs, "the hub runs"
        parts = {"load": cpu.Part(self.load.pid)}
        parts |= {f"channel {hub.pid}": cpu.Part(hub.pid, "alone") for hub in self.hubs}
        if not self.site.url.startswith("sqlite:"):
            parts |= {f"workers {hub.pid}": cpu.Part(hub.pid, "below") for hub in self.hubs}
            parts["postgres"] = cpu.Part(self.postgres.process.pid)
        if self.rabbit is not None:
            parts["broker"] = cpu.Part(self.rabbit.process.pid)
        found: dict[str, float] = {}
        for name, seconds in cpu.read(parts).items():
            part = name.partition(" ")[0]
            found[part] = found.get(part, 0.0) + seconds
        return found

    @contextmanager
    def running(self, workers: int) -> Iterator[None]:
        """The hub, up and bound, with so many worker processes."""
        with self.nodes([self.site.configure(self.load.port, workers)]):
            yield

    @contextmanager
    def nodes(self, configurations: list[Path]) -> Iterator[None]:
        """A node for each configuration, all of them up, bound and warm."""
        begin = time.monotonic()
        try:
            for configuration in configurations:
                self.hubs.append(self.site.run(configuration))
            self.load.ask({"do": "bound", "links": len(configurations)})
            self.bound_s = time.monotonic() - begin
            one = {"in_flight": len(configurations), "window": 1, "warm": 0, "tokens": 1}
            self.load.ask({"do": "saturate", "seconds": READY_S, **one})
            self.first_token_s = time.monotonic() - begin
            warm = {"in_flight": 200, "window": WINDOW, "warm": 0, "tokens": self.warm_tokens}
            if self.load.ask({"do": "saturate", "seconds": READY_S, **warm})["tokens"] == 0:
                raise LoadError(f"the hub sells nothing: {self.site.log()}")
            self.site.analyze()  # now that every table has rows: plans are made anew
            yield
        finally:
            stop(*self.hubs)
            self.hubs.clear()

    def measure(self, order: dict[str, Any]) -> dict[str, Any]:
        """One order to the load, with the CPU time of each part per sale. Raises LoadError.

        A machine that stands still is asked for longer, as the yardstick is.
        """
        while True:
            before, busy = self.spent(), cpu.machine()
            result = self.load.ask(order)
            after = self.spent()
            if result["tokens"] or order["seconds"] >= yardstick.PATIENCE_S:
                break
            order = {**order, "seconds": min(4 * order["seconds"], yardstick.PATIENCE_S)}
        if not result["tokens"] or result["others"]:
            raise LoadError(f"not every purchase was sold to: {result}; {self.site.log()}")
        sales = result["begun"]
        result["cpu_us"] = {
            name: round((after[name] - before[name]) / sales * 1e6) for name in after
        }
        spent = sum(after.values()) - sum(before.values())
        result["elsewhere"] = cpu.elsewhere(busy, spent)
        result["busy"] = cpu.busy(busy)
        return result

    def at_rate(self, options: Options, per_s: float) -> dict[str, Any]:
        """How long a sale takes when so many come a second, at moments of their own."""
        self.postgres.checkpoint()
        got = self.measure(
            {"do": "rate", "per_s": per_s, "warm": options.warm_s, "seconds": options.seconds}
        )
        options.say(f"at {per_s:,.0f}/s: p50 {got['p50_ms']:.1f} ms, p99 {got['p99_ms']:.1f} ms")
        return got


def standing(
    options: Options,
    stack: ExitStack,
    load: Callable[[Site], Load],
    furnish: Callable[[Site], Site] = lambda site: site,
    land: Callable[..., Site] = make_site,
) -> Place:
    """Start the servers, build the installation, start the load; ``stack`` ends them.

    ``land`` makes the town, ``furnish`` puts into it what this bench needs, and may give back
    another kind of site; ``load`` is started for that.
    """
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
    site = furnish(land(folder, url, options.households, options.say, bus_url))
    started = load(site)
    stack.callback(started.stop)
    return Place(site, started, postgres, min(WARM_TOKENS, options.households), rabbit)


def workers_of(options: Options) -> int | None:
    """How many worker processes there are when all cores have one."""
    return 0 if options.engine == "sqlite" else os.cpu_count()

"""Several nodes of one database on one machine, with all that a real installation has beside sales:
its metrics page, which is looked at, and postpaid agreements to bill.

Each node has a link and a channel of its own (pinned by its configuration, nothing is elected) and
its share of the worker processes, so that every node takes in, sells and sends.
"""

import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.billing import runs
from core.billing.runs import Plan
from core.billing.states import PartState, RunState
from core.store.upgrade import open_store
from hub.billruns import open_desk
from simulators.bench import billtown
from simulators.bench.servers import free_port
from simulators.bench.site import LoadError, Site, environment

#: As often as a Prometheus looks, rather more often.
SCRAPE_S = 5.0
_ANSWER_S = 10.0
#: The bulk lane looks for a run twice a second; a busy machine needs most of this.
_BEGUN_S, _LOOK_S = 120.0, 0.05


@dataclass(frozen=True, slots=True)
class ClusterSite(Site):
    """An installation with up to as many nodes as there are ports."""

    ports: tuple[int, ...] = ()

    def nodes(self, port: int, count: int) -> list[Path]:
        """The configurations of ``count`` nodes that share the cores, for an SMSC at ``port``."""
        workers = max(1, (os.cpu_count() or 1) // count)
        return [self._node(port, number, workers) for number in range(1, count + 1)]

    def _node(self, port: int, number: int, workers: int) -> Path:
        text = self.configure(port, workers).read_text(encoding="utf-8")
        for old, new in (
            ('name = "bench"', f'name = "bench-{number}"'),
            ('data = "var"', f'data = "var-{number}"\nbulk_workers = 1'),
            ("[http]\nport = 0", f"[http]\nport = {self.ports[number - 1]}"),
            ('["uganda-domestic.yaml"]', '["uganda-domestic.yaml", "bench-domestic.yaml"]'),
            ("[channels.sms]", f"[channels.sms-{number}]"),
        ):
            assert old in text, f"the site's configuration has {old!r}"
            text = text.replace(old, new)
        path = self.folder / f"node-{number}.toml"
        path.write_text(text, encoding="utf-8")
        return path


def furnished(site: Site, nodes: int) -> ClusterSite:
    """The installation with its postpaid tariff."""
    (site.folder / "bench-domestic.yaml").write_text(billtown.TARIFF, encoding="utf-8")
    ports = tuple(free_port() for _ in range(nodes))
    return ClusterSite(site.folder, site.url, site.bus_url, ports)


# --- somebody looks at the metrics ------------------------------------------------------------


@dataclass(slots=True)
class Scraper:
    """Looks at every node's page; ``pages`` that came, and ``missed``."""

    ports: tuple[int, ...]
    pages: int = 0
    missed: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Once at each."""
        for port in self.ports:
            try:
                url = f"http://127.0.0.1:{port}/metrics"
                with urllib.request.urlopen(url, timeout=_ANSWER_S) as page:
                    self.pages += b"wattbus_" in page.read()
            except OSError:
                self.missed += 1

    def _run(self) -> None:
        while not self._over.wait(SCRAPE_S):
            self.look()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Every few seconds, and once before it ends."""
        thread = threading.Thread(target=self._run, name="scraper", daemon=True)
        thread.start()
        try:
            yield
            self.look()
        finally:
            self._over.set()
            thread.join()


# --- a bill run on the bulk lane --------------------------------------------------------------


def plan_bills(site: ClusterSite, agreements: int) -> int:
    """Postpaid agreements that used something, and a run planned for them; its number."""
    billtown.settle(site.url, agreements, lambda _sentence: None)
    books = billtown.books(site.url)
    plan = Plan(company=books.company, period=billtown.PERIOD, currency=books.currency,
                operator="planner", kind="regular")  # fmt: skip
    with closing(open_desk(books)) as desk, desk.transaction() as (tx, draw):
        return runs.plan(tx, plan, draw, books.now_us())


@contextmanager
def billing(site: ClusterSite, run: int) -> Iterator[None]:
    """The hub's bulk lane works on a run, from here on."""
    command = ("billrun", "run", str(run), "-c", str(site.folder / "node-1.toml"))
    with (site.folder / "billrun.log").open("ab") as log:
        asked = subprocess.Popen(
            [sys.executable, "-m", "hub", *command],
            cwd=site.folder, env=environment(), stdout=log, stderr=log,
        )  # fmt: skip
    try:
        _until_begun(site, run, asked)
        yield
    finally:
        asked.terminate()
        asked.wait()


def _until_begun(site: ClusterSite, run: int, asked: "subprocess.Popen[bytes]") -> None:
    """The first agreements are frozen. Raises LoadError."""
    until = time.monotonic() + _BEGUN_S
    store = open_store(site.url, "wattbus-bench")
    with closing(store):
        while True:
            with store.reader() as reader:
                if set(runs.tally(reader, run).partitions) != {PartState.PLANNED}:
                    return
            if asked.poll() or time.monotonic() > until:
                said = (site.folder / "billrun.log").read_text(errors="replace")[-500:]
                raise LoadError(f"the bill run does not begin: {said}; {site.log()}")
            time.sleep(_LOOK_S)


def bills_done(site: ClusterSite, run: int) -> tuple[int, bool]:
    """How many bills a run has calculated, and whether it has more to do."""
    store = open_store(site.url, "wattbus-bench")
    with closing(store), store.reader() as reader:
        over = runs.run_of(reader, run).state not in (RunState.PLANNED, RunState.FROZEN)
        return runs.tally(reader, run).bills, not over

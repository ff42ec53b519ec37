"""`wattbus bench floats`: sales that one agent's float pays, beside one row that 64 clients update.

An agent of the town sells to its households from 64 tills: each till asks for its next sale when
the one before is answered, so 64 are open at any time. Journal and worker processes are those of
production (``bench sales``); the float's row is hot across all partitions and workers. The
yardstick is pgbench: 64 clients, each transaction updates the same row, on the same private server
in turns. ``flood`` is the same with as many sales waiting as the workers can take.
"""

import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from core.agents.entities import Agent, AgentFloat
from core.ledger import AGENT_FLOAT
from core.messages import SellCredit
from core.store.ids import take
from core.store.tx import Tx
from core.store.upgrade import Store, open_store
from hub.channel import Arrival
from hub.clock import Sources
from hub.journal import Entry
from simulators.bench import cpu, feeder, sales, town, yardstick
from simulators.bench.options import Options
from simulators.bench.servers import Postgres, start_postgres
from simulators.bench.site import make_site

NAME = "floats"
HELP = "Sales on one agent's float from 64 tills, beside 64 clients that update one row."
ENGINES = ("postgresql",)
AIM = 0.5
TILLS = 64
#: What the agent has paid in (minor units): no bench comes near its end.
FLOAT = 10**15
_AGENT, _DESK = "BENCH-1", "cash:desk"
_SCHEMA = "CREATE TABLE hot (id int PRIMARY KEY, n bigint NOT NULL)"
_UPDATE = "UPDATE hot SET n = n + 1 WHERE id = 1;\n"
_LOOK_S = 0.002
TENDER = 20_000


def run(options: Options) -> dict[str, Any]:
    """The figures."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wattbus-bench-")))
        options.say("starting a private PostgreSQL")
        server = start_postgres()
        stack.callback(server.stop)
        _hot_row(server)
        site = make_site(folder, server.create("wattbus"), options.households, options.say)
        store = open_store(site.url, "wattbus-bench")
        stack.callback(store.close)
        open_float(store)
        workers = sales.Workers(site, store, Tills(store, options.households))
        options.say("warming up")
        _sell(workers, server, options.households, TILLS)
        town.analyze(store)
        rounds = [_round(workers, server, options, number) for number in range(options.rounds)]
    figures = {n: median(one[n] for one in rounds) for n in rounds[0] if n != "cpu"}
    return {
        "bench": NAME,
        "engine": options.engine,
        "workers": os.cpu_count(),
        "tills": TILLS,
        **{name: round(value, 3 if "_to_" in name else 0) for name, value in figures.items()},
        "aim": AIM,
        "cpu_us_per_sale": rounds[-1]["cpu"],
    }


def _round(
    workers: "sales.Workers", server: Postgres, options: Options, number: int
) -> dict[str, Any]:
    server.checkpoint()
    base = hot_row_tps(server, options.seconds)
    server.checkpoint()
    found = _sell(workers, server, options.households, TILLS)
    server.checkpoint()
    flood = _sell(workers, server, options.households, sales.AHEAD)
    figures = {"one_row_per_s": base, "tills_per_s": found["rate"], "flood_per_s": flood["rate"]}
    figures |= {f"{n}_to_one_row": figures[f"{n}_per_s"] / base for n in ("tills", "flood")}
    options.say(
        f"round {number + 1}: one row {base:,.0f}/s, {TILLS} tills {found['rate']:,.0f}/s, "
        f"flood {flood['rate']:,.0f}/s"
    )
    return figures | {"cpu": found["cpu"]}


# --- the yardstick ----------------------------------------------------------------------------


def _hot_row(server: Postgres) -> None:
    from core.store.pg import connect

    with connect(server.create("hot")) as connection:
        connection.execute(_SCHEMA)
        connection.execute("INSERT INTO hot VALUES (1, 0)")
    (server.folder / "hot.sql").write_text(_UPDATE)


def hot_row_tps(server: Postgres, seconds: int) -> float:
    """Transactions a second that update the same row, 64 clients at once."""
    script = server.folder / "hot.sql"
    command = ("-n", "-c", str(TILLS), "-j", "2", "-f", script, server.url("hot"))
    return yardstick.run(command, seconds).tps


# --- the agent --------------------------------------------------------------------------------


def open_float(store: Store, money: int = FLOAT) -> None:
    """The town's one agent, with money; what enrolling it and paying in would have left."""
    now = Sources().now_us()
    with store.transaction() as tx:
        agent = Agent(
            id=take(tx, "account", 1).start, company=town.COMPANY, number=_AGENT, name="Bench",
            kind="direct", parent_id=0, state="active", mode="prepaid", phone="", language="",
            commission="", supply_groups="[]", services="[]", daily_limit=0, low_float=0,
            enrolled_at=now,
        )  # fmt: skip
        _insert(tx, "agent", {name: getattr(agent, name) for name in Agent.__struct_fields__})
        float_ = AgentFloat(id=agent.id, currency=town.CURRENCY, balance=money)
        names = AgentFloat.__struct_fields__[1:]
        row = {"agent_id": agent.id, **{name: getattr(float_, name) for name in names}}
        _insert(tx, "agent_float", row)
        _paid_in(tx, agent.id, money, now)


def _paid_in(tx: Tx, agent_id: int, money: int, now: int) -> None:
    txn = take(tx, "ledger_txn", 1).start
    _insert(tx, "ledger_txn", {
        "id": txn, "company": town.COMPANY, "kind": "agent-topup", "currency": town.CURRENCY,
        "message_id": "bench-float", "at": now,
    })  # fmt: skip
    for line, (ledger, owner, amount) in enumerate(
        ((_DESK, 0, money), (AGENT_FLOAT, agent_id, -money))
    ):
        _insert(tx, "posting", {
            "txn_id": txn, "line": line, "ledger": ledger, "owner": owner, "amount": amount,
        })  # fmt: skip
    _insert(tx, "agent_movement", {
        "id": take(tx, "agent_movement", 1).start, "company": town.COMPANY, "agent_id": agent_id,
        "other_id": 0, "kind": "topup", "amount": money, "way": "cash", "desk": "desk",
        "reference": "", "act_id": 0, "txn_id": txn, "message_id": "bench-float", "at": now,
    })  # fmt: skip


def _insert(tx: Tx, table: str, row: dict[str, Any]) -> None:
    tx.insert(table, tuple(row), [tuple(row.values())])


# --- the sales --------------------------------------------------------------------------------


def sale(house: int, tender: int) -> Arrival:
    """What a terminal's channel makes of a sale to a household."""
    meter = town.meter_of(house)
    message = SellCredit(
        agent=_AGENT, till=f"T{house % TILLS}", meter=meter, tender=tender, currency=town.CURRENCY
    )
    return Arrival(
        key=f"bench-float/{house}/{tender}",
        message=message,
        raw=f"0200 {meter} {tender}",
        partition_ref=f"meter/{meter}",
        expires_in_s=3_600.0,
        valid_for_s=600.0,
    )


@dataclass(slots=True)
class Tills(feeder.Feeder):
    """Takes in sales of the one agent."""

    handler: str = "agents.sell-credit"

    def _entry(self, number: int) -> Entry:
        arrival = sale(number % self.households, TENDER + number // self.households)
        routes = self.routing.routes(town.COMPANY, arrival.message)
        return Entry(town.COMPANY, feeder.CHANNEL, arrival, routes, test=True)


def _sell(workers: "sales.Workers", server: Postgres, count: int, ahead: int) -> dict[str, Any]:
    """Sales a second with ``ahead`` of them open; the CPU time of each part per sale."""
    before = feeder.sold(workers.store, workers.feeder.handler)
    goal = workers.feeder.taken_in + count
    first, begun = before, dict[str, float]()

    def feed(sold: int) -> None:
        nonlocal first, begun
        if sold > before == first:  # what starting costs is left out
            first, begun = sold, cpu.read(parts)
        room = min(ahead - (workers.feeder.taken_in - sold), goal - workers.feeder.taken_in)
        if room > 0:
            workers.feeder.step(room)
        else:
            time.sleep(_LOOK_S)

    with workers.running(os.cpu_count() or 1) as pids:
        parts = {f"worker{n}": cpu.Part(pid) for n, pid in enumerate(pids)}
        parts |= {
            "journal": cpu.Part(os.getpid(), "alone"),
            "postgres": cpu.Part(server.process.pid),
        }
        begun = cpu.read(parts)
        rate = workers.sell(before, count, feed)
        spent = {name: value - begun[name] for name, value in cpu.read(parts).items()}
        sold = feeder.sold(workers.store, workers.feeder.handler)
        done = max(sold - first, 1)  # a village may be served at the first look
        sales.drain(workers, before + count, feed)
    per_sale = {name: round(spent[name] / done * 1e6) for name in ("journal", "postgres")}
    per_sale["workers"] = round(sum(spent[f"worker{n}"] for n in range(len(pids))) / done * 1e6)
    return {"rate": rate, "cpu": per_sale}

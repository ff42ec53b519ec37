"""What the database says of the whole installation, for ``hub.metrics``.

Each statement reads what is open, never what is done: a partial index is behind each of them, so a
scrape costs as much after ten years as on the first day.
"""

from collections.abc import Iterable
from time import perf_counter
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from core.queries.modules import oldest_orders, orders_by_state
from core.queries.unknown import unknown_sums
from core.store.tables.held import RUNNING
from core.store.tables.wallets import OPEN as WALLET_OPEN
from core.store.tx import Reader
from hub import balance, cluster, leases, proof_store
from hub.bus.publisher import BusState
from hub.outbox import EVENTS, WORKER
from hub.partitions import every
from hub.watch import SALES

#: Handlers that book money which somebody has paid.
PAYMENTS: Final = frozenset(
    {
        "billing.receive-payment",
        "agents.collect-payment",
        "counter.take",
        "collection.receive-joint-payment",
        "wallets.receive-pay-in",
        "wallets.report-collection",
    }
)


def families(reader: Reader, now_us: int) -> list[Metric]:
    """Everything that stands in the database."""
    return [
        *_balance(reader),
        _oldest(reader, now_us),
        _lag(reader),
        _unfinished(reader, now_us),
        *_held(reader, now_us),
        *_unknown(reader, now_us),
        *_proofs(reader),
        _orders(reader),
        _oldest_order(reader, now_us),
        _unleased(reader),
        _nodes(reader),
        _round_trip(reader),
    ]


def _balance(reader: Reader) -> list[Metric]:
    total = CounterMetricFamily(
        "wattbus_messages", "Messages by outcome", labels=["channel", "handler", "outcome"]
    )
    lying = GaugeMetricFamily(
        "wattbus_deliveries", "Deliveries that wait", labels=["channel", "handler", "state"]
    )
    lost = GaugeMetricFamily("wattbus_unaccounted_messages", "Accepted and unaccounted for")
    lines = balance.lines(reader)
    for line in lines:
        for outcome in ("accepted", "done", "refused", "duplicate"):
            total.add_metric([line.channel, line.handler, outcome], getattr(line, outcome))
        for state in ("pending", "parked", "dead"):
            lying.add_metric([line.channel, line.handler, state], getattr(line, state))
    lost.add_metric([], sum(line.unaccounted for line in lines))
    return [total, lying, lost]


def _oldest(reader: Reader, now_us: int) -> Metric:
    family = GaugeMetricFamily(
        "wattbus_oldest_age_seconds", "Age of the oldest open delivery", labels=["target"]
    )
    for target, oldest in balance.oldest_open(reader).items():
        family.add_metric([target], (now_us - oldest) / 1e6)
    return family


def _lag(reader: Reader) -> Metric:
    """From the index alone: it holds target and partition of what is open."""
    family = GaugeMetricFamily(
        "wattbus_lag_messages", "Open deliveries", labels=["target", "partition"]
    )
    found = lags(reader)
    for partition in every():  # a line that is there at zero has no gaps
        found.setdefault((WORKER, partition), 0)
    for (target, partition), n in sorted(found.items()):
        family.add_metric([target, str(partition)], n)
    return family


def lags(reader: Reader) -> dict[tuple[str, int], int]:
    """(target, partition) -> how many are open; what has none is left out."""
    rows = reader.rows(
        "SELECT target, partition, count(*) FROM delivery WHERE state = 0 "
        "GROUP BY target, partition"
    )
    return {(str(target), int(partition)): int(n) for target, partition, n in rows}


def oldest_unfinished(reader: Reader) -> dict[str, int]:
    """Since when the oldest unfinished ``sale``, ``payment`` and payment by ``wallet`` waits, in µs
    UTC; what waits for people (dead letters, held money) has numbers of its own."""
    firsts = reader.rows(
        "SELECT handler, min(seq) FROM delivery WHERE state = 0 GROUP BY handler UNION ALL "
        "SELECT handler, min(seq) FROM delivery WHERE state IN (1, 2, 3) AND state <> 3 "
        "GROUP BY handler"
    )
    seqs = {int(seq): what for handler, seq in firsts if (what := _what(handler))}
    found: dict[str, int] = {}
    if seqs:
        rows = reader.rows(
            "SELECT d.seq, m.recorded FROM delivery d JOIN message m ON m.id = d.message_id "
            "WHERE d.seq IN :seqs",
            seqs=sorted(seqs),
        )
        for seq, recorded in rows:
            what = seqs[int(seq)]
            found[what] = min(int(recorded), found.get(what, int(recorded)))
    ((wallet,),) = reader.rows(f"SELECT min(created_at) FROM wallet_payment WHERE {WALLET_OPEN}")
    return found if wallet is None else {**found, "wallet": int(wallet)}


def _what(handler: str) -> str:
    return "sale" if handler in SALES else "payment" if handler in PAYMENTS else ""


def _unfinished(reader: Reader, now_us: int) -> Metric:
    family = GaugeMetricFamily(
        "wattbus_oldest_unfinished_seconds", "Age of the oldest unfinished", labels=["what"]
    )
    found = oldest_unfinished(reader)
    for what in ("sale", "payment", "wallet"):
        family.add_metric([what], max(0, now_us - found.get(what, now_us)) / 1e6)
    return family


def _held(reader: Reader, now_us: int) -> Iterable[Metric]:
    money = GaugeMetricFamily(
        "wattbus_held_money", "Held, in minor units", labels=["company", "currency"]
    )
    oldest = GaugeMetricFamily(
        "wattbus_held_oldest_seconds", "Age of the oldest held", labels=["company", "currency"]
    )
    overdue = GaugeMetricFamily(
        "wattbus_held_overdue", "Held past the deadline", labels=["company", "currency"]
    )
    rows = reader.rows(
        "SELECT company, currency, CAST(sum(rest) AS BIGINT), min(since), "
        "sum(CASE WHEN state = 'overdue' OR deadline < :now THEN 1 ELSE 0 END) FROM held_money "
        f"WHERE {RUNNING} AND state <> 'waits' GROUP BY company, currency ORDER BY company",
        now=now_us,
    )
    for company, currency, amount, since, late in rows:
        labels = [str(company), str(currency)]
        money.add_metric(labels, int(amount))
        oldest.add_metric(labels, max(0, now_us - int(since)) / 1e6)
        overdue.add_metric(labels, int(late))
    return money, oldest, overdue


def _unknown(reader: Reader, now_us: int) -> list[Metric]:
    labels = ["company", "kind", "currency"]
    money = GaugeMetricFamily(
        "wattbus_unknown_money", "Minor units whose end is not known", labels=labels
    )
    count = GaugeMetricFamily("wattbus_unknown_count", "How many they are", labels=labels)
    oldest = GaugeMetricFamily(
        "wattbus_unknown_oldest_seconds", "Age of the oldest of them", labels=labels
    )
    for each in unknown_sums(reader, now_us):
        named = [each.company, each.kind, each.currency]
        money.add_metric(named, each.amount)
        count.add_metric(named, each.count)
        oldest.add_metric(named, each.oldest_s)
    return [money, count, oldest]


def _proofs(reader: Reader) -> list[Metric]:
    findings = GaugeMetricFamily("wattbus_token_findings", "Findings of the token proofs")
    until = GaugeMetricFamily("wattbus_token_proof_until_seconds", "Tokens are proved up to here")
    stands = proof_store.standing(reader)
    findings.add_metric([], stands.findings)
    until.add_metric([], stands.until_us / 1e6)
    return [findings, until]


def _orders(reader: Reader) -> Metric:
    family = GaugeMetricFamily(
        "wattbus_token_orders", "Orders at security modules, not over", labels=["module", "state"]
    )
    for module, state, count in orders_by_state(reader):
        family.add_metric([module, state], count)
    return family


def _oldest_order(reader: Reader, now_us: int) -> Metric:
    family = GaugeMetricFamily(
        "wattbus_oldest_order_seconds", "Age of a module's oldest open order", labels=["module"]
    )
    for module, oldest in oldest_orders(reader):
        family.add_metric([module], (now_us - oldest) / 1e6)
    return family


def _unleased(reader: Reader) -> Metric:
    family = GaugeMetricFamily("wattbus_partitions_unleased", "Partitions without a live worker")
    family.add_metric([], leases.unleased(reader))
    return family


def _nodes(reader: Reader) -> Metric:
    family = GaugeMetricFamily("wattbus_nodes_alive", "Nodes that live")
    family.add_metric([], cluster.nodes_alive(reader))
    return family


def _round_trip(reader: Reader) -> Metric:
    family = GaugeMetricFamily("wattbus_store_seconds", "A round trip to the database, now")
    begun = perf_counter()
    reader.rows("SELECT 1")
    family.add_metric([], perf_counter() - begun)
    return family


def of_the_bus(reader: Reader, bus: BusState | None) -> list[Metric]:
    """What a broker has, and what it has not yet."""
    connected = GaugeMetricFamily("wattbus_bus_connected", "1: the relay reaches the broker")
    blocked = GaugeMetricFamily("wattbus_bus_blocked", "1: the broker's alarm is on")
    refused = GaugeMetricFamily("wattbus_bus_refused", "1: the broker refuses us")
    unconfirmed = GaugeMetricFamily("wattbus_bus_unconfirmed", "Open, and the broker has it not")
    ready = GaugeMetricFamily("wattbus_bus_ready", "Bundles that wait", labels=["queue"])
    if bus is not None:
        connected.add_metric([], float(bus.connected))
        blocked.add_metric([], float(bool(bus.blocked)))
        refused.add_metric([], float(bool(bus.refused)))
        sql = (
            "SELECT count(*) FROM delivery WHERE state = 0 AND published = 0 AND target IN :targets"
        )
        unconfirmed.add_metric([], reader.rows(sql, targets=[WORKER, EVENTS])[0][0])
        for queue, waiting in sorted(bus.ready.items()):
            ready.add_metric([queue], waiting)
    return [connected, blocked, refused, unconfirmed, ready]

"""Prometheus metrics: a fixed, documented vocabulary, no label that names a person or an account.

``wattbus_messages_total{channel,handler,outcome}``  counted in the batches' own transactions
``wattbus_unaccounted_messages``                     must be 0: the one alert nobody else ships
``wattbus_deliveries{channel,handler,state}``        open, retry, parked, dead
``wattbus_oldest_age_seconds{target}``               age of the oldest open delivery
``wattbus_token_findings``                           of all proofs that are kept; must be 0
``wattbus_token_proof_until_seconds``                tokens are proved up to this (Unix time)
``wattbus_token_orders{module,state}``               at security modules, not over; "wrong" and
                                                     "undecided" wait for people
``wattbus_oldest_order_seconds{module}``             age of the oldest of them: money waits for it
``wattbus_partitions_unleased``                      partitions that no live worker holds
``wattbus_channel_up{channel}``                      1 when the channel says that it is up
``wattbus_breaker_open{channel}``                    1 when its counterpart is left alone now
``wattbus_link_up{link}``                            1 when a link of several channels is up
``wattbus_last_arrival_seconds{channel}``            when something last arrived at this node (Unix
                                                     time); none yet: not there
``wattbus_seat_held{seat}``                          1 when this node holds the seat, 0 when not
``wattbus_nodes_alive``                              nodes that have said so in the last seconds
``wattbus_bus_connected``                            1 when the relay reaches the broker
``wattbus_bus_blocked``                              1 while the broker's alarm (memory, disk) is on
``wattbus_bus_refused``                              1 when it refuses us: a person must mend it
``wattbus_bus_unconfirmed``                          open messages that the broker has not confirmed
``wattbus_bus_ready{queue}``                         bundles that wait at the broker; "stray": what
                                                     nobody could read or route. Without a broker
                                                     none of the five is there
``wattbus_well``                                     1 when this node's stages reach their store

docs/operations has the alerts that stand on it, and what to do about each.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core.queries.modules import oldest_orders, orders_by_state
from core.store.tx import Reader
from hub import balance, cluster, leases, proof_store
from hub.breaker import BreakerState
from hub.bus.publisher import BusState
from hub.outbox import EVENTS, WORKER


@dataclass(frozen=True, slots=True)
class Node:
    """What only the process itself knows: what channels and links say of themselves, and when
    something last arrived by a channel (µs UTC; 0: nothing yet)."""

    channels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    links: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    arrived: Mapping[str, int] = field(default_factory=dict)
    well: bool = True
    seats: Mapping[str, bool] = field(default_factory=dict)
    bus: BusState | None = None  # of a broker


class _Snapshot(Collector):
    """What one scrape saw."""

    def __init__(self, reader: Reader, node: Node, now_us: int) -> None:
        self._families = [*_balance(reader), _oldest(reader, now_us), *_proofs(reader)]
        self._families += [_orders(reader), _oldest_order(reader, now_us), _unleased(reader)]
        self._families.append(_nodes(reader))
        self._families += [*_of_the_node(node), *_of_the_bus(reader, node.bus)]

    def collect(self) -> Iterable[Metric]:
        return self._families


def render(reader: Reader, node: Node, now_us: int) -> str:
    """The metrics page."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(reader, node, now_us))
    return generate_latest(registry).decode()


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


def _of_the_node(node: Node) -> list[Metric]:
    up = GaugeMetricFamily("wattbus_channel_up", "1: the channel is up", labels=["channel"])
    breaker = GaugeMetricFamily(
        "wattbus_breaker_open", "1: the counterpart is left alone", labels=["channel"]
    )
    link_up = GaugeMetricFamily("wattbus_link_up", "1: the link is up", labels=["link"])
    arrived = GaugeMetricFamily(
        "wattbus_last_arrival_seconds", "When something last arrived", labels=["channel"]
    )
    well = GaugeMetricFamily("wattbus_well", "1: the stages reach their store")
    for name, said in node.channels.items():
        up.add_metric([name], float(said.get("state") == "up"))
        if "breaker" in said:
            breaker.add_metric([name], float(said["breaker"] == BreakerState.OPEN.value))
    for name, said in node.links.items():
        link_up.add_metric([name], float(said.get("state") == "up"))
    for name, at_us in node.arrived.items():
        if at_us:
            arrived.add_metric([name], at_us / 1e6)
    well.add_metric([], float(node.well))
    seats = GaugeMetricFamily("wattbus_seat_held", "1: this node holds the seat", labels=["seat"])
    for name, held in node.seats.items():
        seats.add_metric([name], float(held))
    return [up, breaker, link_up, arrived, well, seats]


def _of_the_bus(reader: Reader, bus: BusState | None) -> list[Metric]:
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

"""What is known of the broker, for ``hub.metrics``; where there is none, nothing."""

from prometheus_client.core import GaugeMetricFamily, Metric

from core.store.tx import Reader
from hub.bus.publisher import BusState
from hub.outbox import EVENTS, WORKER


def families(reader: Reader, bus: BusState | None) -> list[Metric]:
    """The relay's connection, and what it has not brought there."""
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

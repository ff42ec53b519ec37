"""Prometheus metrics: a fixed, documented vocabulary, no label that names a person or an account.

``wattbus_messages_total{channel,handler,outcome}``  counted in the batches' own transactions
``wattbus_unaccounted_messages``                     must be 0: the one alert nobody else ships
``wattbus_deliveries{channel,handler,state}``        open, retry, parked, dead
``wattbus_oldest_age_seconds{target}``               age of the oldest open delivery
``wattbus_token_findings``                           of all proofs that are kept; must be 0
``wattbus_token_proof_until_seconds``                tokens are proved up to this (Unix time)
``wattbus_token_orders{module,state}``               at security modules, not over; "wrong" and
                                                     "undecided" wait for people
``wattbus_channel_up{channel}``                      1 when the channel can take messages
"""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core.queries.modules import orders_by_state
from core.store.tx import Reader
from hub import balance, proof_store


class _Snapshot(Collector):
    """What one scrape saw."""

    def __init__(self, reader: Reader, up: Mapping[str, bool], now_us: int) -> None:
        self._families = [*_balance(reader), _oldest(reader, now_us), *_proofs(reader)]
        self._families += [_orders(reader), _up(up)]

    def collect(self) -> Iterable[Metric]:
        return self._families


def render(reader: Reader, up: Mapping[str, bool], now_us: int) -> str:
    """The metrics page."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(reader, up, now_us))
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
    for target, oldest in reader.rows(
        "SELECT target, min(updated) FROM delivery WHERE state = 0 GROUP BY target"
    ):
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


def _up(up: Mapping[str, bool]) -> Metric:
    family = GaugeMetricFamily("wattbus_channel_up", "1: can take messages", labels=["channel"])
    for name, is_up in up.items():
        family.add_metric([name], float(is_up))
    return family

"""Prometheus metrics: a fixed, documented vocabulary, no label that names a person or an account.

Of the installation, from its database (every node shows the same):

``wattbus_messages_total{channel,handler,outcome}``  counted in the batches' own transactions
``wattbus_unaccounted_messages``                     must be 0: the one alert nobody else ships
``wattbus_deliveries{channel,handler,state}``        open, retry, parked, dead
``wattbus_oldest_age_seconds{target}``               age of the oldest open delivery
``wattbus_lag_messages{target,partition}``           open deliveries
``wattbus_oldest_unfinished_seconds{what}``          age of the oldest "sale" and "payment" without
                                                     an end, and of a payment by "wallet" of which
                                                     nobody knows the end; 0: none
``wattbus_held_money{company,currency}``             money by wallet in suspense, in minor units
``wattbus_held_oldest_seconds{company,currency}``    age of the oldest of it
``wattbus_held_overdue{company,currency}``           how many of it are past their deadline
``wattbus_token_findings``                           of all proofs that are kept; must be 0
``wattbus_token_proof_until_seconds``                tokens are proved up to this (Unix time)
``wattbus_token_orders{module,state}``               at security modules, not over; "wrong" and
                                                     "undecided" wait for people
``wattbus_oldest_order_seconds{module}``             age of the oldest of them: money waits for it
``wattbus_unknown_money{company,kind,currency}``     minor units whose end nobody knows yet
``wattbus_unknown_count{company,kind,currency}``     how many purchases and payments they are
``wattbus_unknown_oldest_seconds{company,kind,currency}``  age of the oldest of them
``wattbus_partitions_unleased``                      partitions that no live worker holds
``wattbus_nodes_alive``                              nodes that have said so in the last seconds
``wattbus_store_seconds``                            a round trip to the database at the scrape

Of the node:

``wattbus_channel_up{channel}``                      1 when the channel says that it is up
``wattbus_breaker_open{channel}``                    1 when its counterpart is left alone now
``wattbus_link_up{link}``                            1 when a link of several channels is up
``wattbus_last_arrival_seconds{channel}``            when something last arrived at this node (Unix
                                                     time); none yet: not there
``wattbus_bus_connected``                            1 when the relay reaches the broker
``wattbus_bus_blocked``                              1 while the broker's alarm (memory, disk) is on
``wattbus_bus_refused``                              1 when it refuses us: a person must mend it
``wattbus_bus_unconfirmed``                          open messages that the broker has not confirmed
``wattbus_bus_ready{queue}``                         bundles that wait at the broker; "stray": what
                                                     nobody could read or route. Without a broker
                                                     none of the five is there
``wattbus_seat_held{seat}``                          1 when this node holds the seat, 0 when not
``wattbus_well``                                     1 when this node's stages reach their store
``wattbus_disk_free_bytes``                          where its data folder is
``wattbus_disk_size_bytes``                          the whole of that disk
``wattbus_backup_seconds``                           moment of the last ``wattbus db backup`` that
                                                     was made here (Unix time); none: not there
``wattbus_clock_ahead_seconds``                      its clock against the database's (PostgreSQL)
``wattbus_build_info{version,python,engine}``        what runs here; always 1

Of each of its processes, ``hub``, ``worker-0`` … and ``bulk-0`` …, since that one's start; workers
hand theirs over in small files (``hub.figures``), so they are up to two seconds old:

``wattbus_acceptance_seconds{process,channel}``      histogram: hand-over until it is safe
``wattbus_sale_seconds{process,handler}``            histogram: acceptance until token or no stand
``wattbus_told_seconds{process,channel}``            histogram: acceptance of what was asked until
                                                     the network took the text about it
``wattbus_transaction_seconds{process,stage}``       histogram: a stage's transaction and commit
``wattbus_batch_size{process,stage}``                histogram: messages in it
``wattbus_not_done_total{process,handler,code}``     refusals by code, faults by their class
``wattbus_spans_total{process,outcome}``             of traces: sent, dropped
``wattbus_log_lines_total{process,level,outcome}``   written; suppressed, as a repeat of a storm
``wattbus_clock_wrong{process}``                     1: its clock is wrong, no token is made there
``wattbus_process_memory_bytes{process}``            resident
``wattbus_process_cpu_seconds_total{process}``       of a processor
``wattbus_process_open_files{process}``              files and sockets
``wattbus_process_started_seconds{process}``         when it started (Unix time)

docs/operations has the alerts that stand on it, and what to do about each.
"""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from core.store.tx import Reader
from hub import metricbooks, metricnode
from hub.metricnode import Node

__all__ = ["Node", "render"]


class _Snapshot(Collector):
    """What one scrape saw."""

    def __init__(self, reader: Reader, node: Node, now_us: int) -> None:
        self._families = [*metricbooks.families(reader, now_us), *metricnode.families(node)]
        self._families += metricbooks.of_the_bus(reader, node.bus)

    def collect(self) -> Iterable[Metric]:
        return self._families


def render(reader: Reader, node: Node, now_us: int) -> str:
    """The metrics page."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(reader, node, now_us))
    return generate_latest(registry).decode()

"""What a ``[bus]`` may be: which broker with which database, which files, which events."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from core.messages.base import Event, all_types
from hub.sections import BusSection

#: Transports of kombu that lose what is not acknowledged when a process is killed: they mark or
#: delete a message before it was worked on. The queue in the database is what they want to be.
LOSING = frozenset({"sqla", "sqlalchemy", "filesystem", "file", "memory"})

Problem = tuple[str, str]  # key, sentence


def check_bus(bus: BusSection, sqlite: bool) -> Iterator[Problem]:
    """Everything that is wrong with it."""
    if bus.kind == "table":
        if bus.events:
            yield "events", "[bus] events leave by a broker: they need kind = 'rabbitmq'"
        return
    if not bus.url:
        yield "kind", f"[bus] kind = '{bus.kind}' needs url"
    if sqlite:
        yield "kind", f"[bus] kind = '{bus.kind}' needs a PostgreSQL [database]"
    yield from (_rabbit(bus) if bus.kind == "rabbitmq" else _kombu(bus))


def _rabbit(bus: BusSection) -> Iterator[Problem]:
    scheme = urlsplit(bus.url).scheme
    if bus.url and scheme not in ("amqp", "amqps"):
        yield "url", "[bus] url (allowed: amqp://user@host/vhost, amqps://user@host/vhost)"
    if scheme != "amqps" and (bus.ca or bus.certificate):
        yield "url", "[bus] has certificates, and its url is not amqps://"
    if bus.certificate and not bus.key:
        yield "certificate", "[bus] certificate needs key"
    known = [each.name for each in all_types() if issubclass(each.struct, Event)]
    for name in bus.events:
        if name not in known:
            yield "events", f"[bus] events has {name!r} (known: {', '.join(known)})"


def _kombu(bus: BusSection) -> Iterator[Problem]:
    scheme = urlsplit(bus.url).scheme.partition("+")[0]
    if scheme in LOSING:
        yield (
            "url",
            f"[bus] url: the transport {scheme} loses messages when a process is killed; "
            "kind = 'table' keeps them in the database",
        )
    if scheme in ("amqp", "amqps", "pyamqp"):
        yield "url", "[bus] url: for RabbitMQ kind is 'rabbitmq', which is several times faster"
    if bus.ca or bus.certificate:
        yield "ca", "[bus] certificates of kind 'kombu' belong into url (rediss://…?ssl_ca_certs=…)"
    if bus.events:
        yield "events", "[bus] events need kind = 'rabbitmq'"

"""What a ``[bus]`` may be, and how a broker's no is put."""

from pathlib import Path

import pytest
from pika.exceptions import (
    AMQPConnectionError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ProbableAuthenticationError,
)

from hub.bus.access import Access, AccessError, refusal
from hub.bus.backends import BackendError, make_publisher
from hub.bus.publisher import BusState
from hub.config import BusSection, ConfigError, parse

POSTGRESQL = "postgresql://wattbus@db/wattbus"


def problems(bus: str, database: str = POSTGRESQL) -> list[str]:
    text = f'[database]\nurl = "{database}"\n[bus]\n{bus}\n'
    try:
        parse(text, "wattbus.toml", Path())
    except ConfigError as error:
        return error.problems
    return []


@pytest.mark.parametrize(
    ("bus", "sentence"),
    [
        ('kind = "rabbitmq"', "needs url"),
        ('kind = "rabbitmq"\nurl = "redis://h/0"', "amqp://user@host/vhost"),
        ('kind = "rabbitmq"\nurl = "amqp://h/v"\nca = "ca.pem"', "its url is not amqps://"),
        ('kind = "rabbitmq"\nurl = "amqps://h/v"\ncertificate = "c.pem"', "certificate needs key"),
        ('kind = "kombu"', "needs url"),
        ('kind = "kombu"\nurl = "sqla+sqlite:///x"', "loses messages when a process is killed"),
        ('kind = "kombu"\nurl = "filesystem://x"', "loses messages when a process is killed"),
        ('kind = "kombu"\nurl = "amqp://h/v"', "for RabbitMQ kind is 'rabbitmq'"),
        ('kind = "kombu"\nurl = "redis://h/0"\nca = "ca.pem"', "belong into url"),
        ('kind = "kombu"\nurl = "redis://h/0"\nevents = ["x"]', "events need kind = 'rabbitmq'"),
        ('kind = "kombu"\nurl = "redis://h/0"\nbacklog = 0', "backlog = 0"),
    ],
)
def test_a_bus_that_cannot_be_is_named(bus: str, sentence: str) -> None:
    assert any(sentence in problem for problem in problems(bus)), problems(bus)


@pytest.mark.parametrize(
    "bus",
    [
        'kind = "table"',
        'kind = "kombu"\nurl = "redis+socket:///run/redis.sock"',
        'kind = "kombu"\nurl = "rediss://h/0"',
        'kind = "rabbitmq"\nurl = "amqps://h/v"\nca = "a"\ncertificate = "c"\nkey = "k"\n'
        'events = ["wattbus.billing.BillRunMoved.v1"]',
    ],
)
def test_a_bus_that_can_be(bus: str) -> None:
    assert problems(bus) == []
    if "table" not in bus:
        assert any("needs a PostgreSQL" in each for each in problems(bus, "sqlite:x.db"))


def test_files_of_the_bus_are_relative_to_the_configuration() -> None:
    text = f'[database]\nurl = "{POSTGRESQL}"\n[bus]\nkind = "rabbitmq"\nurl = "amqps://h/v"\n'
    config = parse(f'{text}ca = "tls/ca.pem"\n', "wattbus.toml", Path("/etc/wattbus"))
    assert config.bus_section().ca == "/etc/wattbus/tls/ca.pem"
    assert config.bus_section().key == ""


NO = "PRECONDITION_FAILED - inequivalent arg"


@pytest.mark.parametrize(
    ("text", "has"),
    [
        (
            f"{NO} 'x-queue-type' for queue 'w.work.01' in vhost '/': "
            "received the value 'quorum' of type 'longstr' but current is none",
            "queue w.work.01 at B has x-queue-type none, wanted is quorum: drain",
        ),
        (
            f"{NO} 'type' for exchange 'w.events' in vhost '/': "
            "received 'topic' but current is 'fanout'",
            "exchange w.events at B has type fanout, wanted is topic: delete",
        ),
        (
            f"{NO} 'x-delivery-limit' for queue 'w.work.01' in vhost '/': received the value '100' "
            "of type 'signedint' but current is the value '5' of type 'signedint'",
            "has x-delivery-limit 5, wanted is 100",
        ),
        ("PRECONDITION_FAILED - something new", "the broker at B refuses: PRECON"),
    ],
)
def test_a_mismatch_says_what_is_there_and_what_is_wanted(text: str, has: str) -> None:
    assert has in refusal(ChannelClosedByBroker(406, text), "B")


def test_what_may_mend_itself_is_no_refusal() -> None:
    for reason in (
        ConnectionRefusedError(111, "refused"),
        AMQPConnectionError(OSError("away")),
        ConnectionClosedByBroker(320, "CONNECTION_FORCED - broker forced connection closure"),
        ChannelClosedByBroker(404, "NOT_FOUND - no queue"),
        None,
    ):
        assert refusal(reason, "B") == ""


def test_a_refusal_is_found_within_what_wraps_it() -> None:
    inner = ProbableAuthenticationError("no")
    assert "user or password" in refusal(AMQPConnectionError(AMQPConnectionError(inner)), "B")


def test_a_password_is_never_said(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("s3cr@t/x\n")
    access = Access("amqp://hub@h:5672/v", str(tmp_path / "p"))
    assert access.said() == "amqp://hub@h:5672/v"
    assert access.full_url() == "amqp://hub:s3cr%40t%2Fx@h:5672/v"
    assert "s3cr" not in repr(access)
    assert Access("amqp://hub:open@h/v").said() == "amqp://hub@h/v"
    with pytest.raises(AccessError) as error:
        Access("amqp://hub:open@h:port/v").parameters("test")
    assert "open" not in str(error.value)


def test_a_backend_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr("hub.bus.backends.import_module", missing)
    bus = BusSection(kind="kombu", url="redis://h/0")
    with pytest.raises(BackendError, match=r"needs wattbus\[brokers\]"):
        make_publisher(bus, None, "relay")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (BusState(), {"state": "down", "waiting": 0}),
        (BusState(True, ready={"01": 2, "02": 1}), {"state": "up", "waiting": 3}),
        (BusState(True, "low on memory"), {"state": "blocked", "why": "low on memory"}),
        (BusState(False, "", "mend it"), {"state": "refused", "why": "mend it"}),
    ],
)
def test_status_says_what_matters_first(state: BusState, words: dict[str, object]) -> None:
    assert state.words().items() >= words.items()

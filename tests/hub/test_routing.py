"""Routes: one handler for a command, the channel that carries it for a notice."""

import pytest

from core.handlers.registry import HANDLERS
from core.messages import Message, SendNotice
from core.messages.examples import EXAMPLES
from hub.channel import ChannelSpec
from hub.config import parse
from hub.outbox import Route
from hub.partitioning import partition_ref
from hub.partitions import NEW as PARTITIONS
from hub.partitions import partition_of
from hub.routing import Routing, RoutingError
from tests.hub.machine import METER, buy, enrol, pay

NOTICE = SendNotice(way="sms", recipient="+256700000001", template="x", args={})


@pytest.mark.parametrize("name", sorted(HANDLERS))
def test_every_command_has_one_handler_on_the_workers(name: str) -> None:
    (route,) = Routing().routes("demo", EXAMPLES[name])
    assert route == Route(HANDLERS[name].name, "worker")


def test_handlers_have_names_of_their_own() -> None:
    assert len({handler.name for handler in HANDLERS.values()}) == len(HANDLERS)


def test_a_notice_goes_by_the_carrier_of_its_way_or_by_the_named_channel() -> None:
    routing = Routing({("demo", "sms"): "sms1"})
    assert routing.routes("demo", NOTICE) == (Route("channel:sms1", "channel:sms1"),)
    named = SendNotice(way="sms", recipient="x", template="x", args={}, channel="sms2")
    assert routing.routes("demo", named) == (Route("channel:sms2", "channel:sms2"),)


@pytest.mark.parametrize(("company", "way"), [("other", "sms"), ("demo", "fax")])
def test_a_way_that_nobody_carries_is_named(company: str, way: str) -> None:
    notice = SendNotice(way=way, recipient="x", template="x", args={})
    with pytest.raises(RoutingError, match=f"company {company} carries {way}"):
        Routing({("demo", "sms"): "sms1"}).routes(company, notice)


def test_carriers_are_the_first_of_the_configuration() -> None:
    from pathlib import Path

    from hub.boot import make_routing

    company = 'name = "x"\nzone = "UTC"\ncurrency = "UGX"\ntariffs = []\nkeys = "k"\n'
    text = f"[companies.a]\n{company}" + "".join(
        f'[channels.{name}]\nkind = "{kind}"\ncompany = "a"\n'
        for name, kind in (("menu", "ussd"), ("one", "sms"), ("two", "sms"))
    )
    config = parse(text, "f", Path())
    specs = {
        name: ChannelSpec(
            section.kind,
            Message,
            lambda *_: None,
            ("sms",) if section.kind == "sms" else (),  # type: ignore[arg-type, return-value]
        )
        for name, section in config.channels.items()
    }
    assert make_routing(config, specs).carriers == {("a", "sms"): "one"}


def test_what_orders_a_command() -> None:
    assert partition_ref(buy(account="100009")) == f"meter/{METER}"
    assert partition_ref(pay(1)) == "account/100001"
    assert partition_ref(enrol()) == "account/100001"
    assert partition_ref(EXAMPLES["wattbus.accounts.AskBalance.v1"]) == "phone/+256700000001"
    assert partition_ref(EXAMPLES["wattbus.agents.TransferFloat.v1"]) == "agent/A-017"
    assert partition_ref(EXAMPLES["wattbus.agents.SellCredit.v1"]) == "meter/04123456784"
    report = EXAMPLES["wattbus.notices.DeliveryReport.v1"]
    assert partition_ref(report) == "type/DeliveryReport"


def test_keys_are_spread_over_all_partitions_and_stay_where_they_are() -> None:
    found = {partition_of(f"demo/{number}") for number in range(1_000)}
    assert found == set(range(PARTITIONS))
    assert partition_of("demo/100001") == 5, "kept in every database: another hash strands keys"

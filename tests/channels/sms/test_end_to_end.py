"""The channel over real sockets with the SMSC simulator: from a phone's BUY to its receipt."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from channels.sms import CHANNEL
from channels.sms.config import SmsConfig
from channels.sms.service import SmsChannel
from core.messages import CreditVend, DeliveryReport, SendNotice
from hub.channel import Failed, Outbound, SendResult, Sent
from hub.links.smpp import SmppLink, make_link
from simulators.smsc.dialects import DIALECTS
from simulators.smsc.kinds import KINDS
from simulators.smsc.smsc import SMSC, Options
from tests.channels.harness import FakePorts
from tests.channels.sms.fixture import PHONE
from tests.channels.sms.test_outbound import SALE, TOKEN
from tests.loop import fired, run

pytestmark = pytest.mark.slow


async def until(condition: Callable[[], bool]) -> None:
    """Lets the reactor turn until something has happened; the scenario's own limit ends it."""
    while not condition():
        await asyncio.sleep(0.002)


class Town:
    """An SMSC with phones, a link, the channel, and the hub in memory."""

    def __init__(self, smsc: SMSC, link: SmppLink, ports: FakePorts, channel: SmsChannel) -> None:
        self.smsc, self.link, self.ports, self.channel = smsc, link, ports, channel

    async def bound(self) -> None:
        await until(lambda: self.link.up)

    async def buys(self, body: str = "BUY 04123456784 20,000") -> CreditVend:
        """A phone's text, until it is journaled."""
        await fired(self.smsc.deliver(PHONE, "8888", body))
        found = [m for m in self.ports.messages() if isinstance(m, CreditVend)]
        return found[-1]

    async def token_to(self, vend: CreditVend, language: str = "") -> SendResult:
        """What the core says when it has sold, carried out by the channel."""
        (to,) = vend.reply
        notice = SendNotice(
            way="sms",
            recipient=to.address,
            template="token",
            args=SALE,
            language=language or to.language,
        )
        result: SendResult = await fired(self.channel.send(Outbound("m1", notice, 1, "c1")))
        return result

    def reports(self) -> list[DeliveryReport]:
        return [m for m in self.ports.messages() if isinstance(m, DeliveryReport)]


def story(
    tell: Callable[[Town], Coroutine[Any, Any, None]],
    kind: str = "friendly",
    options: Options | None = None,
    **link_options: Any,
) -> None:
    async def scenario(reactor: Any) -> None:
        smsc = KINDS[kind](reactor, options, wall=lambda: 1_767_225_600.0)
        port = await fired(smsc.start())
        section = {
            "endpoint": f"tcp:127.0.0.1:{port}",
            "system_id": "hub",
            "reconnect_first_s": 0.05,
            **link_options,
        }
        link = make_link("mno", section, reactor, Path("."))
        ports = FakePorts(reactor, links={"mno": link})
        config = msgspec.convert({"link": "mno", "short_code": "8888"}, SmsConfig)
        channel = CHANNEL.build(ports, config)
        assert isinstance(channel, SmsChannel)
        channel.start()
        link.start()
        town = Town(smsc, link, ports, channel)
        try:
            await town.bound()
            await tell(town)
        finally:
            await fired(channel.stop())
            await fired(link.stop())
            await fired(smsc.stop())

    run(scenario)


@pytest.mark.parametrize("bind", ["trx", "tx+rx"])
def test_a_phone_buys_and_gets_its_token(bind: str) -> None:
    async def tell(town: Town) -> None:
        vend = await town.buys()
        assert (vend.meter, vend.tender, vend.phone) == ("04123456784", 20000, PHONE)
        sent = await town.token_to(vend)
        assert isinstance(sent, Sent)
        (got,) = await fired(town.smsc.phones.until(PHONE, 1))
        assert (got.source, got.parts) == ("8888", 1)
        assert got.text.startswith(f"Token {TOKEN}\n28.1 kWh")
        await until(lambda: bool(town.reports()))
        (report,) = town.reports()
        assert (report.reference, report.state) == (sent.references[0], "delivered")

    story(tell, bind=bind)


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_every_dialect_of_receipts_finds_its_message(dialect: str) -> None:
    rules = {"hex-decimal": "receipt-decimal", "decimal-hex": "receipt-hex"}

    async def tell(town: Town) -> None:
        sent = await town.token_to(await town.buys())
        assert isinstance(sent, Sent)
        await until(lambda: bool(town.reports()))
        assert [r.reference for r in town.reports()] == list(sent.references)

    story(tell, options=Options(dialect=dialect), receipt_ids=rules.get(dialect, "same"))


def test_a_receipt_that_overtakes_its_response() -> None:
    async def tell(town: Town) -> None:
        sent = await town.token_to(await town.buys())
        assert isinstance(sent, Sent)
        assert town.reports() == []
        await until(lambda: bool(town.reports()))
        assert town.reports()[0].reference == sent.references[0]

    story(tell, kind="receipt-first")


def test_a_network_that_delivers_twice_sells_once() -> None:
    async def tell(town: Town) -> None:
        await town.buys()
        await until(lambda: bool(town.ports.repeats))
        assert len([m for m in town.ports.messages() if isinstance(m, CreditVend)]) == 1

    story(tell, kind="double-deliver")


def test_long_texts_both_ways_with_the_last_part_first() -> None:
    async def tell(town: Town) -> None:
        vend = await town.buys("nunua 04123456784 20000 " + "tafadhali " * 30)
        assert vend.reply[0].language == "sw"
        sent = await town.token_to(vend, "zh")
        assert isinstance(sent, Sent)
        assert len(sent.references) > 1
        (got,) = await fired(town.smsc.phones.until(PHONE, 1))
        assert TOKEN in got.text
        assert got.parts == len(sent.references)

    story(tell, kind="shuffling")


def test_a_throttled_link_loses_nothing() -> None:
    async def tell(town: Town) -> None:
        vend = await town.buys()
        for _ in range(5):
            assert isinstance(await town.token_to(vend), Sent)
        assert len(town.smsc.received(PHONE)) == 5
        assert town.link.status()["throttled"] >= 1

    story(tell, kind="throttling", options=Options(share=0.3))


@pytest.mark.parametrize("kind", ["silent", "unbinding", "dropping", "lying-length"])
def test_an_smsc_that_never_answers_makes_an_unknown_outcome(kind: str) -> None:
    async def tell(town: Town) -> None:
        failed = await town.token_to(await town.buys())
        assert isinstance(failed, Failed)
        assert (failed.retry, failed.error_class) == (True, "unknown")

    story(tell, kind=kind, options=Options(every=1), request_timeout_s=0.5)


def test_the_link_comes_back_and_the_channel_says_so() -> None:
    async def tell(town: Town) -> None:
        vend = await town.buys()
        for link in list(town.smsc.links):
            link.wire.close("cut", abort=True)
        await until(lambda: town.channel.capacity() == 0)
        await until(lambda: town.channel.capacity() > 0)
        assert town.ports.wakes > 0
        assert isinstance(await town.token_to(vend), Sent)

    story(tell)

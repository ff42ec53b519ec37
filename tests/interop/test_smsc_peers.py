"""Our ESME against SMSCs by other hands: npm smpp and PyPI smpp.twisted3."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from adapters._session import CloseLink
from adapters.smpp import receipt, segment, tlv
from adapters.smpp.events import Answered, BindRefused, Bound, PeerLeaves, Requested, Throttled
from adapters.smpp.pdu import (
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    DataSm,
    Destination,
    SubmitMulti,
    SubmitSm,
)
from adapters.smpp.receipt import MessageState
from adapters.smpp.tlv import Tag
from tests.interop.peers import Peer, peer
from tests.loop import run
from tests.simulators.smsc.client import Client

pytestmark = pytest.mark.slow
PHONE = "254700000001"
BOTH = pytest.mark.parametrize("name", ["node", "twisted"])


def story(
    name: str,
    tell: Callable[[Peer, Client], Coroutine[Any, Any, None]],
    *options: str,
    **client: Any,
) -> None:
    """Starts a peer and a client, tells the story, stops both."""
    with peer(name, *options) as smsc:

        async def scenario(reactor: Any) -> None:
            esme = Client(reactor, smsc.port, **client)
            try:
                await tell(smsc, esme)
            finally:
                await esme.stop()

        run(scenario)


def heard(smsc: Peer, key: str) -> Any:
    """What the peer says next, while our loop goes on."""
    return asyncio.to_thread(smsc.next, key)


@BOTH
@pytest.mark.parametrize("login", [BindTransceiver, BindTransmitter, BindReceiver])
def test_binds_of_all_kinds(name: str, login: Any) -> None:
    async def tell(smsc: Peer, esme: Client) -> None:
        await esme.bound()

    story(name, tell, login=login(system_id="hub", password="secret"))


@BOTH
def test_a_wrong_password_is_refused(name: str) -> None:
    async def tell(smsc: Peer, esme: Client) -> None:
        (refused, *_) = await esme.until(BindRefused)
        assert refused.status == 0x0E
        (closed, *_) = esme.of(CloseLink)
        assert closed.pause == 60.0

    story(name, tell, login=BindTransceiver(system_id="hub", password="wrong"))


@BOTH
def test_texts_both_ways(name: str) -> None:
    async def tell(smsc: Peer, esme: Client) -> None:
        await esme.bound()
        esme.submit("Token 1234 5678 9012 3456 7890")
        (answer,) = await esme.until(Answered)
        assert (answer.status, answer.response.message_id) == (0, "1")
        said = (await heard(smsc, "submit"))["submit"]
        assert said["text"] == "Token 1234 5678 9012 3456 7890"
        assert (said["source"], said["destination"]) == ("12345", PHONE)
        smsc.deliver(PHONE, "12345", "BUY 04123456784 20,000")
        await esme.until(Requested)
        (asked,) = esme.delivered()
        assert (asked.source_addr, asked.destination_addr) == (PHONE, "12345")
        assert asked.short_message == b"BUY 04123456784 20,000"
        assert (await heard(smsc, "delivered"))["delivered"] == 0

    story(name, tell)


@BOTH
def test_a_thousand_submits_through_a_window(name: str) -> None:
    async def tell(smsc: Peer, esme: Client) -> None:
        await esme.bound()
        for number in range(1000):
            esme.submit(str(number))
        answers = await esme.until(Answered, 1000)
        assert [answer.token for answer in answers] == [str(n) for n in range(1000)]
        assert [int(a.response.message_id, 16) for a in answers] == list(range(1, 1001))

    story(name, tell, "--quiet", window=50)


@BOTH
def test_the_peer_unbinds_and_we_come_back(name: str) -> None:
    async def tell(smsc: Peer, esme: Client) -> None:
        await esme.bound()
        smsc.order(unbind=True)
        await esme.until(PeerLeaves)
        await esme.until(Bound, 2)

    story(name, tell)


@BOTH
def test_we_unbind(name: str) -> None:
    async def tell(smsc: Peer, esme: Client) -> None:
        await esme.bound()
        wire = esme.dialer.wire
        assert wire is not None
        wire.handle(esme.link.leave(wire.now()))
        (closed,) = await esme.until(CloseLink)
        assert closed.reason == "unbound"

    story(name, tell)


@BOTH
def test_enquire_link_is_answered(name: str) -> None:
    async def tell(smsc: Peer, esme: Client) -> None:
        await esme.bound()
        wire = esme.dialer.wire
        assert wire is not None
        session = esme.link.session
        wire.handle(esme.link.tick(wire.now() + 6))  # as if 6 s of silence had passed
        assert session._keepalive._asked < float("inf")
        while session._keepalive._asked < float("inf"):
            await asyncio.sleep(0.01)

    story(name, tell)


@pytest.mark.parametrize("method", ["udh8", "udh16", "sar", "payload"])
def test_long_texts_are_read_by_node(method: Any) -> None:
    text = "Umeme: " + "0123456789" * 30

    async def tell(smsc: Peer, esme: Client) -> None:
        await esme.bound()
        parts = segment.segment(text, 7, "latin1", method)
        got = ""
        for part in parts:
            esme.send(
                SubmitSm(
                    destination_addr=PHONE,
                    esm_class=part.esm_class,
                    data_coding=3,
                    short_message=part.short_message,
                    tlvs=part.tlvs,
                )
            )
            said = (await heard(smsc, "submit"))["submit"]
            assert len(said["udh"]) == (method in ("udh8", "udh16"))
            got += said["text"]
        assert got == text

    story("node", tell)


@pytest.mark.parametrize("text", ["Жук 🔌", "price €5 [ok] @"])
def test_alphabets_are_read_by_node(text: str) -> None:
    async def tell(smsc: Peer, esme: Client) -> None:
        await esme.bound()
        (part,) = segment.segment(text, 1, "gsm")
        # npm smpp reads data_coding 0 as GSM 03.38, 8 as UCS-2
        esme.send(
            SubmitSm(
                destination_addr=PHONE,
                data_coding=part.data_coding,
                short_message=part.short_message,
            )
        )
        assert (await heard(smsc, "submit"))["submit"]["text"] == text

    story("node", tell)


def test_a_receipt_of_node() -> None:
    async def tell(smsc: Peer, esme: Client) -> None:
        await esme.bound()
        esme.submit("hello", registered_delivery=1)
        (answer,) = await esme.until(Answered)
        await esme.until(Requested)
        told = receipt.parse(esme.delivered()[0])
        assert told is not None
        assert told.state is MessageState.DELIVERED
        assert receipt.normal(answer.response.message_id) in receipt.candidates(told.id, "same")

    story("node", tell)


def test_ussd_from_node_keeps_its_parameters() -> None:
    async def tell(smsc: Peer, esme: Client) -> None:
        await esme.bound()
        smsc.deliver(PHONE, "*123#", "*123#", ussd_service_op=1, its_session_info=[7, 2])
        await esme.until(Requested)
        (asked,) = esme.delivered()
        assert tlv.integer(asked.tlvs, Tag.ussd_service_op) == 1

    story("node", tell)


def test_the_other_requests_are_understood_by_node() -> None:
    async def tell(smsc: Peer, esme: Client) -> None:
        await esme.bound()
        esme.send(SubmitMulti(destinations=(Destination(PHONE), Destination("254700000002"))))
        payload = (tlv.make(Tag.message_payload, b"lean"),)
        esme.send(DataSm(destination_addr=PHONE, tlvs=payload))
        answers = await esme.until(Answered, 2)
        assert [answer.response.message_id for answer in answers] == ["multi", "data"]

    story("node", tell)


def test_throttled_submits_all_arrive_in_the_end() -> None:
    async def tell(smsc: Peer, esme: Client) -> None:
        await esme.bound()
        for number in range(200):
            esme.submit(str(number))
        answers = await esme.until(Answered, 200)
        assert all(answer.status == 0 for answer in answers)
        assert len(esme.of(Throttled)) >= 20

    story("node", tell, "--throttle", "0.1", window=50)

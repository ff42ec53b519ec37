"""smpplib's blocking client against our SMSC simulator."""

import asyncio
from typing import Any

import pytest
import smpplib.client
import smpplib.consts
import smpplib.gsm

from simulators.smsc.smsc import SMSC, Options
from tests.loop import fired, run

pytestmark = pytest.mark.slow
PHONE = "254700000001"


def client_story(port: int, text: str) -> dict[str, Any]:
    """Binds, sends a text with a receipt asked for, reads until receipt and reply are there."""
    client = smpplib.client.Client("127.0.0.1", port, timeout=10, allow_unknown_opt_params=True)
    seen: dict[str, Any] = {"ids": [], "delivered": []}
    client.set_message_sent_handler(lambda pdu: seen["ids"].append(pdu.message_id))

    def received(pdu: Any) -> int:
        seen["delivered"].append((pdu.esm_class, pdu.short_message))
        return 0

    client.set_message_received_handler(received)
    client.connect()
    try:
        client.bind_transceiver(system_id="peer", password="secret")
        parts, coding, flag = smpplib.gsm.make_parts(text)
        for part in parts:
            client.send_message(
                source_addr="12345",
                destination_addr=PHONE,
                short_message=part,
                data_coding=coding,
                esm_class=flag,
                registered_delivery=1,
            )
        while len(seen["ids"]) < len(parts) or len(seen["delivered"]) < len(parts) + 1:
            client.read_once()
        client.unbind()
    finally:
        client.disconnect()
    seen["parts"] = len(parts)
    return seen


@pytest.mark.parametrize("text", ["Hello, price is 5", "x" * 400, "Жук " * 40])
def test_smpplib_sends_and_receives(text: str) -> None:
    async def scenario(reactor: Any) -> None:
        smsc = SMSC(reactor, Options(password="secret"), wall=lambda: 1_767_225_600.0)
        port = await fired(smsc.start())
        told = smsc.deliver(PHONE, "12345", "BUY")
        seen = await asyncio.to_thread(client_story, port, text)
        await fired(told)
        (received,) = smsc.received(PHONE)
        assert received.text == text
        assert received.parts == seen["parts"]
        assert len(seen["ids"]) == seen["parts"]
        assert (0, b"BUY") in seen["delivered"]
        receipts = [body for esm_class, body in seen["delivered"] if esm_class == 4]
        assert len(receipts) == seen["parts"]
        assert all(b"stat:DELIVRD" in body for body in receipts)
        while smsc.links:
            await asyncio.sleep(0.01)
        await fired(smsc.stop())

    run(scenario)

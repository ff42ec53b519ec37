"""One SMS channel between an SMSC in memory and the hub in memory."""

from typing import Any

import msgspec

from adapters.smpp.pdu import DeliverSm, SubmitSm
from adapters.smpp.segment import segment
from adapters.smpp.tlv import Tag, make
from channels.sms import CHANNEL
from channels.sms.config import SmsConfig
from channels.sms.service import SmsChannel
from core.messages import SendNotice
from hub.channel import Outbound
from hub.links.smpp_config import SmppLinkConfig
from tests.channels.harness import FakePorts, House
from tests.hub.links.memory_smsc import MemorySmsc, text

PHONE = "+256772123456"


class Stage:
    """``smsc`` and ``ports`` around ``channel``, bound and started."""

    def __init__(self, house: House | None = None, **changes: Any) -> None:
        link = changes.pop("link_options", {})
        plain = {"endpoint": "tcp:127.0.0.1:2775", "system_id": "hub", **link}
        self.smsc = MemorySmsc(msgspec.convert(plain, SmppLinkConfig))
        links = {"mno": self.smsc.link}
        self.ports = FakePorts(self.smsc.reactor, company=house or House(), links=links)
        config = msgspec.convert({"link": "mno", "short_code": "8888", **changes}, SmsConfig)
        channel = CHANNEL.build(self.ports, config)
        assert isinstance(channel, SmsChannel)
        self.channel = channel
        self.channel.start()
        self.smsc.start()
        self._tokens = 0

    def hear(self, *pdus: DeliverSm) -> list[int | None]:
        """Delivers; the command_status of each answer, None while there is none."""
        tokens = []
        for pdu in pdus:
            self._tokens += 1
            tokens.append(self._tokens)
            self.smsc.deliver(pdu, self._tokens)
        return [self.smsc.answers.get(token) for token in tokens]

    def answers(self) -> list[int | None]:
        """Every answer so far, in the order of delivery."""
        return [self.smsc.answers.get(token) for token in range(1, self._tokens + 1)]

    def say(self, body: str, **where: str) -> list[int | None]:
        """A text from a phone."""
        return self.hear(text(body, **where))

    def send(self, template: str, args: dict[str, Any], language: str = "en", **more: Any) -> Any:
        """Hands a notice to the channel; its deferred."""
        notice = SendNotice(
            way="sms", recipient=PHONE, template=template, args=args, language=language
        )
        done = self.channel.send(Outbound(more.get("message_id", "m1"), notice, 1, "c1"))
        self.smsc.run()
        return done

    def sent(self) -> list[SubmitSm]:
        return self.smsc.submits


def parts_of(body: str, reference: int = 7, method: Any = "udh8") -> list[DeliverSm]:
    """A long text from a phone, in parts."""
    return [
        msgspec.structs.replace(
            text(""),
            esm_class=part.esm_class,
            data_coding=part.data_coding,
            short_message=part.short_message,
            tlvs=part.tlvs,
        )
        for part in segment(body, reference, "gsm", method)
    ]


def receipt(message_id: str, state: str = "DELIVRD", **changes: Any) -> DeliverSm:
    """A delivery receipt as most SMSCs write it."""
    body = (
        f"id:{message_id} sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 "
        f"stat:{state} err:000 text:Token 1234"
    )
    plain = DeliverSm(
        source_addr="256772123456",
        source_addr_ton=1,
        destination_addr="8888",
        esm_class=4,
        short_message=body.encode(),
    )
    return msgspec.structs.replace(plain, **changes)


def tlv_receipt(message_id: str, state: int) -> DeliverSm:
    """A receipt that says everything in optional parameters."""
    return msgspec.structs.replace(
        receipt(""),
        short_message=b"",
        tlvs=(make(Tag.receipted_message_id, message_id), make(Tag.message_state, state)),
    )

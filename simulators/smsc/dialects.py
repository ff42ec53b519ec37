"""How SMSCs of the field word their delivery receipts, as data."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from adapters.smpp import tlv
from adapters.smpp.pdu import DeliverSm, Message
from adapters.smpp.receipt import MessageState
from adapters.smpp.tlv import Tag, Tlv

_FULL = (
    "id:{id} sub:001 dlvrd:{delivered} submit date:{at} done date:{at} stat:{state}"
    " err:000 text:{text:<12.12}"
)
_SHORT = "id:{id} submit date:{at} done date:{at} stat:{state} err:000"


def _uuid(number: int) -> str:
    return f"{number:08x}-5a3c-4000-8000-{number:012x}"


@dataclass(frozen=True, slots=True)
class Dialect:
    """``response`` and ``receipt`` write a message's number as its id in either place."""

    text: str
    response: Callable[[int], str]
    receipt: Callable[[int], str]
    with_tlvs: bool
    swapped: bool = True  # the receipt comes from the phone; else from our own short code
    blank_text: bool = False


DIALECTS: dict[str, Dialect] = {
    "kannel": Dialect(_FULL, _uuid, _uuid, with_tlvs=False),
    "opensmppbox": Dialect(_FULL, _uuid, _uuid, with_tlvs=True, swapped=False, blank_text=True),
    "jasmin": Dialect(_SHORT, _uuid, _uuid, with_tlvs=True),
    "hex-decimal": Dialect(_FULL, "{:X}".format, "{:010d}".format, with_tlvs=False),
    "decimal-hex": Dialect(_FULL, "{:d}".format, "{:08x}".format, with_tlvs=False),
    "tlv-only": Dialect("", str, str, with_tlvs=True),
}


def write(
    dialect: Dialect, number: int, submit: Message, state: MessageState, wall: float
) -> DeliverSm:
    """The receipt of the message with this number; ``wall`` is seconds since 1970."""
    delivered = state is MessageState.DELIVERED
    text = dialect.text.format(
        id=dialect.receipt(number),
        delivered="001" if delivered else "000",
        at=time.strftime("%y%m%d%H%M", time.gmtime(wall)),
        state=state.value,
        text="" if dialect.blank_text else submit.short_message.decode("latin-1"),
    )
    tlvs: tuple[Tlv, ...] = ()
    if dialect.with_tlvs:
        tlvs = (
            tlv.make(Tag.message_state, state.code),
            tlv.make(Tag.receipted_message_id, dialect.receipt(number)),
        )
    ours = (submit.source_addr_ton, submit.source_addr_npi, submit.source_addr)
    phone = (submit.dest_addr_ton, submit.dest_addr_npi, submit.destination_addr)
    source, destination = (phone, ours) if dialect.swapped else (ours, phone)
    return DeliverSm(
        source_addr_ton=source[0],
        source_addr_npi=source[1],
        source_addr=source[2],
        dest_addr_ton=destination[0],
        dest_addr_npi=destination[1],
        destination_addr=destination[2],
        esm_class=0x04,
        short_message=text.encode("latin-1"),
        tlvs=tlvs,
    )

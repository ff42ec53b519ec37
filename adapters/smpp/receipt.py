"""Delivery receipts in the dialects of the field (SMPP 3.4, appendix B is only one of them).

Kannel and opensmppbox write all of ``id: sub: dlvrd: submit date: done date: stat: err: text:``,
Jasmin leaves out sub, dlvrd and text; ids are hexadecimal, decimal, padded or UUIDs; some SMSCs
send only TLVs. So: TLVs first, then ``key:value`` pairs in any order.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from adapters.smpp import tlv
from adapters.smpp.pdu import DataSm, DeliverSm, Message
from adapters.smpp.segment import split_header
from adapters.smpp.tlv import Tag


class MessageState(Enum):
    """message_state (SMPP 3.4, 5.2.28; SCHEDULED and SKIPPED from 5.0), by its text."""

    SCHEDULED = "SCHEDULED"
    ENROUTE = "ENROUTE"
    DELIVERED = "DELIVRD"
    EXPIRED = "EXPIRED"
    DELETED = "DELETED"
    UNDELIVERABLE = "UNDELIV"
    ACCEPTED = "ACCEPTD"
    UNKNOWN = "UNKNOWN"
    REJECTED = "REJECTD"
    SKIPPED = "SKIPPED"

    @property
    def final(self) -> bool:
        """Whether nothing more is to come. A state that is not final never overrides one."""
        return self not in (
            MessageState.SCHEDULED,
            MessageState.ENROUTE,
            MessageState.ACCEPTED,
            MessageState.UNKNOWN,
        )

    @property
    def code(self) -> int:
        """Its number in the TLV message_state and in query_sm_resp."""
        return list(MessageState).index(self)


_BY_CODE = dict(enumerate(MessageState))
# Spelled out, cut, or as some vendors write them.
_BY_TEXT = {
    **{state.value: state for state in MessageState},
    **{state.name: state for state in MessageState},
    "DELIVERD": MessageState.DELIVERED,
    "UNDELIVRD": MessageState.UNDELIVERABLE,
    "ENROUT": MessageState.ENROUTE,
    "REJECTED": MessageState.REJECTED,
    "FAILED": MessageState.UNDELIVERABLE,
    "BUFFERED": MessageState.ENROUTE,
}

_TYPE = 0x3C  # esm_class, bits 5 to 2 (5.2.12)
_RECEIPT = 0x04
_INTERMEDIATE = 0x20
_PAIR = re.compile(r"(submit date|done date|id|sub|dlvrd|stat|err|text)\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message. ``id`` is as sent: compare it with :func:`candidates`.

    Dates are as sent (YYMMDDhhmm[ss], in a zone that nobody names); ``error`` may be any text.
    """

    id: str
    state: MessageState
    error: str = ""
    submitted: str = ""
    done: str = ""
    text: str = ""
    intermediate: bool = False


def parse(pdu: Message | DataSm, *, trust_text: bool = False) -> Receipt | None:
    """The receipt that a deliver_sm or data_sm is; None if it is a message from a phone.

    It is one if esm_class says so or if it carries receipted_message_id. ``trust_text`` is for
    links whose SMSC says it in no other way than by a text with an id and a known state; a phone
    can write such a text too, so it is off unless a link needs it.
    """
    if not isinstance(pdu, DeliverSm | DataSm):
        return None
    kind = pdu.esm_class & _TYPE
    tagged = tlv.text(pdu.tlvs, Tag.receipted_message_id)
    claimed = kind in (_RECEIPT, _INTERMEDIATE) or tagged is not None
    if not claimed and not trust_text:
        return None
    _, data = split_header(pdu)
    if not claimed and data[:3].lower() != b"id:":
        return None
    pairs = _pairs(data.decode("latin-1"))
    identity = tagged if tagged else pairs.get("id", "")
    state = _state(tlv.integer(pdu.tlvs, Tag.message_state), pairs.get("stat", ""))
    if not claimed and state is None:
        return None
    return Receipt(
        identity,
        state or MessageState.UNKNOWN,
        pairs.get("err", "") or _network_error(pdu),
        pairs.get("submit date", ""),
        pairs.get("done date", ""),
        pairs.get("text", ""),
        kind == _INTERMEDIATE or not (state or MessageState.UNKNOWN).final,
    )


def _state(code: int | None, text: str) -> MessageState | None:
    if code is not None and code in _BY_CODE:
        return _BY_CODE[code]
    return _BY_TEXT.get(text.upper())


def _pairs(text: str) -> dict[str, str]:
    """``key:value`` pairs in any order; what follows ``text:`` is all text."""
    found: dict[str, str] = {}
    matches = list(_PAIR.finditer(text))
    for number, match in enumerate(matches):
        key = match[1].lower()
        if key == "text":
            found.setdefault(key, text[match.end() :].strip(" \0"))
            break
        end = matches[number + 1].start() if number + 1 < len(matches) else len(text)
        found.setdefault(key, text[match.end() : end].strip(" \0\r\n,;"))
    return found


def _network_error(pdu: Message | DataSm) -> str:
    raw = tlv.raw(pdu.tlvs, Tag.network_error_code)
    return str(int.from_bytes(raw[1:3], "big")) if raw is not None and len(raw) == 3 else ""


IdRule = Literal["same", "receipt-decimal", "receipt-hex", "auto"]
"""How a link's receipts name a message compared with its submit_sm_resp.

``same``: alike but for case and leading zeros. ``receipt-decimal``: the response has hexadecimal,
the receipt decimal; ``receipt-hex``: the other way round. ``auto``: tries all three, which may
meet a wrong message on a link that counts in small numbers.
"""


def normal(message_id: str) -> str:
    """The form under which a message_id is stored: case folded, without leading zeros."""
    return message_id.strip().casefold().lstrip("0") or "0"


def candidates(receipt_id: str, rule: IdRule) -> list[str]:
    """The :func:`normal` ids of responses that a receipt may mean, the likeliest first."""
    plain = normal(receipt_id)
    found = [plain] if rule in ("same", "auto") else []
    if rule in ("receipt-decimal", "auto") and plain.isascii() and plain.isdigit():
        found.append(normal(f"{int(plain):x}"))
    if rule in ("receipt-hex", "auto") and re.fullmatch("[0-9a-f]{1,64}", plain):
        found.append(normal(str(int(plain, 16))))
    return list(dict.fromkeys(found))

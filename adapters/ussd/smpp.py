"""USSD over SMPP: two TLVs that every network reads in its own way, as a profile per link.

``ussd_service_op`` (TLV 0x0501, one octet) says which MAP operation the message stands for, as in
GSM TS 09.02; ``its_session_info`` (TLV 0x1383, two octets, SMPP 3.4 §5.3.2.43) numbers the dialog:
octet 1 the session, octet 2 the dialog sequence in bits 7-1 and *end of session* in bit 0.

Plain values in and out (ints, bytes, text): whoever owns the link puts them into PDUs.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

TLV_SERVICE_OP: Final = 0x0501
TLV_SESSION_INFO: Final = 0x1383
#: Values from 32 on are left to vendors; seen for time-outs, releases and charging notices.
FIRST_VENDOR_OP: Final = 32
_END_BIT: Final = 0x01


class Op(IntEnum):
    """``ussd_service_op``."""

    PSSD_INDICATION = 0
    PSSR_INDICATION = 1
    USSR_REQUEST = 2
    USSN_REQUEST = 3
    PSSD_RESPONSE = 16
    PSSR_RESPONSE = 17
    USSR_CONFIRM = 18
    USSN_CONFIRM = 19


class EndBy(StrEnum):
    """How a network learns that a screen is the last one."""

    OP = "op"
    BIT = "bit"
    BOTH = "both"


class KeyBy(StrEnum):
    """What tells the sessions of one phone apart."""

    SESSION = "its_session_info"
    MSISDN = "msisdn"


@dataclass(frozen=True, slots=True)
class Profile:
    """How one network speaks USSD over SMPP."""

    name: str
    begin_ops: frozenset[int] = frozenset({Op.PSSD_INDICATION, Op.PSSR_INDICATION})
    input_ops: frozenset[int] = frozenset({Op.USSR_CONFIRM})
    end_ops: frozenset[int] = frozenset({Op.PSSD_RESPONSE, Op.PSSR_RESPONSE, Op.USSN_CONFIRM})
    continue_op: int = Op.USSR_REQUEST
    end_op: int = Op.PSSR_RESPONSE
    end_by: EndBy = EndBy.OP
    echo_session: bool = True
    key_by: KeyBy = KeyBy.SESSION
    counts_dialogs: bool = False  # the dialog sequence grows at each hop: it names the hop
    payload: bool = False  # text in message_payload instead of short_message
    service_type: str = "USSD"
    data_coding: int = 0x0F  # of texts in the GSM alphabet; others go as UCS-2
    ucs2_coding: int = 0x08


#: Seen in the field. ``plain``: continue by op 2, end by op 17. ``bit``: always op 2, ended by the
#: bit. ``sessionless``: gateways that send no session id at all.
PROFILES: Final = {
    profile.name: profile
    for profile in (
        Profile("plain"),
        Profile("bit", end_by=EndBy.BIT, end_op=Op.USSR_REQUEST, counts_dialogs=True),
        Profile("sessionless", key_by=KeyBy.MSISDN, echo_session=False),
    )
}


class UssdError(ValueError):
    """The network sent something that has no meaning in the link's profile."""


class Kind(StrEnum):
    """What happens to a session."""

    BEGIN = "begin"  # text is what was dialled
    INPUT = "input"  # text is the customer's answer
    END = "end"  # the network or the customer closed it in order
    ABORT = "abort"  # timed out, released, or a vendor's own trouble


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that the network says about a session. ``hop`` names it where the link can."""

    kind: Kind
    text: str
    session: int | None
    hop: int | None = None


@dataclass(frozen=True, slots=True)
class Marks:
    """What goes out beside a screen: the values of the two TLVs."""

    op: int
    session_info: bytes | None


def read(profile: Profile, op: int | None, session_info: bytes | None, text: str) -> Event:
    """The event that a ``deliver_sm`` (or ``data_sm``) stands for.

    Without ``op`` the text decides: something dialled (``*…#``) begins a session.
    """
    session, dialog, ends = _session(session_info)
    kind = Kind.END if ends else _kind(profile, op, text)
    hop = dialog if profile.counts_dialogs and session_info is not None else None
    return Event(kind, text, session, hop)


def _kind(profile: Profile, op: int | None, text: str) -> Kind:
    if op is None:
        return Kind.BEGIN if text.startswith(("*", "#")) and text.endswith("#") else Kind.INPUT
    if op in profile.begin_ops:
        return Kind.BEGIN
    if op in profile.input_ops:
        return Kind.INPUT
    if op in profile.end_ops:
        return Kind.END
    if op >= FIRST_VENDOR_OP:
        return Kind.ABORT
    raise UssdError(f"ussd_service_op {op} has no meaning from the network in '{profile.name}'")


def _session(info: bytes | None) -> tuple[int | None, int | None, bool]:
    if info is None:
        return None, None, False
    if len(info) != 2:
        raise UssdError(f"its_session_info has {len(info)} octets ({info[:8].hex()}), not 2")
    return info[0], info[1] >> 1, bool(info[1] & _END_BIT)


def session_key(profile: Profile, link: str, msisdn: str, session: int | None) -> str:
    """What tells a session from all others.

    The session octet alone repeats every 256 dialogs, so link and phone always belong to the key.
    A network whose profile promises session ids but sends none falls back to the phone.
    """
    number = session if profile.key_by is KeyBy.SESSION else None
    return f"{link}/{msisdn}/{'-' if number is None else number}"


def marks(profile: Profile, session_info: bytes | None, closes: bool) -> Marks:
    """The TLV values of a screen that answers a message with ``session_info``.

    Where only the bit ends a session but there is no session info to carry it, PSSR response does:
    a session that nobody ends blocks the phone until the network's timer.
    """
    echoed = session_info if profile.echo_session else None
    by_op = profile.end_by is not EndBy.BIT
    if echoed is not None:
        bit = _END_BIT if closes and profile.end_by is not EndBy.OP else 0
        echoed = bytes((echoed[0], echoed[1] & ~_END_BIT | bit))
    elif closes and not by_op:
        return Marks(Op.PSSR_RESPONSE, None)
    return Marks(profile.end_op if closes and by_op else profile.continue_op, echoed)

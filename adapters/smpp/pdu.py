"""The field tables of all PDUs of SMPP 3.4 (chapter 4): the class bodies are the tables.

A field's annotation says how it lies on the wire and which command_status tells a peer that it is
wrong. C-octet strings are ``str`` read as Latin-1, which loses nothing; message texts are
``bytes`` (see :mod:`.gsm0338`). The header (status, sequence) is not part of a PDU: see
:mod:`.codec`. Every PDU may carry optional parameters, as SMPP 5.0 allows.
"""

from typing import Annotated, ClassVar, NamedTuple

import msgspec

from adapters.smpp.status import Status
from adapters.smpp.tlv import Tlv

RESPONSE = 0x80000000


class Octet(NamedTuple):
    """An integer of one octet."""

    fault: Status = Status.ESME_RINVCMDLEN


class CString(NamedTuple):
    """Text that ends with NUL, at most ``limit`` octets with it."""

    limit: int
    fault: Status = Status.ESME_RINVCMDLEN


class Counted(NamedTuple):
    """Octets behind one octet that counts them."""

    limit: int
    fault: Status = Status.ESME_RINVMSGLEN


class Listed(NamedTuple):
    """A list behind one octet that counts it: the destinations or failures of submit_multi."""

    fault: Status


class Destination(NamedTuple):
    """One destination of submit_multi: an address, or the name of a distribution list."""

    addr: str
    ton: int = 0
    npi: int = 0
    is_list: bool = False  # then addr is the list's name and ton and npi are not sent


class Unsuccess(NamedTuple):
    """One destination that submit_multi did not reach, with its command_status."""

    ton: int
    npi: int
    addr: str
    status: int


Flag = Annotated[int, Octet()]
SystemId = Annotated[str, CString(16, Status.ESME_RINVSYSID)]
Password = Annotated[str, CString(9, Status.ESME_RINVPASWD)]
SystemType = Annotated[str, CString(13, Status.ESME_RINVSYSTYP)]
ServiceType = Annotated[str, CString(6, Status.ESME_RINVSERTYP)]
MessageId = Annotated[str, CString(65, Status.ESME_RINVMSGID)]
SourceTon = Annotated[int, Octet(Status.ESME_RINVSRCTON)]
SourceNpi = Annotated[int, Octet(Status.ESME_RINVSRCNPI)]
Source = Annotated[str, CString(21, Status.ESME_RINVSRCADR)]
LongSource = Annotated[str, CString(65, Status.ESME_RINVSRCADR)]
DestTon = Annotated[int, Octet(Status.ESME_RINVDSTTON)]
DestNpi = Annotated[int, Octet(Status.ESME_RINVDSTNPI)]
Dest = Annotated[str, CString(21, Status.ESME_RINVDSTADR)]
LongDest = Annotated[str, CString(65, Status.ESME_RINVDSTADR)]
Schedule = Annotated[str, CString(17, Status.ESME_RINVSCHED)]
Validity = Annotated[str, CString(17, Status.ESME_RINVEXPIRY)]
ShortMessage = Annotated[bytes, Counted(254)]


class Pdu(msgspec.Struct, frozen=True):
    """What all PDUs share. Make them with keywords; every field has its standard's default."""

    command_id: ClassVar[int] = 0
    command: ClassVar[str] = ""

    tlvs: tuple[Tlv, ...] = ()


class Bind(Pdu, frozen=True):
    """4.1: the login of an ESME; use one of the three below."""

    system_id: SystemId = ""
    password: Password = ""
    system_type: SystemType = ""
    interface_version: Flag = 0x34
    addr_ton: Flag = 0
    addr_npi: Flag = 0
    address_range: Annotated[str, CString(41)] = ""


class BindResp(Pdu, frozen=True):
    system_id: SystemId = ""


class BindReceiver(Bind, frozen=True):
    command_id = 0x01
    command = "bind_receiver"


class BindReceiverResp(BindResp, frozen=True):
    command_id = 0x80000001
    command = "bind_receiver_resp"


class BindTransmitter(Bind, frozen=True):
    command_id = 0x02
    command = "bind_transmitter"


class BindTransmitterResp(BindResp, frozen=True):
    command_id = 0x80000002
    command = "bind_transmitter_resp"


class BindTransceiver(Bind, frozen=True):
    command_id = 0x09
    command = "bind_transceiver"


class BindTransceiverResp(BindResp, frozen=True):
    command_id = 0x80000009
    command = "bind_transceiver_resp"


class Outbind(Pdu, frozen=True):
    """4.1.7: the SMSC asks an ESME to bind as a receiver; has no response."""

    command_id = 0x0B
    command = "outbind"

    system_id: SystemId = ""
    password: Password = ""


class Unbind(Pdu, frozen=True):
    command_id = 0x06
    command = "unbind"


class UnbindResp(Pdu, frozen=True):
    command_id = 0x80000006
    command = "unbind_resp"


class GenericNack(Pdu, frozen=True):
    """4.3: the header itself was not understood."""

    command_id = 0x80000000
    command = "generic_nack"


class EnquireLink(Pdu, frozen=True):
    command_id = 0x15
    command = "enquire_link"


class EnquireLinkResp(Pdu, frozen=True):
    command_id = 0x80000015
    command = "enquire_link_resp"


class Message(Pdu, frozen=True):
    """4.4.1 and 4.6.1: the fields that submit_sm and deliver_sm share."""

    service_type: ServiceType = ""
    source_addr_ton: SourceTon = 0
    source_addr_npi: SourceNpi = 0
    source_addr: Source = ""
    dest_addr_ton: DestTon = 0
    dest_addr_npi: DestNpi = 0
    destination_addr: Dest = ""
    esm_class: Flag = 0
    protocol_id: Flag = 0
    priority_flag: Flag = 0
    schedule_delivery_time: Schedule = ""
    validity_period: Validity = ""
    registered_delivery: Flag = 0
    replace_if_present_flag: Flag = 0
    data_coding: Flag = 0
    sm_default_msg_id: Flag = 0
    short_message: ShortMessage = b""


class SubmitSm(Message, frozen=True):
    command_id = 0x04
    command = "submit_sm"


class SubmitSmResp(Pdu, frozen=True):
    command_id = 0x80000004
    command = "submit_sm_resp"

    message_id: MessageId = ""


class DeliverSm(Message, frozen=True):
    command_id = 0x05
    command = "deliver_sm"


class DeliverSmResp(Pdu, frozen=True):
    """4.6.2: message_id is unused and must be empty."""

    command_id = 0x80000005
    command = "deliver_sm_resp"

    message_id: MessageId = ""


class SubmitMulti(Pdu, frozen=True):
    """4.5.1: one text to several addresses or distribution lists."""

    command_id = 0x21
    command = "submit_multi"

    service_type: ServiceType = ""
    source_addr_ton: SourceTon = 0
    source_addr_npi: SourceNpi = 0
    source_addr: Source = ""
    destinations: Annotated[tuple[Destination, ...], Listed(Status.ESME_RINVNUMDESTS)] = ()
    esm_class: Flag = 0
    protocol_id: Flag = 0
    priority_flag: Flag = 0
    schedule_delivery_time: Schedule = ""
    validity_period: Validity = ""
    registered_delivery: Flag = 0
    replace_if_present_flag: Flag = 0
    data_coding: Flag = 0
    sm_default_msg_id: Flag = 0
    short_message: ShortMessage = b""


class SubmitMultiResp(Pdu, frozen=True):
    command_id = 0x80000021
    command = "submit_multi_resp"

    message_id: MessageId = ""
    unsuccess: Annotated[tuple[Unsuccess, ...], Listed(Status.ESME_RINVNUMDESTS)] = ()


class DataSm(Pdu, frozen=True):
    """4.7.1: a lean message of either side; its text is in the TLV message_payload."""

    command_id = 0x103
    command = "data_sm"

    service_type: ServiceType = ""
    source_addr_ton: SourceTon = 0
    source_addr_npi: SourceNpi = 0
    source_addr: LongSource = ""
    dest_addr_ton: DestTon = 0
    dest_addr_npi: DestNpi = 0
    destination_addr: LongDest = ""
    esm_class: Flag = 0
    registered_delivery: Flag = 0
    data_coding: Flag = 0


class DataSmResp(Pdu, frozen=True):
    command_id = 0x80000103
    command = "data_sm_resp"

    message_id: MessageId = ""


class QuerySm(Pdu, frozen=True):
    command_id = 0x03
    command = "query_sm"

    message_id: MessageId = ""
    source_addr_ton: SourceTon = 0
    source_addr_npi: SourceNpi = 0
    source_addr: Source = ""


class QuerySmResp(Pdu, frozen=True):
    command_id = 0x80000003
    command = "query_sm_resp"

    message_id: MessageId = ""
    final_date: Annotated[str, CString(17)] = ""
    message_state: Flag = 0
    error_code: Flag = 0


class CancelSm(Pdu, frozen=True):
    command_id = 0x08
    command = "cancel_sm"

    service_type: ServiceType = ""
    message_id: MessageId = ""
    source_addr_ton: SourceTon = 0
    source_addr_npi: SourceNpi = 0
    source_addr: Source = ""
    dest_addr_ton: DestTon = 0
    dest_addr_npi: DestNpi = 0
    destination_addr: Dest = ""


class CancelSmResp(Pdu, frozen=True):
    command_id = 0x80000008
    command = "cancel_sm_resp"


class ReplaceSm(Pdu, frozen=True):
    command_id = 0x07
    command = "replace_sm"

    message_id: MessageId = ""
    source_addr_ton: SourceTon = 0
    source_addr_npi: SourceNpi = 0
    source_addr: Source = ""
    schedule_delivery_time: Schedule = ""
    validity_period: Validity = ""
    registered_delivery: Flag = 0
    sm_default_msg_id: Flag = 0
    short_message: ShortMessage = b""


class ReplaceSmResp(Pdu, frozen=True):
    command_id = 0x80000007
    command = "replace_sm_resp"


class AlertNotification(Pdu, frozen=True):
    """4.12.1: a phone is reachable again; has no response."""

    command_id = 0x102
    command = "alert_notification"

    source_addr_ton: SourceTon = 0
    source_addr_npi: SourceNpi = 0
    source_addr: LongSource = ""
    esme_addr_ton: Flag = 0
    esme_addr_npi: Flag = 0
    esme_addr: Annotated[str, CString(65)] = ""


_ALL: tuple[type[Pdu], ...] = (
    BindReceiver, BindReceiverResp, BindTransmitter, BindTransmitterResp,
    BindTransceiver, BindTransceiverResp, Outbind, Unbind, UnbindResp, GenericNack,
    EnquireLink, EnquireLinkResp, SubmitSm, SubmitSmResp, DeliverSm, DeliverSmResp,
    SubmitMulti, SubmitMultiResp, DataSm, DataSmResp, QuerySm, QuerySmResp,
    CancelSm, CancelSmResp, ReplaceSm, ReplaceSmResp, AlertNotification,
)  # fmt: skip
COMMANDS: dict[int, type[Pdu]] = {kind.command_id: kind for kind in _ALL}


def response_of(kind: type[Pdu]) -> type[Pdu] | None:
    """The response's class of a request's class; None for what is never answered."""
    if kind.command_id & RESPONSE:
        return None
    return COMMANDS.get(kind.command_id | RESPONSE)

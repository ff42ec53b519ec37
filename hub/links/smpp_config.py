"""The configuration of an SMPP link: ``[links.<name>]`` with ``kind = "smpp"``."""

from typing import Annotated, Literal

import msgspec

from adapters.smpp.gsm0338 import Alphabet
from adapters.smpp.pdu import Bind
from adapters.smpp.receipt import IdRule
from adapters.smpp.segment import Method
from adapters.smpp.settings import Settings
from adapters.smpp.status import Verdict

Octet = Annotated[int, msgspec.Meta(ge=0, le=255)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3_600)]


class SmppLinkConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator's SMSC wants, from his interconnect form.

    endpoint
        Where to connect, as a Twisted endpoint: ``tcp:smsc.example.net:2775`` or
        ``tls:smsc.example.net:3550`` (with ``:trustRoots=DIR`` and ``:certificate=``,
        ``:privateKey=`` for pinned authorities and a client certificate).
    system_id, password_file, system_type
        The login. The password is the first line of a file that only Wattbus can read.
    bind
        ``trx``: one transceiver; ``tx+rx``: a transmitter and a receiver side by side, for SMSCs
        that have no transceiver.
    address_range
        What an SMSC that wants it in the bind has told you; usually empty.
    window
        Requests that may wait for their response at once; operators grant 10 to 50.
    enquire_link_s
        Seconds of silence after which we ask whether the peer is there.
    request_timeout_s
        Seconds until a request without response has an unknown outcome.
    submit_rate
        Messages a second that you may send; 0: as fast as the SMSC takes them. Short bursts above
        it are not made; throttling by the SMSC slows down further.
    reconnect_first_s, reconnect_longest_s
        Pauses between connections: they begin at the first and double up to the longest.
    source_ton, source_npi, dest_ton, dest_npi
        Type and numbering plan of our sender (3 network or 0 for a short code, 5 and 0 for a name)
        and of phones (1 and 1: international E.164).
    alphabet_out, alphabet_in
        What data_coding 0 means to this SMSC, in either direction: ``gsm``, ``latin1``, ``ascii``.
    long_messages
        How a text of several parts is sent: ``udh8``, ``udh16`` (header in the text), ``sar``
        (optional parameters), ``payload`` (whole in one PDU: the SMSC cuts, and may cut a token).
    registered_delivery
        1: a receipt for each message, 0: none, 17: intermediate ones too.
    service_type
        Of what we submit; usually empty.
    validity
        How long the network tries, as SMPP writes it (``000000060000000R``: six hours); empty: the
        SMSC's own.
    receipt_ids
        How receipts name a message compared with the response to its submission: ``same`` (but for
        case and leading noughts), ``receipt-decimal`` (the response has hex), ``receipt-hex`` (the
        other way round), ``auto`` (tries all, which may meet a wrong message on a link that counts
        in small numbers).
    receipts_by_text
        Take a text that begins with ``id:`` and names a state for a receipt, for SMSCs that say it
        in no other way. A phone can write such a text too, so it is off.
    mo_id_tlv
        The optional parameter (``0x1400``) in which this SMSC gives incoming messages an id of
        their own; empty: they have none, as in the standard.
    unanswered
        Incoming messages that may wait for our answer at once; more are told "queue full".
    statuses
        This SMSC's own reading of results: ``{"0x45" = "refused"}``; values ``retry``,
        ``doubtful``, ``refused``.
    """

    endpoint: str
    system_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    password_file: str = ""
    system_type: str = ""
    bind: Literal["trx", "tx+rx"] = "trx"
    address_range: str = ""
    window: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 10
    enquire_link_s: Seconds = 30.0
    request_timeout_s: Seconds = 30.0
    submit_rate: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    reconnect_first_s: Seconds = 1.0
    reconnect_longest_s: Seconds = 60.0
    source_ton: Octet = 3
    source_npi: Octet = 0
    dest_ton: Octet = 1
    dest_npi: Octet = 1
    alphabet_out: Alphabet = "gsm"
    alphabet_in: Alphabet = "gsm"
    long_messages: Method = "udh8"
    registered_delivery: Octet = 1
    service_type: Annotated[str, msgspec.Meta(max_length=5)] = ""
    validity: Annotated[str, msgspec.Meta(max_length=16)] = ""
    receipt_ids: IdRule = "same"
    receipts_by_text: bool = False
    mo_id_tlv: Annotated[str, msgspec.Meta(pattern="^(0x[0-9A-Fa-f]{1,4})?$")] = ""
    unanswered: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 200
    statuses: dict[str, Literal["retry", "doubtful", "refused"]] = {}

    def login(self, kind: type[Bind], password: str) -> Bind:
        """The bind of one of the three kinds."""
        return kind(
            system_id=self.system_id,
            password=password,
            system_type=self.system_type,
            address_range=self.address_range,
        )

    def settings(self) -> Settings:
        """The session's limits and timers."""
        return Settings(
            window=self.window,
            response_timeout=self.request_timeout_s,
            enquire_interval=self.enquire_link_s,
            unanswered=self.unanswered,
            strict_texts=False,  # operators give longer logins than the standard has room for
        )

    def verdicts(self) -> dict[int, Verdict]:
        """``statuses`` by number."""
        return {int(status, 16): Verdict(name) for status, name in self.statuses.items()}

    def mo_tag(self) -> int:
        """The tag of ``mo_id_tlv``; 0: none."""
        return int(self.mo_id_tlv or "0", 16)

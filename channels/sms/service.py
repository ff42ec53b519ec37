"""The SMS channel: commands in, notices out, receipts, over a shared SMPP link."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredList, fail

from adapters.smpp import gsm0338, receipt, tlv
from adapters.smpp.pdu import DataSm, DeliverSm
from adapters.smpp.segment import place_of, split_header
from adapters.smpp.tlv import Tag
from channels.sms.commands import Money
from channels.sms.config import SmsConfig
from channels.sms.inbound import Inbound
from channels.sms.outbound import Outgoing
from channels.sms.parts import Parts
from channels.sms.receipts import References, detail_of, state_of
from channels.sms.translate import Incoming
from channels.sms.words import Words, default_words, read_words
from core.messages import DeliveryReport
from hub.channel import Arrival, Outbound, Overloaded, Ports, SendResult
from hub.links.smpp import SmppLink
from hub.msisdn import e164
from hub.texts import Texts, read_folder

Pdu = DeliverSm | DataSm
#: A receipt that comes again within a day is the same one.
_RECEIPT_S: Final = 86_400.0


@dataclass(slots=True)
class SmsChannel:
    """One short code. Implements ``hub.channel.Channel``."""

    ports: Ports
    config: SmsConfig
    link: SmppLink
    inbound: Inbound
    outgoing: Outgoing
    counters: Counter[str]
    parts: Parts = field(init=False)
    _ours: frozenset[str] = field(init=False)
    _id_tag: int = field(init=False)
    _stopping: bool = False
    _open: "set[Deferred[Any]]" = field(default_factory=set)

    def __post_init__(self) -> None:
        config = self.config
        self._id_tag = self.link.config.mo_tag()
        self._ours = frozenset({config.short_code.lstrip("+"), config.from_address().lstrip("+")})
        self.parts = Parts(
            self.ports.reactor, config.reassembly_s, config.reassembly_messages, self._text
        )

    # --- what a channel is ----------------------------------------------------------------------

    def start(self) -> None:
        """From now on the link's messages for our short code are ours."""
        self.link.subscribe(self.wants, self._take)
        self.link.on_free(self.ports.wake)

    def stop(self) -> "Deferred[None]":
        """Pushes new messages back and waits for what is being journaled or sent."""
        self._stopping = True
        self.parts.give_back()
        waiting: Deferred[Any] = DeferredList([_after(each) for each in self._open])
        return waiting.addCallback(lambda _: None)

    def capacity(self) -> int:
        """What the link takes now."""
        return 0 if self._stopping else self.link.free()

    def send(self, outbound: Outbound) -> "Deferred[SendResult]":
        """Render and submit one notice."""
        return self._watch(self.outgoing.send(outbound).addCallback(self._count))

    def status(self) -> Mapping[str, Any]:
        """The link's state, what waits for its parts, and counts since start."""
        return {
            "state": self.link.status()["state"],
            "link": self.config.link,
            "short_code": self.config.short_code,
            "waiting for parts": len(self.parts),
            "open": len(self._open),
            **self.counters,
        }

    # --- what comes in --------------------------------------------------------------------------

    def wants(self, pdu: Pdu) -> bool:
        """Receipts, and texts for our short code; never USSD."""
        if tlv.raw(pdu.tlvs, Tag.ussd_service_op) is not None or pdu.service_type == "USSD":
            return False
        to = pdu.destination_addr.lstrip("+")
        if self._receipt_in(pdu) is not None:
            # some SMSCs swap the addresses of receipts, some do not
            by = pdu.source_addr.lstrip("+")
            return self.config.receipts == "all" or to in self._ours or by in self._ours
        return not self.config.short_code or to == self.config.short_code.lstrip("+")

    def _receipt_in(self, pdu: Pdu) -> receipt.Receipt | None:
        return receipt.parse(pdu, trust_text=self.link.config.receipts_by_text)

    def _take(self, pdu: Pdu) -> "Deferred[int]":
        if self._stopping:
            return fail(Overloaded("the channel is being stopped"))
        found = self._receipt_in(pdu)
        if found is not None:
            return self._watch(self._receipt(pdu, found))
        place = place_of(pdu)
        if place is not None:
            return self._watch(self.parts.add(pdu, place))
        return self._watch(self._text([pdu], True))

    def _text(self, parts: list[Pdu], complete: bool) -> "Deferred[int]":
        """A message from its parts; an incomplete one is journaled and answered as nonsense."""
        first = parts[0]
        incoming = Incoming(
            link=self.config.link,
            phone=e164(first.source_addr, self.ports.company.country_code, first.source_addr_ton),
            raw_from=first.source_addr,
            to=first.destination_addr,
            text=_joined(parts, self.link.config.alphabet_in),
            source_id=(tlv.text(first.tlvs, self._id_tag) or "") if self._id_tag else "",
            complete=complete,
        )
        return self.inbound.receive(incoming)

    def _receipt(self, pdu: Pdu, found: receipt.Receipt) -> "Deferred[int]":
        self.counters["receipts"] += 1
        settled = self.outgoing.references.settled(found, busy=self.link.outstanding > 0)
        return settled.addCallback(partial(self._report, pdu, found))

    def _report(self, pdu: Pdu, found: receipt.Receipt, reference: str) -> "Deferred[int]":
        state = state_of(found)
        arrived = Arrival(
            key=f"receipt/{reference}/{state}",
            message=DeliveryReport(
                channel=self.ports.name,
                reference=reference,
                state=state,
                detail=detail_of(found),
            ),
            raw=f"{pdu.source_addr} > {pdu.destination_addr}: "
            + split_header(pdu)[1].decode("latin-1"),
            partition_ref=f"phone/{self._phone_of(pdu)}",
            source_id=found.id,
            valid_for_s=_RECEIPT_S,
        )
        return self.ports.accept(arrived).addCallback(lambda _: 0)

    def _phone_of(self, pdu: Pdu) -> str:
        """The phone that a receipt is about: some SMSCs swap the addresses, some do not."""
        code = self.ports.company.country_code
        to = e164(pdu.destination_addr, code, pdu.dest_addr_ton)
        by = e164(pdu.source_addr, code, pdu.source_addr_ton)
        ours = self.config.from_address().lstrip("+")
        return by if pdu.destination_addr.lstrip("+") == ours else to or by

    # --- inside ---------------------------------------------------------------------------------

    def _count(self, result: SendResult) -> SendResult:
        self.counters[type(result).__name__.lower()] += 1
        return result

    def _watch(self, deferred: "Deferred[Any]") -> "Deferred[Any]":
        """Remembers what is open until it has ended."""
        self._open.add(deferred)

        def ended(result: Any) -> Any:
            self._open.discard(deferred)
            return result

        return deferred.addBoth(ended)


def _after(deferred: "Deferred[Any]") -> "Deferred[None]":
    """Fires when another one has ended, whatever its end; leaves its result alone."""
    done: Deferred[None] = Deferred()

    def ended(result: Any) -> Any:
        done.callback(None)
        return result

    deferred.addBoth(ended)
    return done


def _joined(parts: list[Pdu], alphabet: gsm0338.Alphabet) -> str:
    """The text; joined before decoding where possible: heals characters that were cut in two."""
    if len(parts) == 1:
        return gsm0338.decode(split_header(parts[0])[1], parts[0].data_coding, alphabet)
    pieces = [(part.data_coding, split_header(part)[1]) for part in parts]
    if len({coding for coding, _ in pieces}) == 1:
        whole = b"".join(data for _, data in pieces)
        return gsm0338.decode(whole, pieces[0][0], alphabet)
    return "".join(gsm0338.decode(data, coding, alphabet) for coding, data in pieces)


def build(ports: Ports, config: SmsConfig) -> SmsChannel:
    """The channel of one configuration section. DocumentError for a wrong mapping."""
    link: SmppLink = ports.link(config.link)
    company = ports.company
    words = _words(config)
    texts = Texts(read_folder(Path(config.texts)) if config.texts else read_folder(), company)
    counters: Counter[str] = Counter()
    references = References(ports.reactor, link.config.receipt_ids, config.orphan_s)
    money = Money(company.currency, company.exponent, config.decimal_mark)
    return SmsChannel(
        ports,
        config,
        link,
        Inbound(
            ports,
            config,
            words,
            money,
            texts,
            counters,
            lambda: link.bound_for() < config.after_bind_s,
        ),
        Outgoing(link, config.from_address(), texts, words, money, references),
        counters,
    )


def _words(config: SmsConfig) -> Words:
    if not config.words:
        return default_words()
    return read_words(Path(config.words).read_text(encoding="utf-8"), config.words)

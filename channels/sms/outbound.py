"""A notice becomes the parts of a text message, and their outcomes become one."""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.python.failure import Failure

from adapters.smpp.errors import LocalError
from adapters.smpp.pdu import Pdu, SubmitSm
from adapters.smpp.segment import Part, segment
from channels.sms.commands import Money, plain_amount
from channels.sms.receipts import References
from channels.sms.words import Words
from core.messages import SendNotice
from hub.channel import NOT_SENT, Failed, Outbound, SendResult, Sent
from hub.links.smpp import SmppLink
from hub.links.submits import SubmitNotSent, SubmitRefused, SubmitUnknown
from hub.texts import TextError, Texts

#: A token as it is written: its five groups stay in one part.
TOKEN: Final = re.compile(r"\b[0-9]{4}(?: [0-9]{4}){4}\b")
_TON_NAME: Final = 5
#: A message that would cost more parts than this is a mistake in a text, not a text.
_MOST_PARTS: Final = 10


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Renders and submits for one channel. ``sender``: short code or name."""

    link: SmppLink
    sender: str
    texts: Texts
    words: Words
    money: Money
    references: References

    def send(self, outbound: Outbound) -> "Deferred[SendResult]":
        """Fires with Sent when every part was taken, else with Failed; never fails itself."""
        notice = outbound.message
        if not isinstance(notice, SendNotice) or notice.way != "sms":
            return succeed(Failed("an SMS channel sends SMS notices", retry=False))
        try:
            parts = self.parts(outbound.message_id, notice)
        except (TextError, LocalError) as error:
            return succeed(Failed(str(error), retry=False, error_class="text"))
        waiting = [self.link.submit(self._pdu(notice.recipient, part)) for part in parts]
        if len(waiting) == 1:
            return waiting[0].addBoth(self._outcome_of_one)
        done: Deferred[Any] = DeferredList(waiting, consumeErrors=True)
        return done.addCallback(self._outcome)

    def parts(self, message_id: str, notice: SendNotice) -> list[Part]:
        """The parts of a notice. A message sent again has the same reference, so that a phone
        which has some of its parts already can put it together."""
        args = self._with_example(notice)
        text = self.texts.render(notice.template, notice.language, args)
        config = self.link.config
        reference = zlib.crc32(message_id.encode()) & 0xFFFF
        parts = segment(text, reference, config.alphabet_out, config.long_messages, TOKEN)
        if len(parts) > _MOST_PARTS:
            raise TextError(f"text '{notice.template}' takes {len(parts)} messages")
        return parts

    def _with_example(self, notice: SendNotice) -> Mapping[str, Any]:
        """What to send to buy again, in the reader's own words."""
        sale = notice.args.get("sale")
        if notice.template != "repeat" or "text" in notice.args or not isinstance(sale, dict):
            return notice.args
        language = self.texts.language(notice.language)
        buy, again = (self.words.word(kind, language) for kind in ("buy", "again"))
        tender = plain_amount(int(sale["tender"]), self.money)
        return {**notice.args, "text": f"{buy} {sale['meter']} {tender} {again}"}

    def _pdu(self, recipient: str, part: Part) -> SubmitSm:
        config = self.link.config
        named = not self.sender.lstrip("+").isdigit()
        return SubmitSm(
            service_type=config.service_type,
            source_addr_ton=_TON_NAME if named else config.source_ton,
            source_addr_npi=0 if named else config.source_npi,
            source_addr=self.sender,
            dest_addr_ton=config.dest_ton,
            dest_addr_npi=config.dest_npi,
            destination_addr=recipient.lstrip("+"),
            esm_class=part.esm_class,
            registered_delivery=config.registered_delivery,
            validity_period=config.validity,
            data_coding=part.data_coding,
            short_message=part.short_message,
            tlvs=part.tlvs,
        )

    def _outcome_of_one(self, found: Pdu | Failure) -> SendResult:
        """Nearly all messages have one part, for which nothing has to be gathered."""
        return self._outcome([(not isinstance(found, Failure), found)])

    def _outcome(self, results: "list[tuple[bool, Pdu | Failure]]") -> SendResult:
        """All taken, or the worst that became of a part."""
        failures = [
            found.value
            for _, found in results
            if isinstance(found, Failure) and found.value is not None
        ]
        if failures:
            worst = min(failures, key=_severity)
            taken = len(results) - len(failures)
            where = f" ({taken} of {len(results)} parts were taken)" if len(results) > 1 else ""
            return _failed(worst, where)
        ids = [getattr(found, "message_id", "") for _, found in results]
        return Sent(tuple(self.references.sent(each) for each in ids if each))


def _severity(error: BaseException) -> int:
    """A sure no first (nothing helps), then what may have been taken, then what may go again."""
    if isinstance(error, SubmitRefused):
        return 0 if error.permanent else 2
    return 1 if isinstance(error, SubmitUnknown) else 3


def _failed(error: BaseException, where: str) -> Failed:
    reason = f"{error}{where}"
    if isinstance(error, SubmitRefused):
        return Failed(reason, retry=not error.permanent, error_class="smsc")
    if isinstance(error, SubmitUnknown):
        return Failed(reason, retry=True, error_class="unknown")
    if isinstance(error, SubmitNotSent):
        return Failed(reason, retry=True, error_class=NOT_SENT)
    return Failed(f"{type(error).__name__}: {reason}", retry=False, error_class="channel")

"""A text from a phone becomes a canonical message with its key; a wire's words become ours.

Pure. A text message has no id of its own in SMPP, so its key is what it is: link, sender, short
code and folded text. How long the key is remembered depends on what is asked (:class:`Windows`).
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from channels.sms.commands import Ask, Buy, Command, Money, Nonsense, Yes, plain_amount
from channels.sms.words import fold
from core.messages import (
    Answer,
    AskAdvance,
    AskBalance,
    AskLastTokens,
    ClaimFreeUnits,
    ConfirmVend,
    CreditVend,
    Message,
    Outcome,
    Recipient,
    RequestCollection,
    SendNotice,
)
from core.queries.views import QuoteView
from core.refusals import OPERATOR, Refusal
from hub.channel import Arrival

#: Template and arguments of a notice.
Notice = tuple[str, dict[str, Any]]


class Windows(msgspec.Struct, frozen=True):
    """Seconds: how long a key is remembered for purchases and for questions; when a purchase that
    has not begun expires; how much longer a repeat is one after a bind; when a no is asked anew."""

    repeat_s: float
    ask_s: float
    expires_s: float
    grace_s: float = 0.0
    again_s: float | None = None


class Incoming(msgspec.Struct, frozen=True):
    """A text as it came. ``phone`` is E.164; ``source_id`` the network's own id, if any.

    ``complete`` is False for a long message of which parts never came: it is another message than
    the one that its text alone would be.
    """

    link: str
    phone: str
    raw_from: str
    to: str
    text: str
    source_id: str = ""
    complete: bool = True

    def key(self) -> str:
        """The network's id where there is one, else what the message is."""
        parts = [self.link, self.raw_from, self.to, self.source_id or fold(self.text)]
        digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
        kind = "id" if self.source_id else "text"
        return f"sms/{kind if self.complete else 'part'}/{digest}"

    def raw(self) -> str:
        """The evidence, for the journal."""
        return f"{self.raw_from} > {self.to}: {self.text}"


class Reply(msgspec.Struct, frozen=True):
    """How the answer goes: by which channel instance, in which language, in whose currency."""

    channel: str
    language: str
    currency: str


def arrival(
    incoming: Incoming, command: Command, reply: Reply, windows: Windows, told: Notice | None = None
) -> Arrival:
    """The arrival of a text. ``told``: what the channel has found out to answer it."""
    message: Message
    if told is None:
        message = message_of(incoming.phone, command, reply)
    else:
        message = notice(incoming.phone, told, reply)
    money = isinstance(command, Buy | Yes) or (
        isinstance(command, Ask) and command.kind == "advance"
    )
    return Arrival(
        key=incoming.key(),
        message=message,
        raw=incoming.raw(),
        partition_ref=(
            f"meter/{command.meter}" if isinstance(command, Buy) else f"phone/{incoming.phone}"
        ),
        source_id=incoming.source_id,
        expires_in_s=windows.expires_s if money else None,
        valid_for_s=windows.repeat_s if money or incoming.source_id else windows.ask_s,
        grace_s=windows.grace_s if money else 0.0,
        ask_again_after_s=windows.again_s if money else None,
    )


def message_of(phone: str, command: Command, reply: Reply) -> Message:
    """The canonical message of a command."""
    to = (Recipient(way="sms", address=phone, language=reply.language, channel=reply.channel),)
    match command:
        case Buy():
            return _purchase(phone, command, reply, to)
        case Yes():
            return ConfirmVend(phone=phone, code=command.code, reply=to)
        case Ask(kind="balance"):
            return AskBalance(phone=phone, reply=to)
        case Ask(kind="last"):
            return AskLastTokens(phone=phone, reply=to)
        case Ask(kind="free"):
            return ClaimFreeUnits(phone=phone, meter=command.meter, reply=to)
        case Ask(kind="advance"):
            return AskAdvance(phone=phone, meter=command.meter, amount=command.much, reply=to)
        case Nonsense():
            return notice(phone, nonsense_notice(command), reply)
        case _:
            return notice(phone, ("help", {}), reply)


def _purchase(
    phone: str, command: Buy, reply: Reply, to: tuple[Recipient, ...]
) -> CreditVend | RequestCollection:
    """What an account pays, or the sender's own wallet: then it is asked first."""
    vend = CreditVend(
        meter=command.meter,
        tender=command.tender,
        currency=reply.currency,
        phone=phone,
        another=command.another,
        reply=to,
        answer_by_notice=True,
    )
    if not command.wallet:
        return vend
    return RequestCollection(
        payer=phone,
        amount=vend.tender,
        currency=vend.currency,
        purpose="vend",
        vend=vend,
        reply=to,
        answer_by_notice=True,
    )


def notice(phone: str, what: Notice, reply: Reply) -> SendNotice:
    """A notice of this channel to a phone."""
    template, args = what
    return SendNotice(
        way="sms",
        recipient=phone,
        template=template,
        args=args,
        language=reply.language,
        channel=reply.channel,
    )


def nonsense_notice(command: Nonsense) -> Notice:
    """What to answer: a refusal's sentence where the reason is one, else one of our own."""
    if command.reason in OPERATOR:
        return "refusal", {"code": command.reason, "args": dict(command.args)}
    reason: Mapping[str, Any] = {"reason": command.reason} if command.reason else {}
    return "nonsense", {**reason, **command.args}


def price_notice(found: QuoteView | Refusal, word: str, money: Money) -> Notice:
    """What units cost, with the purchase as it is to be typed; or why that is not said."""
    if isinstance(found, Refusal):
        return "refusal", {"code": found.code, "args": dict(found.args_)}
    buy = f"{word} {found.meter.drn} {plain_amount(found.tender, money)}"
    return "price", {
        "meter": found.meter.drn,
        "units_tenths": found.units_tenths,
        "commodity": found.commodity,
        "tender": found.tender,
        "currency": found.currency,
        "lines": msgspec.to_builtins(found.lines),
        "suggestion": buy,
    }


def answer_notice(answer: Answer) -> Notice:
    """A stored answer told again to a person who asks again."""
    if answer.outcome is Outcome.DONE and "owed" in answer.data:  # units on credit
        return "advance", dict(answer.data)
    if answer.outcome is Outcome.DONE and "token" in answer.data:
        return "repeat", {"sale": answer.data}
    if answer.code == "likely-repeat":
        return "repeat", {"sale": answer.data}
    if answer.outcome is Outcome.REFUSED:
        return "refusal", {"code": answer.code, "args": answer.args}
    return "outcome-unknown", {}

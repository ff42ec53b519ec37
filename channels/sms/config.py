"""The configuration of an SMS channel: ``[channels.<name>]`` with ``kind = "sms"``."""

from typing import Annotated, Literal

import msgspec

Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class SmsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One short code on one link.

    link
        The SMPP link that carries it (``[links.<name>]``); several channels may share one.
    short_code
        The number that people send to; what the link brings for other numbers is not ours. Empty:
        all.
    sender
        Who our messages come from: the short code unless said otherwise, or a name of at most 11
        letters (to which nobody can answer).
    receipts
        Delivery receipts that we take: ``all`` of the link, or only our ``own`` (by sender), where
        several SMS channels share the link.
    repeat_window_s
        A purchase or confirmation with the same text from the same phone is the network's repeat
        within this time, and a new request after it. Ten minutes, as long as the core asks about
        likely repeats of a person.
    ask_window_s
        The same for questions (BALANCE, LAST, HELP): a person may ask again soon.
    resend_after_s
        Who sends the same purchase again after this time, but within the window, is a person that
        waits: he gets the answer again.
    redelivery_s, after_bind_s
        For ``after_bind_s`` after a bind the network may be delivering again what it had no answer
        to, however long the link was down: in that time a purchase with the same text as one of
        the last ``redelivery_s`` is its repeat. He who really buys the same again sends AGAIN.
    expires_s
        A purchase that could not begin within this time is refused as expired: nobody expects
        yesterday's message to buy today.
    reassembly_s
        How long the parts of a long message wait for each other. The SMSC's own timer for our
        answer (30 s and more) must be longer.
    reassembly_messages
        Long messages that may wait for parts at once; more are pushed back.
    nonsense_per_hour
        Answers to what we do not understand, per phone: two machines must not talk for ever.
    language
        For phones whose language nobody knows; empty: the company's first.
    decimal_mark
        What stands before the decimals of amounts that people type: ``.`` or ``,``.
    orphan_s
        A receipt whose message we do not know waits this long: it may have overtaken the response.
    texts, words
        A folder with own sheets of texts, a file with own words; empty: those of Wattbus.
    """

    link: Annotated[str, msgspec.Meta(min_length=1)]
    short_code: str = ""
    sender: Annotated[str, msgspec.Meta(max_length=20)] = ""
    receipts: Literal["all", "own"] = "all"
    repeat_window_s: Seconds = 600.0
    ask_window_s: Seconds = 30.0
    resend_after_s: Seconds = 30.0
    redelivery_s: Seconds = 86_400.0
    after_bind_s: Seconds = 300.0
    expires_s: Seconds = 3_600.0
    reassembly_s: Seconds = 15.0
    reassembly_messages: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    nonsense_per_hour: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 10
    language: str = ""
    decimal_mark: Literal[".", ","] = "."
    orphan_s: Seconds = 5.0
    texts: str = ""
    words: str = ""

    def from_address(self) -> str:
        """The sender of our messages."""
        return self.sender or self.short_code

"""Terminals that misbehave, each in one way, by name. All have been met in the field.

A share of what could be struck is struck (``shares``, by name; a tenth where it is not said), drawn
from the terminal's own seed. Each passes on what it leaves alone, so that ways can be put together:
``class Bad(LosesAnswers, RepeatsRequests)``.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from adapters._session import CloseLink
from adapters.iso8583.codec import Codec
from adapters.iso8583.errors import IsoError
from adapters.iso8583.framing import frame
from adapters.iso8583.message import Message
from simulators.pos.items import Fate, Item, Totals
from simulators.pos.terminal import Terminal
from simulators.pos.terms import Pending, Setup
from simulators.pos.wording import Heard, Moment

#: How often a way strikes where nobody says.
SHARE: Final = 0.1
#: What has happened already: the next tick is due.
AT_ONCE: Final = float("-inf")
#: Echoes at once: more than any switch asks for in a day.
FLOOD: Final = 1_000
#: Seconds between two octets of a slow sender: slower than any read timeout allows a frame to be.
DRIP_S: Final = 1.0
BOOKING: Final = frozenset({"vend", "pay"})


class Struck(Terminal):
    """What the misbehaviours share: when one strikes."""

    def __init__(
        self,
        setup: Setup,
        wall: Callable[[], float],
        seed: int = 0,
        shares: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(setup, wall, seed)
        self.shares = shares or {}

    def strikes(self, name: str) -> bool:
        """Whether this one is struck; how many were is in ``counts``."""
        struck = self.draw.random() < self.shares.get(name, SHARE)
        self.counts[name] += struck
        return struck


class LosesAnswers(Struck):
    """The answer to a sale or payment never reaches it: it takes the item back."""

    name = "loses-answers"

    def hears(self, heard: Heard, pending: Pending) -> bool:
        if pending.operation in BOOKING and self.strikes(LosesAnswers.name):
            pending.due = AT_ONCE  # nothing else will come: nobody needs to wait
            return False
        return super().hears(heard, pending)


class LosesReversalAnswers(Struck):
    """The answer to a reversal never reaches it: it sends it again (0401)."""

    name = "loses-reversal-answers"

    def hears(self, heard: Heard, pending: Pending) -> bool:
        if pending.operation == "reversal" and self.strikes(LosesReversalAnswers.name):
            pending.due = AT_ONCE
            return False
        return super().hears(heard, pending)


class RepeatsRequests(Struck):
    """Sends a sale or payment again at once, marked as a repeat (0201)."""

    name = "repeats-requests"

    def transmits(self, octets: bytes, pending: Pending) -> None:
        super().transmits(octets, pending)
        if pending.operation in BOOKING and self.strikes(RepeatsRequests.name):
            mti = pending.message.mti
            repeat = replace(pending.message, mti=f"{mti[:3]}1")
            super().transmits(self.modem.framed(repeat), pending)


class ReversesBefore(Struck):
    """A request stays somewhere in the network: its reversal is there first."""

    name = "reverses-before"

    def __init__(
        self,
        setup: Setup,
        wall: Callable[[], float],
        seed: int = 0,
        shares: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(setup, wall, seed, shares)
        self._late: bytes = b""

    def transmits(self, octets: bytes, pending: Pending) -> None:
        if pending.operation in BOOKING and self.strikes(ReversesBefore.name):
            self._late, pending.due = octets, AT_ONCE
            return
        super().transmits(octets, pending)

    def hears(self, heard: Heard, pending: Pending) -> bool:
        if pending.operation == "reversal" and self._late:
            late, self._late = self._late, b""
            super().transmits(late, pending)
        return super().hears(heard, pending)


class ReversesDuring(Struck):
    """Takes a sale back before its answer can be there."""

    name = "reverses-during"

    def transmits(self, octets: bytes, pending: Pending) -> None:
        super().transmits(octets, pending)
        if pending.operation in BOOKING and self.strikes(ReversesDuring.name):
            pending.due = AT_ONCE


class ReversesAfter(Struck):
    """Has the answer, but cannot print it: out of paper."""

    name = "reverses-after"

    def prints(self, item: Item, now: float) -> None:
        if self.strikes(ReversesAfter.name):
            item.fate = Fate.UNKNOWN
            return
        super().prints(item, now)


class KeepsTokenAndReverses(Struck):
    """The fraud: prints the token, sells it, and claims that no answer came.

    ``stolen`` has the digits.
    """

    name = "keeps-token"

    def __init__(
        self,
        setup: Setup,
        wall: Callable[[], float],
        seed: int = 0,
        shares: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(setup, wall, seed, shares)
        self.stolen: list[str] = []

    def prints(self, item: Item, now: float) -> None:
        super().prints(item, now)
        sold = item.kind == "sale" and item.fate is Fate.DONE
        if sold and self.strikes(KeepsTokenAndReverses.name):
            self.stolen.append(str(item.answer.get("token", "")))
            item.fate = Fate.UNKNOWN


class CutsLineMidFrame(Struck):
    """The line breaks in the middle of a request."""

    name = "cuts-line"

    def transmits(self, octets: bytes, pending: Pending) -> None:
        if pending.operation in BOOKING and self.strikes(CutsLineMidFrame.name):
            super().transmits(octets[: len(octets) // 2], pending)
            self.tells(CloseLink("the line is cut"))
            return
        super().transmits(octets, pending)


class CutsLineBeforeAnswer(Struck):
    """The line breaks when a request has left."""

    name = "cuts-line-after"

    def transmits(self, octets: bytes, pending: Pending) -> None:
        super().transmits(octets, pending)
        if pending.operation in BOOKING and self.strikes(CutsLineBeforeAnswer.name):
            self.tells(CloseLink("the line is cut"))


class WrongMac(Struck):
    """Its code is wrong: another key, or an octet that was changed under way."""

    name = "wrong-mac"

    def transmits(self, octets: bytes, pending: Pending) -> None:
        if self.strikes(WrongMac.name):
            octets = octets[:-1] + bytes([octets[-1] ^ 1])
        super().transmits(octets, pending)


class WrongTotals(Struck):
    """Its totals are of another day: one sale more than it made."""

    name = "wrong-totals"

    def totals(self) -> Totals:
        right = super().totals()
        if not self.strikes(WrongTotals.name):
            return right
        return replace(right, debits=right.debits + 1, debit_amount=right.debit_amount + 1_000)


class SlowSender(Struck):
    """Sends a frame octet by octet: a modem of the last century, or an attack."""

    name = "slow-sender"
    _drips = b""
    _next = 0.0

    def transmits(self, octets: bytes, pending: Pending) -> None:
        if self.strikes(SlowSender.name):
            self._drips += octets
            return
        super().transmits(octets, pending)

    def tick(self, now: float) -> list[object]:
        if self._drips and now >= self._next:
            self.sends(self._drips[:1])
            self._drips, self._next = self._drips[1:], now + DRIP_S
        return super().tick(now)

    def lost(self, reason: str, now: float) -> list[object]:
        self._drips = b""
        return super().lost(reason, now)

    def deadline(self) -> float | None:
        due = super().deadline()
        if not self._drips:
            return due
        return self._next if due is None else min(due, self._next)


class ClockFarOff(Struck):
    """Its battery was empty: it lives in another year."""

    name = "clock-far-off"

    def clock(self) -> float:
        return super().clock() - 400 * 86_400


class SendsPinBlock(Struck):
    """Sends a card's PIN block (DE 52), which no utility may have."""

    name = "sends-pin-block"

    def transmits(self, octets: bytes, pending: Pending) -> None:
        if pending.operation in BOOKING and self.strikes(SendsPinBlock.name):
            octets = self._with_block(pending.message)
        super().transmits(octets, pending)

    def _with_block(self, message: Message) -> bytes:
        dialect = self.setup.wording.dialect
        open_ = replace(dialect, codec=Codec(replace(dialect.codec.layout, keep_pin=True)))
        block = {52: bytes.fromhex("0412AC89ABCDEF67")}
        whole = replace(message, fields={**message.fields, **block})
        return replace(self.modem, dialect=open_).framed(whole)


class ReusesStan(Struck):
    """Numbers another request as the one before: its memory was lost."""

    name = "reuses-stan"

    def moment(self) -> Moment:
        if self.strikes(ReusesStan.name):
            self.step_back()
        return super().moment()


class OversizedFrame(Struck):
    """Claims a frame of more than any switch takes, and sends it."""

    name = "oversized-frame"

    def transmits(self, octets: bytes, pending: Pending) -> None:
        if self.strikes(OversizedFrame.name):
            how = self.setup.wording.dialect.framing
            size = how.longest + 1
            octets = frame(replace(how, longest=size), b"0" * size)
        super().transmits(octets, pending)


class FloodsEcho(Struck):
    """Asks whether the host is there, a thousand times at once."""

    name = "floods-echo"

    def transmits(self, octets: bytes, pending: Pending) -> None:
        super().transmits(octets, pending)
        if pending.operation == "echo":
            for _ in range(FLOOD):
                super().transmits(octets, pending)


class SendsGarbage(Struck):
    """In place of a message: what a modem hears on a bad line."""

    name = "sends-garbage"

    def transmits(self, octets: bytes, pending: Pending) -> None:
        if self.strikes(SendsGarbage.name):
            noise = self.draw.randbytes(max(1, len(octets) - 4))
            try:
                octets = frame(self.setup.wording.dialect.framing, noise)
            except IsoError:  # no frame holds it: as it is
                octets = noise
        super().transmits(octets, pending)


class WrongBitmap(Struck):
    """Its bitmap names a field that is not there."""

    name = "wrong-bitmap"

    def transmits(self, octets: bytes, pending: Pending) -> None:
        if self.strikes(WrongBitmap.name):
            layout = self.setup.wording.dialect.codec.layout
            at = self.setup.wording.dialect.framing.lead + layout.header
            at += 2 if layout.digits == "bcd" else 4
            other = octets[at + 1] ^ (0x08 if layout.bitmap == "binary" else 0x01)
            octets = octets[: at + 1] + bytes([other]) + octets[at + 2 :]
        super().transmits(octets, pending)


KINDS: dict[str, type[Terminal]] = {
    kind.name: kind
    for kind in (
        Terminal,
        LosesAnswers,
        LosesReversalAnswers,
        RepeatsRequests,
        ReversesBefore,
        ReversesDuring,
        ReversesAfter,
        KeepsTokenAndReverses,
        CutsLineMidFrame,
        CutsLineBeforeAnswer,
        WrongMac,
        WrongTotals,
        SlowSender,
        ClockFarOff,
        SendsPinBlock,
        ReusesStan,
        OversizedFrame,
        FloodsEcho,
        SendsGarbage,
        WrongBitmap,
    )
}

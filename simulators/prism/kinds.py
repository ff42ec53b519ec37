"""Modules that misbehave, each in one way, by name."""

from typing import Any

import msgspec

from adapters.prismtoken import message
from adapters.prismtoken.calls import IssueCreditToken, IssueMseToken
from adapters.prismtoken.message import ApiError
from core.sts.meter_id import luhn_digit
from simulators.prism.link import Asked
from simulators.prism.module import Link, PrismModule


class LateModule(PrismModule):
    """Makes each n-th token in time but answers late (``delay``): whoever asks gets it at once."""

    name = "late"

    def answer(self, link: Link, asked: Asked, result: Any) -> None:
        if link.strikes:
            self.after(self.options.delay, super().answer, link, asked, result)
        else:
            super().answer(link, asked, result)


class SlowModule(PrismModule):
    """Makes each n-th token late (``delay``): whoever asks too early hears "never made"."""

    name = "slow"

    def perform(self, link: Link, asked: Asked) -> None:
        if link.strikes:
            self.after(self.options.delay, super().perform, link, asked)
        else:
            super().perform(link, asked)


class LostAnswerModule(PrismModule):
    """Makes each n-th token and drops the connection in place of the answer."""

    name = "lost-answer"

    def answer(self, link: Link, asked: Asked, result: Any) -> None:
        if link.strikes:
            link.wire.close("dropped on purpose", abort=True)
            self.next(link)
        else:
            super().answer(link, asked, result)


class TwiceModule(PrismModule):
    """Answers each n-th issuing call twice, the second time perhaps into the next call."""

    name = "twice"

    def answer(self, link: Link, asked: Asked, result: Any) -> None:
        if link.strikes:
            link.session.respond(asked, result)
        super().answer(link, asked, result)


class WrongMeterModule(PrismModule):
    """Mixes up two calls: each n-th credit is another meter's, and is remembered so."""

    name = "wrong-meter"

    def make(self, link: Link, asked: Asked) -> Any:
        call = asked.call
        if link.strikes and isinstance(call, IssueCreditToken | IssueMseToken):
            config = call.meter_config
            serial = (int(config.drn[-9:-1]) + 1) % 100_000_000
            head = f"{config.drn[:-9]}{serial:08d}"
            other = msgspec.structs.replace(config, drn=f"{head}{luhn_digit(head)}")
            asked = Asked(asked.sequence, msgspec.structs.replace(call, meter_config=other))
        return super().make(link, asked)


class DownModule(PrismModule):
    """Goes down at each n-th issuing call, unserved, and refuses connections (``down``)."""

    name = "down"

    def begin(self, link: Link, asked: Asked) -> None:
        super().begin(link, asked)
        if link.strikes:
            self.go_down(self.options.down)

    def perform(self, link: Link, asked: Asked) -> None:
        if link in self.links and not link.strikes:  # it went down before it made anything
            super().perform(link, asked)


class ForgetfulModule(PrismModule):
    """Makes each n-th token and restarts before the answer, with its results only in memory.

    Then it says in good faith "never made". No client can tell that from the truth, so a second
    token is made for the order; as both carry the order's own TID, a meter takes one of them only,
    and the module's counter shows one more than was asked for.
    """

    name = "forgetful"

    def answer(self, link: Link, asked: Asked, result: Any) -> None:
        if link.strikes:
            self.box.results.clear()
            self.box.sessions.clear()
            link.wire.close("restarted on purpose", abort=True)
            self.next(link)
        else:
            super().answer(link, asked, result)


class GarbageModule(PrismModule):
    """Answers each n-th issuing call with a broken frame, another kind of it each time."""

    name = "garbage"
    _turn = 0

    def answer(self, link: Link, asked: Asked, result: Any) -> None:
        if not link.strikes:
            super().answer(link, asked, result)
            return
        call = asked.call
        whole = message.encode_result(call.method, asked.sequence, result, call.result)
        broken = (
            bytes.fromhex("7fffffff") + whole[4:],  # a length that no message has
            whole[:4] + b"\x00\x00" + whole[6:],  # no version
            (len(whole) - 5).to_bytes(4, "big") + whole[4:-1],  # without its last octet
            whole[:-30] + bytes(30),  # a struct that ends early
            b"HTTP/1.1 502 Bad Gateway\r\n\r\n",  # some proxy in between
        )
        link.session.raw(broken[self._turn % len(broken)])
        self._turn += 1
        self.next(link)


class ExpiringModule(PrismModule):
    """Forgets all access tokens at each n-th issuing call, which it refuses."""

    name = "expiring"

    def make(self, link: Link, asked: Asked) -> Any:
        if link.strikes:
            self.box.sessions.clear()
        return super().make(link, asked)


class FailingModule(PrismModule):
    """Refuses each n-th issuing call: the hardware is busy, nothing was made."""

    name = "failing"

    def make(self, link: Link, asked: Asked) -> Any:
        if link.strikes:
            return ApiError("ESm", "Security Module error '26': token generation failed")
        return super().make(link, asked)


KINDS: dict[str, type[PrismModule]] = {
    kind.name: kind
    for kind in (
        PrismModule,
        LateModule,
        SlowModule,
        LostAnswerModule,
        TwiceModule,
        WrongMeterModule,
        DownModule,
        ForgetfulModule,
        GarbageModule,
        ExpiringModule,
        FailingModule,
    )
}

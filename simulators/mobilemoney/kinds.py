"""Providers that misbehave, each in one way, by name. All of it has been met in the field.

"Each n-th" is ``every``: of notices, pushes, or calls with a token, as the class says.
"""

from dataclasses import replace
from typing import Any
from zlib import crc32

from twisted.internet.defer import Deferred, succeed

from simulators.mobilemoney.book import Collection, Ending, Holder
from simulators.mobilemoney.kinds_signed import SIGNED_KINDS
from simulators.mobilemoney.purse import Purse
from simulators.mobilemoney.wire import HTML, Call, Notice, Reply


class LostNotice(Purse):
    """Never sends each n-th notice: the money has moved all the same."""

    name = "lost-notice"

    def treat(self, notice: Notice) -> "Deferred[None]":
        return self.lose(notice) if self.strikes(self.counts.notices) else self.send(notice)


class DoubledNotice(Purse):
    """Sends each n-th notice twice at once."""

    name = "doubled-notice"

    def treat(self, notice: Notice) -> "Deferred[None]":
        if self.strikes(self.counts.notices):
            self.send(notice)
        return self.send(notice)


class LateNotice(Purse):
    """Sends each n-th notice late (``delay``)."""

    name = "late-notice"

    def treat(self, notice: Notice) -> "Deferred[None]":
        if not self.strikes(self.counts.notices):
            return self.send(notice)
        self.after(self.options.delay, self.send, notice)
        return succeed(None)


class AlteredNotice(Purse):
    """Each n-th notice says ten times the amount, or (Airtel) another payment's number."""

    name = "altered-notice"

    def treat(self, notice: Notice) -> "Deferred[None]":
        if self.strikes(self.counts.notices):
            notice = replace(self.dialect.altered(notice), altered=True)
        return self.send(notice)


class MissingField(Purse):
    """Each n-th notice lacks its receipt."""

    name = "missing-field"

    def treat(self, notice: Notice) -> "Deferred[None]":
        if self.strikes(self.counts.notices):
            notice = self.dialect.cut(notice)
        return self.send(notice)


class IntegerCodes(Purse):
    """Each n-th notice has its codes and amounts in the other JSON type."""

    name = "integer-codes"

    def treat(self, notice: Notice) -> "Deferred[None]":
        if self.strikes(self.counts.notices):
            notice = self.dialect.recoded(notice)
        return self.send(notice)


class StormyPurse(Purse):
    """Loses, doubles, delays and alters notices by chance (``storm``, ``seed``): a month's end."""

    name = "stormy"

    def treat(self, notice: Notice) -> "Deferred[None]":
        if notice.kind == "result":  # an answer to a question of ours
            return self.send(notice)
        lost, doubled, late, altered = self.options.storm
        drawn = self.chance.randrange(1000)
        if drawn < lost:
            return self.lose(notice)
        if drawn < lost + doubled:
            self.send(notice)
            return self.send(notice)
        if drawn < lost + doubled + late:
            self.after(self.options.delay, self.send, notice)
            return succeed(None)
        if drawn < lost + doubled + late + altered:
            return self.send(replace(self.dialect.altered(notice), altered=True))
        return self.send(notice)


class StaleToken(Purse):
    """Forgets all access tokens at each n-th call that has one, though they had time left."""

    name = "stale-token"
    _shown = 0

    def authorised(self, call: Call) -> bool:
        self._shown += 1
        if self.strikes(self._shown):
            self.tokens.ends.clear()
        return super().authorised(call)


class _Pushy(Purse):
    """Does something else with the answer to each n-th push, which was taken."""

    def answered(self, call: Call, reply: Reply) -> "Deferred[Reply]":
        if self.asked is None or not self.strikes(self.counts.pushes):
            return super().answered(call, reply)
        return self.struck(self.asked, reply)

    def struck(self, asked: Collection, reply: Reply) -> "Deferred[Reply]":
        """The push's answer."""
        raise NotImplementedError


class SilentPurse(_Pushy):
    """Takes each n-th push, asks the payer, and never answers the merchant."""

    name = "silent"

    def struck(self, asked: Collection, reply: Reply) -> "Deferred[Reply]":
        del asked, reply
        return Deferred()


class HtmlPurse(_Pushy):
    """Takes each n-th push, asks the payer, and a gateway answers with its error page."""

    name = "html"

    def struck(self, asked: Collection, reply: Reply) -> "Deferred[Reply]":
        del asked, reply
        return succeed(HTML)


class SlowPurse(_Pushy):
    """Answers each n-th push late (``delay``)."""

    name = "slow"

    def struck(self, asked: Collection, reply: Reply) -> "Deferred[Reply]":
        del asked
        late: Deferred[Reply] = Deferred()
        self.clock.callLater(self.options.delay, _unless_gone, late, reply)
        return late


class CallbackBeforeAnswer(_Pushy):
    """The payer of each n-th push approves at once, and its notice overtakes the answer."""

    name = "callback-before-answer"

    def struck(self, asked: Collection, reply: Reply) -> "Deferred[Reply]":
        if asked.ending is None:
            self.conclude(asked, Ending.PAID)
        return self.ended(asked).addCallback(lambda _: reply)


class OutagePurse(_Pushy):
    """Goes away at each n-th push, which nobody was asked for, for a time (``down``)."""

    name = "outage"

    def struck(self, asked: Collection, reply: Reply) -> "Deferred[Reply]":
        del reply
        del self.book.collections[asked.key]
        if self.prompts.get(asked.payer) is asked:
            del self.prompts[asked.payer]
        asked.ending = Ending.CANCELLED  # so that nothing more comes of it
        self.go_down(self.options.down)
        return succeed(HTML)


class BusyPayer(Purse):
    """Each n-th payer is in another session."""

    name = "busy-payer"

    def phone(self, holder: Holder, collection: Collection) -> Ending | None:
        if self.strikes(self.counts.pushes):
            return Ending.BUSY
        return super().phone(holder, collection)


class WrongPin(Purse):
    """Each n-th payer mistypes his PIN."""

    name = "wrong-pin"

    def phone(self, holder: Holder, collection: Collection) -> Ending | None:
        if self.strikes(self.counts.pushes):
            return Ending.WRONG_PIN
        return super().phone(holder, collection)


class LateApproval(Purse):
    """Tells of each n-th push that the payer was silent, and moves his money afterwards.

    The second notice comes after ``delay``; a question in between is told that nothing was paid.
    """

    name = "late-approval"

    def ended(self, collection: Collection) -> "Deferred[None]":
        if collection.ending is not Ending.PAID or not self.strikes(self.counts.notices + 1):
            return super().ended(collection)
        receipt = collection.receipt
        collection.ending, collection.receipt = Ending.TIMEOUT, ""
        told = super().ended(collection)
        self.after(self.options.delay, self._approved, collection, receipt)
        return told

    def _approved(self, collection: Collection, receipt: str) -> None:
        collection.ending, collection.receipt = Ending.PAID, receipt
        super().ended(collection)


class ForgingStranger(Purse):
    """Beside each n-th notice somebody else sends one of a payment that never was."""

    name = "forging-stranger"

    def treat(self, notice: Notice) -> "Deferred[None]":
        sent = self.send(notice)
        if self.strikes(self.counts.notices):
            self.send(_forged(notice))
        return sent


def _forged(notice: Notice) -> Notice:
    """The same words about another payment: every receipt in it is one that nobody gave."""

    def other(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: _named(name, value, each, other) for name, each in value.items()}
        return [other(each) for each in value] if isinstance(value, list) else value

    fields = other(dict(notice.fields))
    return Notice(notice.url, fields, "forged", notice.kind, notice.method, notice.headers)


_RECEIPTS = ("TransID", "airtel_money_id", "financialTransactionId")


def _named(name: str, row: dict[str, Any], value: Any, other: Any) -> Any:
    if name in _RECEIPTS or (name == "Value" and row.get("Name") == "MpesaReceiptNumber"):
        return f"FORGED{crc32(str(value).encode()) % 10_000:04d}"
    return other(value)


def _unless_gone(late: "Deferred[Reply]", reply: Reply) -> None:
    if not late.called:
        late.callback(reply)


KINDS: dict[str, type[Purse]] = {
    kind.name: kind
    for kind in (
        Purse,
        LostNotice,
        DoubledNotice,
        LateNotice,
        AlteredNotice,
        MissingField,
        IntegerCodes,
        StormyPurse,
        StaleToken,
        SilentPurse,
        HtmlPurse,
        SlowPurse,
        CallbackBeforeAnswer,
        OutagePurse,
        BusyPayer,
        WrongPin,
        LateApproval,
        ForgingStranger,
    )
} | SIGNED_KINDS

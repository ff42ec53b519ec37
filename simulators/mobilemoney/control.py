"""The control port: one JSON object per line, so that phones and tests elsewhere use the provider.

Requests have ``do`` and an optional ``id`` that comes back in the answer ``{"id", "ok", …}``:

* ``{"do": "status"}``: kind, provider, up, calls, pushes, notices, lost, prompts, moved, total;
* ``{"do": "watch", "phone": PHONE or null}``: from now on a line ``{"event": "push" or "push-over",
  "phone", "provider", "merchant", "amount", "currency", "shown", "ending"}`` for each prompt; one
  that is open is told at once;
* ``{"do": "answer", "phone": PHONE, "pin": PIN}``: to the prompt; no PIN cancels; ``ending``;
* ``{"do": "pay", "phone": PHONE, "account": TEXT, "amount": MINOR}``: a pay-in; ``receipt``, or
  ``refused``;
* ``{"do": "scan", "phone": PHONE, "key": KEY}``: a code that was shown;
* ``{"do": "holder", "phone": PHONE, "balance"?, "pin"?, "reachable"?}``: a payer, and changes him;
* ``{"do": "statement", "day": YYYY-MM-DD}``: ``csv``; ``{"do": "settle", "until": YYYY-MM-DD}``:
  ``reference``, ``amount`` and ``fee``, empty where nothing was due;
* ``{"do": "down", "seconds": N}``; ``{"do": "up"}``; ``{"do": "expire"}``: all access tokens;
* ``{"do": "repeat", "about": RECEIPT or KEY}``: the notice once more; ``{"do": "lose", "count":
  N}``: the next N notices never leave.

What is wrong gets ``{"ok": false, "error": SENTENCE}``.
"""

import json
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from twisted.internet import protocol
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from simulators.mobilemoney.book import Collection
from simulators.mobilemoney.purse import PaidIn, Purse

_LONGEST: Final = 64 * 1024  # octets of a line
_MOST: Final = 1_000_000_000_000  # of a number in a request
Fields = dict[str, Any]


def _text(request: Fields, name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name!r} must be a text")
    return value


def _number(request: Fields, name: str) -> int:
    value = request.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST:
        raise ValueError(f"{name!r} must be a whole number from 0 to {_MOST}")
    return value


def _status(purse: Purse, request: Fields) -> Fields:
    del request
    return purse.status()


def _answer(purse: Purse, request: Fields) -> Fields:
    phone = _text(request, "phone")
    if phone.removeprefix("+") not in purse.prompts:
        raise ValueError(f"no payment waits on {phone}")
    return {"ending": purse.typed(phone, str(request.get("pin") or "")).value}


def _pay(purse: Purse, request: Fields) -> "Deferred[Fields]":
    paying = purse.pay_in(
        _text(request, "phone"), _text(request, "account"), _number(request, "amount")
    )

    def told(paid: PaidIn) -> Fields:
        return {"receipt": paid.receipt, "refused": paid.refused}

    return paying.addCallback(told)


def _scan(purse: Purse, request: Fields) -> Fields:
    key = _text(request, "key")
    if key not in purse.book.collections:
        raise ValueError(f"no code {key}")
    purse.scanned(key, _text(request, "phone"))
    return {}


def _holder(purse: Purse, request: Fields) -> Fields:
    holder = purse.book.holder(_text(request, "phone"))
    if "balance" in request:
        holder.balance = _number(request, "balance")
    if "pin" in request:
        holder.pin = _text(request, "pin")
    if "reachable" in request:
        holder.reachable = bool(request["reachable"])
    return {"balance": holder.balance, "pin": holder.pin, "reachable": holder.reachable}


def _statement(purse: Purse, request: Fields) -> Fields:
    return {"csv": purse.book.statement(date.fromisoformat(_text(request, "day")))}


def _settle(purse: Purse, request: Fields) -> Fields:
    payout = purse.settle(date.fromisoformat(_text(request, "until")))
    if payout is None:
        return {"reference": "", "amount": 0, "fee": 0}
    return {"reference": payout.reference, "amount": payout.amount, "fee": payout.fee}


def _down(purse: Purse, request: Fields) -> Fields:
    purse.go_down(_number(request, "seconds"))
    return {}


def _up(purse: Purse, request: Fields) -> Fields:
    del request
    purse.down_until = 0.0
    return {}


def _expire(purse: Purse, request: Fields) -> Fields:
    del request
    purse.tokens.ends.clear()
    return {}


def _repeat(purse: Purse, request: Fields) -> Fields:
    about = _text(request, "about")
    found = [told.notice for told in purse.told if told.notice.about == about]
    if not found:
        raise ValueError(f"no notice was sent about {about}")
    purse.send(found[-1])
    return {}


def _lose(purse: Purse, request: Fields) -> Fields:
    purse.losing = _number(request, "count")
    return {}


_DOES: Final[dict[str, Callable[[Purse, Fields], "Fields | Deferred[Fields]"]]] = {
    "status": _status,
    "answer": _answer,
    "pay": _pay,
    "scan": _scan,
    "holder": _holder,
    "statement": _statement,
    "settle": _settle,
    "down": _down,
    "up": _up,
    "expire": _expire,
    "repeat": _repeat,
    "lose": _lose,
}


class Control(LineOnlyReceiver):
    """One client of the control port."""

    delimiter = b"\n"
    MAX_LENGTH = _LONGEST

    def __init__(self, purse: Purse) -> None:
        self._purse = purse
        self._stops: list[Callable[[], None]] = []

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:  # noqa: N802, ARG002
        for stop in self._stops:
            stop()

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        try:
            request: Any = json.loads(line)
            if not isinstance(request, dict):
                raise ValueError("a request is a JSON object")
        except (ValueError, RecursionError) as error:
            self._say({"ok": False, "error": str(error)})
            return
        number = request.get("id")
        done = maybeDeferred(self._do, request)
        done.addCallbacks(
            lambda answer: self._say({"id": number, "ok": True, **answer}),
            lambda failure: self._say(
                {"id": number, "ok": False, "error": failure.getErrorMessage()}
            ),
        )

    def _do(self, request: Fields) -> "Fields | Deferred[Fields]":
        what = str(request.get("do"))
        if what == "watch":
            return self._watch(request)
        act = _DOES.get(what)
        if act is None:
            raise ValueError(f"'do' is {what!r}, not one of watch, {', '.join(_DOES)}")
        return act(self._purse, request)

    def _watch(self, request: Fields) -> Fields:
        only = "" if request.get("phone") is None else _text(request, "phone").removeprefix("+")

        def told(event: str, collection: Collection, phone: str) -> None:
            if not only or phone == only:
                self._say(self._event(event, collection, phone))

        self._stops.append(self._purse.watch(told))
        for phone, collection in self._purse.prompts.items():
            told("push", collection, phone)
        return {}

    def _event(self, event: str, collection: Collection, phone: str) -> Fields:
        ending = collection.ending
        return {
            "event": event, "phone": phone, "provider": self._purse.dialect.name,
            "merchant": self._purse.options.merchant, "amount": collection.amount,
            "currency": self._purse.dialect.currency, "shown": collection.shown,
            "ending": ending.value if ending else "",
        }  # fmt: skip

    def _say(self, value: Fields) -> None:
        transport: Any = self.transport
        transport.write(json.dumps(value, ensure_ascii=False).encode() + b"\n")


async def serve(reactor: Any, purse: Purse, port: int, interface: str) -> Any:
    """Listens for control clients; returns the listening port."""
    factory = protocol.Factory.forProtocol(lambda: Control(purse))
    factory.noisy = False
    endpoint: Any = serverFromString(reactor, f"tcp:{port}:interface={interface}")  # type: ignore[no-untyped-call]
    return await endpoint.listen(factory)

"""The HTTP face: what a provider sends. Stored first, answered quickly, believed only when proved.

===================  =============================  ==============================================
what came            from whom it must come         what is done before the answer
===================  =============================  ==============================================
anything             another network, or to an      403, 404: counted
                     address that is none of ours
unreadable, large    the provider                   400, 413: kept as evidence
validation           the provider                   asked of the core; silent after the time
confirmation         the provider                   journaled; a large one noted and asked about
notice               the provider                   as asked: journaled; else kept, and asked about
refund, payment      the provider, to the very      journaled
                     address of our question
anything             the hub is full                503, come again
===================  =============================  ==============================================
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final

from twisted.internet.defer import Deferred

from adapters.mobilemoney.reading import NoticeError, Reading, Said
from adapters.mobilemoney.sending import Kind, Reply, Verdict
from channels.mobilemoney.addresses import Addresses
from channels.mobilemoney.caller import Caller
from channels.mobilemoney.notices import Notices
from channels.mobilemoney.payins import PayIns
from channels.mobilemoney.validation import Validation
from hub.channel import HttpRequest, HttpResponse, Overloaded, Ports

#: A callback has some forty fields. What is larger is none, and its beginning is evidence enough.
MAX_BODY: Final = 32 * 1024
MAX_EVIDENCE: Final = 4_096
#: When the hub is full, the provider comes again after so many seconds.
RETRY_S: Final = 5
_BUSY: Final = HttpResponse(503, "", {"Retry-After": str(RETRY_S)})


@dataclass(slots=True)
class Callbacks:
    """Answers callbacks. ``callers``: the networks that may send them."""

    ports: Ports
    caller: Caller
    addresses: Addresses
    callers: tuple[IPv4Network | IPv6Network, ...]
    notices: Notices
    pay_ins: PayIns
    validation: Validation
    counters: Counter[str] = field(default_factory=Counter)

    def handle(self, request: HttpRequest) -> "Deferred[HttpResponse]":
        """The response to one request; never fails."""
        done = Deferred.fromCoroutine(self._handle(request))
        return done.addErrback(self._trouble)

    def _trouble(self, failure: Any) -> HttpResponse:
        """Nothing is lost: who has no 200 sends it again, and we ask."""
        if isinstance(failure.value, Overloaded):
            self.counters["busy"] += 1
            return _BUSY
        self.counters["trouble"] += 1
        self.ports.log.error("wallet.callback", error=failure.getErrorMessage()[:300])
        return _BUSY

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        if not self._may_call(request.peer):
            return self._turned_away("forbidden", 403)
        found = self.addresses.read(request.path)
        if found is None:
            return self._turned_away("no such address", 404)
        if request.method not in ("POST", "PUT"):
            return HttpResponse(405, "", {"Allow": "POST, PUT"})
        raw = request.body[:MAX_EVIDENCE].decode("utf-8", "replace").replace("\x00", "\ufffd")
        if len(request.body) > MAX_BODY:
            self._evidence("too large", found, raw)
            return HttpResponse(413, "")
        try:
            reading = self._read(found[0], request)
        except NoticeError as error:
            self._evidence(str(error), found, raw)
            return HttpResponse(400, "")
        return _plain(await self._take(found, reading, raw))

    def _read(self, kind: Kind, request: HttpRequest) -> Reading:
        """Its signature is checked where there is one. NoticeError, whatever the form is."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            given = self.caller.now()
            return self.caller.provider.read(request.body, headers, given, kind.value)
        except (ArithmeticError, RecursionError) as error:
            raise NoticeError("", f"a number that is none: {error}") from error

    async def _take(self, found: tuple[Kind, str], reading: Reading, raw: str) -> Reply:
        kind, reference = found
        self.counters[kind.value] += 1
        if kind is Kind.VALIDATION:
            return await self._validate(reading, raw)
        if kind is Kind.CONFIRMATION:
            await self.pay_ins.confirmed(reading, raw)
        elif kind is Kind.PAYMENT:
            await self.pay_ins.verified(reference, reading, raw)
        else:
            await self.notices.take(kind, reference, reading, raw)
        return self.caller.provider.sender.reply()

    async def _validate(self, reading: Reading, raw: str) -> Reply:
        """May this payment be made? Nothing is booked; after the time nothing is answered."""
        answer = self.caller.provider.sender.answer
        if answer is None or reading.said is not Said.QUESTION:
            return Reply(404)
        verdict = await self.validation.verdict(reading)
        if verdict in (Verdict.ACCEPT, None):
            self.pay_ins.asked(reading)
        said = verdict.value if verdict else "silent"
        self.counters[f"validation: {said}"] += 1
        self.ports.record(f"{self.ports.name}/validation/{reading.receipt}", f"{said}: {raw}")
        return answer(verdict, "") if isinstance(verdict, Verdict) else Reply(503)

    def _turned_away(self, why: str, status: int) -> HttpResponse:
        """Counted, and told of when it begins: a stranger must not fill the journal nor the log."""
        self.counters[why] += 1
        if self.counters[why].bit_count() == 1:  # the first, the second, the fourth …
            self.ports.log.warning("wallet.stranger", why=why, times=self.counters[why])
        return HttpResponse(status, "")

    def _evidence(self, why: str, found: tuple[Kind, str], raw: str) -> None:
        kind, reference = found
        self.counters["malformed"] += 1
        self.ports.log.warning("wallet.malformed", kind=kind.value, why=why[:200])
        told = {"why": why[:500], "reference": reference, "body": raw}
        self.ports.record(f"{self.ports.name}/malformed/{kind.value}", json.dumps(told))

    def _may_call(self, peer: str) -> bool:
        try:
            address = ip_address(peer.removeprefix("[").partition("]")[0])
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self.callers)


def _plain(reply: Reply) -> HttpResponse:
    return HttpResponse(reply.status, reply.body, reply.headers)

"""The HTTP face: an aggregator's callbacks in Africa's Talking's form.

The answer leaves by the very request; whatever is wrong on our side is an ``END`` with a sentence,
because a 4xx or a body without CON or END shows the customer the network's own error.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from twisted.internet.defer import Deferred

from adapters.ussd.africastalking import (
    AFRICASTALKING,
    MAX_FORM_BYTES,
    FormError,
    Names,
    Reply,
    SessionEnd,
    Step,
    delta,
    parse_form,
    read,
    seen,
    write_reply,
)
from channels.ussd.conversation import Conversation, Hop, Kind
from channels.ussd.screens import Shown
from channels.ussd.sessions import Session, SessionKey
from channels.ussd.state import (
    Phase,
)
from hub.channel import HttpRequest, HttpResponse, Ports
from hub.msisdn import e164

_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class HttpFace:
    """Answers callbacks. ``callers`` are the networks that may call; the form has no signature."""

    ports: Ports
    conversation: Conversation
    callers: tuple[IPv4Network | IPv6Network, ...]
    names: Names = AFRICASTALKING

    def handle(self, request: HttpRequest) -> "Deferred[HttpResponse]":
        """The response to one request; never fails."""
        return Deferred.fromCoroutine(self._handle(request))

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        refused = self._refused(request)
        if refused is not None:
            return refused
        try:
            fields = parse_form(request.body) if request.method == "POST" else request.query
            said = read(fields, self.names)
            key = self._key(said.msisdn, said.session_id)
        except FormError as error:
            return self._malformed(error, request)
        if isinstance(said, SessionEnd):
            session = self.conversation.find(key)
            if session is not None:
                self.conversation.hang_up(session)
            return HttpResponse(200, "")
        return _written(await self._hop(key, said.text))

    def _refused(self, request: HttpRequest) -> HttpResponse | None:
        """What is not read at all."""
        if not self._may_call(request.peer):
            self.conversation.counts["forbidden"] += 1
            return HttpResponse(403, "This address may not send callbacks.")
        if request.method not in ("POST", "GET"):
            return HttpResponse(405, "Send the callback by POST or GET.", {"Allow": "GET, POST"})
        if len(request.body) > MAX_FORM_BYTES:
            return HttpResponse(413, f"The form is larger than {MAX_FORM_BYTES} bytes.")
        kind = _header(request.headers, "content-type").partition(";")[0].strip().lower()
        if request.method == "POST" and kind not in ("", _FORM):
            return HttpResponse(415, f"The body must be {_FORM}.")
        return None

    def _may_call(self, peer: str) -> bool:
        try:
            address = ip_address(_host(peer))
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self.callers)

    def _malformed(self, error: FormError, request: HttpRequest) -> HttpResponse:
        """400 and a sentence; the journal gets the names of the fields, never their values."""
        self.conversation.counts["malformed"] += 1
        self.ports.log.warning("ussd.malformed", field=error.field, reason=str(error))
        evidence = {"peer": request.peer, "reason": str(error), "bytes": len(request.body)}
        self.ports.record(f"{self.ports.name}/malformed", json.dumps(evidence))
        return HttpResponse(400, str(error))

    async def _hop(self, key: SessionKey, text: str) -> Shown:
        """Finds the session and what is new in the history, before anything is waited for."""
        session = self.conversation.find(key)
        if session is not None and _starts_over(session, text):
            session = None
        new = delta(session.seen if session else None, text)
        if session is None:
            session = self.conversation.begin(key)
            if session is None:
                return self.conversation.busy()
        if new.step in (Step.FIRST, Step.NEXT):
            session.seen = seen(text)
        hop = Hop(_KINDS[new.step], text, new.answers)
        return await self.conversation.hop(session, hop)

    def _key(self, msisdn: str, session_id: str) -> SessionKey:
        number = e164(msisdn, self.ports.company.country_code)
        if not number:
            name = self.names.msisdn
            raise FormError(name, f"The field {name} must be a subscriber's number.")
        return SessionKey(self.ports.name, number, session_id)


_KINDS: Final = {
    Step.FIRST: Kind.BEGIN,
    Step.NEXT: Kind.ANSWER,
    Step.SAME: Kind.REPEAT,
    Step.OTHER: Kind.REPEAT,
}


def _starts_over(session: Session, text: str) -> bool:
    """True for another session under an id that was used before.

    A history that does not continue ours is a late repeat if we answered it once; a start after
    the end is a new session, for nobody repeats a start that late.
    """
    if delta(session.seen, text).step is not Step.OTHER:
        return False
    if session.reply_to(text) is None:
        return not session.turn.locked
    return not text and session.state.phase is Phase.ENDED


def _written(shown: Shown) -> HttpResponse:
    body = write_reply(Reply(shown.text, shown.closes))
    return HttpResponse(200, body, {"Content-Type": "text/plain; charset=utf-8"})


def _host(peer: str) -> str:
    """The address of ``1.2.3.4``, ``1.2.3.4:5``, ``::1`` or ``[::1]:5``."""
    if peer.startswith("["):
        return peer[1:].partition("]")[0]
    return peer.partition(":")[0] if peer.count(":") == 1 else peer


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")

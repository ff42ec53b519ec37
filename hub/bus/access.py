"""How a broker is reached, and what it said no to, in one sentence for the operator.

The URL carries no password where there is a file for it, and never reaches a log with one.
"""

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import pika
from pika.exceptions import (
    AuthenticationError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from hub.sections import BusSection

#: A dead peer is noticed after two of these; the broker may ask for less.
HEARTBEAT_S = 15


class AccessError(Exception):
    """The broker cannot even be tried: a file that is not there, a URL of another scheme."""


@dataclass(frozen=True, slots=True)
class Access:
    """A broker's URL and the files beside it (paths that can be opened as they are)."""

    url: str = field(repr=False)  # it may hold a password
    password_file: str = ""
    ca: str = ""
    certificate: str = ""
    key: str = ""

    @classmethod
    def of(cls, bus: BusSection) -> "Access":
        """That of a ``[bus]`` whose paths are located."""
        return cls(bus.url, bus.password_file, bus.ca, bus.certificate, bus.key)

    def said(self) -> str:
        """The URL without its password."""
        parts = urlsplit(self.url)
        who, at, where = parts.netloc.rpartition("@")
        return f"{parts.scheme}://{who.partition(':')[0]}{at}{where}{parts.path}"

    def full_url(self) -> str:
        """The URL with the password of the file. Raises AccessError."""
        parts = urlsplit(self.url)
        if not self.password_file:
            if not parts.username or parts.password is not None:
                return self.url
            password = ""  # pika wants one beside every user
        else:
            password = self._password()
        host = parts.netloc.rpartition("@")[2]
        user = quote(parts.username or "", safe="")
        netloc = f"{user}:{quote(password, safe='')}@{host}"
        return urlunsplit(parts._replace(netloc=netloc))

    def _password(self) -> str:
        try:
            with open(self.password_file, encoding="utf-8") as file:
                return file.read().strip()
        except OSError as error:
            raise AccessError(f"[bus] password_file: {error}") from None

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 at least, the broker's name checked. Raises AccessError."""
        try:
            context = ssl.create_default_context(cafile=self.ca or None)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.certificate:
                context.load_cert_chain(self.certificate, self.key or None)
        except (OSError, ssl.SSLError) as error:
            files = ", ".join(filter(None, (self.ca, self.certificate, self.key)))
            raise AccessError(f"[bus] certificates ({files}): {error}") from None
        return context

    def parameters(self, name: str) -> Any:
        """What pika connects with; ``name`` is what the broker shows of us. Raises AccessError.

        No limit on being blocked: a broker whose alarm is on is waited for, not hammered.
        """
        url = self.full_url()
        try:
            parameters = pika.URLParameters(url)
        except Exception:  # whatever a URL can have wrong with it; the error may quote a password
            raise AccessError(f"[bus] url {self.said()} is no broker's URL") from None
        if url.startswith("amqps:"):
            parameters.ssl_options = pika.SSLOptions(self.context(), parameters.host)
        parameters.heartbeat = HEARTBEAT_S
        parameters.client_properties = {"connection_name": name}
        return parameters


#: RabbitMQ's words for an argument that is not as we want it.
_UNEQUAL = re.compile(
    r"inequivalent arg '(?P<what>[^']+)' for (?P<kind>queue|exchange) '(?P<name>[^']+)'.*?:\s*"
    r"received (?P<wanted>.+?) but current is (?P<there>.+)",
    re.S,
)
_REFUSED = re.compile(r"(?:access|.* access) to (?P<kind>\w+) '(?P<name>[^']*)'.*refused", re.S)

PRECONDITION_FAILED, ACCESS_REFUSED, NOT_ALLOWED, LOCKED = 406, 403, 530, 405


def refusal(reason: object, access: str = "") -> str:
    """What an operator must do, when the broker said no; empty: only away, it may come back.

    Which thing, which argument, what is there, what is wanted, what to do.
    """
    if isinstance(reason, AuthenticationError | ProbableAuthenticationError):
        return f"the broker at {access} refuses our user or password: mend [bus] url"
    if isinstance(reason, ProbableAccessDeniedError):
        return f"the broker at {access} has no such virtual host for our user: {_last(reason)}"
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"the broker at {access} shows a certificate that [bus] ca does not vouch for: " + (
            reason.verify_message or str(reason)
        )
    if isinstance(reason, ConnectionClosedByBroker | ChannelClosedByBroker):
        return _said_no(reason.reply_code, reason.reply_text, access)
    return next(filter(None, (refusal(inner, access) for inner in _inner(reason))), "")


def _said_no(code: int, text: str, access: str) -> str:
    unequal = _UNEQUAL.search(text)
    if code == PRECONDITION_FAILED and unequal:
        kind, name = unequal["kind"], unequal["name"]
        way = "drain and delete it" if kind == "queue" else "delete it"
        return (
            f"{kind} {name} at {access} has {unequal['what']} {_plain(unequal['there'])}, wanted "
            f"is {_plain(unequal['wanted'])}: {way} (rabbitmqctl, or another [bus] prefix), "
            "it is declared again by itself"
        )
    if code == ACCESS_REFUSED:
        return (
            f"our user may not use the broker at {access}: {text}: give it configure, write and "
            "read on its prefix (rabbitmqctl set_permissions, see docs/brokers.md)"
        )
    if code in (PRECONDITION_FAILED, NOT_ALLOWED, LOCKED):
        return f"the broker at {access} refuses: {text}"
    return ""


def _plain(words: str) -> str:
    """``the value 'quorum' of type 'longstr'`` is ``quorum``."""
    value = re.search(r"the value '([^']*)'", words)
    return value[1] if value else words.strip().strip("'")


def _last(error: BaseException) -> str:
    return str(error.args[-1]) if error.args else str(error)


def _inner(reason: object) -> Iterator[object]:
    """The errors that a connection error is about: pika wraps one in another, and in a list."""
    if isinstance(reason, BaseException):
        found = (*reason.args, reason.__cause__, getattr(reason, "exception", None))
        found += tuple(getattr(reason, "exceptions", ()))
        yield from (each for each in found if isinstance(each, BaseException))

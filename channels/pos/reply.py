"""An answer for the wire: what is echoed, the outcome's code, and what the dialect gives."""

from dataclasses import dataclass
from typing import Any

from adapters.iso8583.errors import EncodeError, IsoError
from adapters.iso8583.framing import reply_header
from adapters.iso8583.message import Message
from adapters.iso8583.seal import sealed
from adapters.iso8583.vocabulary import reply_mti
from channels.pos.paths import put
from channels.pos.profile import Profile
from channels.pos.values import ESSENTIAL, Facts

_RESPONSE = 39


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered. ``outcome`` is one of ``vocabulary.RESPONSES``, ``groups`` those of
    ``gives`` that it takes from; ``facts`` fill them."""

    outcome: str
    groups: tuple[str, ...]
    facts: Facts


def is_asked(mti: str) -> bool:
    """Whether a message of this type is one that has an answer."""
    return mti[2] in "02" and mti[3] in "012345"


def made(profile: Profile, request: Message, reply: Reply) -> Message:
    """The answer with all that the dialect gives. EncodeError: none is due."""
    return _message(profile, request, reply, None)


def octets(profile: Profile, request: Message, reply: Reply, key: bytes | None) -> bytes:
    """The answer as it goes on the wire, sealed where there is a key.

    What does not fit is left out: first all but what a sale cannot do without, then everything but
    the outcome. IsoError: even that does not stand in the dialect.
    """
    full = made(profile, request, reply)
    try:
        return _written(profile, full, key)
    except EncodeError:
        small = _message(profile, request, reply, ESSENTIAL)
    try:
        return _written(profile, small, key)
    except IsoError:
        bare = _message(profile, request, reply, frozenset())
        return _written(profile, bare, key)


def _message(
    profile: Profile, request: Message, reply: Reply, wanted: frozenset[str] | None
) -> Message:
    """``wanted`` None: everything."""
    fields: dict[int, Any] = {
        number: request.fields[number]
        for number in profile.service.echoes
        if number in request.fields
    }
    fields[_RESPONSE] = profile.code(reply.outcome)
    facts = reply.facts
    for where, name, made_of in profile.rows(_groups(request, reply.groups)):
        value = made_of(facts) if wanted is None or name in wanted else None
        if value:
            put(fields, where, value)
    return Message(reply_mti(request.mti), fields, reply_header(request.header))


def _groups(request: Message, groups: tuple[str, ...]) -> tuple[str, ...]:
    return ("all", "network", *groups) if request.mti[1] == "8" else ("all", *groups)


def _written(profile: Profile, message: Message, key: bytes | None) -> bytes:
    if key is not None:  # the request came, or had to come, under a code
        data = sealed(profile.dialect, message, key)
    else:
        data = profile.dialect.codec.encode(message)
    if len(data) > profile.dialect.framing.longest:
        raise EncodeError(f"{len(data)} octets are over the link's", "frame")
    return data

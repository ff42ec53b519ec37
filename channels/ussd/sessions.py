"""The sessions that are open now, what each hop was answered, and what a redial may take up.

In memory: a session lives three minutes, and what must survive the process (a purchase) is in the
hub's journal under a key that the same answers make again.
"""

import hmac
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_bytes
from typing import Final

from twisted.internet.defer import DeferredLock

from adapters.ussd.africastalking import Seen
from channels.ussd.screens import Shown
from channels.ussd.state import (
    Saved,
    State,
)

#: A customer who answers this often is a script: an aggregator's session holds some 20 hops.
MAX_HOPS = 60


class Full(Exception):  # noqa: N818 - an answer to the edge, not a fault
    """No more sessions: say that we are busy."""


@dataclass(frozen=True, slots=True)
class SessionKey:
    """What tells sessions apart. Networks use their ids again, so the phone belongs to it."""

    gateway: str
    msisdn: str
    session: str


@dataclass(slots=True)
class Session:
    """One session. ``replies`` are the screens given, by hop; ``history`` what was typed, redacted.

    ``secrets`` are the marks of answers that nobody may read: a network may bring one again when
    its screen is over.

    Hops take their ``turn``, so that a repeat waits for the screen of the first.
    """

    key: SessionKey
    started_us: int
    expires_us: int
    state: State = field(default_factory=State)
    seen: Seen | None = None
    history: str = ""
    hung_up: bool = False
    turn: DeferredLock = field(default_factory=DeferredLock)
    replies: dict[bytes, Shown] = field(default_factory=dict)
    secrets: set[bytes] = field(default_factory=set)

    def hide(self, answer: str) -> None:
        """This answer is a secret, also when it comes again."""
        if len(self.secrets) <= MAX_HOPS:
            self.secrets.add(_marked(answer))

    def hides(self, answer: str) -> bool:
        """Whether this was a secret before."""
        return bool(self.secrets) and _marked(answer) in self.secrets

    def reply_to(self, hop: str) -> Shown | None:
        """The screen that this hop was given before."""
        return self.replies.get(_digest(hop))

    def replied(self, hop: str, shown: Shown) -> None:
        """Remembers the screen of a hop; the hop itself is not kept, it may hold secrets."""
        if len(self.replies) <= MAX_HOPS:
            self.replies[_digest(hop)] = shown


@dataclass(slots=True)
class Sessions:
    """The store. All times in microseconds; the order of both dicts is that of their last use.

    ``limit``: a session takes some 10 kB with its replies, so 10,000 of them 100 MB.
    """

    limit: int
    life_us: int
    resume_us: int
    _open: OrderedDict[SessionKey, Session] = field(default_factory=OrderedDict)
    _saved: OrderedDict[tuple[str, str], tuple[int, Saved]] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._open)

    def find(self, key: SessionKey, now_us: int) -> Session | None:
        """The open session, touched; None if there is none any more."""
        self._purge(now_us)
        session = self._open.get(key)
        if session is not None:
            session.expires_us = now_us + self.life_us
            self._open.move_to_end(key)
        return session

    def begin(self, key: SessionKey, now_us: int) -> Session:
        """A new session, in the place of one with the same key. Raises :class:`Full`."""
        self._purge(now_us)
        self._open.pop(key, None)
        if len(self._open) >= self.limit:
            raise Full
        session = Session(key, now_us, now_us + self.life_us)
        self._open[key] = session
        return session

    def drop(self, session: Session) -> None:
        """Forgets a session, if it is still the one under its key."""
        if self._open.get(session.key) is session:
            del self._open[session.key]

    def save(self, key: SessionKey, saved: Saved | None, now_us: int) -> None:
        """What a redial of this phone may take up; None: nothing."""
        phone = (key.gateway, key.msisdn)
        self._saved.pop(phone, None)
        if saved is not None:
            self._saved[phone] = (now_us + self.resume_us, saved)
            if len(self._saved) > self.limit:  # losing one costs a customer some key presses
                self._saved.popitem(last=False)

    def saved(self, key: SessionKey, now_us: int) -> Saved | None:
        """What the phone may take up now."""
        until, found = self._saved.get((key.gateway, key.msisdn), (0, None))
        return found if until > now_us else None

    def _purge(self, now_us: int) -> None:
        """Drops what has expired: all have the same life, so the oldest stand in front."""
        while self._open:
            key, session = next(iter(self._open.items()))
            if session.expires_us > now_us:
                break
            del self._open[key]
        while self._saved and next(iter(self._saved.values()))[0] <= now_us:
            self._saved.popitem(last=False)


#: Four digits are found from their hash in no time, so the mark of a secret is keyed.
_KEY: Final = token_bytes(32)


def _marked(answer: str) -> bytes:
    said = answer.strip().encode("utf-8", "surrogatepass")
    return hmac.digest(_KEY, said, sha256)


def _digest(hop: str) -> bytes:
    return hmac.digest(_KEY, hop.encode("utf-8", "surrogatepass"), sha256)

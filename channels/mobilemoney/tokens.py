"""The access token of one app: one holder, one sign-in at a time.

With some providers a new token kills the one before. So nobody signs in but this holder, all who
need a token meanwhile wait for the same sign-in, and a call that was refused for its token makes a
new one only if its token is still the holder's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from adapters.mobilemoney.sending import Token

#: So long before its end, a token is no longer used: a call may wait before it leaves.
MARGIN_S: Final = 60.0
#: Of a token that is good for a short time only, this part at most is given up.
_PART: Final = 0.2


@dataclass(slots=True)
class Tokens:
    """``fetch`` signs in; ``seconds`` is monotonic."""

    fetch: "Callable[[], Deferred[Token]]"
    seconds: Callable[[], float]
    signed_in: int = 0
    _value: str = field(default="", repr=False)
    _until: float = 0.0
    _waiting: "list[Deferred[str]]" = field(default_factory=list)
    _fetching: bool = False

    def get(self) -> "Deferred[str]":
        """A token that is good now. Fails as ``fetch`` does."""
        if self._value and self.seconds() < self._until:
            return succeed(self._value)
        done: Deferred[str] = Deferred()
        self._waiting.append(done)
        if not self._fetching:
            self._fetching = True
            self.fetch().addCallbacks(self._has, self._failed)
        return done

    def stale(self, value: str) -> None:
        """A call with this token was refused for it."""
        if value == self._value:
            self._value = ""

    def _has(self, token: Token) -> None:
        self.signed_in += 1
        self._value = token.value
        margin = min(MARGIN_S, token.seconds * _PART)
        self._until = self.seconds() + token.seconds - margin
        for done in self._over():
            done.callback(token.value)

    def _failed(self, failure: Failure) -> None:
        for done in self._over():
            done.errback(failure)

    def _over(self) -> "list[Deferred[Any]]":
        self._fetching = False
        waiting, self._waiting = self._waiting, []
        return list(waiting)

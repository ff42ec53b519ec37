"""A provider as one can call him: token, time-out, breaker; and in one word what came of it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from twisted.internet.defer import Deferred

from adapters.mobilemoney.reading import NoticeError
from adapters.mobilemoney.sending import (
    Answered,
    Call,
    Came,
    Given,
    Result,
    Token,
    UnfitError,
)
from channels.mobilemoney.client import Client, LostError, NotSentError
from channels.mobilemoney.provider import Provider
from channels.mobilemoney.tokens import Tokens
from hub.breaker import Breaker
from hub.channel import Ports

T = TypeVar("T")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Our own codes: the provider was not reached; he does not let us sign in; his answer is no answer.
AWAY, NO_TOKEN, UNREADABLE = "away", "token", "unreadable"
_NEVER: Final = Result(came=Came.BUSY, code=AWAY)


@dataclass(slots=True)
class Caller:
    """``given`` without instant and chance; those are drawn for each call."""

    ports: Ports
    provider: Provider
    client: Client
    breaker: Breaker
    given: Callable[[datetime, str], Given]
    tokens: Tokens = field(init=False)
    _zone: ZoneInfo = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = Tokens(self._sign_in, self.ports.reactor.seconds)
        self._zone = ZoneInfo(self.provider.data.zone)

    def now(self) -> Given:
        """What a request is made of at this instant. Each has its own chance."""
        at = _EPOCH + timedelta(microseconds=self.ports.now_us())
        return self.given(at.astimezone(self._zone), secrets.token_hex(16))

    async def make(
        self, build: Callable[[Given], Call | None], read: Callable[[Answered], Result]
    ) -> Result | None:
        """Send what ``build`` makes, read the answer; None: there is nothing to send.

        Never raises: what never left is BUSY, an unreadable answer is LOST. A token that is none
        any more is renewed once.
        """
        try:
            found = await self._twice(build, lambda answered: read(answered))
        except UnfitError as error:
            self.breaker.unused()
            return Result(came=Came.REFUSED, code=error.code, text=str(error))
        except NotSentError as error:
            self._trouble(AWAY, error)
            return Result(came=Came.BUSY, code=AWAY, text=str(error))
        except LostError as error:
            self._trouble("lost", error)
            return Result(came=Came.LOST, text=str(error))
        if found is None:
            self.breaker.unused()
        return found

    async def fetch(
        self, build: Callable[[Given], Call | None], read: Callable[[Answered], T]
    ) -> T | None:
        """As :meth:`make`, for what is no payment; None: no answer that can be read. UnfitError,
        NotSentError, LostError."""
        found: T | None = None

        def keep(answered: Answered) -> Result:
            nonlocal found
            if answered.status == 401:
                return Result(came=Came.STALE)
            found = read(answered)
            return Result(came=Came.ENDED)

        await self._twice(build, keep)
        return found

    async def _twice(
        self, build: Callable[[Given], Call | None], read: Callable[[Answered], Result]
    ) -> Result | None:
        for last in (False, True):
            bearer = await self._bearer()
            given = self.now()
            call = build(given)
            if call is None:
                return None
            signed = self.provider.sender.sign(call, given)
            answered = await self.client.call(signed, bearer, self.provider.data.timeout_s)
            result = self._read(answered, given, read)
            self._judge(answered, result)
            if result.came is not Came.STALE:
                return result
            self.tokens.stale(bearer)
            if last:
                break
        return Result(came=Came.BUSY, code=NO_TOKEN, text="the access token is refused")

    def _read(self, answered: Answered, given: Given, read: Callable[[Answered], Result]) -> Result:
        """What an answer says whose signature is right, where there is one."""
        try:
            return read(self.provider.sender.open_answer(answered, given))
        except NoticeError as error:
            return Result(came=Came.LOST, code=UNREADABLE, text=str(error))

    async def _bearer(self) -> str:
        return await self.tokens.get() if self.provider.sender.token else ""

    def _judge(self, answered: Answered, result: Result) -> None:
        """What the answer says of the provider's health, whatever it says of the request."""
        if answered.status >= 500 and result.came is Came.LOST:
            self._trouble(str(answered.status), result.text)
        elif result.came is Came.BUSY:
            self.breaker.failed(self.ports.reactor.seconds())
        else:
            self.breaker.well()

    def _trouble(self, what: str, why: object) -> None:
        self.breaker.failed(self.ports.reactor.seconds())
        self.ports.log.warning("wallet.call", what=what, why=str(why)[:200])

    # --- signing in -----------------------------------------------------------------------------

    def _sign_in(self) -> "Deferred[Token]":
        return Deferred.fromCoroutine(self._token())

    async def _token(self) -> Token:
        """Whatever fails here, the call that needs the token has not left."""
        sender = self.provider.sender
        assert sender.token is not None
        assert sender.read_token is not None
        try:
            call = sender.token(self.now())
            answered = await self.client.call(call, "", self.provider.data.timeout_s)
            return sender.read_token(answered)
        except LostError as error:
            raise NotSentError(f"sign-in: {error}") from error
        except NoticeError as error:
            self.ports.log.error("wallet.sign-in", why=str(error)[:200])
            raise NotSentError(f"sign-in: {error}") from error

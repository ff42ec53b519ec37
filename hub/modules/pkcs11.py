"""A PKCS#11 token: a library's box of keys that computes with them and never shows them.

The one module that touches the library. Of all that a token can do, Wattbus asks for one thing:
HMAC-SHA-256 under a key that stays inside (RFC 2104; PKCS#11 2.40, CKM_SHA256_HMAC). A session
that was lost is opened again once; after that the token is away (ModuleAwayError), for as long as
it is, and nothing is known against the request.
"""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import pkcs11
import structlog
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass

from core.sts.errors import ModuleAwayError
from hub.modules.patience import Patience

# SoftHSM 2.6.1 refuses HMAC-SHA-256 keys under the length of the hash. HMAC itself puts zero bytes
# behind a key that is shorter than a block (64 bytes), so these change no result.
SHORTEST_KEY = 32

T = TypeVar("T")

log = structlog.get_logger("hub.modules")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a token is: ``name`` in sentences, the library's file, the token's label, its slot's
    number (None: whichever), what gives the PIN, and how long an answer may take (seconds)."""

    name: str
    library: str
    label: str
    slot: int | None
    pin: Callable[[], str]
    timeout_s: float


@dataclass(frozen=True, slots=True)
class KeyName:
    """How a key is found: by its identifier if it has one, else by its label."""

    label: str = ""
    id: bytes = b""

    def template(self) -> dict[Attribute, Any]:
        """The attributes to search for."""
        found: dict[Attribute, Any] = {Attribute.CLASS: ObjectClass.SECRET_KEY}
        if self.id:
            found[Attribute.ID] = self.id
        else:
            found[Attribute.LABEL] = self.label
        return found

    def __str__(self) -> str:
        return f"{self.label!r} (identifier {self.id.hex()})" if self.id else repr(self.label)


class Pkcs11Token:
    """A token and our one session on it, opened when it is first asked. Any thread may ask.

    One per token and process: a login holds for the whole process, and closing a session ends it.
    """

    def __init__(
        self,
        place: Place,
        writable: bool = False,
        opener: Callable[[Place, bool, str], Any] | None = None,
    ) -> None:
        """``writable``: keys may be put in. ``opener`` opens a session with a PIN."""
        self._place = place
        self._writable = writable
        self._opener = opener or open_session
        self._patience = Patience(f"the token {place.name}", place.timeout_s)
        self._session: Any = None
        self._keys: dict[KeyName, Any] = {}
        self._refused_pin: str | None = None
        self._failed = False

    def __repr__(self) -> str:
        return f"Pkcs11Token({self._place.name!r})"

    @property
    def name(self) -> str:
        """The module's name in the configuration."""
        return self._place.name

    def mac(self, key: KeyName, message: bytes) -> bytes:
        """HMAC-SHA-256 (32 bytes) of a message under a key. Error: ModuleAwayError."""

        def signed() -> bytes:
            mac: bytes = self._key(key).sign(message, mechanism=Mechanism.SHA256_HMAC)
            return mac

        return self._ask(signed)

    def is_sealed(self, key: KeyName) -> bool:
        """Whether a key is sensitive and cannot be taken out. Error: ModuleAwayError."""

        def sealed() -> bool:
            found = self._key(key)
            return bool(found[Attribute.SENSITIVE]) and not found[Attribute.EXTRACTABLE]

        return self._ask(sealed)

    def holds(self, key: KeyName) -> bool:
        """Whether there is such a key, or more than one. Error: ModuleAwayError."""
        return self._ask(lambda: bool(list(self._opened().get_objects(key.template()))))

    def put(self, key: KeyName, secret: bytes) -> None:
        """Put in a key for HMAC that can only be used, never shown, changed or taken out.

        Not to be called when it is there already. Error: ModuleAwayError.
        """
        template = {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType.GENERIC_SECRET,
            Attribute.LABEL: key.label,
            Attribute.ID: key.id,
            Attribute.VALUE: secret.ljust(SHORTEST_KEY, b"\0"),
            Attribute.TOKEN: True,
            Attribute.PRIVATE: True,
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            Attribute.MODIFIABLE: False,
            Attribute.SIGN: True,
        }
        template |= dict.fromkeys(_NO_USE, False)
        self._ask(lambda: self._opened().create_object(template), attempts=1)

    def close(self) -> None:
        """Close the session, which ends the login of the whole process."""
        with suppress(TimeoutError):
            self._patience.call(self._forget)

    def _ask(self, work: Callable[[], T], attempts: int = 2) -> T:
        try:
            return self._patience.call(lambda: self._attempt(work, attempts))
        except TimeoutError as error:
            raise self._away(str(error)) from error

    def _attempt(self, work: Callable[[], T], attempts: int) -> T:
        """In the library's thread: with the session that we have, then with a new one."""
        for left in reversed(range(attempts)):
            try:
                return work()
            except pkcs11.PKCS11Error as error:
                self._forget()
                if not left:
                    self._failed = True
                    raise self._away(f"the token {self.name}: {_words(error)}") from error
                log.warning("module.reopened", module=self.name, error=_words(error))
        raise AssertionError("no attempt")

    def _opened(self) -> Any:
        if self._session is None:
            pin = self._pin()
            if pin == self._refused_pin:
                # A few more wrong ones, and the token is locked for good.
                raise self._away(f"the token {self.name} refused this PIN; it is not tried again")
            try:
                self._session = self._open(pin)
            except _WRONG_PIN as error:
                self._refused_pin = pin
                raise self._away(f"the token {self.name} refuses the PIN") from error
            except LookupError as error:
                self._failed = True
                raise self._away(str(error)) from error
        return self._session

    def _open(self, pin: str) -> Any:
        with _LOADING:
            if self._failed and not _OPEN[self._place.library]:
                start_anew(self._place.library)
            session = self._opener(self._place, self._writable, pin)
            _OPEN[self._place.library] += 1
            self._failed = False
            return session

    def _pin(self) -> str:
        try:
            pin = self._place.pin()
        except (OSError, ValueError) as error:
            raise self._away(f"the PIN of the token {self.name} cannot be read: {error}") from error
        if not pin:
            raise self._away(f"the token {self.name} needs its PIN, and none is given")
        return pin

    def _key(self, key: KeyName) -> Any:
        found = self._keys.get(key)
        if found is None:
            matches = list(self._opened().get_objects(key.template()))
            if len(matches) > 1:
                raise self._away(f"the token {self.name} has more than one key {key}")
            if not matches:
                # A login that ended hides every key: one reason more to open again.
                raise pkcs11.NoSuchKey(f"it has no key {key}")
            self._keys[key] = found = matches[0]
        return found

    def _forget(self) -> None:
        session, self._session = self._session, None
        self._keys.clear()
        if session is not None:
            with _LOADING:
                _OPEN[self._place.library] -= 1
            with suppress(pkcs11.PKCS11Error):
                session.close()

    def _away(self, sentence: str) -> ModuleAwayError:
        return ModuleAwayError(sentence[0].upper() + sentence[1:] + ".", where=self.name)


_NO_USE = (
    Attribute.VERIFY,
    Attribute.ENCRYPT,
    Attribute.DECRYPT,
    Attribute.WRAP,
    Attribute.UNWRAP,
    Attribute.DERIVE,
)
_WRONG_PIN = (
    pkcs11.PinIncorrect,
    pkcs11.PinInvalid,
    pkcs11.PinLenRange,
    pkcs11.PinLocked,
    pkcs11.PinExpired,
)

# C_Initialize and the search for tokens concern the whole process.
_LOADING = threading.Lock()
#: How many of our sessions each library has: while there is one, it is not started anew.
_OPEN: Counter[str] = Counter()


def start_anew(library: str) -> None:
    """C_Finalize and C_Initialize: a library whose tokens went away may not see them come back
    (SoftHSM2 does not). Every session that it has is void then."""
    with suppress(pkcs11.PKCS11Error):
        pkcs11.lib(library).reinitialize()


def open_session(place: Place, writable: bool, pin: str) -> Any:
    """A session, logged in. Errors: LookupError with a sentence when there is no such library or
    token, those of the library."""
    token = _find(place)
    try:
        return token.open(rw=writable, user_pin=pin)
    except pkcs11.UserAlreadyLoggedIn:
        return token.open(rw=writable)


def _find(place: Place) -> pkcs11.Token:
    try:
        library = pkcs11.lib(place.library)
    except pkcs11.PKCS11Error as error:
        raise LookupError(f"the library {place.library} does not load: {error}") from error
    filled = library.get_slots(token_present=True)
    tokens = [slot.get_token() for slot in filled if place.slot in (None, slot.slot_id)]
    named = [token for token in tokens if token.label == place.label]
    if len(named) == 1:
        return named[0]
    where = "in any slot" if place.slot is None else f"in slot {place.slot}"
    if named:
        slots = ", ".join(str(token.slot.slot_id) for token in named)
        raise LookupError(f"tokens labelled {place.label} are in slots {slots}: name the slot")
    seen = ", ".join(sorted(token.label for token in tokens if token.label)) or "none"
    raise LookupError(f"no token labelled {place.label} {where} (there: {seen})")


def _words(error: Exception) -> str:
    """The library's errors are words of a name, often without a sentence; ours have one."""
    if isinstance(error, pkcs11.NoSuchKey):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__

"""What a PKCS#11 token does when its library lets it down; the library is played by a fake."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pkcs11
import pytest

from core.sts.errors import ModuleAwayError, StsError
from hub.modules.pkcs11 import KeyName, Pkcs11Token, Place

KEY = KeyName("a key")
PLACE = Place("box", "/lib/box.so", "wattbus", None, lambda: "1234", 30)


@dataclass
class FakeBox:
    """Sessions that fail as told: each ``fault`` is raised (or called) by one act, None is none."""

    faults: list[Any] = field(default_factory=list)
    openings: list[Any] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)
    keys: int = 1
    closed: int = 0

    def open(self, _place: Place, _writable: bool, pin: str) -> "FakeBox":
        self.pins.append(pin)
        self._fail(self.openings)
        return self

    def get_objects(self, _template: Any) -> list["FakeBox"]:
        return [self] * self.keys

    def sign(self, message: bytes, mechanism: Any) -> bytes:
        self._fail(self.faults)
        return b"mac of " + message

    def close(self) -> None:
        self.closed += 1
        raise pkcs11.SessionHandleInvalid

    @staticmethod
    def _fail(faults: list[Any]) -> None:
        fault = faults.pop(0) if faults else None
        if isinstance(fault, Exception):
            raise fault
        if fault is not None:
            fault()

    def token(self, place: Place = PLACE) -> Pkcs11Token:
        return Pkcs11Token(place, opener=self.open)


def test_one_session_serves_all_questions() -> None:
    box = FakeBox()
    token = box.token()
    assert [token.mac(KEY, b"1"), token.mac(KEY, b"2")] == [b"mac of 1", b"mac of 2"]
    assert box.pins == ["1234"]
    assert "1234" not in repr(token)


@pytest.mark.parametrize(
    "loss",
    [
        pkcs11.SessionHandleInvalid(),
        pkcs11.SessionClosed(),
        pkcs11.UserNotLoggedIn(),
        pkcs11.KeyHandleInvalid(),
        pkcs11.DeviceError(),
    ],
)
def test_a_session_that_was_lost_is_opened_again(loss: Exception) -> None:
    box = FakeBox([None, loss])
    token = box.token()
    assert [token.mac(KEY, b"1"), token.mac(KEY, b"2")] == [b"mac of 1", b"mac of 2"]
    assert (len(box.pins), box.closed) == (2, 1)


def test_it_is_opened_again_once_and_not_for_ever() -> None:
    box = FakeBox([pkcs11.DeviceRemoved(), pkcs11.DeviceRemoved()])
    token = box.token()
    with pytest.raises(ModuleAwayError, match=r"^The token box: DeviceRemoved.$") as caught:
        token.mac(KEY, b"1")
    assert (caught.value.where, caught.value.code) == ("box", "module_away")
    assert len(box.pins) == 2
    assert token.mac(KEY, b"1") == b"mac of 1", "when it is back, so are we"


def test_an_outage_is_never_the_refusal_of_a_request() -> None:
    assert not issubclass(ModuleAwayError, StsError | ValueError)


def test_a_wrong_pin_is_not_tried_again_until_there_is_another() -> None:
    pins = ["wrong"]
    box = FakeBox(openings=[pkcs11.PinIncorrect()])
    token = box.token(replace(PLACE, pin=lambda: pins[0]))
    for says in ("refuses the PIN", "not tried again", "not tried again"):
        with pytest.raises(ModuleAwayError, match=says):
            token.mac(KEY, b"1")
    assert box.pins == ["wrong"]
    pins[0] = "right"
    assert token.mac(KEY, b"1") == b"mac of 1"


def no_file() -> str:
    raise FileNotFoundError("no box.pin")


@pytest.mark.parametrize(
    ("pin", "says"), [(lambda: "", "needs its PIN"), (no_file, "cannot be read: no box.pin")]
)
def test_without_a_pin_nothing_is_opened(pin: Callable[[], str], says: str) -> None:
    box = FakeBox()
    with pytest.raises(ModuleAwayError, match=says):
        box.token(replace(PLACE, pin=pin)).mac(KEY, b"1")
    assert box.pins == []


@pytest.mark.parametrize(
    ("keys", "says"), [(0, "it has no key 'a key'"), (2, "more than one key 'a key'")]
)
def test_a_key_must_be_there_once(keys: int, says: str) -> None:
    with pytest.raises(ModuleAwayError, match=says):
        FakeBox(keys=keys).token().mac(KEY, b"1")


def test_a_key_that_a_login_ended_for_is_found_by_the_next() -> None:
    box = FakeBox(keys=0)
    opened = box.open

    def opener(*given: Any) -> FakeBox:
        box.keys = len(box.pins)
        return opened(*given)

    assert Pkcs11Token(PLACE, opener=opener).mac(KEY, b"1") == b"mac of 1"


def test_a_token_that_does_not_answer_is_away() -> None:
    hangs = threading.Event()
    box = FakeBox([lambda: hangs.wait(30)])
    token = box.token(replace(PLACE, timeout_s=0.05))
    with pytest.raises(ModuleAwayError, match=r"gave no answer in 0.05 s"):
        token.mac(KEY, b"1")
    with pytest.raises(ModuleAwayError, match="still busy"):
        token.mac(KEY, b"2")
    hangs.set()


def test_a_library_that_is_not_there_is_named() -> None:
    place = replace(PLACE, library="/nowhere/box.so")
    with pytest.raises(ModuleAwayError, match=r"The library /nowhere/box.so does not load"):
        Pkcs11Token(place).mac(KEY, b"1")


def test_closing_forgets_the_session() -> None:
    box = FakeBox()
    token = box.token()
    token.mac(KEY, b"1")
    token.close()
    token.mac(KEY, b"2")
    assert (len(box.pins), box.closed) == (2, 1)

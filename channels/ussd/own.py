"""The caller's own things: his meters, his PIN, a payment of his; what the hub is asked.

Each returns an outcome of the menu, like ``channels.ussd.actions``, whose ``Asking`` does the
asking. Of a PIN there is only the proof here.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from channels.ussd.document import Slot
from channels.ussd.state import Outcome
from core.messages import (
    AddMeter,
    Answer,
    AskMyPayment,
    ChangeMeter,
    CheckPin,
    ConfirmMeter,
    Message,
    Recipient,
    ResetPin,
    SetPin,
)

Slots = Mapping[Slot, str]
To = tuple[Recipient, ...]
#: Phone, slots, language, recipients -> what the hub is asked.
Asked = Callable[[str, Slots, str, To], Message]


def _add(phone: str, slots: Slots, language: str, _r: To) -> Message:
    return AddMeter(
        phone=phone, meter=slots["meter"], name=slots.get("name", ""),
        spends=slots.get("spends") == "yes", language=language,
    )  # fmt: skip


def _confirm(phone: str, slots: Slots, _l: str, _r: To) -> Message:
    return ConfirmMeter(phone=phone, code=slots["code"])


def _name(phone: str, slots: Slots, _l: str, _r: To) -> Message:
    return ChangeMeter(
        phone=phone, meter=slots["meter"], change="name", name=slots["name"]
    )  # fmt: skip


def _remove(phone: str, slots: Slots, _l: str, _r: To) -> Message:
    return ChangeMeter(phone=phone, meter=slots["meter"], change="remove")


def _keep(phone: str, _s: Slots, _l: str, _r: To) -> Message:
    return ChangeMeter(phone=phone, meter="", change="keep")


def _set(phone: str, slots: Slots, _l: str, _r: To) -> Message:
    return SetPin(
        phone=phone, proof=slots["new_pin"], old_proof=slots.get("old_pin", ""),
        code=slots.get("code", ""),
    )  # fmt: skip


def _reset(phone: str, _s: Slots, _l: str, _r: To) -> Message:
    return ResetPin(phone=phone)


def _payment(phone: str, slots: Slots, _l: str, to: To) -> Message:
    return AskMyPayment(phone=phone, receipt=slots["receipt"], meter=slots["meter"], reply=to)


def check(phone: str, slots: Slots) -> Message:
    """Is this the phone's PIN?"""
    return CheckPin(phone=phone, proof=slots["pin"])


#: Action -> what the hub is asked for it.
ASKS: Final[Mapping[str, Asked]] = {
    "add-meter": _add,
    "confirm-meter": _confirm,
    "name-meter": _name,
    "remove-meter": _remove,
    "keep-meter": _keep,
    "set-pin": _set,
    "reset-pin": _reset,
    "my-payment": _payment,
}


def ended(answer: Answer) -> Outcome:
    """How something that was done ended: with a code on its way, an operator, or at once."""
    data: Mapping[str, Any] = answer.data
    shown = {name: str(data.get(name, "")) for name in ("meter", "sent_to")}
    if data.get("waits") == "operator":
        return Outcome("operator", shown)
    return Outcome("code" if data.get("sent_to") else "done", shown)

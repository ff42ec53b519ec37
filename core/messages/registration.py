"""A customer's own phone: which meters it buys for, and the PIN that guards what it spends.

A PIN never travels: the channel that hears it makes its keyed proof (``hub.pins``) at once, and
what it journals of the input is a length and a hash.
"""

from typing import Literal

from core.messages.base import Message, message_type
from core.messages.vending import Recipient


@message_type("wattbus.registration.AddMeter.v1", hashed=("phone", "meter", "name"))
class AddMeter(Message, frozen=True, kw_only=True, omit_defaults=True):
    """``phone`` wants to buy for ``meter`` and call it ``name``. A code goes by SMS to the phone on
    file, or an operator is asked where there is none. Answers with ``sent_to`` (masked) or
    ``waits`` (``operator``). ``spends``: it asks to spend the account's credit too."""

    phone: str
    meter: str
    name: str = ""
    spends: bool = False
    language: str = ""
    reply: tuple[Recipient, ...] = ()
    answer_by_notice: bool = False


@message_type("wattbus.registration.ConfirmMeter.v1", hashed=("phone", "code"))
class ConfirmMeter(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The code that came on the phone on file; three wrong ones end the request."""

    phone: str
    code: str
    reply: tuple[Recipient, ...] = ()
    answer_by_notice: bool = False


@message_type("wattbus.registration.ChangeMeter.v1", hashed=("phone", "meter", "change", "name"))
class ChangeMeter(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Name a registered meter, remove it, or keep one that was unused for a year."""

    phone: str
    meter: str
    change: Literal["name", "remove", "keep"]
    name: str = ""
    reply: tuple[Recipient, ...] = ()
    answer_by_notice: bool = False


@message_type("wattbus.registration.SetPin.v1", hashed=("phone", "proof", "old_proof", "code"))
class SetPin(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The PIN of a phone, as its keyed proof (hex): the first one, or another in place of
    ``old_proof`` or by a reset ``code``. Never by SMS."""

    phone: str
    proof: str
    old_proof: str = ""
    code: str = ""


@message_type("wattbus.registration.ResetPin.v1", hashed=("phone",))
class ResetPin(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Send a code to the phone itself, by which a new PIN can be set; at most a few in a day."""

    phone: str


@message_type("wattbus.registration.CheckPin.v1", hashed=("phone", "proof"))
class CheckPin(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Whether this is the phone's PIN: three wrong ones in a row lock it for a time. Done with
    ``pass``, a word that the purchase of this session carries (``CreditVend.pin_pass``)."""

    phone: str
    proof: str


@message_type(
    "wattbus.registration.RequestPhoneAct.v1",
    hashed=("operator", "kind", "phone", "meter", "account"),
)
class RequestPhoneAct(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Operator ``operator``: approve or refuse a registration (``phone-approve``,
    ``phone-refuse``), take one away (``phone-remove``), clear a PIN (``phone-pin-clear``)."""

    operator: str
    kind: str
    phone: str
    reason: str
    evidence: str = ""
    meter: str = ""
    account: str = ""

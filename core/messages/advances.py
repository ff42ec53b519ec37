"""Units on credit, and times without service."""

from typing import Literal

from core.messages.base import Message, message_type
from core.messages.vending import Recipient


@message_type("wattbus.vending.AskAdvance.v1", hashed=("phone", "meter", "amount"))
class AskAdvance(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Units on credit for ``meter``, or for the phone's only own one: no money is taken now.

    ``amount``: minor units of the company's currency that they shall be worth, taxes included; 0:
    as much as the company gives. The next purchase pays them before anything else.
    """

    phone: str
    meter: str = ""
    amount: int = 0
    reply: tuple[Recipient, ...] = ()
    answer_by_notice: bool = True


@message_type("wattbus.vending.GiveAdvance.v1", hashed=("operator", "meter", "amount"))
class GiveAdvance(Message, frozen=True, kw_only=True, omit_defaults=True):
    """An operator gives units on credit, as if the customer had asked (AskAdvance)."""

    operator: str
    meter: str
    reason: str
    amount: int = 0
    reply: tuple[Recipient, ...] = ()


@message_type("wattbus.service.PauseService.v1", hashed=("operator", "meter", "why", "on"))
class PauseService(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The agreement at ``meter`` has no service from now, or from the local day ``on`` (ISO).

    Months without any service bear no monthly charge.
    """

    operator: str
    meter: str
    why: Literal["vacant", "disconnected"]
    reason: str
    on: str = ""


@message_type("wattbus.service.ResumeService.v1", hashed=("operator", "meter", "why", "on"))
class ResumeService(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The end of what PauseService began: from now, or from the local day ``on`` (ISO)."""

    operator: str
    meter: str
    why: Literal["vacant", "disconnected"]
    reason: str
    on: str = ""

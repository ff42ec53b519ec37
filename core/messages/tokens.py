"""Key changes of meters, as campaigns and operators ask for them and say what became of them."""

from typing import Annotated, Literal

import msgspec

from core.messages.base import Message, message_type

#: Meters of one command at most: their locks are held together.
MAX_METERS = 100


@message_type(
    "wattbus.tokens.NeedKeyChange.v1",
    hashed=("meters", "sgc", "krn", "ti", "kt", "three_tokens", "campaign"),
)
class NeedKeyChange(Message, frozen=True, kw_only=True, omit_defaults=True):
    """These meters shall have the key of supply group ``sgc``, revision ``krn``.

    ``ti`` and ``kt`` stay when they are not given. ``three_tokens``: EA07 meters that keep their
    supply group. Only in a campaign, and ``act`` is the one in which two people agreed on it. At
    most 100 meters; a larger group is asked for in pieces.
    """

    meters: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=MAX_METERS)]
    sgc: str
    krn: int
    operator: str
    reason: str
    ti: str = ""
    kt: int = 0
    three_tokens: bool = False
    campaign: str = ""
    act: int = 0


@message_type("wattbus.tokens.ConfirmKeyChange.v1", hashed=("meter", "how"))
class ConfirmKeyChange(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The meter has its new key: ``how`` it is known."""

    meter: str
    how: Literal["read-out", "field", "customer"]
    operator: str
    reason: str


@message_type("wattbus.tokens.FailKeyChange.v1", hashed=("meter",))
class FailKeyChange(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The meter kept its old key, or the change is called off."""

    meter: str
    operator: str
    reason: str

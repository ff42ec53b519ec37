"""What a security module on the network is asked to make, and what it says became of it."""

from typing import Annotated, Literal

import msgspec

from core.messages.base import Message, message_type

#: What a module tells of itself; a box with more to say is looked at by people anyway.
MAX_ALERTS = 20
#: A key change set of four sections, and the token behind it.
MAX_TOKENS = 5


class KeyAim(msgspec.Struct, frozen=True, kw_only=True):
    """The key that a meter shall have."""

    sgc: str
    krn: int
    ti: str


@message_type("wattbus.modules.OrderTokens.v1", hashed=("reference",))
class OrderTokens(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Channel ``module`` shall have order number ``order`` made.

    ``reference`` is the name under which the module remembers it: unique for ever. The meter with
    its key as it is now: ``pan`` 18 digits, ``sgc`` six, ``ti`` two, ``ken`` 0 to 255. The token:
    its class and subclass, ``amount`` in the unit that it carries (tenths, watts, register …),
    ``tid`` counted from base year ``base``. ``change``: a key change set in front of the token,
    which is then under the new key; a set alone has no ``tid`` (-1).
    """

    module: str
    order: int
    reference: str
    meter: str
    pan: str
    ea: int
    tct: int
    sgc: str
    krn: int
    ti: str
    ken: int
    token_class: int
    subclass: int
    amount: int
    tid: int
    base: int
    change: KeyAim | None = None
    three_tokens: bool = False


class MadeToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token of the module: its digits, what it is (``tid`` -1: has none), the key's KCV."""

    digits: str
    token_class: int
    subclass: int
    tid: int
    kcv: str


#: ``delayed``: surely not made yet, the module is away; ``doubtful``: it may have been made, and is
#: asked about; ``wrong``: something else came back; ``undecided``: the module does not know any
#: more. These two are for people; ``give-up`` is what people say, by an act of two of them.
Report = Literal["made", "refused", "delayed", "doubtful", "wrong", "undecided", "give-up"]


@message_type("wattbus.modules.ReportTokens.v1", hashed=("order", "state", "tokens"))
class ReportTokens(Message, frozen=True, kw_only=True, omit_defaults=True):
    """What became of order number ``order``: ``code`` is ours, ``detail`` the module's words."""

    module: str
    order: int
    state: Report
    tokens: Annotated[tuple[MadeToken, ...], msgspec.Meta(max_length=MAX_TOKENS)] = ()
    code: str = ""
    detail: str = ""


@message_type("wattbus.modules.ReportModule.v1", hashed=("module", "at", "counted", "logged"))
class ReportModule(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A module's own count of the tokens that it made, read at ``at`` (µs UTC) while it was idle.

    ``logged``: how many of its tokens our log had just before; then no order was open, and none was
    begun until the answer. So ``counted - logged`` is what it made and nobody logged, exactly.
    """

    module: str
    at: int
    counted: int
    logged: int
    alerts: Annotated[tuple[str, ...], msgspec.Meta(max_length=MAX_ALERTS)] = ()

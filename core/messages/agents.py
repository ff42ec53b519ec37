"""Agents sell credit and collect payments: their floats pay, the cash is in their hands."""

from typing import Annotated

import msgspec

from core.messages.base import Message, message_type
from core.messages.terminals import Slip
from core.messages.vending import Recipient


@message_type(
    "wattbus.agents.SellCredit.v1",
    hashed=("agent", "till", "meter", "tender", "currency", "phone"),
)
class SellCredit(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Agent ``agent`` sells credit for ``meter`` for ``tender`` minor units of ``currency``.

    He has the buyer's money; his float pays. ``till`` is his own name for the place: a terminal, a
    cashier. ``phone``: the buyer's, if he wants the token there (``reply``) and in ``LAST``.
    ``another`` and ``quoted_tenths`` as of a CreditVend. ``slip``: sold at a registered terminal.
    """

    agent: str
    meter: str
    tender: int
    currency: str
    till: str = ""
    phone: str = ""
    another: bool = False
    quoted_tenths: int | None = None
    reply: tuple[Recipient, ...] = ()
    answer_by_notice: bool = False
    slip: Slip | None = None


@message_type(
    "wattbus.agents.CollectPayment.v1",
    hashed=("agent", "till", "account", "amount", "currency"),
)
class CollectPayment(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Agent ``agent`` was paid ``amount`` for ``account``: his float pays it in.

    ``items`` are the open items that the payer wants paid first; ``rule`` of allocation; ``slip``:
    at a registered terminal.
    """

    agent: str
    account: str
    amount: int
    currency: str
    till: str = ""
    rule: str = ""
    items: Annotated[tuple[int, ...], msgspec.Meta(max_length=60)] = ()
    reply: tuple[Recipient, ...] = ()
    slip: Slip | None = None


@message_type(
    "wattbus.agents.ReceiveDeposit.v1",
    hashed=("agent", "amount", "currency", "reference"),
)
class ReceiveDeposit(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A bank says that ``amount`` came for an agent's float: ``reference`` is the bank's own name
    for it, and counts once. ``desk`` names the bank account that has the money."""

    agent: str
    amount: int
    currency: str
    reference: str
    way: str = "transfer"
    desk: str = "bank"


@message_type(
    "wattbus.agents.RequestTopUp.v1",
    hashed=("agent", "amount", "currency", "reference", "way", "desk"),
)
class RequestTopUp(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Agent ``agent`` says that he has paid ``amount`` for his float, by ``way`` at ``desk``, under
    ``reference`` (the bank's, or a slip's). Nothing moves: the bank's word of that reference, or
    two people, make a top-up of it. Answers with ``request``, its number, and ``state``.
    """

    agent: str
    amount: int
    currency: str
    reference: str
    way: str = "transfer"
    desk: str = "bank"
    till: str = ""


@message_type(
    "wattbus.agents.TransferFloat.v1",
    hashed=("agent", "other", "amount", "currency"),
)
class TransferFloat(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Agent ``agent`` gives ``amount`` of what is paid in on his float to agent ``other``: below
    him, or above him, as his contract has it. ``another``: yes, the same once more.
    """

    agent: str
    other: str
    amount: int
    currency: str
    till: str = ""
    another: bool = False


_ACT = (
    *("operator", "kind", "agent", "amount", "other", "way", "desk", "reference", "security"),
    *("name", "agent_kind", "parent", "mode", "phone", "language", "commission"),
    *("supply_groups", "services", "daily_limit", "low_float", "credit_limit"),
)
_ACT_2 = (*_ACT, "cash_limit", "transfers", "tells")


@message_type(
    "wattbus.agents.RequestAgentAct.v1",
    hashed=(*_ACT_2, "areas"),
    hash_version=3,
    earlier={1: _ACT, 2: _ACT_2},
)
class RequestAgentAct(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Operator ``operator`` asks for an act of ``kind`` (``core.agents.act_kinds``).

    ``reason`` is why, in words; ``evidence`` names what proves it. Which of the others an act
    needs, its kind says: ``amount`` in minor units; ``other``, the agent that a transfer goes to;
    ``way`` and ``desk`` that take money in or pay it out (``float``: commission goes there);
    ``reference``, the bank's, counts once; ``security``: guarantee or equipment. The rest is what
    is known of an agent (``core.store.tables.agents``): all of it when it is enrolled, what changes
    when it is altered.
    """

    operator: str
    kind: str
    agent: str
    reason: str
    evidence: str = ""
    amount: int = 0
    other: str = ""
    way: str = "cash"
    desk: str = "main"
    reference: str = ""
    security: str = ""
    name: str | None = None
    agent_kind: str | None = None
    parent: str | None = None
    mode: str | None = None
    phone: str | None = None
    language: str | None = None
    commission: str | None = None
    supply_groups: tuple[str, ...] | None = None
    services: tuple[str, ...] | None = None
    daily_limit: int | None = None
    low_float: int | None = None
    credit_limit: int | None = None
    cash_limit: int | None = None
    transfers: str | None = None
    tells: str | None = None
    areas: tuple[str, ...] | None = None

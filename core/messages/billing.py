"""Money that comes in, and bill runs: their phases, cut into partitions, and what came of them."""

from typing import Annotated, Literal

import msgspec

from core.messages.base import Event, Message, message_type

#: What a repeat of a payment must say again; its own number is what a bank knows it by.
_PAID = ("account", "amount", "currency", "way")


@message_type(
    "wattbus.billing.ReceivePayment.v1",
    hashed=(*_PAID, "desk", "reference", "bank"),
    hash_version=2,
    earlier={1: _PAID},
)
class ReceivePayment(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A payment received for an account: it pays what is owed there, the rest becomes credit.

    ``way`` is the tender: cash, card, transfer, mobile, or one of the company's
    that clear later (cheque); ``reference`` its own number, if any, and ``bank`` whose cheque it
    is: the same number of a bank, or of a way at a desk, is one payment whatever key brings it;
    ``desk`` the cash desk or collector that took it. ``rule`` names the allocation rule (empty: the
    company's), ``items`` the open items that the payer wants paid first, ``receipt`` one that was
    written before the payment.
    """

    account: str
    amount: int
    currency: str
    way: str = "cash"
    reference: str = ""
    desk: str = "main"
    rule: str = ""
    items: Annotated[tuple[int, ...], msgspec.Meta(max_length=60)] = ()
    receipt: str = ""
    bank: str = ""


#: The phases of a run that are work (``core.billing.states.PHASES``).
Phase = Literal["freeze", "calculate", "issue"]


@message_type("wattbus.billing.RunBillPhase.v1", hashed=("run", "phase", "above"))
class RunBillPhase(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Do a phase of bill run number ``run``: what is above partition ``above`` is cut up now.

    ``operator`` is who asked for it; empty: the phase before has ended.
    """

    run: int
    phase: Phase
    operator: str = ""
    above: int = 0


@message_type("wattbus.billing.BillPartition.v1", hashed=("run", "phase", "number"))
class BillPartition(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Do a phase of one partition of a bill run; what is done already is left as it is."""

    run: int
    phase: Phase
    number: int


@message_type("wattbus.billing.EndBillPhase.v1", hashed=("run", "phase"))
class EndBillPhase(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The last partition of a phase seems to be done: look, and move the run."""

    run: int
    phase: Phase


@message_type("wattbus.billing.BillRunMoved.v1", hashed=("run", "phase", "state"))
class BillRunMoved(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A phase of a bill run has ended: its state now, and what its bills add up to.

    ``period`` is YYYYMM, ``total`` minor units of ``currency``; ``held`` as outsorting left them.
    """

    run: int
    phase: Phase
    state: str
    period: int
    kind: str
    currency: str
    bills: int = 0
    held: int = 0
    total: int = 0

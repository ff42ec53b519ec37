"""Money by wallet: what customers ask for, what providers say, and what channels shall do.

A *wallet* is an account of ours with a provider (``[wallets.NAME]`` of the company's mapping); its
channel instance speaks to the provider. A *collection* is money that we ask a payer for (an STK
push, a request to pay, a code that he scans); a *pay-in* is money that he sends by himself to our
short code, with whatever he typed as a reference. Amounts are integers of minor units.
"""

from typing import Annotated, Literal

import msgspec

from core.messages.base import Message, message_type
from core.messages.vending import CreditVend, Recipient

#: The longest reference of a keypad that any provider passes on (adapters.mobilemoney.fields).
MAX_TYPED = 160
MAX_DETAIL = 500
#: Lines of one page of a statement; a day's statement comes in as many pages as it needs.
MAX_LINES = 500

#: What a collection buys. ``vend``: a token for ``vend.meter``; ``bill``: what an account owes;
#: ``top-up``: an agent's float.
Purpose = Literal["vend", "bill", "top-up"]
#: How the payer's number is known: open (E.164), masked, hashed (SHA-256 hex), or not at all.
PayerForm = Literal["open", "masked", "hashed", "absent"]
#: What makes us believe it. ``notice``: a callback that was verified (its source, its path, its
#: signature where there is one); ``status``: our own question; ``pull``: the provider's list of
#: what was missed; ``statement``: his account of the day; ``file``: an operator brought a file that
#: says so, and nobody else has: the money is held. A notice that cannot be verified is no report:
#: it makes the channel ask.
Proof = Literal["notice", "status", "pull", "statement", "file"]


@message_type(
    "wattbus.wallets.RequestCollection.v1",
    hashed=("wallet", "payer", "amount", "currency", "purpose", "vend", "account", "agent"),
)
class RequestCollection(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Ask ``payer`` (E.164) by ``wallet`` for ``amount``, for a purpose.

    ``vend`` is the purchase that is made when the money has come (its ``tender`` is ``amount``);
    ``account`` whose bill is paid, ``agent`` whose float. What would be refused now is refused now,
    before anybody's money moves. Answers done with ``reference`` (ours), ``collection`` (its
    number), ``wallet`` and ``wallet_name``: the payer is being asked; what becomes of it is told by
    ``reply``. Wallet empty: the one that serves the payer's network. ``answer_by_notice``: who
    asks reads texts only, so a refusal, or the question whose meter it is, goes to ``reply`` too.
    """

    payer: str
    amount: int
    currency: str
    purpose: Purpose
    wallet: str = ""
    vend: CreditVend | None = None
    account: str = ""
    agent: str = ""
    reply: tuple[Recipient, ...] = ()
    answer_by_notice: bool = False


@message_type("wattbus.wallets.AskPayer.v1", hashed=("reference",))
class AskPayer(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Channel ``channel`` shall ask a payer: collection number ``collection``.

    ``reference`` is the name under which we ask, unique for ever: a UUID, because one provider
    wants one. ``shown`` is what the payer reads beside the amount (a meter, an account). After
    ``deadline`` (µs UTC) nobody is asked any more: a channel that comes to it later reports
    ``not-sent`` with the reason ``timeout``.
    """

    channel: str
    wallet: str
    collection: int
    reference: str
    payer: str
    amount: int
    currency: str
    shown: str = ""
    deadline: int = 0


#: ``sent``: the provider has it; ``pending``: he asks the payer; ``not-sent``: it surely never
#: left or was refused at once; ``paid``; ``failed``: surely no money; ``unknown``: nobody knows,
#: it is asked on; ``reversed``: what was paid was taken back, by the provider or by us.
CollectionReport = Literal["sent", "pending", "not-sent", "paid", "failed", "unknown", "reversed"]


@message_type(
    "wattbus.wallets.ReportCollection.v1",
    hashed=("wallet", "reference", "state", "receipt", "amount", "currency"),
)
class ReportCollection(Message, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the collection ``reference``. ``code`` is the provider's own, ``reason`` ours:
    ``declined``, ``insufficient``, ``wrong-pin``, ``timeout``, ``busy``, ``unreachable``,
    ``limit``, ``provider``, ``rejected``. ``paid`` needs ``receipt``, ``amount`` and ``currency``
    as the provider says them: what differs from what was asked is no sale but a case. ``at`` is the
    provider's time (µs UTC; 0: he says none), ``fee`` what he keeps of it, where he says so.
    ``brought_by``: of the proof ``file``, the operator who brought it.
    """

    wallet: str
    reference: str
    state: CollectionReport
    proof: Proof
    receipt: str = ""
    amount: int = 0
    currency: str = ""
    payer: str = ""
    payer_form: PayerForm = "absent"
    at: int = 0
    fee: int = 0
    code: str = ""
    reason: str = ""
    detail: Annotated[str, msgspec.Meta(max_length=MAX_DETAIL)] = ""
    brought_by: str = ""


@message_type(
    "wattbus.wallets.ReceivePayIn.v1", hashed=("wallet", "receipt", "amount", "currency", "typed")
)
class ReceivePayIn(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Money came by itself: ``receipt`` is the provider's number of it, unique with him.

    ``typed`` is what the payer gave as his reference; ``payer`` in the form that the provider
    shows; ``names`` what he says of the payer's name. Never refused for its reference: money that
    has come is booked, on whatever row of ``core.wallets.held`` it belongs to. Answers with
    ``outcome``: ``sold``, ``paid``, ``topped-up``, or the reason for which it is held.
    ``brought_by``: of the proof ``file``, the operator who brought it.
    """

    wallet: str
    receipt: str
    amount: int
    currency: str
    proof: Proof
    typed: Annotated[str, msgspec.Meta(max_length=MAX_TYPED)] = ""
    payer: str = ""
    payer_form: PayerForm = "absent"
    names: str = ""
    at: int = 0
    fee: int = 0
    short_code: str = ""
    brought_by: str = ""


@message_type("wattbus.wallets.ReportReversal.v1", hashed=("wallet", "receipt", "state"))
class ReportReversal(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A payment was given back to its payer, or could not be: of a refund that we asked for
    (``refund``, its number), or of the provider's own doing (``refund`` 0). ``reversal_receipt`` is
    his number of it. ``unknown`` is asked on, never asked for again."""

    wallet: str
    receipt: str
    state: Literal["reversed", "failed", "unknown"]
    refund: int = 0
    reversal_receipt: str = ""
    amount: int = 0
    currency: str = ""
    proof: Proof = "status"
    code: str = ""
    detail: Annotated[str, msgspec.Meta(max_length=MAX_DETAIL)] = ""


@message_type("wattbus.wallets.ReversePayment.v1", hashed=("reference",))
class ReversePayment(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Channel ``channel`` shall give the payment ``receipt`` back: refund number ``refund``.

    ``reference`` is ours, unique for ever: the same is never asked for twice.
    """

    channel: str
    wallet: str
    refund: int
    reference: str
    receipt: str
    amount: int
    currency: str
    payer: str = ""


class StatementLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One payment of a provider's account of a day; a reversal has a negative ``amount`` and names
    its ``original``. ``reference`` is ours, of a collection; ``typed`` the payer's, of a pay-in."""

    receipt: str
    amount: int
    at: int
    reference: str = ""
    typed: str = ""
    payer: str = ""
    payer_form: PayerForm = "absent"
    fee: int = 0
    original: str = ""


@message_type(
    "wattbus.wallets.TakeStatement.v1", hashed=("wallet", "day", "page", "currency", "lines")
)
class TakeStatement(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A page of the provider's account of ``day`` (YYYYMMDD in the provider's zone).

    Each line is compared with ours: match, ours only, theirs only, amount differs. *Theirs only* is
    booked under the same unique key, as if its notice had come; what an operator's file alone says
    is held until the provider or another operator says so, too. ``last``: with this page the day is
    whole, so what of ours is not in it is *ours only*. ``operator``: who brought the file; empty:
    the provider's channel.
    """

    wallet: str
    day: int
    currency: str
    lines: Annotated[tuple[StatementLine, ...], msgspec.Meta(max_length=MAX_LINES)] = ()
    page: int = 1
    last: bool = True
    source: str = ""
    operator: str = ""


@message_type(
    "wattbus.wallets.SettleWallet.v1", hashed=("wallet", "reference", "amount", "currency", "fee")
)
class SettleWallet(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The bank says that the provider paid ``amount`` out to us for the days up to ``until``
    (YYYYMMDD), having kept ``fee``. ``reference`` is the bank's, and counts once. ``operator``: who
    says so; empty: the bank's channel."""

    wallet: str
    reference: str
    amount: int
    currency: str
    until: int
    fee: int = 0
    desk: str = "bank"
    operator: str = ""


@message_type("wattbus.wallets.CheckStatement.v1", hashed=("wallet", "day"))
class CheckStatement(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The statement of ``day`` is whole: what of ours is not in it is *ours only*. Our own; a batch
    of payments at a time."""

    wallet: str
    day: int


@message_type("wattbus.wallets.MarkSettled.v1", hashed=("wallet", "settlement"))
class MarkSettled(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The payments that payout number ``settlement`` was for are settled. Our own; a batch of
    payments at a time."""

    wallet: str
    settlement: int


@message_type("wattbus.wallets.SweepHeld.v1", hashed=("held", "at"))
class SweepHeld(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The clock has come to held money number ``held``: it is tried again, and what is over its
    deadline goes on. ``at``: the instant (µs UTC) that had come; another one is another message."""

    held: int
    at: int


@message_type("wattbus.wallets.AskMyPayment.v1", hashed=("phone", "receipt", "meter"))
class AskMyPayment(Message, frozen=True, kw_only=True, omit_defaults=True):
    """ "My payment": whoever knows the provider's receipt and the meter may read the token again,
    marked COPY, from any phone; a few times an hour, because receipts can be guessed."""

    phone: str
    receipt: str
    meter: str
    reply: tuple[Recipient, ...] = ()
    answer_by_notice: bool = False


_ACT = ("operator", "kind", "payment", "meter", "account", "agent", "amount", "to", "case")


@message_type("wattbus.wallets.RequestWalletAct.v1", hashed=_ACT)
class RequestWalletAct(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Operator ``operator`` asks for an act of ``kind`` (``core.wallets.act_kinds``): to say whose
    a held payment is (``meter``, ``account`` or ``agent``), to give it back by the provider, to
    close a case.

    ``payment`` is its number; ``reason`` why, in words; ``evidence`` names what proves it; ``to``
    the phone that a wrong meter's token is told on; ``case`` the number of a case that is closed.
    """

    operator: str
    kind: str
    payment: str
    reason: str
    evidence: str = ""
    meter: str = ""
    account: str = ""
    agent: str = ""
    amount: int = 0
    to: str = ""
    case: int = 0

"""What terminals say: who is at them, what came to nothing, and how their day adds up."""

from typing import Annotated

import msgspec

from core.messages.base import Message, message_type

Stan = Annotated[int, msgspec.Meta(ge=0, le=999_999_999_999)]  # 6 digits; 12 in ISO 8583:2003
Day = Annotated[int, msgspec.Meta(ge=19_700_101, le=99_991_231)]
#: Of one upload or settlement: far above what a shop sells in a day.
MAX_COUNT = 100_000


class Slip(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a terminal calls a sale: its own number, our business day, its batch, who was at it.

    ``terminal`` is DE 41, ``stan`` DE 11, ``day`` YYYYMMDD of our own calendar; these three name
    one item of the terminal's journal. ``batch`` is the number that the terminal settles by;
    ``cashier`` the code that signed on, ``rrn`` DE 37 where the terminal gives one. ``receipt``: a
    number of a series assigned to the terminal before, of a bill collected without the line.
    """

    terminal: str
    stan: Stan
    day: Day
    batch: int = 0
    cashier: str = ""
    rrn: str = ""
    receipt: str = ""


class BatchTotals(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The totals of a batch as ISO 8583:1987 has them in DE 74–77 and 86–89, in minor units.

    Sales and payments collected are ``debits``; a reversal counts in the second pair, and its
    original stays counted in the first.
    """

    debits: int = 0
    debit_amount: int = 0
    debit_reversals: int = 0
    debit_reversal_amount: int = 0


@message_type(
    "wattbus.agents.SignOnCashier.v1", hashed=("agent", "terminal", "cashier", "pin_proof", "day")
)
class SignOnCashier(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A cashier begins a shift at a terminal; who was at it before ends his.

    ``pin_proof`` is the keyed hash of the PIN (hex), never the PIN: no journal has it. Three wrong
    ones lock the cashier for a time. ``cashier`` empty: the terminal itself signs on, which agents
    without cashiers do. Answers with ``shift``, ``cashier`` and his ``name``.
    """

    agent: str
    terminal: str
    day: Day
    cashier: str = ""
    pin_proof: str = ""


@message_type("wattbus.agents.SignOffCashier.v1", hashed=("agent", "terminal", "day"))
class SignOffCashier(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The shift at a terminal ends. Answers with its count and amounts by kind."""

    agent: str
    terminal: str
    day: Day


@message_type(
    "wattbus.agents.ReverseAtTerminal.v1",
    hashed=("agent", "terminal", "day", "stan", "amount", "currency"),
)
class ReverseAtTerminal(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A terminal had no answer to its item (``terminal``, ``day``, ``stan``) and takes it back.

    ``amount`` 0: the terminal did not say it. Always done, so that store-and-forward stops; refused
    only when it names another amount than the item has. Answers with ``state``:

    ``barred``   never seen: it will be refused when it comes late
    ``waiting``  under way at a security module: taken back when that says no, kept if it was made
    ``reversed`` booked and taken back: the float has its money again
    ``kept``     a token was issued: no money goes back; a case is open; ``sale`` is the sale as the
                 answer of SellCredit has it, with the token to be printed
    ``refused``  nothing had been booked: there is nothing to take back
    """

    agent: str
    terminal: str
    day: Day
    stan: Stan
    amount: int = 0
    currency: str = ""
    cashier: str = ""


@message_type(
    "wattbus.agents.CollectOffline.v1",
    hashed=("agent", "account", "amount", "currency", "slip"),
)
class CollectOffline(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A bill was collected while the line was down, by a list and a receipt number given before.

    The customer has paid: whatever is wrong with it, the money is booked (to the account, else to
    suspense) and what is wrong opens a case. Answers with ``payment`` and, if there is one,
    ``case``.
    """

    agent: str
    account: str
    amount: int
    currency: str
    slip: Slip
    made_at: int = 0  # microseconds UTC, by the terminal's clock


@message_type(
    "wattbus.agents.SettleTerminal.v1",
    hashed=("agent", "terminal", "batch", "day", "currency", "totals", "uploaded"),
)
class SettleTerminal(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A terminal closes its batch with its totals (0500); ``uploaded``: after its items (0520…).

    Answers with ``balanced``, ``state`` (``closed`` | ``uploading``), ``ours`` (BatchTotals) and,
    once it is closed, the number of ``differences``, each of which is a case.
    """

    agent: str
    terminal: str
    batch: int
    day: Day
    currency: str
    totals: BatchTotals
    uploaded: bool = False


@message_type(
    "wattbus.agents.UploadItem.v1",
    hashed=("agent", "terminal", "batch", "stan", "day", "amount", "kind", "reversed"),
)
class UploadItem(Message, frozen=True, kw_only=True, omit_defaults=True):
    """One item of a batch that did not balance, as the terminal has it (0320). Evidence, never the
    source of a booking. ``kind`` is ``sale`` or ``payment``."""

    agent: str
    terminal: str
    batch: int
    stan: Stan
    day: Day
    amount: int
    kind: str = "sale"
    reversed: bool = False


@message_type(
    "wattbus.agents.ReportTerminal.v1", hashed=("terminal", "latitude", "longitude", "signal")
)
class ReportTerminal(Message, frozen=True, kw_only=True, omit_defaults=True):
    """What a terminal says of itself. Degrees × 10⁶; ``signal`` in dBm (below 0; 0: not said);
    ``application`` its software. ``parameters`` is the version that it works with; ``message``
    the number of the last one that it has shown."""

    terminal: str
    latitude: int = 0
    longitude: int = 0
    signal: int = 0
    application: str = ""
    parameters: int = 0
    message: int = 0


@message_type(
    "wattbus.agents.RequestTerminalAct.v1",
    hashed=(
        *("operator", "kind", "terminal", "agent", "name", "place", "merchant", "cashier"),
        *("pin_proof", "parameters", "text", "limit", "receipts"),
    ),
)
class RequestTerminalAct(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Operator ``operator`` asks for an act of ``kind`` (``core.terminals.act_kinds``) with a
    terminal or a cashier; ``reason`` is why, in words. Which of the others an act needs, its kind
    says: ``merchant`` is DE 42, ``parameters`` name → value that the terminal shall work with,
    ``text`` what it shall show, ``limit`` (minor units a day) and ``receipts`` (how many numbers of
    a series) of its emergency mode."""

    operator: str
    kind: str
    reason: str
    terminal: str = ""
    agent: str = ""
    evidence: str = ""
    name: str | None = None
    place: str | None = None
    merchant: str | None = None
    cashier: str = ""
    pin_proof: str = ""
    parameters: dict[str, str] | None = None
    text: str = ""
    limit: int | None = None
    receipts: int = 0


@message_type(
    "wattbus.agents.CloseTerminalCase.v1", hashed=("operator", "case", "reason", "account")
)
class CloseTerminalCase(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Operator ``operator`` has looked at a case (``core.terminals.cases``) and says in ``reason``
    what became of it. ``account``: whose money it is, of a case about money in suspense."""

    operator: str
    case: int
    reason: str
    account: str = ""

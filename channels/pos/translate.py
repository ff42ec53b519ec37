"""Messages of a switch → canonical ones: pure, and the only place that knows both.

:class:`Asked` is one request with all that is known of it; the functions below make of it what the
hub is told. What cannot be read is a :class:`Wrong` with the sentence for the journal and the shop.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from adapters.iso8583.amounts import from_wire
from adapters.iso8583.currencies import letters
from adapters.iso8583.errors import DecodeError
from adapters.iso8583.message import Message as Iso
from channels.pos.profile import Profile
from core.messages import (
    CollectOffline,
    CollectPayment,
    Message,
    Recipient,
    ReportTerminal,
    ReverseAtTerminal,
    SellCredit,
    SettleTerminal,
    SignOffCashier,
    SignOnCashier,
    UploadItem,
)
from core.messages.terminals import BatchTotals, Slip
from core.money import CURRENCIES

#: Degrees × 10⁶.
_MICRO: Final = 1_000_000
_LONGEST_TEXT: Final = 40


class Wrong(ValueError):  # noqa: N818 - an answer to the terminal, not a fault
    """The request says something that cannot be; ``code`` is the refusal that it ends as."""

    def __init__(self, what: str, code: str = "message-wrong") -> None:
        super().__init__(what)
        self.what = what
        self.code = code


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of a terminal. ``day`` is that of what it is about: of a reversal, the original's;
    ``former``: the agent that the terminal was bound to before; ``proof`` of the PIN that it
    carries, ``sent_us`` by the terminal's own clock."""

    profile: Profile
    message: Iso
    operation: str
    terminal: str
    agent: str
    stan: int
    day: int
    currency: str
    language: str
    msisdn: Callable[[str], str]
    proof: str = ""
    cashier: str = ""
    sent_us: int = 0
    former: str = ""

    def take(self, name: str) -> str:
        """What the request says under a name."""
        return self.profile.take(self.message, name)

    def whole(self, name: str, most: int = 10**12) -> int:
        """A whole number; 0 for nothing. Wrong: it is none."""
        text = self.take(name) or "0"
        if not text.isascii() or not text.isdigit() or int(text) > most:
            raise Wrong(f"{name} is no number")
        return int(text)

    def amount(self, name: str = "amount") -> int:
        """Minor units of the request's currency; 0 for nothing."""
        text = self.take(name)
        if not text:
            return 0
        if not text.isascii() or not text.isdigit():
            raise Wrong(f"{name} is no number")
        known = CURRENCIES.get(self.said_currency())
        if known is None:
            raise Wrong("no such currency", "currency-wrong")
        try:
            return from_wire(text, self.profile.dialect.amount_exponent, known.exponent)
        except DecodeError as error:
            raise Wrong(f"{name}: {error.why}") from None

    def said_currency(self) -> str:
        """The currency that it names, else the company's."""
        said = self.take("currency")
        return (letters(said) or said) if said else self.currency

    def slip(self) -> Slip:
        """The terminal's own name for it."""
        return Slip(
            terminal=self.terminal,
            stan=self.stan,
            day=self.day,
            batch=self.whole("batch", 999_999_999),
            cashier=(self.take("cashier") or self.cashier)[:8],
            rrn=self.take("rrn")[:12],
            receipt=self.take("slip_receipt")[:_LONGEST_TEXT],
        )

    def needed(self, name: str) -> str:
        """A text that the request must have. Wrong: it is missing."""
        text = self.take(name)
        if not text:
            raise Wrong(f"{name} is missing")
        return text[:_LONGEST_TEXT]


def canonical(asked: Asked) -> Message | None:
    """The message that the hub is told; None: this operation only asks. Wrong."""
    make = _MAKE.get(asked.operation)
    return make(asked) if make is not None else None


def partition_of(message: Message, agent: str) -> str:
    """What orders it: the beneficiary of what is sold or paid, the agent of everything else."""
    if isinstance(message, SellCredit):
        return f"meter/{message.meter}"
    if isinstance(message, CollectPayment | CollectOffline):
        return f"account/{message.account}"
    return f"agent/{agent}"


def _vend(asked: Asked) -> Message:
    said = asked.take("phone")
    phone = asked.msisdn(said) if said else ""
    if said and not phone:
        raise Wrong("phone is no number of a phone")
    to = Recipient(way="sms", address=phone, language=asked.language)
    return SellCredit(
        agent=asked.agent,
        meter=asked.needed("meter"),
        tender=asked.amount(),
        currency=asked.said_currency(),
        till=asked.terminal,
        phone=phone,
        another=asked.take("another") == "1",
        reply=(to,) if phone else (),
        slip=asked.slip(),
    )


def _pay(asked: Asked) -> Message:
    return CollectPayment(
        agent=asked.agent,
        account=asked.needed("account"),
        amount=asked.amount(),
        currency=asked.said_currency(),
        till=asked.terminal,
        slip=asked.slip(),
    )


def _advice(asked: Asked) -> Message:
    """Of a bill collected without the line; never of a token."""
    if asked.profile.kind(asked.message) != "pay":
        raise Wrong("only bills are collected without the line", "advice-refused")
    if asked.amount() <= 0:
        raise Wrong("amount is missing")
    slip = asked.slip()
    return CollectOffline(
        agent=asked.agent,
        account=asked.needed("account"),
        amount=asked.amount(),
        currency=asked.said_currency(),
        # who is at it by now did not collect it; nor is a repeat after a change other content
        slip=replace(slip, cashier=asked.take("cashier")[:8]),
        made_at=asked.sent_us,
    )


def original_stan(asked: Asked) -> int:
    """The number of what a reversal takes back, or an upload tells of. Wrong."""
    asked.needed("original_stan")
    return asked.whole("original_stan")


def _reversal(asked: Asked) -> Message:
    mti = asked.take("original_mti")
    if mti and mti[1:2] not in ("2", "1"):
        raise Wrong("only sales and payments are taken back")
    if asked.take("replacement").strip("0CD "):
        raise Wrong("a part cannot be taken back", "reversal-partial")
    amount = asked.amount()
    return ReverseAtTerminal(
        agent=asked.agent,
        terminal=asked.terminal,
        day=asked.day,
        stan=original_stan(asked),
        amount=amount,
        currency=asked.said_currency() if amount else "",
        cashier=(asked.take("cashier") or asked.cashier)[:8],
    )


def _settle(asked: Asked) -> Message:
    totals = BatchTotals(
        debits=asked.whole("debits"),
        debit_amount=asked.amount("debit_amount"),
        debit_reversals=asked.whole("debit_reversals"),
        debit_reversal_amount=asked.amount("debit_reversal_amount"),
    )
    return SettleTerminal(
        agent=asked.agent,
        terminal=asked.terminal,
        batch=asked.whole("batch", 999_999_999),
        day=asked.day,
        currency=asked.said_currency(),
        totals=totals,
        uploaded=asked.operation == "settle_end",
    )


def _upload(asked: Asked) -> Message:
    kind = asked.profile.kind(asked.message)
    if kind not in ("vend", "pay"):
        raise Wrong("an item is a sale or a payment")
    return UploadItem(
        agent=asked.agent,
        terminal=asked.terminal,
        batch=asked.whole("batch", 999_999_999),
        stan=original_stan(asked),
        day=asked.day,
        amount=asked.amount(),
        kind="payment" if kind == "pay" else "sale",
        reversed=asked.take("reversed") == "1",
    )


def _sign_on(asked: Asked) -> Message:
    return SignOnCashier(
        agent=asked.agent,
        terminal=asked.terminal,
        day=asked.day,
        cashier=asked.take("cashier")[:8],
        pin_proof=asked.proof,
    )


def _sign_off(asked: Asked) -> Message:
    return SignOffCashier(agent=asked.agent, terminal=asked.terminal, day=asked.day)


def _report(asked: Asked) -> Message:
    signal = asked.take("signal").lstrip("-")
    if signal and not signal.isdigit():
        raise Wrong("signal is no number")
    return ReportTerminal(
        terminal=asked.terminal,
        latitude=_degrees(asked, "latitude", 90),
        longitude=_degrees(asked, "longitude", 180),
        signal=-min(int(signal or 0), 999),
        application=asked.take("application")[:_LONGEST_TEXT],
        parameters=asked.whole("parameters"),
        message=asked.whole("message"),
    )


def _degrees(asked: Asked, name: str, most: int) -> int:
    text = asked.take(name) or "0"
    try:
        degrees = Decimal(text)
    except InvalidOperation:
        degrees = Decimal("NaN")
    if not degrees.is_finite() or abs(degrees) > most:
        raise Wrong(f"{name} is no angle")
    return int((degrees * _MICRO).to_integral_value())


_MAKE: Final[Mapping[str, Callable[[Asked], Message]]] = MappingProxyType(
    {
        "vend": _vend,
        "pay": _pay,
        "advice": _advice,
        "reversal": _reversal,
        "settle": _settle,
        "settle_end": _settle,
        "upload": _upload,
        "sign_on": _sign_on,
        "sign_off": _sign_off,
        "report": _report,
    }
)

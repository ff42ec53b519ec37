"""A company whose supply group is held by a security module on the network, for stepped tests.

The module itself is played by hand: ``made`` and ``report`` say what a channel would report.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from core.company import Terms
from core.messages import MadeToken, OrderTokens, ReportTokens
from core.sts.amounts import encode_units
from core.sts.layouts import MANAGEMENT, Management, is_currency
from core.sts.module import KeyChangeRequest, MeterKey, TokenRequest, open_module
from core.sts.remote import RemoteModule
from core.sts.sta import SAMPLE_TABLES
from core.sts.token import credit, currency_credit, management
from tests.hub.key_changes import keys as changing_keys
from tests.hub.machine import MASTER, FakeChannel, FakeTime, Machine, demo_terms, enrol, pay

BOX = "box"
#: Class 2 tokens whose amount is in watts, coded like units.
WATTS = (Management.POWER_LIMIT, Management.UNBALANCE_LIMIT)


def remote_terms(**changes: Any) -> Terms:
    """The demo company with all its keys in the box; its own module has none."""
    file = changing_keys()
    records = {(r.sgc, r.krn, r.kt): r for r in file.keys}
    box = RemoteModule(BOX, records)
    values: dict[str, Any] = {
        "module": open_module("virtual-demo", msgspec.structs.replace(file, keys=()), MASTER),
        "remotes": dict.fromkeys({address[0] for address in records}, box),
    }
    return demo_terms(**values | changes)


@dataclass
class Holding(FakeChannel):
    """Takes orders and keeps them: what becomes of them the test says."""

    orders: list[OrderTokens] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def send(self, outbound: Any) -> Any:
        self.orders.append(outbound.message)
        return super().send(outbound)


class RemoteMachine(Machine):
    """A machine with the box as a channel. ``orders`` are those that reached it."""

    def __init__(self, url: str, terms: Terms | None = None, time: FakeTime | None = None) -> None:
        super().__init__(url, time or FakeTime(), terms or remote_terms())
        self.box = Holding()
        self.outbound.attach({"sms": self.channel, BOX: self.box})
        for name in ("sms", BOX):
            self.outbound.wake(name)
        self.hardware = open_module(BOX, changing_keys(), MASTER, SAMPLE_TABLES, {"demo"})

    def open_account(self, credit_: int = 50_000) -> None:
        """The household, with money."""
        self.do(enrol(), "e")
        self.do(pay(credit_), "p")

    def report(self, order: OrderTokens, state: Any, **more: Any) -> None:
        """What the channel would report."""
        message = ReportTokens(module=order.module, order=order.order, state=state, **more)
        self.accept(
            message,
            f"{order.reference}/{state}",
            f"meter/{order.meter}",
            correlation=order.reference,
        )
        self.settle()

    def made(self, order: OrderTokens) -> tuple[MadeToken, ...]:
        """The tokens of an order, really made."""
        key = MeterKey("demo", order.pan, order.ea, order.sgc, order.krn, order.ti)
        found = []
        if order.change is not None:
            aim = order.change
            new = MeterKey("demo", order.pan, order.ea, aim.sgc, aim.krn, aim.ti)
            request = KeyChangeRequest(key, new, order.three_tokens)
            found = list(self.hardware.issue_key_change(request, self.time.at_us))
            key = new
        if order.token_class == MANAGEMENT:
            coded = encode_units(order.amount) if order.subclass in WATTS else order.amount
            data = management(order.subclass, order.tid, 5, coded)
        elif is_currency(order.token_class, order.subclass):
            data = currency_credit(order.subclass, order.tid, order.amount)
        else:
            data = credit(order.subclass, order.tid, 5, order.amount)
        (token,) = self.hardware.issue([TokenRequest(key, data)], self.time.at_us)
        assert not isinstance(token, Exception)
        return tuple(
            MadeToken(
                digits=each.digits,
                token_class=each.data.token_class,
                subclass=each.data.subclass,
                tid=-1 if each.data.tid is None else each.data.tid,
                kcv=each.kcv,
            )
            for each in (*found, token)
        )

    def account(self) -> tuple[int, int]:
        """(credit, reserved) of the household."""
        (row,) = self.rows("SELECT credit, reserved FROM account WHERE number = '100001'")
        return row[0], row[1]

    def sale(self) -> tuple[str, str | None]:
        """(state, receipt) of its newest sale."""
        row = self.rows("SELECT state, receipt FROM sale ORDER BY id DESC LIMIT 1")[0]
        return row[0], row[1]

    def told(self) -> list[str]:
        """The templates of what was told since the account was opened."""
        return [row[0] for row in self.rows("SELECT template FROM notice ORDER BY id")]

"""The channel against providers with payers behind them, each misbehaving in one way.

What moved with the provider and what the hub was told are the same, to the minor unit, once each.
"""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, succeed

from adapters.mobilemoney.sending import Answered, Call, Kind
from channels.mobilemoney.addresses import Addresses
from channels.mobilemoney.client import LostError
from channels.mobilemoney.config import MobileMoneyConfig
from channels.mobilemoney.service import build
from core.messages import ReceivePayIn, ReportCollection
from hub.channel import HttpRequest
from simulators.mobilemoney.airtel import Airtel
from simulators.mobilemoney.kinds import KINDS
from simulators.mobilemoney.mpesa import Mpesa
from simulators.mobilemoney.mtn import Mtn
from simulators.mobilemoney.purse import Options, Purse
from simulators.mobilemoney.wire import Call as SimCall
from simulators.mobilemoney.wire import Notice
from tests.channels.harness import START_US
from tests.channels.mobilemoney.fakes import PATH, PUBLIC, SECRET, Stage, ask

SECRETS = {
    "consumer_key": "key", "consumer_secret": "secret", "passkey": "sim-passkey",
    "security_credential": "x", "api_key": "key", "subscription_key": "sim-subscription",
    "client_id": "client", "client_secret": "secret",
}  # fmt: skip
DIALECTS: dict[str, Any] = {
    "mpesa": partial(Mpesa, masked=False), "mtn": Mtn,
    "airtel": partial(Airtel, callback=Addresses(PUBLIC, PATH, SECRET).of(Kind.NOTICE)),
}  # fmt: skip
#: A notice that says another payment's number cannot be told from a true one where it is unsigned
#: and right in everything else: only the statement finds it.
ONLY_STATEMENT = ("forging-stranger",)
#: A notice of money that came by itself is believed below ``large``: an altered one is, too.
ASKED_FIRST = ("altered-notice", "stormy")
ASKS = 12


class Wire:
    """A client whose provider is in this process."""

    def __init__(self, town: "Town") -> None:
        self.town = town

    def call(self, call: Call, bearer: str, within_s: float) -> "Deferred[Answered]":
        path, _, query = call.path.partition("?")
        headers = {name.lower(): value for name, value in call.headers.items()}
        if call.bearer:
            headers["authorization"] = f"Bearer {bearer}"
        pairs = dict(each.split("=") for each in query.split("&") if each)
        done: Deferred[Any] = self.town.purse.handle(
            SimCall(call.method, path, pairs, headers, call.body)
        )
        done.addCallback(lambda reply: Answered(status=reply.status, body=reply.body))
        done.addTimeout(within_s, self.town.clock)
        return done.addErrback(_lost)

    def close(self) -> "Deferred[None]":
        return succeed(None)


def _lost(failure: Any) -> Any:
    failure.trap(TimeoutError, CancelledError)
    raise LostError("no answer in time")


class Town(Stage):
    """The channel, and a purse of a kind on the same clock."""

    def __init__(self, folder: Path, provider: str, kind: str) -> None:
        self.kind = kind
        large = 1 if kind in ASKED_FIRST else 0
        options = {"register": provider == "mpesa", "again_s": 2.0, "large": large}
        super().__init__(folder, provider, **options)

    def begin(self) -> None:
        for name, value in SECRETS.items():
            (self.ports.folder / name).write_text(value)
        options = Options(answers="approve", payer_s=8.0, every=3, delay=90.0, down=40.0)
        self.purse: Purse = KINDS[self.kind](
            None, DIALECTS[self.provider](), options, clock=self.clock,
            wall=lambda: START_US / 1e6 + self.clock.seconds(), post=self.post,
        )  # fmt: skip
        self.channel = build(
            self.ports, msgspec.convert(self.options, MobileMoneyConfig), Wire(self)
        )
        self.channel.start()

    def post(self, notice: Notice) -> "Deferred[tuple[int, bytes]]":
        """To the channel, from the provider's network."""
        sent = HttpRequest(
            method=notice.method, path=notice.url.removeprefix(PUBLIC), query={},
            headers=dict(notice.headers), body=notice.body(), peer="192.0.2.7",
        )  # fmt: skip
        answer = self.request(sent)
        return answer.addCallback(lambda found: (found.status, found.body.encode()))

    def money(self) -> Counter[tuple[str, int]]:
        """Receipts and amounts that the hub was told of, however often."""
        told: Counter[tuple[str, int]] = Counter()
        for each in self.ports.messages():
            paid = isinstance(each, ReportCollection) and each.state == "paid"
            if isinstance(each, ReceivePayIn) or paid:
                told[each.receipt, each.amount] += 1
        return told


@pytest.mark.parametrize("provider", list(DIALECTS))
@pytest.mark.parametrize("kind", [each for each in KINDS if each not in ONLY_STATEMENT])
def test_the_hub_knows_what_moved_once(tmp_path: Path, provider: str, kind: str) -> None:
    town = Town(tmp_path, provider, kind)
    ends = []
    for number in range(ASKS):
        reference = f"00000000-0000-4000-8000-{number:012d}"
        payer = f"+2547080{number:05d}"
        message = ask(
            number, provider, reference=reference, payer=payer, shown=f"0412345{number:04d}"
        )
        ends.append(town.send(message))
        town.advance(20)
    if provider == "mpesa":
        for number in range(6):
            town.purse.pay_in("254711000001", "04123456789", 10_000 * (number + 1))
            town.advance(5)
    for _ in range(400):
        town.clock.advance(15.0)
    moved = {(each.receipt, each.amount) for each in town.purse.book.movements.values()}
    told = town.money()
    assert set(told) == moved
    # a push of M-Pesa is confirmed to the short code too; the decision knows its receipt
    assert max(told.values(), default=0) <= 1 + (provider == "mpesa")
    assert town.purse.counts.pushes <= ASKS

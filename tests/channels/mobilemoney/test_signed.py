"""Whole conversations with providers that sign, played by their simulators: the payer scans."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from adapters.mobilemoney.sending import Answered, Call
from channels.mobilemoney.config import MobileMoneyConfig
from channels.mobilemoney.service import build
from core.messages import AskPayer, ReportCollection, ReportReversal, ReversePayment
from core.wallets.terms import Wallet, WalletTerms
from hub.channel import HttpRequest, Outbound, Sent
from simulators.mobilemoney import wire
from simulators.mobilemoney.alipay import Alipay
from simulators.mobilemoney.book import Ending
from simulators.mobilemoney.kinds import KINDS
from simulators.mobilemoney.purse import Options
from simulators.mobilemoney.signed import made
from simulators.mobilemoney.unionpay import Unionpay
from simulators.mobilemoney.wechat import Wechat
from simulators.mobilemoney.wire import Notice
from tests.channels.harness import START_US, House
from tests.channels.mobilemoney.fakes import NotingPorts, outcome

DIALECTS: dict[str, Any] = {"wechat": Wechat, "alipay": Alipay, "unionpay": Unionpay}
SETTINGS = {
    "wechat": {"mch_id": "1900000109", "app_id": "wxd678efh567hg6787", "serial": "1"},
    "alipay": {"app_id": "2021000116660265", "seller_id": "2088102181234567"},
    "unionpay": {"mer_id": "777290058110048", "cert_id": "1"},
}
SECRETS = {
    "private_key": made().merchant_key,
    "platform_keys": made().certificate,
    "api_v3_key": "sim-api-v3-key-of-32-characters!",
    "path": "0123456789abcdef0123456789abcdef-path",
}
REFERENCE, BACK = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2))  # no time in them
KEY = REFERENCE.replace("-", "")
PUBLIC = "https://pay.example.test"
PAYER = "8613800000000"


class Town:
    """A channel and its provider on one clock; :meth:`restart` is a kill and a new start."""

    def __init__(self, folder: Path, name: str, kind: str = "friendly", **options: Any) -> None:
        for secret, text in SECRETS.items():
            (folder / secret).write_text(text)
        wallet = Wallet(name="purse", channel="purse", provider=name, label="Scan", currency="CNY",
                        asks_s=120)  # fmt: skip
        house = House(wallets=WalletTerms(wallets={"purse": wallet}))
        self.clock, self.name = Clock(), name
        self.ports = NotingPorts(self.clock, company=house, folder=folder)
        self.purse = KINDS[kind](
            None, DIALECTS[name](), Options(**{"answers": "approve", "expiry_s": 600.0, **options}),
            clock=self.clock, wall=lambda: self.ports.now_us() / 1e6, post=self._post,
        )  # fmt: skip
        self.statuses: list[int] = []
        self.begin()

    def begin(self) -> None:
        config = {
            "wallet": "purse", "base": "https://api.example.test", "public": PUBLIC,
            "path_secret": "path", "settings": SETTINGS[self.name], "callers": ("192.0.2.0/24",),
            "secrets": {name: name for name in SECRETS if name != "path"},
        }  # fmt: skip
        self.channel = build(self.ports, msgspec.convert(config, MobileMoneyConfig), self)
        self.channel.start()

    def restart(self) -> None:
        """What is under way is left where it is."""
        self.channel._timer.cancel()
        self.ports.mounted.clear()
        self.begin()

    # --- the way there and back -----------------------------------------------------------------

    def call(self, call: Call, bearer: str, within_s: float) -> "Deferred[Answered]":
        assert (bearer, call.bearer) == ("", False)
        at = urlsplit(call.path)
        target = f"{at.path}?{at.query}" if at.query else at.path
        query = dict(each.split("=") for each in at.query.split("&") if each)
        headers = {name.lower(): value for name, value in call.headers.items()}
        sent = wire.Call(call.method, at.path, query, headers, call.body, target)

        def came(reply: wire.Reply) -> Answered:
            named = {name.lower(): value for name, value in reply.headers.items()}
            return Answered(status=reply.status, body=reply.body, headers=named)

        return self.purse.handle(sent).addCallback(came)

    def close(self) -> "Deferred[None]":
        return succeed(None)

    def _post(self, notice: Notice) -> "Deferred[tuple[int, bytes]]":
        (handler,) = self.ports.mounted.values()
        done = handler(HttpRequest(
            method=notice.method, path=notice.url.removeprefix(PUBLIC), query={},
            headers=dict(notice.headers), body=notice.body(), peer="192.0.2.7",
        ))  # fmt: skip

        def told(response: Any) -> tuple[int, bytes]:
            self.statuses.append(response.status)
            return response.status, response.body.encode()

        answered: Deferred[tuple[int, bytes]] = done.addCallback(told)
        return answered

    def send(self, message: AskPayer | ReversePayment) -> "Deferred[Any]":
        number = int(self.ports.now_us() // 1000) << 80 | 7 << 76 | 1

        id_ = str(UUID(int=number))
        return self.channel.send(Outbound(id_, message, 1, message.reference))

    def advance(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1.0)

    def told(self) -> list[ReportCollection]:
        return [m for m in self.ports.messages() if isinstance(m, ReportCollection)]

    def given_back(self) -> list[ReportReversal]:
        return [m for m in self.ports.messages() if isinstance(m, ReportReversal)]


ASK = AskPayer(
    channel="purse", wallet="purse", collection=1, reference=REFERENCE, payer=f"+{PAYER}",
    amount=12_300, currency="CNY", shown="04123456789",
)  # fmt: skip


@pytest.fixture(params=sorted(DIALECTS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def paid_once(town: Town, proof: str) -> None:
    """One report of it, the very amount, and the provider's number."""
    paid = [each for each in town.told() if each.state == "paid"]
    assert [(each.amount, each.currency, each.proof) for each in paid] == [(12_300, "CNY", proof)]
    assert paid[0].receipt in town.purse.book.movements


def test_the_code_is_told_scanned_and_paid(tmp_path: Path, name: str) -> None:
    town = Town(tmp_path, name)
    done = town.send(ASK)
    (pending,) = town.told()
    assert pending.state == "pending"
    assert KEY in pending.detail  # what the payer scans
    town.purse.scanned(KEY, PAYER)
    town.advance(2)
    paid_once(town, "notice")
    assert town.statuses == [200]
    assert outcome(done) == Sent()


@pytest.mark.parametrize("kind", ["lost-notice", "silent", "html", "callback-before-answer"])
def test_what_was_lost_is_found_by_asking(tmp_path: Path, name: str, kind: str) -> None:
    town = Town(tmp_path, name, kind, every=1)
    done = town.send(ASK)
    town.advance(1)
    found = town.purse.book.collections[KEY]
    if found.ending is None:
        town.purse.scanned(KEY, PAYER)
    town.advance(650)
    assert found.ending is Ending.PAID
    paid = [each for each in town.told() if each.state == "paid"]
    assert [each.amount for each in paid] == [12_300]
    assert outcome(done) == Sent()


@pytest.mark.parametrize("kind", ["altered-notice", "unknown-key", "other-merchant",
                                  "forging-stranger", "replayed-notice"])  # fmt: skip
def test_a_wrong_notice_changes_nothing(tmp_path: Path, name: str, kind: str) -> None:
    town = Town(tmp_path, name, kind, every=1)
    town.send(ASK)
    town.purse.scanned(KEY, PAYER)
    town.advance(700)
    paid_once(town, "status" if kind == "altered-notice" else "notice")
    harmless = kind == "replayed-notice" and name != "wechat"
    assert (400 in town.statuses) is not harmless


def test_what_nobody_scans_ends_when_its_code_has_ended(tmp_path: Path, name: str) -> None:
    town = Town(tmp_path, name)
    done = town.send(ASK)
    town.advance(800)
    assert [each.state for each in town.told()] == ["pending"]
    town.advance(1_100)
    assert [each.state for each in town.told()] == ["pending", "failed"]
    assert outcome(done) == Sent()


def test_after_a_kill_it_is_asked_about_under_its_first_time(tmp_path: Path, name: str) -> None:
    town = Town(tmp_path, name, "silent", every=1)
    town.send(ASK)
    town.purse.scanned(KEY, PAYER)
    town.purse.losing = 9
    town.advance(5)
    town.restart()
    town.send(ASK)
    town.advance(700)
    paid_once(town, "status")
    assert town.purse.counts.pushes == 1


def test_a_payment_is_given_back_once(tmp_path: Path, name: str) -> None:
    town = Town(tmp_path, name)
    town.send(ASK)
    town.purse.scanned(KEY, PAYER)
    town.advance(2)
    receipt = town.told()[-1].receipt
    back = ReversePayment(
        channel="purse", wallet="purse", refund=7, reference=BACK, receipt=receipt, amount=12_300,
        currency="CNY",
    )  # fmt: skip
    done = town.send(back)
    town.advance(60)
    town.send(back)
    town.advance(60)
    (told,) = [each for each in town.given_back() if each.state == "reversed"]
    assert (told.receipt, told.refund, told.amount) == (receipt, 7, 12_300)
    assert town.purse.book.total() == 0
    assert outcome(done) == Sent()


def test_the_clock_of_these_towns_is_today() -> None:
    """A notice's own time is compared with ours."""
    assert START_US > 1_700_000_000_000_000

"""WeChat Pay, Alipay and UnionPay as they are played, against what we send and how we read."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from adapters.mobilemoney.bills import Bill, Where
from adapters.mobilemoney.providers import read
from adapters.mobilemoney.reading import NoticeError, Reading, Said
from adapters.mobilemoney.senders import SENDERS
from adapters.mobilemoney.sending import Answered, Ask, Call, Came, Given, Refund, Sender
from channels.mobilemoney.provider import provider
from simulators.mobilemoney import wire
from simulators.mobilemoney.alipay import Alipay
from simulators.mobilemoney.kinds import KINDS
from simulators.mobilemoney.purse import Purse
from simulators.mobilemoney.signed import keys, made, stranger
from simulators.mobilemoney.unionpay import Unionpay
from simulators.mobilemoney.wechat import Wechat
from simulators.mobilemoney.wire import Notice
from tests.simulators.mobilemoney.merchant import NOW, Merchant, now

NAMES = ("wechat", "alipay", "unionpay")
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
}
PAYER = "8613800000000"
DAY = date(2023, 11, 21)


@dataclass
class Shop:
    """A merchant of ours with one provider, on a clock of its own."""

    merchant: Merchant
    purse: Purse
    sender: Sender
    name: str

    def given(self) -> Given:
        return Given(
            paths=provider(self.name).data.paths,
            settings=SETTINGS[self.name],
            secrets=SECRETS,
            now=datetime.fromtimestamp(NOW + self.merchant.clock.seconds(), UTC),
            nonce="5F5F",
            address=lambda kind, reference: f"http://hub/{kind}/{reference}",
        )

    def ask(self, reference: str = str(UUID(int=7)), amount: str = "123.00") -> Ask:
        at = datetime.fromtimestamp(NOW, UTC)
        return Ask(
            reference=reference, payer="", amount=Decimal(amount), currency="CNY", shown="电费",
            at=at,
        )  # fmt: skip

    def call(self, built: Call | None) -> Answered:
        assert built is not None
        sent = self.sender.sign(built, self.given())
        at = urlsplit(sent.path)
        target = f"{at.path}?{at.query}" if at.query else at.path
        query = dict(each.split("=") for each in at.query.split("&") if each)
        headers = {name.lower(): value for name, value in sent.headers.items()}
        made_call = wire.Call(sent.method, at.path, query, headers, sent.body, target)
        reply = now(self.purse.handle(made_call))
        assert reply is not None
        got = {name.lower(): value for name, value in reply.headers.items()}
        raw = Answered(status=reply.status, body=reply.body, headers=got)
        return self.sender.open_answer(raw, self.given())

    def order(self, asked: Ask | None = None) -> str:
        """The key of a new order."""
        asked = asked or self.ask()
        result = self.sender.read_ask(self.call(self.sender.ask(self.given(), asked)))
        assert result.came is Came.TAKEN
        assert result.shown
        return asked.reference.replace("-", "")

    def status(self, asked: Ask | None = None) -> tuple[Came, Reading | None]:
        built = self.sender.status(self.given(), asked or self.ask())
        result = self.sender.read_status(self.call(built))
        return result.came, result.reading

    def heard(self, notice: Notice) -> Reading:
        small = {name.lower(): value for name, value in notice.headers.items()}
        plain = self.sender.open_notice(notice.body(), small, self.given())
        return read(self.name, plain, "notice")

    def refund(self, receipt: str) -> Refund:
        at = datetime.fromtimestamp(NOW + self.merchant.clock.seconds(), UTC)
        return Refund(
            reference=str(UUID(int=8)), receipt=receipt, amount=Decimal("123.00"),
            currency="CNY", at=at,
        )  # fmt: skip

    def bill(self, day: date = DAY) -> Bill:
        assert self.sender.bill is not None
        assert self.sender.read_bill is not None
        assert self.sender.open_bill is not None
        where = self.sender.read_bill(self.call(self.sender.bill(self.given(), day)))
        data = self.call(self.sender.fetch_bill(where)).body if where.url else b""
        return self.sender.open_bill(self.given(), day, where, data)


def shop(name: str, kind: str = "friendly", **options: Any) -> Shop:
    merchant = Merchant()
    purse = merchant.purse(DIALECTS[name](), kind, **options)
    return Shop(merchant, purse, SENDERS[name], name)


@pytest.mark.parametrize("name", NAMES)
def test_a_code_is_scanned_paid_told_and_asked_about(name: str) -> None:
    at = shop(name)
    key = at.order()
    assert at.status()[0] is Came.ABSENT  # nobody has scanned it
    at.purse.scanned(key, PAYER)
    at.merchant.clock.advance(1.0)
    (notice,) = at.merchant.notices
    assert notice.url == f"http://hub/notice/{UUID(int=7)}"
    told, (came, asked) = at.heard(notice), at.status()
    assert came is Came.ENDED
    for found in (told, asked):
        assert found is not None
        assert (found.said, found.key) == (Said.PAID, str(UUID(int=7)))
        assert (found.amount, found.currency) == (Decimal("123.00"), "CNY")
        assert found.receipt in at.purse.book.movements


@pytest.mark.parametrize("name", NAMES)
def test_an_order_sent_again_is_the_same_order(name: str) -> None:
    at = shop(name)
    assert at.order() == at.order()
    assert len(at.purse.book.collections) == 1
    other = at.sender.read_ask(at.call(at.sender.ask(at.given(), at.ask(amount="124.00"))))
    assert other.came is Came.LOST  # the first one may be paid: it is asked about


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("answers", ["decline", "silent"])
def test_an_attempt_that_failed_is_no_end_and_nobody_is_told(name: str, answers: str) -> None:
    at = shop(name, answers=answers, expiry_s=60.0)
    at.purse.scanned(at.order(), PAYER)
    at.merchant.clock.advance(61.0)
    assert at.merchant.notices == []
    came, found = at.status()
    closed = (name, answers) == ("alipay", "silent")
    assert came is (Came.ENDED if closed else Came.ABSENT)
    assert found is None or found.said is Said.FAILED


@pytest.mark.parametrize("name", NAMES)
def test_a_payment_is_given_back_once(name: str) -> None:
    at = shop(name)
    at.purse.scanned(at.order(), PAYER)
    at.merchant.clock.advance(1.0)
    receipt = at.heard(at.merchant.notices[0]).receipt
    wanted, sender = at.refund(receipt), at.sender
    assert sender.refund is not None
    assert sender.read_refund is not None
    assert sender.refund_status is not None
    assert sender.read_refund_status is not None
    first = sender.read_refund(at.call(sender.refund(at.given(), wanted)))
    assert first.came in (Came.TAKEN, Came.ENDED)
    again = sender.read_refund(at.call(sender.refund(at.given(), wanted)))
    assert again.came in (Came.TAKEN, Came.ENDED, Came.LOST)
    assert at.purse.book.total() == 0
    status = sender.read_refund_status(at.call(sender.refund_status(at.given(), wanted)))
    assert status.reading is not None
    assert (status.reading.said, status.reading.original) == (Said.REVERSED, receipt)
    told = at.heard(at.merchant.notices[1])
    assert told.said is (Said.UNVERIFIED if name == "alipay" else Said.REVERSED)
    assert (told.key, told.original) == (wanted.reference, receipt)


@pytest.mark.parametrize("name", NAMES)
def test_a_refund_that_was_never_asked_for_is_absent(name: str) -> None:
    at = shop(name)
    assert at.sender.refund_status is not None
    assert at.sender.read_refund_status is not None
    built = at.sender.refund_status(at.given(), at.refund("4200000001"))
    assert at.sender.read_refund_status(at.call(built)).came is Came.ABSENT


@pytest.mark.parametrize("name", NAMES)
def test_who_has_another_key_is_not_this_merchant(name: str) -> None:
    at = shop(name)
    at.purse.dialect = DIALECTS[name](keys=stranger())
    try:
        result = at.sender.read_ask(at.call(at.sender.ask(at.given(), at.ask())))
    except NoticeError:
        assert name == "unionpay"  # it signs even that it could not read us
    else:
        assert result.came is Came.REFUSED
    assert at.purse.book.collections == {}


WRONG = ("altered-notice", "unknown-key", "replayed-notice", "other-merchant", "forging-stranger")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_notice_is_never_believed(name: str, kind: str) -> None:
    at = shop(name, kind, every=1)
    at.purse.scanned(at.order(), PAYER)
    at.merchant.clock.advance(1.0)
    paid, refused = [], 0
    for notice in at.merchant.notices:
        try:
            paid.append(at.heard(notice))
        except NoticeError:
            refused += 1
    assert {each.receipt for each in paid} <= set(at.purse.book.movements)
    assert {each.amount for each in paid} <= {Decimal("123.00")}
    harmless = kind == "replayed-notice" and name != "wechat"
    assert refused == (0 if harmless else 1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["missing-field", "integer-codes"])
def test_a_genuine_notice_that_is_odd_is_never_paid_without_its_facts(name: str, kind: str) -> None:
    at = shop(name, kind, every=1)
    at.purse.scanned(at.order(), PAYER)
    at.merchant.clock.advance(1.0)
    try:
        found = at.heard(at.merchant.notices[0])
    except NoticeError:
        assert kind == "missing-field"
        return
    assert found.said is not Said.PAID or (found.receipt and found.amount == Decimal("123.00"))


@pytest.mark.parametrize("name", NAMES)
def test_the_file_of_a_day_is_what_really_moved(name: str) -> None:
    at = shop(name, fee_per_mille=6)
    for number in range(1, 6):
        asked = at.ask(str(UUID(int=number)), f"{number}00.10")
        at.purse.scanned(at.order(asked), PAYER)
        at.merchant.clock.advance(1.0)
    receipt = at.heard(at.merchant.notices[2]).receipt
    assert at.sender.refund is not None
    wanted = Refund(
        reference=str(UUID(int=9)), receipt=receipt, amount=Decimal("300.10"), currency="CNY",
        at=datetime.fromtimestamp(NOW, UTC),
    )  # fmt: skip
    at.call(at.sender.refund(at.given(), wanted))
    found = at.bill()
    assert found.unread == ()
    moved = list(at.purse.book.movements.values())
    assert [int(each.amount * 100) for each in found.lines] == [each.amount for each in moved]
    assert [int(each.fee * 100) for each in found.lines] == [each.fee for each in moved]
    assert [each.at.timestamp() for each in found.lines] == [int(each.at) for each in moved]
    numbers = [str(UUID(int=number)) for number in (1, 2, 3, 4, 5, 9)]
    assert [each.reference for each in found.lines] == numbers
    assert found.lines[-1].original == receipt


@pytest.mark.parametrize("name", NAMES)
def test_a_day_on_which_nothing_moved_has_an_empty_file_or_none(name: str) -> None:
    at = shop(name)
    if name == "unionpay":
        assert at.sender.bill is not None
        assert at.sender.read_bill is not None
        where = at.sender.read_bill(at.call(at.sender.bill(at.given(), DAY + timedelta(days=1))))
        assert where == Where()
    else:
        assert at.bill(DAY + timedelta(days=1)).lines == ()


def test_keys_are_kept_in_a_folder(tmp_path: Path) -> None:
    first, again = keys(tmp_path / "keys"), keys(tmp_path / "keys")
    assert first.certificate == again.certificate
    assert first.merchant.public_numbers() == again.merchant.public_numbers()
    assert (tmp_path / "keys" / "merchant.key").stat().st_mode & 0o077 == 0


def test_all_of_them_are_known_by_name() -> None:
    assert {"unknown-key", "replayed-notice", "other-merchant"} <= set(KINDS)

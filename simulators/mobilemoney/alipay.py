"""Alipay, precreate: one address for all calls, signed forms in, signed JSON out, notices as forms.

Before a code is scanned there is no trade. A refund is told as one more notice of a trade that is
still called paid. The details of a day are a zip with text in GBK.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

from adapters.mobilemoney import signing
from adapters.mobilemoney.signing import ForgedError
from simulators.mobilemoney import signed
from simulators.mobilemoney.alipay_bill import details
from simulators.mobilemoney.book import Collection, Ending, NotReversedError
from simulators.mobilemoney.purse import Purse
from simulators.mobilemoney.signed import ByCode, Keys, byte_changed, made, moment, stranger
from simulators.mobilemoney.wire import Call, Notice, Reply
from simulators.mobilemoney.wording import LIE, major, minor

_TIME: Final = "%Y-%m-%d %H:%M:%S"
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
_FILE: Final = "/downloadBillFile.zip"
SIGNATURE: Final = "isv.invalid-signature"
_SUMMARY: Final = "#支付宝业务汇总查询".encode("gbk")
OK: Final = {"code": "10000", "msg": "Success"}


def no(sub: str) -> dict[str, Any]:
    """A business error of theirs."""
    return {"code": "40004", "msg": "Business Failed", "sub_code": sub, "sub_msg": sub}


@dataclass(slots=True)
class Alipay(ByCode):
    """One seller with one application."""

    keys: Keys = field(default_factory=made)
    app_id: str = "2021000116660265"
    seller_id: str = "2088102181234567"
    refunds: dict[str, tuple[str, str]] = field(default_factory=dict)  # number: trade, receipt
    name: str = "alipay"

    def answer(self, purse: Purse, call: Call) -> Reply:
        """One address; what is wanted stands in ``method``."""
        if call.path == _FILE:
            return self._file(purse, call.query.get("bill_date", ""))
        told = call.form()
        name = told.get("method", "").replace(".", "_") + "_response"
        try:
            self._check(told)
        except ForgedError:
            wrong = {"code": "40002", "msg": "Invalid Arguments", "sub_code": SIGNATURE}
            return Reply(200, json.dumps({"error_response": wrong}).encode())
        inner = json.dumps(self._routed(purse, told, call), ensure_ascii=False)
        signature = signing.sign(self.keys.platform, inner.encode())
        return Reply(200, f'{{"{name}":{inner},"sign":"{signature}"}}'.encode())

    def _check(self, told: Mapping[str, str]) -> None:
        if told.get("app_id") != self.app_id or told.get("sign_type") != "RSA2":
            raise ForgedError("app_id", "not of this merchant")
        text = signing.joined(told, "sign").encode()
        signing.check(self.keys.merchant, text, told.get("sign", ""), "sign")

    def _routed(self, purse: Purse, told: Mapping[str, str], call: Call) -> dict[str, Any]:
        asked: dict[str, Any] = json.loads(told.get("biz_content", "{}"))
        match told["method"]:
            case "alipay.trade.precreate":
                return self._pay(purse, asked, told.get("notify_url", ""))
            case "alipay.trade.query":
                return self._status(purse, str(asked.get("out_trade_no", "")))
            case "alipay.trade.refund":
                return self._refund(purse, asked)
            case "alipay.trade.fastpay.refund.query":
                return self._refunded(purse, asked)
            case "alipay.data.dataservice.bill.downloadurl.query":
                at = signed.here(call, "http://dwbillcenter.alipay.com")
                day = asked.get("bill_date", "")
                return {**OK, "bill_download_url": f"{at}{_FILE}?bill_date={day}"}
        return no("isv.invalid-method")

    def _pay(self, purse: Purse, asked: Mapping[str, Any], notify: str) -> dict[str, Any]:
        key = str(asked.get("out_trade_no", ""))
        try:
            amount = minor(asked.get("total_amount", ""), self.currency)
        except ValueError:
            amount = 0
        if not key.isalnum() or amount <= 0 or asked.get("seller_id") != self.seller_id:
            return no("ACQ.INVALID_PARAMETER")
        known = purse.book.collections.get(key)
        if known is not None and known.ending is Ending.PAID:
            return no("ACQ.TRADE_HAS_SUCCESS")
        if known is not None and known.amount != amount:
            return no("ACQ.CONTEXT_INCONSISTENT")
        if known is None:
            shown = str(asked.get("subject", ""))
            purse.ask(Collection(key, key, "", amount, shown, notify, purse.wall()))
        return {**OK, "out_trade_no": key, "qr_code": f"https://qr.alipay.com/{key}"}

    def _status(self, purse: Purse, key: str) -> dict[str, Any]:
        found = purse.book.collections.get(key)
        if found is None or not found.payer:
            return no("ACQ.TRADE_NOT_EXIST")
        found.questions += 1
        state = "WAIT_BUYER_PAY" if found.ending is not Ending.TIMEOUT else "TRADE_CLOSED"
        told = {
            **OK, "out_trade_no": key, "trade_no": found.receipt or f"20880000{key[:20]}",
            "buyer_logon_id": "138****0000", "total_amount": major(found.amount, self.currency),
        }  # fmt: skip
        if found.ending is not Ending.PAID:
            return {**told, "trade_status": state}
        paid = {**told, "send_pay_date": moment(found.ended_at, _TIME)}
        back = any(trade == found.receipt for trade, _ in self.refunds.values())
        return {**paid, "trade_status": "TRADE_CLOSED" if back else "TRADE_SUCCESS"}

    def _refund(self, purse: Purse, asked: Mapping[str, Any]) -> dict[str, Any]:
        number, trade = str(asked.get("out_request_no", "")), str(asked.get("trade_no", ""))
        paid = purse.book.movements.get(trade)
        if paid is None:
            return no("ACQ.TRADE_NOT_EXIST")
        if asked.get("refund_amount") != major(paid.amount, self.currency):
            return no("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
        told = {**OK, "trade_no": trade, "out_trade_no": paid.reference,
                "refund_fee": asked["refund_amount"]}  # fmt: skip
        if number in self.refunds:
            return {**told, "fund_change": "N"}
        try:
            back = purse.reverse(trade)
        except NotReversedError:
            return no("ACQ.TRADE_HAS_FINISHED")
        self.refunds[number] = trade, back.receipt
        found = purse.book.collections.get(paid.reference)
        if found is not None and found.callback:
            more = {"out_biz_no": number, "refund_fee": asked["refund_amount"],
                    "gmt_refund": f"{moment(purse.wall(), _TIME)}.000"}  # fmt: skip
            fields = {**self._told(found, purse.wall()), **more}
            notice = Notice(found.callback, fields, back.receipt, "result")
            purse.notify(self._signed(notice, fields))
        return {**told, "fund_change": "Y", "gmt_refund_pay": moment(purse.wall(), _TIME)}

    def _refunded(self, purse: Purse, asked: Mapping[str, Any]) -> dict[str, Any]:
        number = str(asked.get("out_request_no", ""))
        if number not in self.refunds:
            return dict(OK)
        trade, receipt = self.refunds[number]
        amount = major(-purse.book.movements[receipt].amount, self.currency)
        return {**OK, "trade_no": trade, "out_request_no": number, "refund_amount": amount,
                "refund_status": "REFUND_SUCCESS"}  # fmt: skip

    def _file(self, purse: Purse, day: str) -> Reply:
        try:
            movements = purse.book.of_day(date.fromisoformat(day))
        except ValueError:
            return Reply(404, b"")
        numbers = {receipt: number for number, (_, receipt) in self.refunds.items()}
        text = details(movements, self.seller_id, numbers)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{self.seller_id}_{day}_details.csv", text.encode("gb18030"))
            archive.writestr(f"{self.seller_id}_{day}_sums.csv", _SUMMARY)
        return Reply(200, packed.getvalue(), "application/zip")

    # --- notices -------------------------------------------------------------------------------

    def receipt(self, number: int, at: float) -> str:
        """28 digits."""
        return f"{moment(at, '%Y%m%d')}22001{number:015d}"

    def ended(self, purse: Purse, collection: Collection) -> Notice | None:
        """Only a payment is told."""
        if collection.ending is not Ending.PAID:
            return None
        fields = self._told(collection, purse.wall())
        return self._signed(Notice(collection.callback, fields, collection.receipt), fields)

    def _told(self, found: Collection, at: float) -> dict[str, str]:
        amount = major(found.amount, self.currency)
        return {
            "notify_time": moment(at, _TIME), "notify_type": "trade_status_sync",
            "notify_id": f"{found.receipt}{found.key[:6]}", "charset": "utf-8", "version": "1.0",
            "app_id": self.app_id, "auth_app_id": self.app_id, "seller_id": self.seller_id,
            "trade_no": found.receipt, "out_trade_no": found.key, "subject": found.shown,
            "trade_status": "TRADE_SUCCESS", "total_amount": amount, "receipt_amount": amount,
            "buyer_logon_id": "138****0000", "gmt_payment": moment(found.ended_at, _TIME),
        }  # fmt: skip

    def _signed(self, notice: Notice, fields: Mapping[str, Any], other: bool = False) -> Notice:
        text = signing.joined({name: str(value) for name, value in fields.items()})
        key = stranger().platform if other else self.keys.platform
        raw = urlencode({**fields, "sign": signing.sign(key, text.encode()), "sign_type": "RSA2"})
        return Notice(
            notice.url, fields, notice.about, notice.kind, "POST", _FORM, raw.encode()
        )  # fmt: skip

    # --- notices made wrong --------------------------------------------------------------------

    def sealed(
        self, notice: Notice, fields: Mapping[str, Any], *, age: float = 0.0, other: bool = False
    ) -> Notice:
        """Signed anew, or by somebody else. An old one is as good as a new one: nothing in it is
        too old."""
        del age
        return self._signed(notice, fields, other)

    def strange(self, notice: Notice) -> Notice:
        """Of another application."""
        return self._signed(notice, {**notice.fields, "app_id": "2021000999999999"})

    def altered(self, notice: Notice) -> Notice:
        """Ten times the amount under the old signature."""
        told = str(notice.fields["total_amount"])
        more = major(minor(told, self.currency) * LIE, self.currency)
        old, new = (f"total_amount={amount}".encode() for amount in (told, more))
        return byte_changed(notice, {old: new})

    def cut(self, notice: Notice) -> Notice:
        """Without their number of the payment."""
        return self._signed(notice, {n: v for n, v in notice.fields.items() if n != "trade_no"})

    def recoded(self, notice: Notice) -> Notice:
        """An amount without its decimals."""
        told = str(notice.fields["total_amount"])
        return self._signed(notice, {**notice.fields, "total_amount": told.removesuffix(".00")})

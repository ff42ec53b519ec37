"""WeChat Pay, API v3, native: orders by code, signed answers, sealed notices, refunds, the bill.

A code that nobody scans stays "not paid" for ever; a failed attempt is no end. The bill of a day
has yuan, every other amount fen.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from adapters.mobilemoney import signing
from adapters.mobilemoney.signing import ForgedError
from simulators.mobilemoney import signed
from simulators.mobilemoney.book import Collection, Ending, NotReversedError
from simulators.mobilemoney.purse import Purse
from simulators.mobilemoney.signed import ByCode, Keys, made, moment
from simulators.mobilemoney.wechat_bill import bill
from simulators.mobilemoney.wire import Call, Notice, Reply, said
from simulators.mobilemoney.wording import LIE

_TIME: Final = "%Y-%m-%dT%H:%M:%S+08:00"
_PAY: Final = "/v3/pay/transactions"
_REFUNDS: Final = "/v3/refund/domestic/refunds"
_FILE: Final = "/v3/billdownload/file"


def error(code: str, status: int = 400) -> Reply:
    """Their error."""
    return said({"code": code, "message": code.replace("_", " ").lower()}, status)


@dataclass(slots=True)
class Wechat(ByCode):
    """One merchant. ``api_key``: the API v3 key that notices are sealed with."""

    keys: Keys = field(default_factory=made)
    mch_id: str = "1900000109"
    app_id: str = "wxd678efh567hg6787"
    api_key: str = "sim-api-v3-key-of-32-characters!"
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    name: str = "wechat"

    def answer(self, purse: Purse, call: Call) -> Reply:
        """Every call is signed by the merchant, every answer by the platform."""
        try:
            self._check(purse, call)
        except ForgedError:
            return error("SIGN_ERROR", 401)
        reply = self._routed(purse, call)
        if call.path == _FILE:
            return reply
        headers = self._signed(reply.body, purse.wall())
        return Reply(reply.status, reply.body, reply.content_type, headers)

    def _check(self, purse: Purse, call: Call) -> None:
        scheme, _, rest = call.headers.get("authorization", "").partition(" ")
        told = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        if scheme != "WECHATPAY2-SHA256-RSA2048" or told.get("mchid") != self.mch_id:
            raise ForgedError("Authorization", "not of this merchant")
        stamp, nonce = told.get("timestamp", ""), told.get("nonce_str", "")
        text = f"{call.method}\n{call.target}\n{stamp}\n{nonce}\n".encode() + call.body + b"\n"
        signing.check(self.keys.merchant, text, told.get("signature", ""), "signature")
        signing.check_fresh(stamp, int(purse.wall()), "timestamp")

    def _routed(self, purse: Purse, call: Call) -> Reply:
        base, _, last = call.path.rpartition("/")
        if (call.method, call.path) == ("POST", f"{_PAY}/native"):
            return self._pay(purse, call.fields())
        if (call.method, base) == ("GET", f"{_PAY}/out-trade-no"):
            found = purse.book.collections.get(last)
            return error("ORDER_NOT_EXIST", 404) if found is None else said(self._told(found))
        if (call.method, call.path) == ("POST", _REFUNDS):
            return self._refund(purse, call.fields())
        if (call.method, base) == ("GET", _REFUNDS):
            told = self.refunds.get(last)
            return error("RESOURCE_NOT_EXISTS", 404) if told is None else said(told)
        if call.path in ("/v3/bill/tradebill", _FILE):
            return self._bill(purse, call)
        return error("RESOURCE_NOT_EXISTS", 404)

    def _pay(self, purse: Purse, asked: Mapping[str, Any]) -> Reply:
        key, amount = str(asked.get("out_trade_no", "")), asked.get("amount")
        total = amount.get("total") if isinstance(amount, dict) else None
        good = re.fullmatch(r"[0-9A-Za-z_*|-]{6,32}", key) and isinstance(total, int) and total > 0
        if not good or (asked.get("mchid"), asked.get("appid")) != (self.mch_id, self.app_id):
            return error("PARAM_ERROR")
        known = purse.book.collections.get(key)
        if known is not None and (known.amount != total or known.ending is Ending.PAID):
            return error("OUT_TRADE_NO_USED", 403)
        if known is None:
            purse.ask(Collection(
                key, key, "", int(total or 0), str(asked.get("description", "")),
                str(asked.get("notify_url", "")), purse.wall(),
            ))  # fmt: skip
        return said({"code_url": f"weixin://wxpay/bizpayurl?pr={key}"})

    def _told(self, found: Collection) -> dict[str, Any]:
        found.questions += 1
        told: dict[str, Any] = {
            "appid": self.app_id, "mchid": self.mch_id, "out_trade_no": found.key,
            "amount": {"total": found.amount, "currency": self.currency},
        }  # fmt: skip
        if found.ending is Ending.PAID:
            back = any(each["transaction_id"] == found.receipt for each in self.refunds.values())
            return {
                **told, "transaction_id": found.receipt, "trade_type": "NATIVE",
                "trade_state": "REFUND" if back else "SUCCESS",
                "success_time": moment(found.ended_at, _TIME),
            }  # fmt: skip
        waiting = found.ending in (None, Ending.TIMEOUT)
        return {**told, "trade_state": "NOTPAY" if waiting else "PAYERROR"}

    def _refund(self, purse: Purse, asked: Mapping[str, Any]) -> Reply:
        number, receipt = str(asked.get("out_refund_no", "")), str(asked.get("transaction_id", ""))
        if number in self.refunds:
            return said(self.refunds[number])
        paid, amount = purse.book.movements.get(receipt), asked.get("amount")
        whole = {"refund": paid.amount, "total": paid.amount} if paid else {}
        if paid is None or not isinstance(amount, dict) or not whole.items() <= amount.items():
            return error("INVALID_REQUEST")
        try:
            back = purse.reverse(receipt)
        except NotReversedError:
            return error("INVALID_REQUEST")
        told = {
            "refund_id": back.receipt, "out_refund_no": number, "transaction_id": receipt,
            "out_trade_no": paid.reference, "amount": {**whole, "currency": self.currency},
        }  # fmt: skip
        self.refunds[number] = {
            **told,
            "status": "SUCCESS",
            "success_time": moment(purse.wall(), _TIME),
        }
        url = str(asked.get("notify_url", ""))
        if url:
            fields = {"mchid": self.mch_id, **told, "refund_status": "SUCCESS"}
            plain = Notice(url, fields, back.receipt, "result")
            purse.notify(self._sealed(plain, fields, purse.wall()))
        return said({**self.refunds[number], "status": "PROCESSING"})

    def _bill(self, purse: Purse, call: Call) -> Reply:
        try:
            day = date.fromisoformat(call.query.get("bill_date", ""))
        except ValueError:
            return error("PARAM_ERROR")
        numbers = {told["refund_id"]: number for number, told in self.refunds.items()}
        data = bill(purse.book.of_day(day), self.mch_id, self.app_id, numbers)
        if call.path == _FILE:
            return Reply(200, data, "application/octet-stream")
        digest = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        at = signed.here(call, "https://api.mch.weixin.qq.com")
        return said({
            "hash_type": "SHA1", "hash_value": digest,
            "download_url": f"{at}{_FILE}?bill_date={day}",
        })  # fmt: skip

    # --- notices -------------------------------------------------------------------------------

    def receipt(self, number: int, at: float) -> str:
        """28 digits."""
        return f"4200{number:06d}{moment(at, '%Y%m%d')}{number:010d}"

    def ended(self, purse: Purse, collection: Collection) -> Notice | None:
        """Only a payment is told."""
        if collection.ending is not Ending.PAID:
            return None
        fields = self._told(collection)
        plain = Notice(collection.callback, fields, collection.receipt)
        return self._sealed(plain, fields, purse.wall())

    def _sealed(self, notice: Notice, fields: Mapping[str, Any], at: float) -> Notice:
        kind = "refund" if "refund_id" in fields else "transaction"
        nonce = hashlib.sha256(f"{notice.about}{at}".encode()).hexdigest()[:12]
        plain = json.dumps(fields, ensure_ascii=False).encode()
        body = json.dumps({
            "id": f"EV-{notice.about}", "create_time": moment(at, _TIME),
            "resource_type": "encrypt-resource", "event_type": f"{kind.upper()}.SUCCESS",
            "resource": {
                "original_type": kind, "algorithm": "AEAD_AES_256_GCM", "nonce": nonce,
                "associated_data": kind,
                "ciphertext": signing.seal(self.api_key.encode(), nonce, plain, kind),
            },
        }).encode()  # fmt: skip
        headers = self._signed(body, at)
        return Notice(notice.url, fields, notice.about, notice.kind, "POST", headers, body)

    def _signed(self, body: bytes, at: float, serial: str = "") -> dict[str, str]:
        stamp, nonce = str(int(at)), hashlib.sha256(body).hexdigest()[:32]
        text = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
        return {
            "Wechatpay-Serial": serial or format(self.keys.serial, "X"),
            "Wechatpay-Timestamp": stamp, "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": signing.sign(self.keys.platform, text),
        }  # fmt: skip

    # --- notices made wrong --------------------------------------------------------------------

    def sealed(
        self, notice: Notice, fields: Mapping[str, Any], *, age: float = 0.0, other: bool = False
    ) -> Notice:
        """Signed anew, earlier, or under a number that nobody knows."""
        made = self._sealed(notice, fields, float(notice.headers["Wechatpay-Timestamp"]) - age)
        if other:
            headers = {**made.headers, "Wechatpay-Serial": "0BADC0DE"}
            return Notice(made.url, fields, made.about, made.kind, "POST", headers, made.raw)
        return made

    def strange(self, notice: Notice) -> Notice:
        """Of another merchant."""
        return self.sealed(notice, {**notice.fields, "mchid": "1900000999"})

    def altered(self, notice: Notice) -> Notice:
        """Another sealed box under the old signature: ten times the amount."""
        amount = dict(notice.fields["amount"])
        amount = {name: v * LIE if isinstance(v, int) else v for name, v in amount.items()}
        wrong = self.sealed(notice, {**notice.fields, "amount": amount})
        return Notice(wrong.url, wrong.fields, wrong.about, wrong.kind, "POST", notice.headers,
                      wrong.raw)  # fmt: skip

    def cut(self, notice: Notice) -> Notice:
        """Without their number of the payment."""
        left = {n: v for n, v in notice.fields.items() if n != "transaction_id"}
        return self.sealed(notice, left)

    def recoded(self, notice: Notice) -> Notice:
        """Amounts as texts."""
        amount = {name: str(value) for name, value in notice.fields["amount"].items()}
        return self.sealed(notice, {**notice.fields, "amount": amount})

"""UnionPay QR, platform interface 5.1.0: forms in and out, all signed, each with its certificate.

An order is known by its number and its time. A refund is an order of its own: taken is not done,
its end is told. A failed attempt is no end of a code. The file of a day comes in an answer.
"""

import base64
import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from adapters.mobilemoney import signing, unionpay
from adapters.mobilemoney.reading import NoticeError
from adapters.mobilemoney.signing import ForgedError
from adapters.mobilemoney.unionpay_bill import ZM
from simulators.mobilemoney.book import Collection, Ending, Movement, NotReversedError
from simulators.mobilemoney.purse import Purse
from simulators.mobilemoney.signed import (
    BEIJING,
    ByCode,
    Keys,
    byte_changed,
    made,
    moment,
    stranger,
)
from simulators.mobilemoney.wire import Call, Notice, Reply
from simulators.mobilemoney.wording import LIE

_TIME: Final = "%Y%m%d%H%M%S"
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
#: Attempts that failed, and what is said of them when the order is asked about.
CODES: Final = {
    Ending.CANCELLED: "60",
    Ending.INSUFFICIENT: "64",
    Ending.WRONG_PIN: "66",
    Ending.BUSY: "60",
    Ending.UNREACHABLE: "60",
}


@dataclass(slots=True)
class Unionpay(ByCode):
    """One merchant. ``times``: of orders and refunds, by number; ``refunds``: number to receipts
    of the payment and of the refund."""

    keys: Keys = field(default_factory=made)
    mer_id: str = "777290058110048"
    times: dict[str, str] = field(default_factory=dict)
    refunds: dict[str, tuple[str, str]] = field(default_factory=dict)
    name: str = "unionpay"

    def answer(self, purse: Purse, call: Call) -> Reply:
        """What is wanted stands in ``txnType``."""
        told = call.form()
        try:
            text = signing.hexed(signing.joined(told, "signature"))
            signing.check(self.keys.merchant, text, told.get("signature", ""), "signature")
            if told.get("merId") != self.mer_id or told.get("version") != unionpay.VERSION:
                raise ForgedError("merId", "not of this merchant")
            more = self._routed(purse, told)
        except NoticeError:
            more = {"respCode": "11"}
        same = ("orderId", "txnTime", "txnType", "txnSubType", "bizType", "accessType")
        fields = {name: told.get(name, "") for name in same} | more
        body = "&".join(f"{name}={value}" for name, value in self._sign(fields).items())
        return Reply(200, body.encode(), "text/html")

    def _sign(self, fields: Mapping[str, str], other: bool = False) -> dict[str, str]:
        keys = stranger() if other else self.keys
        whole = {
            "version": unionpay.VERSION, "encoding": "UTF-8", "signMethod": "01",
            "merId": self.mer_id, "signPubKeyCert": keys.certificate, **fields,
        }  # fmt: skip
        return unionpay.signed(whole, keys.platform)

    def _routed(self, purse: Purse, told: Mapping[str, str]) -> dict[str, str]:
        match told.get("txnType"):
            case "01":
                return self._pay(purse, told)
            case "04":
                return self._refund(purse, told)
            case "00":
                return self._status(purse, told)
            case "76":
                return self._file(purse, told.get("settleDate", ""))
        return {"respCode": "10"}

    def _pay(self, purse: Purse, told: Mapping[str, str]) -> dict[str, str]:
        key, amount = told.get("orderId", ""), told.get("txnAmt", "")
        good = key.isalnum() and 8 <= len(key) <= 40 and amount.isdigit() and int(amount) > 0
        if not good or told.get("currencyCode") != unionpay.CURRENCY_CODE:
            return {"respCode": "10"}
        known = purse.book.collections.get(key)
        if known is not None and (known.amount != int(amount) or known.ending is not None):
            return {"respCode": "12"}
        self.times[key] = told.get("txnTime", "")
        if known is None:
            back = told.get("backUrl", "")
            purse.ask(Collection(key, key, "", int(amount), "", back, purse.wall()))
        return {"respCode": "00", "qrCode": f"https://qr.95516.com/00010001/{key}"}

    def _status(self, purse: Purse, told: Mapping[str, str]) -> dict[str, str]:
        key = told.get("orderId", "")
        if self.times.get(key) != told.get("txnTime"):
            return {"respCode": "34"}
        if key in self.refunds:
            return {"respCode": "00", "origRespCode": "00", **self._refunded(purse, key)}
        found = purse.book.collections[key]
        found.questions += 1
        if found.ending is Ending.PAID:
            return {"respCode": "00", "origRespCode": "00", **self._paid(found)}
        if not found.payer or found.ending is Ending.TIMEOUT:
            return {"respCode": "34"}
        code = CODES[found.ending] if found.ending else "05"
        return {"respCode": "00", "origRespCode": code, "txnType": "01"}

    def _paid(self, found: Collection) -> dict[str, str]:
        amount = str(found.amount)
        return {
            "txnType": "01", "orderId": found.key, "txnTime": self.times[found.key],
            "txnAmt": amount, "currencyCode": "156", "queryId": found.receipt,
            "settleAmt": amount, "settleCurrencyCode": "156",
        }  # fmt: skip

    def _refund(self, purse: Purse, told: Mapping[str, str]) -> dict[str, str]:
        key, receipt = told.get("orderId", ""), told.get("origQryId", "")
        if key in self.refunds:
            return {"respCode": "12"}
        paid = purse.book.movements.get(receipt)
        if paid is None or told.get("txnAmt") != str(paid.amount):
            return {"respCode": "36"}
        try:
            back = purse.reverse(receipt)
        except NotReversedError:
            return {"respCode": "36"}
        self.times[key] = told.get("txnTime", "")
        self.refunds[key] = receipt, back.receipt
        if told.get("backUrl"):
            fields = {**self._refunded(purse, key), "respCode": "00"}
            notice = Notice(told["backUrl"], fields, back.receipt, "result")
            purse.notify(self._signed(notice, fields))
        return {"respCode": "00", "queryId": back.receipt}

    def _refunded(self, purse: Purse, key: str) -> dict[str, str]:
        receipt, back = self.refunds[key]
        return {
            "txnType": unionpay.REFUND, "orderId": key, "txnTime": self.times[key],
            "txnAmt": str(-purse.book.movements[back].amount), "currencyCode": "156",
            "queryId": back, "origQryId": receipt,
        }  # fmt: skip

    # --- the file of a day ---------------------------------------------------------------------

    def _file(self, purse: Purse, settled: str) -> dict[str, str]:
        moved = [each for each in purse.book.movements.values()
                 if moment(each.at, "%m%d") == settled]  # fmt: skip
        if not moved:
            return {"respCode": "98"}
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"INN{settled}88ZM_{self.mer_id}", self._lines(moved))
            archive.writestr(f"INN{settled}88ZME_{self.mer_id}", b"")
        content = base64.b64encode(zlib.compress(packed.getvalue())).decode()
        return {"respCode": "00", "fileName": f"{self.mer_id}.zip", "fileContent": content}

    def _lines(self, moved: Sequence[Movement]) -> bytes:
        numbers = {back: number for number, (_, back) in self.refunds.items()}
        return b"".join(self._line(each, numbers) + b"\r\n" for each in moved)

    def _line(self, each: Movement, numbers: Mapping[str, str]) -> bytes:
        back = bool(each.original)
        told = {
            "code": "S30" if back else "S22", "time": moment(each.at, "%m%d%H%M%S"),
            "amount": f"{abs(each.amount):012d}", "query": each.receipt,
            "order": numbers.get(each.receipt, "") if back else each.reference,
            "fee": f"{'C' if each.fee < 0 else 'D'}{abs(each.fee):012d}",
            "type": unionpay.REFUND if back else unionpay.PURCHASE,
            "original": each.original, "merchant": self.mer_id,
        }  # fmt: skip
        return b" ".join(told.get(name, "").encode().ljust(width) for name, width in ZM)

    # --- notices -------------------------------------------------------------------------------

    def receipt(self, number: int, at: float) -> str:
        """21 digits."""
        return f"54{datetime.fromtimestamp(at, BEIJING):%y%m%d%H%M%S}{number:07d}"

    def ended(self, purse: Purse, collection: Collection) -> Notice | None:
        """Only a payment is told."""
        del purse
        if collection.ending is not Ending.PAID:
            return None
        fields = {**self._paid(collection), "respCode": "00"}
        return self._signed(Notice(collection.callback, fields, collection.receipt), fields)

    def _signed(self, notice: Notice, fields: Mapping[str, Any], other: bool = False) -> Notice:
        raw = urlencode(self._sign({n: str(v) for n, v in fields.items()}, other)).encode()
        return Notice(notice.url, fields, notice.about, notice.kind, "POST", _FORM, raw)

    # --- notices made wrong --------------------------------------------------------------------

    def sealed(
        self, notice: Notice, fields: Mapping[str, Any], *, age: float = 0.0, other: bool = False
    ) -> Notice:
        """Signed anew, or by somebody else who brings his own certificate. An old one is as good as
        a new one: nothing in it is too old."""
        del age
        return self._signed(notice, fields, other)

    def strange(self, notice: Notice) -> Notice:
        """Of another merchant."""
        return self._signed(notice, {**notice.fields, "merId": "777290058110999"})

    def altered(self, notice: Notice) -> Notice:
        """Ten times the amount under the old signature."""
        told = int(notice.fields["txnAmt"])
        old, new = (f"txnAmt={amount}".encode() for amount in (told, told * LIE))
        return byte_changed(notice, {old: new})

    def cut(self, notice: Notice) -> Notice:
        """Without their number of the payment."""
        return self._signed(notice, {n: v for n, v in notice.fields.items() if n != "queryId"})

    def recoded(self, notice: Notice) -> Notice:
        """An amount with leading zeros, as in their files."""
        amount = f"{int(notice.fields['txnAmt']):012d}"
        return self._signed(notice, {**notice.fields, "txnAmt": amount})

"""Safaricom's Daraja: pushes, payments to a pay bill, reversals, status questions, the pull.

Facts, mobile money §M-Pesa. Callbacks are unsigned, codes are integers, times are Nairobi's.
"""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from simulators.mobilemoney.book import Collection, Ending, Movement, NotReversedError
from simulators.mobilemoney.purse import Purse
from simulators.mobilemoney.wire import Call, Notice, Reply, said
from simulators.mobilemoney.wording import LIE, changed, compact, major, minor, retyped

ENDINGS: Final = {
    Ending.PAID: (0, "The service request is processed successfully."),
    Ending.INSUFFICIENT: (1, "The balance is insufficient for the transaction."),
    Ending.BUSY: (1001, "Unable to lock subscriber, a transaction is already in process."),
    Ending.CANCELLED: (1032, "Request cancelled by user."),
    Ending.TIMEOUT: (1037, "DS timeout user cannot be reached."),
    Ending.UNREACHABLE: (1037, "DS timeout user cannot be reached."),
    Ending.WRONG_PIN: (2001, "The initiator information is invalid."),
}
_LETTERS: Final = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
#: A page of the pull; the offset says where the next one begins.
PULL_PAGE: Final = 1_000
Ask = Callable[[Purse, dict[str, Any]], Reply]


def error(code: str, sentence: str) -> Reply:
    """Daraja's error; its first digits are the HTTP status."""
    fields = {"requestId": "sim-0001", "errorCode": code, "errorMessage": sentence}
    return said(fields, int(code.split(".")[0]))


@dataclass(slots=True)
class Mpesa:
    """One app with one short code. ``urls`` are those registered for pay-ins."""

    short_code: str = "600966"
    passkey: str = "sim-passkey"
    consumer: tuple[str, str] = ("key", "secret")
    credential: str = ""
    validates: bool = False
    silent_means: str = "Completed"
    masked: bool = True
    urls: dict[str, str] = field(default_factory=dict)
    name: str = "mpesa"
    currency: str = "KES"
    hours: int = 3
    token_s: int = 3599
    one_token: bool = True
    echoes: bool = True

    # --- calls ---------------------------------------------------------------------------------

    def answer(self, purse: Purse, call: Call) -> Reply:
        """Daraja's paths."""
        if call.path == "/oauth/v1/generate":
            return self._token(purse, call)
        does = _PATHS.get(call.path)
        if does is None:
            return error("404.001.01", "Resource not found")
        if not purse.authorised(call):
            return error("401.003.01", "Error Occurred - Invalid Access Token")
        try:
            return does(self, purse, call.fields())
        except (KeyError, ValueError, TypeError) as wrong:
            return error("400.002.02", f"Bad Request - Invalid {wrong}")

    def _token(self, purse: Purse, call: Call) -> Reply:
        if call.basic() != self.consumer or call.query.get("grant_type") != "client_credentials":
            return error("400.008.01", "Invalid Authentication passed")
        return said({"access_token": purse.new_token(), "expires_in": str(self.token_s)})

    def _push(self, purse: Purse, asked: dict[str, Any]) -> Reply:
        self._password(asked)
        amount = minor(asked["Amount"], self.currency)
        payer = str(asked["PhoneNumber"])
        if amount <= 0 or amount % 100 or not payer.isdigit():
            return error("400.002.02", "Bad Request - Invalid Amount or PhoneNumber")
        if len(str(asked["AccountReference"])) > 12 or len(str(asked["TransactionDesc"])) > 13:
            return error("400.002.02", "Bad Request - Invalid AccountReference")
        number = purse.counts.pushes + 1
        key = f"ws_CO_{compact(purse.wall(), self.hours)}{number:06d}{payer[-9:]}"
        shown = str(asked["AccountReference"])
        merchant = f"29115-{number:08d}-1"
        purse.ask(Collection(key, merchant, payer, amount, shown, str(asked["CallBackURL"]),
                             purse.wall()))  # fmt: skip
        return said({
            "MerchantRequestID": merchant, "CheckoutRequestID": key, "ResponseCode": "0",
            "ResponseDescription": "Success. Request accepted for processing",
            "CustomerMessage": "Success. Request accepted for processing",
        })  # fmt: skip

    def _password(self, asked: dict[str, Any]) -> None:
        stamp = str(asked["Timestamp"])
        expected = f"{self.short_code}{self.passkey}{stamp}".encode()
        try:
            given = base64.b64decode(str(asked["Password"]), validate=True)
        except binascii.Error:
            given = b""
        if given != expected or str(asked["BusinessShortCode"]) != self.short_code:
            raise ValueError("Password")

    def _push_question(self, purse: Purse, asked: dict[str, Any]) -> Reply:
        self._password(asked)
        found = purse.book.collections.get(str(asked["CheckoutRequestID"]))
        if found is None:
            return error("500.001.1001", "The CheckoutRequestID does not exist")
        found.questions += 1
        if found.ending is None:
            return error("500.001.1001", "The transaction is being processed")
        code, text = ENDINGS[found.ending]
        return said({
            "ResponseCode": "0", "MerchantRequestID": found.reference,
            "ResponseDescription": "The service request has been accepted successsfully",
            "CheckoutRequestID": found.key, "ResultCode": str(code), "ResultDesc": text,
        })  # fmt: skip

    def _register(self, purse: Purse, asked: dict[str, Any]) -> Reply:
        del purse
        self.urls = {
            "confirmation": str(asked["ConfirmationURL"]), "validation": str(asked["ValidationURL"])
        }  # fmt: skip
        self.silent_means = str(asked["ResponseType"])
        return self._taken("sim-register")

    def _pull_register(self, purse: Purse, asked: dict[str, Any]) -> Reply:
        del purse
        return said({
            "ResponseRefID": "sim-pull", "ResponseStatus": "1000",
            "ShortCode": str(asked["ShortCode"]), "ResponseDescription": "Success",
        })  # fmt: skip

    def _pull(self, purse: Purse, asked: dict[str, Any]) -> Reply:
        first, last = (datetime.fromisoformat(str(asked[n])) for n in ("StartDate", "EndDate"))
        page = int(asked.get("OffSetValue", 0))
        rows = [
            self._pulled(each)
            for each in purse.book.movements.values()
            if not each.original
            and first <= datetime.fromisoformat(_local(each.at, self.hours)) <= last
        ][page : page + PULL_PAGE]
        found = bool(rows)
        return said({
            "ResponseRefID": "sim-pull", "ResponseCode": "1000" if found else "1001",
            "ResponseMessage": "Success" if found else "No transactions", "Response": [rows],
        })  # fmt: skip

    def _pulled(self, each: Movement) -> dict[str, Any]:
        return {
            "transactionId": each.receipt, "trxDate": _local(each.at, self.hours),
            "msisdn": self._payer(each.payer), "sender": "MPESA",
            "transactiontype": "c2b-pay-bill-debit", "billreference": each.typed,
            "amount": major(each.amount, self.currency), "organizationname": self.short_code,
        }  # fmt: skip

    def _reversal(self, purse: Purse, asked: dict[str, Any]) -> Reply:
        self._known(asked)
        purse.after(0.0, self._reverses, purse, asked)
        return self._taken(f"sim-reversal-{asked['TransactionID']}")

    def _reverses(self, purse: Purse, asked: dict[str, Any]) -> None:
        key, found = f"sim-reversal-{asked['TransactionID']}", purse.book.movements
        original = found.get(str(asked["TransactionID"]))
        if original is not None and minor(asked["Amount"], self.currency) != original.amount:
            original = None
        try:
            if original is None:
                raise NotReversedError("unknown")
            back = purse.reverse(original.receipt)
        except NotReversedError as no:
            code = "R000001" if no.why == "done" else "R000002"
            result = {"ResultCode": code, "ResultDesc": "The transaction cannot be reversed."}
        else:
            told = {
                "Amount": float(major(-back.amount, self.currency)),
                "TransCompletedTime": int(compact(back.at, self.hours)),
                "OriginalTransactionID": back.original, "Charge": 0.0,
            }  # fmt: skip
            result = {"TransactionID": back.receipt, **_good(told)}
        purse.notify(_result(str(asked["ResultURL"]), key, result))

    def _status(self, purse: Purse, asked: dict[str, Any]) -> Reply:
        self._known(asked)
        key = f"sim-status-{purse.counts.calls}"
        purse.after(0.0, self._states, purse, asked, key)
        return self._taken(key)

    def _states(self, purse: Purse, asked: dict[str, Any], key: str) -> None:
        found = purse.book.movements.get(str(asked.get("TransactionID", "")))
        if found is None:
            result = {"ResultCode": 2032, "ResultDesc": "The transaction is not known."}
        else:
            back = found.receipt in purse.book.reversed_by
            result = _good({
                "ReceiptNo": found.receipt,
                "TransactionStatus": "Reversed" if back else "Completed",
                "Amount": major(found.amount, self.currency), "TransactionReason": None,
                "FinalisedTime": compact(found.at, self.hours),
            })  # fmt: skip
        purse.notify(_result(str(asked["ResultURL"]), key, result))

    def _known(self, asked: dict[str, Any]) -> None:
        if self.credential and asked["SecurityCredential"] != self.credential:
            raise ValueError("SecurityCredential")

    def _taken(self, key: str) -> Reply:
        return said({
            "OriginatorConversationID": key, "ConversationID": f"AG_{key}", "ResponseCode": "0",
            "ResponseDescription": "Accept the service request successfully.",
        })  # fmt: skip

    # --- notices -------------------------------------------------------------------------------

    def receipt(self, number: int, at: float) -> str:
        """Ten letters and digits, the first of them for year, month and day."""
        stamp = compact(at, self.hours)
        head = "".join(
            _LETTERS[int(part) % len(_LETTERS)] for part in (stamp[2:4], stamp[4:6], stamp[6:8])
        )
        tail = ""
        for _ in range(7):
            number, digit = divmod(number, len(_LETTERS))
            tail = _LETTERS[digit] + tail
        return head + tail

    def ended(self, purse: Purse, collection: Collection) -> Notice | None:
        """The push callback; metadata only on success."""
        del purse
        code, text = ENDINGS[collection.ending or Ending.TIMEOUT]
        told: dict[str, Any] = {
            "MerchantRequestID": collection.reference, "CheckoutRequestID": collection.key,
            "ResultCode": code, "ResultDesc": text,
        }  # fmt: skip
        if collection.ending is Ending.PAID:
            items = {
                "Amount": float(major(collection.amount, self.currency)),
                "MpesaReceiptNumber": collection.receipt,
                "TransactionDate": int(compact(collection.ended_at, self.hours)),
                "PhoneNumber": int(collection.payer),
            }
            told["CallbackMetadata"] = {
                "Item": [{"Name": name, "Value": value} for name, value in items.items()]
            }
        fields = {"Body": {"stkCallback": told}}
        return Notice(collection.callback, fields, collection.key)

    def question(self, purse: Purse, movement: Movement) -> Notice | None:
        """The validation, where it is switched on."""
        del purse
        if not (self.validates and self.urls):
            return None
        fields = self._c2b(movement, "")
        return Notice(self.urls["validation"], fields, movement.receipt, "validation")

    def allows(self, reply: tuple[int, bytes] | None) -> tuple[bool, str]:
        """``ResultCode`` 0 goes on; silence and nonsense are what was registered."""
        try:
            found = json.loads(reply[1]) if reply and reply[0] == 200 else {}
        except ValueError:
            found = {}
        if not (isinstance(found, dict) and "ResultCode" in found):
            return self.silent_means == "Completed", ""
        good = str(found["ResultCode"]) == "0"
        return good, str(found.get("ThirdPartyTransID" if good else "ResultCode", ""))

    def paid_in(self, purse: Purse, movement: Movement, third: str) -> Notice | None:
        """The confirmation; nobody is told where no address was registered."""
        del purse
        if not self.urls:
            return None
        fields = self._c2b(movement, third)
        return Notice(self.urls["confirmation"], fields, movement.receipt, "pay-in")

    def _c2b(self, movement: Movement, third: str) -> dict[str, Any]:
        return {
            "TransactionType": "Pay Bill", "TransID": movement.receipt,
            "TransTime": compact(movement.at, self.hours),
            "TransAmount": major(movement.amount, self.currency),
            "BusinessShortCode": self.short_code, "BillRefNumber": movement.typed,
            "InvoiceNumber": "", "OrgAccountBalance": "", "ThirdPartyTransID": third,
            "MSISDN": self._payer(movement.payer), "FirstName": "TEST", "MiddleName": "",
            "LastName": "",
        }  # fmt: skip

    def _payer(self, msisdn: str) -> str:
        return f"{msisdn[:4]} ***** {msisdn[-3:]}" if self.masked else msisdn

    # --- notices made wrong --------------------------------------------------------------------

    def altered(self, notice: Notice) -> Notice:
        """Ten times the amount."""
        fields = dict(notice.fields)
        if "TransAmount" in fields:
            fields["TransAmount"] = major(
                minor(fields["TransAmount"], self.currency) * LIE, self.currency
            )
        elif "Body" in fields:
            fields = _metadata(fields, "Amount", lambda value: value * LIE)
        return changed(notice, fields)

    def cut(self, notice: Notice) -> Notice:
        """Without its receipt."""
        fields = dict(notice.fields)
        fields.pop("TransID", None)
        if "Body" in fields:
            fields = _metadata(fields, "MpesaReceiptNumber", lambda _: None)
        return changed(notice, fields)

    def recoded(self, notice: Notice) -> Notice:
        """Codes as text, and amounts as numbers where they were text."""
        return changed(notice, retyped(notice.fields))


def _good(told: dict[str, Any]) -> dict[str, Any]:
    rows = [{"Key": k} if v is None else {"Key": k, "Value": v} for k, v in told.items()]
    return {
        "ResultCode": 0, "ResultDesc": "The service request is processed successfully.",
        "ResultParameters": {"ResultParameter": rows},
    }  # fmt: skip


def _result(url: str, key: str, result: dict[str, Any]) -> Notice:
    fields = {
        "ResultType": 0, "OriginatorConversationID": key, "ConversationID": f"AG_{key}",
        "TransactionID": "0000000000", "ReferenceData": {"ReferenceItem": {"Key": "Occasion"}},
        **result,
    }  # fmt: skip
    return Notice(url, {"Result": fields}, key, "result")


def _metadata(fields: dict[str, Any], name: str, change: Callable[[Any], Any]) -> dict[str, Any]:
    told = dict(fields["Body"]["stkCallback"])
    items = told.get("CallbackMetadata", {}).get("Item", [])
    if not items:
        return fields
    made = [
        {"Name": item["Name"], "Value": change(item["Value"])} if item["Name"] == name else item
        for item in items
    ]
    told["CallbackMetadata"] = {"Item": [item for item in made if item["Value"] is not None]}
    return {"Body": {"stkCallback": told}}


def _local(at: float, hours: int) -> str:
    stamp = compact(at, hours)
    return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]} {stamp[8:10]}:{stamp[10:12]}:{stamp[12:14]}"


_PATHS: Final[dict[str, Callable[[Mpesa, Purse, dict[str, Any]], Reply]]] = {
    "/mpesa/stkpush/v1/processrequest": Mpesa._push,
    "/mpesa/stkpushquery/v1/query": Mpesa._push_question,
    "/mpesa/c2b/v2/registerurl": Mpesa._register,
    "/mpesa/reversal/v1/request": Mpesa._reversal,
    "/mpesa/transactionstatus/v1/query": Mpesa._status,
    "/pulltransactions/v1/register": Mpesa._pull_register,
    "/pulltransactions/v1/query": Mpesa._pull,
}

"""Airtel Money: "Success." that means in process, callbacks without an amount, refunds.

Facts, mobile money §Airtel. ``secret`` signs callbacks; empty: they carry no hash.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any, Final

from simulators.mobilemoney.book import Collection, Ending, Movement, NotReversedError
from simulators.mobilemoney.purse import Purse
from simulators.mobilemoney.wire import Call, Notice, Reply, said
from simulators.mobilemoney.wording import changed, major, minor, retyped

IN_PROCESS: Final = "DP00800001006"
CODES: Final = {
    Ending.PAID: "DP00800001001",
    Ending.WRONG_PIN: "DP00800001002",
    Ending.BUSY: "DP00800001003",
    Ending.TIMEOUT: "DP00800001005",
    Ending.UNREACHABLE: "DP00800001005",
    Ending.INSUFFICIENT: "DP00800001007",
    Ending.CANCELLED: "DP00800001008",
}
_PAYMENTS: Final = ("/merchant/v1/payments/", "/merchant/v2/payments/")
_STATUS: Final = "/standard/v1/payments"


def answered(code: str, message: str, result: str = "ESB000010", *, good: bool = True) -> Any:
    """The status block of every answer."""
    return {
        "response_code": code, "code": "200", "success": good, "result_code": result,
        "message": message,
    }  # fmt: skip


@dataclass(slots=True)
class Airtel:
    """One app. ``callback`` is set with the provider, not in each request."""

    client: tuple[str, str] = ("client", "secret")
    country: str = "UG"
    callback: str = ""
    secret: str = ""
    prefix: str = "256"
    name: str = "airtel"
    currency: str = "UGX"
    hours: int = 3
    token_s: int = 180
    one_token: bool = False
    echoes: bool = False

    def answer(self, purse: Purse, call: Call) -> Reply:
        """Their paths."""
        if call.path == "/auth/oauth2/token" and call.method == "POST":
            return self._token(purse, call.fields())
        if not purse.authorised(call):
            return said({"error": "invalid_token"}, 401)
        if (call.headers.get("x-country"), call.headers.get("x-currency")) != (
            self.country, self.currency,
        ):  # fmt: skip
            return said({"status": answered("", "Invalid country.", "ESB000004", good=False)}, 400)
        if call.method == "POST" and call.path in _PAYMENTS:
            return self._pay(purse, call.fields())
        if call.method == "POST" and call.path == f"{_STATUS}/refund":
            return self._refund(purse, call.fields())
        base, _, last = call.path.rpartition("/")
        if call.method == "GET" and base == _STATUS:
            return self._status(purse, last)
        return said({"status": answered("", "Not found.", "ESB000004", good=False)}, 404)

    def _token(self, purse: Purse, asked: dict[str, Any]) -> Reply:
        if (asked.get("client_id"), asked.get("client_secret")) != self.client:
            return said({"error": "invalid_client"}, 401)
        return said({
            "access_token": purse.new_token(), "token_type": "bearer",
            "expires_in": str(self.token_s),
        })  # fmt: skip

    def _pay(self, purse: Purse, asked: dict[str, Any]) -> Reply:
        try:
            transaction, subscriber = asked["transaction"], asked["subscriber"]
            key, amount = str(transaction["id"]), minor(transaction["amount"], self.currency)
            number = str(subscriber["msisdn"])
        except (KeyError, TypeError, ValueError):
            return self._refused("", "Invalid request.", "ESB000008")
        if key in purse.book.collections:
            return self._refused("", "Duplicate transaction.", "ESB000045")
        if amount <= 0 or number.startswith(self.prefix):
            return self._refused("DP00800001004", "Invalid amount or number.", "ESB000008")
        purse.ask(Collection(
            key, str(asked.get("reference", "")), self.prefix + number, amount,
            str(asked.get("reference", "")), self.callback, purse.wall(),
        ))  # fmt: skip
        told = {"transaction": {"id": key, "status": "Success."}}
        return said({"data": told, "status": answered(IN_PROCESS, "Success.")})

    def _refused(self, code: str, message: str, result: str) -> Reply:
        return said({"status": answered(code, message, result, good=False)})

    def _status(self, purse: Purse, key: str) -> Reply:
        found = purse.book.collections.get(key)
        if found is None:
            return self._refused("DP00800001009", "Transaction not found.", "ESB000010")
        found.questions += 1
        told: dict[str, Any] = {"id": key, "message": "In process.", "status": "TIP"}
        code = IN_PROCESS
        if found.ending is not None:
            code, paid = CODES[found.ending], found.ending is Ending.PAID
            told = {"id": key, "message": found.ending.value, "status": "TS" if paid else "TF"}
            if paid:
                told["airtel_money_id"] = found.receipt
        fields = {"data": {"transaction": told}, "status": answered(code, "SUCCESS")}
        return said(fields)

    def _refund(self, purse: Purse, asked: dict[str, Any]) -> Reply:
        transaction = asked.get("transaction")
        named = transaction.get("airtel_money_id") if isinstance(transaction, dict) else ""
        try:
            back = purse.reverse(str(named))
        except NotReversedError as no:
            told = {"transaction": {"airtel_money_id": named, "status": "FAILED"}}
            result = "ESB000045" if no.why == "done" else "ESB000008"
            return said({"data": told, "status": answered("", no.why, result, good=False)})
        told = {"transaction": {"airtel_money_id": back.receipt, "status": "SUCCESS"}}
        return said({"data": told, "status": answered("", "SUCCESS")})

    # --- notices -------------------------------------------------------------------------------

    def receipt(self, number: int, at: float) -> str:
        """CI, then digits."""
        del at
        return f"CI{210_000_000 + number}"

    def ended(self, purse: Purse, collection: Collection) -> Notice | None:
        """The callback: no amount in it."""
        del purse
        paid = collection.ending is Ending.PAID
        told: dict[str, Any] = {
            "id": collection.key, "message": "Paid" if paid else "Not paid",
            "status_code": "TS" if paid else "TF",
        }  # fmt: skip
        if paid:
            told["airtel_money_id"] = collection.receipt
            told["message"] = f"Paid {self.currency} {major(collection.amount, self.currency)}"
        return Notice(collection.callback, self._signed(told), collection.key)

    def _signed(self, told: dict[str, Any]) -> dict[str, Any]:
        if not self.secret:
            return {"transaction": told}
        body = json.dumps(told, separators=(",", ":")).encode()
        made = hmac.new(self.secret.encode(), body, hashlib.sha256).digest()
        return {"transaction": told, "hash": base64.b64encode(made).decode()}

    def paid_in(self, purse: Purse, movement: Movement, third: str) -> Notice | None:
        """Nobody is told."""
        del purse, movement, third
        return None

    def question(self, purse: Purse, movement: Movement) -> Notice | None:
        """Nobody is asked."""
        del purse, movement
        return None

    def allows(self, reply: tuple[int, bytes] | None) -> tuple[bool, str]:
        """Everything."""
        del reply
        return True, ""

    # --- notices made wrong --------------------------------------------------------------------

    def altered(self, notice: Notice) -> Notice:
        """Another payment's number: there is no amount to lie about."""
        told = dict(notice.fields["transaction"])
        if "airtel_money_id" in told:
            told["airtel_money_id"] = "CI999999999"
        return changed(notice, {**notice.fields, "transaction": told})

    def cut(self, notice: Notice) -> Notice:
        """Without their number of the payment."""
        told = dict(notice.fields["transaction"])
        told.pop("airtel_money_id", None)
        return changed(notice, {**notice.fields, "transaction": told})

    def recoded(self, notice: Notice) -> Notice:
        """The message as a number, as one operator did."""
        return changed(notice, retyped({**notice.fields, "extra": {"code": "200"}}))

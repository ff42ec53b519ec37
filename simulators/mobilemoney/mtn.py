"""MTN MoMo Collections: requests to pay by their reference, callbacks by PUT or POST, refunds.

Facts, mobile money §MTN. Money that payers send by themselves is told by nobody: it stands in the
account of the day.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from simulators.mobilemoney.book import Collection, Ending, Movement, NotReversedError
from simulators.mobilemoney.purse import Purse
from simulators.mobilemoney.wire import Call, Notice, Reply, said
from simulators.mobilemoney.wording import LIE, changed, major, minor, retyped

REASONS: Final = {
    Ending.INSUFFICIENT: "NOT_ENOUGH_FUNDS",
    Ending.BUSY: "PAYER_LIMIT_REACHED",
    Ending.CANCELLED: "APPROVAL_REJECTED",
    Ending.TIMEOUT: "EXPIRED",
    Ending.UNREACHABLE: "PAYER_NOT_FOUND",
    Ending.WRONG_PIN: "APPROVAL_REJECTED",
}
_PAY: Final = "/collection/v1_0/requesttopay"
_REFUND: Final = "/disbursement/v1_0/refund"


def error(code: str, status: int) -> Reply:
    """Their error."""
    return said({"code": code, "message": f"{code.replace('_', ' ').lower()}."}, status)


@dataclass(slots=True)
class Mtn:
    """One subscription. ``by_put``: callbacks come by PUT; ``objects``: reasons are objects."""

    user: tuple[str, str] = ("user", "key")
    subscription: str = "sim-subscription"
    environment: str = "sandbox"
    by_put: bool = True
    objects: bool = False
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    name: str = "mtn"
    currency: str = "UGX"
    hours: int = 3
    token_s: int = 3600
    one_token: bool = False
    echoes: bool = False

    def answer(self, purse: Purse, call: Call) -> Reply:
        """Paths of Collections, and the refund of Disbursements."""
        if call.headers.get("ocp-apim-subscription-key") != self.subscription:
            return said({"statusCode": 401, "message": "Access denied."}, 401)
        if call.path in ("/collection/token/", "/disbursement/token/") and call.method == "POST":
            if call.basic() != self.user:
                return said({"error": "invalid_client"}, 401)
            return said({
                "access_token": purse.new_token(), "token_type": "access_token",
                "expires_in": self.token_s,
            })  # fmt: skip
        if not purse.authorised(call):
            return error("UNAUTHORIZED", 401)
        if call.headers.get("x-target-environment") != self.environment:
            return error("NOT_ALLOWED_TARGET_ENVIRONMENT", 500)
        return self._authorised(purse, call)

    def _authorised(self, purse: Purse, call: Call) -> Reply:
        base, _, last = call.path.rpartition("/")
        if call.method == "POST" and call.path == _PAY:
            return self._pay(purse, call)
        if call.method == "GET" and base == _PAY:
            return self._status(purse, last)
        if call.method == "POST" and call.path == _REFUND:
            return self._refund(purse, call)
        if call.method == "GET" and base == _REFUND:
            found = self.refunds.get(last)
            return said(found) if found else error("RESOURCE_NOT_FOUND", 404)
        return error("RESOURCE_NOT_FOUND", 404)

    def _pay(self, purse: Purse, call: Call) -> Reply:
        key, asked = call.headers.get("x-reference-id", ""), call.fields()
        if key in purse.book.collections:
            return error("RESOURCE_ALREADY_EXIST", 409)
        try:
            amount = minor(asked["amount"], self.currency)
            payer = str(asked["payer"]["partyId"])
            good = asked["currency"] == self.currency and asked["payer"]["partyIdType"] == "MSISDN"
        except (KeyError, TypeError, ValueError):
            good = False
        if not (good and amount > 0 and len(key) == 36):
            return error("INVALID_REQUEST", 400)
        purse.ask(Collection(
            key, str(asked.get("externalId", "")), payer, amount,
            str(asked.get("payerMessage", "")), call.headers.get("x-callback-url", ""),
            purse.wall(),
        ))  # fmt: skip
        return Reply(202)

    def _status(self, purse: Purse, key: str) -> Reply:
        found = purse.book.collections.get(key)
        if found is None:
            return error("RESOURCE_NOT_FOUND", 404)
        found.questions += 1
        return said(self._told(found))

    def _told(self, found: Collection) -> dict[str, Any]:
        told: dict[str, Any] = {
            "externalId": found.reference, "amount": major(found.amount, self.currency),
            "currency": self.currency,
            "payer": {"partyIdType": "MSISDN", "partyId": found.payer},
            "payerMessage": found.shown, "status": "PENDING",
        }  # fmt: skip
        if found.ending is Ending.PAID:
            return {"financialTransactionId": found.receipt, **told, "status": "SUCCESSFUL"}
        if found.ending is not None:
            reason: Any = REASONS[found.ending]
            if self.objects:
                reason = {"code": reason, "message": "the payer did not pay"}
            return {**told, "status": "FAILED", "reason": reason}
        return told

    def _refund(self, purse: Purse, call: Call) -> Reply:
        key, asked = call.headers.get("x-reference-id", ""), call.fields()
        if key in self.refunds:
            return error("RESOURCE_ALREADY_EXIST", 409)
        original = purse.book.collections.get(str(asked.get("referenceIdToRefund", "")))
        told = {
            "amount": str(asked.get("amount", "")), "currency": self.currency,
            "externalId": str(asked.get("externalId", "")),
        }  # fmt: skip
        try:
            if original is None or minor(told["amount"], self.currency) != original.amount:
                raise NotReversedError("unknown")
            back = purse.reverse(original.receipt)
        except (NotReversedError, ValueError):
            self.refunds[key] = {**told, "status": "FAILED", "reason": "TRANSACTION_NOT_FOUND"}
        else:
            self.refunds[key] = {
                "financialTransactionId": back.receipt,
                **told,
                "status": "SUCCESSFUL",
            }
        return Reply(202)

    # --- notices -------------------------------------------------------------------------------

    def receipt(self, number: int, at: float) -> str:
        """Digits that grow."""
        del at
        return str(23_000_000 + number)

    def ended(self, purse: Purse, collection: Collection) -> Notice | None:
        """The callback has the form of the status."""
        del purse
        method = "PUT" if self.by_put else "POST"
        return Notice(collection.callback, self._told(collection), collection.key, method=method)

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
        """Ten times the amount."""
        amount = minor(notice.fields["amount"], self.currency) * LIE
        return changed(notice, {**notice.fields, "amount": major(amount, self.currency)})

    def cut(self, notice: Notice) -> Notice:
        """Without their number of the payment."""
        left = dict(notice.fields)
        left.pop("financialTransactionId", None)
        return changed(notice, left)

    def recoded(self, notice: Notice) -> Notice:
        """Amounts as numbers."""
        fields = retyped(notice.fields)
        return changed(notice, {**fields, "amount": int(notice.fields["amount"])})

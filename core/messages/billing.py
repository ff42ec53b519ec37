"""Money that comes in."""

from core.messages.base import Message, message_type


@message_type("wattbus.billing.ReceivePayment.v1", hashed=("account", "amount", "currency", "way"))
class ReceivePayment(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A payment received for an account: it becomes credit of that account.

    ``way`` is the tender: cash, cheque, card, transfer; ``reference`` its own number, if any;
    ``desk`` the cash desk or collector that took it.
    """

    account: str
    amount: int
    currency: str
    way: str = "cash"
    reference: str = ""
    desk: str = "main"

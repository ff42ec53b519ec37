"""What decisions about money by wallet are made on."""

from core.entities import Entity

#: Kinds of a row.
COLLECTION, PAY_IN = "collection", "pay-in"


class WalletPayment(Entity, frozen=True, kw_only=True, gc=False):
    """A collection or a pay-in; ``core.store.tables.wallets`` says what each field holds.

    Kept in a book by its id; ``core.wallets.rows`` finds it by what the provider knows it by.
    """

    company: str
    number: str
    wallet: str
    kind: str
    state: str
    currency: str
    message_id: str
    created_at: int
    purpose: str = ""
    target: str = ""
    reference: str = ""
    receipt: str = ""
    asked: int = 0
    paid: int = 0
    paid_currency: str = ""
    fee: int = 0
    payer: str = ""
    payer_form: str = "absent"
    names: str = ""
    typed: str = ""
    short_code: str = ""
    plan: str = "{}"
    proof: str = ""
    outcome: str = ""
    code: str = ""
    reason: str = ""
    detail: str = ""
    account_id: int = 0
    agreement_id: int = 0
    agent_id: int = 0
    sale_id: int = 0
    payment_id: int = 0
    held_id: int = 0
    about_id: int = 0
    provider_at: int = 0
    sent_at: int = 0
    paid_at: int = 0
    applied_at: int = 0
    settled_at: int = 0
    ended_at: int = 0
    deadline: int = 0
    paid_message_id: str = ""

"""What breaks each invariant of held money, behind the back of everybody."""

_TEXTS = (
    "company", "wallet", "receipt", "currency", "ledger", "reason", "code", "names", "target",
    "state", "owner", "next", "how", "message_id", "decision_id",
)  # fmt: skip
_NUMBERS = (
    "id", "payment_id", "amount", "rest", "account_id", "item_id", "since", "deadline", "next_at",
    "lapses", "ended_at",
)  # fmt: skip


def _row(**more: str) -> str:
    """A row of held_money that has an owner, of a payment that is not there."""
    values = dict.fromkeys(_TEXTS, "''") | dict.fromkeys(_NUMBERS, "0")
    values |= {"id": "901", "payment_id": "99", "amount": "500", "company": "'demo'"}
    values |= {"owner": "'wallets'", "since": "1", "deadline": "2", "currency": "'UGX'", **more}
    return f"INSERT INTO held_money ({', '.join(values)}) VALUES ({', '.join(values.values())})"


#: invariant -> what breaks it
HELD_CRIMES: dict[str, tuple[str, ...]] = {
    "held-is-suspense": (_row(state="'held'", rest="500"),),
    "held-has-owner": (_row(state="'waits'", rest="500", owner="''"),),
    "held-of-payment": (_row(state="'used'", ended_at="3"),),
}

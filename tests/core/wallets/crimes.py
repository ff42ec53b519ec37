"""What breaks each invariant of money by wallet, behind the back of everybody."""

from sqlalchemy import Text

from core.store.tables import METADATA


def _row(table: str, **given: str) -> str:
    """A row that says nothing but what is given."""
    values = {
        column.name: "''" if isinstance(column.type, Text) else "0"
        for column in METADATA.tables[table].columns
    }
    values |= {"id": "901", "company": "'demo'", **given}
    names = ", ".join(values)
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join(values.values())})"


def _held(**given: str) -> tuple[str, ...]:
    """Held money that has an owner, of a payment that is not there."""
    given = {"owner": "'wallets'", "since": "1", "deadline": "2", "currency": "'UGX'", **given}
    return (_row("held_money", payment_id="99", amount="500", **given),)


def _paid(**given: str) -> tuple[str, ...]:
    """A payment by wallet with money."""
    given = {"wallet": "'mpesa'", "receipt": "'R1'", "paid": "500", "currency": "'UGX'", **given}
    return (_row("wallet_payment", number="'W-901'", **given),)


#: invariant -> what breaks it
WALLET_CRIMES: dict[str, tuple[str, ...]] = {
    "held-is-suspense": _held(state="'held'", rest="500"),
    "held-has-owner": _held(state="'waits'", rest="500", owner="''"),
    "held-of-payment": _held(state="'used'", ended_at="3"),
    "wallet-float": _paid(state="'applied'", applied_at="1"),
    "refund-once": _paid(state="'refunded'"),
    "refund-held": (_row("wallet_refund", state="'asked'", amount="5", payment_id="99"),),
    "disputed-case": _paid(state="'disputed'"),
    "settled-by-payout": _paid(state="'settled'"),
    "statement-match": (
        _row("wallet_statement_line", outcome="'match'", amount="5", payment_id="99"),
    ),
    "wallet-row-money": _paid(state="'paid'"),
    "wallet-row-asked": _paid(kind="'collection'", asked="600", state="'applied'"),
    "wallet-row-booked": _paid(outcome="'sold'", state="'applied'"),
}

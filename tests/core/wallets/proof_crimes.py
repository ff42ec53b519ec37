"""What breaks each invariant of statements, payouts, refunds and cases, behind everybody's back."""

from sqlalchemy import Text

from core.store.tables import METADATA


def _row(table: str, **more: str) -> str:
    """A row of a table that says nothing beside this."""
    columns = METADATA.tables[table].columns
    values = {c.name: "''" if isinstance(c.type, Text) else "0" for c in columns}
    values |= {"id": "901", "company": "'demo'", **more}
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"


#: invariant -> what breaks it
WALLET_CRIMES: dict[str, tuple[str, ...]] = {
    "wallet-float": (_row("wallet_settlement", wallet="'mpesa'", amount="5", currency="'UGX'"),),
    "refund-once": (
        _row("wallet_payment", number="'W-9'", state="'applied'", paid="5"),
        _row("wallet_refund", payment_id="901", state="'reversed'", amount="5"),
    ),
    "refund-held": (_row("wallet_refund", payment_id="99", state="'asked'", amount="5"),),
    "disputed-case": (_row("wallet_payment", number="'W-9'", state="'disputed'"),),
    "settled-by-payout": (_row("wallet_payment", number="'W-9'", state="'settled'"),),
    "statement-match": (
        _row("wallet_statement_line", outcome="'match'", receipt="'A'", amount="5"),
    ),
}

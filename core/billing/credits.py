"""Bills below nothing: what is owed to the customer becomes his credit, as a document of its own.

There is no open item, for nothing is owed to us. Such a bill goes out only when a person has
approved it. When it is reversed its credit is taken back; what of it was used meanwhile is owed.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from core.billing.shapes import Draw
from core.calendars import local_date
from core.ledger import CUSTOMER_CREDIT
from core.store.tx import Tx

TXN = ("id", "company", "kind", "currency", "message_id", "at")
POSTING = ("txn_id", "line", "ledger", "owner", "amount")
ITEM = (
    "id", "company", "account_id", "agreement_id", "kind", "code", "item_class", "label", "period",
    "due", "amount", "open", "state", "identity", "about_id", "plan_id", "lines", "late_done",
    "message_id", "txn_id", "raised_at",
)  # fmt: skip
#: Of the document, and of what is owed again when its credit is not there any more.
KIND, USED = "credit-bill", "returned"


class Taken(msgspec.Struct, frozen=True, gc=False):
    """A bill below nothing that is reversed; ``credit``: what it gave."""

    bill: int
    company: str
    account: int
    currency: str
    credit: int
    message_id: str


def lock_accounts(tx: Tx, accounts: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Lock accounts in the order in which everybody locks them: (credit, reserved) of each."""
    rows = tx.rows(
        "SELECT id, credit, reserved FROM account WHERE id IN :ids ORDER BY id FOR UPDATE",
        ids=sorted(set(accounts)),
    ) if accounts else []  # fmt: skip
    return {id_: (credit, reserved) for id_, credit, reserved in rows}


def give(tx: Tx, credits: Sequence[tuple[int, int]]) -> None:
    """Raise the credit of accounts, (account, amount) each; they are locked here."""
    held = {id_: credit for id_, (credit, _) in lock_accounts(tx, [a for a, _ in credits]).items()}
    for account, amount in credits:
        held[account] += amount
    tx.update("account", ("id", "credit"), sorted(held.items()))


def take_back(tx: Tx, taken: Sequence[Taken], draw: Draw, now_us: int, due: str = "") -> None:
    """Take back what bills below nothing gave; their mirrors are posted already.

    What is not spendable any more is raised as an open item, due at once if no day is said.
    """
    if not taken:
        return
    held = lock_accounts(tx, [each.account for each in taken])
    after = {id_: credit for id_, (credit, _) in held.items()}
    short: list[tuple[Taken, int]] = []
    for each in taken:
        after[each.account] -= each.credit
        lacks = held[each.account][1] - after[each.account]
        if lacks > 0:
            short.append((each, lacks))
            after[each.account] += lacks
    _owe(tx, short, draw, now_us, due or local_date(now_us, "UTC").isoformat())
    tx.update("account", ("id", "credit"), sorted(after.items()))


def _owe(tx: Tx, short: Sequence[tuple[Taken, int]], draw: Draw, now_us: int, due: str) -> None:
    if not short:
        return
    txn, item = draw("ledger_txn", len(short)), draw("open_item", len(short))
    tx.load("ledger_txn", TXN, [
        (txn + place, each.company, USED, each.currency, each.message_id, now_us)
        for place, (each, _) in enumerate(short)
    ])  # fmt: skip
    tx.load("posting", POSTING, [
        row
        for place, (each, lacks) in enumerate(short)
        for row in (
            (txn + place, 1, f"receivable:{USED}", each.account, lacks),
            (txn + place, 2, CUSTOMER_CREDIT, each.account, -lacks),
        )
    ])  # fmt: skip
    tx.load("open_item", ITEM, [
        _item(each, lacks, (item + place, txn + place), (due, now_us))
        for place, (each, lacks) in enumerate(short)
    ])  # fmt: skip


def _item(each: Taken, lacks: int, ids: tuple[int, int], days: tuple[str, int]) -> tuple[Any, ...]:
    lines = msgspec.json.encode([(CUSTOMER_CREDIT, lacks)]).decode()
    label = f"Credit of bill {each.bill} was used"
    return (
        ids[0], each.company, each.account, 0, USED, USED, "energy", label, 0, days[0], lacks,
        lacks, "live", "", 0, 0, lines, 0, each.message_id, ids[1], days[1],
    )  # fmt: skip

"""The double-entry ledger: entries that sum to zero, and the balance that moves with them.

Debit is positive, credit negative. The chart is short; a name after the colon comes from data:

========================  =====================================================================
``cash:<desk>``           money received at a desk
``customer-credit``       what we owe a customer: sub-account = the account's id
``uncleared``             money of a customer that may still come back: sub-account = the account
``deposit:<kind>``        securities that we hold: sub-account = the account's id
``receivable:<code>``     what a customer owes us: sub-account = the account's id (docs/adr/0010)
``revenue:<code>``        our own income by receipt line
``expense:<why>``         units given away, against the income that they would have been
``tax:<code>``            what we owe the tax authority
``payable:<payee>``       what is collected for a third party
``opening:<what>``        against what was taken over from an older system
``agent-float``           what an agent has paid in and not yet sold: sub-account = the agent's id
``agent-deposit:<kind>``  an agent's securities: sub-account = the agent's id
``commission``            what an agent has earned and not yet got: sub-account = the agent's id
``till:<desk>``           cash in the till of a desk with shifts
``safe:<desk>``           cash that such a desk has put aside
``cash-in-transit``       cash on its way to the bank
``cash-office``           what the cash office brought to tills, and got beside deposits
``over-short``            cash beyond or below what was expected
``agent-short``           what an agent owes who collected above his float: sub-account = the agent
``suspense:agent``        what agents have collected for accounts that are not there
``wallet:<wallet>``       money of ours with a provider of wallets
``suspense:wallet``       money that came by wallet and could not be booked: ``held_money`` says why
========================  =====================================================================
"""

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from core.agents.entities import AgentFloat
from core.book import Stage
from core.counter.entities import SAFE, TILL, CashDesk
from core.entities import Account

CUSTOMER_CREDIT = "customer-credit"
AGENT_FLOAT = "agent-float"


class LedgerError(Exception):
    """Our own mistake, caught before anything is posted."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One posting before it has its place. ``owner`` 0: the company itself."""

    ledger: str
    amount: int
    owner: int = 0


class Transaction(msgspec.Struct, frozen=True, gc=False):
    """What is posted together. ``reverses`` names the transaction that it undoes."""

    id: int
    company: str
    kind: str
    currency: str
    message_id: str
    at_us: int
    reverses: int | None = None


def post(stage: Stage, txn: Transaction, entries: Iterable[Entry]) -> None:
    """Post a transaction and move credits, agents' floats and desks' cash with it.

    Entries of the same ledger and owner become one posting; those that come to nothing are left
    out. Raises LedgerError when they do not sum to zero, or when a credit would fall below zero
    or a float below its limit.
    """
    sums: dict[tuple[str, int], int] = {}
    for entry in entries:
        at = (entry.ledger, entry.owner)
        sums[at] = sums.get(at, 0) + entry.amount
    if sum(sums.values()) != 0:
        raise LedgerError(f"transaction {txn.id} ({txn.kind}) does not sum to zero: {sums}")
    stage.add(
        "ledger_txn",
        id=txn.id,
        company=txn.company,
        kind=txn.kind,
        currency=txn.currency,
        message_id=txn.message_id,
        reverses=txn.reverses,
        at=txn.at_us,
    )
    line = 0
    for (ledger, owner), amount in sums.items():
        if amount:
            line += 1
            stage.add(
                "posting", txn_id=txn.id, line=line, ledger=ledger, owner=owner, amount=amount
            )
            if ledger == CUSTOMER_CREDIT:
                _move_credit(stage, txn, owner, -amount)
            elif ledger == AGENT_FLOAT:
                _move_float(stage, txn, owner, -amount)
            elif ledger.startswith((TILL, SAFE)):
                _move_cash(stage, txn, ledger, amount)


def _move_credit(stage: Stage, txn: Transaction, account_id: int, change: int) -> None:
    account = stage.need(Account, account_id)
    if account.currency != txn.currency:
        raise LedgerError(f"account {account.number} is in {account.currency}, not {txn.currency}")
    after = account.credit + change
    if after < 0 or after < account.reserved:
        raise LedgerError(f"account {account.number}: credit would fall to {after}")
    stage.put(account_id, replace(account, credit=after))


def _move_float(stage: Stage, txn: Transaction, agent_id: int, change: int) -> None:
    """What is reserved of a float stays there; money that comes is never too little."""
    float_ = stage.need(AgentFloat, agent_id)
    if float_.currency != txn.currency:
        raise LedgerError(f"float {agent_id} is in {float_.currency}, not {txn.currency}")
    if change < 0 and float_.spendable + change < 0:
        raise LedgerError(f"float {agent_id}: {change} is more than its {float_.spendable}")
    stage.put(agent_id, replace(float_, balance=float_.balance + change))


def _move_cash(stage: Stage, txn: Transaction, ledger: str, change: int) -> None:
    """No till and no safe holds less than nothing."""
    code = ledger.partition(":")[2]
    desk = stage.need(CashDesk, code)
    if desk.currency != txn.currency:
        raise LedgerError(f"desk {code} is in {desk.currency}, not {txn.currency}")
    if ledger.startswith(TILL):
        desk = replace(desk, till=desk.till + change)
    else:
        desk = replace(desk, safe=desk.safe + change)
    if min(desk.till, desk.safe) < 0:
        raise LedgerError(f"desk {code}: {change} is more than {ledger} holds")
    stage.put(code, desk)

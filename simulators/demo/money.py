"""Acts 1 and 10: money comes in and has an owner; at the end everything adds up."""

from core.messages import ReceivePayment
from core.messages.outcome import Outcome
from hub import balance, module_log
from simulators.demo.children import until
from simulators.demo.people import CURRENCY, HOME, Household
from simulators.demo.stage import Stage

#: Notices and their receipts are through within this time after the last text.
SETTLED_S = 10.0


def pay_in(stage: Stage, household: Household, amount: int) -> None:
    """The cash desk takes money for an account, and the ledger has the line."""
    stage.says("operator", f"cash desk: {CURRENCY} {amount:,} received for {household.account}")
    message = ReceivePayment(account=household.account, amount=amount, currency=CURRENCY)
    answer = stage.house.submit(message, f"desk/{household.account}/1")
    stage.same("the payment", Outcome.DONE, answer.outcome, quiet=True)
    lines = stage.house.rows(
        "SELECT p.ledger, p.amount FROM posting p JOIN ledger_txn t ON t.id = p.txn_id "
        "LEFT JOIN account a ON a.id = p.owner WHERE t.kind = 'payment' AND t.message_id IN "
        "(SELECT message_id FROM ledger_txn ORDER BY id DESC LIMIT 1) ORDER BY p.line"
    )
    for ledger, posted in lines:
        stage.says("books", f"{ledger:<16} {posted:>+10,}")
    stage.same(
        "the ledger's line", [("cash:main", amount), ("customer-credit", -amount)], lines,
        quiet=True,
    )  # fmt: skip
    stage.same(f"credit of account {household.account}", amount, credit_of(stage, household))


def money_has_an_owner(stage: Stage) -> None:
    """Act 1."""
    pay_in(stage, HOME, stage.expected.received)


def credit_of(stage: Stage, household: Household) -> int:
    """What an account can spend, from the books."""
    rows = stage.house.rows("SELECT credit FROM account WHERE number = :n", n=household.account)
    return int(rows[0][0])


def settled(stage: Stage) -> None:
    """Waits until nothing is on its way: the balance has nothing pending."""

    def nothing_pending() -> bool:
        with stage.house.reading() as reader:
            return not sum(line.pending for line in balance.lines(reader))

    until(nothing_pending, SETTLED_S, "nothing is on its way any more")


def the_books(stage: Stage) -> None:
    """Act 10."""
    settled(stage)
    _balance(stage)
    _ledger(stage)
    _tokens(stage)


def _balance(stage: Stage) -> None:
    shown = stage.house.wattbus("balance")
    stage.says("operator", "wattbus balance")
    stage.says("wattbus", shown.stdout.rstrip())
    stage.same("its exit status", 0, shown.returncode, quiet=True)
    with stage.house.reading() as reader:
        lines = balance.lines(reader)
    for line in lines:
        ended = line.done + line.refused + line.duplicate + line.dead + line.parked + line.pending
        stage.same(f"{line.channel}/{line.handler}", line.accepted, ended, quiet=True)
    for name in ("dead", "parked", "pending", "unaccounted"):
        stage.same(name, 0, sum(getattr(line, name) for line in lines), quiet=True)
    accepted = sum(line.accepted for line in lines)
    stage.show.checked(
        f"{accepted} accepted = done + refused + duplicate + dead + parked + pending; unaccounted 0"
    )


def _ledger(stage: Stage) -> None:
    rows = stage.house.rows("SELECT ledger, sum(amount) FROM posting GROUP BY ledger ORDER BY 1")
    held = {ledger: int(total) for ledger, total in rows}
    for ledger, total in held.items():
        stage.says("books", f"{ledger:<16} {total:>+10,}")
    stage.same("the ledger", stage.expected.books(), held, quiet=True)
    stage.same("debits and credits together", 0, sum(held.values()))
    came = held["cash:main"] + held["wallet:mtn"]
    uses = came - sum(held.values())
    stage.same("credit, income and tax together are what came in", came, uses)
    wrong = stage.house.rows(
        "SELECT a.number FROM account a LEFT JOIN posting p ON p.owner = a.id "
        "AND p.ledger = 'customer-credit' GROUP BY a.id, a.number, a.credit "
        "HAVING a.credit <> -COALESCE(sum(p.amount), 0)"
    )
    stage.same("accounts whose credit is not the sum of their postings", [], wrong, quiet=True)
    stage.same("credit left to account 100001", stage.expected.left(), credit_of(stage, HOME))


def _tokens(stage: Stage) -> None:
    with stage.house.reading() as reader:
        made = module_log.made(reader)
        sold = reader.rows("SELECT count(*), sum(value) FROM token WHERE cause = 'sale'")[0]
        sales = reader.rows("SELECT count(*), sum(units_tenths) FROM sale WHERE state = 'issued'")
    stage.says("books", f"the security module says it made {made} tokens; {sold[0]} were sold")
    more = stage.expected.key_change_tokens
    stage.same("tokens that the module made", stage.expected.tokens + more, made)
    stage.same("tokens sold, and those of the key change", made, sold[0] + more)
    stage.same("units in tokens and on receipts", sales[0], sold, quiet=True)

"""What is collected for others: by bills and reversals, month by month, as the ledger says."""

from contextlib import closing
from pathlib import Path

from core.calendars import start_of_period
from core.queries.remittance import Remittance, Source, remittances
from hub.billruns import Books, open_desk
from tests.core.billing.test_rebill import reverse
from tests.core.billing.village import issued, rows, village

ZONE = "Africa/Kampala"


def found(made: Books, month: int, payee: str = "") -> list[Remittance]:
    with closing(open_desk(made)) as desk, desk.store.reader() as reader:
        return remittances(reader, "demo", month, ZONE, payee)


def post(made: Books, kind: str, amount: int, at: int, ledger: str = "payable:rural-fund") -> None:
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, draw):
        txn = draw("ledger_txn", 1)
        tx.load("ledger_txn", ("id", "company", "kind", "currency", "message_id", "at"),
                [(txn, "demo", kind, "UGX", f"m{txn}", at)])  # fmt: skip
        tx.load("posting", ("txn_id", "line", "ledger", "owner", "amount"),
                [(txn, 1, "cash:desk", 0, amount), (txn, 2, ledger, 0, -amount)])  # fmt: skip


def test_bills_sales_and_fees_of_a_month_add_up(tmp_path: Path) -> None:
    made = village(tmp_path)
    november = start_of_period(202611, ZONE)
    made.now_us.at_us = november + 10  # type: ignore[attr-defined]
    issued(made)
    ((levy,),) = rows(made, "SELECT sum(amount) FROM bill_line WHERE code = 'rural'")
    ((one,),) = rows(made, "SELECT amount FROM bill_line WHERE code = 'rural' AND bill_id = 2")
    post(made, "sale", 500, november - 1)
    post(made, "sale", 70, november)
    post(made, "fee", 7, start_of_period(202612, ZONE))
    reverse(made, 2)  # at the epoch: taken back before
    (fund,) = found(made, 202611, "third_party:rural-fund")
    assert fund == Remittance(
        payee="rural-fund", ledger="payable:rural-fund", currency="UGX", month=202611,
        opening=500 - one,
        sources=(
            Source(kind="bill", transactions=7, added=levy, taken=0),
            Source(kind="sale", transactions=1, added=70, taken=0),
        ),
        closing=500 - one + levy + 70,
    )  # fmt: skip
    assert (fund.added, fund.taken) == (levy + 70, 0)
    (later,) = found(made, 202612, "rural-fund")
    assert (later.opening, later.added, later.closing) == (fund.closing, 7, fund.closing + 7)


def test_the_state_is_a_payee_and_all_are_told(tmp_path: Path) -> None:
    made = village(tmp_path)
    issued(made)
    post(made, "sale", 1, 1, "payable:rural-fund-two")
    month = 202611
    names = [each.ledger for each in found(made, month)]
    assert names == ["payable:rural-fund", "payable:rural-fund-two", "tax:vat"]
    assert [each.ledger for each in found(made, month, "tax_authority")] == ["tax:vat"]
    assert [each.ledger for each in found(made, month, "rural-fund")] == ["payable:rural-fund"]
    assert len(found(made, month, "third_party:rural-fund-two")) == 1
    assert found(made, month, "nobody") == []
    assert found(made, 190001) == []

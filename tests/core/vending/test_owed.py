"""What a company declares about what is owed: what purchases pay of it, and what blocks them."""

from pathlib import Path

import pytest

from core.collection.terms import Blocking
from core.queries.customer import quote
from core.refusals import Refusal
from tests.core.collection.desk import OPERATORS, act, agreed, debt, done, money, opens, whole
from tests.core.vending.credit import ask as ask_advance
from tests.core.vending.credit import books, got, household, no, rule, taking
from tests.hub.acting import OPERATORS as ACTING
from tests.hub.acting import approved, ask
from tests.hub.machine import METER, PHONE, Machine, buy

PERCENT = 1_000_000


def lines(machine: Machine, sale_key: str, tender: int = 20_000) -> dict[str, int]:
    found = got(machine.do(buy(tender), sale_key))["lines"]
    return {line["code"]: line["amount"] for line in found}


def allocated(machine: Machine) -> list[tuple[int, int]]:
    return machine.rows(
        "SELECT item_id, amount FROM allocation WHERE source = 'sale' ORDER BY message_id, line"
    )


def test_without_a_rule_open_items_are_no_matter_of_sales(tmp_path: Path) -> None:
    machine = household(tmp_path)
    debt(machine, 30_000)
    assert "old-debt" not in lines(machine, "b1")
    assert opens(machine) == {"old-debt": 30_000}


def test_a_share_of_the_tender_pays_the_oldest_first(tmp_path: Path) -> None:
    machine = household(tmp_path, rule("energy", taking("percent_of_tender", 30 * PERCENT)))
    young, old = debt(machine, 4_000, 2025), debt(machine, 5_000, 2024)
    assert lines(machine, "b1")["old-debt"] == 6_000  # of both together, not of each
    assert allocated(machine) == [(old, 5_000), (young, 1_000)]
    assert opens(machine) == {"old-debt": 3_000}
    assert books(machine, "sale")["receivable:old-debt"] == -6_000
    assert lines(machine, "b2", 20_001)["old-debt"] == 3_000  # no more than is owed
    assert opens(machine) == {}
    whole(machine)


def test_a_line_for_each_code(tmp_path: Path) -> None:
    machine = household(tmp_path, rule("energy", taking()), rule("fee", taking(priority=5)))
    debt(machine, 3_000)
    done(machine, act("fee", fee="visit"))
    codes = lines(machine, "b1")
    assert (codes["old-debt"], codes["visit"]) == (3_000, 11_800)
    assert list(codes)[:2] == ["visit", "old-debt"]  # by priority
    whole(machine)


def test_the_rule_of_a_code_goes_before_that_of_its_class(tmp_path: Path) -> None:
    machine = household(tmp_path, rule("energy", taking()), rule("old-debt"))
    debt(machine, 3_000)
    assert "old-debt" not in lines(machine, "b1")


def test_only_what_is_so_long_overdue(tmp_path: Path) -> None:
    """An old debt of 2025 was due at the end of that year: 325 days before."""
    machine = household(tmp_path, rule("energy", taking(overdue_days=326)))
    debt(machine, 3_000)
    assert "old-debt" not in lines(machine, "b1")
    machine.time.at_us += 86_400_000_000
    assert lines(machine, "b2", 20_001)["old-debt"] == 3_000


def test_a_debt_in_recovery_can_be_kept_out_of_sales(tmp_path: Path) -> None:
    machine = household(tmp_path, rule("seal"))
    done(machine, act("fee", fee="seal"))
    assert machine.rows("SELECT outstanding FROM debt") == [(3_000,)]
    assert "seal" not in lines(machine, "b1")
    whole(machine)


def test_purchases_are_blocked_above_an_amount(tmp_path: Path) -> None:
    machine = household(tmp_path, rule("energy", block=Blocking(above=10_000, overdue_days=0)))
    debt(machine, 10_000, 2024)
    got(machine.do(buy(20_000), "b1"))  # not above it
    debt(machine, 1, 2025)
    answer = machine.do(buy(20_001), "b2")
    assert no(answer) == "sale-blocked"
    assert (answer.args["owed"], answer.args["limit"]) == (10_001, 10_000)
    assert machine.rows("SELECT count(*) FROM sale") == [(1,)]
    done(machine, money(1, rule="oldest"))
    got(machine.do(buy(20_001), "b3"))
    whole(machine)


def test_a_quote_says_so_too(tmp_path: Path) -> None:
    machine = household(tmp_path, rule("energy", block=Blocking(above=0, overdue_days=0)))
    debt(machine, 1)
    with machine.store.reader() as reader:
        found = quote(reader, machine.terms, PHONE, METER, 20_000, "", machine.time.now_us())
    assert isinstance(found, Refusal)
    assert found.code == "sale-blocked"
    assert "1 UGX of energy" in found.operator()


def test_what_is_not_old_enough_does_not_block(tmp_path: Path) -> None:
    machine = household(tmp_path, rule("energy", block=Blocking(above=0, overdue_days=326)))
    debt(machine, 5_000)
    got(machine.do(buy(20_000), "b1"))
    machine.time.at_us += 86_400_000_000
    assert no(machine.do(buy(20_001), "b2")) == "sale-blocked"


def test_a_cheque_opens_nothing_before_it_clears(tmp_path: Path) -> None:
    machine = household(tmp_path, rule("energy", block=Blocking(above=0, overdue_days=0)))
    debt(machine, 5_000)
    cheque = done(machine, money(5_000, way="cheque"))
    assert opens(machine) == {}
    assert no(machine.do(buy(20_000), "b1")) == "sale-blocked"
    agreed(machine, act("clear", payment=cheque["payment"]))
    got(machine.do(buy(20_000), "b2"))
    whole(machine)


def test_a_debt_in_recovery_blocks_where_no_age_is_asked(tmp_path: Path) -> None:
    machine = household(
        tmp_path, rule("seal", take=taking(), block=Blocking(above=2_999, overdue_days=0))
    )
    done(machine, act("fee", fee="seal"))
    assert no(machine.do(buy(20_000), "b1")) == "sale-blocked"


def test_a_fee_raised_in_the_same_batch_is_paid(tmp_path: Path) -> None:
    machine = household(tmp_path, rule("fee", taking()))
    machine.accept(act("fee", fee="visit"), "f1")
    heard = machine.accept(buy(20_000), "b1")
    machine.settle()
    data = got(machine.answer(heard[0].message_id))
    assert {line["code"]: line["amount"] for line in data["lines"]}["visit"] == 11_800
    whole(machine)


def test_a_credit_note_gives_back_what_a_purchase_paid(tmp_path: Path) -> None:
    machine = household(tmp_path, rule("fee", taking()))
    item = done(machine, act("fee", fee="visit"))["item"]
    lines(machine, "b1")
    before = machine.rows("SELECT credit FROM account")[0][0]
    agreed(machine, act("credit-note", items=(item,)))
    assert machine.rows("SELECT credit FROM account") == [(before + 11_800,)]
    whole(machine)


@pytest.mark.parametrize("tender", [20_000, 20_001, 33_333])
def test_lines_and_what_is_carried_forward_are_the_tender(tmp_path: Path, tender: int) -> None:
    machine = household(
        tmp_path,
        rule("energy", taking("percent_of_tender", 12_345_678)),
        rule("fee", taking("percent_of_outstanding", 7 * PERCENT, priority=3)),
    )
    for year, amount in ((2021, 77), (2022, 1_001), (2023, 9_999)):
        debt(machine, amount, year)
    done(machine, act("fee", fee="visit"))
    data = got(machine.do(buy(tender), "b1"))
    assert sum(x["amount"] for x in data["lines"]) + data["carried_forward"] == tender
    whole(machine)


def test_nothing_is_paid_twice_by_two_at_once(tmp_path: Path) -> None:
    machine = household(tmp_path, rule("energy", taking()))
    debt(machine, 3_000)
    heard = [machine.accept(buy(8_000 + n), f"b{n}") for n in range(4)]
    machine.settle()
    for each in heard:
        assert machine.answer(each[0].message_id).outcome == "done"
    assert sum(amount for _, amount in allocated(machine)) == 3_000
    whole(machine)


def rekeyed(machine: Machine) -> None:
    """The data on file were wrong: no meter takes what was made with them."""
    with machine.store.transaction() as tx:
        tx.run("UPDATE meter SET ti = '02'")


def test_a_cancelled_sale_leaves_its_items_and_its_advance_owed(tmp_path: Path) -> None:
    machine = household(
        tmp_path, rule("fee", taking()), operators={**OPERATORS, **ACTING}
    )  # fmt: skip
    done(machine, act("fee", fee="visit"))
    owed = got(ask_advance(machine, "a1", amount=2_000))["owed"]
    before = machine.rows("SELECT period, units_milli, fixed_through FROM agreement_state")
    sale = got(machine.do(buy(20_000), "b1"))
    assert opens(machine) == {}
    rekeyed(machine)
    approved(
        machine, ask("cancel-sale", token=sale["receipt"], evidence="visit: not taken, photo 4")
    )
    assert opens(machine) == {"visit": 11_800}
    assert machine.rows("SELECT outstanding FROM debt") == [(owed,)]
    state = machine.rows("SELECT period, units_milli, fixed_through FROM agreement_state")
    assert state == before
    whole(machine)

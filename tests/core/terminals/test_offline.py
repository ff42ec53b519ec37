"""Bills collected without the line: booked whatever is wrong; and people who close the cases."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from core.queries.agent_days import dues
from tests.core.agents.shop import agreed as approved
from tests.core.agents.shop import ask, float_of, no, opened
from tests.core.collection.desk import act as money_act
from tests.core.collection.desk import yes as money_yes
from tests.core.terminals.till import (
    HOUR_US,
    agreed,
    back,
    cases,
    closing,
    do,
    done,
    item,
    offline,
    settling,
    shop_with_terminal,
    slip,
    sold,
    terminal_act,
    today,
    totals,
    whole,
)
from tests.hub.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = shop_with_terminal(tmp_path)
    agreed(machine, terminal_act("terminal-emergency", limit=10_000, receipts=5))
    return machine


def receipt(machine: Machine, place: int = 0) -> str:
    """A number of the series that the terminal was given."""
    ((first,),) = machine.rows("SELECT first_number FROM terminal_receipts")
    return str(first + place)


def detail(machine: Machine, kind: str = "offline-wrong") -> str:
    rows = machine.rows("SELECT detail FROM terminal_case WHERE kind = :kind", kind=kind)
    return str(rows[-1][0])


def test_by_the_rules_it_is_a_payment_like_any(machine: Machine) -> None:
    asked = offline(machine, 1, 4_000, receipt(machine), made_at=machine.time.at_us - HOUR_US)
    answer = done(machine, asked)
    assert (answer["amount"], answer.get("case")) == (4_000, None)
    assert answer["account"] == "100001"  # which its receipt says
    assert done(machine, asked)["payment"] == answer["payment"]
    assert cases(machine) == []
    assert float_of(machine) == (96_000, 0)
    assert machine.rows("SELECT credit FROM account") == [(4_000,)]
    assert done(machine, settling(machine, totals(1, 4_000)))["balanced"]
    whole(machine)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"receipt": ""}, "receipt (none) was not given"),
        ({"receipt": "99"}, "receipt 99 was not given"),
        ({"receipt": "X-1"}, "receipt X-1 was not given"),
        ({"amount": 10_001}, "10001 on 2026-11-21, the limit is 10000"),
        ({"made_at": 1_700_000_000_000_000}, "made on 2023-11-15"),
        ({"made_at": 40_000_000_000_000_000}, "its clock says 40000000000000000"),
        ({"made_at": -1}, "its clock says -1"),
    ],
)
def test_against_a_rule_it_is_booked_with_a_case(
    machine: Machine, change: dict[str, Any], says: str
) -> None:
    number = change.get("receipt", receipt(machine))
    amount = change.get("amount", 4_000)
    made_at = change.get("made_at", 0)
    answer = done(machine, offline(machine, 1, amount, number, made_at=made_at))
    assert answer["cases"] == ["offline-wrong"]
    assert says in detail(machine)
    assert cases(machine) == [("offline-wrong", amount, "open")]
    assert float_of(machine) == (100_000 - amount, 0)
    whole(machine)


def test_the_limit_is_of_the_day_that_it_was_made(machine: Machine) -> None:
    yesterday = machine.time.at_us - 24 * HOUR_US
    asked = [
        offline(machine, 1, 6_000, receipt(machine, 0)),
        offline(machine, 2, 6_000, receipt(machine, 1), made_at=yesterday),
        offline(machine, 3, 4_000, receipt(machine, 2)),
        offline(machine, 4, 4_001, receipt(machine, 3), made_at=yesterday),
    ]
    heard = [machine.accept(each, f"o{n}", "agent/A1") for n, each in enumerate(asked)]
    machine.settle()
    answers = [machine.answer(each[0].message_id).data for each in heard]
    assert ["case" in answer for answer in answers] == [False, False, False, True]
    assert done(machine, offline(machine, 5, 1, receipt(machine, 4)))["case"]
    whole(machine)


def test_a_receipt_is_used_once(machine: Machine) -> None:
    done(machine, offline(machine, 1, 100, receipt(machine)))
    assert done(machine, offline(machine, 2, 101, f"00{receipt(machine)}"))["case"]
    assert "was used before" in detail(machine)
    done(machine, back(machine, 1))
    assert done(machine, offline(machine, 3, 100, receipt(machine)))["case"]
    whole(machine)


@pytest.mark.parametrize("account", ["100001", "999999"])
@pytest.mark.parametrize("hours", [0, 24])
def test_a_bill_that_is_sent_again_is_booked_once(
    machine: Machine, account: str, hours: int
) -> None:
    """Under another number, or on another day of sending: the receipt says that it is the same."""
    made_at = machine.time.at_us - HOUR_US
    first = offline(machine, 1, 4_000, receipt(machine), made_at=made_at, account=account)
    answer = done(machine, first)
    machine.time.at_us += hours * HOUR_US
    more = {"made_at": made_at, "account": account}
    again = [offline(machine, n, 4_000, f"0{receipt(machine)}", **more) for n in (7, 8)]
    for each in again:
        assert done(machine, each)["payment"] == answer["payment"]
    assert float_of(machine) == (96_000, 0)
    assert machine.rows("SELECT count(*) FROM payment") == [(1,)]
    whole(machine)


@pytest.mark.parametrize("hours", [0, 24, 72])
def test_a_bill_that_is_dated_anew_is_booked_once(machine: Machine, hours: int) -> None:
    """A terminal that writes today's date on whatever it sends: its receipt is of a series."""
    answer = done(machine, offline(machine, 1, 4_000, receipt(machine), made_at=machine.time.at_us))
    machine.time.at_us += hours * HOUR_US
    again = offline(machine, 7, 4_000, receipt(machine), made_at=machine.time.at_us)
    assert done(machine, again)["payment"] == answer["payment"]
    assert cases(machine) == []
    assert float_of(machine) == (96_000, 0)
    whole(machine)


def test_a_bill_that_operators_took_back_is_not_booked_by_coming_again(machine: Machine) -> None:
    payment = done(machine, offline(machine, 1, 4_000, receipt(machine)))["payment"]
    done(machine, money_yes(done(machine, money_act("reverse", payment=payment))["act"]))
    assert item(machine, 1)[0] == "undone"
    assert done(machine, offline(machine, 7, 4_000, receipt(machine)))["payment"] == payment
    assert float_of(machine) == (100_000, 0)
    whole(machine)


@pytest.mark.parametrize(("hours", "payments"), [(0, 1), (24, 2)])
def test_a_receipt_of_no_series_may_come_again_another_day(
    machine: Machine, hours: int, payments: int
) -> None:
    """Some terminals count their receipts anew each day: the customer has paid twice."""
    done(machine, offline(machine, 1, 4_000, "7", made_at=machine.time.at_us))
    machine.time.at_us += hours * HOUR_US
    done(machine, offline(machine, 7, 4_000, "7", made_at=machine.time.at_us))
    assert machine.rows("SELECT count(*) FROM payment") == [(payments,)]
    whole(machine)


@pytest.mark.parametrize("stan", [1, 7])
def test_a_bill_in_suspense_that_comes_again_when_its_account_is_there_is_booked_once(
    machine: Machine, stan: int
) -> None:
    """Collected for an account that was not registered yet; under its number, or another one."""
    first = offline(machine, 1, 4_000, receipt(machine), account="100009")
    answer = done(machine, first)
    assert answer["cases"] == ["suspense"]
    with machine.store.transaction() as tx:
        tx.run("UPDATE account SET number = '100009' WHERE number = '100001'")
    again = offline(machine, stan, 4_000, receipt(machine), account="100009")
    assert done(machine, again)["payment"] == answer["payment"]
    assert no(machine, closing(answer["case"])) == "act-wrong"
    assert done(machine, closing(answer["case"], account="100009"))["state"] == "closed"
    assert done(machine, replace(again, slip=slip(machine, 9, receipt=receipt(machine))))
    assert machine.rows("SELECT count(*) FROM payment") == [(1,)]
    assert float_of(machine) == (96_000, 0)
    whole(machine)


def bound(machine: Machine) -> int:
    """The terminal is agent A2's from now on; when that was."""
    opened(machine, "A2", money=20_000)
    agreed(machine, terminal_act("terminal-bind", agent="A2"))
    machine.time.at_us += HOUR_US
    return machine.time.at_us - HOUR_US


def test_what_was_collected_before_it_was_bound_the_former_agent_owes(machine: Machine) -> None:
    since = bound(machine)
    asked = offline(
        machine, 1, 4_000, receipt(machine), agent="A2", made_at=since - HOUR_US
    )  # it lay in the terminal
    answer = done(machine, asked)
    assert answer["cases"] == ["offline-wrong"]
    assert "it was made before, and agent A1 owes it" in detail(machine)
    assert float_of(machine) == (96_000, 0)
    assert float_of(machine, "A2") == (20_000, 0)
    again = replace(asked, slip=slip(machine, 8, receipt=receipt(machine)))
    assert done(machine, again)["payment"] == answer["payment"]
    after = offline(machine, 2, 3_000, receipt(machine, 1), agent="A2", made_at=since + 1)
    assert "cases" not in done(machine, after)
    assert float_of(machine, "A2") == (17_000, 0)
    whole(machine)


def test_a_receipt_that_was_given_since_is_of_who_has_it_now(machine: Machine) -> None:
    """Whoever turns the clock back does not collect at another one's cost."""
    since = bound(machine)
    agreed(machine, terminal_act("terminal-emergency", limit=10_000, receipts=5))
    ((first,),) = machine.rows("SELECT max(first_number) FROM terminal_receipts")
    done(machine, offline(machine, 1, 4_000, str(first), agent="A2", made_at=since - HOUR_US))
    assert float_of(machine) == (100_000, 0)
    assert float_of(machine, "A2") == (16_000, 0)
    whole(machine)


def test_a_bill_booked_before_it_was_bound_and_sent_again_is_booked_once(machine: Machine) -> None:
    asked = offline(machine, 1, 4_000, receipt(machine), made_at=machine.time.at_us)
    answer = done(machine, asked)
    done(machine, settling(machine, totals(1, 4_000)))
    bound(machine)
    assert done(machine, replace(asked, agent="A2"))["payment"] == answer["payment"]
    assert float_of(machine) == (96_000, 0)
    assert float_of(machine, "A2") == (20_000, 0)
    whole(machine)


def test_a_bill_that_is_sent_twice_in_one_batch_is_booked_once(machine: Machine) -> None:
    both = [offline(machine, n, 4_000, receipt(machine)) for n in (1, 2)]
    heard = [machine.accept(each, f"o{n}", "agent/A1") for n, each in enumerate(both)]
    machine.settle()
    one, two = (machine.answer(each[0].message_id).data for each in heard)
    assert one["payment"] == two["payment"]
    assert float_of(machine) == (96_000, 0)
    whole(machine)


def test_who_may_not_sell_has_collected_all_the_same(machine: Machine) -> None:
    done(machine, ask("block"))
    agreed(machine, terminal_act("terminal-lost"))
    done(machine, offline(machine, 1, 100, receipt(machine)))
    assert detail(machine) == "agent A1 is blocked; terminal T0000001 is lost"
    opened(machine, "A2", money=1_000)
    done(machine, offline(machine, 2, 100, receipt(machine, 1), agent="A2"))
    assert "another agent's" in detail(machine)
    whole(machine)


def test_what_is_no_money_is_refused(machine: Machine) -> None:
    assert no(machine, offline(machine, 1, 0)) == "tender-not-positive"
    assert no(machine, offline(machine, 1, -5)) == "tender-not-positive"
    assert no(machine, offline(machine, 1, 5, currency="KES")) == "currency-wrong"
    assert no(machine, offline(machine, 1, 5, agent="A9")) == "agent-unknown"
    assert no(machine, offline(machine, 1, 5, "9" * 41)) == "slip-wrong"
    done(machine, back(machine, 1))
    assert no(machine, offline(machine, 1, 5)) == "reversed-before"
    done(machine, sold(machine, 2))
    assert no(machine, offline(machine, 2, 5_000)) == "slip-used"
    done(machine, offline(machine, 3, 5, account="999999"))
    assert no(machine, offline(machine, 3, 5, account="888888")) == "slip-used"
    assert no(machine, offline(machine, 3, 5)) == "slip-used"
    whole(machine)


def test_it_can_be_taken_back(machine: Machine) -> None:
    done(machine, offline(machine, 1, 4_000, receipt(machine)))
    assert done(machine, back(machine, 1))["state"] == "reversed"
    assert float_of(machine) == (100_000, 0)
    whole(machine)


def test_what_was_taken_back_before_it_came_is_not_booked(machine: Machine) -> None:
    """The line was down for days: the reversal comes first, and its bill after it."""
    old = today(machine, 3)
    asked = offline(machine, 1, 4_000, receipt(machine))
    asked = replace(asked, slip=replace(asked.slip, day=old))
    assert done(machine, back(machine, 1, day=old)) == {"state": "barred"}
    assert no(machine, asked) == "reversed-before"
    assert float_of(machine) == (100_000, 0)
    whole(machine)


def test_after_the_settlement_it_is_late(machine: Machine) -> None:
    done(machine, settling(machine, totals()))
    done(machine, offline(machine, 1, 100, receipt(machine)))
    assert detail(machine) == "batch 1 was closed before"
    whole(machine)


# --- money without an account ---------------------------------------------------------------------


def suspended(machine: Machine, account: str = "999999") -> int:
    answer = done(machine, offline(machine, 1, 4_000, receipt(machine), account=account))
    assert answer["cases"] == ["suspense"]
    assert float_of(machine) == (96_000, 0)
    return int(answer["case"])


def test_money_for_nobody_waits_until_it_is_known_whose(machine: Machine) -> None:
    case = suspended(machine)
    whole(machine)
    assert no(machine, closing(case)) == "act-wrong"
    assert no(machine, closing(case, account="888888")) == "account-unknown"
    assert no(machine, closing(case, account="100001", reason=" ")) == "act-wrong"
    answer = done(machine, closing(case, account="100001"))
    assert (answer["state"], answer["account"]) == ("closed", "100001")
    assert machine.rows("SELECT credit FROM account") == [(4_000,)]
    assert no(machine, closing(case, account="100001")) == "case-closed"
    whole(machine)
    payment = answer["payment"]
    act = done(machine, money_act("reverse", payment=payment))["act"]
    done(machine, money_yes(act))
    assert machine.rows("SELECT credit FROM account") == [(0,)]
    assert float_of(machine) == (100_000, 0)
    whole(machine)


def test_a_closed_account_takes_no_money(machine: Machine) -> None:
    with machine.store.transaction() as tx:
        tx.run("UPDATE account SET state = 'closed'")
    case = suspended(machine, "100001")
    assert no(machine, closing(case, account="100001")) == "account-closed"
    whole(machine)


def test_money_in_suspense_is_taken_back(machine: Machine) -> None:
    case = suspended(machine)
    assert done(machine, back(machine, 1))["state"] == "reversed"
    assert float_of(machine) == (100_000, 0)
    assert no(machine, closing(case, account="100001")) == "act-wrong"
    assert done(machine, closing(case))["state"] == "closed"
    whole(machine)


# --- more than the float has ----------------------------------------------------------------------


def test_what_the_float_did_not_have_the_agent_owes(tmp_path: Path) -> None:
    machine = shop_with_terminal(tmp_path, money=1_000)
    answer = done(machine, offline(machine, 1, 4_000))
    assert answer["cases"] == ["float-short", "offline-wrong"]
    assert float_of(machine) == (0, 0)
    assert machine.rows("SELECT credit FROM account") == [(4_000,)]
    assert cases(machine)[0] == ("float-short", 3_000, "open")
    whole(machine)
    assert no(machine, closing(answer["case"])) == "float-insufficient"
    (due,) = due_now(machine)
    assert (due.number, due.short, due.in_hand, due.overdue) == ("A1", 3_000, 0, False)
    assert due.since == machine.rows("SELECT opened_at FROM terminal_case LIMIT 1")[0][0]
    machine.time.at_us += 49 * HOUR_US
    assert due_now(machine)[0].overdue
    approved(machine, ask("topup", amount=5_000))
    assert done(machine, closing(answer["case"]))["paid"] == 3_000
    assert due_now(machine) == []
    assert float_of(machine) == (2_000, 0)
    whole(machine)


def due_now(machine: Machine) -> list[Any]:
    """Who owes us, of cash that is due within two days."""
    with machine.store.reader() as reader:
        return dues(reader, "demo", machine.time.at_us, 48)


def test_who_owes_is_paid_nothing_out_and_is_not_closed(tmp_path: Path) -> None:
    machine = shop_with_terminal(tmp_path, money=1_000)
    case = done(machine, offline(machine, 1, 4_000))["case"]
    done(machine, terminal_act("terminal-retire"))
    assert no(machine, ask("close")) == "agent-wrong"
    approved(machine, ask("topup", amount=5_000))
    assert no(machine, ask("withdraw", amount=2_001, way="cash", desk="HQ")) == "agent-wrong"
    approved(machine, ask("withdraw", amount=2_000, way="cash", desk="HQ"))
    assert done(machine, closing(case))["paid"] == 3_000
    approved(machine, ask("close"))
    whole(machine)


def test_who_may_close_what(machine: Machine) -> None:
    case = suspended(machine)
    assert no(machine, closing(case, account="100001", operator="ruth")) == "act-no-role"
    assert no(machine, closing(case, account="100001", operator="nobody")) == "operator-unknown"
    assert no(machine, closing(99)) == "case-unknown"
    done(machine, sold(machine, 2))
    done(machine, back(machine, 2))
    kept = machine.rows("SELECT max(id) FROM terminal_case")[0][0]
    assert no(machine, closing(kept, account="100001")) == "act-wrong"
    assert no(machine, closing(kept, operator="carl")) in ("act-no-role", "operator-unknown")
    assert done(machine, closing(kept, operator="ruth")) == {"case": kept, "state": "closed"}
    whole(machine)


def test_two_close_it_at_once(machine: Machine) -> None:
    case = suspended(machine)
    asked = [closing(case, account="100001"), closing(case, account="100001", reason="again")]
    heard = [machine.accept(each, f"c{n}") for n, each in enumerate(asked)]
    machine.settle()
    codes = [machine.answer(each[0].message_id).code for each in heard]
    assert codes == ["ok", "case-closed"]
    assert do(machine, offline(machine, 9, 1, account="100001")).data["payment"]
    assert item(machine, 9)[0] == "booked"
    assert slip(machine, 9).day == today(machine)
    whole(machine)

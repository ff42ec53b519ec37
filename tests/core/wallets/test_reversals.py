"""What a provider gives back: on our wish, by himself, late, doubled, in part, of nothing."""

from pathlib import Path
from typing import Any

import pytest

from core.messages import Outcome, ReportReversal
from tests.core.collection.desk import credit, debt, opens, whole
from tests.core.wallets.proofs import cases, line, outcomes, states, took
from tests.core.wallets.purse import METER, balance, do, done, held, pay_in, purse, told
from tests.hub.machine import Machine


def report(receipt: str, state: str = "reversed", **more: Any) -> ReportReversal:
    """What the provider says of it."""
    return ReportReversal(wallet="mpesa", receipt=receipt, state=state, **more)  # type: ignore[arg-type]


def refunds(machine: Machine) -> list[tuple[Any, ...]]:
    return machine.rows("SELECT cause, state, amount FROM wallet_refund ORDER BY id")


def later(machine: Machine) -> None:
    """Two hours pass: what was to be tried again is."""
    machine.settle()
    machine.time.at_us += 7_200_000_000
    machine.sweeper.step()
    machine.settle()


def test_what_is_held_and_taken_back_leaves_the_books(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(7_000, "nobody", receipt="A"))
    done(machine, report("A", reversal_receipt="REV"))
    assert (states(machine), refunds(machine)) == (
        {"A": "refunded"}, [("provider", "reversed", 7_000)],
    )  # fmt: skip
    assert held(machine) == [("unknown", "refunded", 0, "")]
    assert balance(machine, "wallet:mpesa") == balance(machine, "suspense:wallet") == 0
    whole(machine)


def test_a_token_that_is_out_is_owed(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(20_000, receipt="A"))
    kept = credit(machine)
    done(machine, report("A"))
    assert states(machine) == {"A": "refunded"}
    assert balance(machine, "wallet:mpesa") == 0
    assert sum(opens(machine).values()) == 20_000 - kept
    assert cases(machine) == [("reversed", "open", 20_000)]
    assert told(machine)[-1][0] == "wallet-taken-back"
    whole(machine)


def test_a_bill_that_was_paid_is_owed_again(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    item = debt(machine, 5_000)
    done(machine, pay_in(5_000, f"ORD {item}", receipt="A"))
    assert opens(machine) == {}
    done(machine, report("A"))
    assert (opens(machine), balance(machine, "wallet:mpesa")) == ({"old-debt": 5_000}, 0)
    whole(machine)


def test_too_little_that_waits_is_taken_back(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(200, receipt="A"))
    done(machine, report("A"))
    assert (held(machine), credit(machine)) == ([("small", "refunded", 0, METER)], 0)
    assert balance(machine, "wallet:mpesa") == 0
    whole(machine)


def test_the_same_report_twice_moves_nothing(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(7_000, "nobody", receipt="A"))
    done(machine, report("A"))
    again = done(machine, report("A"))
    assert (again["repeat"], len(refunds(machine))) == (True, 1)
    late = done(machine, report("A", "failed"))
    assert late["repeat"] is True
    assert states(machine) == {"A": "refunded"}
    whole(machine)


def test_a_part_moves_nothing_before_people_have_looked(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(7_000, "nobody", receipt="A"))
    for _ in range(2):
        assert done(machine, report("A", amount=3_000, currency="UGX"))["differs"] is True
    assert cases(machine) == [("reversal-differs", "open", 4_000)]
    assert (states(machine), balance(machine, "wallet:mpesa")) == ({"A": "applied"}, 7_000)
    whole(machine)


def test_a_reversal_of_nothing_is_a_case_after_a_while(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    heard = machine.accept(report("GHOST", amount=900), "early")
    for _ in range(12):
        later(machine)
    assert cases(machine) == [("reversal-unknown", "open", 900)]
    assert machine.answer(heard[0].message_id).data["known"] is False
    whole(machine)


def test_a_reversal_that_comes_before_its_payment_waits_for_it(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    machine.accept(report("A"), "early")
    machine.settle()
    done(machine, pay_in(7_000, "nobody", receipt="A"))
    later(machine)
    assert (states(machine), cases(machine)) == ({"A": "refunded"}, [])
    whole(machine)


def test_a_statement_tells_of_a_reversal_that_we_missed(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(7_000, "nobody", receipt="A"))
    took(machine, line("A", 7_000), line("REV", -7_000, original="A"))
    assert states(machine) == {"A": "refunded"}
    assert ("REV", "theirs-only", -7_000, 0) in outcomes(machine)
    again = took(machine, line("A", 7_000), line("REV", -7_000, original="A"))
    assert (again["match"], again["theirs-only"]) == (1, 1)
    third = took(machine, line("A", 7_000), line("REV", -7_000, original="A"))
    assert third["repeat"] is True
    whole(machine)


def test_both_lines_of_one_day_that_we_missed(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    took(machine, line("A", 7_000, typed="x"), line("REV", -7_000, original="A"))
    later(machine)
    assert states(machine) == {"A": "refunded"}
    assert balance(machine, "wallet:mpesa") == 0
    whole(machine)


def test_a_payment_that_was_given_back_twice_is_a_case(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(7_000, "nobody", receipt="A"))
    done(machine, report("A", reversal_receipt="R1"))
    done(machine, report("A", reversal_receipt="R1"))
    assert cases(machine) == []
    again = done(machine, report("A", reversal_receipt="R2"))
    assert again["repeat"] is True
    done(machine, report("A", reversal_receipt="R2"))
    assert cases(machine) == [("reversal-differs", "open", 7_000)]
    assert balance(machine, "wallet:mpesa") == 0
    whole(machine)


def test_a_statement_with_two_reversals_of_one_payment_is_a_case(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(7_000, "nobody", receipt="A"))
    done(machine, report("A", reversal_receipt="R1"))
    lines = [line("A", 7_000), *(line(each, -7_000, original="A") for each in ("R1", "R2"))]
    took(machine, *lines)
    found = {row[0]: row[1] for row in outcomes(machine)}
    assert found == {"A": "match", "R1": "match", "R2": "amount-differs"}
    assert cases(machine) == [("reversal-differs", "open", 7_000)]
    whole(machine)


@pytest.mark.parametrize("wallet", ["gold", ""])
def test_a_wallet_that_is_not_ours_is_refused(tmp_path: Path, wallet: str) -> None:
    answer = do(purse(tmp_path), ReportReversal(wallet=wallet, receipt="A", state="reversed"))
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "statement-wrong")

"""Batches of terminals: totals that balance, items uploaded, differences, numbers used anew."""

from pathlib import Path
from typing import Any

import pytest

from tests.core.agents.shop import no, opened, shop_terms
from tests.core.terminals.till import (
    HOUR_US,
    back,
    cases,
    do,
    done,
    item,
    paid,
    registered,
    settling,
    shop_with_terminal,
    sold,
    totals,
    upload,
    whole,
)
from tests.hub.machine import METER, Machine, fresh_sqlite
from tests.hub.remote import RemoteMachine, remote_terms


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return shop_with_terminal(tmp_path)


def a_day(machine: Machine) -> None:
    """Two sales, one of them taken back in vain; two payments, one of them taken back."""
    done(machine, sold(machine, 1, 5_000))
    done(machine, sold(machine, 2, 6_000))
    done(machine, back(machine, 2))
    done(machine, paid(machine, 3, 700))
    done(machine, paid(machine, 4, 800))
    done(machine, back(machine, 4))
    do(machine, sold(machine, 5, 900_000))
    done(machine, back(machine, 6))


OURS = {
    "debits": 4, "debit_amount": 12_500, "debit_reversals": 1, "debit_reversal_amount": 800
}  # fmt: skip


@pytest.mark.parametrize("theirs", [(4, 12_500, 1, 800), (3, 11_700, 0, 0), (5, 13_400, 2, 1_700)])
def test_the_net_balances(machine: Machine, theirs: tuple[int, int, int, int]) -> None:
    """However a terminal counts what it took back: on both sides or on none."""
    a_day(machine)
    asked = settling(machine, totals(*theirs))
    answer = done(machine, asked)
    assert answer == {
        "batch": 1, "balanced": True, "state": "closed", "ours": OURS, "pending": [],
        "differences": 0,
    }  # fmt: skip
    assert done(machine, asked) == answer
    whole(machine)


def test_a_wrong_total_asks_for_the_items(machine: Machine) -> None:
    a_day(machine)
    wrong = totals(4, 12_400, 1, 800)
    answer = done(machine, settling(machine, wrong))
    assert (answer["balanced"], answer["state"], answer["ours"]) == (False, "uploading", OURS)
    assert "differences" not in answer
    for stan, amount, more in (
        (1, 4_900, {}),  # another amount
        (3, 700, {"kind": "payment", "reversed": True}),  # taken back there only
        (4, 800, {"kind": "payment", "reversed": True}),
        (2, 6_000, {"reversed": True}),  # kept: that is a case already
        (5, 900_000, {"reversed": True}),  # came to nothing on both sides
        (77, 1_234, {}),  # we never saw it
        (78, 1_235, {"reversed": True}),
    ):
        sent = upload(machine, stan, amount, **more)
        assert done(machine, sent) == {"batch": 1, "stan": stan}
        assert done(machine, sent) == {"batch": 1, "stan": stan}
    assert no(machine, upload(machine, 1, 4_901)) == "slip-used"
    asked = settling(machine, wrong, uploaded=True)
    answer = done(machine, asked)
    assert (answer["balanced"], answer["state"], answer["differences"]) == (False, "closed", 3)
    assert done(machine, asked) == answer
    assert cases(machine)[1:] == [
        ("amount-differs", 100, "open"),
        ("reversed-differs", 700, "open"),
        ("upload-theirs-only", 1_234, "open"),
    ]
    assert machine.rows("SELECT count(*) FROM terminal_upload") == [(7,)]
    assert no(machine, upload(machine, 9, 1)) == "batch-closed"
    whole(machine)


def test_what_only_we_have(machine: Machine) -> None:
    a_day(machine)
    done(machine, settling(machine, totals()))
    done(machine, upload(machine, 4, 800, kind="payment"))
    answer = done(machine, settling(machine, totals(), uploaded=True))
    assert answer["differences"] == 4
    assert cases(machine)[1:] == [
        ("upload-ours-only", 5_000, "open"),
        ("upload-ours-only", 6_000, "open"),
        ("upload-ours-only", 700, "open"),
        ("reversed-differs", 800, "open"),
    ]
    whole(machine)


def test_what_was_refused_here_and_sold_there(machine: Machine) -> None:
    a_day(machine)
    done(machine, settling(machine, totals(1)))
    for stan, amount in ((1, 5_000), (2, 6_000), (3, 700), (5, 900_000), (6, 40)):
        done(machine, upload(machine, stan, amount))
    answer = done(machine, settling(machine, totals(1), uploaded=True))
    assert answer["differences"] == 2
    assert [kind for kind, _, _ in cases(machine)[1:]] == ["upload-theirs-only"] * 2
    whole(machine)


def test_a_day_of_nothing(machine: Machine) -> None:
    assert done(machine, settling(machine, totals()))["balanced"]
    assert done(machine, settling(machine, totals(), 0))["state"] == "closed"
    whole(machine)


def test_bad_totals(machine: Machine) -> None:
    opened(machine, "A2")
    assert no(machine, settling(machine, totals(-1))) == "slip-wrong"
    assert no(machine, settling(machine, totals(), -1)) == "slip-wrong"
    assert no(machine, settling(machine, totals(), currency="KES")) == "currency-wrong"
    assert no(machine, settling(machine, totals(), agent="A2")) == "terminal-elsewhere"
    assert no(machine, settling(machine, totals(), day=20_260_230)) == "slip-wrong"
    assert no(machine, settling(machine, totals(1, 10**16))) == "slip-wrong"
    assert no(machine, upload(machine, 1, -1)) == "slip-wrong"
    assert no(machine, upload(machine, 1, 10**30)) == "slip-wrong"
    assert done(machine, upload(machine, 1, 1, 9)) == {"batch": 9, "stan": 1}
    assert no(machine, upload(machine, 1, 1, kind="gift")) == "slip-wrong"


def test_more_differences_than_anybody_looks_at(machine: Machine) -> None:
    done(machine, settling(machine, totals(1, 1)))
    for stan in range(1, 54):
        machine.accept(upload(machine, stan, stan), f"u{stan}", "agent/A1")
    machine.settle()
    answer = done(machine, settling(machine, totals(1, 1), uploaded=True))
    assert answer["differences"] == 53
    assert cases(machine)[50:] == [("more", 51 + 52 + 53, "open")]
    whole(machine)


# --- numbers of batches ---------------------------------------------------------------------------


def turns(machine: Machine) -> list[tuple[Any, ...]]:
    return machine.rows(
        "SELECT number, turn, state, our_debits FROM terminal_batch ORDER BY number, turn"
    )


def test_what_comes_after_the_settlement_is_late(machine: Machine) -> None:
    done(machine, sold(machine, 1))
    done(machine, settling(machine, totals(1, 5_000)))
    done(machine, sold(machine, 2))
    assert cases(machine) == [("late-item", 5_000, "open")]
    assert turns(machine) == [(1, 1, "closed", 1)]
    assert no(machine, settling(machine, totals(2, 10_000))) == "batch-closed"
    assert done(machine, settling(machine, totals(1, 5_000)))["balanced"]
    whole(machine)


def test_a_number_begins_anew(machine: Machine) -> None:
    done(machine, sold(machine, 1))
    done(machine, settling(machine, totals(1, 5_000)))
    machine.time.at_us += 3 * HOUR_US
    done(machine, sold(machine, 2))
    done(machine, paid(machine, 3))
    assert done(machine, settling(machine, totals(2, 10_000)))["balanced"]
    assert turns(machine) == [(1, 1, "closed", 1), (1, 2, "closed", 2)]
    machine.time.at_us += 24 * HOUR_US
    assert done(machine, settling(machine, totals()))["balanced"]
    assert turns(machine)[2:] == [(1, 3, "closed", 0)]
    assert cases(machine) == []
    whole(machine)


def test_a_terminal_that_counts_no_batches(machine: Machine) -> None:
    for turn in range(3):
        done(machine, sold(machine, turn, batch=0))
        assert done(machine, settling(machine, totals(1, 5_000), 0))["balanced"]
    assert turns(machine) == [(0, 1 + turn, "closed", 1) for turn in range(3)]
    assert cases(machine) == []
    whole(machine)


def test_a_settled_payment_is_not_taken_back(machine: Machine) -> None:
    done(machine, paid(machine, 1))
    done(machine, settling(machine, totals(1, 5_000)))
    assert done(machine, back(machine, 1))["state"] == "kept"
    assert item(machine, 1) == ("kept", "settled")
    assert cases(machine) == [("kept-payment", 5_000, "open")]
    whole(machine)


def test_all_of_it_in_one_batch(machine: Machine) -> None:
    """Decided together: the settlement sees what stands before it, and not what comes after."""
    asked = [
        sold(machine, 1),
        paid(machine, 2, 700),
        back(machine, 2),
        settling(machine, totals(1, 5_001)),
        upload(machine, 1, 5_001),
        settling(machine, totals(1, 5_001), uploaded=True),
        sold(machine, 3),
    ]
    heard = [machine.accept(each, f"all{n}", "agent/A1") for n, each in enumerate(asked)]
    machine.settle()
    states = [machine.answer(each[0].message_id).data.get("state") for each in heard]
    assert states == [None, None, "reversed", "uploading", None, "closed", None]
    assert [kind for kind, _, _ in cases(machine)] == ["amount-differs", "late-item"]
    whole(machine)


# --- a security module on the network -------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "taken_back", "state", "kinds"),
    [
        ("made", False, "booked", ["late-item"]),
        ("made", True, "kept", ["kept-token"]),
        ("refused", False, "failed", []),
        ("refused", True, "reversed", []),
    ],
)
def test_what_is_not_known_is_named_and_in_no_totals(
    tmp_path: Path, end: Any, taken_back: bool, state: str, kinds: list[str]
) -> None:
    terms = shop_terms()
    ours = {name: getattr(terms, name) for name in ("operators", "collection", "agents")}
    machine = RemoteMachine(fresh_sqlite(tmp_path), remote_terms(**ours))
    machine.open_account()
    opened(machine, money=50_000)
    registered(machine)
    machine.accept(sold(machine, 1, 20_000), "sale", f"meter/{METER}")
    machine.settle()
    done(machine, paid(machine, 2, 100))
    if taken_back:
        done(machine, back(machine, 1))
    answer = done(machine, settling(machine, totals(1, 100)))
    assert (answer["balanced"], answer["pending"]) == (True, [1])
    order = machine.box.orders[0]
    machine.report(order, end, tokens=machine.made(order) if end == "made" else ())
    assert item(machine, 1)[0] == state
    assert [kind for kind, _, _ in cases(machine)] == kinds
    whole(machine)


@pytest.mark.parametrize("batch", [0, 1])
def test_a_settlement_that_is_asked_for_again_the_next_day_has_its_answer(
    machine: Machine, batch: int
) -> None:
    """Nothing was sold since, so the same totals are of the same batch."""
    done(machine, sold(machine, 1, batch=batch))
    first = done(machine, settling(machine, totals(1, 5_000), batch))
    assert first["balanced"]
    machine.time.at_us += 9 * HOUR_US
    machine.time.at_us += 24 * HOUR_US
    assert done(machine, settling(machine, totals(1, 5_000), batch)) == first
    assert machine.rows("SELECT count(*) FROM terminal_batch") == [(1,)]
    assert cases(machine) == []
    whole(machine)

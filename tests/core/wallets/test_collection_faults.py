"""Between paid and vended there is no moment; what other messages did in between is found."""

from pathlib import Path
from typing import Any

import pytest

from core.messages import ReceivePayIn
from core.store.tx import TransientStoreError
from core.wallets.states import WalletState
from hub import failpoints
from hub.worker import StoreAway
from tests.core.agents.shop import RULES, opened, shop_terms
from tests.core.collection.desk import wrongs
from tests.core.wallets.payer import (
    WALLET,
    Purse,
    asked,
    done,
    me,
    no,
    paid,
    purse,
    says,
    vend,
    wallet_terms,
)
from tests.hub.machine import METER, PHONE, FakeTime, enrol, fresh_sqlite
from tests.hub.test_replaying import replayed


@pytest.fixture
def machine(tmp_path: Path) -> Purse:
    return purse(tmp_path)


@pytest.mark.parametrize("point", ["worker.before-decide", "worker.before-commit"])
def test_a_batch_that_does_not_commit_leaves_nothing(
    machine: Purse, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = asked(machine)
    rows = machine.rows("SELECT * FROM wallet_payment")

    def stop(name: str) -> None:
        if name == point:
            raise TransientStoreError("the process is gone")

    machine.accept(paid(reference), "p")
    machine.intake.step()
    with monkeypatch.context() as patched:
        patched.setattr(failpoints, "hit", stop)
        with pytest.raises(StoreAway):
            machine.worker.step()
    assert machine.rows("SELECT * FROM wallet_payment") == rows
    assert machine.ledgers() == {}
    assert machine.rows("SELECT id FROM token") == machine.rows("SELECT id FROM payment") == []
    machine.settle()
    assert machine.payment()["outcome"] == "sold"
    assert len(machine.rows("SELECT id FROM token")) == 1
    assert machine.told() == ["token"]


def test_paid_and_not_booked_is_never_seen(machine: Purse) -> None:
    for number in range(3):
        reference = asked(machine, vend(20_000 + number))
        done(machine, paid(reference, f"R{number}", 20_000 + number))
    seen = machine.rows("SELECT DISTINCT state FROM wallet_payment")
    assert seen == [(WalletState.APPLIED,)]


def test_a_notice_of_the_same_money_as_a_pay_in_comes_after(machine: Purse) -> None:
    reference = asked(machine)
    done(machine, paid(reference))
    books = machine.ledgers()
    said = done(machine, came("R1"))
    assert (said["payment"], said["known"]) == ("W-000001", True)
    assert machine.ledgers() == books


def test_a_notice_of_the_same_money_as_a_pay_in_came_before(machine: Purse) -> None:
    reference = asked(machine)
    assert done(machine, came("R1"))["outcome"] == "sold"
    books = machine.ledgers()
    said = done(machine, paid(reference))
    row = machine.payment()
    assert (row["state"], row["outcome"], row["paid"]) == ("applied", "as-pay-in", 0)
    assert (said["booked_as"], row["about_id"] > 0) == ("W-000002", True)
    assert machine.ledgers() == books
    assert done(machine, paid(reference))["changed"] is False


def test_one_that_nobody_could_be_told_by_its_text_is_what_was_asked_for(machine: Purse) -> None:
    """Our own push, told first as a pay-in with a text that names nobody."""
    reference = asked(machine, vend(payer="+256752000777"))
    assert done(machine, came("R1", typed="W-XX"))["outcome"] == "unknown"
    assert machine.ledgers()["suspense:wallet"] == -20_000
    said = done(machine, paid(reference))
    assert (said["booked_as"], len(said["token"])) == ("W-000002", 20)
    assert machine.payment()["outcome"] == "as-pay-in"
    there = machine.payment("W-000002")
    assert (there["outcome"], there["state"], there["sale_id"] > 0) == ("sold", "applied", True)
    assert machine.ledgers()["wallet:airtel"] == 20_000
    assert "suspense:wallet" not in machine.ledgers()
    assert machine.rows("SELECT state, rest FROM held_money") == [("released", 0)]
    ((phone,),) = machine.rows("SELECT recipient FROM notice WHERE template = 'token'")
    assert phone == PHONE, "whoever bought it hears of it"
    for again in (paid(reference), came("R1", typed="W-XX")):
        done(machine, again)
    assert len(machine.rows("SELECT id FROM token")) == 1


def test_a_collection_that_was_a_pay_in_is_taken_back_there(machine: Purse) -> None:
    reference = asked(machine)
    done(machine, came("R1"))
    done(machine, paid(reference))
    done(machine, says(reference, "reversed", proof="status"))
    machine.settle()
    assert machine.payment("W-000002")["state"] == "refunded"
    assert "wallet:airtel" not in machine.ledgers()
    assert wrongs(machine) == []


def test_a_text_that_named_nobody_and_another_amount_is_a_case(machine: Purse) -> None:
    reference = asked(machine)
    done(machine, came("R1", 19_000, typed="W-XX"))
    done(machine, paid(reference, amount=19_000))
    assert machine.ledgers()["suspense:wallet"] == -19_000
    assert machine.rows("SELECT kind FROM wallet_case") == [("amount-differs",)]
    assert machine.rows("SELECT id FROM token") == []


def test_one_pay_in_is_one_collection(machine: Purse) -> None:
    first, second = asked(machine), asked(machine, vend(another=True))
    done(machine, came("R1", typed="W-XX"))
    done(machine, paid(first))
    done(machine, paid(second))
    assert machine.payment("W-000002")["state"] == "created", "its own money may still come"
    assert machine.rows("SELECT kind FROM wallet_case") == [("receipt-differs",)]
    assert len(machine.rows("SELECT id FROM token")) == 1


def came(receipt: str, amount: int = 20_000, typed: str = METER) -> ReceivePayIn:
    """The provider tells it as money that came by itself."""
    return ReceivePayIn(
        wallet=WALLET, receipt=receipt, amount=amount, currency="UGX", proof="notice",
        typed=typed, payer=PHONE, payer_form="open",
    )  # fmt: skip


def test_two_of_one_batch_with_one_receipt(machine: Purse) -> None:
    first, second = asked(machine), asked(machine, vend(another=True))
    for number, reference in enumerate((first, second, first, second)):
        machine.accept(paid(reference), f"p{number}")
    machine.settle()
    rows = machine.rows("SELECT state, paid FROM wallet_payment ORDER BY id")
    assert rows == [("applied", 20_000), ("created", 0)]
    assert len(machine.rows("SELECT id FROM token")) == 1
    assert len(machine.rows("SELECT id FROM wallet_case")) == 1
    assert wrongs(machine) == []


def test_an_agents_float(tmp_path: Path) -> None:
    from core.messages import RequestCollection

    terms = shop_terms(wallets=wallet_terms())
    assert terms.agents == RULES
    machine = Purse(fresh_sqlite(tmp_path), FakeTime(), terms)
    done(machine, enrol())
    opened(machine)
    before = machine.rows("SELECT balance FROM agent_float")[0][0]
    wish = RequestCollection(
        payer=PHONE, amount=30_000, currency="UGX", purpose="top-up", agent="A1", reply=me()
    )
    reference = asked(machine, wish)
    done(machine, paid(reference, amount=30_000))
    assert machine.rows("SELECT balance FROM agent_float") == [(before + 30_000,)]
    assert machine.payment()["outcome"] == "topped-up"
    done(machine, paid(reference, amount=30_000))
    assert machine.rows("SELECT balance FROM agent_float") == [(before + 30_000,)]
    other = RequestCollection(
        payer=PHONE, amount=30_000, currency="UGX", purpose="top-up", agent="A9", reply=me()
    )
    assert no(machine, other) == "agent-unknown"


def test_replay_makes_the_same_books(machine: Purse) -> None:
    first, second, third, fourth = (asked(machine, vend(20_000 + n)) for n in range(4))
    steps: list[Any] = [
        says(first, "sent"), paid(first), paid(first, "R2"), says(second, "failed"),
        paid(second, "R3", 20_001), paid(third, "R4", 7), paid("nobody", "R5"),
        came("R6", 20_003, typed="W-XX"), paid(fourth, "R6", 20_003),
    ]  # fmt: skip
    for step in steps:
        done(machine, step)
    found, unlike = replayed(machine)
    assert (found.otherwise, unlike) == ([], [])

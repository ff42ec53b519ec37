"""The same money under another key: known by its own number, refused with the first receipt."""

from pathlib import Path

import pytest

from core.messages import Outcome, ReceiveJointPayment, ReceivePayment
from core.messages.base import earlier_fields, hashed_fields
from core.messages.collection import PaymentShare
from core.refusals import operator_sentence
from core.store.tx import DataStoreError
from hub.channel import KeyReused
from hub.envelope import is_payload, payload_hash
from tests.core.collection.desk import (
    act,
    agreed,
    credit,
    desk,
    done,
    money,
    refused,
    whole,
)
from tests.hub.machine import Machine, enrol


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = desk(tmp_path)
    done(machine, enrol("100002", "04123456792", "+256700000002"))
    return machine


def joint(reference: str, **more: str) -> ReceiveJointPayment:
    shares = (PaymentShare(account="100001", amount=1), PaymentShare(account="100002", amount=2))
    return ReceiveJointPayment(shares=shares, amount=3, currency="UGX", reference=reference, **more)


def test_the_same_reference_by_another_key_is_refused_and_names_the_first(
    machine: Machine,
) -> None:
    first = done(machine, money(900, "transfer", reference="FT-1"))["payment"]
    again = money(901, "transfer", account="100002", reference=" FT-1 ")
    answer = refused(machine, again)
    assert (answer.code, answer.args["payment"]) == ("payment-known", first)
    assert f"already, as {first}" in operator_sentence(answer.code, answer.args)
    assert refused(machine, joint("FT-1", way="transfer")).code == "payment-known"
    assert (credit(machine), credit(machine, "100002")) == (900, 0)
    whole(machine)


def test_other_numbers_ways_and_desks_are_other_payments(machine: Machine) -> None:
    for each in (
        money(1, "transfer", reference="7"), money(1, "mobile", reference="7"),
        money(1, "transfer", reference="7", desk="north"), money(1, "transfer", reference="07"),
        money(1, "transfer", reference="a/b"), money(1, "transfer", reference="b", desk="main/a"),
        money(1), money(1), money(1, reference=" "), money(1, reference=" "),
    ):  # fmt: skip
        done(machine, each)
    assert credit(machine) == 10


def test_a_cheque_is_known_by_bank_and_number_at_any_desk(machine: Machine) -> None:
    def cheque(bank: str, number: str, desk: str = "main") -> ReceivePayment:
        return money(5, "cheque", bank=bank, reference=number, desk=desk)

    done(machine, cheque("Stanbic Bank", "000417"))
    assert refused(machine, cheque("stanbic  bank", "417", "north")).code == "payment-known"
    done(machine, cheque("Centenary", "000417"))
    assert refused(machine, cheque("Centenary", "")).code == "payment-wrong", "no number"
    assert refused(machine, joint("417", way="cheque", bank="Centenary")).code == "payment-known"
    whole(machine)


def test_what_came_back_leaves_its_number(machine: Machine) -> None:
    first = done(machine, money(900, "transfer", reference="FT-1"))["payment"]
    agreed(machine, act("reverse", payment=first))
    right = done(machine, money(900, "transfer", account="100002", reference="FT-1"))["payment"]
    assert refused(machine, money(900, "transfer", reference="FT-1")).args["payment"] == right
    cheque = money(50, "cheque", bank="Centenary", reference="9")
    bounced = done(machine, cheque)["payment"]
    done(machine, act("dishonour", payment=bounced))
    done(machine, cheque)  # presented again
    whole(machine)


def test_one_batch_sees_its_own_payments(machine: Machine) -> None:
    heard = [
        machine.accept(money(n, "transfer", account=account, reference="FT-2"), f"b{n}")
        for n, account in ((1, "100001"), (2, "100002"), (3, "100001"))
    ]
    machine.settle()
    outcomes = [machine.answer(each[0].message_id).outcome for each in heard]
    assert outcomes == [Outcome.DONE, Outcome.REFUSED, Outcome.REFUSED]
    whole(machine)


def test_the_database_itself_knows_a_natural_key(machine: Machine) -> None:
    done(machine, money(1, "transfer", reference="A"))
    done(machine, money(1, "transfer", reference="B"))
    with pytest.raises(DataStoreError), machine.store.transaction() as tx:
        tx.run("UPDATE payment SET identity = 'paid/transfer/main/A'")


@pytest.mark.parametrize("change", [{"reference": "other"}, {"desk": "north"}, {"bank": "b"}])
def test_another_number_under_the_same_key_is_an_alarm(
    machine: Machine, change: dict[str, str]
) -> None:
    first = {"reference": "FT-1", "desk": "main"}
    done(machine, money(5, "transfer", **first), "k1")
    heard = machine.accept(money(5, "transfer", **{**first, **change}), "k1")
    machine.settle()
    assert isinstance(heard[0].value, KeyReused)


def test_a_repeat_across_the_upgrade_is_a_repeat(machine: Machine) -> None:
    """What the version before stored hashed fewer fields: an honest repeat is no alarm."""
    paid = money(5, "transfer", reference="FT-1")
    done(machine, paid, "k1")
    (old,) = earlier_fields(paid)
    assert old == [1, "wattbus.billing.ReceivePayment.v1", "100001", 5, "UGX", "transfer"]
    assert hashed_fields(paid)[0] == 2
    with machine.store.transaction() as tx:
        import hashlib

        import msgspec

        stored = hashlib.sha256(msgspec.json.encode(old)).hexdigest()
        assert is_payload(stored, paid)
        assert not is_payload(stored, money(6, "transfer", reference="FT-1"))
        tx.run("UPDATE request SET payload_hash = :hash WHERE key = 'k1'", hash=stored)
    heard = machine.accept(paid, "k1")
    machine.settle()
    assert heard[0].repeat
    assert payload_hash(paid) != stored
    heard = machine.accept(money(6, "transfer", reference="FT-1"), "k1")
    machine.settle()
    assert isinstance(heard[0].value, KeyReused)


def test_lengths_have_a_limit(machine: Machine) -> None:
    assert refused(machine, money(1, reference="x" * 141)).code == "payment-wrong"
    assert refused(machine, money(1, desk="x" * 61)).code == "payment-wrong"

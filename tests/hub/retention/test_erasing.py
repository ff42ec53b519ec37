"""A person is erased everywhere, and money, tokens, proof and replay stay what they were."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.messages import Outcome
from core.store.invariants import offences
from core.store.tables import METADATA
from hub import audit, erasing, erasuredesk
from hub.acts import ActError
from hub.archive import Archive
from hub.control import ControlError
from hub.erasuredesk import ErasureDesk
from hub.operators import Identity
from hub.proof import EVERYTHING, Proof
from hub.pseudonyms import of_person
from hub.replaycompare import differences
from hub.replaying import private_books, replay
from hub.sections import OperatorSection
from hub.timeline import find
from tests.core.wallets import payer
from tests.hub.machine import PHONE, Machine, buy, enrol, fresh_sqlite, pay
from tests.hub.sales import drn_of

NAME = "Okello Daniel"
OTHER = "+256700000002"
PEOPLE = {
    "ann": OperatorSection(roles=["data-protection"]),
    "ben": OperatorSection(roles=["data-protection"]),
    "tom": OperatorSection(roles=["cashier"]),
}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "enrol")
    machine.do(enrol("100002", drn=drn_of(2), phone=OTHER, name="Auma Grace"), "enrol2")
    machine.do(pay(50_000), "pay")
    assert machine.do(buy(50_000), "buy").outcome is Outcome.DONE
    yield machine
    machine.store.close()


def asked(machine: Machine, **request: Any) -> dict[str, Any]:
    """What the desk answers; ControlError is its no."""
    desk = ErasureDesk(
        Identity(PEOPLE, Path), machine.chores, "node1", machine.time.now_us,
        Path(machine.url.removeprefix("sqlite:")).parent / "archive",
    )  # fmt: skip
    heard: list[Any] = []
    whole = {"company": "demo", "reason": "asked by letter 7", "actor": "x", **request}
    desk.erase(whole).addBoth(heard.append)
    machine.chores.step()
    if hasattr(heard[0], "value"):
        raise heard[0].value
    found: dict[str, Any] = heard[0]
    return found


def erase(machine: Machine, kind: str, subject: str) -> dict[str, Any]:
    """``ann`` asks, ``ben`` agrees."""
    number = asked(machine, step="ask", operator="ann", kind=kind, subject=subject)["number"]
    return asked(machine, step="approve", operator="ben", number=number)


def moved_out(machine: Machine) -> None:
    """The second household has no service any more."""
    with machine.store.transaction() as tx:
        tx.run("UPDATE agreement SET to_us = 1795240800000000, state = 'closed' WHERE id = 2")


def places(machine: Machine, *words: str) -> set[str]:
    """Columns of the whole database in which one of the words stands."""
    found = set()
    for table in METADATA.tables.values():
        for column in table.columns:
            if str(column.type) != "TEXT":
                continue
            for (value,) in machine.rows(f'SELECT "{column.name}" FROM {table.name}'):
                if value is not None and any(word in value for word in words):
                    found.add(f"{table.name}.{column.name}")
    return found


def whole(machine: Machine) -> None:
    """The books, the proof of tokens and the balance."""
    with machine.store.reader() as reader:
        assert [*offences(reader, "sqlite")] == []
    proof = Proof(machine.store.reader, EVERYTHING, {"demo": "Africa/Kampala"})
    assert [*proof.run()]
    assert proof.findings.counts == {}
    assert machine.unaccounted() == 0


def replayed(machine: Machine) -> list[Any]:
    with private_books() as books, machine.store.reader() as live:
        found = replay(live, {"demo": machine.terms}, books)
        return [*found.otherwise, *differences(live, books)]


def test_a_phone_is_nowhere_any_more_and_the_books_are_the_same(machine: Machine) -> None:
    kept = [machine.rows(f"SELECT * FROM {t}") for t in ("posting", "token", "ledger_txn")]
    assert len(places(machine, PHONE, PHONE[1:])) > 5
    done = erase(machine, "phone", PHONE)
    assert places(machine, PHONE, PHONE[1:]) == set()
    assert (done["called"][:6], len(done["called"])) == (PHONE[:6], 16)
    assert done["changed"]["sale"] == done["changed"]["phone"] == 1
    assert [machine.rows(f"SELECT * FROM {t}") for t in ("posting", "token", "ledger_txn")] == kept
    assert places(machine, OTHER), "of the other nothing is gone"
    whole(machine)
    assert replayed(machine) == []


def test_who_looks_by_the_pseudonym_finds_the_story(machine: Machine) -> None:
    called = erase(machine, "phone", PHONE)["called"]
    with machine.store.reader() as reader:
        assert find(reader, "demo", "256", called, 10).stories
        assert not find(reader, "demo", "256", PHONE, 10).stories


def test_a_customer_is_nowhere_any_more(machine: Machine) -> None:
    moved_out(machine)
    done = erase(machine, "account", "100002")
    assert done["called"].startswith("Erased ")
    assert places(machine, "Auma Grace", OTHER, OTHER[1:]) == set()
    assert machine.rows("SELECT name FROM customer ORDER BY id") == [
        (NAME,), (done["called"],),
    ]  # fmt: skip
    whole(machine)
    with_agreement = [d for d in replayed(machine) if "agreement" not in str(d)]
    assert with_agreement == []


def test_the_same_person_has_the_same_pseudonym_while_the_key_is_there(machine: Machine) -> None:
    first = erase(machine, "phone", PHONE)["called"]
    with machine.store.transaction() as tx:
        key = erasuredesk._key(tx, "demo")
    assert of_person(key, "demo", PHONE, [PHONE]).phones == {PHONE: first}
    assert of_person(key, "other", PHONE, [PHONE]).phones != {PHONE: first}
    asked(machine, step="forget", operator="ann")
    with pytest.raises(ControlError, match="there is no key"):
        asked(machine, step="forget", operator="ann")
    with machine.store.transaction() as tx:
        assert erasuredesk._key(tx, "demo") != key


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("UPDATE agreement SET to_us = NULL", "an agreement still runs"),
        ("UPDATE account SET credit = 5 WHERE id = 2", "there is credit"),
        (
            "INSERT INTO debt (id, company, agreement_id, code, priority, method, value, "
            "cap_per_sale, outstanding) VALUES (9, 'demo', 2, 'old', 1, 'all', 0, 0, 500)",
            "an open debt",
        ),
        ("UPDATE delivery SET state = 3", "under way or dead"),
        ("UPDATE delivery SET state = 0", "under way or dead"),
        (
            "INSERT INTO phone_account (phone_id, account_id, from_us) VALUES (2, 1, 1)",
            "spends another customer's account",
        ),
        (
            "INSERT INTO deposit (id, company, account_id, kind, held) "
            "VALUES (1, 'demo', 2, 'x', 7)",
            "a deposit is held",
        ),
    ],
)
def test_open_business_refuses_it(machine: Machine, sql: str, sentence: str) -> None:
    moved_out(machine)
    with machine.store.transaction() as tx:
        tx.run(sql)
    with pytest.raises(ControlError, match=sentence):
        asked(machine, step="ask", operator="ann", kind="account", subject="100002")
    assert places(machine, NAME)


def test_it_is_looked_at_again_when_it_is_approved(machine: Machine) -> None:
    moved_out(machine)
    number = asked(machine, step="ask", operator="ann", kind="account", subject="100002")["number"]
    machine.do(pay(1_000, "100002"), "late")
    with pytest.raises(ControlError, match="there is credit"):
        asked(machine, step="approve", operator="ben", number=number)
    asked(machine, step="refuse", operator="ben", number=number)
    with pytest.raises(ControlError, match="waits for a decision"):
        asked(machine, step="approve", operator="ben", number=number)


def test_two_people_with_the_role_are_needed(machine: Machine) -> None:
    for stranger in ("tom", "eve"):
        with pytest.raises(ControlError):
            asked(machine, step="ask", operator=stranger, kind="phone", subject=PHONE)
    number = asked(machine, step="ask", operator="ann", kind="phone", subject=PHONE)["number"]
    with pytest.raises(ControlError, match="another person decides"):
        asked(machine, step="approve", operator="ann", number=number)
    with pytest.raises(ControlError, match="asked for already"):
        asked(machine, step="ask", operator="ben", kind="phone", subject=PHONE)
    with pytest.raises(ActError, match="say why"):
        asked(machine, step="approve", operator="ben", number=number, reason="")
    assert places(machine, PHONE)


def test_the_trail_says_that_and_by_whom_and_not_whom(machine: Machine) -> None:
    erase(machine, "phone", PHONE)
    with machine.store.reader() as reader:
        rows = audit.read(reader)
        (one,) = erasuredesk.listed(reader, "demo", 9)
    assert [(row.act, row.subject) for row in rows] == [
        ("erase-ask", "erasure/demo/1"), ("erase-approve", "erasure/demo/1"),
    ]  # fmt: skip
    assert PHONE[1:] not in "".join(row.detail + row.subject for row in rows)
    assert (one["state"], one["asked_by"], one["decided_by"]) == ("done", "ann", "ben")
    assert all(chain.broken_at is None for chain in audit.verify(rows))


def test_strangers_are_told(machine: Machine) -> None:
    for kind, subject in (("account", "999"), ("phone", "+256799999999"), ("name", NAME)):
        with pytest.raises(ControlError):
            asked(machine, step="ask", operator="ann", kind=kind, subject=subject)


def test_archives_that_were_not_touched_are_counted(machine: Machine, tmp_path: Path) -> None:
    kept = Archive(tmp_path / "archive", "r")
    kept.put("rows", "journal", "2026-01-01", ("id",), [("a",)])
    kept.close()
    assert erase(machine, "phone", PHONE)["archives"] == 1


def test_a_payer_by_wallet_is_nowhere_any_more(tmp_path: Path) -> None:
    machine = payer.purse(tmp_path)
    reference = payer.asked(machine)
    with pytest.raises(ControlError, match="by wallet is not decided"):
        asked(machine, step="ask", operator="ann", kind="phone", subject=PHONE)
    payer.done(machine, payer.paid(reference))
    erase(machine, "phone", PHONE)
    assert places(machine, PHONE, PHONE[1:]) == set()
    whole(machine)
    assert replayed(machine) == []
    machine.store.close()


@pytest.mark.parametrize("state", ["asked", "unknown"])
def test_a_refund_that_may_be_under_way_refuses_it(tmp_path: Path, state: str) -> None:
    machine = payer.purse(tmp_path)
    payer.done(machine, payer.paid(payer.asked(machine)))
    with machine.store.transaction() as tx:
        ((payment, message),) = tx.rows("SELECT id, message_id FROM wallet_payment")
        numbers = {"payment_id": payment, "amount": 1, "id": 1}
        columns = METADATA.tables["wallet_refund"].columns
        row = {c.name: numbers.get(c.name, "" if str(c.type) == "TEXT" else 0) for c in columns} | {
            "company": "demo",
            "state": state,
            "message_id": message,
        }
        tx.insert("wallet_refund", tuple(row), [tuple(row.values())])
    with pytest.raises(ControlError, match="a refund by wallet is not decided"):
        asked(machine, step="ask", operator="ann", kind="phone", subject=PHONE)
    machine.store.close()


def test_too_much_is_no_person(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "MOST_MESSAGES", 1)
    with pytest.raises(ControlError, match="more than 1 messages"):
        asked(machine, step="ask", operator="ann", kind="phone", subject=PHONE)

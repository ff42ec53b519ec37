"""Operators replay, discard and edit; each act is on record, and the balance stays whole."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.messages import (
    AskPayer,
    Message,
    Outcome,
    ReceiveDeposit,
    ReceivePayIn,
    ReceivePayment,
    ReportCollection,
    ReportReversal,
    ReversePayment,
    SettleWallet,
    TakeStatement,
    name_of,
)
from core.messages.base import MessageType, all_types
from core.messages.examples import EXAMPLES
from core.store.tx import DataStoreError
from hub import audit, balance, deadletter, inbox
from hub.acts import EDITABLE, _message
from hub.channel import Failed, KeyReused
from hub.deadletter import ActError, Filter
from hub.envelope import unseal
from tests.hub.machine import METER, PHONE, Machine, buy, enrol, fresh_sqlite, pay

ALICE = {"actor": "alice via wattbus"}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    return machine


def ask(machine: Machine, verb: str, **request: Any) -> Any:
    """Ask the desk and step its chores; the result, or the failure raised."""
    heard: list[Any] = []
    machine.desk.verbs()[verb]({**ALICE, **request}).addBoth(heard.append)
    machine.chores.step()
    (result,) = heard
    if hasattr(result, "raiseException"):
        result.raiseException()
    return result


def kill(machine: Machine, monkeypatch: pytest.MonkeyPatch, key: str = "poison") -> str:
    """A purchase whose handler fails and is dead at once; then the handler is mended."""
    from core.vending import sale

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("a fault of ours")

    with monkeypatch.context() as patched:
        patched.setattr(sale, "price_purchase", broken)
        patched.setattr(inbox, "RETRY_AFTER_S", ())
        heard = machine.accept(buy(), key)
        machine.settle()
    message_id = str(heard[0].message_id)
    assert states(machine, message_id) == ["dead"]
    return message_id


def states(machine: Machine, message_id: str) -> list[str]:
    with machine.store.reader() as reader:
        return [letter.state_name for letter in deadletter.of_message(reader, message_id)]


def trail(machine: Machine) -> list[audit.Row]:
    with machine.store.reader() as reader:
        return audit.read(reader)


def test_a_dead_letter_keeps_its_reason_and_is_listed(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = kill(machine, monkeypatch)
    behind = machine.accept(buy(another=True), "later")
    machine.settle()
    with machine.store.reader() as reader:
        (letter,) = deadletter.listed(reader, Filter(), 10)
        assert deadletter.parked_behind(reader, letter) == 1
        assert deadletter.listed(reader, Filter(handler="vending.credit-vend"), 10) == [letter]
        assert deadletter.listed(reader, Filter(error_class="ValueError"), 10) == []
        assert deadletter.listed(reader, Filter(origin="ussd"), 10) == []
    assert letter.message_id == message_id
    assert (letter.error_class, letter.party) == ("ZeroDivisionError", PHONE)
    assert "a fault of ours" in letter.error
    assert states(machine, behind[0].message_id) == ["parked"]
    assert machine.answer(message_id).outcome is Outcome.UNKNOWN
    assert machine.unaccounted() == 0


def test_the_list_reads_only_what_is_held_back(machine: Machine) -> None:
    plans: list[str] = []

    class Explaining:
        def rows(self, sql: str, /, **params: Any) -> list[tuple[Any, ...]]:
            plans.extend(str(r[3]) for r in machine.rows(f"EXPLAIN QUERY PLAN {sql}", **params))
            return []

    deadletter.listed(Explaining(), Filter(), 10)
    assert any("d USING INDEX ix_delivery_held" in plan for plan in plans), plans
    assert all("SCAN d" not in plan or "ix_delivery_held" in plan for plan in plans), plans


def test_replay_does_it_once_under_its_id_and_releases_what_waited(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = kill(machine, monkeypatch)
    behind = machine.accept(pay(1_000), "later-payment")
    later = machine.accept(buy(another=True), "later")
    machine.settle()
    assert ask(machine, "replay", ids=[message_id]) == {"replayed": [message_id]}
    machine.settle()
    machine.time.at_us += 1_000_000
    machine.sweeper.step()
    machine.settle()
    assert states(machine, message_id) == ["done"]
    assert machine.answer(message_id).outcome is Outcome.DONE
    assert machine.answer(later[0].message_id).outcome is Outcome.DONE
    assert machine.answer(behind[0].message_id).outcome is Outcome.DONE
    assert machine.rows("SELECT count(*) FROM sale") == [(2,)]
    assert machine.unaccounted() == 0
    with pytest.raises(ActError, match="is done; it would have to be retry or dead"):
        ask(machine, "replay", ids=[message_id])
    assert machine.rows("SELECT count(*) FROM sale") == [(2,)]


def test_a_killer_is_replayed_with_its_starts_forgotten(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = kill(machine, monkeypatch)
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET started = 9 WHERE message_id = :id", id=message_id)
    ask(machine, "replay", ids=[message_id])
    rows = machine.rows(
        "SELECT state, attempt, started, due, outcome FROM delivery WHERE message_id = :id",
        id=message_id,
    )
    assert rows == [(0, 0, 0, 0, "")]


def test_a_discarded_command_is_answered_with_a_no(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = kill(machine, monkeypatch)
    ask(machine, "discard", ids=[message_id], reason="customer paid in cash")
    assert states(machine, message_id) == ["done"]
    answer = machine.answer(message_id)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "expired")
    repeat = machine.accept(buy(), "poison")
    machine.settle()
    assert repeat[0].repeat
    assert repeat[0].answer.outcome is Outcome.REFUSED
    with machine.store.reader() as reader:
        lines = {(x.channel, x.handler): x for x in balance.lines(reader)}
    assert lines["sms", "vending.credit-vend"].done == 1
    assert machine.unaccounted() == 0
    (row,) = trail(machine)
    assert (row.actor, row.act, row.subject) == ("alice via wattbus", "discard", message_id)
    assert msgspec.json.decode(row.detail)["reason"] == "customer paid in cash"
    assert machine.rows("SELECT count(*) FROM sale") == [(0,)]


def test_an_edited_command_is_a_new_one_and_its_request_gets_the_new_answer(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = kill(machine, monkeypatch)
    data = {**msgspec.to_builtins(buy()), "tender": 10_000}
    done = ask(machine, "edit", ids=[message_id], data=data, reason="typed a zero too many")
    machine.settle()
    assert done["discarded"] == message_id
    new = done["sent"]
    assert new != message_id
    (row,) = machine.rows("SELECT envelope, causationid FROM message WHERE id = :id", id=new)
    envelope = unseal(row[0])
    assert (envelope.causationid, row[1]) == (message_id, message_id)
    assert (envelope.correlationid, envelope.partitionkey) == (message_id, "demo/100001")
    answer = machine.answer(new)
    assert (answer.outcome, answer.data["tender"]) == (Outcome.DONE, 10_000)
    repeat = machine.accept(buy(), "poison")
    machine.settle()
    assert repeat[0].answer.data["token"] == answer.data["token"]
    (audited,) = trail(machine)
    assert msgspec.json.decode(audited.detail)["changed"] == {"tender": [20_000, 10_000]}
    assert machine.rows("SELECT count(*) FROM sale") == [(1,)]
    assert machine.unaccounted() == 0


def test_an_edit_that_names_another_account_is_ordered_by_that_one(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:

    from core.collection import payments

    machine.do(enrol("100002", drn="01000000008", phone="+256700000002"), "enrol2")
    monkeypatch.setattr(payments, "book", None)
    heard = machine.accept(pay(5_000), "pay2")
    machine.settle()
    monkeypatch.undo()
    message_id = heard[0].message_id
    data = msgspec.to_builtins(ReceivePayment(account="100002", amount=5_000, currency="UGX"))
    new = ask(machine, "edit", ids=[message_id], data=data, reason="wrong account")["sent"]
    machine.settle()
    assert machine.rows("SELECT partitionkey FROM message WHERE id = :id", id=new) == [
        ("demo/100002",)
    ]
    assert machine.answer(new).data["account"] == "100002"


def test_a_notice_that_failed_is_sent_by_a_replay(machine: Machine) -> None:
    machine.channel.results = [Failed("no such number", retry=False)]
    machine.do(buy(), "buy")
    assert machine.rows("SELECT state, detail FROM notice") == [("failed", "no such number")]
    with machine.store.reader() as reader:
        (letter,) = deadletter.listed(reader, Filter(), 10)
    assert letter.handler == "channel:sms"
    ask(machine, "replay", ids=[letter.message_id], reason="number was ported")
    assert machine.rows("SELECT state FROM notice") == [("queued",)]
    machine.outbound.wake("sms")
    machine.settle()
    assert machine.rows("SELECT state FROM notice") == [("sent",)]
    assert machine.unaccounted() == 0


def test_a_notice_that_is_discarded_is_failed_with_its_reason(machine: Machine) -> None:
    machine.channel.results = [Failed("no such number", retry=False)]
    machine.do(buy(), "buy")
    with machine.store.reader() as reader:
        (letter,) = deadletter.listed(reader, Filter(), 10)
    ask(machine, "discard", ids=[letter.message_id], reason="told by phone")
    assert machine.rows("SELECT state, detail FROM notice") == [("failed", "told by phone")]
    assert machine.unaccounted() == 0


@pytest.mark.parametrize(
    ("verb", "request_", "says"),
    [
        ("replay", {"ids": []}, "1 to 200"),
        ("replay", {"ids": ["x"] * 1 + [str(n) for n in range(200)]}, "1 to 200"),
        ("replay", {"ids": "abc"}, "list of message ids"),
        ("replay", {"ids": ["nobody"]}, "no delivery of a message nobody"),
        ("discard", {"ids": ["x"]}, "say why"),
        ("discard", {"ids": ["x"], "reason": "y" * 501}, "at most 500"),
        ("edit", {"ids": ["x", "y"], "reason": "z"}, "one message"),
        ("look", {"what": "show-keys", "reason": "z"}, "show-token"),
        ("look", {"what": "show-token", "reason": " "}, "say why"),
    ],
)
def test_what_cannot_be_asked(
    machine: Machine, verb: str, request_: dict[str, Any], says: str
) -> None:
    with pytest.raises(ActError, match=says):
        ask(machine, verb, **request_)
    assert trail(machine) == []


def test_an_edit_that_is_no_message_changes_nothing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = kill(machine, monkeypatch)
    with pytest.raises(ActError, match="tender"):
        ask(machine, "edit", ids=[message_id], data={"meter": METER}, reason="x")
    assert states(machine, message_id) == ["dead"]
    assert trail(machine) == []
    assert machine.unaccounted() == 0


def test_what_is_no_longer_dead_is_skipped_when_that_is_asked(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = kill(machine, monkeypatch)
    done = ask(machine, "replay", ids=[message_id, "gone"], skip=True)
    assert done == {"replayed": [message_id]}


def test_a_look_under_the_mask_is_on_record(machine: Machine) -> None:
    asked = {"what": "show-token", "subjects": ["DP-00000001"], "reason": "lost slip"}
    assert ask(machine, "look", **asked) == {"recorded": 1}
    (row,) = trail(machine)
    assert (row.act, row.subject) == ("show-token", "DP-00000001")


def test_the_trail_is_chained_and_every_change_shows(machine: Machine) -> None:
    for number in range(4):
        ask(machine, "look", what="show-raw", subjects=[f"j{number}"], reason="why")
    rows = trail(machine)
    assert [row.number for row in rows] == [1, 2, 3, 4]
    (chain,) = audit.verify(rows)
    assert (chain.rows, chain.broken_at, chain.last_seal) == (4, None, rows[-1].seal)
    changed = replace(rows[1], actor="mallory")
    assert audit.verify([rows[0], changed, *rows[2:]])[0].broken_at == 2
    assert audit.verify([rows[0], *rows[2:]])[0].broken_at == 2
    assert audit.verify(rows[1:])[0].broken_at == 1
    resealed = replace(changed, seal=audit.seal_of(changed))
    assert audit.verify([rows[0], resealed, *rows[2:]])[0].broken_at == 3


@pytest.mark.parametrize("sql", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
def test_the_database_refuses_to_change_the_trail(machine: Machine, sql: str) -> None:
    ask(machine, "look", what="show-raw", subjects=["j"], reason="why")
    with pytest.raises(DataStoreError, match="final"), machine.store.transaction() as tx:
        tx.run(sql)
    assert len(trail(machine)) == 1


def test_a_repeat_with_other_content_is_still_refused_after_an_edit(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = kill(machine, monkeypatch)
    data = {**msgspec.to_builtins(buy()), "tender": 10_000}
    ask(machine, "edit", ids=[message_id], data=data, reason="x")
    machine.settle()
    heard = machine.accept(buy(7_000), "poison")
    machine.settle()
    assert isinstance(heard[0].value, KeyReused)


@pytest.mark.parametrize("kind", all_types(), ids=lambda kind: kind.struct.__name__)
def test_only_what_is_listed_is_put_in_other_words(kind: MessageType) -> None:
    """A new message is not editable until somebody lists it: edited, it may be money made up."""
    data = msgspec.to_builtins(EXAMPLES[kind.name])
    if kind.struct in EDITABLE:
        assert _message(kind.name, data) == EXAMPLES[kind.name]
        return
    with pytest.raises(ActError, match="not put in other words"):
        _message(kind.name, data)


def test_money_that_has_come_is_not_thrown_away(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = kill(machine, monkeypatch)
    letter = replace(deadletter_of(machine, message_id), type=name_of(ReceiveDeposit).name)
    monkeypatch.setattr(deadletter, "locked", lambda *_args: [letter])
    with pytest.raises(ActError, match="says that money has come"):
        ask(machine, "discard", ids=[message_id], reason="in the way")
    assert states(machine, message_id) == ["dead"]


@pytest.mark.parametrize(
    "kind",
    [
        *(ReceivePayIn, ReportCollection, ReportReversal, TakeStatement, SettleWallet),
        *(AskPayer, ReversePayment),
    ],
)
def test_what_moves_money_by_wallet_is_not_thrown_away(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, kind: type[Message]
) -> None:
    message_id = kill(machine, monkeypatch)
    letter = replace(deadletter_of(machine, message_id), type=name_of(kind).name)
    monkeypatch.setattr(deadletter, "locked", lambda *_args: [letter])
    with pytest.raises(ActError, match=r"replay it|Replay it"):
        ask(machine, "discard", ids=[message_id], reason="in the way")
    assert states(machine, message_id) == ["dead"]


def deadletter_of(machine: Machine, message_id: str) -> deadletter.DeadLetter:
    with machine.store.reader() as reader:
        (letter,) = deadletter.of_message(reader, message_id)
    return letter

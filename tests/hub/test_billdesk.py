"""Bill runs over the control socket: who may do what, what is begun, what is begun once."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from core.billing.periods import Reported
from core.billing.shapes import BillingError
from core.billing.states import WrongMoveError
from core.messages import BillPartition, BillRunMoved, RunBillPhase, name_of
from hub.billacts import ACTS
from hub.billdesk import phase_of
from hub.billphases import best_size
from hub.control import ControlError, submit
from hub.operators import hashed
from hub.routing import Routing
from hub.sections import OperatorSection
from tests.core.billing.village import approve, planned
from tests.hub.lane import Lane
from tests.hub.machine import fresh_sqlite


@pytest.fixture
def lane(tmp_path: Path) -> Lane:
    return Lane(fresh_sqlite(tmp_path))


def begin(lane: Lane, run: int, what: str = "run", key: str = "k") -> Any:
    return lane.over_the_socket("bill-phase", run=run, what=what, key=key)


def act(lane: Lane, name: str, operator: str = "grace", **data: Any) -> Any:
    return lane.over_the_socket("bill-act", act=name, operator=operator, data=data)


def test_a_run_by_the_socket_alone(lane: Lane) -> None:
    assert act(lane, "plan", period=202610) == {"run": 1, "state": "planned"}
    assert lane.rows("SELECT size FROM bill_run") == [(100,)]
    said = begin(lane, 1)
    assert (said["phase"], said["under_way"], said["answer"]["outcome"]) == (
        "freeze", False, "done"
    )  # fmt: skip
    lane.work()
    act(lane, "approve", "henry", run=1)
    assert begin(lane, 1, "issue", "k2")["phase"] == "issue"
    lane.work()
    assert lane.state(1) == "issued"
    assert act(lane, "reverse", "henry", bill=2)["state"] == "reversed"
    assert act(lane, "close", period=202610) == {"period": 202610, "state": "closed"}
    assert act(lane, "open", period=202611) == {"period": 202611, "state": "open"}
    trail = lane.rows("SELECT act, subject, actor FROM audit ORDER BY number")
    assert [row[:2] for row in trail] == [
        ("bill-run-plan", "run/1"), ("bill-run-run", "run/1"), ("bill-run-approve", "run/1"),
        ("bill-run-issue", "run/1"), ("bill-reverse", "bill/2"),
        ("bill-period-close", "run/0"), ("bill-period-open", "run/0"),
    ]  # fmt: skip
    assert {row[2] for row in trail} == {"grace via test"}
    assert lane.wrongs() == []


def test_a_repeat_under_its_key_is_done_once(lane: Lane) -> None:
    """A plan that was sent twice would be two runs; usage twice, a correction that nobody made."""
    rows = [{"agreement": 1, "first": "2026-10-01", "last": "2026-10-31", "source": "file",
             "estimated": False, "registers": {"units": 9_000}}]  # fmt: skip

    def once(name: str, key: str, operator: str = "grace", **data: Any) -> Any:
        return lane.over_the_socket("bill-act", act=name, operator=operator, key=key, data=data)

    for _ in range(2):
        assert once("plan", "p1", period=202610) == {"run": 1, "state": "planned"}
        assert once("usage", "u1", period=202610, rows=rows) == {"period": 202610, "rows": 1}
    assert lane.rows("SELECT count(*) FROM bill_run") == [(1,)]
    versions = lane.rows("SELECT max(version) FROM bill_usage WHERE agreement_id = 1")
    assert once("plan", "p2", period=202610)["run"] == 2, "another key is another plan"
    for what in ({"due_days": 15}, {"operator": "henry"}):
        with pytest.raises(BillingError, match="something else was done under the key p1"):
            once("plan", "p1", period=202610, **what)
    with pytest.raises(BillingError, match="at most 200"):
        once("plan", "k" * 201, period=202610)
    lane.machine.time.at_us += 86_400_000_000
    assert once("plan", "p1", period=202610)["run"] == 3, "a day later it is not remembered"
    assert lane.rows("SELECT max(version) FROM bill_usage WHERE agreement_id = 1") == versions
    assert lane.wrongs() == []


def test_what_was_refused_under_a_key_may_be_asked_again(lane: Lane) -> None:
    def once() -> Any:
        return lane.over_the_socket(
            "bill-act", act="plan", operator="grace", key="k", data={"period": 202612}
        )

    with pytest.raises(BillingError, match="202612"):
        once()
    act(lane, "open", period=202612)
    assert once()["state"] == "planned"


def test_days_to_pay_have_an_end(lane: Lane) -> None:
    for days in (-1, 366, 10**12):
        with pytest.raises(ControlError, match="due_days"):
            act(lane, "plan", period=202610, due_days=days)
        with pytest.raises(ControlError, match="due_days"):
            act(lane, "change-decide", change=1, due_days=days)


def test_a_phase_that_is_under_way_is_not_begun_again(lane: Lane) -> None:
    run = planned(lane.books)
    begin(lane, run)
    waiting = lane.rows("SELECT count(*) FROM delivery")
    assert begin(lane, run, key="other")["under_way"]
    assert lane.rows("SELECT count(*) FROM delivery") == waiting
    lane.work()
    assert lane.state(run) == "validated"
    with pytest.raises(ControlError, match="calculate is not possible when it is validated"):
        begin(lane, run)


def test_what_was_thrown_away_comes_with_the_next_start(lane: Lane) -> None:
    run = planned(lane.books)
    begin(lane, run)
    with lane.machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET state = 3 WHERE handler = 'billing.partition'")
    ids = [row[0] for row in lane.rows("SELECT message_id FROM delivery WHERE state = 3")]
    heard: list[Any] = []
    lane.machine.desk.discard({"ids": ids, "reason": "a test", "operator": "x"}).addBoth(
        heard.append
    )
    while lane.chores.step():
        pass
    assert len(heard[0]["discarded"]) == 3
    assert lane.work() == 0
    assert lane.state(run) == "planned"
    assert not begin(lane, run, key="again")["under_way"]
    lane.work()
    assert lane.state(run) == "validated"
    assert lane.wrongs() == []


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"run": 9, "what": "run"}, "there is no run 9"),
        ({"run": 1, "what": "issue"}, "issue is not possible when it is planned"),
        ({"run": "1", "what": "run"}, "a bill run has a number"),
        ({"run": 1, "what": "freeze"}, "a bill run has a number"),
        ({"run": 1, "what": "run", "company": "other"}, "run 1 is of demo"),
    ],
)
def test_what_cannot_begin_is_said(lane: Lane, request_: dict[str, Any], said: str) -> None:
    planned(lane.books)
    with pytest.raises(ControlError, match=said):
        lane.over_the_socket("bill-phase", key="k", **request_)
    assert lane.rows("SELECT count(*) FROM delivery") == [(0,)]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("plan", {"period": 202612}, "not open"),
        ("approve", {"run": 7}, "there is no run 7"),
        ("abandon", {"run": 7}, "there is no run 7"),
        ("reverse", {"bill": 7}, "there is no bill 7"),
        ("decide", {"run": 1, "bill": 7, "what": "approve"}, "there is no bill 7"),
        ("decide", {"run": 1, "bill": 7, "what": "issue"}, "what"),
        ("dance", {}, "does one of: open, close"),
        ("open", {"period": "x"}, "period"),
    ],
)
def test_acts_that_cannot_be_are_said(
    lane: Lane, name: str, data: dict[str, Any], said: str
) -> None:
    with pytest.raises((ControlError, BillingError), match=said):
        act(lane, name, **data)


def test_a_run_of_another_company_is_not_there(lane: Lane) -> None:
    planned(lane.books)
    with lane.machine.store.transaction() as tx:
        tx.run("UPDATE bill_run SET company = 'other'")
    for name in "approve", "abandon":
        with pytest.raises(BillingError, match="there is no run 1"):
            act(lane, name, "henry", run=1)


def test_usage_comes_as_a_list(lane: Lane) -> None:
    row = Reported(
        agreement=2, first=date(2026, 10, 1), last=date(2026, 10, 31), registers={"units": 5_000},
        source="clerk",
    )  # fmt: skip
    told = msgspec.to_builtins(ACTS["usage"].told(202610, (row,)))
    assert act(lane, "usage", **told) == {"period": 202610, "rows": 1}
    assert lane.rows("SELECT version, source FROM bill_usage WHERE agreement_id = 2") == [
        (1, "test"), (2, "clerk")
    ]  # fmt: skip


def test_operators_prove_themselves_to_the_hub(tmp_path: Path) -> None:
    roles = {"grace": "collection-supervisor", "henry": "collection-approver"}
    operators = {}
    for name, role in roles.items():
        (tmp_path / name).write_text(hashed(f"{name}'s words"))
        operators[name] = OperatorSection(roles=[role], secret_file=str(tmp_path / name))  # type: ignore[list-item]
    lane = Lane(fresh_sqlite(tmp_path), operators=operators)

    def ask(name: str, operator: str, secret: str, **data: Any) -> Any:
        return lane.over_the_socket(
            "bill-act", act=name, operator=operator, secret=secret, data=data
        )

    for operator, secret, said in (
        ("grace", "wrong words", "not the right passphrase"),
        ("nobody", "x", "unknown"),
        ("henry", "henry's words", "the role collection-supervisor is needed"),
    ):
        with pytest.raises(ControlError, match=said):
            ask("plan", operator, secret, period=202610)
    assert ask("plan", "grace", "grace's words", period=202610)["run"] == 1
    begin(lane, 1)
    lane.work()
    with pytest.raises(ControlError, match="collection-approver is needed"):
        ask("approve", "grace", "grace's words", run=1)
    assert ask("approve", "henry", "henry's words", run=1) == {"run": 1}


def test_what_a_run_says_to_itself_is_not_said_by_hand() -> None:
    for kind, said in (
        (BillPartition, "start it with wattbus billrun"),
        (BillRunMoved, "start it with wattbus billrun"),
        (RunBillPhase, "an operator's act"),
    ):
        request = {"company": "demo", "key": "k", "type": name_of(kind).name, "data": {}}
        heard: list[Any] = []
        ports: dict[str, Any] = {"demo": SimpleNamespace(company=SimpleNamespace(test=False))}
        submit(ports)(request).addBoth(heard.append)
        assert said in str(heard[0].value)


def test_events_are_for_nobody_of_ours() -> None:
    moved = BillRunMoved(
        run=1, phase="issue", state="issued", period=202610, kind="regular", currency="UGX"
    )
    assert Routing().routes("demo", moved) == ()


def test_the_phase_that_a_state_waits_for() -> None:
    assert phase_of("planned", "run").value == "freeze"
    assert phase_of("frozen", "run").value == "calculate"
    assert phase_of("approved", "issue").value == "issue"


def test_partitions_are_small_where_somebody_waits() -> None:
    assert best_size("sqlite:x", "regular") == best_size("postgresql://x", "rebill") == 100
    assert best_size("postgresql://x", "regular") == 1_000


def test_an_issued_run_lets_out_what_was_held(lane: Lane) -> None:
    rules = [{"name": "high", "measure": "consumption", "high": 106_000}]
    act(lane, "plan", period=202610, rules=rules)
    begin(lane, 1)
    lane.work()
    act(lane, "approve", "henry", run=1)
    begin(lane, 1, "issue", "k1")
    lane.work()
    assert lane.rows("SELECT count(*) FROM open_item") == [(6,)]
    assert act(lane, "decide", "henry", run=1, bill=7, what="approve")["state"] == "approved"
    begin(lane, 1, "issue", "k2")
    lane.work()
    assert lane.rows("SELECT count(*) FROM open_item") == [(7,)]
    assert lane.wrongs() == []


def test_approving_twice_is_refused(lane: Lane) -> None:
    run = planned(lane.books)
    begin(lane, run)
    lane.work()
    approve(lane.books, run)
    with pytest.raises(WrongMoveError):
        act(lane, "approve", "henry", run=run)

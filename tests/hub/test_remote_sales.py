"""Sales whose tokens a security module on the network makes: reserved, ordered, ended."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.company import SaleLimits
from core.messages import Answer, FailKeyChange, Outcome, ReportTokens
from core.store import invariants
from core.sts.meter_state import Result
from hub.channel import Accepted
from tests.hub.key_changes import NOW, OPERATORS, campaigned, coded, wanted
from tests.hub.machine import METER, PHONE, Machine, buy, demo_terms, fresh_sqlite
from tests.hub.remote import BOX, RemoteMachine, remote_terms
from tests.hub.sales import set_clock


@pytest.fixture
def machine(tmp_path: Path) -> RemoteMachine:
    made = RemoteMachine(fresh_sqlite(tmp_path))
    made.open_account()
    return made


def bought(machine: RemoteMachine, tender: int = 20_000, key: str = "b1") -> str:
    """A purchase that is ordered; its message's id."""
    heard = machine.accept(buy(tender), key)
    machine.settle()
    assert isinstance(heard[0], Accepted)
    return heard[0].message_id


def stored(machine: RemoteMachine, message_id: str) -> Answer | None:
    (row,) = machine.rows("SELECT answer FROM request WHERE message_id = :m", m=message_id)
    return msgspec.json.decode(row[0], type=Answer) if row[0] else None


def balanced(machine: RemoteMachine) -> None:
    assert machine.unaccounted() == 0
    assert machine.rows("SELECT COALESCE(sum(amount), 0) FROM posting") == [(0,)]
    assert not machine.rows(
        "SELECT a.number FROM account a LEFT JOIN posting p ON p.owner = a.id "
        "AND p.ledger = 'customer-credit' GROUP BY a.id, a.number, a.credit "
        "HAVING a.credit <> -COALESCE(sum(p.amount), 0)"
    )


def test_an_accepted_sale_reserves_and_orders_and_posts_nothing(machine: RemoteMachine) -> None:
    message_id = bought(machine)
    assert machine.sale() == ("issuing", None)
    assert machine.account() == (50_000, 20_000)
    assert stored(machine, message_id) is None  # whoever waits, waits
    assert machine.rows("SELECT count(*) FROM ledger_txn WHERE kind = 'sale'") == [(0,)]
    assert machine.rows("SELECT count(*) FROM token") == [(0,)]
    (order,) = machine.box.orders
    assert (order.module, order.meter, order.sgc, order.reference) == (BOX, METER, NOW, message_id)
    assert order.amount > 0
    assert order.tid > 0
    assert order.change is None
    balanced(machine)


def test_the_token_ends_it_with_receipt_postings_notice_and_answer(machine: RemoteMachine) -> None:
    message_id = bought(machine)
    (order,) = machine.box.orders
    made = machine.made(order)
    machine.report(order, "made", tokens=made)
    state, receipt = machine.sale()
    assert state == "issued"
    assert receipt
    assert machine.account()[1] == 0
    assert machine.account()[0] <= 30_000 + 100  # what no unit could carry came back
    answer = stored(machine, message_id)
    assert answer is not None
    assert answer.outcome is Outcome.DONE
    assert answer.data["token"] == made[0].digits
    assert answer.data["receipt"] == receipt
    assert machine.told()[-1] == "token"
    assert machine.channel.sent[-1].message.args["token"] == made[0].digits  # type: ignore[attr-defined]
    meter = coded()
    assert meter.enter(made[0].digits, machine.time.at_us).result is Result.ACCEPT
    assert machine.rows("SELECT module, made FROM module_log") == [(BOX, 1)]
    balanced(machine)


def test_a_report_that_comes_again_changes_nothing(machine: RemoteMachine) -> None:
    bought(machine)
    (order,) = machine.box.orders
    made = machine.made(order)
    machine.report(order, "made", tokens=made)
    before = machine.rows("SELECT * FROM posting")
    again = ReportTokens(module=BOX, order=order.order, state="made", tokens=made)
    machine.accept(again, "another key", f"meter/{METER}")
    machine.settle()
    assert machine.rows("SELECT * FROM posting") == before
    assert machine.rows("SELECT count(*) FROM token") == [(1,)]


def test_a_sure_no_gives_everything_back(machine: RemoteMachine) -> None:
    before = machine.rows("SELECT period, units_milli, fixed_through FROM agreement_state")
    message_id = bought(machine)
    assert machine.rows("SELECT period, units_milli, fixed_through FROM agreement_state") != before
    (order,) = machine.box.orders
    machine.report(order, "refused", code="module_key_missing", detail="no such key")
    assert machine.sale() == ("failed", None)
    assert machine.account() == (50_000, 0)
    assert machine.rows("SELECT period, units_milli, fixed_through FROM agreement_state") == before
    answer = stored(machine, message_id)
    assert answer is not None
    assert (answer.outcome, answer.code) == (
        Outcome.REFUSED,
        "module-refused",
    )
    assert machine.told()[-1] == "sale-failed"
    balanced(machine)


def test_while_one_is_ordered_the_next_is_refused_and_told_so(machine: RemoteMachine) -> None:
    bought(machine, 20_000)
    answer = machine.do(buy(10_000), "b2")
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "sale-pending")
    assert machine.account() == (50_000, 20_000)
    (order,) = machine.box.orders
    machine.report(order, "made", tokens=machine.made(order))
    bought(machine, 10_000, "b3")
    assert len(machine.box.orders) == 2
    assert machine.box.orders[1].tid > order.tid


def test_in_doubt_the_reservation_stays_and_the_buyer_is_told_once(machine: RemoteMachine) -> None:
    message_id = bought(machine)
    (order,) = machine.box.orders
    machine.report(order, "delayed")
    machine.report(order, "doubtful")
    assert machine.sale() == ("unknown", None)
    assert machine.account() == (50_000, 20_000)
    assert machine.told().count("sale-pending") == 1
    assert stored(machine, message_id) is None
    machine.report(order, "made", tokens=machine.made(order))
    assert machine.sale()[0] == "issued"
    balanced(machine)


@pytest.mark.parametrize("state", ["wrong", "undecided"])
def test_what_is_for_people_keeps_the_money(machine: RemoteMachine, state: str) -> None:
    bought(machine)
    (order,) = machine.box.orders
    machine.report(order, "doubtful")
    machine.report(order, state, detail="drn: asked 1, got 2")
    assert machine.account() == (50_000, 20_000)
    assert machine.rows("SELECT state, detail FROM token_order") == [(state, "drn: asked 1, got 2")]
    machine.report(order, "refused")  # not by the channel any more
    assert machine.rows("SELECT state FROM token_order") == [(state,)]
    assert machine.account() == (50_000, 20_000)


def test_a_report_of_another_module_is_refused(machine: RemoteMachine) -> None:
    bought(machine)
    (order,) = machine.box.orders
    stranger = msgspec.structs.replace(order, module="other")
    machine.report(stranger, "made", tokens=machine.made(order))
    assert machine.sale() == ("issuing", None)


def test_the_key_change_set_is_ordered_with_the_credit(tmp_path: Path) -> None:
    terms = remote_terms(key_changes={NOW: "do"}, operators=OPERATORS, repeat_minutes=0)
    machine = RemoteMachine(fresh_sqlite(tmp_path), terms)
    set_clock(machine, "2036-02-03T09:00:00")
    machine.open_account(1_000_000)
    meter = coded()
    campaigned(machine, wanted(krn=3), "n")  # a new base date: the TIDs begin anew
    bought(machine, 200_000)
    (order,) = machine.box.orders
    assert order.change is not None
    assert (order.change.krn, order.base) == (3, 2035)
    assert machine.rows("SELECT krn, key_change_id > 0 FROM meter") == [(1, 1)]
    made = machine.made(order)
    machine.report(order, "made", tokens=made)
    assert machine.told()[-1] == "token-key-change"
    assert machine.rows("SELECT krn, base_year, last_tid FROM meter") == [(3, 2035, order.tid)]
    assert machine.rows("SELECT state, issued FROM key_change") == [("issued", 1)]
    assert machine.rows("SELECT cause, count(*) FROM token GROUP BY cause ORDER BY cause") == [
        ("key-change", len(made) - 1),
        ("sale", 1),
    ]
    for token in made:
        meter.enter(token.digits, machine.time.at_us)
    assert meter.tenths == order.amount
    assert machine.rows("SELECT module, made FROM module_log") == [(BOX, len(made))]
    bought(machine, 10_000, "b2")
    assert machine.box.orders[1].krn == 3
    assert machine.box.orders[1].change is None
    machine.report(machine.box.orders[1], "made", tokens=machine.made(machine.box.orders[1]))
    assert machine.told()[-1] == "token-key-change-again"


def test_a_refused_order_leaves_the_change_needed(tmp_path: Path) -> None:
    terms = remote_terms(key_changes={NOW: "do"}, operators=OPERATORS, repeat_minutes=0)
    machine = RemoteMachine(fresh_sqlite(tmp_path), terms)
    machine.open_account()
    campaigned(machine, wanted(krn=2), "n")
    bought(machine)
    machine.report(machine.box.orders[0], "refused", code="module_licence")
    assert machine.rows("SELECT krn FROM meter") == [(1,)]
    assert machine.rows("SELECT state FROM key_change") == [("needed",)]
    bought(machine, key="b2")
    order = machine.box.orders[1]
    assert order.change is not None
    assert order.krn == 1


def test_limits_of_the_day_count_what_waits(tmp_path: Path) -> None:
    machine = RemoteMachine(
        fresh_sqlite(tmp_path), remote_terms(limits=SaleLimits(per_day_phone=25_000))
    )
    machine.open_account()
    bought(machine, 20_000)
    second = machine.do(buy(10_000, phone=PHONE), "b2")
    assert second.code in ("sale-pending", "limit-per-day-phone")
    machine.report(machine.box.orders[0], "made", tokens=machine.made(machine.box.orders[0]))
    assert machine.do(buy(10_000), "b3").code == "limit-per-day-phone"


def test_a_set_that_cannot_be_made_yet_does_not_keep_the_light_from_anybody(tmp_path: Path) -> None:
    terms = remote_terms(key_changes={NOW: "do"}, operators=OPERATORS)
    machine = RemoteMachine(fresh_sqlite(tmp_path), terms)
    machine.open_account()
    campaigned(machine, wanted(krn=3), "n")  # its base date is in the future
    bought(machine)
    (order,) = machine.box.orders
    assert order.change is None
    machine.report(order, "made", tokens=machine.made(order))
    assert machine.told()[-1] == "token-key-due"


def test_a_change_is_neither_begun_nor_ended_while_its_set_may_be_made(tmp_path: Path) -> None:
    terms = remote_terms(key_changes={NOW: "do"}, operators=OPERATORS)
    machine = RemoteMachine(fresh_sqlite(tmp_path), terms)
    machine.open_account()
    campaigned(machine, wanted(krn=2), "n")
    bought(machine)
    fail = FailKeyChange(meter=METER, operator="alice", reason="called off")
    assert machine.do(fail, "f").code == "key-change-open"
    assert campaigned(machine, wanted(krn=3), "n2").code == "key-change-open"


def test_a_sale_that_fails_was_no_printing_of_the_set(tmp_path: Path) -> None:
    terms = remote_terms(key_changes={NOW: "do"}, operators=OPERATORS, repeat_minutes=0)
    machine = RemoteMachine(fresh_sqlite(tmp_path), terms)
    machine.open_account(200_000)
    campaigned(machine, wanted(krn=2), "n")
    bought(machine)
    machine.report(machine.box.orders[0], "made", tokens=machine.made(machine.box.orders[0]))
    before = machine.rows("SELECT state, issued, presumed_at FROM key_change")
    machine.time.at_us += 48 * 3_600_000_000
    bought(machine, 10_000, "b2")
    assert machine.rows("SELECT state, issued, presumed_at FROM key_change") != before
    machine.report(machine.box.orders[1], "refused", code="module_licence")
    assert machine.rows("SELECT state, issued, presumed_at FROM key_change") == before


def test_an_order_is_neither_edited_nor_thrown_away(machine: RemoteMachine) -> None:
    bought(machine)
    (id_,) = machine.rows("SELECT message_id FROM delivery WHERE handler = 'channel:box'")[0]
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET state = 3 WHERE message_id = :m", m=id_)
    told: list[Any] = []
    common = {"ids": [id_], "reason": "why not", "actor": "root"}
    machine.desk.discard({**common}).addErrback(lambda f: told.append(str(f.value)))
    machine.desk.edit({**common, "data": {}}).addErrback(lambda f: told.append(str(f.value)))
    machine.settle()
    assert "given up by two people" in told[0]
    assert "not put in other words" in told[1]
    assert machine.rows("SELECT state FROM delivery WHERE message_id = :m", m=id_) == [(3,)]


def test_an_order_is_seen_when_its_supply_group_has_moved(tmp_path: Path) -> None:
    """The configuration says built-in now; what was ordered at the box is still waited for."""
    url = fresh_sqlite(tmp_path)
    machine = RemoteMachine(url)
    machine.open_account()
    bought(machine)
    machine.store.close()
    later = Machine(url, machine.time, demo_terms(boxes=(BOX,)))
    assert later.do(buy(10_000), "b2").code == "sale-pending"


def test_a_debt_that_a_waiting_sale_pays_is_in_the_books_all_the_time(
    machine: RemoteMachine,
) -> None:
    """Taken down when the token is ordered, posted when it has come: no invariant is broken."""

    def offences() -> list[Any]:
        with machine.store.reader() as reader:
            return list(invariants.offences(reader, "sqlite"))

    with machine.store.transaction() as tx:
        row = {"id": 999, "company": "demo", "kind": "charge", "currency": "UGX", "message_id": "x"}
        tx.insert("ledger_txn", (*row, "at"), [(*row.values(), 1)])
        account = machine.rows("SELECT id FROM account")[0][0]
        lines = [(999, 1, "receivable:fine", account, 9_000), (999, 2, "revenue:fine", 0, -9_000)]
        tx.insert("posting", ("txn_id", "line", "ledger", "owner", "amount"), lines)
        agreement = machine.rows("SELECT id FROM agreement")[0][0]
        debt = {"id": 1, "company": "demo", "agreement_id": agreement, "code": "fine"}
        debt |= {"priority": 1, "method": "all", "value": 0, "cap_per_sale": 0}
        tx.insert("debt", (*debt, "outstanding"), [(*debt.values(), 9_000)])
    assert offences() == []
    bought(machine)
    assert machine.rows("SELECT outstanding FROM debt") == [(0,)]
    assert offences() == []
    machine.report(machine.box.orders[0], "refused", code="module_licence")
    assert machine.rows("SELECT outstanding FROM debt") == [(9_000,)]
    assert offences() == []
    bought(machine, key="b2")
    machine.report(machine.box.orders[1], "made", tokens=machine.made(machine.box.orders[1]))
    assert machine.rows("SELECT outstanding FROM debt") == [(0,)]
    assert offences() == []

"""A sale is cancelled: everything of it goes back, nothing of any other sale."""

from dataclasses import replace as changed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.company import Operator
from core.messages import AskLastTokens, Outcome
from tests.hub.acting import ALL, OPERATORS, acting, approved, ask, decide, sold, whole
from tests.hub.machine import METER, PHONE, Machine, buy, enrol, pay
from tests.hub.sales import change, drn_of, owe, refused, set_clock
from tests.scratch import in_memory

VISIT = "visit: the meter has not taken it, photo 4"
STATE = "SELECT period, units_milli, fixed_through FROM agreement_state"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = acting(tmp_path)
    machine.do(pay(100_000), "more")
    return machine


def cancelling(sale: dict[str, Any], **changes: Any) -> Any:
    return ask("cancel-sale", **{"token": sale["receipt"], "evidence": VISIT, **changes})


def rekeyed(machine: Machine, ti: str = "02") -> None:
    """The data on file were wrong: the meter reads nothing that was made with them."""
    change(machine, "UPDATE meter SET ti = :ti", ti=ti)


def standing(machine: Machine) -> tuple[Any, ...]:
    """All that the next sale is priced on, and what can be spent."""
    return (
        machine.rows(STATE),
        machine.rows("SELECT id, outstanding FROM debt ORDER BY id"),
        machine.rows("SELECT number, credit, reserved FROM account ORDER BY id"),
    )


def test_everything_of_the_sale_goes_back(machine: Machine) -> None:
    before = standing(machine)
    sale = sold(machine)
    rekeyed(machine)
    answer = approved(machine, cancelling(sale))
    assert (answer.data["amount"], answer.data["state"]) == (20_000, "done")
    assert standing(machine) == before
    mirrored = machine.rows(
        "SELECT p.line, p.ledger, p.owner, -p.amount FROM posting p JOIN ledger_txn t "
        "ON t.id = p.txn_id WHERE t.kind = 'sale-cancelled' ORDER BY p.line"
    )
    posted = machine.rows(
        "SELECT p.line, p.ledger, p.owner, p.amount FROM posting p JOIN ledger_txn t "
        "ON t.id = p.txn_id WHERE t.kind = 'sale' ORDER BY p.line"
    )
    assert mirrored == posted
    assert len(posted) > 2
    whole(machine)


def test_the_next_purchase_is_priced_as_if_it_had_not_been(machine: Machine) -> None:
    first = sold(machine)
    rekeyed(machine)
    approved(machine, cancelling(first))
    again = sold(machine, key="again")
    assert (again["lines"], again["units_tenths"]) == (first["lines"], first["units_tenths"])
    whole(machine)


def test_its_token_is_not_shown_again(machine: Machine) -> None:
    sale = sold(machine)
    rekeyed(machine)
    approved(machine, cancelling(sale))
    answer = machine.do(AskLastTokens(phone=PHONE), "last")
    assert not answer.data.get("sales")
    for kind in ("reprint", "replacement"):
        refused(machine.do(ask(kind, token=sale["receipt"]), kind), "act-not-possible")


def test_a_later_sale_keeps_its_price_and_the_next_takes_its_place(machine: Machine) -> None:
    first = sold(machine, 20_000)
    later = sold(machine, 10_000, "later")
    rekeyed(machine)
    approved(machine, cancelling(first))
    ((_, units, through),) = machine.rows(STATE)
    assert (units, through) == (later["units_tenths"] * 100, 0), "the month is due again"
    assert machine.rows("SELECT lines FROM sale WHERE id = 2") != []
    third = sold(machine, 20_000, "third")
    assert {"service"} & {line["code"] for line in third["lines"]}
    whole(machine)


def test_debts_are_owed_again(machine: Machine) -> None:
    owe(machine, "100001", *[
        {"code": code, "method": "all", "outstanding": 3_000} for code in ("meter", "fine")
    ])  # fmt: skip
    sale = sold(machine)
    assert machine.rows("SELECT sum(outstanding) FROM debt") == [(0,)]
    rekeyed(machine)
    approved(machine, cancelling(sale))
    assert machine.rows("SELECT outstanding FROM debt ORDER BY id") == [(3_000,), (3_000,)]
    mirrored = machine.rows(
        "SELECT p.ledger, p.amount FROM posting p JOIN ledger_txn t ON t.id = p.txn_id "
        "WHERE t.kind = 'sale-cancelled' AND p.ledger LIKE 'receivable:%' ORDER BY p.ledger"
    )
    assert mirrored == [("receivable:fine", 3_000), ("receivable:meter", 3_000)]


@pytest.mark.parametrize("evidence", ["", "he says so", "photo: of a slip"])
def test_without_proof_there_is_no_cancelling(machine: Machine, evidence: str) -> None:
    sale = sold(machine)
    rekeyed(machine)
    refused(machine.do(cancelling(sale, evidence=evidence), "a"), "act-evidence-missing")


def test_digits_that_the_meter_can_take_are_money(machine: Machine) -> None:
    sale = sold(machine)
    refused(machine.do(cancelling(sale), "a1"), "act-not-possible")
    returned = cancelling(sale, evidence="returned: in the store, number 9")
    approved(machine, returned, "a2")
    whole(machine)


def test_it_is_cancelled_once(machine: Machine) -> None:
    sale = sold(machine)
    rekeyed(machine)
    acts = [machine.do(cancelling(sale), f"a{n}").data["act"] for n in (1, 2)]
    heard = [machine.accept(decide(act), f"d{act}") for act in acts]
    machine.settle()
    codes = [machine.answer(each[0].message_id).code for each in heard]
    assert codes == ["ok", "act-not-possible"]
    refused(machine.do(cancelling(sale), "a3"), "act-not-possible")
    whole(machine)


def test_two_people_and_the_limit_of_the_day(machine: Machine) -> None:
    sale = sold(machine)
    rekeyed(machine)
    refused(machine.do(cancelling(sale, operator="peter"), "a1"), "act-no-role")
    act = machine.do(cancelling(sale), "a2").data["act"]
    refused(machine.do(decide(act, operator="mary"), "a3"), "act-same-person")
    assert machine.rows("SELECT count(*) FROM ledger_txn WHERE kind = 'sale-cancelled'") == [(0,)]


def test_a_token_that_was_not_sold_is_not_cancelled(machine: Machine) -> None:
    gift = approved(machine, ask("free-issue", units_tenths=300), "gift").data
    rekeyed(machine)
    asked = ask("cancel-sale", token=gift["token"], evidence=VISIT)
    refused(machine.do(asked, "a"), "act-not-possible")


def test_what_stands_for_it_by_now_is_not_cancelled(machine: Machine) -> None:
    sale = sold(machine)
    rekeyed(machine)
    new = approved(machine, ask("replacement", token=sale["receipt"]), "new").data["token"]
    refused(machine.do(cancelling(sale), "a1"), "act-not-possible")
    refused(machine.do(cancelling(sale, token=new), "a2"), "act-not-possible")


def test_after_a_refund_there_is_nothing_to_cancel(machine: Machine) -> None:
    sale = sold(machine)
    paid = ask("refund", units_tenths=sale["units_tenths"])
    act = approved(machine, paid, "refund").data["act"]
    assert machine.do(decide(act, "confirm"), "confirm").outcome == Outcome.DONE
    rekeyed(machine)
    refused(machine.do(cancelling(sale), "a"), "act-not-possible")
    whole(machine)


def test_a_cancelled_sale_is_not_refunded(machine: Machine) -> None:
    sale = sold(machine)
    rekeyed(machine)
    approved(machine, cancelling(sale))
    asked = ask("refund", units_tenths=sale["units_tenths"])
    refused(machine.do(asked, "r"), "act-not-possible")


def test_what_was_carried_forward_to_another_must_still_be_there(machine: Machine) -> None:
    other = drn_of(9)
    machine.do(enrol("100002", other, "+256700000002"), "e2")
    answer = machine.do(buy(20_000, meter=other, holder_confirmed=True), "for another")
    assert answer.outcome == Outcome.DONE, answer
    sale = dict(answer.data)
    rekeyed(machine)
    carried = sale["carried_forward"]
    assert carried > 0
    change(machine, "UPDATE account SET reserved = credit WHERE number = '100002'")
    refused(machine.do(cancelling(sale, meter=other), "a1"), "act-not-possible")
    change(machine, "UPDATE account SET reserved = 0 WHERE number = '100002'")
    approved(machine, cancelling(sale, meter=other), "a2")
    assert machine.rows("SELECT number, credit FROM account ORDER BY number") == [
        ("100001", 200_000),
        ("100002", 0),
    ]
    whole(machine)


def test_a_month_between_cannot_become_due_again(machine: Machine) -> None:
    set_clock(machine, "2026-11-30T10:00:00")
    first = sold(machine, key="november")
    set_clock(machine, "2026-12-01T10:00:00")
    later = sold(machine, key="december")
    rekeyed(machine)
    args = refused(machine.do(cancelling(first), "a1"), "act-not-possible")
    assert "later months" in args["why"]
    approved(machine, cancelling(later), "a2")
    approved(machine, cancelling(first), "a3")
    assert machine.rows("SELECT credit FROM account") == [(200_000,)]
    ((_, _, through),) = machine.rows(STATE)
    assert through == 0
    whole(machine)


def test_a_meter_of_another_account_is_not_meant(machine: Machine) -> None:
    sale = sold(machine)
    other = drn_of(9)
    machine.do(enrol("100002", other, "+256700000002"), "e2")
    refused(machine.do(cancelling(sale, meter=other), "a1"), "act-token-unknown")
    refused(machine.do(ask("cancel-sale", meter=METER, evidence=VISIT), "a2"), "act-wrong")


# --- at random -----------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("sell"), st.integers(4_000, 30_000)),
        st.tuples(st.just("cancel"), st.integers(0, 5)),
        st.tuples(st.just("newest"), st.just(0)),
        st.tuples(st.just("month"), st.just(0)),
    ),
    min_size=3,
    max_size=9,
)
DEBTS = {"meter": 9_000, "wire": 20_000}


class Story:
    """Sales and cancellations of one account, and what must be left of them."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.live: list[dict[str, Any]] = []
        self.before: list[Any] = []  # what stood before each live sale, while it is the newest
        self.month = 11
        machine.do(pay(900_000), "plenty")
        debts = [{"code": c, "method": "percent_of_tender", "outstanding": amount,
                  "value": 20_000_000} for c, amount in DEBTS.items()]  # fmt: skip
        owe(machine, "100001", *debts)
        ((account,),) = machine.rows("SELECT id FROM account")
        with machine.store.transaction() as tx:
            names = ("id", "company", "kind", "currency", "message_id", "at")
            tx.insert("ledger_txn", names, [(9_999, "demo", "opening", "UGX", "old", 1)])
            rows = [("receivable:" + c, account, a) for c, a in DEBTS.items()]
            rows.append(("opening:debts", 0, -sum(DEBTS.values())))
            tx.insert(
                "posting",
                ("txn_id", "line", "ledger", "owner", "amount"),
                [(9_999, line, *row) for line, row in enumerate(rows, 1)],
            )

    def step(self, number: int, what: str, value: int) -> None:
        if what == "month":
            self.month += 1
            year, month = divmod(self.month - 1, 12)
            set_clock(self.machine, f"{2026 + year}-{month + 1:02d}-15T10:00:00")
        elif what == "sell":
            stands = standing(self.machine)
            answer = self.machine.do(buy(value, another=True), f"s{number}")
            if answer.outcome == Outcome.DONE:
                self.live.append(dict(answer.data))
                self.before.append(stands)
        elif self.live:
            place = -1 if what == "newest" else value % len(self.live)
            self.cancel(number, place % len(self.live))

    def cancel(self, number: int, place: int) -> None:
        sale = self.live[place]
        asked = cancelling(sale, evidence="returned: in the store")
        answer = self.machine.do(asked, f"c{number}")
        if answer.outcome != Outcome.DONE:
            assert answer.code == "act-not-possible", answer
            assert place < len(self.live) - 1, "nothing stands upon the newest sale"
            return
        assert self.machine.do(decide(answer.data["act"]), f"d{number}").outcome == Outcome.DONE
        newest = place == len(self.live) - 1
        stands = self.before[place]
        del self.live[place], self.before[place]
        if newest and stands is not None:
            assert standing(self.machine) == stands, "as if it had not been"
        self.before = [*self.before[:place], *[None] * (len(self.live) - place)]

    def agree(self) -> None:
        """What is left is what the live sales took."""
        lines = [line for sale in self.live for line in sale["lines"]]
        for code, outstanding in self.machine.rows("SELECT code, outstanding FROM debt"):
            paid = sum(line["amount"] for line in lines if line["code"] == code)
            assert outstanding == DEBTS[code] - paid >= 0
        spent = sum(sale["tender"] - sale["carried_forward"] for sale in self.live)
        assert self.machine.rows("SELECT credit FROM account") == [(1_100_000 - spent,)]
        ((period, units, _),) = self.machine.rows(STATE)
        told = self.machine.rows(
            "SELECT COALESCE(sum(s.units_tenths), 0) FROM sale s JOIN token k ON k.cause = 'sale' "
            "AND k.cause_id = s.id LEFT JOIN token_void v ON v.token_id = k.id "
            "WHERE v.act_id IS NULL AND s.period = :period",
            period=period,
        )
        assert told == [(units // 100,)]
        whole(self.machine)


@settings(max_examples=12, deadline=None)
@given(steps=STEPS)
def test_whatever_is_sold_and_cancelled_what_is_left_is_what_the_others_took(
    steps: list[tuple[str, int]],
) -> None:
    with TemporaryDirectory(dir=in_memory()) as folder:
        operators = {**OPERATORS, "mary": Operator(ALL, refund_per_day=10**9, acts_per_day=1_000)}
        machine = acting(Path(folder))
        machine.worker.batch.terms = {"demo": changed(machine.terms, operators=operators)}
        machine.do(pay(100_000), "more")
        set_clock(machine, "2026-11-22T10:00:00")
        story = Story(machine)
        for number, (what, value) in enumerate(steps):
            story.step(number, what, value)
        story.agree()
        machine.store.close()

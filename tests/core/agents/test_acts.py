"""What operators do with agents: two people where money or a limit is concerned, nothing twice."""

from pathlib import Path
from typing import Any

import pytest

from core.messages import Outcome
from core.queries.agent_books import statement_of
from core.queries.agents import agents_of
from hub.channel import Accepted
from tests.core.agents.shop import (
    agreed,
    ask,
    collect,
    deposit,
    do,
    done,
    float_of,
    no,
    opened,
    sell,
    shop,
    whole,
    yes,
)
from tests.core.collection.desk import act as money_act
from tests.core.collection.desk import yes as money_yes
from tests.hub.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return shop(tmp_path)


def test_an_agent_is_there_when_two_agree(machine: Machine) -> None:
    waiting = done(machine, ask("enrol", name="Shop"))
    assert machine.rows("SELECT count(*) FROM agent") == [(0,)]
    assert do(machine, yes(waiting["act"], "ruth")).code == "act-no-role"
    enrolled = done(machine, yes(waiting["act"]))
    assert (enrolled["agent"], enrolled["balance"]) == ("A1", 0)
    assert do(machine, yes(waiting["act"])).code == "act-not-open"
    assert no(machine, ask("enrol", name="Other")) == "agent-wrong"
    # no account has its number: a posting's owner is one or the other
    assert machine.rows("SELECT count(*) FROM agent g JOIN account a ON a.id = g.id") == [(0,)]
    whole(machine)


@pytest.mark.parametrize(
    ("agent", "changes"),
    [
        ("", {}),
        ("a b", {}),
        ("A2", {"name": ""}),
        ("A2", {"agent_kind": "shop"}),
        ("A2", {"mode": "post-settled"}),
        ("A2", {"credit_limit": 5}),
        ("A2", {"mode": "post-settled", "credit_limit": -5}),
        ("A2", {"phone": "0700"}),
        ("A2", {"commission": "none-such"}),
        ("A2", {"services": ("heat",)}),
        ("A2", {"supply_groups": ("12",)}),
        ("A2", {"daily_limit": 10**16}),
        ("A2", {"language": "de"}),
    ],
)
def test_what_is_wrong_with_an_enrolment(
    machine: Machine, agent: str, changes: dict[str, Any]
) -> None:
    assert no(machine, ask("enrol", agent, **{"name": "X", **changes})) == "agent-wrong"


def test_who_may_not_ask(machine: Machine) -> None:
    assert no(machine, ask("enrol", name="X", operator="sam")) == "act-no-role"
    assert no(machine, ask("enrol", name="X", operator="nobody")) == "operator-unknown"
    assert no(machine, ask("enrol", name="X", reason=" ")) == "act-wrong"
    assert no(machine, ask("none-such")) == "act-wrong"
    opened(machine)
    assert no(machine, ask("topup", amount=5, evidence="")) == "act-wrong"


def test_a_top_up_waits_for_the_second_person(machine: Machine) -> None:
    opened(machine)
    waiting = done(machine, ask("topup", amount=5_000))
    assert float_of(machine) == (0, 0)
    done(machine, yes(waiting["act"]))
    assert float_of(machine) == (5_000, 0)
    lapsed = done(machine, ask("topup", amount=5_000))
    machine.time.at_us += 25 * 3_600_000_000
    assert do(machine, yes(lapsed["act"])).code == "act-expired"
    refused = done(machine, ask("topup", amount=5_000))
    done(machine, yes(refused["act"], decision="reject"))
    assert float_of(machine) == (5_000, 0)
    whole(machine)


@pytest.mark.parametrize("amount", [0, -1, 10**16])
def test_no_top_up_of_nothing(machine: Machine, amount: int) -> None:
    opened(machine)
    assert no(machine, ask("topup", amount=amount)) in ("tender-not-positive", "agent-wrong")
    assert no(machine, deposit(amount, "R1")) in ("tender-not-positive", "agent-wrong")


@pytest.mark.parametrize(
    "place", [{"way": "cheque"}, {"way": "float"}, {"desk": ""}, {"desk": "a:b"}]
)
def test_money_comes_by_a_way_that_is_one(machine: Machine, place: dict[str, str]) -> None:
    opened(machine)
    assert no(machine, ask("topup", amount=5, **place)) == "agent-wrong"


def test_a_banks_reference_counts_once(machine: Machine) -> None:
    opened(machine)
    opened(machine, "A2")
    done(machine, deposit(9_000, "FT1"), "bank/FT1")
    done(machine, deposit(9_000, "FT1"), "bank/FT1")  # the same message again
    assert no(machine, deposit(9_000, "FT1")) == "agent-wrong"
    assert no(machine, deposit(9_000, "FT1", "A2")) == "agent-wrong"
    assert no(machine, ask("topup", amount=9_000, reference="FT1")) == "agent-wrong"
    assert no(machine, deposit(9_000, " ")) == "agent-wrong"
    assert no(machine, deposit(9_000, "FT2", currency="KES")) == "currency-wrong"
    assert (float_of(machine), float_of(machine, "A2")) == ((9_000, 0), (0, 0))
    whole(machine)


def test_a_reference_that_two_approve_counts_once(machine: Machine) -> None:
    """Asked for twice before either is approved, and a bank's word between; in one batch."""
    opened(machine)
    acts = [done(machine, ask("topup", amount=9_000, reference="FT1"))["act"] for _ in range(2)]
    asked = [*(yes(act) for act in acts), deposit(9_000, "FT1")]
    heard = [machine.accept(each, f"r{n}") for n, each in enumerate(asked)]
    machine.settle()
    assert all(isinstance(each[0], Accepted) for each in heard)
    answers = [machine.answer(each[0].message_id) for each in heard]
    assert [a.outcome for a in answers].count(Outcome.DONE) == 1
    assert float_of(machine) == (9_000, 0)
    whole(machine)


def test_transfers_stay_within_a_tree(machine: Machine) -> None:
    opened(machine, money=50_000)
    opened(machine, "A2", parent="A1")
    opened(machine, "A3", parent="A1")
    opened(machine, "B1")
    agreed(machine, ask("transfer", other="A2", amount=20_000))
    agreed(machine, ask("transfer", "A2", other="A3", amount=5_000))
    assert [float_of(machine, n)[0] for n in ("A1", "A2", "A3")] == [30_000, 15_000, 5_000]
    assert no(machine, ask("transfer", other="B1", amount=1)) == "agent-wrong"
    assert no(machine, ask("transfer", other="A1", amount=1)) == "agent-wrong"
    assert no(machine, ask("transfer", other="A9", amount=1)) == "agent-unknown"
    assert no(machine, ask("transfer", other="A2", amount=30_001)) == "float-insufficient"
    whole(machine)


def test_what_was_spent_meanwhile_is_not_paid_out(machine: Machine) -> None:
    opened(machine, money=50_000)
    waiting = done(machine, ask("withdraw", amount=40_000))
    done(machine, sell(20_000))
    assert do(machine, yes(waiting["act"])).code == "float-insufficient"
    agreed(machine, ask("withdraw", amount=30_000))
    assert float_of(machine) == (0, 0)
    whole(machine)


def test_securities_stand_apart_from_the_float(machine: Machine) -> None:
    opened(machine, money=10_000)
    done(machine, ask("security", security="equipment", amount=70_000))
    assert float_of(machine) == (10_000, 0)
    assert no(machine, ask("security", security="float", amount=1)) == "agent-wrong"
    assert no(machine, ask("security-refund", security="guarantee", amount=1)) == "agent-wrong"
    assert no(machine, ask("security-refund", security="equipment", amount=70_001)) == "agent-wrong"
    assert no(machine, ask("close")) == "agent-wrong"
    agreed(machine, ask("security-refund", security="equipment", amount=70_000))
    whole(machine)


def test_what_must_be_gone_before_an_agent_closes(machine: Machine) -> None:
    opened(machine, money=10_000)
    opened(machine, "A2", parent="A1")
    assert no(machine, ask("close")) == "agent-wrong"
    agreed(machine, ask("withdraw", amount=10_000))
    assert no(machine, ask("close")) == "agent-wrong"
    agreed(machine, ask("close", "A2"))
    agreed(machine, ask("close"))
    assert no(machine, ask("topup", amount=5)) == "agent-closed"
    assert no(machine, deposit(5, "FT9")) == "agent-closed"
    assert no(machine, ask("enrol", "A3", name="X", parent="A1")) == "agent-closed"


def test_nobody_stands_above_himself(machine: Machine) -> None:
    opened(machine)
    opened(machine, "A2", parent="A1")
    assert no(machine, ask("alter", "A2", parent="A2")) == "agent-wrong"
    assert no(machine, ask("alter", "A1", parent="A2")) == "agent-wrong"
    agreed(machine, ask("alter", "A2", parent=""))
    acts = [
        done(machine, ask("alter", one, parent=other))["act"]
        for one, other in (("A1", "A2"), ("A2", "A1"))
    ]
    heard = [machine.accept(yes(act), f"ring{act}") for act in acts]
    machine.settle()
    ends = [machine.answer(each[0].message_id).outcome for each in heard]
    assert ends == [Outcome.DONE, Outcome.REFUSED]


def test_at_most_five_above_one_another(machine: Machine) -> None:
    above = ""
    for number in range(1, 6):
        opened(machine, f"A{number}", parent=above)
        above = f"A{number}"
    assert no(machine, ask("enrol", "A6", name="X", parent="A5")) == "agent-wrong"


def test_alter_changes_what_is_said(machine: Machine) -> None:
    opened(machine, money=10_000, services=("bills",), phone="+256700000077")
    assert no(machine, ask("alter")) == "agent-wrong"
    changed = agreed(machine, ask("alter", services=(), daily_limit=5_000, phone=""))
    assert changed["changed"] == ["daily_limit", "phone", "services"]
    assert machine.rows("SELECT services, daily_limit, phone, name FROM agent") == [
        ("[]", 5_000, "", "Shop A1")
    ]


# --- payments that an agent collects -------------------------------------------------------------


def test_a_payment_that_is_reversed_gives_float_and_commission_back(machine: Machine) -> None:
    opened(machine, "TOP")
    opened(machine, money=50_000, commission="own", parent="TOP")
    paid = done(machine, collect(10_000, till="T1"))
    # 1 % and 50; a quarter goes up; 6 % tax of each, withheld
    assert float_of(machine) == (40_000 + 112 - 7, 0)
    assert machine.rows("SELECT way, desk FROM payment") == [("agent", "A1/T1")]
    whole(machine)
    waiting = done(machine, money_act("reverse", payment=paid["payment"]))
    done(machine, money_yes(waiting["act"]))
    assert float_of(machine) == (50_000, 0)
    assert machine.rows("SELECT sum(gross), sum(tax), sum(base) FROM agent_commission") == [
        (0, 0, 0)
    ]
    assert machine.rows("SELECT month_base FROM agent_float ORDER BY agent_id") == [(0,), (0,)]
    whole(machine)


def test_nobody_else_pays_by_agent(machine: Machine) -> None:
    from tests.core.collection.desk import money

    assert no(machine, money(5_000, "agent")) == "payment-wrong"


def test_commission_that_is_owed_goes_to_the_float_or_out(machine: Machine) -> None:
    opened(machine, money=50_000, commission="later")
    done(machine, sell(20_000))
    ((owed,),) = machine.rows("SELECT gross FROM agent_commission")
    assert float_of(machine) == (30_000, 0)
    assert no(machine, ask("commission", amount=owed + 1)) == "agent-wrong"
    acts = [
        done(machine, ask(kind, amount=owed))["act"] for kind in ("commission-float", "commission")
    ]
    heard = [machine.accept(yes(act), f"c{act}") for act in acts]
    machine.settle()
    ends = [machine.answer(each[0].message_id).outcome for each in heard]
    assert ends == [Outcome.DONE, Outcome.REFUSED], "it is paid once"
    assert float_of(machine) == (30_000 + owed, 0)
    whole(machine)


def test_the_statement_adds_up(machine: Machine) -> None:
    opened(machine, money=50_000, commission="own")
    done(machine, sell(20_000))
    paid = done(machine, collect(10_000))["payment"]
    agreed(machine, ask("withdraw", amount=5_000))
    with machine.store.reader() as reader:
        made = statement_of(reader, "demo", "A1", 0, 2**60)
        (view,) = agents_of(reader, "demo", "A1")
    lines = made.lines
    assert made.before == 0
    assert [line.kind for line in lines] == [
        "agent-topup", "sale", "commission", "payment", "commission", "agent-withdrawal",
    ]  # fmt: skip
    assert lines[-1].balance == view.balance == float_of(machine)[0]
    assert [line.about == paid for line in lines[3:5]] == [True, True]
    assert lines[2].about == lines[1].about
    assert lines[1].about.startswith("DP-")


@pytest.mark.parametrize("again", [" FT1", "FT1 ", "\tFT1\n"])
def test_blanks_do_not_make_another_reference(machine: Machine, again: str) -> None:
    opened(machine)
    done(machine, deposit(40_000, "FT1"))
    assert no(machine, deposit(40_000, again)) == "agent-wrong"
    assert no(machine, ask("topup", amount=40_000, reference=again)) == "agent-wrong"
    agreed(machine, ask("topup", amount=1, reference="FT2 "))
    assert no(machine, deposit(1, "FT2")) == "agent-wrong"
    assert float_of(machine) == (40_001, 0)


def test_a_blank_reference_is_none(machine: Machine) -> None:
    opened(machine)
    for _ in range(2):
        agreed(machine, ask("topup", amount=5, reference="  "))
    assert float_of(machine) == (10, 0)


def test_a_payment_that_came_back_counts_no_more_in_its_day(machine: Machine) -> None:
    opened(machine, money=30_000, daily_limit=20_000, low_float=20_000, phone="+256700000077")
    paid = done(machine, collect(15_000))["payment"]
    assert machine.rows("SELECT day_spent, low_told FROM agent_float") == [(15_000, 1)]
    waiting = done(machine, money_act("reverse", payment=paid))
    done(machine, money_yes(waiting["act"]))
    assert machine.rows("SELECT day_spent, low_told FROM agent_float") == [(0, 0)]
    done(machine, collect(20_000))
    whole(machine)

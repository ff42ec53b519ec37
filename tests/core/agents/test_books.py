"""An agent's books: what each line is about, what a month earned, what a day does not fit in."""

from pathlib import Path

import pytest

from core.queries.agent_books import Statement, statement_of
from core.queries.agent_days import HOUR_US, AgentDay, BatchSum, Due, day_of, dues, wishes
from tests.core.agents.shop import (
    FEES,
    agreed,
    ask,
    collect,
    deposit,
    done,
    float_of,
    give,
    opened,
    sell,
    shop,
    surrender,
    whole,
    wish,
)
from tests.core.agents.test_cancelled import BOTH, cancel
from tests.core.collection.desk import act as money_act
from tests.core.collection.desk import agreed as money_agreed
from tests.hub.machine import MORNING_US, Machine

DAY_US = 24 * HOUR_US
#: The day of the harness, in Kampala.
TODAY = (MORNING_US - 9 * HOUR_US, MORNING_US + 15 * HOUR_US)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return shop(tmp_path, operators=BOTH, agents=FEES)


def statement(machine: Machine, agent: str = "A1", since: int = 0) -> Statement:
    with machine.store.reader() as reader:
        return statement_of(reader, "demo", agent, since, 2**60)


def day(machine: Machine, agent: str = "A1", batches: tuple[BatchSum, ...] = ()) -> AgentDay:
    with machine.store.reader() as reader:
        return day_of(reader, "demo", agent, TODAY, machine.time.at_us, 24, batches)


def due(machine: Machine, agent: str = "") -> list[Due]:
    with machine.store.reader() as reader:
        return dues(reader, "demo", machine.time.at_us, 24, agent)


def test_every_line_says_what_it_is_about(machine: Machine) -> None:
    opened(machine, "TOP", money=90_000, transfers="both")
    opened(machine, "A1", parent="TOP", commission="own", transfers="both")
    agreed(machine, ask("topup", amount=50_000, desk="HQ"))
    done(machine, deposit(40_000, "FT1"))
    sold = done(machine, sell(20_000))
    paid = done(machine, collect(10_000))["payment"]
    money_agreed(machine, money_act("reverse", payment=paid))
    cancel(machine, sold)
    done(machine, give(5_000))
    done(machine, give(4_000, "A1", "TOP"))
    agreed(machine, ask("withdraw", amount=1_000, desk="HQ"))
    done(machine, ask("statement"))
    made = statement(machine)
    receipt = sold["receipt"]
    assert [(line.kind, line.about) for line in made.lines] == [
        ("agent-topup", "cash HQ"), ("agent-fee", "topup"),
        ("agent-topup", "FT1"), ("agent-fee", "topup"),
        ("sale", receipt), ("commission", receipt),
        ("payment", paid), ("commission", paid),
        ("reversed", paid), ("commission-back", paid),
        ("sale-cancelled", receipt), ("commission-back", receipt),
        ("agent-transfer", "TOP"),
        ("agent-transfer", "TOP"), ("agent-fee", "transfer"),
        ("agent-withdrawal", "cash HQ"), ("agent-fee", "statement"),
    ]  # fmt: skip
    assert made.after == float_of(machine)[0] == sum(kind.amount for kind in made.kinds)
    assert sum(kind.count for kind in made.kinds) == len(made.lines)
    others = [line.about for line in statement(machine, "TOP").lines if "transfer" in line.kind]
    assert others == ["A1", "A1"]
    whole(machine)


def test_what_a_month_earned_with_its_tax(machine: Machine) -> None:
    opened(machine, "TOP")
    opened(machine, money=90_000, commission="own", parent="TOP")
    paid = done(machine, collect(10_000))["payment"]  # 1 % and 50; a quarter goes up; 6 % of each
    machine.time.at_us += 40 * DAY_US
    start = machine.time.at_us
    done(machine, collect(20_000))
    money_agreed(machine, money_act("reverse", payment=paid))
    made = statement(machine, since=start).commission
    gross, back = 250 - 63, 150 - 38  # a quarter of 250 is 62.5
    assert (made.gross, made.back) == (gross - back, back)
    assert made.tax == 11 - 7
    assert made.at_once == made.gross - made.tax
    above = statement(machine, "TOP", since=start).commission
    assert (above.owed_before, above.owed_after) == (38 - 2, 63 - 4)
    assert above.gross == 63 - 38
    nobody = statement(machine, "A9")
    assert (nobody.before, nobody.lines, nobody.after) == (0, (), 0)


def test_a_day_adds_up_and_says_what_does_not_fit(machine: Machine) -> None:
    opened(machine, money=90_000)
    done(machine, sell(20_000))
    back = done(machine, collect(5_000))["payment"]
    done(machine, collect(7_000))
    money_agreed(machine, money_act("reverse", payment=back))
    done(machine, wish(40_000, "FT1"))
    done(machine, deposit(39_000, "FT1"))
    done(machine, wish(8_000, "FT2"))
    agreed(machine, ask("topup", amount=3_000, way="transfer", desk="bank", reference="FT3"))
    batches = (
        BatchSum(terminal="T1", number=7, state="closed", since=MORNING_US, ours=27_000,
                 theirs=32_000),
        BatchSum(terminal="T1", number=8, state="open", since=MORNING_US, ours=500),
        BatchSum(terminal="T2", number=1, state="open", since=MORNING_US - DAY_US, ours=900),
    )  # fmt: skip
    found = day(machine, batches=batches)
    assert (found.sold, found.collected) == (20_000, 7_000)
    assert (found.banked, found.at_desk, found.in_batches) == (42_000, 90_000, 27_500)
    assert found.before + sum(kind.amount for kind in found.kinds) == found.after
    assert found.after == float_of(machine)[0]
    assert [(look.kind, look.about, look.amount) for look in found.looks] == [
        ("batch-differs", "T1/7", 5_000),
        ("batch-open", "T2/1", 900),
        ("topup-differs", "FT1", -1_000),
        ("topup-unanswered", "FT2", 8_000),
        ("topup-by-hand", "FT3", 3_000),
    ]
    machine.time.at_us += 2 * DAY_US
    assert [look.kind for look in day(machine).looks][1] == "topup-unanswered", (
        "until it is decided"
    )


def test_what_is_owed_is_as_old_as_the_oldest_that_nothing_has_paid(machine: Machine) -> None:
    opened(machine, "B1", mode="post-settled", credit_limit=90_000)
    opened(machine, "C1", mode="post-settled", credit_limit=90_000)
    opened(machine, "PAID", money=50_000)
    done(machine, collect(10_000, "B1"))
    machine.time.at_us += 20 * HOUR_US
    second = machine.time.at_us
    done(machine, collect(6_000, "B1"))
    machine.time.at_us += 10 * HOUR_US
    done(machine, collect(3_000, "C1"))
    done(machine, sell(5_000, "PAID"))
    assert [(each.number, each.in_hand, each.overdue) for each in due(machine)] == [
        ("B1", 16_000, True), ("C1", 3_000, False),
    ]  # fmt: skip
    found = day(machine, "B1").looks
    assert [(look.kind, look.amount) for look in found] == [("surrender-overdue", 16_000)]
    done(machine, surrender(10_000, "B1"))
    (late,) = due(machine, "B1")
    assert (late.in_hand, late.overdue) == (6_000, False)
    assert second < late.since < second + HOUR_US
    done(machine, surrender(6_000, "B1"))
    assert [each.number for each in due(machine)] == ["C1"]
    whole(machine)


def test_commission_owed_back_is_on_the_list(machine: Machine) -> None:
    opened(machine, money=90_000, commission="later")
    sale = done(machine, sell(20_000))
    ((earned,),) = machine.rows("SELECT gross FROM agent_commission")
    agreed(machine, ask("commission", amount=earned))
    assert due(machine) == []
    cancel(machine, sale)
    (found,) = due(machine)
    assert (found.owes_commission, found.in_hand, found.overdue) == (earned, 0, False)


def test_what_agents_ask_for(machine: Machine) -> None:
    opened(machine)
    opened(machine, "A2")
    done(machine, wish(5_000, "FT1"))
    done(machine, wish(6_000, "FT2", "A2"))
    done(machine, deposit(5_000, "FT1"))
    machine.time.at_us += 80 * HOUR_US
    with machine.store.reader() as reader:
        open_ = wishes(reader, "demo", machine.time.at_us)
        ended = wishes(reader, "demo", machine.time.at_us, ended=True)
        of_one = wishes(reader, "demo", machine.time.at_us, "A1")
    assert [(each.agent, each.reference, each.state) for each in open_] == [
        ("A2", "FT2", "expired")
    ]
    assert [each.state for each in ended] == ["expired", "approved"]
    assert of_one == []

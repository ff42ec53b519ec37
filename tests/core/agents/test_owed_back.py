"""Commission that was paid out and is taken back: seen, netted, never paid out again."""

from pathlib import Path

import msgspec

from core.agents.terms import Rate, Rule, Tier
from core.company import Operator
from core.queries.agents import agents_of
from tests.core.agents.shop import (
    LONG_AGO,
    OPERATORS,
    RULES,
    agreed,
    ask,
    collect,
    done,
    float_of,
    no,
    opened,
    sell,
    shop,
    whole,
)
from tests.core.agents.test_cancelled import BOTH, cancel
from tests.hub.machine import Machine


def owed(machine: Machine, agent: str = "A1") -> int:
    with machine.store.reader() as reader:
        (view,) = agents_of(reader, "demo", agent)
    return view.commission_owed


def paid_out_and_cancelled(tmp_path: Path) -> tuple[Machine, int]:
    """A sale's commission was paid out, then the sale was cancelled."""
    machine = shop(tmp_path, operators=BOTH)
    opened(machine, money=100_000, commission="later")
    sale = done(machine, sell(20_000))
    earned = owed(machine)
    agreed(machine, ask("commission", amount=earned))
    cancel(machine, sale)
    assert owed(machine) == -earned < 0
    whole(machine)
    return machine, earned


def test_it_is_seen_and_nothing_is_paid_of_it(tmp_path: Path) -> None:
    machine, _ = paid_out_and_cancelled(tmp_path)
    for kind in ("commission", "commission-float"):
        assert no(machine, ask(kind, amount=1)) == "agent-wrong"
    agreed(machine, ask("withdraw", amount=100_000))
    assert no(machine, ask("close")) == "agent-wrong", "he owes it"


def test_the_next_commission_pays_it(tmp_path: Path) -> None:
    machine, _ = paid_out_and_cancelled(tmp_path)
    done(machine, sell(20_000, another=True))
    assert owed(machine) == 0
    assert no(machine, ask("commission", amount=1)) == "agent-wrong"
    done(machine, sell(20_000, another=True))
    assert owed(machine) > 0
    whole(machine)


def test_or_his_float(tmp_path: Path) -> None:
    machine, earned = paid_out_and_cancelled(tmp_path)
    assert no(machine, ask("commission-back", amount=earned + 1)) == "agent-wrong"
    assert no(machine, ask("commission-back", amount=-1)) == "tender-not-positive"
    taken = agreed(machine, ask("commission-back", amount=earned))
    assert (taken["owed"], float_of(machine)) == (0, (100_000 - earned, 0))
    assert no(machine, ask("commission-back", amount=1)) == "agent-wrong"
    whole(machine)


def test_what_is_paid_out_counts_in_the_operators_day(tmp_path: Path) -> None:
    limited = {**OPERATORS, "ruth": Operator(frozenset({"agent-supervisor"}), 99, refund_per_day=5)}
    machine = shop(tmp_path, operators=limited)
    opened(machine, money=50_000, commission="later")
    done(machine, sell(20_000))
    assert no(machine, ask("commission", amount=6)) == "act-over-limit"
    agreed(machine, ask("commission-float", amount=6))
    agreed(machine, ask("commission", amount=5))
    assert no(machine, ask("commission", amount=1)) == "act-over-limit"
    whole(machine)


def test_what_earned_nothing_yet_counts_in_the_months_tiers_and_goes_back(tmp_path: Path) -> None:
    tiers = (Tier(above=0, rate_e8=0), Tier(above=30_000, rate_e8=10_000_000))
    rule = Rule(
        code="late", base=frozenset({"own", "collected"}), settle="withheld",
        rates=dict.fromkeys(
            ("electricity", "bills"), (Rate(valid_from=LONG_AGO, tiers=tiers),)
        ),
    )  # fmt: skip
    terms = msgspec.structs.replace(RULES, rules={"late": rule})
    machine = shop(tmp_path, operators=BOTH, agents=terms)
    opened(machine, money=100_000, commission="late")
    done(machine, collect(20_000))
    before = machine.rows("SELECT balance, month_base FROM agent_float")
    sale = done(machine, sell(5_000))
    whole(machine)
    cancel(machine, sale)
    assert machine.rows("SELECT balance, month_base FROM agent_float") == before
    assert machine.rows("SELECT count(*), sum(base), sum(gross) FROM agent_commission") == [
        (3, 20_000, 0)
    ]
    done(machine, collect(15_000))
    assert machine.rows("SELECT max(gross) FROM agent_commission") == [(500,)]
    whole(machine)

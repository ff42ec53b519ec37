"""Sales that a float pays: what moves, what is refused, what waits for a module on the network."""

from pathlib import Path

import pytest

from core.messages import Outcome
from hub.channel import Accepted
from tests.core.agents.shop import (
    agreed,
    ask,
    collect,
    do,
    done,
    float_of,
    no,
    opened,
    sell,
    shop,
    shop_terms,
    sms,
    whole,
)
from tests.core.collection.desk import debt
from tests.hub.machine import METER, Machine, buy, fresh_sqlite, pay
from tests.hub.remote import RemoteMachine, remote_terms


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return shop(tmp_path)


def test_the_float_pays_and_the_customer_gets_what_is_carried_forward(machine: Machine) -> None:
    id_ = opened(machine, money=100_000)
    sold = done(machine, sell(20_000, reply=sms(), till="T1"))
    assert len(sold["token"]) == 20
    assert sold["account"] == "100001"
    assert float_of(machine) == (80_000, 0)
    assert machine.rows("SELECT credit FROM account") == [(sold["carried_forward"],)]
    assert machine.rows("SELECT agent_id, state, tender FROM sale") == [(id_, "issued", 20_000)]
    assert machine.channel.sent[-1].message.template == "token"  # the customer is told
    whole(machine)


def test_a_repeat_is_the_same_sale(machine: Machine) -> None:
    opened(machine, money=100_000)
    one, two = (done(machine, sell(), "till7/000123") for _ in range(2))
    assert one == two
    assert float_of(machine) == (80_000, 0)


def test_what_looks_like_a_repeat_is_asked_about(machine: Machine) -> None:
    opened(machine, money=100_000)
    opened(machine, "A2", money=100_000)
    done(machine, pay(50_000))
    done(machine, sell())
    assert no(machine, sell()) == "likely-repeat"
    done(machine, sell(another=True))
    done(machine, sell(agent="A2"))  # another's sale is none
    done(machine, buy(20_000))  # nor is the customer's own
    assert float_of(machine) == (60_000, 0)
    whole(machine)


def test_an_insufficient_float_stops_the_sale(machine: Machine) -> None:
    opened(machine, money=30_000)
    assert no(machine, sell(30_001)) == "float-insufficient"
    done(machine, sell(30_000))
    assert float_of(machine) == (0, 0)
    assert no(machine, sell(5_000)) == "float-insufficient"


def test_a_post_settled_agent_sells_down_to_his_limit(machine: Machine) -> None:
    opened(machine, mode="post-settled", credit_limit=25_000)
    done(machine, sell(20_000))
    assert float_of(machine) == (-20_000, 0)
    assert no(machine, sell(5_001)) == "float-insufficient"
    lower = agreed_no(machine, credit_limit=19_999)
    assert lower == "agent-wrong"
    whole(machine)


def agreed_no(machine: Machine, **changes: int) -> str:
    return no(machine, ask("alter", **changes))


@pytest.mark.parametrize("tender", [0, -5])
def test_nothing_and_less_is_not_sold(machine: Machine, tender: int) -> None:
    opened(machine, money=30_000)
    assert no(machine, sell(tender)) == "tender-not-positive"
    assert no(machine, collect(tender)) == "tender-not-positive"


def test_another_currency_is_refused(machine: Machine) -> None:
    opened(machine, money=30_000)
    other = sell(5_000)
    assert no(machine, type(other)(agent="A1", meter=METER, tender=5_000, currency="KES")) == (
        "currency-wrong"
    )


def test_who_may_not_sell_does_not(machine: Machine) -> None:
    opened(machine, money=90_000)
    assert no(machine, sell(agent="A9")) == "agent-unknown"
    done(machine, ask("block"))
    assert no(machine, sell()) == "agent-blocked"
    assert no(machine, collect(5_000)) == "agent-blocked"
    agreed(machine, ask("unblock"))
    done(machine, sell())
    agreed(machine, ask("withdraw", amount=70_000))
    agreed(machine, ask("close"))
    assert no(machine, sell()) == "agent-closed"
    whole(machine)


@pytest.mark.parametrize(
    ("scope", "sells", "collects"),
    [
        ({"services": ("electricity",)}, True, False),
        ({"services": ("bills",)}, False, True),
        ({"services": ("water", "bills")}, False, True),
        ({"supply_groups": ("201457",)}, True, True),
        ({"supply_groups": ("600727",)}, False, True),
    ],
)
def test_scope(
    machine: Machine, scope: dict[str, tuple[str, ...]], sells: bool, collects: bool
) -> None:
    opened(machine, money=90_000, **scope)
    assert (do(machine, sell()).code == "ok") is sells
    assert (do(machine, collect(5_000)).code == "ok") is collects
    assert sells or no(machine, sell()) == "agent-out-of-scope"


def test_a_limit_of_the_day_ends_with_the_day(machine: Machine) -> None:
    opened(machine, money=90_000, daily_limit=25_000)
    done(machine, sell(20_000))
    assert no(machine, sell(5_001)) == "agent-daily-limit"
    done(machine, collect(5_000))
    assert no(machine, collect(1)) == "agent-daily-limit"
    machine.time.at_us += 24 * 3_600_000_000
    done(machine, sell(20_000))
    whole(machine)


def test_a_low_float_is_told_once_until_it_is_filled(machine: Machine) -> None:
    opened(machine, money=50_000, low_float=40_000, phone="+256700000077")

    def told() -> int:
        return len([n for n in machine.channel.sent if n.message.template == "float-low"])

    done(machine, sell(9_000))
    assert told() == 0
    done(machine, sell(8_000))
    done(machine, sell(7_000))
    assert told() == 1
    assert machine.channel.sent[-1].message.recipient == "+256700000077"
    agreed(machine, ask("topup", amount=50_000))
    done(machine, sell(40_000))
    assert told() == 2


def test_debts_are_paid_by_what_the_customer_brought(machine: Machine) -> None:
    opened(machine, money=90_000)
    debt(machine, 3_000)
    done(machine, collect(10_000))
    assert machine.rows("SELECT open FROM open_item") == [(0,)]
    whole(machine)


# --- a module on the network ---------------------------------------------------------------------


@pytest.fixture
def remote(tmp_path: Path) -> RemoteMachine:
    terms = shop_terms()
    ours = {name: getattr(terms, name) for name in ("operators", "collection", "agents")}
    made = RemoteMachine(fresh_sqlite(tmp_path), remote_terms(**ours))
    made.open_account()
    opened(made, money=30_000, commission="own")
    return made


def ordered(machine: RemoteMachine) -> str:
    heard = machine.accept(sell(20_000, reply=sms()), "s1", "meter/" + METER)
    machine.settle()
    assert isinstance(heard[0], Accepted)
    return heard[0].message_id


def test_a_sale_reserves_until_the_token_comes(remote: RemoteMachine) -> None:
    id_ = ordered(remote)
    assert float_of(remote) == (30_000, 20_000)
    assert remote.account() == (50_000, 0)
    whole(remote)
    assert no(remote, ask("withdraw", amount=10_001)) == "float-insufficient"
    (order,) = remote.box.orders
    remote.report(order, "made", tokens=remote.made(order))
    assert remote.answer(id_).outcome is Outcome.DONE
    ((earned,),) = remote.rows("SELECT gross - tax FROM agent_commission")
    assert earned > 0
    assert float_of(remote) == (10_000 + earned, 0)
    whole(remote)
    remote.report(order, "made", tokens=remote.made(order))  # once more changes nothing
    assert float_of(remote) == (10_000 + earned, 0)


def test_a_sure_no_gives_the_float_back(remote: RemoteMachine) -> None:
    id_ = ordered(remote)
    remote.report(remote.box.orders[0], "refused", code="x", detail="no")
    assert remote.answer(id_).code == "module-refused"
    assert float_of(remote) == (30_000, 0)
    assert remote.rows("SELECT day_spent FROM agent_float") == [(0,)]
    whole(remote)


def test_what_is_unknown_stays_reserved(remote: RemoteMachine) -> None:
    ordered(remote)
    (order,) = remote.box.orders
    remote.report(order, "doubtful")
    done(remote, ask("block"))  # a block does not touch what is under way
    assert float_of(remote) == (30_000, 20_000)
    remote.report(order, "made", tokens=remote.made(order))
    assert float_of(remote)[1] == 0
    whole(remote)

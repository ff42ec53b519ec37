"""What operators see of an order: its story, the list of those that are open, and the metric."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.vending.order_states import OrderState
from hub import metrics
from hub.storywords import Lens, as_object, details, headline
from hub.timeline import find
from hub.verbs.orders import MEANS
from hub.verbs.status import _words
from tests.hub.machine import METER, PHONE, buy
from tests.hub.remote import RemoteMachine
from tests.hub.verbs.installation import Installation, installed

SECOND = 1_000_000
LENS = Lens("Africa/Kampala", "UGX")


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    found = installed(tmp_path)
    url = found.machine.url
    found.machine.store.close()
    found.machine = RemoteMachine(url)
    found.machine.open_account()
    return found


@pytest.fixture
def machine(installation: Installation) -> RemoteMachine:
    assert isinstance(installation.machine, RemoteMachine)
    return installation.machine


def bought(machine: RemoteMachine, key: str = "b1") -> Any:
    machine.accept(buy(), key)
    machine.settle()
    return machine.box.orders[-1]


def told(machine: RemoteMachine, typed: str = PHONE) -> list[str]:
    with machine.store.reader() as reader:
        return [headline(each, LENS) for each in find(reader, "demo", "256", typed, 20).stories]


def test_a_sale_is_told_with_its_order_and_its_token(machine: RemoteMachine) -> None:
    order = bought(machine)
    made = machine.made(order)
    machine.report(order, "made", tokens=made)
    words = told(machine)[-1]
    assert words.startswith("bought 28.1 kWh for 20,000 UGX for meter 04123456784")
    assert "; asked security module box for its token; it was made; token sent by SMS" in words
    assert f"token **** {made[0].digits[-4:]}" in words
    assert made[0].digits not in words


def test_doubt_is_told_as_long_as_it_lasts_and_after(machine: RemoteMachine) -> None:
    order = bought(machine)
    assert told(machine)[-1] == (
        "asked to buy 28.1 kWh for 20,000 UGX for meter 04123456784 from account 100001; "
        "asked security module box for its token"
    )
    machine.time.at_us += 40 * SECOND
    machine.report(order, "doubtful")
    assert "its token; outcome unknown, asked again; sale pending sent by SMS" in told(machine)[-1]
    machine.time.at_us += 400 * SECOND
    machine.report(order, "made", tokens=machine.made(order))
    assert told(machine, METER)[-1].startswith("bought 28.1 kWh")
    assert "outcome unknown, asked again; it was made" in told(machine, METER)[-1]


def test_a_refusal_is_told_with_its_code(machine: RemoteMachine) -> None:
    machine.report(bought(machine), "refused", code="module_key_missing", detail="no key")
    words = told(machine)[-1]
    assert "the module refused it (module_key_missing)" in words
    assert "receipt" not in words


def test_every_step_is_told_and_no_digits(machine: RemoteMachine) -> None:
    order = bought(machine)
    (made,) = machine.made(order)
    machine.report(order, "made", tokens=(made,))
    with machine.store.reader() as reader:
        (*_, story) = find(reader, "demo", "256", PHONE, 20).stories
    lines = [line for _, line in details(story, LENS)]
    assert any("channel:box: sent" in line for line in lines)
    assert any("vending.report-tokens: done" in line for line in lines)
    assert made.digits not in json.dumps(as_object(story, LENS)) + "".join(lines)


def test_the_list_says_what_is_open_and_whose_it_is(
    machine: RemoteMachine, installation: Installation
) -> None:
    assert installation.call("orders") == (0, "no orders are open\n", "")
    order = bought(machine)
    code, out, _ = installation.call("orders")
    assert code == 0
    assert f"order {order.order}  " in out
    assert "module box  meter 04123456784  sale of 28.1 kWh for 20,000 UGX" in out
    assert MEANS["ordered"] in out
    machine.report(order, "wrong", detail="drn: asked 1, got 2")
    _, out, _ = installation.call("orders")
    assert "wrong for" in out
    assert "drn: asked 1, got 2" in out
    machine.report(order, "made", tokens=machine.made(order))
    assert installation.call("orders")[1] == "no orders are open\n"
    assert "made for 0 s" in installation.call("orders", "--all")[1]


def test_the_list_for_programs(machine: RemoteMachine, installation: Installation) -> None:
    order = bought(machine)
    machine.report(order, "doubtful")
    machine.report(order, "undecided", code="module_never_made")
    (told,) = json.loads(installation.call("orders", "--json")[1])
    assert told["age_s"] >= 0
    expected = {"state": "undecided", "module": "box", "code": "module_never_made",
                "cause": "sale", "tender": 20_000, "for_people": True, "meter": METER}  # fmt: skip
    assert {name: told[name] for name in expected} == expected
    assert json.loads(installation.call("orders", "--all", "--limit", "1", "--json")[1]) != []


def test_every_state_has_its_meaning() -> None:
    assert set(MEANS) == {str(state) for state in OrderState}


def test_open_orders_are_a_metric(machine: RemoteMachine) -> None:
    def page() -> str:
        with machine.store.reader() as reader:
            return metrics.render(reader, metrics.Node(), machine.time.now_us())

    assert "wattbus_token_orders{" not in page()
    order = bought(machine)
    assert 'wattbus_token_orders{module="box",state="ordered"} 1.0' in page()
    machine.report(order, "made", tokens=machine.made(order))
    assert "wattbus_token_orders{" not in page()


def test_the_open_ones_are_found_by_their_index(machine: RemoteMachine) -> None:
    bought(machine)
    plans = [
        machine.rows("EXPLAIN QUERY PLAN " + sql)
        for sql in (
            "SELECT count(*) FROM token_order WHERE module = 'box' AND state IN ('ordered', "
            "'delayed', 'doubtful', 'wrong', 'undecided') AND NOT state IN ('wrong')",
        )
    ]
    assert all("ix_token_order_open" in str(plan) for plan in plans)


def test_a_channel_s_status_is_said_in_words() -> None:
    facts = {"state": "up", "orders": {"issuing": 2}, "alerts": ["EAlert: low"], "breaker": "open"}
    assert _words(facts) == "state up, orders (issuing 2), alerts EAlert: low, breaker open"
    assert _words({"orders": {}}) == "orders none"

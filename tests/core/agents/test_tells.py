"""The customer hears of what agents sell and collect for him: once, where it is wanted."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.messages.vending import Recipient
from tests.core.agents.shop import (
    RULES,
    agreed,
    ask,
    collect,
    done,
    no,
    opened,
    sell,
    shop,
    shop_terms,
    sms,
    whole,
)
from tests.core.terminals.till import back, paid, registered, sold
from tests.hub.machine import METER, PHONE, Machine, fresh_sqlite
from tests.hub.remote import RemoteMachine, remote_terms

TELLS = msgspec.structs.replace(RULES, tells=True)


def heard(machine: Machine) -> list[tuple[str, str]]:
    """(phone, template) of what was sent."""
    machine.settle()
    return [(n.message.recipient, n.message.template) for n in machine.channel.sent]


@pytest.mark.parametrize(
    ("company", "agent", "told"),
    [(False, "", 0), (False, "yes", 1), (False, "no", 0),
     (True, "", 1), (True, "yes", 1), (True, "no", 0)],
)  # fmt: skip
def test_as_the_contract_says_else_the_company(
    tmp_path: Path, company: bool, agent: str, told: int
) -> None:
    machine = shop(tmp_path, agents=TELLS if company else RULES)
    opened(machine, money=100_000, tells=agent)
    token = done(machine, sell())["token"]
    done(machine, collect(5_000))
    assert heard(machine) == [(PHONE, "token"), (PHONE, "payment")][: 2 * told]
    if told:
        assert machine.channel.sent[0].message.args["token"] == token
    whole(machine)


def test_in_his_language_and_not_twice(tmp_path: Path) -> None:
    machine = shop(tmp_path, agents=TELLS)
    with machine.store.transaction() as tx:
        tx.run("UPDATE phone SET language = 'sw'")
    opened(machine, money=100_000)
    done(machine, sell(reply=sms(PHONE)))
    assert heard(machine) == [(PHONE, "token")]
    done(machine, sell(5_000, reply=sms()))
    assert heard(machine)[1:] == [("+256700000009", "token"), (PHONE, "token")]
    assert machine.channel.sent[-1].message.language == "sw"


def test_nobody_crowds_the_customer_out(tmp_path: Path) -> None:
    machine = shop(tmp_path, agents=TELLS)
    opened(machine, money=100_000)
    many = tuple(Recipient(way="sms", address=f"+25670000001{n}") for n in range(6))
    done(machine, sell(reply=many))
    assert [phone for phone, _ in heard(machine)][-1] == PHONE
    assert len(machine.channel.sent) == 4


def test_who_has_no_phone_or_no_sale_hears_nothing(tmp_path: Path) -> None:
    machine = shop(tmp_path, agents=TELLS)
    opened(machine, money=100_000)
    no(machine, sell(200_000))
    with machine.store.transaction() as tx:
        tx.run("UPDATE phone_account SET to_us = 5")
    done(machine, sell())
    assert heard(machine) == []
    whole(machine)


def test_when_the_token_comes_from_a_module_on_the_network(tmp_path: Path) -> None:
    terms = shop_terms(agents=TELLS)
    ours: dict[str, Any] = {
        name: getattr(terms, name) for name in ("operators", "collection", "agents")
    }
    machine = RemoteMachine(fresh_sqlite(tmp_path), remote_terms(**ours))
    machine.open_account()
    opened(machine, money=90_000)
    machine.accept(sell(20_000), "ordered", f"meter/{METER}")
    machine.settle()
    assert heard(machine) == []
    order = machine.box.orders[0]
    machine.report(order, "made", tokens=machine.made(order))
    assert heard(machine) == [(PHONE, "token")]
    whole(machine)


def test_what_a_contract_may_say(tmp_path: Path) -> None:
    machine = shop(tmp_path)
    opened(machine)
    assert no(machine, ask("alter", tells="always")) == "agent-wrong"
    assert no(machine, ask("alter", transfers="up")) == "agent-wrong"
    changed = agreed(machine, ask("alter", tells="yes", transfers="both"))
    assert changed["changed"] == ["tells", "transfers"]


def test_who_was_told_of_a_payment_hears_that_the_terminal_took_it_back(tmp_path: Path) -> None:
    """The fraud: collect, show the customer his SMS, and take the payment back."""
    machine = shop(tmp_path, agents=TELLS)
    opened(machine, money=100_000)
    registered(machine)
    done(machine, paid(machine, 1, 5_000))
    assert heard(machine) == [(PHONE, "payment")]
    assert done(machine, back(machine, 1))["state"] == "reversed"
    assert heard(machine)[1:] == [(PHONE, "payment-taken-back")]
    args = machine.channel.sent[-1].message.args
    assert (args["account"], args["amount"], args["currency"]) == ("100001", 5_000, "UGX")
    assert args["agent"]
    done(machine, back(machine, 1))  # once more, under another key
    assert len(heard(machine)) == 2
    whole(machine)


@pytest.mark.parametrize("agent", ["no", "yes"])
def test_of_what_came_to_nothing_he_hears_only_where_he_was_told(
    tmp_path: Path, agent: str
) -> None:
    machine = shop(tmp_path)
    opened(machine, money=100_000, tells=agent)
    registered(machine)
    done(machine, back(machine, 2))  # barred: no payment was
    done(machine, sold(machine, 3))
    assert done(machine, back(machine, 3))["state"] == "kept"
    done(machine, paid(machine, 1, 5_000))
    done(machine, back(machine, 1))
    told = [(PHONE, "token"), (PHONE, "payment"), (PHONE, "payment-taken-back")]
    assert heard(machine) == (told if agent == "yes" else [])
    whole(machine)

"""What the tests of agents share: a company with commission, operators, agents with money."""

from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from core.agents.terms import AgentTerms, Fee, Rate, Rule, Tier
from core.company import Operator
from core.messages import (
    Answer,
    CollectPayment,
    DecideTokenAct,
    Outcome,
    ReceiveDeposit,
    RequestAgentAct,
    RequestTopUp,
    SellCredit,
    TransferFloat,
)
from core.messages.vending import Recipient
from tests.core.collection.desk import OPERATORS as DESK_OPERATORS
from tests.core.collection.desk import TERMS, wrongs
from tests.hub.machine import METER, Machine, demo_terms, enrol, fresh_sqlite

LONG_AGO = date(2020, 1, 1)
OPERATORS = {
    **DESK_OPERATORS,
    "ruth": Operator(frozenset({"agent-supervisor"}), 10_000, refund_per_day=10**9),
    "sam": Operator(frozenset({"agent-approver"})),
    "jane": Operator(frozenset({"cashier"})),
}


def rate(percent: int, fixed: int = 0) -> tuple[Rate, ...]:
    """So many percent of the whole base."""
    tiers = (Tier(above=0, rate_e8=percent * 1_000_000),)
    return (Rate(valid_from=LONG_AGO, fixed=fixed, tiers=tiers),)


RULES = AgentTerms(
    rules={
        "own": Rule(
            code="own",
            base=frozenset({"own", "collected"}),
            rates={"electricity": rate(2), "bills": rate(1, 50)},
            settle="withheld",
            above_e8=(25_000_000,),
            tax_e8=6_000_000,
        ),
        "later": Rule(
            code="later",
            base=frozenset({"own", "tax", "third-party", "debts"}),
            rates={"electricity": rate(10)},
            settle="paid",
        ),
    }
)
#: The same, and what floats bear.
FEES = msgspec.structs.replace(
    RULES,
    tells=True,
    fees={
        "topup": Fee(fixed=50, share_e8=500_000),
        "transfer": Fee(fixed=20),
        "statement": Fee(fixed=700),
    },
)
KEYS = count()


def shop(folder: Path, **changes: Any) -> Machine:
    """A household on SQLite, and operators who take agents on."""
    return shop_on(fresh_sqlite(folder), **changes)


def shop_terms(**changes: Any) -> Any:
    """The company's terms."""
    values = {"operators": OPERATORS, "collection": TERMS, "agents": RULES, **changes}
    return demo_terms(**values)


def shop_on(url: str, **changes: Any) -> Machine:
    """The same on the database of this URL."""
    machine = Machine(url, terms=shop_terms(**changes))
    assert machine.do(enrol(), "enrol").outcome is Outcome.DONE
    return machine


def ask(kind: str, agent: str = "A1", **changes: Any) -> RequestAgentAct:
    """Ruth asks for it."""
    values = {"operator": "ruth", "reason": "a reason", "evidence": "slip 7", **changes}
    return RequestAgentAct(kind=f"agent-{kind}", agent=agent, **values)


def do(machine: Machine, message: Any, key: str = "") -> Answer:
    """The answer."""
    return machine.do(message, key or f"shop{next(KEYS)}")


def done(machine: Machine, message: Any, key: str = "") -> dict[str, Any]:
    """It went well: the answer's data."""
    answer = do(machine, message, key)
    assert answer.outcome is Outcome.DONE, answer
    return dict(answer.data)


def no(machine: Machine, message: Any) -> str:
    """It was refused: the code."""
    answer = do(machine, message)
    assert answer.outcome is Outcome.REFUSED, answer
    assert wrongs(machine) == []
    return answer.code


def yes(act: int, operator: str = "sam", decision: str = "approve") -> DecideTokenAct:
    """Sam's decision."""
    return DecideTokenAct(operator=operator, act=act, decision=decision, note="seen")


def agreed(machine: Machine, message: RequestAgentAct) -> dict[str, Any]:
    """Asked for by ruth, approved by sam."""
    waiting = done(machine, message)
    assert waiting["state"] == "requested", waiting
    return done(machine, yes(waiting["act"]))


def opened(machine: Machine, number: str = "A1", money: int = 0, **changes: Any) -> int:
    """An agent with money on its float; its id."""
    agreed(machine, ask("enrol", number, name=f"Shop {number}", **changes))
    if money:
        agreed(machine, ask("topup", number, amount=money))
    ((id_,),) = machine.rows("SELECT id FROM agent WHERE number = :n", n=number)
    return int(id_)


def sell(tender: int = 20_000, agent: str = "A1", meter: str = METER, **more: Any) -> SellCredit:
    """A sale at the agent's till."""
    return SellCredit(agent=agent, meter=meter, tender=tender, currency="UGX", **more)


def collect(amount: int, agent: str = "A1", account: str = "100001", **more: Any) -> CollectPayment:
    """A payment that the agent takes."""
    return CollectPayment(agent=agent, account=account, amount=amount, currency="UGX", **more)


def deposit(amount: int, reference: str, agent: str = "A1", **more: Any) -> ReceiveDeposit:
    """A bank's word."""
    return ReceiveDeposit(
        agent=agent, amount=amount, reference=reference, **{"currency": "UGX", **more}
    )


def wish(amount: int = 40_000, reference: str = "FT1", agent: str = "A1", **more: Any) -> Any:
    """The agent says that he has paid."""
    values = {"currency": "UGX", **more}
    return RequestTopUp(agent=agent, amount=amount, reference=reference, **values)


def give(amount: int, agent: str = "TOP", other: str = "A1", **more: Any) -> TransferFloat:
    """The agent gives so much to another."""
    return TransferFloat(agent=agent, other=other, amount=amount, **{"currency": "UGX", **more})


def surrender(amount: int, agent: str = "A1", **more: Any) -> RequestAgentAct:
    """Jane counts the cash that an agent brings."""
    return ask("surrender", agent, **{"operator": "jane", "amount": amount, "desk": "HQ", **more})


def float_of(machine: Machine, agent: str = "A1") -> tuple[int, int]:
    """(balance, reserved)."""
    (row,) = machine.rows(
        "SELECT f.balance, f.reserved FROM agent_float f JOIN agent a ON a.id = f.agent_id "
        "WHERE a.number = :number",
        number=agent,
    )
    return row[0], row[1]


def sms(phone: str = "+256700000009") -> tuple[Recipient, ...]:
    """Whom to tell."""
    return (Recipient(way="sms", address=phone),)


def whole(machine: Machine) -> None:
    """The books are right, and every message is accounted for."""
    assert wrongs(machine) == []
    assert machine.unaccounted() == 0

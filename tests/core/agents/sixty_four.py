"""Sixty-four sales on one float, a tenth of the keys repeated: asked for, and what must have come
of them whoever did it."""

import sys
from typing import Any

import msgspec

from core.messages import Answer, Outcome
from core.store.invariants import offences
from core.store.upgrade import Store
from hub.channel import Accepted
from tests.core.agents.shop import opened, sell, shop_on, shop_terms
from tests.hub.machine import Machine

SALES, REPEATED, TENDER = 64, 6, 5_000
#: What the agent has paid in: enough for forty of them.
FLOAT = 40 * TENDER


def asked(number: int) -> str:
    """A sale's key: every tenth is that of the sale before it."""
    return f"till/{number - 1 if number % 10 == 9 else number}"


def open_shop(url: str) -> Machine:
    """An agent with money for forty, whose commission comes later and fills no float."""
    machine = shop_on(url)
    opened(machine, money=FLOAT, commission="later")
    return machine


def ask_all(machine: Machine) -> set[str]:
    """Take them all in; the ids of their messages."""
    heard = [machine.accept(sell(TENDER, another=True), asked(n)) for n in range(SALES)]
    machine.intake.step()
    accepted = [each[0] for each in heard]
    assert all(isinstance(each, Accepted) for each in accepted)
    assert sum(each.repeat for each in accepted) == REPEATED
    return {each.message_id for each in accepted}


def check(store: Store, ids: set[str]) -> None:
    """Forty were sold, eighteen refused, nothing twice; the books are right."""
    with store.reader() as reader:
        assert list(offences(reader, store.dialect)) == []
        rows = reader.rows(
            "SELECT message_id, answer FROM request WHERE message_id IN :ids", ids=sorted(ids)
        )
        ((sales, tenders),) = reader.rows(
            "SELECT count(*), CAST(sum(tender) AS BIGINT) FROM sale WHERE state = 'issued'"
        )
        ((balance, reserved),) = reader.rows("SELECT balance, reserved FROM agent_float")
    answers = [msgspec.json.decode(row[1], type=Answer) for row in rows]
    assert len(answers) == SALES - REPEATED
    sold = [a for a in answers if a.outcome is Outcome.DONE]
    assert {a.code for a in answers if a.outcome is not Outcome.DONE} == {"float-insufficient"}
    assert sales == len(sold) == len({a.data["token"] for a in sold}) == FLOAT // TENDER
    assert (balance, reserved) == (FLOAT - tenders, 0) == (0, 0)


def go_on(url: str) -> None:
    """Do what is open in these books, in this process."""
    machine = Machine(url, terms=shop_terms())
    machine.time.at_us += 60_000_000
    machine.time.drawn += 1_000_000
    machine.settle()


def main(*arguments: Any) -> None:
    """A process of its own that can be killed."""
    go_on(arguments[0])


if __name__ == "__main__":
    main(*sys.argv[1:])

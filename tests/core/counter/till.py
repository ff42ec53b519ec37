"""What the tests of desks share: a company with coins and notes, cashiers, their acts."""

from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec.structs import replace

from core.company import Operator
from core.counter.terms import CounterTerms
from core.messages import (
    Answer,
    CounterTender,
    DecideTokenAct,
    Outcome,
    Pieces,
    RequestCounterAct,
    SellAtCounter,
    TakeAtCounter,
)
from core.messages.collection import PaymentShare
from tests.core.collection.desk import OPERATORS as DESK_OPERATORS
from tests.core.collection.desk import TERMS as DESK_TERMS
from tests.core.collection.desk import wrongs
from tests.hub.machine import (
    METER,
    MORNING_US,
    FakeTime,
    Machine,
    demo_terms,
    enrol,
    fresh_sqlite,
)
from tests.scratch import in_memory

#: Grace supervises and may take money herself; ann and ben are cashiers; henry approves.
OPERATORS = {
    **DESK_OPERATORS,
    "ann": Operator(frozenset({"cashier"})),
    "ben": Operator(frozenset({"cashier"})),
    "both": Operator(frozenset({"cashier", "collection-approver"})),
}
NOTES = (50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 500, 200, 100, 50, 1)
TERMS = replace(
    DESK_TERMS, counter=CounterTerms(denominations=NOTES, tolerance=1_000, paid_out_alone=5_000)
)
KEYS = count()


@cache
def _prepared() -> bytes:
    """The file of such a company, made once."""
    with TemporaryDirectory(dir=in_memory()) as folder:
        machine = hall_on(fresh_sqlite(Path(folder)))
        with machine.store.reader_on_writer() as books:
            books.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        machine.store.close()
        return (Path(folder) / "wattbus.db").read_bytes()


def hall(folder: Path) -> Machine:
    """A household on SQLite, and the desks D1 and D2 with receipts' numbers."""
    path = folder / "wattbus.db"
    path.write_bytes(_prepared())
    later = FakeTime(MORNING_US + 60_000_000, drawn=1_000_000)
    return Machine(f"sqlite:{path}", later, terms=hall_terms())


def hall_terms(**changes: Any) -> Any:
    """The company's terms."""
    return demo_terms(**{"operators": OPERATORS, "collection": TERMS, **changes})


def hall_on(url: str, **changes: Any) -> Machine:
    """The same on the database of this URL."""
    machine = Machine(url, terms=hall_terms(**changes))
    assert machine.do(enrol(), "enrol").outcome is Outcome.DONE
    furnish(machine)
    return machine


def furnish(machine: Machine) -> None:
    """The desks."""
    for number in (1, 2):
        done(machine, ask("desk", f"D{number}", operator="grace", name=f"Desk {number}"))
        numbered(machine, f"D{number}", f"R{number}-", last=900)


def numbered(machine: Machine, desk: str, prefix: str, **changes: Any) -> dict[str, Any]:
    """Numbers of receipts; of credit notes, if the desk is none."""
    values = {"first": 1, "last": 99, "purpose": "receipt" if desk else "credit-note", **changes}
    return agreed(machine, ask("series", desk, operator="grace", prefix=prefix, **values))


def ask(kind: str, desk: str = "D1", **changes: Any) -> RequestCounterAct:
    """Ann asks for it."""
    values = {"operator": "ann", "reason": "a reason", "evidence": "paper 7", **changes}
    return RequestCounterAct(kind=f"counter-{kind}", desk=desk, **values)


def do(machine: Machine, message: Any, key: str = "") -> Answer:
    """The answer."""
    return machine.do(message, key or f"till{next(KEYS)}")


def done(machine: Machine, message: Any, key: str = "") -> dict[str, Any]:
    """It went well: the answer's data; the books are right."""
    answer = do(machine, message, key)
    assert answer.outcome is Outcome.DONE, answer
    assert wrongs(machine) == []
    return dict(answer.data)


def no(machine: Machine, message: Any, key: str = "") -> str:
    """It was refused, and moved nothing: the code."""
    before = money_of(machine)
    answer = do(machine, message, key)
    assert answer.outcome is Outcome.REFUSED, answer
    assert wrongs(machine) == []
    assert money_of(machine) == before
    return answer.code


def money_of(machine: Machine) -> list[Any]:
    """Every ledger with its sum."""
    return machine.rows("SELECT ledger, owner, sum(amount) FROM posting GROUP BY ledger, owner "
                        "ORDER BY ledger, owner")  # fmt: skip


def yes(act: int, operator: str = "henry", decision: str = "approve") -> DecideTokenAct:
    """Henry's decision."""
    return DecideTokenAct(operator=operator, act=act, decision=decision, note="seen")


def agreed(machine: Machine, message: RequestCounterAct, by: str = "henry") -> dict[str, Any]:
    """Asked for, and approved by another."""
    waiting = done(machine, message)
    assert waiting["state"] == "requested", waiting
    return done(machine, yes(waiting["act"], by))


def pieces(amount: int) -> tuple[Pieces, ...]:
    """That much in as few coins and notes as can be."""
    found = []
    for value in NOTES:
        number, amount = divmod(amount, value)
        if number:
            found.append(Pieces(value=value, count=number))
    return tuple(found)


def opened(machine: Machine, cashier: str = "ann", desk: str = "D1", money: int = 100_000) -> int:
    """A shift with a float that was counted; its number."""
    command = ask("open", desk, operator=cashier, pieces=pieces(money))
    return int(done(machine, command)["shift"])


def cash(amount: int, tendered: int = 0) -> CounterTender:
    """Coins and notes."""
    return CounterTender(way="cash", amount=amount, tendered=tendered)


def way(name: str, amount: int, reference: str = "", bank: str = "") -> CounterTender:
    """Another way of paying."""
    return CounterTender(way=name, amount=amount, reference=reference, bank=bank)


def take(
    *tenders: CounterTender, cashier: str = "ann", desk: str = "D1", **changes: Any
) -> TakeAtCounter:
    """Ann takes money for account 100001."""
    amount = sum(tender.amount for tender in tenders)
    values: dict[str, Any] = {
        "shares": (PaymentShare(account="100001", amount=amount),),
        "amount": amount,
        "currency": "UGX",
        **changes,
    }
    return TakeAtCounter(operator=cashier, desk=desk, tenders=tenders, **values)


def sell(*tenders: CounterTender, **changes: Any) -> SellAtCounter:
    """Ann sells a token."""
    values: dict[str, Any] = {
        "operator": "ann", "desk": "D1", "meter": METER, "currency": "UGX",
        "tender": sum(tender.amount for tender in tenders), **changes,
    }  # fmt: skip
    return SellAtCounter(tenders=tenders, **values)


def till(machine: Machine, desk: str = "D1") -> tuple[int, int]:
    """(till, safe)."""
    (row,) = machine.rows("SELECT till, safe FROM cash_desk WHERE code = :desk", desk=desk)
    return row[0], row[1]


def ledger(machine: Machine, name: str) -> int:
    """The sum of what is posted there."""
    rows = machine.rows("SELECT sum(amount) FROM posting WHERE ledger = :name", name=name)
    return int(rows[0][0] or 0)


def whole(machine: Machine) -> None:
    """The books are right, and every message is accounted for."""
    assert wrongs(machine) == []
    assert machine.unaccounted() == 0
    assert machine.rows("SELECT state, error FROM delivery WHERE state IN (1, 2, 3)") == []

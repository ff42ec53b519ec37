"""What the tests of registration share: two households, their phones, a company with a limit."""

from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

from core.company import Operator, SaleLimits
from core.messages import (
    AddMeter,
    Answer,
    CheckPin,
    ConfirmMeter,
    DecideTokenAct,
    Outcome,
    RequestPhoneAct,
    ResetPin,
    SetPin,
)
from hub.pins import phone_proof
from tests.hub.machine import (
    METER,
    PHONE,
    FakeTime,
    Machine,
    buy,
    demo_terms,
    enrol,
    fresh_sqlite,
    pay,
)

KEY = bytes(32)
#: Of another household; and one that nobody has seen.
NEIGHBOUR, STRANGER = "+256700000002", "+256700000009"
OTHER_METER = "04123456792"
LIMIT = 50_000
MINUTE_US = 60_000_000
DAY_US = 1_440 * MINUTE_US
OPERATORS = {
    "ruth": Operator(roles=frozenset({"customer-service"})),
    "sam": Operator(roles=frozenset({"vending-approver"})),
}
_KEYS = count()


class Dice(FakeTime):
    """Chance that gives every message another code."""

    def random_bytes(self, count: int) -> bytes:
        """The same at each run."""
        self.drawn += 1
        return sha256(str(self.drawn).encode()).digest()[:count]


def proof(pin: str, phone: str = PHONE) -> str:
    """The proof of a PIN by the tests' key."""
    return phone_proof(KEY, "demo", phone, pin)


def terms(**changes: Any) -> Any:
    """A PIN above a limit, and operators."""
    values = {"limits": SaleLimits(pin_above=LIMIT), "operators": OPERATORS, **changes}
    return demo_terms(**values)


def street(folder: Path, **changes: Any) -> Machine:
    """Two households with money, each with a phone and a meter."""
    return street_on(fresh_sqlite(folder), **changes)


def street_on(url: str, **changes: Any) -> Machine:
    """The same on the database of this URL."""
    machine = Machine(url, time=Dice(), terms=terms(**changes))
    for number, drn, phone in (("100001", METER, PHONE), ("100002", OTHER_METER, NEIGHBOUR)):
        done(machine, enrol(number, drn, phone))
        done(machine, pay(1_000_000, number))
    return machine


def do(machine: Machine, message: Any, key: str = "") -> Answer:
    """The answer."""
    return machine.do(message, key or f"phone{next(_KEYS)}")


def done(machine: Machine, message: Any, key: str = "") -> dict[str, Any]:
    """It went well: the answer's data."""
    answer = do(machine, message, key)
    assert answer.outcome is Outcome.DONE, answer
    return dict(answer.data)


def no(machine: Machine, message: Any) -> str:
    """The code of the refusal."""
    answer = do(machine, message)
    assert answer.outcome is Outcome.REFUSED, answer
    return answer.code


def codes(machine: Machine, phone: str) -> Iterator[str]:
    """The codes that a phone got by SMS, newest first."""
    for sent in reversed(machine.channel.sent):
        message: Any = sent.message
        if message.recipient == phone and "code" in message.args:
            yield message.args["code"]


def code_for(machine: Machine, phone: str) -> str:
    """The newest of them."""
    return next(codes(machine, phone))


def wrong(code: str) -> str:
    """Another one."""
    return f"{(int(code) + 1) % 10_000:04d}"


def add(phone: str = STRANGER, meter: str = METER, **changes: Any) -> AddMeter:
    """A phone asks for a meter."""
    return AddMeter(phone=phone, meter=meter, **{"name": "Dad", "language": "en", **changes})


def confirm(code: str, phone: str = STRANGER) -> ConfirmMeter:
    """The code that somebody told him."""
    return ConfirmMeter(phone=phone, code=code)


def set_pin(pin: str, phone: str = PHONE, **changes: Any) -> SetPin:
    """Another PIN, or the first one."""
    return SetPin(phone=phone, proof=proof(pin, phone), **changes)


def check(pin: str, phone: str = PHONE) -> CheckPin:
    """Is it this one?"""
    return CheckPin(phone=phone, proof=proof(pin, phone))


def reset(phone: str = PHONE) -> ResetPin:
    """I forgot it."""
    return ResetPin(phone=phone)


def dear(word: str = "", tender: int = LIMIT + 1, **changes: Any) -> Any:
    """A purchase above the limit."""
    return buy(tender, pin_pass=word, **{"answer_by_notice": False, **changes})


def ask(kind: str, phone: str = STRANGER, **changes: Any) -> RequestPhoneAct:
    """Ruth asks for an act with a phone."""
    values = {"operator": "ruth", "reason": "a reason", "evidence": "passport", **changes}
    return RequestPhoneAct(kind=f"phone-{kind}", phone=phone, **values)


def yes(act: int) -> DecideTokenAct:
    """Sam agrees."""
    return DecideTokenAct(operator="sam", act=act, decision="approve")


def meters(machine: Machine, phone: str) -> list[tuple[str, str]]:
    """What the phone has saved: (meter, name)."""
    return [(str(a), str(b)) for a, b in machine.rows(
        "SELECT m.drn, s.name FROM phone p JOIN phone_meter s ON s.phone_id = p.id "
        "AND s.to_us IS NULL JOIN meter m ON m.id = s.meter_id WHERE p.msisdn = :p "
        "ORDER BY m.id", p=phone,
    )]  # fmt: skip


def accounts(machine: Machine, phone: str) -> list[str]:
    """What it may spend."""
    return [str(row[0]) for row in machine.rows(
        "SELECT a.number FROM phone p JOIN phone_account l ON l.phone_id = p.id "
        "AND l.to_us IS NULL JOIN account a ON a.id = l.account_id WHERE p.msisdn = :p "
        "ORDER BY a.id", p=phone,
    )]  # fmt: skip

"""What operators may do with tokens: one table, kind → token, role, second person, evidence.

The subclasses are those of IEC 62055-41, class 2. ``cause`` is what the token's row says it was
made for; each such token has the act as its one cause.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core.messages import RequestTokenAct
from core.sts.amounts import encode_units
from core.sts.layouts import Management
from core.sts.meter import ALL_REGISTERS, TESTS
from core.sts.token import TokenData, meter_test

VALUE_MAX: Final = 0xFFFF
#: Acts that bring meters another key; the second is about no meter.
KEY_CHANGE, CAMPAIGN = "key-change", "campaign"
#: A whole sale, as if it had not been.
CANCEL: Final = "cancel-sale"
#: Units each month from now on; its tokens are made when they are claimed.
ENTITLEMENT = "entitlement"


class Role(StrEnum):
    """What an operator may be; one person may be several, but never decides his own acts."""

    TECHNICIAN = "meter-technician"  # tests, displays and settings of meters
    DESK = "vending-desk"  # copies
    SUPERVISOR = "vending-supervisor"  # asks for what is worth money
    APPROVER = "vending-approver"  # the second person
    CASHIER = "cashier"  # fees, receipts, deposits, small waivers
    COLLECTOR = "collection-supervisor"  # asks for what changes what is owed
    COLLECTION_APPROVER = "collection-approver"  # the second person about money
    SERVICE = "customer-service"  # readings, moving in and out, exchanged meters
    AGENTS = "agent-supervisor"  # takes agents on, asks for what moves their floats
    AGENT_APPROVER = "agent-approver"  # the second person about agents
    CUSTODIAN = "key-custodian"  # brings vending keys, never alone
    PROTECTION = "data-protection"  # erases a person's names and phones, never alone


class Two(StrEnum):
    """When a second person must agree."""

    NEVER = "never"
    ALWAYS = "always"
    ABOVE = "above"  # more units than the operator may give alone
    RAISING = "raising"  # a limit above the last one that we know of; the first one counts too


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of act. ``subclass``: of the class 2 token it makes (None: none of class 2).

    ``of_class_1`` makes one of class 1. ``coded`` gives the 16 bits of one of class 2, ``shown``
    what the token's row keeps as its value.
    ``limit`` is what counts in the day of the operator beside the act itself: ``units``, ``money``
    or nothing. ``ledger`` is the account that pays for units given away. ``proofs``: the evidence
    must begin with one of these words (any evidence will do where there are none). ``approver`` is
    the role of the second person. ``counts``: among the operator's acts of the day; a run over all
    customers is thousands of them.
    """

    name: str
    cause: str
    role: Role
    two: Two
    says: str
    subclass: int | None = None
    coded: Callable[[RequestTokenAct], int] = lambda _command: 0
    shown: Callable[[RequestTokenAct], int] = lambda _command: 0
    evidence: bool = False
    limit: str = ""
    ledger: str = ""
    proofs: tuple[str, ...] = ()
    approver: Role = Role.APPROVER
    of_class_1: Callable[[RequestTokenAct], TokenData] | None = None
    counts: bool = True


#: What can show that a meter never took a token: its own memory read out, the meter itself
#: returned, somebody who went there. That nobody says to have keyed it in shows nothing.
UNUSED: Final = ("readout", "returned", "visit")
#: What can show how many units were left in a meter.
READ: Final = ("readout", "returned", "visit", "photo")
#: The unit registers and those of currency, as the clear credit token names them.
REGISTERS: Final[Mapping[str, int]] = {
    **{name: place for place, name in enumerate(("electricity", "water", "gas", "time"))},
    **{f"{name}-money": place for place, name in enumerate(("electricity", "water", "gas"), 4)},
    "time-money": 7,
    "all": ALL_REGISTERS,
}
#: The tests of a class 1 token by the names of the command line.
TEST_NAMES: Final = tuple(name.replace(" ", "-") for name in TESTS)
#: Manufacturers' codes of two digits leave 36 bits to the tests, those of four digits 28 bits
#: (class 1, subclasses 0 and 1); code 0 is any manufacturer. All tests at once: every bit.
SHORT_CODE: Final = 99
LONG_CODE: Final = 9999
SHORT_BITS: Final = 36
LONG_BITS: Final = 28
#: Class 1, subclass 2 (STS 202-5).
EXTENDED_READ: Final = 2


def _watts(command: RequestTokenAct) -> int:
    return command.watts


def _value(command: RequestTokenAct) -> int:
    return command.value


def _register(command: RequestTokenAct) -> int:
    return REGISTERS[command.register]


def control_bits(command: RequestTokenAct) -> int:
    """Bit n of the tests asked for; none named: all of them."""
    if not command.tests:
        return (1 << (LONG_BITS if command.value > SHORT_CODE else SHORT_BITS)) - 1
    return sum(1 << TEST_NAMES.index(name) for name in set(command.tests))


def _test_token(command: RequestTokenAct) -> TokenData:
    """The form with two or with four digits, as the manufacturer's code (``value``) needs."""
    return meter_test(int(command.value > SHORT_CODE), control_bits(command), command.value)


def _extended_read(command: RequestTokenAct) -> TokenData:
    """``value`` is what is read, ``index`` the manufacturer's code of two digits."""
    return meter_test(EXTENDED_READ, command.value, command.index)


def _units(command: RequestTokenAct) -> int:
    return command.units_tenths


_TECHNICIAN, _SUPERVISOR = Role.TECHNICIAN, Role.SUPERVISOR
_M = Management

KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("test", "test", _TECHNICIAN, Two.NEVER,
             "a test or display token; value: the manufacturer's code, 0 for all",
             of_class_1=_test_token, shown=control_bits),
        Kind("extended-read", "test", _TECHNICIAN, Two.NEVER,
             "an extended read; value: what, index: the manufacturer's code, 0 for all",
             of_class_1=_extended_read, shown=_value),
        Kind("power-limit", "management", _TECHNICIAN, Two.RAISING, "a maximum power limit",
             _M.POWER_LIMIT, lambda c: encode_units(c.watts), _watts),
        Kind("clear-credit", "management", _SUPERVISOR, Two.ALWAYS, "clearing the credit",
             _M.CLEAR_CREDIT, _register, _register, evidence=True),
        Kind("tariff-rate", "management", _TECHNICIAN, Two.NEVER, "a tariff rate",
             _M.TARIFF_RATE, _value, _value),
        Kind("clear-tamper", "management", _SUPERVISOR, Two.ALWAYS, "clearing a tamper case",
             _M.CLEAR_TAMPER, evidence=True),
        Kind("unbalance-limit", "management", _TECHNICIAN, Two.RAISING,
             "a maximum phase power unbalance limit",
             _M.UNBALANCE_LIMIT, lambda c: encode_units(c.watts), _watts),
        Kind("water-factor", "management", _TECHNICIAN, Two.ALWAYS, "a water meter factor",
             _M.WATER_FACTOR, _value, _value, evidence=True),
        Kind("extended-set", "management", _TECHNICIAN, Two.ALWAYS, "an extended setting",
             _M.EXTENDED_SET, _value, _value),
        Kind("free-issue", "compensation", _SUPERVISOR, Two.ABOVE, "units for free",
             shown=_units, limit="units", ledger="expense:free-issue"),
        Kind(ENTITLEMENT, "", _SUPERVISOR, Two.ABOVE,
             "units for free each month: wattbus freeunits give", limit="units"),
        Kind("compensation", "compensation", _SUPERVISOR, Two.ABOVE, "units as a compensation",
             shown=_units, evidence=True, limit="units", ledger="expense:compensation"),
        Kind("reprint", "", Role.DESK, Two.NEVER, "a copy of a token"),
        Kind("replacement", "replacement", _SUPERVISOR, Two.ALWAYS,
             "new digits for the same units", evidence=True),
        Kind("reallocation", "replacement", _SUPERVISOR, Two.ALWAYS,
             "the units of an unused token for another meter", evidence=True, proofs=UNUSED),
        Kind("credit-transfer", "replacement", _SUPERVISOR, Two.ALWAYS,
             "the units left in an exchanged meter", shown=_units, evidence=True, proofs=READ),
        Kind("refund", "management", _SUPERVISOR, Two.ALWAYS,
             "clearing the credit and giving the money back",
             _M.CLEAR_CREDIT, _register, _register, evidence=True, limit="money"),
        Kind(CANCEL, "", _SUPERVISOR, Two.ALWAYS,
             "cancelling a whole sale whose token no meter can take any more",
             evidence=True, limit="money", proofs=UNUSED),
        Kind("give-up-order", "", _SUPERVISOR, Two.ALWAYS,
             "giving up an order whose token nobody has", evidence=True),
        Kind(KEY_CHANGE, "", _SUPERVISOR, Two.ALWAYS,
             "another key for one meter: wattbus keychange start"),
        Kind(CAMPAIGN, "", _SUPERVISOR, Two.ALWAYS,
             "another key for a group of meters: wattbus keychange start"),
    )
}  # fmt: skip

"""Run the bills of a case, and compare them with what is expected.

Every bill is computed twice, by the engine and by the slow reference; if a line differs between
the two, the case fails whatever it expects.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import msgspec
from msgspec import UNSET

from core.documents import read_node
from core.money import currency
from core.tariffs.bill_cases import describe_bill, read_bills
from core.tariffs.billing import bill
from core.tariffs.bills import BillLine
from core.tariffs.compiling import CompiledTariff
from core.tariffs.decimals import decimal_text, rounded_text
from core.tariffs.errors import BillError, MissingQuantityError, NoTariffError
from core.tariffs.expected import ExactBill, ExpectedBill, ExpectedBills, differences, same
from core.tariffs.reference_bill import Lines, reference_bill
from core.yamlnodes import Node


@dataclass(frozen=True, slots=True)
class _Outcome:
    said: dict[str, object]
    total: int
    exact: Fraction
    lines: Mapping[tuple[str, int, str], Fraction]
    differs: str


def bill_results(
    node: Node, tariff: CompiledTariff, name: str, path: str
) -> list[dict[str, object]]:
    """What a case's bills come to, as plain data."""
    return [
        {"exact": {"total": rounded_text(outcome.exact, "0.000000")}} | outcome.said
        for outcome in _outcomes(node, tariff, name, path)
    ]


def bill_failures(
    case: tuple[Node, Node], tariff: CompiledTariff, name: str, path: str
) -> list[str]:
    """How the bills of (input, expected) differ from what is expected; one sentence each."""
    given, wanted = case
    chain = any(key.value == "bills" for key, _ in given.value)
    where = f"{path}.expected" if path else "expected"
    below = f"{path}.input" if path else "input"
    if not chain:
        expected = read_node(wanted, ExpectedBill, name, where).value
        try:
            outcomes = _outcomes(given, tariff, name, below)
        except (BillError, MissingQuantityError, NoTariffError) as error:
            return _refused(expected, str(error))
        if expected.refused is not None:
            return [f"expected a refusal, came a total of {outcomes[0].said['total']}"]
        return _compare(expected, outcomes[0])
    all_of_them = read_node(wanted, ExpectedBills, name, where).value
    outcomes = _outcomes(given, tariff, name, below)
    return _compare_chain(all_of_them, outcomes, currency(tariff.tariff.currency).exponent)


def _outcomes(node: Node, tariff: CompiledTariff, name: str, path: str) -> list[_Outcome]:
    money = currency(tariff.tariff.currency)
    case = read_bills(node, tariff, name, path)
    found = []
    for given, credit in zip(case.bills, case.credits, strict=True):
        lines = bill(tariff, given)
        slow = reference_bill(tariff.tariff, given)
        unrounded = reference_bill(tariff.tariff, given, False)
        exact = sum(unrounded.values(), Fraction(0))
        each: dict[tuple[str, int, str], Fraction] = {}
        for (code, block, tou, _), amount in unrounded.items():
            key = code, block, tou
            each[key] = each.get(key, Fraction(0)) + amount / money.scale
        differs = "" if equal(lines, slow) else f"engine and reference differ: {slow}"
        said = describe_bill(given, credit, lines, money.exponent)
        total = sum(line.amount for line in lines)
        found.append(_Outcome(said, total, exact / money.scale, each, differs))
    return found


def equal(lines: tuple[BillLine, ...], slow: Lines) -> bool:
    """Whether the lines that are not zero are the same to the minor unit."""
    came: Counter[tuple[object, ...]] = Counter()
    for line in lines:
        came[line.code, line.block, line.tou, line.first] += line.amount
    return {key: amount for key, amount in came.items() if amount} == slow


def _refused(expected: ExpectedBill, reason: str) -> list[str]:
    if expected.refused is None:
        return [reason]
    says = expected.refused.says
    return [] if says in reason else [f"refused: expected {says!r}, came {reason!r}"]


def _compare(expected: ExpectedBill, outcome: _Outcome) -> list[str]:
    failures = [outcome.differs] if outcome.differs else []
    if expected.exact is not None:
        failures += _compare_exact(expected.exact, outcome.exact)
        failures += _compare_lines(expected.exact, outcome.lines)
    if expected.bill is not None:
        failures += differences(msgspec.to_builtins(expected.bill), outcome.said, "bill")
    return failures


def _compare_lines(expected: ExactBill, came: Mapping[tuple[str, int, str], Fraction]) -> list[str]:
    """Each line said, as the sum of what is meant by its code (and block, and period)."""
    failures = []
    for line in expected.lines:
        found = sum(
            (
                amount
                for (code, block, tou), amount in came.items()
                if code == line.code
                and line.block in (None, str(block))
                and line.tou in (None, tou)
            ),
            Fraction(0),
        )
        text = rounded_text(found, line.amount)
        if not same(line.amount, text):
            failures.append(f"exact.{line.code}: expected {line.amount}, came {text}")
    return failures


def _compare_exact(expected: ExactBill, came: Fraction) -> list[str]:
    if expected.total is None:
        return []
    text = rounded_text(came, expected.total)
    if same(expected.total, text):
        return []
    return [f"exact.total: expected {expected.total}, came {text}"]


def _compare_chain(expected: ExpectedBills, outcomes: list[_Outcome], exponent: int) -> list[str]:
    if len(expected.bills) != len(outcomes):
        return [f"expected {len(expected.bills)} bills, came {len(outcomes)}"]
    failures = []
    for number, (wanted, outcome) in enumerate(zip(expected.bills, outcomes, strict=True), 1):
        failures += [f"bill {number}: {text}" for text in _compare(wanted, outcome)]
    if expected.total is not UNSET:
        total = decimal_text(sum(outcome.total for outcome in outcomes), exponent)
        failures += differences(expected.total, total, "total")
    if expected.exact is not None:
        exact = sum((outcome.exact for outcome in outcomes), Fraction(0))
        failures += _compare_exact(expected.exact, exact)
    return failures

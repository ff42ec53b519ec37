"""Run tariff cases: a file of them, or those inside a mapping file.

A case is ``{"id", "tariff", "input", "expected", "source"}``; see docs/tariffs.md. The *exact*
solution (nothing rounded) and the *sale* (lines at the units that a token can carry) are told
apart in ``expected``. The exact solution is computed twice, by the engine and by ``reference``,
and the two must agree. A case of an unknown shape is a failure, never a skip.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import msgspec

from core.documents import DocumentError, Problem, nodes, read_node
from core.money import currency
from core.tariffs.account_cases import account_failures, account_results, is_account
from core.tariffs.bill_cases import is_bill
from core.tariffs.bill_conform import bill_failures, bill_results
from core.tariffs.cases import CaseInput, describe, read_input
from core.tariffs.compiling import CompiledTariff, NoTariffError
from core.tariffs.decimals import rounded_text
from core.tariffs.expected import ExactUnits, Expected, ExpectedChain, differences, same
from core.tariffs.load import TariffDocument, TariffFile, Text
from core.tariffs.pricing import MissingQuantityError
from core.tariffs.reference import exact_units
from core.tariffs.sale import Priced, SaleResult
from core.tariffs.solving import price, solve
from core.yamlnodes import Node, Size

#: Files of tens of thousands of cases fit; they are written by programs.
SIZE: Final = Size(max_bytes=8_000_000, max_nodes=500_000)


class FileCase(msgspec.Struct, frozen=True, kw_only=True):
    """A case inside a mapping file, whose tariff it uses."""

    id: Text
    input: Node
    expected: Node
    source: Any
    title: Any = None
    note: Any = None


class FullCase(FileCase, frozen=True, kw_only=True):
    """A case with its own tariff."""

    tariff: TariffDocument


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A case whose answer is asked for, not judged."""

    tariff: TariffDocument
    input: Node
    id: Any = None
    expected: Any = None
    source: Any = None
    title: Any = None
    note: Any = None


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case and how it failed: one sentence per difference, none if it passed."""

    id: str
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All results of a file, and the closing line."""

    results: tuple[CaseResult, ...]

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        return tuple(result for result in self.results if result.failures)

    def lines(self) -> list[str]:
        """What a person reads: each difference with its case, then ``N passed, M failed``."""
        said = [f"{result.id}: {text}" for result in self.failed for text in result.failures]
        passed = len(self.results) - len(self.failed)
        return [*said, f"{passed} passed, {len(self.failed)} failed"]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of one sale: the result, and the exact units by engine and by reference."""

    result: SaleResult
    exact: Fraction
    reference: Fraction


def conform(text: str, name: str) -> Report:
    """Run a JSON or YAML list of cases; DocumentError if it is no list."""
    root = nodes(text, name, SIZE)
    if root.kind != "list":
        raise DocumentError([Problem(name, root.line, "", "must be a list of cases")])
    return Report(tuple(run_case(case, name, f"[{i}]") for i, case in enumerate(root.value)))


def conform_file(file: TariffFile, name: str) -> Report:
    """Run the cases inside a mapping file against its own tariff."""
    return Report(
        tuple(run_case(c, name, f"tests[{i}]", file.tariff) for i, c in enumerate(file.tests))
    )


def run_case(case: Node, name: str, path: str, tariff: CompiledTariff | None = None) -> CaseResult:
    """Run one case; ``tariff`` is given where the file, and not the case, has it."""
    label = _label(case) or path
    try:
        if tariff is None:
            full = read_node(case, FullCase, name, path).value
            return CaseResult(full.id, tuple(_run(full, full.tariff.compiled(), name, path)))
        short = read_node(case, FileCase, name, path).value
        return CaseResult(short.id, tuple(_run(short, tariff, name, path)))
    except DocumentError as error:
        return CaseResult(label, tuple(map(str, error.problems)))
    except (NoTariffError, MissingQuantityError, ValueError) as error:
        return CaseResult(label, (str(error),))


def _label(case: Node) -> str:
    """The id of a case that may be wrong in any way."""
    pairs = case.value if case.kind == "mapping" else ()
    return next((str(v.value) for k, v in pairs if k.value == "id" and v.kind == "scalar"), "")


def case_results(case: Node, name: str, path: str = "") -> list[dict[str, object]]:
    """What a case's input gives, sale by sale, as plain data (``expected`` is not looked at).

    Errors: DocumentError; NoTariffError, MissingQuantityError or ValueError for an input that the
    tariff cannot price.
    """
    question = read_node(case, Question, name, path).value
    tariff = question.tariff.compiled()
    exponent = currency(tariff.tariff.currency).exponent
    below = _join(path, "input")
    if is_account(question.input):
        return account_results(question.input, tariff, name, below)
    if is_bill(question.input):
        return bill_results(question.input, tariff, name, below)
    return [
        {"exact": {"units": rounded_text(outcome.exact, "0.000000")}}
        | describe(outcome.result, exponent)
        for outcome in _outcomes(tariff, read_input(question.input, tariff, name, below))
    ]


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _run(case: FileCase, tariff: CompiledTariff, name: str, path: str) -> list[str]:
    if is_account(case.input):
        return account_failures((case.input, case.expected), tariff, name, path)
    if is_bill(case.input):
        return bill_failures((case.input, case.expected), tariff, name, path)
    given = read_input(case.input, tariff, name, _join(path, "input"))
    outcomes = _outcomes(tariff, given)
    exponent = currency(tariff.tariff.currency).exponent
    where = _join(path, "expected")
    if len(given.tenders) == 1 or given.units_milli is not None:
        return _compare(
            read_node(case.expected, Expected, name, where).value, outcomes[0], exponent
        )
    chain = read_node(case.expected, ExpectedChain, name, where).value
    if len(chain.sales) != len(outcomes):
        return [f"expected {len(chain.sales)} sales, came {len(outcomes)}"]
    failures: list[str] = []
    for number, (sale, outcome) in enumerate(zip(chain.sales, outcomes, strict=True), 1):
        failures += [f"sale {number}: {text}" for text in _compare(sale, outcome, exponent)]
    if chain.exact:
        total = sum((outcome.exact for outcome in outcomes), Fraction(0))
        failures += _compare_exact(chain.exact, total)
    return failures


def _outcomes(tariff: CompiledTariff, given: CaseInput) -> list[_Outcome]:
    """The sales of a case one after another; exact solutions are chained exactly."""
    state = given.state
    if given.units_milli is not None:
        priced = price(tariff, given.units_milli, state, given.policy)  # type: ignore[arg-type]
        exact = exact_units(tariff.tariff, priced.tender, state, given.policy)
        return [_Outcome(priced, priced.units_exact, exact)]
    outcomes = []
    sold = Fraction(state.units_milli, 1000)
    for tender in given.tenders:
        result = solve(tariff, tender, state, given.policy, given.encodable)
        here = exact_units(tariff.tariff, tender, state, given.policy)
        engine = result.units_exact if isinstance(result, Priced) else here
        outcome = exact_units(tariff.tariff, tender, state, given.policy, sold)
        outcomes.append(_Outcome(result, outcome + engine - here, outcome))
        if isinstance(result, Priced):
            sold += outcome
            state = msgspec.structs.replace(
                state,
                units_milli=result.units_this_period,
                fixed_due=(),
                fixed_through=result.fixed_through,
                debts=result.debts,
            )
    return outcomes


def _compare(expected: Expected, outcome: _Outcome, exponent: int) -> list[str]:
    failures: list[str] = []
    if outcome.exact != outcome.reference:
        failures.append(f"engine {outcome.exact} and reference {outcome.reference} differ")
    if expected.exact:
        failures += _compare_exact(expected.exact, outcome.reference)
    came = describe(outcome.result, exponent)
    if expected.sale:
        failures += differences(msgspec.to_builtins(expected.sale), came, "sale")
    if expected.refused:
        wanted = msgspec.to_builtins(expected.refused)
        wanted["refused"] = wanted.pop("reason")
        failures += differences(wanted, came, "refused")
    return failures


def _compare_exact(expected: ExactUnits, came: Fraction) -> list[str]:
    text = rounded_text(came, expected.units)
    if same(expected.units, text):
        return []
    return [f"exact.units: expected {expected.units}, came {text}"]

"""Run tariff cases: a file of them, or those inside a mapping file.

A case is ``{"id", "tariff", "input", "expected", "source"}``; see docs/tariffs.md. The *exact*
solution (nothing rounded) and the *sale* (lines at the units that a token can carry) are told
apart in ``expected``. The exact solution is computed twice, by the engine and by ``reference``,
and the two must agree. A case of an unknown shape is a failure, never a skip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

import msgspec

from core.money import currency
from core.tariffs.cases import CaseInput, describe, read_input, rounded_text
from core.tariffs.compiling import CompiledTariff, NoTariffError
from core.tariffs.document import DocumentError, Field, FieldError, parse
from core.tariffs.load import TariffFile, load_tariff
from core.tariffs.pricing import MissingQuantityError
from core.tariffs.reference import exact_units
from core.tariffs.sale import Priced, SaleResult
from core.tariffs.solving import price, solve


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
    root = parse(text, name)
    if not isinstance(root.value, list):
        raise DocumentError(name, [FieldError(root, "must be a list of cases").problem])
    return Report(tuple(run_case(case, name, None) for case in root.value))


def conform_file(file: TariffFile, name: str) -> Report:
    """Run the cases inside a mapping file against its own tariff."""
    return Report(tuple(run_case(case, name, file.tariff) for case in file.tests))


def run_case(case: Field, name: str, tariff: CompiledTariff | None) -> CaseResult:
    """Run one case; ``tariff`` is given where the file, and not the case, has it."""
    label = case.path
    try:
        needed = ["id", "input", "expected", "source"] + ([] if tariff else ["tariff"])
        fields = case.mapping(needed, ("title", "note"))
        label = fields["id"].text()
        tariff = tariff or load_tariff(fields["tariff"], name)
        return CaseResult(label, tuple(_run(fields, tariff)))
    except DocumentError as error:
        return CaseResult(label, (str(error),))
    except FieldError as error:
        return CaseResult(label, (str(DocumentError(name, [error.problem])),))
    except (NoTariffError, MissingQuantityError, ValueError) as error:
        return CaseResult(label, (str(error),))


def case_results(case: Field, name: str) -> list[dict[str, object]]:
    """What a case's input gives, sale by sale, as plain data (``expected`` is not looked at)."""
    fields = case.mapping(("tariff", "input"), ("id", "expected", "source", "title", "note"))
    tariff = load_tariff(fields["tariff"], name)
    exponent = currency(tariff.tariff.currency).exponent
    outcomes = _outcomes(tariff, read_input(fields["input"], tariff))
    return [
        {"exact": {"units": rounded_text(outcome.exact, "0.000000")}}
        | describe(outcome.result, exponent)
        for outcome in outcomes
    ]


def _run(fields: Mapping[str, Field], tariff: CompiledTariff) -> list[str]:
    given = read_input(fields["input"], tariff)
    exponent = currency(tariff.tariff.currency).exponent
    outcomes = _outcomes(tariff, given)
    expected = fields["expected"]
    if len(given.tenders) == 1 or given.units_milli is not None:
        return _compare(expected, outcomes[0], exponent)
    parts = expected.mapping(("sales",), ("exact",))
    sales = parts["sales"].items()
    if len(sales) != len(outcomes):
        return [f"expected {len(sales)} sales, came {len(outcomes)}"]
    failures: list[str] = []
    for number, (sale, outcome) in enumerate(zip(sales, outcomes, strict=True), 1):
        failures += [f"sale {number}: {text}" for text in _compare(sale, outcome, exponent)]
    if "exact" in parts:
        total = sum((outcome.exact for outcome in outcomes), Fraction(0))
        failures += _compare_exact(parts["exact"], total)
    return failures


def _outcomes(tariff: CompiledTariff, given: CaseInput) -> list[_Outcome]:
    """The sales of a case one after another; exact solutions are chained exactly."""
    state = given.state
    if given.units_milli is not None:
        priced = price(tariff, given.units_milli, state, given.policy)
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


def _compare(expected: Field, outcome: _Outcome, exponent: int) -> list[str]:
    parts = expected.mapping((), ("exact", "sale", "refused"))
    if not parts or {"sale", "refused"} <= parts.keys():
        raise FieldError(expected, "needs exact, sale or refused, and not both of the last")
    failures: list[str] = []
    if outcome.exact != outcome.reference:
        failures.append(f"engine {outcome.exact} and reference {outcome.reference} differ")
    if "exact" in parts:
        failures += _compare_exact(parts["exact"], outcome.reference)
    came = describe(outcome.result, exponent)
    if "sale" in parts:
        failures += _differences(parts["sale"], came, "sale")
    if "refused" in parts:
        fields = parts["refused"].mapping(
            ("reason",), ("smallest_useful", "short_at", "largest_useful")
        )
        wanted = {("refused" if key == "reason" else key): f for key, f in fields.items()}
        failures += _differences(Field(wanted, expected.line, expected.path), came, "refused")
    return failures


def _compare_exact(expected: Field, came: Fraction) -> list[str]:
    field = expected.mapping(("units",))["units"]
    field.decimal()
    text = rounded_text(came, field.text())
    return [] if text == field.text() else [f"exact.units: expected {field.text()}, came {text}"]


def _differences(expected: Field, came: object, where: str) -> list[str]:
    """Every key that is expected must have come; what is not mentioned is not judged."""
    if isinstance(expected.value, dict):
        if not isinstance(came, dict):
            return [f"{where}: expected fields, came {came!r}"]
        failures = []
        for key, field in expected.value.items():
            if key in came:
                failures += _differences(field, came[key], f"{where}.{key}")
            else:
                failures.append(f"{where}.{key}: is not part of what came ({', '.join(came)})")
        return failures
    if isinstance(expected.value, list):
        return _list_differences(expected.value, came, where)
    same = _same(expected.value or "", str(came))
    return [] if same else [f"{where}: expected {expected.value}, came {came}"]


def _list_differences(expected: list[Field], came: object, where: str) -> list[str]:
    """Lists have the same entries; those with a code are matched by code and block."""
    if not isinstance(came, list) or len(came) != len(expected):
        return [f"{where}: expected {len(expected)} entries, came {_summary(came)}"]
    failures = []
    left = list(came)
    for i, field in enumerate(expected):
        entry = next((c for c in left if _is_meant(field, c)), None)
        if entry is None:
            failures.append(f"{where}[{i}]: nothing like it came; left are {_summary(left)}")
            continue
        left.remove(entry)
        failures += _differences(field, entry, f"{where}[{i}]")
    return failures


def _is_meant(field: Field, came: object) -> bool:
    if not isinstance(field.value, dict) or not isinstance(came, dict):
        return True
    return all(
        _same(str(field.value[key].value), str(came.get(key)))
        for key in ("code", "block")
        if key in field.value
    )


def _summary(came: object) -> str:
    if not isinstance(came, list):
        return repr(came)
    return (
        ", ".join(
            f"{c.get('code')} {c.get('amount', '')}".strip() if isinstance(c, dict) else str(c)
            for c in came
        )
        or "none"
    )


def _same(expected: str, came: str) -> bool:
    if expected == came:
        return True
    try:
        return Decimal(expected) == Decimal(came)
    except InvalidOperation:
        return False

"""Tariff documents: what is written is read exactly, and an error leads to its line."""

from __future__ import annotations

import contextlib
import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.tariffs.document import DocumentError, FieldError, parse
from core.tariffs.load import TariffFile, load_file, load_tariff
from core.tariffs.shapes import E8, Block, CatchUp, Energy, Fixed, TaxInTender

FILES = sorted(Path("mappings/tariffs").glob("*.yaml"))
UGANDA = Path("mappings/tariffs/uganda-domestic.yaml").read_text(encoding="utf-8")


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def complaint(text: str) -> str:
    with pytest.raises(DocumentError) as caught:
        load_file(text, "uganda.yaml")
    return str(caught.value)


def test_every_file_of_the_folder_loads_and_is_named_after_its_mapping() -> None:
    assert len(FILES) >= 3
    for path in FILES:
        file = load_file(path.read_text(encoding="utf-8"), path.name)
        assert file.mapping == path.stem
        assert file.tests


def test_what_uganda_says() -> None:
    file = load_file(UGANDA, "uganda.yaml")
    assert (file.version, file.effective) == (1, date(2018, 1, 1))
    tariff = file.tariff.tariff
    assert (tariff.currency, tariff.unit) == ("UGX", "kWh")
    (version,) = tariff.versions
    assert version.catch_up == CatchUp(12, "lapse")
    energy, service, vat = version.components
    assert isinstance(energy, Energy)
    assert energy.blocks == (Block(15_000, 250 * E8), Block(None, 75_090_000_000))
    assert isinstance(service, Fixed)
    assert (service.rate_e8, service.quantity, service.payee) == (3360 * E8, "one", "own")
    assert isinstance(vat, TaxInTender)
    assert (vat.rate_e8, vat.on_debts, vat.payee) == (18_000_000, False, "tax_authority")


@pytest.mark.parametrize(
    ("part", "wrong", "said"),
    [
        ("currency: UGX", "currency: UGS", "is not one of"),
        ("kind: fixed", "kind: monthly", "'monthly' is not one of energy, fixed, levy"),
        ("structure: graduated", "structure: volume", "is not one of graduated"),
        ("{rate: 750.9}", "{rate: cheap}", "'cheap' is not a decimal number"),
        ("{rate: 750.9}", "{rate: 7e2}", "'7e2' is not a decimal number"),
        ("{rate: 750.9}", "{rate: 0.123456789}", "finer than 1/100000000"),
        ("{up_to: 15, rate: 250}", "{up_to: 0.0001, rate: 250}", "finer than 1/1000"),
        ("{up_to: 15, rate: 250}", "{upto: 15, rate: 250}", "allowed: rate, up_to"),
        ("rate: 3360", "rate: -1", "must not be negative"),
        ("basis: tender", "basis: lines", "basis lines needs of and has no on_debts"),
        ("on_debts: false", "on_debts: no", "'no' is not one of true, false"),
        ("percent: 18", "percent: 118", "not between 0 and 100"),
        ("payee: tax_authority", "payee: state", "own, tax_authority or third_party:NAME"),
        ("missed_months: 12, beyond: lapse", "missed_months: 12, beyond: x", "lapse, defer"),
        ("missed_months: 12, beyond", "missed_months: 1200, beyond", "between 0 and 120"),
        ("valid_from: 2018-01-01", "valid_from: 2018-02-30", "not a date like"),
        ("effective: 2018-01-01", "effective: 2019-01-01", "day of a version: 2018-01-01"),
        ("format: tariff", "format: tarif", "is not one of tariff"),
        ("version: 1", "version: 0", "between 1 and"),
        ("label: Energy", "label: ''", "must be a text"),
        ("blocks:\n", "block:\n", "'block' is not known here; allowed"),
    ],
)
def test_an_error_names_file_line_and_what_is_allowed(part: str, wrong: str, said: str) -> None:
    text = UGANDA.replace(part, wrong, 1)
    message = complaint(text)
    assert said in message
    line = int(message.split(":")[1])
    assert abs(line - line_of(text, wrong)) <= (1 if wrong.endswith("\n") else 0), message


def test_what_changes_money_has_no_default() -> None:
    for key in ("rounding", "tax_class", "payee", "on_debts", "catch_up"):
        lines = UGANDA.splitlines()
        at = next(i for i, line in enumerate(lines) if line.strip().startswith(f"{key}:"))
        message = complaint("\n".join(lines[:at] + lines[at + 1 :]))
        assert key in message


def test_all_bad_components_are_named_at_once() -> None:
    text = UGANDA.replace("kind: fixed", "kind: fix").replace("percent: 18", "percent: x")
    with pytest.raises(DocumentError) as caught:
        load_file(text, "uganda.yaml")
    assert len(caught.value.problems) == 2


def test_what_cannot_be_priced_leads_to_its_component() -> None:
    text = UGANDA.replace("{up_to: 15, rate: 250}", "{up_to: 15, rate: -900}")
    message = complaint(text)
    assert "less than nothing" in message
    assert f"uganda.yaml:{line_of(text, '- kind: energy')}:" in message
    assert "versions" in message


def test_versions_out_of_order() -> None:
    field = parse(UGANDA, "x").mapping(
        ("mapping", "format", "version", "effective", "source", "note", "tariff", "tests")
    )["tariff"]
    versions = field.mapping(("code", "title", "currency", "unit", "versions"))["versions"].items()
    versions.append(versions[0])
    with pytest.raises(DocumentError, match="order of their dates"):
        load_tariff(field, "x")


def test_json_is_read_like_yaml_even_with_tabs() -> None:
    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {key: plain(field.value) for key, field in value.items()}
        if isinstance(value, list):
            return [plain(field.value) for field in value]
        return value

    document = plain(parse(UGANDA, "x").value)
    for indent in (None, 2, "\t"):
        text = json.dumps(document, indent=indent)
        file = load_file(text, "x.json")
        assert isinstance(file, TariffFile)
        assert file.tariff.tariff == load_file(UGANDA, "x").tariff.tariff


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "x:1: document: is empty"),
        ("a: 1\na: 2", "x:2: document: 'a' is given twice"),
        ('{"a": 1,\n\t"a": 2}', "'a' is given twice"),
        ('{"a": [1,\n\t}', "x:2: document: not JSON"),
        ("a: &x 1\nb: *x", "x:2: b: is an alias"),
        ("? [1]\n: 2", "a key must be a name"),
        ("--- 1\n--- 2", "x:2: document: is a second document"),
        ("a: [", "x:2: document: not YAML"),
        ("a: \x00", "not YAML"),
        ("[" * 50_000, "nested too deeply"),
        ('{\t"a":' * 50_000, "nested too deeply"),
        ("[\t" * 50 + "]" * 50, "nested too deeply"),
        ("x" * 8_000_001, "longer than"),
    ],
)
def test_documents_that_are_none(text: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse(text, "x")
    assert said in str(caught.value)


def test_a_document_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.tariffs.document._MOST_VALUES", 100)
    assert len(parse("- 1\n" * 99, "x").items()) == 99
    with pytest.raises(DocumentError, match=r"x:100: .*too large"):
        parse("- 1\n" * 100, "x")


def test_values_keep_their_text() -> None:
    root = parse("{a: 0.1, b: null, c: 'null', d: 010, e: 1_0}", "x").mapping("abcde")
    assert [root[key].value for key in "abcde"] == ["0.1", None, "null", "010", "1_0"]
    assert root["a"].scaled(10**30) == 10**29
    for reader in ("text", "decimal", "flag", "day", "items"):
        with pytest.raises(FieldError):
            getattr(root["b"], reader)()


@settings(deadline=None)
@given(st.text(alphabet="{}[]:,-?&*!|>'\"%@`#\n\t a1.~\\", max_size=60))
def test_any_text_is_a_tree_or_a_document_error(text: str) -> None:
    with contextlib.suppress(DocumentError):
        assert parse(text, "x").line >= 0


@settings(deadline=None)
@given(st.integers(0, UGANDA.count("\n")), st.sampled_from(["", "  x: 1", "- 1", "kind: energy"]))
def test_a_damaged_tariff_is_read_or_refused(number: int, instead: str) -> None:
    lines = UGANDA.splitlines()
    lines[number : number + 1] = [instead]
    with contextlib.suppress(DocumentError):
        assert load_file("\n".join(lines), "x").tariff.days

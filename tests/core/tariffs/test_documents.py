"""Tariff documents: what is written is read exactly, and an error leads to its line."""

from __future__ import annotations

import contextlib
import json
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from core.documents import DocumentError, nodes
from core.tariffs.conform import SIZE
from core.tariffs.load import TariffFile, load_file
from core.tariffs.shapes import E8, Block, CatchUp, Energy, Fixed, TaxInTender
from core.yamlnodes import MAX_BYTES, MAX_NODES, Size

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
        ("currency: UGX", "currency: UGS", "got 'UGS'; did you mean 'USD'? (allowed: AED, AUD"),
        (
            "kind: fixed",
            "kind: monthly",
            "'monthly' is not known (allowed: allocation, area, credit",
        ),
        (
            "structure: graduated",
            "structure: blocks",
            "got 'blocks' (allowed: graduated, volume, schedule_by_total, package)",
        ),
        ("{rate: 750.9}", "{rate: cheap}", "expected a decimal number like 750.9, got 'cheap'"),
        ("{rate: 750.9}", "{rate: 7e2}", "expected a decimal number like 750.9, got '7e2'"),
        ("{rate: 750.9}", "{rate: nan}", "expected a decimal number like 750.9, got 'nan'"),
        ("{rate: 750.9}", "{rate: 1_0}", "expected a decimal number like 750.9, got '1_0'"),
        ("{rate: 750.9}", "{rate: }", "rate: expected a decimal number like 750.9, got nothing"),
        ("{rate: 750.9}", "{rate: 0.123456789}", "finer than 1/100000000"),
        ("{up_to: 15, rate: 250}", "{up_to: 0.0001, rate: 250}", "finer than 1/1000"),
        (
            "{up_to: 15, rate: 250}",
            "{upto: 15, rate: 250}",
            "unknown; did you mean 'up_to'? (allowed: rate, up_to)",
        ),
        ("rate: 3360", "rate: -1", "expected 0 or more, got -1"),
        ("basis: tender", "basis: lines", "basis lines needs of and has no on_debts"),
        ("on_debts: false", "on_debts: no", "expected true or false, got 'no'"),
        ("percent: 18", "percent: 118", "expected between -100 and 100, got 118"),
        ("percent: 18", "percent: -18", "percent: tax inside the tender is between 0 and 100"),
        ("payee: tax_authority", "payee: state", "own, tax_authority or third_party:NAME, got"),
        ("payee: tax_authority", "payee: 'third_party:'", "third_party:NAME, got 'third_party:'"),
        (
            "missed_months: 12, beyond: lapse",
            "missed_months: 12, beyond: x",
            "(allowed: lapse, defer)",
        ),
        ("missed_months: 12, beyond", "missed_months: 1200, beyond", "<= 120), got '1200'"),
        (
            "valid_from: 2018-01-01",
            "valid_from: 2018-02-30",
            "expected a day like 2026-02-28, got '2018-02-30'",
        ),
        (
            "effective: 2018-01-01",
            "effective: 2019-01-01",
            "effective: must be the day of a version (allowed: 2018-01-01)",
        ),
        ("format: tariff", "format: tarif", "got 'tarif'; did you mean 'tariff'?"),
        ("version: 1", "version: 0", "version: expected an integer (Expected `int` >= 1)"),
        ("label: Energy", "label: ''", "label: expected a text that is not empty, got ''"),
        (
            "blocks:\n",
            "block:\n",
            "block: unknown; did you mean 'blocks'? (allowed: at_",
        ),
        ("kind: tax\n          code: vat", "kind: tax\n          code: energy", "used twice"),
    ],
)
def test_an_error_names_file_line_and_what_is_allowed(part: str, wrong: str, said: str) -> None:
    text = UGANDA.replace(part, wrong, 1)
    message = complaint(text)
    assert said in message
    (told,) = [line for line in message.splitlines() if said in line]
    assert int(told.split(":")[1]) == line_of(text, wrong), message


def test_what_changes_money_has_no_default() -> None:
    for key in ("rounding", "tax_class", "payee", "on_debts", "catch_up"):
        lines = UGANDA.splitlines()
        at = next(i for i, line in enumerate(lines) if line.strip().startswith(f"{key}:"))
        message = complaint("\n".join(lines[:at] + lines[at + 1 :]))
        assert key in message


def test_everything_wrong_is_said_at_once() -> None:
    changes = (
        ("kind: fixed", "kind: fix"),
        ("percent: 18", "percent: x"),
        ("{up_to: 15, rate: 250}", "{up_to: 0.00001, rate: 1e3}"),
        ("effective: 2018-01-01", "effective: soon"),
        ("unit: kWh", "unit: ''"),
    )
    text = UGANDA
    for part, wrong in changes:
        assert part in text
        text = text.replace(part, wrong, 1)
    with pytest.raises(DocumentError) as caught:
        load_file(text, "uganda.yaml")
    assert [problem.path for problem in caught.value.problems] == [
        "effective",
        "tariff.unit",
        "tariff.versions[0].components[0].blocks[0].rate",
        "tariff.versions[0].components[0].blocks[0].up_to",
        "tariff.versions[0].components[1].kind",
        "tariff.versions[0].components[2].percent",
    ]


def test_a_version_that_cannot_be_priced_and_one_that_is_misspelt() -> None:
    at = UGANDA.index("    - valid_from")
    version = UGANDA[at : UGANDA.index("tests:")]
    first = version.replace("rate: 250}", "rate: -900}")
    second = version.replace("2018", "2019").replace("label: VAT", "labl: VAT")
    text = UGANDA.replace(version, first + second)
    with pytest.raises(DocumentError) as caught:
        load_file(text, "uganda.yaml")
    assert [problem.path for problem in caught.value.problems] == [
        "tariff.versions[0].components[0]",
        "tariff.versions[1].components[2]",
        "tariff.versions[1].components[2].labl",
    ]


def test_what_cannot_be_priced_leads_to_its_component() -> None:
    text = UGANDA.replace("{up_to: 15, rate: 250}", "{up_to: 15, rate: -900}")
    message = complaint(text)
    assert "less than nothing" in message
    assert f"uganda.yaml:{line_of(text, '- kind: energy')}:" in message
    assert "versions" in message


def test_versions_out_of_order() -> None:
    at = UGANDA.index("    - valid_from")
    version = UGANDA[at : UGANDA.index("tests:")]
    message = complaint(UGANDA.replace(version, version + version))
    assert f"uganda.yaml:{line_of(UGANDA, 'versions:')}: tariff.versions: " in message
    assert "order of their dates" in message


def test_json_is_read_like_yaml_even_with_tabs() -> None:
    document = yaml.load(UGANDA, Loader=yaml.BaseLoader)  # every scalar a text
    for indent in (None, 2, "\t"):
        text = json.dumps(document, indent=indent)
        file = load_file(text, "x.json")
        assert isinstance(file, TariffFile)
        assert file.tariff.tariff == load_file(UGANDA, "x").tariff.tariff


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "x:1: one document was expected"),
        ("a: 1\na: 2", "x:2: a: given twice, first on line 1"),
        ('{"a": 1,\n\t"a": 2}', "x:2: a: given twice, first on line 1"),
        ('{"a": [1,\n\t}', "x:2: not YAML"),
        ("a: &x 1\nb: *x", "x:1: anchors and aliases are not used here"),
        ("? [1]\n: 2", "a key must be a word"),
        ("--- 1\n--- 2", "one document was expected"),
        ("a: [", "x:1: not YAML"),
        ("a: \x00", "x:1: not YAML"),
        ("[" * 50_000, "x:1: more than 200000 nodes or 40 levels"),
        ('{\t"a":' * 50_000, "40 levels"),
        ("[\t" * 50 + "]" * 50, "40 levels"),
        ("x" * (1 << 20) + "x", "x:1: larger than 1048576 bytes"),
    ],
)
def test_documents_that_are_none(text: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load_file(text, "x")
    assert said in str(caught.value)


def test_a_file_of_cases_may_be_larger() -> None:
    assert len(nodes("- 1\n" * 40, "x", Size(max_bytes=160, max_nodes=41)).value) == 40
    with pytest.raises(DocumentError, match="more than 40 nodes"):
        nodes("- 1\n" * 40, "x", Size(max_bytes=160, max_nodes=40))
    with pytest.raises(DocumentError, match="larger than 159 bytes"):
        nodes("- 1\n" * 40, "x", Size(max_bytes=159, max_nodes=41))
    assert SIZE.max_nodes > MAX_NODES
    assert SIZE.max_bytes > MAX_BYTES


def test_rates_are_read_as_they_are_written() -> None:
    for written, rate in (("010.50", 1_050_000_000), (".5", 50_000_000), ("'+3.'", 3 * E8)):
        file = load_file(UGANDA.replace("{rate: 750.9}", f"{{rate: {written}}}"), "x")
        assert file.tariff.versions[0].energy.blocks[1].rate_e8 == rate


@settings(deadline=None)
@given(st.integers(0, UGANDA.count("\n")), st.sampled_from(["", "  x: 1", "- 1", "kind: energy"]))
def test_a_damaged_tariff_is_read_or_refused(number: int, instead: str) -> None:
    lines = UGANDA.splitlines()
    lines[number : number + 1] = [instead]
    with contextlib.suppress(DocumentError):
        assert load_file("\n".join(lines), "x").tariff.days

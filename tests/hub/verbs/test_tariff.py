"""`wattbus tariff price` and `wattbus tariff lint`."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.verbs.tariff import app

VECTORS = Path(__file__).parents[2] / "vectors" / "tariff-cases-wattbus.json"
CASES: dict[str, dict[str, Any]] = {case["id"]: case for case in json.loads(VECTORS.read_text())}
MAPPINGS = sorted((Path(__file__).parents[3] / "mappings" / "tariffs").glob("*.yaml"))
UGANDA = next(path for path in MAPPINGS if path.stem == "uganda-domestic")


def call(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.stdout, result.stderr


def written(folder: Path, content: object) -> str:
    path = folder / "case.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
    return str(path)


def test_the_lines_of_a_sale_as_json(tmp_path: Path) -> None:
    code, out, err = call("price", written(tmp_path, CASES["UG-VEND-1"]))
    assert (code, err) == (0, "")
    sale = json.loads(out)
    assert sale["exact"] == {"units": "28.103146"}
    assert (sale["units"], sale["carried_forward"], sale["tender"]) == ("28.100", "2", "20000")
    assert [(line["code"], line["amount"]) for line in sale["lines"]] == [
        ("service", "3360"),
        ("vat", "3051"),
        ("energy", "3750"),
        ("energy", "9837"),
    ]
    assert sale["paid_through"] == "2026-02"


def test_json_is_one_line_for_programs(tmp_path: Path) -> None:
    path = written(tmp_path, {key: CASES["UG-VEND-1"][key] for key in ("tariff", "input")})
    code, out, _ = call("price", path, "--json")
    assert (code, out.count("\n")) == (0, 1)
    assert json.loads(out) == json.loads(call("price", path)[1])


def test_a_chain_and_a_list_give_their_sales_in_order(tmp_path: Path) -> None:
    _, out, _ = call("price", written(tmp_path, CASES["ZM-VEND-SPLIT"]))
    assert [sale["units"] for sale in json.loads(out)["sales"]] == ["162.300", "180.400"]
    _, out, _ = call("price", written(tmp_path, [CASES["UG-VEND-1"], CASES["UG-VEND-2"]]))
    assert [sale["units"] for sale in json.loads(out)["sales"]] == ["28.100", "22.500"]


def test_a_refused_sale_is_exit_1_with_what_would_do(tmp_path: Path) -> None:
    given = CASES["UG-VEND-1"]["input"] | {"tender": "3000"}
    code, out, _ = call("price", written(tmp_path, CASES["UG-VEND-1"] | {"input": given}))
    assert code == 1
    refused = json.loads(out)
    assert (refused["refused"], refused["smallest_useful"]) == ("too_small", "3995")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"input": {"on": "soon", "tender": "x"}}, "input.on: expected a day like 2026-02-28"),
        ({"input": {"on": "2026-02-03", "tender": "x"}}, "input.tender: expected a decimal number"),
        ({"input": {"on": "1999-01-01", "tender": "1"}}, "not in force before 2018-01-01"),
        ({"tariff": {}}, "tariff: 'versions' is missing"),
        ({"colour": 1}, "colour: unknown"),
    ],
)
def test_a_case_that_cannot_be_priced_is_exit_2(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    path = written(tmp_path, CASES["UG-VEND-1"] | change)
    code, out, err = call("price", path)
    assert (code, out) == (2, "")
    assert err.startswith(f"{path}:")
    assert says in err


@pytest.mark.parametrize("verb", ["price", "lint"])
def test_no_such_file(verb: str) -> None:
    code, _, err = call(verb, "nowhere.json")
    assert code == 2
    assert "there is no such file" in err


def test_an_empty_list_has_nothing_to_price(tmp_path: Path) -> None:
    code, _, err = call("price", written(tmp_path, []))
    assert code == 2
    assert "no cases" in err


@pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.stem)
def test_what_ships_is_fine(path: Path) -> None:
    code, out, _ = call("lint", str(path))
    assert code == 0
    assert out.startswith(f"{path}: fine (1 version, ")


def test_cases_and_tariffs_alone_are_linted_too(tmp_path: Path) -> None:
    assert call("lint", str(VECTORS))[1] == f"{VECTORS}: fine ({len(CASES)} cases)\n"
    path = written(tmp_path, CASES["UG-VEND-1"])
    assert call("lint", path) == (0, f"{path}: fine (1 case)\n", "")
    path = written(tmp_path, CASES["UG-VEND-1"]["tariff"])
    assert call("lint", path) == (0, f"{path}: fine (1 version)\n", "")


def test_everything_wrong_is_said_with_its_line(tmp_path: Path) -> None:
    text = UGANDA.read_text().replace("percent: 18", "percent: x").replace("kind: fixed", "kind: f")
    path = written(tmp_path, text)
    code, out, _ = call("lint", path)
    assert code == 1
    fixed, tax = out.splitlines()
    line = text[: text.index("kind: f\n")].count("\n") + 1
    assert fixed.startswith(f"{path}:{line}: tariff.versions[0].components[1].kind: 'f' is not kn")
    line = text[: text.index("percent: x")].count("\n") + 1
    assert tax.startswith(f"{path}:{line}: tariff.versions[0].components[2].percent: expected a d")


def test_a_case_that_comes_out_otherwise_is_named_with_its_line(tmp_path: Path) -> None:
    text = UGANDA.read_text().replace("units: 28.1\n", "units: 28.2\n", 1)
    text = text.replace("tender: 3000", "tendr: 3000")
    path = written(tmp_path, text)
    code, out, _ = call("lint", path, "--json")
    told = json.loads(out)
    assert (code, told["fine"]) == (1, False)
    line = text[: text.index("- id: UG-VEND-1")].count("\n") + 1
    other, misread = told["problems"]
    assert other == f"{path}:{line}: UG-VEND-1: sale.units: expected 28.2, came 28.100"
    assert "tests[4].input.tendr: unknown; did you mean 'tender'?" in misread


@pytest.mark.parametrize("text", ["", "5", "{", "a: 1"])
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    code, out, _ = call("lint", path)
    assert code == 1
    assert out.startswith(f"{path}:1: ")

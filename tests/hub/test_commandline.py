"""The command line finds its verbs by their modules' names, so the two must be the same."""

import importlib
import subprocess
import sys

import pytest

from hub.__main__ import _modules


@pytest.mark.parametrize("name", _modules("hub.verbs"))
def test_a_verb_has_the_name_of_its_module(name: str) -> None:
    module = importlib.import_module(f"hub.verbs.{name}")
    if hasattr(module, "app") or hasattr(module, "command"):
        assert name == module.NAME


@pytest.mark.parametrize("name", _modules("simulators"))
def test_a_simulator_has_the_name_of_its_module(name: str) -> None:
    spec = getattr(importlib.import_module(f"simulators.{name}"), "SIMULATOR", None)
    assert spec is None or spec.name == name


@pytest.mark.slow
def test_a_verb_does_not_import_the_others() -> None:
    asked = "import sys, hub.__main__ as m; m.mount(('token', 'decode')); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "hub.verbs.token" in loaded
    assert not {"hub.boot", "twisted.internet.reactor", "sqlalchemy", "litestar"} & set(loaded)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--help"], 0, "balance"),
        (["--help"], 0, "demo"),
        (["simulate", "--help"], 0, "smsc"),
        (["simulate", "meter", "--help"], 0, "--drn"),
        (["simulate", "mobilemoney", "--help"], 0, "forging-stranger"),
        (["demo", "--help"], 0, "--once"),
        (["tokn"], 2, "token"),
        (["simulate", "unheard-of"], 2, "unheard-of"),
    ],
)
def test_help_and_mistyped_names_know_all(arguments: list[str], status: int, words: str) -> None:
    asked = [sys.executable, "-m", "hub", *arguments]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert told.returncode == status
    assert words in told.stdout + told.stderr

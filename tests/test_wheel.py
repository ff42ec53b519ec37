"""The wheel that is built is the wheel that is run: it holds our packages and nothing else."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.test_tidy import CODE, ROOT, tracked

pytestmark = pytest.mark.slow
PLUGIN = "twisted/plugins/wattbus_plugin.py"
VECTORS = ROOT / "tests" / "vectors" / "sts.json"


def run(*words: str, cwd: Path, **environ: str) -> str:
    """What a command says; it must end well."""
    done = subprocess.run(
        words, cwd=cwd, env=os.environ | environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the tree as it stands; pip brings the build tool that pyproject.toml pins."""
    folder: Path = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder),
        str(ROOT), cwd=folder)  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path) -> Path:
    """The wheel installed into a folder of its own."""
    site = wheel.parent / "site"
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site),
        str(wheel), cwd=wheel.parent)  # fmt: skip
    return site


def python(site: Path, *words: str, cwd: Path | None = None) -> str:
    """Python with the installed wheel before everything else, away from the tree."""
    return run(sys.executable, *words, cwd=cwd or site.parent, PYTHONPATH=str(site), COLUMNS="120")


def test_it_holds_what_is_tracked_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    ours = {path.relative_to(ROOT).as_posix() for path in tracked(*CODE)}
    assert held - ours == {PLUGIN}, "neither tests nor strays"
    assert ours - held == set()
    assert any(name.startswith("mappings/tariffs/") for name in held)
    assert any(name.startswith("core/store/migrations/versions/") for name in held)


def test_it_is_not_meant_for_an_index(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith("/METADATA")]
        metadata = archive.read(name).decode()
        (scripts,) = [each for each in archive.namelist() if each.endswith("entry_points.txt")]
        assert "wattbus = hub.__main__:main" in archive.read(scripts).decode()
        assert [each for each in archive.namelist() if each.endswith("licenses/LICENSE")]
    assert "Classifier: Private :: Do Not Upload" in metadata
    assert "License-Expression: Apache-2.0" in metadata
    assert "Requires-Python: >=3.11" in metadata


def test_what_runs_is_what_was_installed(site: Path) -> None:
    names = ", ".join(CODE)
    said = python(site, "-c", f"import {names}; print(*(m.__file__ for m in ({names})))")
    assert [Path(file).is_relative_to(site) for file in said.split()] == [True] * len(CODE)


def test_the_command_line_and_the_vectors(site: Path) -> None:
    verbs = set(re.findall(r"│ ([a-z]+) ", python(site, "-m", "hub", "--help")))
    assert {"check", "conform", "init", "run", "simulate", "tariff", "token"} <= verbs
    said = python(site, "-m", "hub", "conform", "sts", str(VECTORS))
    assert re.fullmatch(r"\d+ passed, 0 failed\n", said)
    tariff = site / "mappings" / "tariffs" / "uganda-domestic.yaml"
    assert "fine" in python(site, "-m", "hub", "tariff", "lint", str(tariff))


def test_an_installation_is_made_upgraded_and_checked(site: Path, tmp_path: Path) -> None:
    """Mappings, migrations and the modules that are found by name come with the wheel."""
    python(site, "-m", "hub", "init", str(tmp_path))
    python(site, "-m", "hub", "db", "upgrade", cwd=tmp_path)
    assert "fine" in python(site, "-m", "hub", "check", cwd=tmp_path)


def test_twisted_finds_its_plugin(site: Path) -> None:
    said = python(
        site,
        "-c",
        "from twisted.application.service import IServiceMaker\n"
        "from twisted.plugin import getPlugins\n"
        "print([p.module for p in getPlugins(IServiceMaker) if p.tapname == 'wattbus'])",
    )
    assert said == "['hub.tap']\n"

"""What an installation brings with it: pinned versions, under licences that we may use.

The default install has nothing under the GPL or AGPL. psycopg is under the LGPL: it is used as it
comes, as a library of its own that anybody may replace.
"""

import re
import tomllib
from collections import deque
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from core.sts.errors import TablesFormError
from core.sts.sta import SAMPLE_TABLES, load_tables

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
#: What a licence's own text, expression or classifier says of it.
ALLOWED = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|ZPL|Zope Public|MPL|Mozilla Public|"
    r"Public Domain|Unlicense|0BSD)\b",
    re.IGNORECASE,
)
#: Allowed for these alone, each as an unchanged library.
LESSER = {"psycopg", "psycopg-binary"}
COPYLEFT = re.compile(r"\bA?GPL|(?<!Lesser )General Public License|Affero", re.IGNORECASE)
#: Without any statement of theirs in the metadata; read in their sources.
STATED: dict[str, str] = {}


def licence(name: str) -> str:
    """What a distribution says of its licence."""
    data = metadata.metadata(name)
    classifiers = [text for text in data.get_all("Classifier") or [] if "License" in text]
    said = [data.get("License-Expression") or "", (data.get("License") or "")[:200], *classifiers]
    return " | ".join(filter(None, said)) or STATED.get(name, "")


def pins(requirements: list[str]) -> dict[str, str]:
    """Name → version of what is pinned."""
    found = {}
    for text in requirements:
        requirement = Requirement(text)
        (pin,) = requirement.specifier
        assert pin.operator == "==", text
        found[canonicalize_name(requirement.name)] = pin.version
    return found


def everything(requirements: list[str]) -> set[str]:
    """All distributions that these bring, with what those need in turn."""
    waiting = deque(Requirement(text) for text in requirements)
    found: dict[str, set[str]] = {}
    while waiting:
        needed = waiting.popleft()
        name = canonicalize_name(needed.name)
        if name in found and needed.extras <= found[name]:
            continue
        found[name] = found.get(name, set()) | needed.extras
        for text in metadata.requires(name) or []:
            inner = Requirement(text)
            extras = {"", *found[name]}
            environments = ({**default_environment(), "extra": extra} for extra in extras)
            if inner.marker is None or any(inner.marker.evaluate(each) for each in environments):
                waiting.append(inner)
    return set(found)


DEFAULT = PROJECT["dependencies"]
OPTIONAL = {
    name: needed for name, needed in PROJECT["optional-dependencies"].items() if name != "dev"
}


def test_what_is_installed_is_what_is_pinned() -> None:
    wanted = pins([*DEFAULT, *(text for needed in OPTIONAL.values() for text in needed)])
    assert {name: metadata.version(name) for name in wanted} == wanted


@pytest.mark.parametrize("name", sorted(everything(DEFAULT)))
def test_the_default_install_is_under_licences_that_we_may_use(name: str) -> None:
    said = licence(name)
    if name in LESSER:
        assert "LGPL" in said or "Lesser General Public License" in said, said
        return
    assert ALLOWED.search(said), f"{name}: {said or 'says nothing'}"
    assert not COPYLEFT.search(said), f"{name}: {said}"


@pytest.mark.parametrize("extra", sorted(OPTIONAL))
def test_no_extra_is_under_the_gpl(extra: str) -> None:
    for name in sorted(everything(OPTIONAL[extra]) - LESSER):
        said = licence(name)
        assert "GPL" not in said.replace("LGPL", ""), f"{name}: {said}"
        assert said, f"{name} says nothing of its licence"


#: A key that somebody uses; those of tests are made when they run.
PRIVATE = re.compile(
    rb"-----BEGIN (?:RSA |EC |ENCRYPTED )?PRIVATE KEY-----[\r\n]+[A-Za-z0-9+/=]{40}"
)
FOLDERS = ("adapters", "channels", "core", "docs", "hub", "mappings", "simulators", "tests")


def kept() -> list[Path]:
    """The files of the repository."""
    files = [path for name in FOLDERS for path in (ROOT / name).rglob("*") if path.is_file()]
    return [path for path in files if "__pycache__" not in path.parts]


def test_no_private_key_is_in_the_repository() -> None:
    files = kept()
    assert len(files) > 500
    assert [str(path) for path in files if PRIVATE.search(path.read_bytes())] == []


def test_no_tables_of_the_standard_are_in_the_repository() -> None:
    """Whole tables come from the association that owns them; ours are the printed sample."""
    for path in kept():
        if path.suffix not in (".json", ".toml", ".txt", ".yaml", ".csv"):
            continue
        try:
            assert load_tables(path.read_text()) == SAMPLE_TABLES, path
        except (TablesFormError, UnicodeDecodeError):
            continue


def test_a_file_of_such_tables_would_be_found() -> None:
    numbers = {"T1": SAMPLE_TABLES.t2, "T2": SAMPLE_TABLES.t1, "P": SAMPLE_TABLES.p}
    text = "\n".join(f"{name} = {list(values)}" for name, values in numbers.items())
    assert load_tables(text) != SAMPLE_TABLES

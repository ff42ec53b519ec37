"""The files that an operator installs: what the unit and the container may not do."""

import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UNIT = ROOT / "docs" / "operations" / "wattbus.service"
CONTAINER = (ROOT / "Containerfile").read_text()
KNOWN = set(
    "FROM WORKDIR RUN COPY ENV USER VOLUME EXPOSE STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD".split()
)
#: Names under which a secret would be put into a layer.
SECRET = re.compile(r"password|secret|token|passphrase|\.key\b|\.pem\b", re.IGNORECASE)


def instructions() -> list[tuple[str, str]]:
    """Instruction and words of each line of the container file."""
    whole = CONTAINER.replace("\\\n", " ")
    lines = [line for line in whole.splitlines() if line.strip() and line[0] != "#"]
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in lines]


def stages() -> list[list[tuple[str, str]]]:
    """The instructions stage by stage."""
    found: list[list[tuple[str, str]]] = []
    for name, words in instructions():
        if name == "FROM":
            found.append([])
        found[-1].append((name, words))
    return found


def test_the_container_file_is_one() -> None:
    assert {name for name, _ in instructions()} <= KNOWN
    build, final = stages()
    assert [words.split()[0] for name, words in (*build, *final) if name == "FROM"] == [
        "python:3.11-slim-bookworm"
    ] * 2
    for name, words in build:
        if name == "COPY":
            *sources, _ = words.split()
            assert all((ROOT / source).exists() for source in sources), words


def test_the_container_has_no_root_and_a_health_check() -> None:
    _, final = stages()
    ((_, user),) = [each for each in final if each[0] == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), (
        "a number: names cannot be checked from outside"
    )
    after = [name for name, _ in final[[name for name, _ in final].index("USER") :]]
    assert {"HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "CMD"} <= set(after)
    assert not {"RUN", "COPY"} & set(after)


def test_no_secret_gets_into_a_layer() -> None:
    assert not [words for name, words in instructions() if SECRET.search(words)]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in ignored if line and line[0] != "#"]
    assert rules[0] == "**", "nothing but what is named"
    copied = {
        source
        for name, words in instructions()
        if name == "COPY" and not words.startswith("--from")
        for source in words.split()[:-1]
    }
    assert copied == {rule[1:] for rule in rules if rule[0] == "!"}
    assert {"**/*.key", "**/*.password", "**/*.secret"} <= set(rules)


def test_the_layers_have_every_package_of_the_wheel() -> None:
    import tomllib

    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    for package in wheel["targets"]["wheel"]["packages"]:
        assert ("COPY", f"{package} {package}") in instructions()


WANTED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "PrivateMounts": "yes",
    "ProtectProc": "invisible",
    "RemoveIPC": "yes",
    "UMask": "0077",
    "CapabilityBoundingSet": "",
    "AmbientCapabilities": "",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "LockPersonality": "yes",
}


@pytest.mark.parametrize("name", WANTED)
def test_the_unit_may_not(name: str) -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # names are as systemd has them
    unit.read_string(UNIT.read_text())
    assert unit["Service"][name] == WANTED[name]


def test_the_unit_is_not_root_and_looks_before_it_starts() -> None:
    text = UNIT.read_text()
    assert "User=wattbus" in text
    assert re.search(r"^ExecStartPre=\S+wattbus check ", text, re.M)
    assert "SystemCallFilter=~@privileged" in text


def test_each_test_that_the_page_names_is_there() -> None:
    page = (ROOT / "docs" / "hardening.md").read_text()
    named = set(re.findall(r"tests/[\w/]+\.py", page))
    assert len(named) > 8
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []

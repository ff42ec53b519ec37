"""Alerts, dashboard and runbook speak of metrics that there are, and of each other."""

import configparser
import json
import re
from pathlib import Path

import pytest
import yaml

from hub import metrics
from hub.bus.publisher import BusState
from hub.metrics import Node
from tests.hub.machine import Machine, fresh_sqlite

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "operations"
_NAME = re.compile(r"\bwattbus_[a-z_]+")
RULES = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
PANELS = json.loads((FOLDER / "dashboard.json").read_text())["panels"]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    machine = Machine(fresh_sqlite(tmp_path_factory.mktemp("books")))
    up = {"state": "up"}
    node = Node(
        {"sms": {**up, "breaker": "closed"}},
        {"l": up},
        {"sms": 1},
        seats={"l": True},
        bus=BusState(True, ready={"stray": 0}),
    )
    with machine.store.reader() as reader:
        return metrics.render(reader, node, machine.time.now_us())


def families(page: str) -> set[str]:
    """As a query names them: a counter's has its ending already."""
    return {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE ")}


def test_the_vocabulary_is_the_one_that_is_documented(page: str) -> None:
    assert families(page) == set(_NAME.findall(metrics.__doc__ or ""))


def test_alerts_and_panels_ask_for_what_there_is(page: str) -> None:
    there = families(page)
    asked = {name for rule in RULES for name in _NAME.findall(rule["expr"])}
    shown = {name for panel in PANELS for name in _NAME.findall(panel["targets"][0]["expr"])}
    assert asked <= there
    assert shown <= there
    assert there - shown == set(), "the dashboard shows all of it"


def test_labels_that_are_asked_for_are_there(page: str) -> None:
    known = set(re.findall(r"(\w+)=\"", page)) | {"instance", "job", "outcome", "state", "handler"}
    known |= {"module", "channel", "link", "target"}
    for text in [*(rule["expr"] for rule in RULES), *(p["targets"][0]["expr"] for p in PANELS)]:
        for labels in re.findall(r"by \(([^)]*)\)", text):
            assert {label.strip() for label in labels.split(",")} <= known, text


def test_each_alert_has_its_paragraph_and_each_paragraph_its_alert() -> None:
    text = (FOLDER / "runbook.md").read_text()
    assert re.findall(r"^### (\w+)$", text, re.M) == [rule["alert"] for rule in RULES]
    for part in re.split(r"^### ", text, flags=re.M)[1:]:
        assert len(part.split("\n## ")[0].strip().splitlines()) > 1, part[:40]


def test_each_alert_says_how_bad_it_is_and_what_it_saw() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
        assert "{{ $" in rule["annotations"]["summary"], rule["alert"]


def test_the_unit_drains_before_it_kills() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # names are as systemd has them
    unit.read_string((FOLDER / "wattbus.service").read_text())
    service = unit["Service"]
    drain = re.search(r"drain_s: .* = ([\d.]+)", (ROOT / "hub" / "sections.py").read_text())
    assert drain is not None
    assert float(service["TimeoutStopSec"]) > 2 * float(drain[1])
    assert (service["KillSignal"], service["Restart"]) == ("SIGTERM", "always")
    assert service["ExecStart"].split("wattbus ")[-1].startswith("run ")

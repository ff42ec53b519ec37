"""The core's doors can be opened first: a channel or a verb may import any of them before all."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
QUERIES = sorted(path.stem for path in (ROOT / "core" / "queries").glob("[a-z]*.py"))
DOORS = (
    *("core.messages", "core.documents", "core.refusals", "core.money"),
    *(f"core.queries.{name}" for name in QUERIES),
)


@pytest.mark.parametrize("door", DOORS)
def test_a_door_can_be_opened_first(door: str) -> None:
    command = [sys.executable, "-c", f"import {door}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]

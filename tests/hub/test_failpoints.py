"""A failpoint kills the process where it says, at the time that it says, and only then."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hub.failpoints import arm

_WALK = """
import sys
from pathlib import Path
from hub.failpoints import hit
for step in ("1", "2", "3"):
    print(step, flush=True)
    if step == sys.argv[2]:
        Path(sys.argv[1]).touch()
    hit("journal.after-commit")
    hit("worker.before-commit")
"""


def walk(folder: Path, spec: str, gate_opens_at: str = "") -> tuple[int, str]:
    gate = folder / "gate"
    environment = {"WATTBUS_FAILPOINT": spec}
    if gate_opens_at:
        environment["WATTBUS_FAILPOINT_GATE"] = str(gate)
    ended = subprocess.run(
        [sys.executable, "-c", _WALK, str(gate), gate_opens_at],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, "".join(ended.stdout.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "gate", "status", "steps"),
    [
        ("", "", 0, "123"),
        ("journal.after-commit", "", -signal.SIGKILL, "1"),
        ("journal.after-commit@3", "", -signal.SIGKILL, "123"),
        ("journal.before-commit", "", 0, "123"),
        ("worker.before-commit", "2", -signal.SIGKILL, "12"),
        ("worker.before-commit@2", "2", -signal.SIGKILL, "123"),
        ("worker.before-commit", "never", 0, "123"),
    ],
)
def test_where_and_when(tmp_path: Path, spec: str, gate: str, status: int, steps: str) -> None:
    assert walk(tmp_path, spec, gate) == (status, steps)


def test_an_unknown_name_is_refused_with_the_right_ones() -> None:
    with pytest.raises(ValueError, match=r"no failpoint unheard-of; there are: journal\."):
        arm("unheard-of")

"""Children end when they are told, are killed when they do not, and leave their last words."""

import os
import signal
import sys
from pathlib import Path

import pytest

from simulators.demo.children import Child, ChildError, environment, last_words, until

OBEYS = [sys.executable, "-c", "print('up', flush=True)\nimport signal; signal.pause()"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal; signal.signal(15, signal.SIG_IGN); print('up', flush=True)\n"
    "while True: signal.pause()",
]


def started(argv: list[str], folder: Path) -> Child:
    child = Child.start("child", argv, folder)
    until(lambda: "up" in last_words(child.log), 20.0, "the child is up")
    return child


def test_until_waits_for_what_is_true_and_says_what_never_came() -> None:
    answers = iter([0, "", None, "here"])
    assert until(lambda: next(answers), 5.0, "it") == "here"
    with pytest.raises(TimeoutError, match=r"the moon: not within 0\.01 s"):
        until(lambda: False, 0.01, "the moon")


@pytest.mark.slow
def test_a_child_ends_when_it_is_told(tmp_path: Path) -> None:
    child = started(OBEYS, tmp_path)
    child.must_live()
    assert child.stop() == -signal.SIGTERM
    with pytest.raises(ChildError, match=r"child ended with -15:\nup"):
        child.must_live()


@pytest.mark.slow
def test_a_stubborn_child_is_killed_and_that_is_an_error(tmp_path: Path) -> None:
    child = started(STUBBORN, tmp_path)
    with pytest.raises(ChildError, match="did not end within"):
        child.stop(0.05)
    assert child.process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_it_is_out_of_reach_of_the_terminal(tmp_path: Path) -> None:
    child = started(OBEYS, tmp_path)
    assert os.getsid(child.process.pid) != os.getsid(0)
    child.kill()
    assert not child.alive()


def test_the_environment_has_nothing_armed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATTBUS_FAILPOINT", "journal.after-commit")
    assert "WATTBUS_FAILPOINT" not in environment({})
    assert environment({"WATTBUS_FAILPOINT": "x"})["WATTBUS_FAILPOINT"] == "x"
    root = environment({})["PYTHONPATH"].split(os.pathsep)[0]
    assert (Path(root) / "hub" / "__main__.py").exists()


def test_no_log_has_no_last_words(tmp_path: Path) -> None:
    assert last_words(tmp_path / "none.log") == ""

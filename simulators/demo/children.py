"""Child processes: started with a log each, and never left behind."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import hub

#: How often something that another process does is looked for.
POLL_S = 0.02
#: How long a child may take to end by itself before it is killed: the hub drains for 20 s at most.
STOP_S = 25.0
_ROOT = Path(hub.__file__).parent.parent
T = TypeVar("T")


class ChildError(Exception):
    """A child did not do what it was started for; the text ends with its last words."""


def until(found: Callable[[], T | None], within_s: float, what: str) -> T:
    """The first true result of ``found``; TimeoutError names ``what`` did not come."""
    end = time.monotonic() + within_s
    while True:
        result = found()
        if result:
            return result
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {within_s:g} s")
        time.sleep(POLL_S)


def wattbus(*args: str) -> list[str]:
    """The command line of this very Wattbus, in this very interpreter."""
    return [sys.executable, "-m", "hub", *args]


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, with this tree first and nothing armed."""
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
    armed = "WATTBUS_FAILPOINT"
    own = {name: value for name, value in os.environ.items() if not name.startswith(armed)}
    return {**own, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **extra}


@dataclass(slots=True)
class Child:
    """One process; what it writes goes to ``log``, one after another when it is started again."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    @classmethod
    def start(
        cls, name: str, argv: Sequence[str], folder: Path, extra: Mapping[str, str] | None = None
    ) -> "Child":
        """Start ``argv`` in ``folder``, out of reach of the terminal's Ctrl-C."""
        log = folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                argv,
                cwd=folder,
                env=environment(extra or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return cls(name, process, log)

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def must_live(self) -> None:
        """Raises ChildError with its last words when it has ended."""
        if not self.alive():
            raise ChildError(
                f"{self.name} ended with {self.process.returncode}:\n{last_words(self.log)}"
            )

    def stop(self, within_s: float = STOP_S) -> int:
        """SIGTERM, and SIGKILL if that does not help; the exit status."""
        if self.alive():
            self.process.terminate()
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ChildError(f"{self.name} did not end within {within_s:g} s") from None

    def kill(self) -> None:
        """SIGKILL: the plug is pulled."""
        self.process.kill()
        self.process.wait()


def last_words(log: Path, lines: int = 12) -> str:
    """The end of a log."""
    try:
        return "\n".join(log.read_text("utf-8", "replace").splitlines()[-lines:])
    except OSError:
        return ""

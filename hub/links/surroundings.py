"""What every link is given, and the file that its password is in."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from hub.wire import Clock, Monotonic


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a link is given; ``clock`` is monotonic, ``draw`` gives random numbers in [0, 1)."""

    reactor: Any
    clock: Clock
    draw: Callable[[], float]
    log: structlog.stdlib.BoundLogger

    @staticmethod
    def of(name: str, reactor: Any) -> "Surroundings":
        """Those of a link in a running hub."""
        log = structlog.get_logger("link").bind(link=name)
        return Surroundings(reactor, Monotonic(reactor), random.random, log)


def read_password(password_file: str, base: Path) -> str:
    """The first line of a password file (relative to ``base``); empty without one.

    OSError when it cannot be read.
    """
    if not password_file:
        return ""
    lines = (base / password_file).read_text(encoding="utf-8").splitlines()
    return lines[0].strip() if lines else ""

"""Wall clock and randomness, passed as arguments: a day is then tested in a millisecond."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass


def _wall_us() -> int:
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True)
class Sources:
    """Where instants (microseconds UTC) and random bytes come from."""

    now_us: Callable[[], int] = _wall_us
    random_bytes: Callable[[int], bytes] = secrets.token_bytes

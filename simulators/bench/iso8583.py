"""`wattbus bench iso8583`: messages per second and core, read and written, beside pyiso8583.

One is a 0200 of sixteen fields as a terminal sends it. Both work on the same octets in turn, and
CPU time is what counts: there is no I/O, and others may use the machine. Without the library (it is
for tests) our figures stand alone.
"""

import importlib
import time
from collections.abc import Callable
from typing import Any

from adapters.iso8583.codec import Codec
from adapters.iso8583.message import Message
from adapters.iso8583.profiles import named
from simulators.bench.options import Options

NAME = "iso8583"
HELP = "ISO 8583 messages a second on one core, beside pyiso8583."
ENGINES: tuple[str, ...] = ()
AIM = 20_000

_FIELDS = {
    3: "500000", 4: "000000050000", 7: "0102030406", 11: "000002", 12: "060406", 13: "0102",
    18: "6012", 22: "021", 25: "00", 32: "123456", 37: "000000000002", 41: "T0000001",
    42: "MERCHANT0000001", 48: "04123456789000000000042", 49: "404", 102: "04123456789",
}  # fmt: skip
_MESSAGE = Message("0200", _FIELDS)
_SHARED = "ascii87_hexbitmap"  # what both read without a word on fields


def _rate(once: Callable[[], object], count: int) -> float:
    start = time.process_time()
    for _ in range(count):
        once()
    return count / (time.process_time() - start)


def _ours(name: str) -> Callable[[], object]:
    codec = Codec(named(name))
    raw = codec.encode(_MESSAGE)
    return lambda: codec.encode(codec.decode(raw))


def _theirs() -> Callable[[], object] | None:
    """The library with the specification that it brings; None: not installed."""
    try:
        library = importlib.import_module("iso8583")
        spec = importlib.import_module("iso8583.specs").default_ascii
    except ModuleNotFoundError:
        return None
    raw = Codec(named(_SHARED)).encode(_MESSAGE)
    assert library.encode(library.decode(raw, spec)[0], spec)[0] == raw
    return lambda: library.encode(library.decode(raw, spec)[0], spec)


def messages(count: int = 5_000, rounds: int = 3) -> dict[str, Any]:
    """Messages per second, the best of ``rounds`` in turn."""
    kinds: dict[str, Callable[[], object] | None] = {
        "ascii": _ours(_SHARED),
        "bcd": _ours("bcd87"),
        "pyiso8583": _theirs(),
    }
    best: dict[str, Any] = {}
    for _ in range(rounds):
        for name, once in kinds.items():
            if once is not None:
                best[name] = max(best.get(name, 0), round(_rate(once, count)))
    return best


def run(options: Options) -> dict[str, Any]:
    """The figures, and their ratios to the aim and to the library on the same message."""
    figures = messages(count=500 * options.seconds, rounds=options.rounds)
    theirs = figures.get("pyiso8583")
    return {
        "bench": NAME,
        "aim": AIM,
        **figures,
        "ascii_to_aim": round(figures["ascii"] / AIM, 2),
        "ascii_to_pyiso8583": round(figures["ascii"] / theirs, 2) if theirs else "not installed",
    }

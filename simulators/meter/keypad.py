"""The meter's keypad in a terminal: a line is a token; words are for the one who plays.

A pure loop over lines, so that a test or a pipe can type as well as a person.
"""

import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from core.sts.errors import StsError
from core.sts.meter_state import MeterModel
from core.sts.sta import SAMPLE_TABLES, load_tables
from core.sts.tid import base_date
from core.units import quantity
from simulators.meter.device import Coding, Meter, display

HELP = "Type the 20 digits of a token. Also: state (as JSON), use 1.5 (units), help, quit."
LINE_MAX = 200  # a token has 20 digits; the rest of a longer line is not read
_USE = re.compile(r"use\s+(\d{1,6})(?:\.(\d))?", re.ASCII)


def converse(
    meter: Meter,
    lines: Iterable[str],
    now_us: Callable[[], int],
    keep: Callable[[], None] = lambda: None,
) -> Iterator[str]:
    """What the display says to each line typed; ends with the lines or with `quit`.

    `keep` is called after each change, before it is shown.
    """
    for typed in lines:
        line = typed[:LINE_MAX].strip()
        if line in ("quit", "exit", "q"):
            return
        if not line:
            continue
        answer = _answer(meter, line, now_us())
        keep()
        yield answer


def _answer(meter: Meter, line: str, now_us: int) -> str:
    if line == "state":
        return json.dumps(meter.look())
    if line in ("help", "?"):
        return HELP
    if used := _USE.fullmatch(line):
        wanted = int(used[1]) * 10 + int(used[2] or 0)
        really = meter.consume(wanted)
        short = "" if really == wanted else ": the meter has switched off"
        return f"Used {quantity(really, meter.commodity)}{short}"
    return display(meter.enter(line, now_us), meter)


def _make(coding: Coding, tables_file: Path | None, kept: Path | None) -> Meter:
    tables = load_tables(tables_file.read_text("utf-8")) if tables_file else SAMPLE_TABLES
    if kept is not None and kept.exists():
        return Meter.restore(kept, tables)
    return Meter.coded(coding, MeterModel(coding.ea, tables))


def _prompted(shown: str) -> Iterator[str]:
    """Lines of the terminal, with a prompt when somebody sits there."""
    while True:
        if sys.stdin.isatty():
            sys.stdout.write(shown)
            sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            return
        yield line


def command(
    drn: str = "04123456784",
    ea: int = 11,
    sgc: str = "201457",
    krn: int = 1,
    ti: str = "01",
    base: int = 2014,
    tables: Path | None = None,
    state: Path | None = None,
) -> None:
    """An STS meter with the public test keys: type tokens, see what its display says.

    --drn is its number (11 or 13 digits); --ea 7 or 11; --state keeps what it remembers in a file;
    --tables are the licensed tables of EA07 (else the sample ones).
    """
    try:
        meter = _make(Coding(drn, ea, sgc, krn, ti, base=base_date(base)), tables, state)
    except (StsError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from error
    sys.stdout.write(f"Meter {drn}, EA{ea:02d}, supply group {meter.state.sgc}. {HELP}\n")
    keep = (lambda: meter.save(state)) if state else (lambda: None)
    try:
        for answer in converse(meter, _prompted("> "), lambda: time.time_ns() // 1000, keep):
            sys.stdout.write(answer + "\n")
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stdout.write("\n")

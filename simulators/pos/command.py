"""Runs a terminal by hand. Its help is the docstring of :func:`run`."""

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from core.money import MoneyError, currency
from simulators.pos.keyboard import HELP, Desk, Played
from simulators.pos.line import Exchange, Line, NoHost
from simulators.pos.paper import prompt
from simulators.pos.terms import Setup
from simulators.pos.wording import WordingError, wording_of

#: DE 49 of currencies that a terminal of ours has been set up with (ISO 4217, numeric).
NUMERIC: Mapping[str, str] = {
    "UGX": "800", "KES": "404", "TZS": "834", "RWF": "646", "ZMW": "967", "NGN": "566",
    "GHS": "936", "ZAR": "710", "USD": "840", "EUR": "978", "CNY": "156", "XOF": "952",
    "XAF": "950", "ETB": "230", "JOD": "400", "BHD": "048", "KWD": "414",
}  # fmt: skip


def run(
    host: str = "127.0.0.1:8583",
    terminal: str = "T0000001",
    merchant: str = "",
    dialect: str = "generic-1987-ascii",
    key_file: Path | None = None,
    money: str = "UGX",
    zone: str = "",
    answer_s: float = 30.0,
    stan: int = 0,
    script: Path | None = None,
    as_json: Annotated[bool, typer.Option("--json", help="Events as JSON lines.")] = False,
) -> None:
    """A POS terminal in the terminal: sign on, sell, pay, lose answers, reverse, settle.

    --host is the endpoint of the hub's channel; --dialect a name in mappings/pos or a file;
    --key-file has the terminal's master key in hex. --zone: of the terminal's clock, such as
    Africa/Kampala; else the machine's own. --stan: the first number that it gives; else the time
    of day, so that a terminal that is on again gives new ones.

    Lines come from the keyboard, or from --script FILE (# begins a comment); then the exit status
    is 1 if a line could not be done. Type help to see the keys.
    """
    try:
        setup = Setup(
            number=terminal,
            wording=wording_of(dialect),
            merchant=merchant,
            currency=NUMERIC[money],
            exponent=currency(money).exponent,
            zone=zone or _own_zone(),
            master=bytes.fromhex(key_file.read_text().strip()) if key_file else b"",
            answer_s=answer_s,
            again_s=min(5.0, answer_s),
            first_stan=stan or int(time.strftime("%H%M%S")) or 1,
        )
        address, _, port = host.rpartition(":")
        if not address or not port.isdigit():
            raise ValueError(f"--host {host!r} is not HOST:PORT")
        lines = script.read_text("utf-8").splitlines() if script else None
    except (WordingError, MoneyError, KeyError, ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from error
    desk = desk_at(setup, address, int(port), money, as_json=as_json)
    with_keys = lines if lines is not None else _typed(desk, sys.stdin)
    raise SystemExit(play(desk, with_keys, greet=script is None and not as_json))


def desk_at(setup: Setup, host: str, port: int, money: str, *, as_json: bool = False) -> Desk:
    """A terminal with a person at it, not connected yet."""
    terminal = Played(setup, time.time)
    desk: Desk
    line = Line(terminal, host, port, lambda terminal, event: desk.heard(terminal, event))
    line.hung = True
    tell: Callable[[Mapping[str, Any]], None] | None = _told if as_json else None
    desk = Desk(terminal, line, Exchange([line]), money, _write, tell)
    return desk


def play(desk: Desk, lines: Iterable[str], *, greet: bool) -> int:
    """Connect and do what the lines say; the exit status."""
    try:
        desk.line.dial(desk.now)
    except NoHost as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if greet:
        _write(f"Terminal {desk.terminal.setup.number}.\n{HELP}")
    try:
        for text in lines:
            if not desk.typed(text):
                break
    except KeyboardInterrupt:
        _write("")
    finally:
        desk.exchange.close()
    return 1 if desk.trouble and not sys.stdin.isatty() else 0


def _typed(desk: Desk, source: IO[str]) -> Iterable[str]:
    """Lines of the keyboard, with a prompt where a person sits."""
    while True:
        if source.isatty():
            sys.stdout.write(prompt(desk.terminal))
            sys.stdout.flush()
        text = source.readline()
        if not text:
            return
        yield text


def _own_zone() -> str:
    """The machine's zone by name; UTC where it has none."""
    link = Path("/etc/localtime")
    name = str(link.resolve()).partition("zoneinfo/")[2] if link.exists() else ""
    return name or "UTC"


def _told(facts: Mapping[str, Any]) -> None:
    _write(json.dumps(facts, ensure_ascii=False))


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()

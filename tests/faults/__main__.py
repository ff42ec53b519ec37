"""``python -m tests.faults [NAME …]``: plays the scenarios, writes rows and the table."""

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from time import time

import structlog

from tests import scratch
from tests.faults.runner import Play, Row, Stage, play_all
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.servers import Servers


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios; none: all")
    parser.add_argument("--engine", action="append", help="on these engines only")
    parser.add_argument("--short", action="store_true", help="the short form, as in make test")
    parser.add_argument("--seed", type=int, default=int(time()), help="of all that is by chance")
    parser.add_argument("--json", type=Path, help="add a line for each row to this file")
    parser.add_argument("--list", action="store_true", help="say what there is, and do nothing")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def plays(given: argparse.Namespace) -> list[Play]:
    """What is to be played, in the order of the list."""
    known = {each.name for each in SCENARIOS}
    if unknown := [name for name in given.names if name not in known]:
        sys.exit(f"no scenario {', '.join(unknown)}; there are: {', '.join(sorted(known))}")
    return [
        Play(
            each, engine, each.short if given.short else each.full,
            "short" if given.short else "full", given.seed,
        )
        for each in SCENARIOS
        if each.name in (given.names or known)
        for engine in _engines(each, given)
    ]  # fmt: skip


def _engines(scenario: Scenario, given: argparse.Namespace) -> Sequence[str]:
    there = scenario.in_short if given.short and not given.names else scenario.engines
    return [each for each in there if not given.engine or each in given.engine]


def told(row: Row) -> str:
    """One line for people."""
    return (
        f"{row.scenario} on {row.engine}: {row.messages} messages, {row.repeats} repeats, "
        f"{row.pushed_back} pushed back, {row.sales} sales, {row.restarts} restarts, recovered in "
        f"{row.recovery_s:g} s, {row.seconds:g} s in all: "
        + ("holds" if not row.findings else "\n  " + "\n  ".join(row.findings[:20]))
    )


def main() -> None:
    """Exit 1 when anything was found."""
    given = arguments()
    todo = plays(given)
    if given.list:
        print("\n".join(f"{each.scenario.name} {each.engine}" for each in todo))
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(f"seed {given.seed}, {len(todo)} to play", flush=True)
    stage, failed = Stage(Servers(), alone=given.alone), False
    try:
        for row in play_all(stage, todo):
            failed = failed or bool(row.findings)
            print(told(row), flush=True)
            if given.json:
                with given.json.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row.data()) + os.linesep)
    finally:
        stage.close()
    sys.exit(failed)


def _ended(*_: object) -> None:
    sys.exit("ended by a signal")


if __name__ == "__main__":
    scratch.keep_byte_code()  # many processes are started
    signal.signal(signal.SIGTERM, _ended)  # what was started is ended, also then
    main()

"""The table of ``docs/reliability.md``: ``python -m tests.faults.report ROWS.json``.

Of each scenario and engine the newest row is shown; the text around the table is left alone.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.faults.runner import Row
from tests.faults.scenarios import SCENARIOS

PAGE = Path(__file__).parent.parent.parent / "docs" / "reliability.md"
BEGIN, END = "<!-- rows: make faults -->", "<!-- end of rows -->"
HEAD = (
    "| what is broken | engine | messages (repeats, pushed back) | sales | restarts | "
    "healed | recovery, longest (mean) | result |\n|---|---|---|---|---|---|---|---|"
)


def read(path: Path) -> list[Row]:
    """Rows as the runner wrote them, a line each."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Row(**json.loads(line)) for line in lines if line]


def newest(rows: Iterable[Row]) -> list[Row]:
    """The last of each scenario and engine, in the order of the scenarios."""
    last = {(row.scenario, row.engine): row for row in rows}
    return [
        last[each.name, engine]
        for each in SCENARIOS
        for engine in each.engines
        if (each.name, engine) in last
    ]


def line(row: Row) -> str:
    """One line of the table."""
    (says,) = [each.says for each in SCENARIOS if each.name == row.scenario]
    kinds = sorted({finding.partition(" ")[0] for finding in row.findings})
    result = f"**{', '.join(kinds)}**" if kinds else "holds"
    form = "" if row.form == "full" else f" ({row.form})"
    return (
        f"| {says} | {row.engine}{form} | {row.messages:,} ({row.repeats:,}, {row.pushed_back:,}) "
        f"| {row.sales:,} | {row.restarts} | {row.times} × "
        f"| {row.recovery_s:.1f} s ({row.recovery_mean_s:.1f}) | {result} |"
    )


def table(rows: Iterable[Row]) -> str:
    """All of it."""
    return "\n".join([HEAD, *(line(row) for row in newest(rows))])


def renewed(page: str, rows: Iterable[Row]) -> str:
    """The page with these rows. ValueError: it has no place for them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{table(rows)}\n{END}{after}"


def main() -> None:
    """Rewrite the page."""
    rows = read(Path(sys.argv[1]))
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8")


if __name__ == "__main__":
    main()

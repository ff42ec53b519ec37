"""``wattbus check --tokens``: the proof from the outside, by a connection that can only read."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from core.calendars import local_time, start_of_day
from core.store.tx import StoreError
from core.sts.proof import MADE, difference, other
from core.sts.proof_counter import Counted
from hub.config import Config
from hub.proof import EVERYTHING, Proof
from hub.proof_read import Span
from hub.proof_store import Proven, last_proof, sums
from hub.verbs._shared import die, reader_store


@dataclass(frozen=True, slots=True)
class Asked:
    """What to prove: days YYYY-MM-DD, both included; '' for no bound."""

    since: str = ""
    until: str = ""
    as_json: bool = False
    zones: Mapping[str, str] = field(default_factory=dict)

    def span(self) -> Span:
        """The instants: each day as it is in every company's zone. Exit 2 on what is no day."""
        zones = set(self.zones.values()) or {"UTC"}
        since, until = _day("--since", self.since), _day("--until", self.until)
        if since and until and until < since:
            die(f"--until {until} lies before --since {since}", 2)
        first, last = EVERYTHING.since, EVERYTHING.until
        if since:
            first = min(start_of_day(since, zone) for zone in zones)
        if until:
            last = max(start_of_day(until + timedelta(days=1), zone) for zone in zones)
        return Span(first, last)


def _day(option: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        die(f"{option} {text} is no day: write YYYY-MM-DD", 2)


def prove(settings: Config, asked: Asked) -> None:
    """Prove it and say so: exit 1 with every finding named, 2 when what is asked is no question."""
    span = asked.span()
    store = reader_store(settings)
    try:
        with store.reader() as reader:
            last = last_proof(reader)
        proof = Proof(store.reader, span, asked.zones, last.heads)
        _watched(proof)
    except StoreError as error:
        die(f"the database does not answer, or is not at this version's schema: {error}")
    finally:
        store.close()
    if asked.as_json:
        typer.echo(json.dumps(_report(proof, last)))
    else:
        _say(proof)
    if proof.findings.total:
        raise typer.Exit(1)


def _watched(proof: Proof) -> None:
    """Run it; on a terminal with a line that shows how far it is."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("proving", total=None)
        for reached in proof.run():
            day = local_time(reached, "UTC").date() if 0 < reached < EVERYTHING.until // 100 else ""
            progress.update(task, description=f"proving {day}: {proof.tokens:,} tokens")


def _say(proof: Proof) -> None:
    for finding in proof.findings.listed:
        typer.secho(f"{finding.code}: {finding.sentence}", err=True, fg=typer.colors.RED)
    unlisted = proof.findings.total - len(proof.findings.listed)
    if unlisted:
        typer.secho(f"and {unlisted:,} more findings", err=True, fg=typer.colors.RED)
    for (company, module, day), counts in sorted(proof.matching.totals.items()):
        typer.echo(
            f"{company or '(no company)'}  {module or '(no module)'}  {day}  "
            f"made {counts[MADE]:,}, sold {counts['sale']:,}, other causes {other(counts):,}, "
            f"differences {abs(difference(counts)):,}"
        )
    for counted in proof.counters:
        _say_counter(counted)
    made, sold, others = sums(proof.matching)
    typer.echo(
        f"tokens: made {made:,}, sold {sold:,}, other causes {others:,}, "
        f"differences {proof.findings.total:,}"
    )


def _say_counter(counted: Counted) -> None:
    for before, after in counted.restarts:
        typer.secho(
            f"{counted.module}: its counter went back from {before.counted:,} to "
            f"{after.counted:,}: another box, or set anew; what it made in between is not compared",
            err=True,
            fg=typer.colors.YELLOW,
        )
    last = counted.last
    typer.echo(
        f"{counted.module}  its own counter {last.counted:,}, logged {last.logged:,} "
        f"at {local_time(last.at, 'UTC'):%Y-%m-%d %H:%M:%S} UTC, not logged {counted.extra:,}"
    )


def _report(proof: Proof, last: Proven) -> dict[str, Any]:
    made, sold, others = sums(proof.matching)
    return {
        "made": made,
        "sold": sold,
        "other": others,
        "differences": proof.findings.total,
        "findings": [
            {"code": f.code, "sentence": f.sentence, "args": dict(f.args)}
            for f in proof.findings.listed
        ],
        "codes": dict(proof.findings.counts),
        "days": [
            {"company": company, "module": module, "day": day, "counts": dict(counts)}
            for (company, module, day), counts in sorted(proof.matching.totals.items())
        ],
        "heads": [
            {"module": m, "writer": w, "batch": e.batch, "total": e.total, "seal": e.seal}
            for (m, w), e in sorted(proof.heads.items())
        ],
        "counters": [
            {
                "module": counted.module,
                "at_us": counted.last.at,
                "counted": counted.last.counted,
                "logged": counted.last.logged,
                "not_logged": counted.extra,
                "restarts": len(counted.restarts),
            }
            for counted in proof.counters
        ],
        "proved_before_us": last.until if last.heads else None,
    }

"""A module's log checked row by row: numbering, seals and totals of one writer."""

from dataclasses import dataclass

from core.sts.log_row import LogRow, unpacked
from core.sts.module_log import GENESIS, LogEntry, seal
from core.sts.proof import Findings


@dataclass(frozen=True, slots=True)
class End:
    """Where a writer's log ends, or ended: what a later proof holds it to. ``seal`` in hex."""

    batch: int
    total: int
    seal: str


BEGINNING = End(0, 0, GENESIS.hex())


def checked(row: LogRow, before: End, findings: Findings) -> list[LogEntry]:
    """The entries of the row that should follow ``before``; what does not fit is noted.

    After a break the row is taken at its word, so that each break is named once. A row whose
    entries cannot be read gives none: its tokens then show as made by no module.
    """
    where = {"module": row.module, "writer": row.writer, "batch": row.batch}
    if row.batch != before.batch + 1:
        findings.add("log-gap", **where, before=before.batch)
    elif row.previous != before.seal:
        findings.add("log-link", **where)
    try:
        entries = unpacked(row)
        fits = seal(bytes.fromhex(row.previous), entries).hex() == row.seal
    except ValueError:
        entries, fits = [], False
    if not fits:
        findings.add("log-seal", **where)
    listed, expected = len(row.digests.split()), before.total + row.made
    follows = row.total == expected or row.batch != before.batch + 1  # a gap has its own name
    if listed != row.made or not follows:
        findings.add(
            "log-total", **where, listed=listed, made=row.made, total=row.total, expected=expected
        )
    return entries


def end_of(row: LogRow) -> End:
    """The log's end after this row."""
    return End(row.batch, row.total, row.seal)


def held_to(
    place: tuple[str, str], then: End, now: tuple[End | None, End], findings: Findings
) -> None:
    """A log compared with where it stood at the last proof.

    ``now``: the row with the batch number of ``then`` (None: gone), and the log's last row.
    """
    row, last = now
    where = {"module": place[0], "writer": place[1], "batch": then.batch, "total": then.total}
    if row is None or last.total < then.total:
        findings.add("log-shrunk", **where, found=last.total)
    elif row != then:
        findings.add("log-rewritten", **where)

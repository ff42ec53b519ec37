"""Proofs as they are kept: each goes on where the last one ended, and is itself final."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from core.store.tx import Reader, Tx
from core.sts.proof import MADE, other
from core.sts.proof_chain import End
from core.sts.proof_match import Matching
from hub.proof import EVERYTHING, Place, Proof

_COLUMNS = (
    "until_us", "since_us", "at", "made", "sold", "other", "findings", "totals", "listed", "heads",
)  # fmt: skip
_encode = msgspec.json.encode
_heads = msgspec.json.Decoder(list[tuple[str, str, int, int, str]])


@dataclass(frozen=True, slots=True)
class Proven:
    """The last proof: up to which instant, and where the logs stood."""

    until: int = EVERYTHING.since
    heads: Mapping[Place, End] = field(default_factory=dict)


def last_proof(reader: Reader) -> Proven:
    """The last proof that is kept; before the first: nothing is proved."""
    rows = reader.rows("SELECT until_us, heads FROM token_proof ORDER BY until_us DESC LIMIT 1")
    if not rows:
        return Proven()
    heads = {
        (m, w): End(batch, total, seal) for m, w, batch, total, seal in _heads.decode(rows[0][1])
    }
    return Proven(int(rows[0][0]), heads)


def keep(tx: Tx, proof: Proof, now_us: int) -> bool:
    """Keep a finished proof; False when another node was first."""
    made, sold, others = sums(proof.matching)
    row = (
        proof.ours.until,
        proof.ours.since,
        now_us,
        made,
        sold,
        others,
        proof.findings.total,
        _encode([[*place, counts] for place, counts in sorted(proof.matching.totals.items())]),
        _encode([[finding.code, finding.args] for finding in proof.findings.listed]),
        _encode([[*place, *_parts(end)] for place, end in sorted(proof.heads.items())]),
    )
    texts = [value.decode() if isinstance(value, bytes) else value for value in row]
    tail = "ON CONFLICT (until_us) DO NOTHING RETURNING until_us"
    return bool(tx.insert("token_proof", _COLUMNS, [tuple(texts)], tail))


def _parts(end: End) -> tuple[int, int, str]:
    return end.batch, end.total, end.seal


def sums(matching: Matching) -> tuple[int, int, int]:
    """(made, sold, other causes) over every place."""
    places = matching.totals.values()
    return (
        sum(counts[MADE] for counts in places),
        sum(counts["sale"] for counts in places),
        sum(other(counts) for counts in places),
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """For the metrics: findings of all proofs that are kept, and the end of the last (0: none)."""

    findings: int
    until_us: int


def standing(reader: Reader) -> Standing:
    """What the kept proofs come to. A finding does not go away because the next day was fine."""
    rows = reader.rows("SELECT COALESCE(sum(findings), 0), max(until_us) FROM token_proof")
    return Standing(int(rows[0][0]), int(rows[0][1] or 0))

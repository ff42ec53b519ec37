"""Runs STS vectors: `{id, kind, description, inputs, expected, source}` against this package.

Kinds: token, raw_section, key_change, decoder_key, block_cipher, crc, amount, tid, expiry, luhn,
pan, pan_block. Hex in any case; times `YYYY-MM-DD HH:MM` UTC. An entry whose kind, inputs or
expected fields are not known is a failure. EA07 entries of real meters (`sta_tables: live`, or no
mark at all) need the licensed tables; without them they are skipped, after what needs no tables
(the clear block) has been compared.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.sts import conform_kinds
from core.sts.conform_inputs import Inputs, LiveTablesNeeded
from core.sts.errors import ConformShapeError, StsError
from core.sts.sta import Tables

Vector = Mapping[str, Any]

KINDS: dict[str, Callable[[Inputs], dict[str, Any]]] = {
    "token": conform_kinds.token,
    "raw_section": conform_kinds.raw_section,
    "key_change": conform_kinds.key_change,
    "decoder_key": conform_kinds.decoder_key,
    "block_cipher": conform_kinds.block_cipher,
    "crc": conform_kinds.crc,
    "amount": conform_kinds.amount,
    "tid": conform_kinds.tid,
    "expiry": conform_kinds.expiry,
    "luhn": conform_kinds.luhn,
    "pan": conform_kinds.pan,
    "pan_block": conform_kinds.pan_block,
}

LIVE_TABLES = "needs the licensed EA07 tables (--tables FILE)"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one vector; `expected` and `got` as short texts, `reason` of a skip or of a
    failure that gave no value."""

    id: str
    result: Literal["ok", "failed", "skipped"]
    expected: str = ""
    got: str = ""
    reason: str = ""


def run(vectors: Sequence[Vector], tables: Tables | None = None) -> list[Outcome]:
    """One outcome per vector, in order; never raises for what a vector holds."""
    return [_run_one(place, vector, tables) for place, vector in enumerate(vectors)]


def _run_one(place: int, vector: Vector, tables: Tables | None) -> Outcome:
    name = f"entry {place + 1}"
    expected: Any = None
    try:
        if not isinstance(vector, Mapping):
            raise ConformShapeError("An entry is an object.")
        name = str(vector.get("id", name))
        kind, expected = vector.get("kind"), vector.get("expected")
        if kind not in KINDS:
            raise ConformShapeError(f"Unknown kind {kind!r}.", where="kind")
        if not isinstance(expected, Mapping) or not expected:
            raise ConformShapeError("expected is an object with at least one field.")
        inputs = Inputs(vector.get("inputs"), expected, tables)
        return _compare(name, expected, KINDS[kind](inputs), inputs)
    except StsError as error:
        return Outcome(name, "failed", _text(expected), "", f"{error.code}: {error}")
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        reason = f"inputs of a wrong form: {type(error).__name__}: {error}"
        return Outcome(name, "failed", _text(expected), "", reason)


def _compare(
    name: str, expected: Mapping[str, Any], got: Mapping[str, Any], inputs: Inputs
) -> Outcome:
    inputs.check_all_known()
    for field, wanted in expected.items():
        if field not in got:
            raise ConformShapeError(f"Unknown expected field {field!r}.", where=field)
        value = got[field]
        if isinstance(value, LiveTablesNeeded):
            continue
        if _plain(wanted) != _plain(value):
            return Outcome(name, "failed", f"{field} {_text(wanted)}", f"{field} {_text(value)}")
    if any(isinstance(got[field], LiveTablesNeeded) for field in expected):
        return Outcome(name, "skipped", reason=LIVE_TABLES)
    return Outcome(name, "ok")


def _plain(value: Any) -> Any:
    """For comparing: hex in any case; a true or false is never the number 1 or 0."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, str):
        return value.upper()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return " / ".join(_text(item) for item in value)
    return str(value)

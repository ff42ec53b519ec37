"""The project's vectors, and that the runner fails what is not as they say."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from adapters.iso8583.codec import Codec
from adapters.iso8583.conform import run
from adapters.iso8583.profiles import named

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent.parent / "vectors" / "iso8583.json").read_text()
)


def test_every_vector_passes() -> None:
    outcomes = run(VECTORS)
    assert len(outcomes) == 37
    assert [outcome for outcome in outcomes if outcome.result != "ok"] == []


@pytest.mark.parametrize(
    "sample", [each for each in VECTORS["samples"] if "h" not in each["expected"]]
)
def test_every_sample_is_written_as_it_was(sample: dict[str, Any]) -> None:
    codec, raw = Codec(named(sample["spec"])), bytes.fromhex(sample["hex"])
    assert codec.encode(codec.decode(raw)) == raw


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("samples", 0, "expected", "4"), "000000030001"),
        (("samples", 0, "expected", "5"), "absent in truth"),
        (("samples", 0, "expected", "p"), "F23A400108418203"),
        (("samples", 2, "expected", "63"), "01 "),
        (("samples", 2, "expected", "63_gbk"), "02 "),
        (("samples", 0, "spec"), "morse"),
        (("samples", 0, "hex"), "no hex"),
        (("malformed", 0, "hex"), VECTORS["samples"][0]["hex"]),
        (("framing", 0, "kind"), "smoke"),
        (("framing", 0, "messages"), []),
        (("framing", 1, "left_over"), 11),
        (("framing", 8, "keepalives"), 1),
        (("framing", 0, "expect"), "dropped"),
        (("mac_vectors", 0, "alg"), "crc"),
        (("mac_vectors", 0, "mac"), "F1D30F6849312CA5"),
        (("dukpt", "vectors", 0, "base_key"), "00" * 16),
        (("dukpt", "vectors", 0, "mystery"), "00"),
        (("dukpt", "vectors", 0, "pin_block_iso0_enc"), "00" * 8),
    ],
)
def test_what_is_not_so_fails(path: tuple[Any, ...], value: Any) -> None:
    changed = copy.deepcopy(VECTORS)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert sum(outcome.result == "failed" for outcome in run(changed)) == 1


@pytest.mark.parametrize("root", [{"novelty": []}, {"samples": [7]}, {"dukpt": {"vectors": [{}]}}])
def test_what_is_not_known_fails(root: dict[str, Any]) -> None:
    assert [outcome.result for outcome in run(root)] == ["failed"]

"""Finding the key under which a token can be read, and its explanation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from core.sts.errors import StsError, SupplyGroupUnknownError
from core.sts.explain import Explanation, explain
from core.sts.keys import check_algorithms
from core.sts.keystore import KeyFile, KeyRecord
from core.sts.meter_state import MeterModel, MeterState, Result
from core.sts.module import MeterKey, VirtualModule

# Units of any service and money: what a support desk asks about is not always electricity.
ALL_SERVICES = frozenset(range(8))


@dataclass(frozen=True, slots=True)
class KeyChoice:
    """What is known of the meter's key; None leaves it open."""

    pan: str
    ea: int | None
    sgc: str | None
    krn: int | None
    ti: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a token: `typed`, the tokens known as `entered`, the credit subclasses that
    the meter takes, and the instant."""

    typed: str
    entered: tuple[str, ...]
    services: frozenset[int]
    now_us: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A key that the meter may have."""

    record: KeyRecord
    meter: MeterKey

    def words(self) -> str:
        """Which key it is."""
        key, made = self.meter, " (test key)" if self.record.test else ""
        return (
            f"EA{key.ea:02d}, supply group {key.sgc}, key revision {key.krn}, tariff index "
            f"{key.ti}{made}"
        )


@dataclass(frozen=True, slots=True)
class Words:
    """An explanation and the key under which it holds (None when none fits)."""

    explanation: Explanation
    key: Candidate | None

    def lines(self) -> list[str]:
        """For a terminal."""
        read_under = [f"Read under {self.key.words()}."] if self.key else []
        return [*self.explanation.lines(), *read_under]

    def as_object(self) -> dict[str, Any]:
        """For a program."""
        told, data = self.explanation, self.explanation.data
        seen: dict[str, Any] = {
            "what": told.what,
            "made": told.made,
            "result": told.result.value,
            "taken": told.taken,
            "why": told.why,
            "advice": told.advice,
            "key": self.key.words() if self.key else None,
        }
        if data is not None:
            seen |= {"class": int(data.token_class), "subclass": int(data.subclass)}
            seen["fields"] = dict(data.fields)
        return seen


def candidates(file: KeyFile, choice: KeyChoice) -> list[Candidate]:
    """The keys that fit what is known. Error: SupplyGroupUnknownError when there is none."""
    found = [
        Candidate(
            record,
            MeterKey(record.company, choice.pan, ea, record.sgc, record.krn, choice.ti, record.kt),
        )
        for record in file.keys
        if choice.sgc in (None, record.sgc) and choice.krn in (None, record.krn)
        for ea in _algorithms(record, choice.ea)
    ]
    if not found:
        raise SupplyGroupUnknownError("No key fits this supply group, revision and algorithm.")
    return found


def _algorithms(record: KeyRecord, ea: int | None) -> Iterator[int]:
    for algorithm in (11, 7) if ea is None else (ea,):
        try:
            check_algorithms(record.dkga, algorithm)
        except StsError:
            continue
        yield algorithm


def best_explanation(module: VirtualModule, choices: Sequence[Candidate], asked: Asked) -> Words:
    """The explanation under the first key that reads the token; else under the first key."""
    told = [_explain(module, choice, asked) for choice in choices]
    for words in told:
        if words.explanation.data is not None:
            return words
    first = next((w for w in told if w.explanation.result != Result.CRC), told[0])
    return Words(first.explanation, None)


def _explain(module: VirtualModule, choice: Candidate, asked: Asked) -> Words:
    meter, record = choice.meter, choice.record
    tids = sorted(
        {tid for digits in asked.entered if (tid := _tid(module, meter, digits)) is not None}
    )
    state = MeterState(
        MeterModel(meter.ea, services=asked.services),
        meter.pan,
        b"",
        kt=meter.kt,
        sgc=meter.sgc,
        krn=meter.krn,
        ti=meter.ti,
        ken=record.ken,
        tids=tuple(tids),
    )
    explanation = explain(
        asked.typed,
        lambda digits: module.decode(meter, digits),
        state,
        record.base_date,
        asked.now_us,
    )
    # A class 1 token is read without a key, so none is named.
    plain = explanation.data is not None and explanation.data.token_class == 1
    return Words(explanation, None if plain else choice)


def _tid(module: VirtualModule, meter: MeterKey, digits: str) -> int | None:
    try:
        return module.decode(meter, digits).data.tid
    except StsError:
        return None

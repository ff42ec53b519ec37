"""A meter in a case: its state, and what one can do to it. No socket, no clock."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from core.commodity import BY_TOKEN
from core.sts.explain import describe
from core.sts.keys import KeyIdentity, derive
from core.sts.keystore import (
    DEMO_SGC02,
    DEMO_SGC04,
    DEMO_SGC93,
    DEMO_VK02,
    DEMO_VK04,
)
from core.sts.layouts import FIRST_CURRENCY_SUBCLASS, is_currency
from core.sts.meter import enter, manufactured
from core.sts.meter_id import meter_pan
from core.sts.meter_state import MeterModel, MeterState, Reaction, Result
from core.sts.sta import SAMPLE_TABLES, Tables
from core.sts.tid import BaseDate, tid_at
from core.units import quantity

MADE_2020_US = 1_577_865_600_000_000  # 2020-01-01 08:00 UTC, the date of manufacture in STS 531
STATE_FILE_MAX = 1 << 20  # a state has some kilobytes


@dataclass(frozen=True, slots=True)
class Coding:
    """How the meter was coded at the factory, under the public test keys."""

    drn: str
    ea: int = 11
    sgc: str = DEMO_SGC04
    krn: int = 1
    ti: str = "01"
    kt: int = 2
    base: BaseDate = BaseDate.Y2014


def decoder_key(coding: Coding) -> bytes:
    """The decoder key under the test key of the supply group: DKGA02 for 123456 and 123400, else
    DKGA04. Errors: StsError."""
    old = coding.sgc in (DEMO_SGC02, DEMO_SGC93)
    dkga, vk = ("02", DEMO_VK02) if old else ("04", DEMO_VK04)
    pan = meter_pan(coding.drn)
    identity = KeyIdentity(pan, coding.kt, coding.sgc, coding.ti, coding.krn, coding.base)
    return derive(dkga, vk, identity, coding.ea)


class Meter:
    """An STS meter that can be typed at and that can be looked into.

    >>> meter = Meter.coded(Coding("04123456784"))
    >>> meter.enter("1234 5678 1234 5678 1234", now_us).result
    """

    def __init__(self, state: MeterState) -> None:
        self.state = state

    @classmethod
    def coded(
        cls,
        coding: Coding,
        model: MeterModel | None = None,
        made_us: int = MADE_2020_US,
        key: bytes | None = None,
    ) -> "Meter":
        """A meter as it leaves the factory at `made_us`; `key` if not of the test keys.

        Errors: StsError for a coding that cannot be.
        """
        state = MeterState(
            model or MeterModel(coding.ea, SAMPLE_TABLES),
            meter_pan(coding.drn),
            key or decoder_key(coding),
            kt=coding.kt,
            sgc=coding.sgc,
            krn=coding.krn,
            ti=coding.ti,
        )
        return cls(manufactured(state, tid_at(made_us, coding.base)))

    def enter(self, typed: str, now_us: int) -> Reaction:
        """Key in a token."""
        self.state, reaction = enter(self.state, typed, now_us)
        return reaction

    @property
    def service(self) -> int:
        """The register of what it measures: 0 to 3, electricity, water, gas, time."""
        return min((each for each in self.state.model.services if each in range(4)), default=0)

    @property
    def commodity(self) -> str:
        """What it measures: `electricity`."""
        return BY_TOKEN[self.service]

    @property
    def tenths(self) -> int:
        """What is left, in tenths of its unit."""
        return self.state.registers[self.service]

    def consume(self, tenths: int) -> int:
        """Use some; what was really used, as there is none on credit."""
        used = min(tenths, self.tenths)
        a, b, c, d = (
            left - used * (place == self.service) for place, left in enumerate(self.state.registers)
        )
        self.state = replace(self.state, registers=(a, b, c, d))
        return used

    def look(self) -> dict[str, Any]:
        """What the display menus and a probe would show; the key is not among it."""
        state = self.state
        return {
            "pan": state.pan,
            "ea": state.model.ea,
            "kt": int(state.kt),
            "sgc": state.sgc,
            "krn": state.krn,
            "ti": state.ti,
            "ken": state.ken,
            "kwh_tenths": self.tenths,
            "registers": list(state.registers),
            "money": list(state.money),
            "tid_memory": sorted(set(state.tids)),
            "power_limit_w": state.power_limit,
            "unbalance_limit_w": state.unbalance_limit,
            "tamper": state.tamper,
            "settings": dict(state.settings),
            "key_change_sections": len(state.sections),
            "wrong_tokens": state.wrong,
            "locked_until_us": state.locked_until_us,
        }

    def save(self, path: Path) -> None:
        """Keep the state in a file that only its owner can read (it holds the decoder key).

        The substitution tables stay out of it.
        """
        bare = replace(self.state, model=replace(self.state.model, tables=None))
        beside = path.with_name(path.name + ".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(bare))
        beside.replace(path)

    @classmethod
    def restore(cls, path: Path, tables: Tables | None = SAMPLE_TABLES) -> "Meter":
        """The meter of a state file. Errors: OSError, ValueError for another file."""
        if path.stat().st_size > STATE_FILE_MAX:
            raise ValueError(f"{path} is no meter's state: it has more than 1 MiB.")
        try:
            state = msgspec.json.decode(path.read_bytes(), type=MeterState)
        except msgspec.DecodeError as error:
            raise ValueError(f"{path} is no meter's state: {error}") from error
        return cls(replace(state, model=replace(state.model, tables=tables)))


def display(reaction: Reaction, meter: Meter) -> str:
    """What the meter shows after a token: the answer, what it was, and the register."""
    told = f"{reaction.result}"
    if reaction.data is not None and reaction.result is Result.ACCEPT:
        told += f"  {describe(reaction.data)}"
        if is_currency(reaction.data.token_class, reaction.data.subclass):
            held = meter.state.money[reaction.data.subclass - FIRST_CURRENCY_SUBCLASS]
            sign, whole, rest = "-" * (held < 0), *divmod(abs(held), 100_000)
            return f"{told}  [{sign}{whole:,}.{rest:05d} in money]"
    return f"{told}  [{quantity(meter.tenths, meter.commodity)}]"

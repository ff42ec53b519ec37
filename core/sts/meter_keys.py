"""Key change sections at the meter: kept in any order until the set is whole, then the new key.

A section that comes again takes the place of the one before. Ordinary tokens in between are taken
under the old key and leave the sections alone. Facts topic "key change" and "decoder side".
"""

from collections.abc import Mapping
from dataclasses import replace

from core.sts.key_change import MAY_FOLLOW
from core.sts.keys import Ea
from core.sts.layouts import Management
from core.sts.meter_state import MeterState, Result, demand
from core.sts.token import TokenData

_SECTION_RESULT = {
    Management.KEY_CHANGE_1: Result.KCT_1,
    Management.KEY_CHANGE_2: Result.KCT_2,
    Management.KEY_CHANGE_3: Result.KCT_3,
    Management.KEY_CHANGE_4: Result.KCT_4,
}
_SGC_MAX = 999_999

_Parts = Mapping[int, TokenData]


def enter_section(state: MeterState, data: TokenData, now_us: int) -> tuple[MeterState, Result]:
    """Take one section; Accept when it completes the set. Leaves by `Refused`."""
    _check(state, data)
    section = Management(data.subclass)
    parts = dict(state.sections)
    if now_us - state.section_us > state.model.kct_timeout_us:
        parts = {}
    parts[section] = data
    if not _whole(state, parts):
        kept = replace(state, sections=tuple(parts.items()), section_us=now_us)
        return kept, _SECTION_RESULT[section]
    return _complete(state, parts), Result.ACCEPT


def _check(state: MeterState, data: TokenData) -> None:
    fields = data.fields
    if data.subclass == Management.KEY_CHANGE_1:
        demand(fields["kt"] in MAY_FOLLOW[state.kt], Result.KEY_TYPE)
        demand(1 <= fields["krn"] <= 9, Result.RANGE)
        demand(not fields["three_kct"] or state.model.three_kct, Result.FUNCTION)
    elif data.subclass == Management.KEY_CHANGE_2:
        demand(fields["ti"] <= 99, Result.RANGE)
    elif "sgc" in fields:
        demand(state.model.three_kct, Result.FUNCTION)
        demand(fields["sgc"] <= _SGC_MAX, Result.RANGE)


def _whole(state: MeterState, parts: _Parts) -> bool:
    first = parts.get(Management.KEY_CHANGE_1)
    if first is None:
        return False
    needed = {Management.KEY_CHANGE_1, Management.KEY_CHANGE_2}
    if state.model.ea == Ea.MISTY1:
        needed |= {Management.KEY_CHANGE_3, Management.KEY_CHANGE_4}
    elif first.fields["three_kct"]:
        needed.add(Management.KEY_CHANGE_3)
    return needed <= parts.keys()


def _complete(state: MeterState, parts: _Parts) -> MeterState:
    first = parts[Management.KEY_CHANGE_1].fields
    second = parts[Management.KEY_CHANGE_2].fields
    words, sgc = [first["key_high"], second["key_low"]], 0
    if state.model.ea == Ea.MISTY1:
        third = parts[Management.KEY_CHANGE_3].fields
        fourth = parts[Management.KEY_CHANGE_4].fields
        words[1:1] = [third["key_mid2"], fourth["key_mid1"]]
        sgc = fourth["sgc_high"] << 12 | third["sgc_low"]
        demand(sgc <= _SGC_MAX, Result.RANGE)
    elif first["three_kct"]:
        sgc = parts[Management.KEY_CHANGE_3].fields["sgc"]
    return replace(
        state,
        key=b"".join(word.to_bytes(4, "big") for word in words),
        kt=first["kt"],
        krn=first["krn"],
        ti=f"{second['ti']:02d}",
        ken=first["ken_high"] << 4 | second["ken_low"],
        sgc=f"{sgc:06d}",
        tids=() if first["ro"] else state.tids,
        sections=(),
        section_us=0,
    )

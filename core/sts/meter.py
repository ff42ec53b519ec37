"""The meter's side: a decoder as a pure state machine.

`enter(state, typed, now)` is what the keypad does; it returns the new state and what the display
says. `react` is its second half, for those who read the token elsewhere (a support desk whose
keys stay in the module). IEC 62055-41, clauses 6.5.2, 7.3 and 8; facts topic "decoder side".

Order of checks: form, class, decryption, check sum, subclass; then default key, key expiry, TID,
range, room in the register; then it acts and keeps the TID. Only an accepted token is kept.
"""

from collections.abc import Callable
from dataclasses import replace

from core.sts.amounts import decode_currency, decode_units
from core.sts.errors import (
    StsError,
    TokenClassError,
    TokenCrcError,
    TokenSubclassError,
)
from core.sts.keys import KeyType
from core.sts.layouts import FLAG_INDEX, KEY_CHANGES, Management, TokenClass, is_currency
from core.sts.meter_keys import enter_section
from core.sts.meter_state import MeterState, Reaction, Refused, Result, demand
from core.sts.tid import key_expired
from core.sts.token import Decoded, TokenData, cipher_for, decode


def manufactured(state: MeterState, tid: int) -> MeterState:
    """`state` with its TID memory filled with the date of manufacture: older tokens are old."""
    return replace(state, tids=(tid,) * state.model.tid_memory)


def enter(state: MeterState, typed: str, now_us: int) -> tuple[MeterState, Reaction]:
    """A token typed into the keypad at `now_us`."""
    if not state.ready:
        return state, Reaction(Result.NOT_READY)
    if now_us < state.locked_until_us:
        return state, Reaction(Result.LOCKED_OUT)
    cipher = cipher_for(state.model.ea, state.key, state.model.tables)
    try:
        decoded = decode(typed, cipher)
    except TokenCrcError:
        return _wrong(state, now_us), Reaction(Result.CRC)
    except StsError as refusal:
        return state, Reaction(result_of(refusal))
    return react(replace(state, wrong=0), decoded, now_us)


def result_of(refusal: StsError) -> Result:
    """The meter's answer to a token that `decode` refuses."""
    if isinstance(refusal, TokenCrcError):
        return Result.CRC
    if isinstance(refusal, TokenSubclassError | TokenClassError):
        return Result.FUNCTION
    return Result.FORMAT


def _wrong(state: MeterState, now_us: int) -> MeterState:
    """A wrong token counts; from the third on the keypad is locked, each time for twice as long."""
    wrong, model = state.wrong + 1, state.model
    over = wrong - model.lock_after
    if over < 0:
        return replace(state, wrong=wrong)
    # The shift is bounded so that a count of thousands does not make a number of thousands of bits.
    pause = min(model.lock_first_us << min(over, 32), model.lock_max_us)
    return replace(state, wrong=wrong, locked_until_us=now_us + pause)


def react(state: MeterState, decoded: Decoded, now_us: int) -> tuple[MeterState, Reaction]:
    """What the meter does with a token whose check sum fits."""
    data = decoded.data
    try:
        if data.token_class == TokenClass.METER_TEST:
            return _test(state, data), Reaction(Result.ACCEPT, data)
        if data.token_class == TokenClass.MANAGEMENT and data.subclass in KEY_CHANGES:
            state, result = enter_section(state, data, now_us)
            return state, Reaction(result, data)
        act = _credit if data.token_class == TokenClass.CREDIT else _management
        changed = act(state, data)
        assert data.tid is not None
        return _keep(changed, data.tid), Reaction(Result.ACCEPT, data)
    except Refused as refused:
        return state, Reaction(refused.result, data)


def _check_tid(state: MeterState, tid: int) -> None:
    demand(not key_expired(tid, state.ken), Result.KEY_EXPIRED)
    demand(tid not in state.tids, Result.USED)
    full = len(state.tids) >= state.model.tid_memory
    demand(not full or not state.tids or tid > state.tids[0], Result.OLD)


def _keep(state: MeterState, tid: int) -> MeterState:
    """The TID takes the place of the smallest one kept."""
    tids = sorted((*state.tids, tid))
    return replace(state, tids=tuple(tids[-state.model.tid_memory :]))


# --- class 0 ------------------------------------------------------------------------------------


def _put(values: tuple[int, int, int, int], place: int, value: int) -> tuple[int, int, int, int]:
    a, b, c, d = (value if index == place else old for index, old in enumerate(values))
    return a, b, c, d


def _credit(state: MeterState, data: TokenData) -> MeterState:
    demand(data.subclass in state.model.services, Result.FUNCTION)
    demand(state.kt != KeyType.DDTK, Result.DDTK)
    fields = data.fields
    _check_tid(state, fields["tid"])
    if is_currency(data.token_class, data.subclass):
        place = data.subclass - 4
        total = state.money[place] + decode_currency(fields["s_and_e"], fields["amount"])
        return replace(state, money=_put(state.money, place, total))
    place = data.subclass
    total = state.registers[place] + decode_units(fields["amount"])
    demand(total <= state.model.register_max, Result.OVERFLOW)
    return replace(state, registers=_put(state.registers, place, total))


# --- class 1 ------------------------------------------------------------------------------------

TESTS = (
    *("load switch", "display", "registers", "KRN", "TI", "token reader", "power limit"),
    *("tamper state", "consumption or rate", "software version", "phase unbalance limit"),
    *("water meter factor", "tariff rate", "EA", "number of key change tokens", "SGC", "KEN"),
    "DRN",
)


def tests_in(data: TokenData) -> tuple[str, ...]:
    """The tests that a class 1 token asks for, by name; () when some are not known."""
    control = data.fields["control"]
    bits = 28 if data.subclass in (1, *range(6, 11)) else 36
    if control == (1 << bits) - 1:
        return TESTS
    if control >> len(TESTS):
        return ()
    return tuple(name for place, name in enumerate(TESTS) if control >> place & 1)


def _test(state: MeterState, data: TokenData) -> MeterState:
    demand(data.fields["mfr_code"] in (0, state.model.mfr_code), Result.MFR_CODE)
    demand(data.subclass <= 2, Result.FUNCTION)
    demand(data.subclass == 2 or bool(tests_in(data)), Result.FUNCTION)
    return state


# --- class 2 ------------------------------------------------------------------------------------

ALL_REGISTERS = 0xFFFF
_KNOWN_FLAGS = range(12)


def _watts(state: MeterState, value: int) -> int:
    watts = decode_units(value)
    demand(watts <= state.model.power_limit_max, Result.RANGE)
    return watts


def _power_limit(state: MeterState, data: TokenData) -> MeterState:
    return replace(state, power_limit=_watts(state, data.fields["value"]))


def _unbalance_limit(state: MeterState, data: TokenData) -> MeterState:
    return replace(state, unbalance_limit=_watts(state, data.fields["value"]))


def _clear_credit(state: MeterState, data: TokenData) -> MeterState:
    register = data.fields["value"]
    demand(register < 8 or register == ALL_REGISTERS, Result.RANGE)
    if register == ALL_REGISTERS:
        return replace(state, registers=(0, 0, 0, 0), money=(0, 0, 0, 0))
    if register < 4:
        return replace(state, registers=_put(state.registers, register, 0))
    return replace(state, money=_put(state.money, register - 4, 0))


def _water_factor(state: MeterState, data: TokenData) -> MeterState:
    demand(bool(state.model.services & {1, 5}), Result.FUNCTION)
    return replace(state, water_factor=data.fields["value"])


def _extended_set(state: MeterState, data: TokenData) -> MeterState:
    index, control = data.fields["index"], data.fields["control"]
    name, value = f"setting {index}", control
    if index == FLAG_INDEX:
        demand(control >> 1 in _KNOWN_FLAGS, Result.RANGE)
        name, value = f"flag {control >> 1}", control & 1
    kept = tuple(pair for pair in state.settings if pair[0] != name)
    return replace(state, settings=(*kept, (name, value)))


_ACTS: dict[int, Callable[[MeterState, TokenData], MeterState]] = {
    Management.POWER_LIMIT: _power_limit,
    Management.CLEAR_CREDIT: _clear_credit,
    Management.TARIFF_RATE: lambda state, data: replace(state, tariff_rate=data.fields["value"]),
    Management.CLEAR_TAMPER: lambda state, _: replace(state, tamper=False),
    Management.UNBALANCE_LIMIT: _unbalance_limit,
    Management.WATER_FACTOR: _water_factor,
    Management.EXTENDED_SET: _extended_set,
}


def _management(state: MeterState, data: TokenData) -> MeterState:
    act = _ACTS.get(data.subclass)
    if act is None:
        raise Refused(Result.FUNCTION)
    _check_tid(state, data.fields["tid"])
    return act(state, data)

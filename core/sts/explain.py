"""A token in words, for the one who answers the customer: what it is, when it was made, whether
this meter would take it now, why not, and what to advise.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from core.sts.amounts import decode_currency, decode_units
from core.sts.errors import KeyNeededError, StsError
from core.sts.layouts import FLAG_INDEX, Management, TokenClass, is_currency, title
from core.sts.meter import ALL_REGISTERS, TESTS, react, result_of, tests_in
from core.sts.meter_state import MeterState, Result
from core.sts.tid import BaseDate, is_reserved, time_of
from core.sts.token import Decoded, TokenData

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIT = ("kWh", "m³", "m³", "minutes")
# A token's minute may run a little ahead of the clock; more means that a clock was wrong.
_FUTURE_US = 60 * 60_000_000


@dataclass(frozen=True, slots=True)
class Explanation:
    """`what` it is, `made` when (empty when it carries no time), `result` the meter's answer now,
    `why` and `advice` in sentences; `data` what was read, None when nothing could be."""

    what: str
    made: str
    result: Result
    why: str
    advice: str
    data: TokenData | None

    @property
    def taken(self) -> bool:
        """Whether the meter would take it (a section of a key change counts as taken)."""
        return self.result in _TAKEN

    def lines(self) -> list[str]:
        """For a terminal or a console, one sentence each."""
        texts = (self.what, self.made, f"The meter would answer {self.result}.", self.why)
        return [text for text in (*texts, self.advice) if text]


_TAKEN = frozenset((Result.ACCEPT, Result.KCT_1, Result.KCT_2, Result.KCT_3, Result.KCT_4))

_MORE_SECTIONS = (
    "This is one part of a key change: the meter waits for the others.",
    "Key in all tokens of the set within ten minutes of each other, then the credit token.",
)
# Why, and what to advise, by the meter's answer.
_WORDS: dict[Result, tuple[str, str]] = {
    Result.ACCEPT: ("Nothing stands against it.", "Ask the customer to key it in."),
    Result.KCT_1: _MORE_SECTIONS,
    Result.KCT_2: _MORE_SECTIONS,
    Result.KCT_3: _MORE_SECTIONS,
    Result.KCT_4: _MORE_SECTIONS,
    Result.USED: (
        "The meter has taken this token already.",
        "The units are on the meter: compare its history or reading; sell no replacement.",
    ),
    Result.OLD: (
        "The token is older than all that the meter remembers, or than the meter itself.",
        "If it was never keyed in, tokens are entered in the order of their purchase; a "
        "replacement needs an approval.",
    ),
    Result.KEY_EXPIRED: (
        "The meter's key has expired for tokens of this date.",
        "The meter needs a key change first; then sell under the new key.",
    ),
    Result.DDTK: (
        "The meter still has its default key and takes no credit.",
        "The meter needs a key change to its utility's key first.",
    ),
    Result.OVERFLOW: (
        "The units on the meter and those of the token are more than its register holds.",
        "Wait until some are used, then key in the same token again.",
    ),
    Result.FORMAT: (
        "These are not 20 digits that a token can have.",
        "Compare the digits with the receipt; send the token again if in doubt.",
    ),
    Result.CRC: (
        "The check sum does not fit: a digit is wrong, or the token was made for another meter or "
        "another key of this meter.",
        "Compare the digits and the meter number with the receipt. If both are right, the meter "
        "may have another key: look at its key revision and supply group.",
    ),
    Result.FUNCTION: (
        "This meter does not know this kind of token.",
        "Look whether it is a token for another service (electricity, water, gas, time).",
    ),
    Result.RANGE: (
        "A value in the token is outside what this meter allows.",
        "Have the token made again with a value that fits the meter.",
    ),
    Result.KEY_TYPE: (
        "A key of this type may not follow the meter's present key.",
        "Check the key type on file against the meter.",
    ),
    Result.MFR_CODE: (
        "The token is for meters of another manufacturer.",
        "Use a token with manufacturer code 0 or that of this meter.",
    ),
    Result.LOCKED_OUT: (
        "The keypad is locked after several wrong tokens.",
        "Wait some minutes (at most 22), then key in the right token.",
    ),
    Result.NOT_READY: ("The meter is not ready.", "Try again when it is."),
}


def explain(
    typed: str,
    read: Callable[[str], Decoded],
    state: MeterState,
    base: BaseDate,
    now_us: int,
    zone: tzinfo = UTC,
) -> Explanation:
    """Explain `typed` for the meter of `state` as of `now_us`.

    `read` decodes digits under the meter's key (`module.decode` of this meter, or `token.decode`
    with its cipher) and raises StsError; `state` is what is on file, its key is not used. Error:
    KeyNeededError when `read` has no key for this token.
    """
    try:
        decoded = read(typed)
    except KeyNeededError:
        raise
    except StsError as refusal:
        result = result_of(refusal)
        why, advice = _WORDS[result]
        return Explanation("It cannot be read.", "", result, str(refusal) or why, advice, None)
    awake = replace(state, locked_until_us=0)
    _, reaction = react(awake, decoded, now_us)
    why, advice = _WORDS[reaction.result]
    return Explanation(
        describe(decoded.data),
        made(decoded.data, base, now_us, zone),
        reaction.result,
        why,
        advice,
        decoded.data,
    )


def describe(data: TokenData) -> str:
    """What a token does, with its value: `Electricity credit: 28.1 kWh.`"""
    head = title(data.token_class, data.subclass)
    value = _value(data)
    return f"{head[0].upper()}{head[1:]}{': ' + value if value else ''}."


def _value(data: TokenData) -> str:
    fields, subclass = data.fields, data.subclass
    if is_currency(data.token_class, subclass):
        return _decimal(decode_currency(fields["s_and_e"], fields["amount"]), 5)
    if data.token_class == TokenClass.CREDIT:
        return f"{_decimal(decode_units(fields['amount']), 1)} {_UNIT[subclass]}"
    if data.token_class == TokenClass.METER_TEST:
        tests = tests_in(data)
        if tests == TESTS:
            return "all tests"
        return ", ".join(tests) or f"control {fields['control']:X}"
    if subclass in (Management.POWER_LIMIT, Management.UNBALANCE_LIMIT):
        return f"{decode_units(fields['value']):,} W"
    return _management_value(data)


def _management_value(data: TokenData) -> str:
    fields = data.fields
    match data.subclass:
        case Management.CLEAR_CREDIT:
            register = fields["value"]
            return "all registers" if register == ALL_REGISTERS else f"register {register}"
        case Management.KEY_CHANGE_1:
            return f"to key revision {fields['krn']}" + (
                ", and the meter forgets its used tokens" if fields["ro"] else ""
            )
        case Management.KEY_CHANGE_2:
            return f"to tariff index {fields['ti']:02d}"
        case Management.EXTENDED_SET if fields["index"] == FLAG_INDEX:
            return f"flag {fields['control'] >> 1} {'on' if fields['control'] & 1 else 'off'}"
        case Management.EXTENDED_SET:
            return f"setting {fields['index']} to {fields['control']}"
        case Management.CLEAR_TAMPER | Management.KEY_CHANGE_3 | Management.KEY_CHANGE_4:
            return ""
        case _:
            return str(fields["value"])


def made(data: TokenData, base: BaseDate, now_us: int, zone: tzinfo = UTC) -> str:
    """When it was made, in words; empty for tokens without a time."""
    if data.tid is None:
        return ""
    at_us = time_of(data.tid, base)
    instant = (_EPOCH + timedelta(microseconds=at_us)).astimezone(zone)
    text = f"Made on {instant:%Y-%m-%d at %H:%M %Z} (TID {data.tid}, base date {base.value})."
    if is_reserved(data.tid):
        text = text[:-1] + ", as the special token of that day."
    if at_us > now_us + _FUTURE_US:
        text += " That is in the future: the clock of its issuer, or the base date, was wrong."
    return text


def _decimal(value: int, places: int) -> str:
    sign, digits = "-" if value < 0 else "", str(abs(value)).rjust(places + 1, "0")
    whole, fraction = digits[:-places], digits[-places:]
    return f"{sign}{int(whole):,}.{fraction}"

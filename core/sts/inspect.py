"""One token as a plain object, for programs: what `wattbus inspect token` prints as JSON."""

from typing import Any

from core.sts.amounts import decode_currency, decode_units
from core.sts.errors import TokenClassError
from core.sts.explain import describe
from core.sts.layouts import TokenClass, is_currency
from core.sts.tid import BaseDate, time_of
from core.sts.token import BlockCipher, Decoded, decode, extract_class, grouped, parse


def inspect_token(
    typed: str, cipher: BlockCipher | None = None, base: BaseDate | None = None
) -> dict[str, Any]:
    """Class, subclass, fields and value of a token; without `cipher` an encrypted token shows its
    class only. `made_us` is microseconds UTC, given when `base` is.

    Errors: those of `token.decode` but KeyNeededError.
    """
    digits = parse(typed)
    token_class, _ = extract_class(int(digits))
    seen: dict[str, Any] = {"token": grouped(digits), "class": token_class}
    if token_class == TokenClass.RESERVED:
        raise TokenClassError("Token class 3 is reserved.", where="class", evidence="3")
    if token_class != TokenClass.METER_TEST and cipher is None:
        return seen | {"encrypted": True, "note": "its content needs the meter's decoder key"}
    return seen | _content(decode(digits, cipher), base)


def _content(decoded: Decoded, base: BaseDate | None) -> dict[str, Any]:
    data = decoded.data
    seen: dict[str, Any] = {
        "subclass": data.subclass,
        "what": describe(data),
        "fields": dict(data.fields),
        "clear_block": f"{decoded.block:016X}",
    }
    if is_currency(data.token_class, data.subclass):
        seen["amount_1e5"] = decode_currency(data.fields["s_and_e"], data.fields["amount"])
    elif data.token_class == TokenClass.CREDIT:
        seen["tenths"] = decode_units(data.fields["amount"])
    if data.tid is not None and base is not None:
        seen["made_us"] = time_of(data.tid, base)
    return seen

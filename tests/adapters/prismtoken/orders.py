"""Orders, and the tokens that a good module gives for them."""

from typing import Any

import msgspec

from adapters.prismtoken.api import MeterConfigAdvice, Token
from adapters.prismtoken.orders import Meter, Order, Target, Wanted
from core.sts.meter_id import meter_pan

METER = Meter("04123456784", meter_pan("04123456784"), 11, "201457", 1, "01", 255)
EA07 = Meter("04123456784", meter_pan("04123456784"), 7, "123456", 1, "01", 255)
CREDIT = Order("m-1", METER, Wanted(0, 0, 281, 6_266_184))
CHANGE = Target("201457", 1, "05")


def token(order: Order, place: int = 0, **other: Any) -> Token:
    """The token of an order as asked, but for ``other``."""
    meter, wanted = order.meter, order.token
    assert wanted is not None
    key = order.change or Target(meter.sgc, meter.krn, meter.ti)
    good = Token(
        drn=meter.drn,
        pan=meter.pan,
        ea=meter.ea,
        tct=meter.tct,
        sgc=int(key.sgc),
        krn=key.krn,
        ti=int(key.ti),
        token_class=wanted.token_class,
        subclass=wanted.subclass,
        tid=wanted.tid,
        transfer_amount=float(wanted.amount),
        is_reserved_tid=wanted.tid % 1440 == 1,
        description="credit",
        sts_unit_name="0.1 kWh",
        scaled_amount="28.1",
        scaled_unit_name="kWh",
        token_dec="",
        token_hex="",
        id_sm="SM",
        vk_kcv="ABCDEF",
    )
    return numbered(msgspec.structs.replace(good, **other), 1234 + place)


def numbered(one: Token, number: int) -> Token:
    """With digits of its class."""
    number = number << 29 | one.token_class << 27
    return msgspec.structs.replace(one, token_dec=f"{number:020d}", token_hex=f"{number:017X}")


def sections(order: Order, subclasses: tuple[int, ...] = (3, 4, 8, 9)) -> list[Token]:
    """The key change set of an order."""
    meter, change = order.meter, order.change
    assert change is not None
    base = Order(order.message_id, meter, Wanted(2, 3, 0, 0))
    found = [
        token(base, place, subclass=subclass) for place, subclass in enumerate(subclasses, start=7)
    ]
    advice = MeterConfigAdvice(
        int(change.sgc), change.krn, int(change.ti), 255, "", "", False, "ABCDEF"
    )
    return [msgspec.structs.replace(found[0], new_config=advice), *found[1:]]

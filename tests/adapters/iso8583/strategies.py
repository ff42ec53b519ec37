"""Random messages that a layout can express."""

import random
import string

from adapters.iso8583.codec import Layout
from adapters.iso8583.message import Message
from adapters.iso8583.spec import Field

DIGITS = "0123456789"
_LETTERS = {
    "n": DIGITS,
    "a": string.ascii_letters,
    "z": DIGITS + "=",
    "an": DIGITS + string.ascii_letters,
}
_PRINTABLE = string.printable[:95]
#: Longer values of variable fields say nothing new.
_LONG = 24


def value(field: Field, chance: random.Random) -> str | bytes:
    """A value that needs no padding: what is written is what is read."""
    size = field.size if field.fixed else chance.randint(0, min(field.size, _LONG))
    if field.kind == "b":
        return chance.randbytes(size)
    if field.kind == "x+n":
        return chance.choice("CD") + "".join(chance.choices(DIGITS, k=size))
    return "".join(chance.choices(_LETTERS.get(field.kind, _PRINTABLE), k=size))


def message(layout: Layout, chance: random.Random) -> Message:
    """A few fields of a layout, a header as long as it wants.

    Of one draw of a seed: thousands of small draws are what a property's time goes into.
    """
    numbers = [number for number in layout.fields if number != 52]
    some = sorted(chance.sample(numbers, chance.randint(0, 9)))
    fields = {number: value(layout.fields[number], chance) for number in some}
    mti = "".join(chance.choices(DIGITS, k=4))
    return Message(mti, fields, chance.randbytes(layout.header))

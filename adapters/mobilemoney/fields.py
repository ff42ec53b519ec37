"""Values out of a provider's JSON: numbers become decimals, never floats; nothing is believed.

The traps are those of the facts: integers where the documents say text and the other way round,
keys that repeat or lack their value, an object where a list of one was meant, HTML in place of
JSON.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import parse_qsl

from adapters.mobilemoney.reading import NoticeError, Payer

#: A notice has some forty fields; a list of pulled transactions is read page by page.
MAX_BYTES: Final = 64 * 1024
#: The longest text that a field of a notice has; a payer's free text is cut by the provider at 160.
MAX_TEXT: Final = 512
#: More than any wallet may hold, and small enough that no sum of ours can overflow 64 bits.
MAX_AMOUNT: Final = Decimal(10**12)
#: Fields of a form: providers send some thirty.
MAX_FIELDS: Final = 100
#: What a payer typed may be longer than it should be; more than this no keypad can send.
MAX_REFERENCE: Final = 160
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?")
_RECEIPT = re.compile(r"[0-9A-Za-z._-]{4,64}")
_HEX = re.compile(r"[0-9a-f]{32}")
_HASHED = re.compile(r"[0-9a-fA-F]{64}")
#: No database takes a NUL, and half a surrogate is no text: money must not be lost for either.
_UNFIT = re.compile("[\x00\ud800-\udfff]")
_OPEN = re.compile(r"\+?[0-9]{6,15}")

Object = Mapping[str, Any]


def read_json(data: bytes, most: int = MAX_BYTES) -> Object:
    """The JSON object of a body. NoticeError: too large, not UTF-8, not JSON, no object."""
    if len(data) > most:
        raise NoticeError("", f"larger than {most} bytes")
    try:
        found: object = json.loads(data, parse_float=Decimal, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        kind = "HTML" if data.lstrip()[:1] == b"<" else "not JSON"
        raise NoticeError("", f"{kind} came where a JSON object was expected") from error
    if not isinstance(found, dict):
        raise NoticeError("", "a JSON object was expected")
    return dict(found)


def read_form(data: bytes) -> Object:
    """The fields of a posted form (``name=value&…``, percent-encoded). NoticeError: too large, not
    UTF-8, no form, a name twice (which of them was signed?)."""
    if len(data) > MAX_BYTES:
        raise NoticeError("", f"larger than {MAX_BYTES} bytes")
    if data.lstrip()[:1] in (b"<", b"{", b"["):
        raise NoticeError("", "HTML or JSON came where a form was expected")
    try:
        pairs = parse_qsl(
            data.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=MAX_FIELDS,
            errors="strict",
        )  # fmt: skip
    except ValueError as error:
        raise NoticeError("", "a form was expected") from error
    return single(pairs)


def single(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Fields by name. NoticeError: a name twice."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise NoticeError(name[:64], "came twice")
        found[name] = value
    return found


def _constant(name: str) -> Any:
    raise ValueError(name)


def inner(of: Object, *names: str) -> Object:
    """The object at a path. NoticeError when there is none."""
    for at, name in enumerate(names, 1):
        found = of.get(name)
        if not isinstance(found, Mapping):
            raise NoticeError(".".join(names[:at]), "an object was expected")
        of = found
    return of


def text(of: Object, name: str, most: int = MAX_TEXT) -> str:
    """A text; a number is taken as it was written; empty when it is absent or null."""
    value = of.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise NoticeError(name, "a text was expected")
    found = _UNFIT.sub("\ufffd", str(value)).strip()
    if len(found) > most:
        raise NoticeError(name, f"longer than {most} characters")
    return found


def wanted(of: Object, name: str, most: int = MAX_TEXT) -> str:
    """A text that must be there."""
    found = text(of, name, most)
    if not found:
        raise NoticeError(name, "missing")
    return found


def reference(of: Object, name: str) -> str:
    """Our own reference: a UUID, which some providers take only as 32 hex digits."""
    found = wanted(of, name, 64)
    if not _HEX.fullmatch(found):
        return found
    return "-".join((found[:8], found[8:12], found[12:16], found[16:20], found[20:]))


def receipt(of: Object, name: str) -> str:
    """The provider's own number of a payment: it becomes a unique key, so its form is checked."""
    found = wanted(of, name)
    if not _RECEIPT.fullmatch(found):
        raise NoticeError(name, f"{found[:64]!r} is no receipt")
    return found


def amount(of: Object, name: str) -> Decimal:
    """An amount above nothing, in major units, with the decimals that were sent."""
    found = wanted(of, name)
    value = decimal(found)
    if value is None or not 0 < value <= MAX_AMOUNT:
        raise NoticeError(name, f"{found[:32]!r} is no amount above 0")
    return value


def hundredths(of: Object, name: str) -> Decimal:
    """An amount above nothing in whole hundredths (fen), in major units with two decimals."""
    found = wanted(of, name)
    if not (found.isascii() and found.isdigit() and len(found) <= 15 and int(found) > 0):
        raise NoticeError(name, f"{found[:32]!r} is no whole number of fen above 0")
    value = Decimal(int(found)).scaleb(-2)
    if value > MAX_AMOUNT:
        raise NoticeError(name, f"{found[:32]!r} is more than any wallet may hold")
    return value


def decimal(found: str) -> Decimal | None:
    """A plain number: no sign, no exponent, no grouping."""
    try:
        return Decimal(found) if _NUMBER.fullmatch(found) else None
    except InvalidOperation:
        return None


def code(of: Object, name: str) -> str:
    """A result code; ``0``, ``"0"`` and ``0.0`` are the same."""
    found = wanted(of, name, 64)
    value = decimal(found)
    return str(int(value)) if value is not None and value == int(value) else found


def local_time(found: str, hours: int) -> datetime | None:
    """``yyyyMMddHHmmss`` in a zone without summer time; None when it is none."""
    if not (found.isascii() and found.isdigit() and len(found) == 14):
        return None
    try:
        naive = datetime.strptime(found, "%Y%m%d%H%M%S")
    except ValueError:
        return None
    return naive.replace(tzinfo=timezone(timedelta(hours=hours)))


def zoned_time(found: str) -> datetime | None:
    """RFC 3339 with its zone; None when it is none."""
    try:
        at = datetime.fromisoformat(found)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


def payer(found: str) -> tuple[str, Payer]:
    """A payer's number in the form in which the provider shows it."""
    squeezed = "".join(found.split())
    if not squeezed:
        return "", Payer.ABSENT
    if _HASHED.fullmatch(squeezed):
        return squeezed.lower(), Payer.HASHED
    if _OPEN.fullmatch(squeezed):
        return squeezed.removeprefix("+"), Payer.OPEN
    return squeezed[:32], Payer.MASKED


def pairs(found: Any, name: str) -> dict[str, list[str]]:
    """``[{name: …, Value: …}]`` as values by name, in order; one object is a list of one."""
    rows: Iterable[Any] = found if isinstance(found, list) else [found] if found else []
    values: dict[str, list[str]] = {}
    for row in rows:
        if not isinstance(row, Mapping):
            raise NoticeError(name, "an object was expected")
        values.setdefault(wanted(row, name), []).append(text(row, "Value"))
    return values

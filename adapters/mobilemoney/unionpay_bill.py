"""UnionPay's file of a day (txnType 76; platform interface, part 3, files, §6.1 ZM, §6.2 ZME).

It comes in the answer itself: base64 of deflated zip. The ZM file has a payment a line in fixed
columns; it is of a day of settlement, which is not quite the day of payment.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from adapters.mobilemoney import fields
from adapters.mobilemoney.bills import MAX_FILE, Bill, BillLine, members, receipt, whole
from adapters.mobilemoney.reading import NoticeError

#: Columns of a ZM file, each with a blank behind it: name and width (UnionPay, file interface 6.1).
#: Of the names only those that are read are given.
ZM: Final = (
    ("code", 3), ("", 11), ("", 11), ("trace", 6), ("time", 10), ("card", 19), ("amount", 12),
    ("", 4), ("", 2), ("query", 21), ("", 2), ("order", 32), ("", 2), ("", 6), ("", 10),
    ("fee", 13), ("settled", 13), ("", 4), ("", 15), ("type", 2), ("", 2), ("", 6), ("", 2),
    ("", 4), ("", 32), ("", 1), ("original", 21), ("merchant", 15),
)  # fmt: skip
_PAID, _BACK = "01", "04"


def read(content: str, mer_id: str, day: date) -> Bill:
    """``fileContent`` of an answer: a zip, deflated and in base64. Its ZM file has the payments of
    the day of settlement ``day``; lines of its ZME file (errors, adjustments) are unread."""
    try:
        packed = base64.b64decode(content, validate=True)
        data = zlib.decompressobj().decompress(packed, MAX_FILE)
    except (binascii.Error, zlib.error) as error:
        raise NoticeError("fileContent", "cannot be unpacked") from error
    read: list[BillLine | str] = []
    names = []
    for name, member in members(data):
        lines = [line for line in member.splitlines() if line.strip()]
        if re.search(r"ZME", name):
            read += [f"{name}: line {n}" for n, _ in enumerate(lines, 1)]
        elif re.search(r"ZM", name):
            names.append(name)
            read += [_zm_line(line, n, mer_id, day) for n, line in enumerate(lines, 1)]
    if len(names) != 1:
        raise NoticeError("fileContent", f"{len(names)} ZM files, one was expected")
    return whole(read)


def _zm_line(line: bytes, number: int, mer_id: str, day: date) -> BillLine | str:
    row = dict(_columns(line, number))
    if row["merchant"] != mer_id:
        raise NoticeError(f"line {number}: merchant", "of another merchant")
    kind = row["type"]
    if kind not in (_PAID, _BACK):
        return f"line {number}: type {kind}"
    back = kind == _BACK
    amount = fields.hundredths(row, "amount")
    return BillLine(
        receipt=receipt(row, "query", number),
        amount=-amount if back else amount,
        at=_moment(row["time"], day, number),
        reference=fields.reference(row, "order"),
        fee=_signed(row, "fee", number),
        original=receipt(row, "original", number) if back else "",
    )


def _columns(line: bytes, number: int) -> Iterator[tuple[str, str]]:
    """Widths are octets: a name in Chinese has two for a letter."""
    at = 0
    for name, width in ZM:
        part = line[at : at + width]
        if len(part) < width:
            raise NoticeError(f"line {number}", f"ends in the column {name or at}")
        if name:
            yield name, part.decode("latin-1").strip()
        at += width + 1


def _signed(row: Mapping[str, str], name: str, number: int) -> Decimal:
    """``D`` (we pay) or ``C`` (we get) and twelve digits of fen; empty: nothing."""
    found = row[name]
    if not found:
        return Decimal(0)
    if not re.fullmatch(r"[CD]\d{12}", found):
        raise NoticeError(f"line {number}: {name}", f"{found!r} is no amount")
    value = Decimal(int(found[1:])).scaleb(-2)
    return value if found[0] == "D" else -value


def _moment(found: str, day: date, number: int) -> datetime:
    """``MMDDhhmmss`` of the year in which it lies before the day of settlement."""
    for year in (day.year, day.year - 1):
        at = fields.local_time(f"{year}{found}", 8)
        if at is not None and at.date() <= day:
            return at
    raise NoticeError(f"line {number}: time", f"{found!r} is no time")

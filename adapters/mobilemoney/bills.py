"""A provider's file of a day: what its lines come to, and how such files are unpacked.

Each reader (``wechat_bill``, ``alipay_bill``, ``unionpay_bill``) gives the same lines, or
NoticeError for a file that is not whole, not ours or does not add up. What stands in a file and is
no payment of ours is kept as ``unread``, never dropped.
"""

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Final

from adapters.mobilemoney import fields
from adapters.mobilemoney.reading import NoticeError

#: A day of a large utility is some hundred thousand lines of 300 octets; a bomb is larger.
MAX_FILE: Final = 256 * 1024 * 1024
MAX_MEMBERS: Final = 16
#: As it is fetched.
MAX_PACKED: Final = 64 * 1024 * 1024
_BEIJING: Final = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLine:
    """One payment, or (``amount`` below nothing, ``original``) one that was given back, in major
    units. ``reference``: ours; ``fee``: what the provider keeps, below nothing: gives back."""

    receipt: str
    amount: Decimal
    at: datetime
    reference: str = ""
    payer: str = ""
    fee: Decimal = Decimal(0)
    original: str = ""


@dataclass(frozen=True, slots=True)
class Bill:
    """A day. ``unread``: lines that are no payments, with their numbers, as evidence."""

    lines: tuple[BillLine, ...]
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Where:
    """Where a day's file is: at ``url``, with ``digest`` (hex) where one is told; or it came with
    the answer, as ``content``. All empty: there is none yet."""

    url: str = ""
    digest: str = ""
    content: str = ""


def whole(read: Sequence[BillLine | str]) -> Bill:
    """What was read, line by line. NoticeError: a receipt twice."""
    lines = tuple(each for each in read if isinstance(each, BillLine))
    seen: set[str] = set()
    for each in lines:
        if each.receipt in seen:
            raise NoticeError(each.receipt, "stands there twice")
        seen.add(each.receipt)
    return Bill(lines, tuple(each for each in read if isinstance(each, str)))


def unpacked(data: bytes) -> bytes:
    """A file as it is, or out of gzip."""
    if data[:2] != b"\x1f\x8b":
        found = data
    else:
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
                found = file.read(MAX_FILE + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise NoticeError("", "cannot be unpacked") from error
    if len(found) > MAX_FILE:
        raise NoticeError("", f"larger than {MAX_FILE} bytes")
    return found


def members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The files of an archive, never more than is allowed."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if len(infos) > MAX_MEMBERS or sum(each.file_size for each in infos) > MAX_FILE:
                raise NoticeError("", "more than an archive of a day may hold")
            for each in infos:
                with archive.open(each) as file:
                    yield each.filename, file.read(each.file_size)
    except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, zlib.error) as error:
        raise NoticeError("", "no archive that can be unpacked") from error


def text_of(data: bytes, encoding: str) -> str:
    """A text, every octet of it."""
    try:
        return data.decode(encoding)
    except ValueError as error:
        raise NoticeError("", f"not {encoding}") from error


def row_of(names: Sequence[str], values: Sequence[str], line: int) -> dict[str, str]:
    """A line by its columns' names."""
    if len(names) != len(values):
        raise NoticeError(f"line {line}", f"{len(values)} values for {len(names)} columns")
    return dict(zip(names, values, strict=True))


def amount_of(row: Mapping[str, str], name: str) -> Decimal:
    """An amount with its sign."""
    found = row.get(name, "")
    try:
        value = Decimal(found) if re.fullmatch(r"-?\d{1,13}(\.\d{1,6})?", found) else None
    except InvalidOperation:
        value = None
    if value is None:
        raise NoticeError(name, f"{found[:32]!r} is no amount")
    return value


def receipt(row: Mapping[str, str], name: str, line: int) -> str:
    """A provider's number of a payment."""
    try:
        return fields.receipt(row, name)
    except NoticeError as error:
        raise NoticeError(f"line {line}: {name}", "no receipt") from error


def time_of(found: str, line: int) -> datetime:
    """``YYYY-MM-DD hh:mm:ss``, Beijing's."""
    try:
        return datetime.strptime(found.strip(), "%Y-%m-%d %H:%M:%S").replace(tzinfo=_BEIJING)
    except ValueError as error:
        raise NoticeError(f"line {line}", f"{found[:32]!r} is no time") from error

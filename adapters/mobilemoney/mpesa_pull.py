"""The list of payments that M-Pesa hands out (Pull Transactions): what callbacks have lost.

The form of a row is not in the documents that we have. So its fields are looked for under the names
that are in use, whatever their case, and what has no receipt or amount is kept as evidence, not
guessed.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from adapters.mobilemoney import fields, mpesa
from adapters.mobilemoney.reading import NoticeError, Reading, Said
from adapters.mobilemoney.sending import Answered, Page, read_object

#: Rows of one page at most; a page is bound by the size of an answer anyway.
MAX_ROWS: Final = 1_000
_NAMES: Final = {
    "receipt": ("transactionid", "transid", "receiptno"),
    "amount": ("amount", "transamount"),
    "typed": ("billreference", "billrefnumber"),
    "payer": ("msisdn",),
    "at": ("trxdate", "transtime", "transactiondate"),
}
_ZONE: Final = timezone(timedelta(hours=mpesa.ZONE_HOURS))


def read_pull(answered: Answered) -> Page:
    """NoticeError: it is no list at all."""
    if answered.status != 200:
        raise NoticeError("", f"HTTP {answered.status} in place of a list")
    body = read_object(answered)
    rows = list(_rows(body.get("Response")))
    if "Response" not in body:
        raise NoticeError("Response", "missing")
    readings: list[Reading] = []
    unread: list[str] = []
    for row in rows:
        try:
            readings.append(_row(row))
        except NoticeError as error:
            unread.append(f"{error}: {json.dumps(row, default=str)[:300]}")
    return Page(tuple(readings), more=bool(rows), unread=tuple(unread))


def _rows(found: Any, depth: int = 0) -> Iterator[Any]:
    """A list, or a list of lists."""
    if isinstance(found, list) and depth < 3:
        for each in found[:MAX_ROWS]:
            yield from _rows(each, depth + 1)
    elif found is not None:
        yield found


def _row(found: Any) -> Reading:
    if not isinstance(found, Mapping):
        raise NoticeError("Response", "an object was expected")
    known = {str(name).lower(): value for name, value in found.items()}
    row = {name: _first(known, names) for name, names in _NAMES.items()}
    number, form = fields.payer(fields.text(row, "payer"))
    return Reading(
        said=Said.PAID,
        receipt=fields.receipt(row, "receipt"),
        amount=fields.amount(row, "amount"),
        currency=mpesa.CURRENCY,
        account=fields.text(row, "typed", fields.MAX_REFERENCE),
        payer=number,
        payer_form=form,
        at=_time(fields.text(row, "at", 40)),
    )


def _first(known: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((known[name] for name in names if known.get(name) is not None), None)


def _time(found: str) -> datetime | None:
    """A time in either of the forms in use; without a zone it is Nairobi's."""
    plain = fields.local_time(found, mpesa.ZONE_HOURS)
    if plain is not None or not found:
        return plain
    try:
        value = datetime.fromisoformat(found)
    except ValueError:
        return None
    return value if value.tzinfo else value.replace(tzinfo=_ZONE)

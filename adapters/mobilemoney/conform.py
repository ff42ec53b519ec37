"""``wattbus conform mobile-money FILE``: a provider's own samples, and what must be read from them.

The form of a file: ``{"cases": [{"id", "provider", "kind", "body", "expect"}]}``. ``body`` is JSON,
or a text that is no JSON at all. ``expect`` names what must come out: ``state`` (a word of
:class:`~adapters.mobilemoney.reading.Said`, or ``refused`` for what is kept and not booked),
amounts as decimals, times as ISO 8601 with their zone.

A case with ``headers`` came signed: it is opened first, as a notice or (``answer`` in ``kind``) as
the answer to a call, at ``now`` (seconds since 1970), with the settings and secrets that the file
has under ``merchants`` by provider. One that its provider did not sign is ``forged``.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from adapters.mobilemoney.providers import read
from adapters.mobilemoney.reading import NoticeError, Reading
from adapters.mobilemoney.senders import SENDERS
from adapters.mobilemoney.sending import Answered, Given, UnfitError
from adapters.mobilemoney.signing import ForgedError

REFUSED, FORGED = "refused", "forged"
_SAME = ("key", "receipt", "currency", "account", "short_code", "payer", "reason", "original",
         "reversal_receipt", "code")  # fmt: skip


class Verdict(NamedTuple):
    """One case: what was expected and what came; equal texts mean that it passed."""

    id: str
    expected: str
    got: str


class FormError(ValueError):
    """The file is none of this kind, as a sentence."""


def run(text: str) -> list[Verdict]:
    """The verdicts on every case of a file. FormError."""
    try:
        root = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormError(f"not JSON: {error}") from error
    cases = root.get("cases") if isinstance(root, dict) else root
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        raise FormError('neither a list nor {"cases": [...]}')
    merchants = root.get("merchants", {}) if isinstance(root, dict) else {}
    if not isinstance(merchants, dict):
        raise FormError("merchants: an object by provider was expected")
    return [_verdict(case, place, merchants) for place, case in enumerate(cases, 1)]


def _verdict(case: Mapping[str, Any], place: int, merchants: Mapping[str, Any]) -> Verdict:
    name, expect = str(case.get("id", f"case {place}")), case.get("expect")
    if not isinstance(expect, Mapping) or not expect:
        return Verdict(name, "something to expect", "nothing")
    got = _read(case, merchants.get(str(case.get("provider", "")), {}))
    wrong = list(_differences(expect, got))
    shown = ", ".join(f"{field} {was}" for field, was, _ in wrong)
    return Verdict(name, shown, ", ".join(f"{field} {now}" for field, _, now in wrong))


def _read(case: Mapping[str, Any], merchant: Mapping[str, Any]) -> dict[str, Any]:
    body, kind = case.get("body"), str(case.get("kind", ""))
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    try:
        if "headers" in case:
            data = _opened(case, data, merchant)
        found = read(str(case.get("provider", "")), data, kind)
    except ForgedError as error:
        return {"state": FORGED, "why": str(error)}
    except (NoticeError, UnfitError) as error:
        return {"state": REFUSED, "why": str(error)}
    return _plain(found)


def _opened(case: Mapping[str, Any], data: bytes, merchant: Mapping[str, Any]) -> bytes:
    sender, told, now = SENDERS.get(str(case.get("provider", ""))), case["headers"], case.get("now")
    if sender is None or not isinstance(told, Mapping) or not isinstance(now, int):
        raise NoticeError("", "a provider, headers by name and a time were expected")
    headers = {str(name).lower(): str(value) for name, value in told.items()}
    given = Given(
        paths={},
        settings=merchant.get("settings", {}),
        secrets=merchant.get("secrets", {}),
        now=datetime.fromtimestamp(now, UTC),
        nonce="",
        address=lambda kind, reference: f"{kind}/{reference}",
    )
    if "answer" in str(case.get("kind", "")):
        return sender.open_answer(Answered(status=200, body=data, headers=headers), given).body
    return sender.open_notice(data, headers, given)


def _plain(found: Reading) -> dict[str, Any]:
    return {name: getattr(found, name) for name in _SAME} | {
        "state": found.said.value,
        "amount": found.amount,
        "time_local": found.at,
    }


def _differences(
    expect: Mapping[str, Any], got: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    for field, was in expect.items():
        now = got.get(field)
        if not _same(field, was, now):
            why = f" ({got['why']})" if field == "state" and "why" in got else ""
            yield field, repr(str(was)), repr(str(now)) + why if now else f"nothing{why}"


def _same(field: str, was: object, now: object) -> bool:
    if isinstance(now, Decimal):
        try:
            return Decimal(str(was)) == now
        except InvalidOperation:
            return False
    if isinstance(now, datetime):
        try:
            return datetime.fromisoformat(str(was)) == now
        except (ValueError, TypeError):
            return False
    return str(was) == str(now if now is not None else "") and field in ("state", *_SAME)

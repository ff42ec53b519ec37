"""Customers' phones as operators see them. Neither a PIN's proof nor a code is shown."""

import msgspec

from core.registration.states import OPEN, RequestState
from core.store.tx import Reader


class PhoneRequestView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A phone that asks for a meter, or to go on after a year (``meter`` empty)."""

    request: int
    phone: str
    state: str
    asked_at: int
    expires: int
    meter: str = ""
    name: str = ""
    spends: bool = False


class PhoneFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a phone may spend and has saved, and its PIN: set or not, wrong ones, until when it is
    locked (µs UTC, 0: it is not)."""

    phone: str
    language: str
    accounts: tuple[str, ...]
    meters: tuple[tuple[str, str], ...]
    seen_at: int
    pin_set: bool = False
    wrong: int = 0
    locked_until: int = 0


def requests_of(
    reader: Reader, company: str, state: str, limit: int, now_us: int
) -> list[PhoneRequestView]:
    """Requests in a state (empty: any), oldest first. One that waited too long is ``ended``."""
    wanted = [state] if state else [each.value for each in RequestState]
    if state == RequestState.ENDED:
        wanted += [each.value for each in OPEN]
    rows = reader.rows(
        "SELECT id, msisdn, state, asked_at, expires, meter, name, spends FROM phone_request "
        "WHERE company = :company AND state IN :states ORDER BY id LIMIT :limit",
        company=company,
        states=wanted,
        limit=limit,
    )
    found = []
    for id_, phone, stored, asked_at, expires, meter, name, spends in rows:
        late = stored in OPEN and expires <= now_us
        now = RequestState.ENDED.value if late else str(stored)
        if state and now != state:
            continue
        found.append(
            PhoneRequestView(
                request=id_, phone=phone, state=now, asked_at=asked_at, expires=expires,
                meter=meter, name=name, spends=bool(spends),
            )
        )  # fmt: skip
    return found


def phone_of(reader: Reader, company: str, msisdn: str) -> PhoneFacts | None:
    """One phone, or None."""
    rows = reader.rows(
        "SELECT p.id, p.language, p.seen_at, COALESCE(g.pin_proof, '') <> '', "
        "COALESCE(g.wrong, 0), COALESCE(g.locked_until, 0) FROM phone p "
        "LEFT JOIN phone_guard g ON g.company = p.company AND g.msisdn = p.msisdn "
        "WHERE p.company = :company AND p.msisdn = :phone",
        company=company,
        phone=msisdn,
    )
    if not rows:
        return None
    id_, language, seen_at, pin_set, wrong, locked_until = rows[0]
    accounts = reader.rows(
        "SELECT a.number FROM phone_account l JOIN account a ON a.id = l.account_id "
        "WHERE l.phone_id = :id AND l.to_us IS NULL ORDER BY a.id",
        id=id_,
    )
    meters = reader.rows(
        "SELECT m.drn, s.name FROM phone_meter s JOIN meter m ON m.id = s.meter_id "
        "WHERE s.phone_id = :id AND s.to_us IS NULL ORDER BY m.id",
        id=id_,
    )
    return PhoneFacts(
        phone=msisdn,
        language=language,
        accounts=tuple(str(row[0]) for row in accounts),
        meters=tuple((str(drn), str(name)) for drn, name in meters),
        seen_at=seen_at,
        pin_set=bool(pin_set),
        wrong=wrong,
        locked_until=locked_until,
    )

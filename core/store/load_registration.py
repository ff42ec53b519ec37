"""Loading a customer's own phone: requests to have a meter, what the phone has, what guards it.

Requests are locked after the terminals, guards last of all, each by id. What a request is about
never changes, so it is read before anything is locked and tells which meters will be.
"""

from core.book import Book, Wants
from core.changes.entities import PhoneSlice
from core.registration.entities import PhoneGuard, PhoneRequest, SavedAs
from core.registration.states import OPEN
from core.store.tx import Reader

_GUARD = PhoneGuard.__struct_fields__
_REQUEST = PhoneRequest.__struct_fields__
_OPEN = [state.value for state in OPEN]


def behind_requests(reader: Reader, company: str, wants: Wants) -> Wants:
    """The meters that the open requests of these phones are about, and who holds them."""
    rows = reader.rows(
        "SELECT DISTINCT meter FROM phone_request WHERE company = :company "
        "AND msisdn IN :phones AND state IN :open AND meter <> ''",
        company=company,
        phones=list(wants.registering),
        open=_OPEN,
    )
    meters = tuple(sorted(row[0] for row in rows))
    return Wants(meters=meters, holders_of=meters)


def load_registration(
    reader: Reader, company: str, wants: Wants, since: int | None, book: Book, suffix: str
) -> None:
    """``since``: requests are counted from this instant on."""
    if wants.registering:
        _requests(reader, company, wants.registering, since or 0, book, suffix)
        _slices(reader, company, wants.registering, book)
    if wants.holders_of:
        _holders(reader, company, wants.holders_of, book)
        _asked(reader, company, wants.holders_of, since or 0, book)
    if wants.beside:
        _beside(reader, company, wants.beside, book)
    if wants.guards:
        for row in reader.rows(
            f"SELECT {', '.join(_GUARD)} FROM phone_guard WHERE company = :company "
            f"AND msisdn IN :phones ORDER BY id{suffix}",
            company=company,
            phones=list(wants.guards),
        ):
            guard = PhoneGuard(**dict(zip(_GUARD, row, strict=True)))
            book.load(guard.msisdn, guard)


def _requests(
    reader: Reader, company: str, phones: tuple[str, ...], since: int, book: Book, suffix: str
) -> None:
    """Link ("requests-of", phone) -> ids, oldest first."""
    found: dict[str, list[int]] = {phone: [] for phone in phones}
    for row in reader.rows(
        f"SELECT {', '.join(_REQUEST)} FROM phone_request WHERE company = :company "
        "AND msisdn IN :phones AND (state IN :open OR asked_at >= :since) "
        f"ORDER BY id{suffix}",
        company=company,
        phones=list(phones),
        open=_OPEN,
        since=since,
    ):
        request = PhoneRequest(**dict(zip(_REQUEST, row, strict=True)))
        book.load(request.id, request)
        found[request.msisdn].append(request.id)
    for phone, ids in found.items():
        book.link("requests-of", phone, tuple(ids))


def _slices(reader: Reader, company: str, phones: tuple[str, ...], book: Book) -> None:
    """What the phones have now: link ("saved-as", (phone, meter)) -> key of its slice."""
    asked = {"company": company, "phones": list(phones)}
    for msisdn, id_, meter, drn, name, since in reader.rows(
        "SELECT p.msisdn, p.id, m.id, m.drn, s.name, s.from_us FROM phone p "
        "JOIN phone_meter s ON s.phone_id = p.id AND s.to_us IS NULL "
        "JOIN meter m ON m.id = s.meter_id "
        "WHERE p.company = :company AND p.msisdn IN :phones ORDER BY p.id, m.id",
        **asked,
    ):
        saved = SavedAs(id=id_, meter_id=meter, drn=drn, name=name, from_us=since)
        book.load((id_, meter, since), saved)
        book.link("saved-as", (msisdn, drn), (id_, meter, since))
    for msisdn, id_, account, since in reader.rows(
        "SELECT p.msisdn, p.id, l.account_id, l.from_us FROM phone p "
        "JOIN phone_account l ON l.phone_id = p.id AND l.to_us IS NULL "
        "WHERE p.company = :company AND p.msisdn IN :phones ORDER BY p.id, l.account_id",
        **asked,
    ):
        slice_ = PhoneSlice(id=id_, msisdn=msisdn, account_id=account, from_us=since)
        if (PhoneSlice, (id_, account)) not in book.entities:  # a change may have it already
            book.load((id_, account), slice_)


def _holders(reader: Reader, company: str, meters: tuple[str, ...], book: Book) -> None:
    """Link ("holders-of", meter) -> (phone, language, when last in use), longest registered
    first."""
    found: dict[str, list[tuple[str, str, int]]] = {meter: [] for meter in meters}
    for drn, msisdn, language, seen_at in reader.rows(
        "SELECT m.drn, p.msisdn, p.language, p.seen_at FROM meter m "
        "JOIN meter_install i ON i.meter_id = m.id AND i.to_us IS NULL "
        "JOIN agreement a ON a.service_point_id = i.service_point_id AND a.to_us IS NULL "
        "JOIN phone_account l ON l.account_id = a.account_id AND l.to_us IS NULL "
        "JOIN phone p ON p.id = l.phone_id "
        "WHERE m.company = :company AND m.drn IN :meters ORDER BY l.from_us, p.id",
        company=company,
        meters=list(meters),
    ):
        found[drn].append((msisdn, language, seen_at))
    for meter, phones in found.items():
        book.link("holders-of", meter, tuple(phones))


def _beside(reader: Reader, company: str, phones: tuple[str, ...], book: Book) -> None:
    """Link ("phones-beside", phone) -> (phone, language) of others that may spend an account of
    it, longest registered first."""
    found: dict[str, dict[str, str]] = {phone: {} for phone in phones}
    for msisdn, other, language in reader.rows(
        "SELECT p.msisdn, o.msisdn, o.language FROM phone p "
        "JOIN phone_account l ON l.phone_id = p.id AND l.to_us IS NULL "
        "JOIN phone_account k ON k.account_id = l.account_id AND k.to_us IS NULL "
        "JOIN phone o ON o.id = k.phone_id AND o.id <> p.id "
        "WHERE p.company = :company AND p.msisdn IN :phones ORDER BY k.from_us, o.id",
        company=company,
        phones=list(phones),
    ):
        found[msisdn].setdefault(other, language)
    for phone, others in found.items():
        book.link("phones-beside", phone, tuple(others.items()))


def _asked(reader: Reader, company: str, meters: tuple[str, ...], since: int, book: Book) -> None:
    """Link ("asked-for", meter) -> when it was asked for lately, by any phone."""
    found: dict[str, list[int]] = {meter: [] for meter in meters}
    for meter, at in reader.rows(
        "SELECT meter, asked_at FROM phone_request "
        "WHERE company = :company AND meter IN :meters AND asked_at >= :since",
        company=company,
        meters=list(meters),
        since=since,
    ):
        found[meter].append(at)
    for meter, times in found.items():
        book.link("asked-for", meter, tuple(times))

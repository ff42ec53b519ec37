"""Loading what changes in a customer's life are decided on.

What a change is about never changes once it is written, so it is read before anything is locked
and tells which meters, agreement states and accounts will be; everything that is decided on is
read again when they are.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from core.book import Book, Wants
from core.changes.entities import (
    BilledDays,
    Change,
    Holding,
    Installed,
    PhoneSlice,
    SavedMeter,
    Service,
    ShareFact,
    Used,
)
from core.entities import Agreement
from core.messages import RequestChange
from core.store.load_acts import load_refundable, load_refunds
from core.store.load_change_effects import load_effects, load_items
from core.store.tx import Reader

CHANGE_COLUMNS = Change.__struct_fields__
_SERVICE = Service.__struct_fields__
_BILLED = BilledDays.__struct_fields__


@dataclass(frozen=True, slots=True)
class Changing:
    """What the changes of a batch are about; ``wants`` is what others must load for them."""

    company: str = ""
    changes: tuple[int, ...] = ()
    accounts: tuple[int, ...] = ()
    agreements: tuple[int, ...] = ()
    points: tuple[int, ...] = ()
    wants: Wants = field(default_factory=Wants)

    def __bool__(self) -> bool:
        return bool(self.company)


def changing(reader: Reader, company: str, wants: Wants) -> Changing:
    """What the wanted changes are about, before anything is locked."""
    if not (wants.changes or wants.changes_of or wants.changes_at):
        return Changing()
    numbers, phones, customers = {*wants.changes_of}, set(wants.phones), set(wants.customers)
    accounts, points, drns, found = set[int](), set[int](), set[str](), []
    for id_, account, other, point, command, did in reader.rows(
        "SELECT id, account_id, to_account_id, service_point_id, command, did FROM account_change "
        "WHERE company = :company AND id IN :ids ORDER BY id",
        company=company, ids=list(wants.changes),
    ) if wants.changes else []:  # fmt: skip
        found.append(id_)
        accounts |= {account, other} - {0}
        points |= {point} - {0}
        asked = wants_of_request(msgspec.json.decode(command, type=RequestChange))
        numbers.update(asked.changes_of)
        phones.update(asked.phones)
        customers.update(asked.customers)
        drns.update(asked.meters)
        drns |= {msgspec.json.decode(did).get("old_meter", "")} - {""}
    points |= _ids(reader, company, "service_point", wants.changes_at)
    accounts |= _ids(reader, company, "account", numbers)
    services = _services(reader, accounts, points)
    points |= {each.service_point_id for each in services if each.to_us is None}
    before = _services(reader, (), points)
    accounts |= {each.account_id for each in before}
    known = {row[1] for row in _installed(reader, points)}
    names = _numbers(reader, accounts)
    return Changing(
        company,
        tuple(found),
        tuple(sorted(accounts)),
        tuple(sorted({each.id for each in (*services, *before)})),
        tuple(sorted(points)),
        Wants(
            meters=tuple(sorted(drns | known)),
            accounts=tuple(sorted({*names, *numbers})),
            owing=tuple(sorted(names)),
            phones=tuple(sorted(phones)),
            customers=tuple(sorted(customers)),
        ),
    )


def wants_of_request(command: RequestChange) -> Wants:
    """What a request names."""
    return Wants(
        meters=(command.meter.drn,) if command.meter else (),
        changes_of=tuple(filter(None, (command.account, command.to_account))),
        changes_at=(command.point,) if command.point else (),
        customers=tuple(filter(None, (command.customer, command.point))),
        phones=tuple(link.msisdn for link in command.phones),
        operators=(command.operator,),
    )


def load_changes(reader: Reader, about: Changing, book: Book, suffix: str) -> None:
    """Everything of these changes; meters, agreement states, accounts and service points are locked
    already."""
    if not about:
        return
    changes = _changes(reader, about, book, suffix)
    services = _services(reader, about.accounts, about.points)
    _agreements(reader, services, about, book)
    _meters(reader, about, book)
    _accounts(reader, about, book)
    _billed(reader, about, book, suffix)
    _customers(reader, book)
    _shares(reader, about, book)
    _recovered(reader, about, book)
    _uncleared(reader, about, book)
    load_effects(reader, [each for each in changes if each.state == "settled"], book)
    load_refundable(reader, about.company, about.wants.meters, book)
    load_refunds(reader, about.company, about.wants.meters, book)


def _ids(reader: Reader, company: str, table: str, numbers: Iterable[str]) -> set[int]:
    names = sorted(numbers)
    return {row[0] for row in reader.rows(
        f"SELECT id FROM {table} WHERE company = :company AND number IN :numbers",
        company=company, numbers=names,
    )} if names else set()  # fmt: skip


def _numbers(reader: Reader, accounts: Iterable[int]) -> list[str]:
    ids = sorted(accounts)
    return [row[0] for row in reader.rows(
        "SELECT number FROM account WHERE id IN :ids ORDER BY id", ids=ids
    )] if ids else []  # fmt: skip


def _services(reader: Reader, accounts: Iterable[int], points: Iterable[int]) -> list[Service]:
    """The agreements of accounts and of service points, ended ones too."""
    owners, places = sorted(accounts), sorted(points)
    if not (owners or places):
        return []
    rows = reader.rows(
        f"SELECT {', '.join(_SERVICE)} FROM agreement WHERE account_id IN :owners "
        "OR service_point_id IN :places ORDER BY id",
        owners=owners, places=places,
    )  # fmt: skip
    return [Service(**dict(zip(_SERVICE, row, strict=True))) for row in rows]


def _installed(reader: Reader, points: Iterable[int]) -> list[Any]:
    places = sorted(points)
    return reader.rows(
        "SELECT i.id, m.drn, i.meter_id, i.service_point_id FROM meter_install i "
        "JOIN meter m ON m.id = i.meter_id WHERE i.service_point_id IN :places "
        "AND i.to_us IS NULL ORDER BY i.id",
        places=places,
    ) if places else []  # fmt: skip


def _changes(reader: Reader, about: Changing, book: Book, suffix: str) -> list[Change]:
    """The documents, and every open one about these accounts and points."""
    rows = reader.rows(
        f"SELECT {', '.join(CHANGE_COLUMNS)} FROM account_change WHERE company = :company "
        "AND (id IN :ids OR (open = 1 AND (account_id IN :owners OR to_account_id IN :coming "
        f"OR service_point_id IN :places))) ORDER BY id{suffix}",
        company=about.company, ids=list(about.changes), owners=list(about.accounts),
        coming=list(about.accounts), places=list(about.points),
    )  # fmt: skip
    found = [Change(**dict(zip(CHANGE_COLUMNS, row, strict=True))) for row in rows]
    for change in found:
        book.load(change.id, change)
    book.link("open-changes", "", tuple(change.id for change in found if change.open))
    return found


def _agreements(reader: Reader, services: list[Service], about: Changing, book: Book) -> None:
    names: dict[int, str] = dict(reader.rows(
        "SELECT a.id, c.name FROM account a JOIN customer c ON c.id = a.customer_id "
        "WHERE a.id IN :ids", ids=[each.account_id for each in services],
    )) if services else {}  # fmt: skip
    numbers = {id_: name for (kind, name), id_ in book.links.items() if kind == "account-number"}
    for account in about.accounts:
        book.link("services-of", account, ())
    for each in services:
        book.load(each.id, each)
        book.link("last-service-at", each.service_point_id, each.id)
        if each.to_us is not None:
            continue
        book.link("service-at", each.service_point_id, each.id)
        known = book.links.get(("services-of", each.account_id), ())
        book.link("services-of", each.account_id, (*known, each.id))
        if (Agreement, each.id) not in book.entities:
            book.load(each.id, Agreement(
                id=each.id, account_id=each.account_id, tariff=each.tariff, mode=each.mode,
                state=each.state, since=each.since, holder=names.get(each.account_id, ""),
                account_number=numbers.get(each.account_id, ""),
            ))  # fmt: skip


def _meters(reader: Reader, about: Changing, book: Book) -> None:
    for point in about.points:
        book.link("installed-at", point, ())
    ids = []
    for id_, drn, meter, point in _installed(reader, about.points):
        install = Installed(id=id_, meter_id=meter, drn=drn, service_point_id=point)
        book.load(id_, install)
        book.link("installed-at", point, (*book.links["installed-at", point], id_))
        ids.append(meter)
        book.link("drn-of", meter, drn)
    if not ids:
        return
    for phone, msisdn, meter, name, since in reader.rows(
        "SELECT s.phone_id, p.msisdn, s.meter_id, s.name, s.from_us FROM phone_meter s "
        "JOIN phone p ON p.id = s.phone_id WHERE s.meter_id IN :ids AND s.to_us IS NULL "
        "ORDER BY s.phone_id", ids=ids,
    ):  # fmt: skip
        saved = SavedMeter(id=phone, msisdn=msisdn, meter_id=meter, name=name, from_us=since)
        book.load((phone, meter), saved)
        book.link("saved-by", meter, (*(book.links.get(("saved-by", meter)) or ()), phone))
    for meter, made in reader.rows(
        "SELECT meter_id, max(made_at) FROM token WHERE meter_id IN :ids AND class = 0 "
        "GROUP BY meter_id", ids=ids,
    ):  # fmt: skip
        book.link("last-credit", meter, made)


def _accounts(reader: Reader, about: Changing, book: Book) -> None:
    ids = list(about.accounts)
    if not ids:
        return
    for id_, customer in reader.rows("SELECT id, customer_id FROM account WHERE id IN :ids",
                                     ids=ids):  # fmt: skip
        book.load(id_, Holding(id=id_, customer_id=customer))
    for phone, msisdn, account, since in reader.rows(
        "SELECT l.phone_id, p.msisdn, l.account_id, l.from_us FROM phone_account l "
        "JOIN phone p ON p.id = l.phone_id WHERE l.account_id IN :ids AND l.to_us IS NULL "
        "ORDER BY l.phone_id", ids=ids,
    ):  # fmt: skip
        slice_ = PhoneSlice(id=phone, msisdn=msisdn, account_id=account, from_us=since)
        book.load((phone, account), slice_)
        known = book.links.get(("phones-of", account)) or ()
        book.link("phones-of", account, (*known, phone))


def _billed(reader: Reader, about: Changing, book: Book, suffix: str) -> None:
    """Open periods, the newest usage of each agreement and period, its live bill, billed days."""
    ids = list(about.agreements)
    share = " FOR SHARE" if suffix else ""
    for (period,) in reader.rows(
        f"SELECT period FROM billing_period WHERE company = :company AND state = 'open'{share}",
        company=about.company,
    ):
        book.link("open-period", period, True)
    if not ids:
        return
    for row in reader.rows(
        "SELECT u.agreement_id, u.id, u.period, u.version, u.first, u.last, COALESCE(b.id, 0), "
        "COALESCE(b.usage_id, 0), COALESCE(b.state, ''), COALESCE(b.consumption, 0) "
        "FROM bill_usage u LEFT JOIN bill b ON b.agreement_id = u.agreement_id "
        "AND b.period = u.period AND b.live = 1 WHERE u.agreement_id IN :ids "
        "ORDER BY u.agreement_id, u.period, u.version", ids=ids,
    ):  # fmt: skip
        book.link("used", (row[0], row[2]), Used(*row[1:]))
        periods = book.links.get(("used-in", row[0])) or ()
        if row[2] not in periods:
            book.link("used-in", row[0], (*periods, row[2]))
    for row in reader.rows(
        f"SELECT {', '.join(_BILLED)} FROM billed_days WHERE agreement_id IN :ids ORDER BY id",
        ids=ids,
    ):
        days = BilledDays(**dict(zip(_BILLED, row, strict=True)))
        book.load(days.id, days)
        book.link("billed-days", days.agreement_id, days.id)


def _customers(reader: Reader, book: Book) -> None:
    """Names of the holders, and of those who may come."""
    ids = {id_ for (kind, _), id_ in book.links.items() if kind == "customer"}
    ids |= {each.customer_id for each in book.entities.values() if isinstance(each, Holding)}
    if ids:
        for id_, name in reader.rows(
            "SELECT id, name FROM customer WHERE id IN :ids", ids=sorted(ids)
        ):
            book.link("customer-name", id_, name)


def _shares(reader: Reader, about: Changing, book: Book) -> None:
    """Link (``shares-of``, agreement) -> what was stated of its shares, by name and day."""
    names = ShareFact.__struct_fields__
    rows = reader.rows(
        f"SELECT agreement_id, {', '.join(names)} FROM agreement_fact WHERE agreement_id IN :ids "
        "AND kind = 'share' ORDER BY agreement_id, name, from_day, version",
        ids=list(about.agreements),
    ) if about.agreements else []  # fmt: skip
    for agreement, *values in rows:
        known = book.links.get(("shares-of", agreement)) or ()
        fact = ShareFact(**dict(zip(names, values, strict=True)))
        book.link("shares-of", agreement, (*known, fact))


def _uncleared(reader: Reader, about: Changing, book: Book) -> None:
    """Link (``uncleared-of``, agreement) -> what cheques that have not cleared have paid of it."""
    if not about.agreements:
        return
    for agreement, amount in reader.rows(
        "SELECT i.agreement_id, CAST(sum(a.amount) AS BIGINT) FROM open_item i JOIN allocation a "
        "ON a.item_id = i.id AND a.source = 'payment' JOIN payment p ON p.id = a.source_id "
        "AND p.state = 'uncleared' WHERE i.account_id IN :accounts AND i.agreement_id IN :ids "
        "GROUP BY i.agreement_id",
        accounts=list(about.accounts), ids=list(about.agreements),
    ):  # fmt: skip
        book.link("uncleared-of", agreement, amount)


def _recovered(reader: Reader, about: Changing, book: Book) -> None:
    """The document that a debt came from."""
    if not about.agreements:
        return
    for debt, item in reader.rows(
        "SELECT d.id, a.item_id FROM debt d JOIN allocation a ON a.source = 'recovery' "
        "AND a.source_id = d.id WHERE d.agreement_id IN :ids AND d.outstanding > 0 "
        "GROUP BY d.id, a.item_id HAVING sum(a.amount) > 0",
        ids=list(about.agreements),
    ):
        book.link("item-of-debt", debt, item)
    items = [id_ for (kind, _), id_ in book.links.items() if kind == "item-of-debt"]
    load_items(reader, items, book)

"""Loading a batch's book: locked rows first, in the one lock order; what depends on them later.

Lock order, everywhere: (company) inbox → meters → agreement states → accounts → service points →
notices → confirmations → operators → acts → orders → changes → payments by wallet → held money →
agents' floats → desks → numbers of credit notes → terminals → turns of wallets → their cases →
requests of phones → guards of phones, each set by id. A column of an unlocked table is never read
by the statement that locks: after a wait it would show what the row was before (facts: the same TID
twice).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import msgspec

from core.book import Book, Wants
from core.entities import (
    Account,
    Agreement,
    AgreementState,
    Debt,
    Meter,
    NoticeRow,
    OwnMeter,
    Phone,
    SaleOnFile,
    Waiting,
)
from core.messages import CreditVend
from core.store.load_acts import Concerned, concerned, load_acts
from core.store.load_advances import load_known, load_pauses
from core.store.load_agents import load_agents, load_told
from core.store.load_cancels import items_paid, load_cancels, sales_to_cancel
from core.store.load_changes import Changing, changing, load_changes
from core.store.load_collection import accounts_of, load_collection
from core.store.load_counter import behind_receipts, load_counter
from core.store.load_entitlements import RUNNING, load_claimed, load_entitlements
from core.store.load_held import behind_pay_ins, load_held, with_accounts
from core.store.load_items import Itemized, itemized, load_items
from core.store.load_key_changes import load_key_changes
from core.store.load_orders import (
    Ordered,
    load_open_act_orders,
    load_open_orders,
    load_orders,
    ordered,
)
from core.store.load_registration import behind_requests, load_registration
from core.store.load_sales import Horizon, load_sales
from core.store.load_terminals import load_terminals
from core.store.load_wallet_books import behind_wallet_books, load_wallet_books
from core.store.load_wallets import behind_wallets, load_wallets
from core.store.tx import Reader, Row, TransientStoreError
from core.wallets.rows import BY_NUMBER
from core.wallets.terms import ReferenceRule

METER_COLUMNS = (
    "id company drn model state block_reason max_credit_tenths tct ea dkga sgc krn ti ken kt "
    "base_year last_tid key_change_id commodity"
).split()
ACCOUNT_COLUMNS = "id company number currency state credit reserved".split()


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What a look before any lock has found: which rows will be locked."""

    orders: Ordered
    acts: Concerned
    changes: Changing
    paid_to: set[int]
    cancelled: list[SaleOnFile]
    items: Itemized

    @property
    def accounts(self) -> set[int]:
        """Their ids."""
        both = ((sale.payer_account_id, sale.account_id) for sale in self.cancelled)
        return {*self.orders.accounts, *self.paid_to, *self.changes.accounts, *chain(*both)}

    @property
    def told(self) -> tuple[str, ...]:
        """Phones that hear of it."""
        return (*self.acts.told, *self.orders.told)

    @property
    def meters(self) -> set[str]:
        """Their numbers."""
        return {*self.acts.meters, *self.orders.meters}

    @property
    def agents(self) -> set[int]:
        """Their ids."""
        sold = (sale.agent_id for sale in self.cancelled)
        return {*self.orders.agents, *self.items.agents, *sold}

    @property
    def sales(self) -> set[int]:
        """Those whose items at terminals change with them."""
        return {*self.orders.sales, *(sale.id for sale in self.cancelled if sale.agent_id)}

    @property
    def agreements(self) -> set[int]:
        """Their ids."""
        sold = (sale.agreement_id for sale in self.cancelled)
        return {*self.orders.agreements, *self.changes.agreements, *sold}


def _look_ahead(
    reader: Reader, company: str, wants: Wants, rules: tuple[ReferenceRule, ...]
) -> tuple[Wants, _Ahead]:
    orders = ordered(reader, company, wants)
    wants = _more(wants, orders.acts, orders.items)
    if orders.wallets:
        paying = tuple((BY_NUMBER, "", number) for number in orders.wallets)
        wants = Wants.union((wants, Wants(wallets=paying)))
    acts = concerned(reader, company, wants)
    wants = Wants.union((wants, acts.money))
    if wants.counter:
        wants = Wants.union((wants, behind_receipts(reader, company, wants)))
    if wants.wallet_books:
        wants = Wants.union((wants, behind_wallet_books(reader, company, wants)))
    if wants.wallets or wants.typed or wants.held or wants.held_of:
        paid = behind_wallets(reader, company, wants), behind_pay_ins(reader, company, wants, rules)
        wants = Wants.union((wants, with_accounts(reader, company, Wants.union(paid))))
    if wants.registering:
        wants = Wants.union((wants, behind_requests(reader, company, wants)))
    changes = changing(reader, company, wants)
    wants = Wants.union((wants, changes.wants)) if changes else wants
    items = itemized(reader, company, wants)
    wants = Wants.union((wants, items.wants)) if items.agents else wants
    paid_to = accounts_of(reader, company, wants)
    cancelled = sales_to_cancel(reader, company, acts.cancels)
    return wants, _Ahead(orders, acts, changes, paid_to, cancelled, items)


def load(
    reader: Reader, company: str, wants: Wants, horizon: Horizon, *, lock: bool = True
) -> Book:
    """A book with what ``wants`` names. ``lock=False`` is for queries."""
    book = Book()
    suffix = " FOR UPDATE" if lock else ""
    wants, ahead = _look_ahead(reader, company, wants, horizon.references)
    phones = _phones(reader, company, (*wants.phones, *wants.last_sales_of, *ahead.told), book)
    waiting, asked = _waiting_meters(reader, company, wants.waiting)
    drns = {*wants.meters, *asked, *ahead.meters, *_saved_meters(book, wants.meters_of)}
    meters = _meters(reader, company, drns, book, suffix)
    load_key_changes(reader, meters, book)
    agreements, entitled = _agreements(reader, meters, book)
    services = sorted({*ahead.agreements, *(a.id for a in agreements)})
    _agreement_states(reader, services, book, suffix)
    load_entitlements(reader, entitled, ahead.orders.entitlements, book)
    if wants.acts or wants.operators or ahead.orders.entitlements:
        load_claimed(reader, services, book)
    ids = {*ahead.accounts, *(a.account_id for a in agreements)}
    ids.update(account for phone in phones for account in phone.account_ids)
    _accounts(reader, company, ids, wants.accounts, book, suffix)
    _as_ahead(reader, company, wants, ahead.paid_to if lock else None)
    sold = (sale.agreement_id for sale in ahead.cancelled)
    _debts(reader, services, (*ahead.orders.agreements, *sold), book)
    load_cancels(reader, ahead.cancelled, book)
    if horizon.orders:
        load_open_orders(reader, services, book)
        load_open_act_orders(reader, drns, book)
    load_known(reader, services, horizon, book, advances=bool(wants.advances))
    wants = _more(wants, (), items_paid(ahead.cancelled))
    sold_to = {a.account_id for a in agreements} if horizon.items else set()
    load_collection(reader, company, wants, book, sold_to)
    _customers(reader, company, wants.customers, book)
    if wants.customers or ahead.changes:  # sales want none of it
        _points(reader, ahead.changes.points, book, suffix)
    load_sales(reader, company, wants, [m.id for m in meters], horizon, book)
    _notices(reader, wants.references, book, suffix)
    _waiting(reader, waiting, book, suffix)
    load_acts(reader, wants, ahead.acts, horizon.acts, book, suffix)
    load_orders(reader, ahead.orders, book, suffix)
    load_changes(reader, ahead.changes, book, suffix)
    _money_by_wallet(reader, company, wants, book, suffix)
    load_agents(reader, company, wants, ahead.agents, book, suffix)
    load_told(reader, wants, horizon.tells, book)
    _where_people_sell(reader, company, wants, book, suffix)
    load_items(reader, company, wants, ahead.sales, book)
    load_wallet_books(reader, company, wants, book, suffix, horizon.zone)
    load_registration(reader, company, wants, horizon.acts, book, suffix)
    return book


def _money_by_wallet(reader: Reader, company: str, wants: Wants, book: Book, suffix: str) -> None:
    """Payments, then what of them is held."""
    load_wallets(reader, company, wants, book, suffix)
    load_held(reader, company, wants, book, suffix)


def _as_ahead(reader: Reader, company: str, wants: Wants, paid_to: set[int] | None) -> None:
    """The wanted payments went to these accounts before the locks, and do now."""
    if paid_to is not None and accounts_of(reader, company, wants) - paid_to:
        raise TransientStoreError("a payment came while its accounts were locked: run again")


def _where_people_sell(reader: Reader, company: str, wants: Wants, book: Book, suffix: str) -> None:
    """Desks, then terminals."""
    load_counter(reader, company, wants, book, suffix)
    load_terminals(reader, company, wants, book, suffix)


def _more(wants: Wants, acts: tuple[int, ...], items: tuple[int, ...]) -> Wants:
    """Also these acts and open items."""
    if not (acts or items):
        return wants
    acts, items = (*wants.acts, *acts), (*wants.items, *items)
    return msgspec.structs.replace(wants, acts=acts, items=items)


def load_meters(reader: Reader, company: str, wants: Wants) -> Book:
    """The meters that may get a token, not locked, with their key changes: a look ahead."""
    book = Book()
    about = concerned(reader, company, wants)
    _, asked = _waiting_meters(reader, company, wants.waiting)
    drns = {*wants.meters, *asked, *about.meters}
    load_key_changes(reader, _meters(reader, company, drns, book, ""), book)
    return book


def _saved_meters(book: Book, phones: tuple[str, ...]) -> set[str]:
    found = [book.entities.get((Phone, msisdn)) for msisdn in phones]
    return {own.drn for phone in found if isinstance(phone, Phone) for own in phone.meters}


def _meters(
    reader: Reader, company: str, drns: Iterable[str], book: Book, suffix: str
) -> list[Meter]:
    wanted = list(drns)
    if not wanted:
        return []
    rows = reader.rows(
        f"SELECT {', '.join(METER_COLUMNS)} FROM meter "
        f"WHERE company = :company AND drn IN :drns ORDER BY id{suffix}",
        company=company,
        drns=wanted,
    )
    meters = [Meter(**dict(zip(METER_COLUMNS, row, strict=True))) for row in rows]
    for meter in meters:
        book.load(meter.drn, meter)
    return meters


def _agreements(
    reader: Reader, meters: list[Meter], book: Book
) -> tuple[list[Agreement], dict[int, int]]:
    """The meters' agreements, and of those that have one the id of the running entitlement."""
    if not meters:
        return [], {}
    rows = reader.rows(
        "SELECT i.meter_id, a.id, a.account_id, a.tariff, a.mode, a.state, a.since, c.name, "
        f"x.number, {RUNNING} FROM meter_install i JOIN agreement a ON a.service_point_id = "
        "i.service_point_id AND a.to_us IS NULL JOIN account x ON x.id = a.account_id "
        "JOIN customer c ON c.id = x.customer_id "
        "WHERE i.meter_id IN :ids AND i.to_us IS NULL ORDER BY a.id",
        ids=[meter.id for meter in meters],
    )
    agreements, entitled = [], {}
    for meter_id, id_, account, tariff, mode, state, since, holder, number, running in rows:
        agreement = Agreement(
            id=id_,
            account_id=account,
            tariff=tariff,
            mode=mode,
            state=state,
            since=since,
            holder=holder,
            account_number=number,
        )
        book.load(id_, agreement)
        book.link("agreement-of", meter_id, id_)
        agreements.append(agreement)
        if running:
            entitled[id_] = running
    return agreements, entitled


def _agreement_states(reader: Reader, ids: list[int], book: Book, suffix: str) -> None:
    if not ids:
        return
    rows = reader.rows(
        "SELECT agreement_id, period, units_milli, fixed_through, pauses FROM agreement_state "
        f"WHERE agreement_id IN :ids ORDER BY agreement_id{suffix}",
        ids=ids,
    )
    paused = []
    for id_, period, units, fixed, pauses in rows:
        state = AgreementState(
            id=id_, period=period, units_milli=units, fixed_through=fixed, pauses=pauses
        )
        book.load(id_, state)
        if pauses:
            paused.append(id_)
    load_pauses(reader, paused, book)


def _accounts(
    reader: Reader, company: str, ids: set[int], numbers: tuple[str, ...], book: Book, suffix: str
) -> None:
    if numbers:
        found = reader.rows(
            "SELECT id, number FROM account WHERE company = :company AND number IN :numbers",
            company=company,
            numbers=list(numbers),
        )
        ids = ids | {row[0] for row in found}
    if not ids:
        return
    rows = reader.rows(
        f"SELECT {', '.join(ACCOUNT_COLUMNS)} FROM account WHERE id IN :ids ORDER BY id{suffix}",
        ids=sorted(ids),
    )
    for row in rows:
        account = Account(**dict(zip(ACCOUNT_COLUMNS, row, strict=True)))
        book.load(account.id, account)
        book.link("account-number", account.number, account.id)


#: Phones with their accounts and meters, in one round trip: (what, phone id, id, text, text); of a
#: phone itself the third is when it was last in use.
_PHONES = (
    "WITH p AS (SELECT id, msisdn, language, seen_at FROM phone "
    "WHERE company = :company AND msisdn IN :numbers) "
    "SELECT 0 AS what, id AS phone, seen_at AS other, msisdn, language FROM p "
    "UNION ALL SELECT 1, l.phone_id, l.account_id, '', '' FROM p "
    "JOIN phone_account l ON l.phone_id = p.id AND l.to_us IS NULL "
    "UNION ALL SELECT 2, s.phone_id, m.id, m.drn, s.name FROM p "
    "JOIN phone_meter s ON s.phone_id = p.id AND s.to_us IS NULL "
    "JOIN meter m ON m.id = s.meter_id ORDER BY what, other"
)


def _phones(reader: Reader, company: str, numbers: Iterable[str], book: Book) -> list[Phone]:
    wanted = list(dict.fromkeys(numbers))
    if not wanted:
        return []
    accounts: dict[int, list[int]] = {}
    meters: dict[int, list[OwnMeter]] = {}
    found: list[Row] = []
    for what, id_, other, text, more in reader.rows(_PHONES, company=company, numbers=wanted):
        if what == 0:
            found.append((id_, other, text, more))
        elif what == 1:
            accounts.setdefault(id_, []).append(other)
        else:
            meters.setdefault(id_, []).append(OwnMeter(text, more))
    phones = []
    for id_, seen_at, msisdn, language in found:
        phone = Phone(
            id=id_,
            msisdn=msisdn,
            language=language,
            account_ids=tuple(accounts.get(id_, ())),
            meters=tuple(meters.get(id_, ())),
            seen_at=seen_at,
        )
        book.load(msisdn, phone)
        phones.append(phone)
    return phones


def _debts(reader: Reader, agreements: list[int], waiting: tuple[int, ...], book: Book) -> None:
    """What is owed. ``waiting``: agreements with a sale that may give a paid debt back."""
    if not agreements:
        return
    columns = "id agreement_id code priority method value cap_per_sale outstanding".split()
    rows = reader.rows(
        f"SELECT {', '.join(columns)} FROM debt WHERE agreement_id IN :ids "
        f"AND {'outstanding >= 0' if waiting else 'outstanding > 0'} ORDER BY priority, id",
        ids=agreements,
    )
    for debt in (Debt(**dict(zip(columns, row, strict=True))) for row in rows):
        book.load(debt.id, debt)
        known = book.links.get(("debts-of", debt.agreement_id), ())
        book.link("debts-of", debt.agreement_id, (*known, debt.id))


_WAITING = "id phone code state command expires".split()


def _waiting_meters(
    reader: Reader, company: str, keys: tuple[tuple[str, str], ...]
) -> tuple[list[int], set[str]]:
    """The purchases that these (phone, code) pairs stand for: ids, and the meters they name."""
    if not keys:
        return [], set()
    rows = reader.rows(
        "SELECT id, phone, code, command FROM confirmation WHERE company = :company "
        "AND phone IN :phones AND code IN :codes ORDER BY id",
        company=company,
        phones=sorted({phone for phone, _ in keys}),
        codes=sorted({code for _, code in keys}),
    )
    wanted = set(keys)
    newest = {(row[1], row[2]): row for row in rows if (row[1], row[2]) in wanted}
    meters = {msgspec.json.decode(row[3], type=CreditVend).meter for row in newest.values()}
    return sorted(row[0] for row in newest.values()), meters


def _waiting(reader: Reader, ids: list[int], book: Book, suffix: str) -> None:
    """Lock them last and read them then: of two that say YES at once, one finds it taken."""
    if not ids:
        return
    for row in reader.rows(
        f"SELECT {', '.join(_WAITING)} FROM confirmation WHERE id IN :ids ORDER BY id{suffix}",
        ids=ids,
    ):
        waiting = Waiting(**dict(zip(_WAITING, row, strict=True)))
        book.load((waiting.phone, waiting.code), waiting)


def _customers(reader: Reader, company: str, numbers: tuple[str, ...], book: Book) -> None:
    if not numbers:
        return
    for table in ("customer", "service_point"):
        rows = reader.rows(
            f"SELECT id, number FROM {table} WHERE company = :company AND number IN :numbers",
            company=company,
            numbers=list(numbers),
        )
        for id_, number in rows:
            book.link(table, number, id_)


def _points(reader: Reader, others: tuple[int, ...], book: Book, suffix: str) -> None:
    """Lock the service points: two who move in at one of them at once meet here."""
    points = sorted({id_ for (kind, _), id_ in book.links.items() if kind == "service_point"})
    wanted = sorted({*points, *others})
    if wanted:
        reader.rows(
            f"SELECT id FROM service_point WHERE id IN :ids ORDER BY id{suffix}", ids=wanted
        )
        _agreements_at(reader, points, book)


def _agreements_at(reader: Reader, points: list[int], book: Book) -> None:
    """Which service points are taken: a second agreement there would take the first one's sales."""
    if points:
        for point, id_ in reader.rows(
            "SELECT service_point_id, id FROM agreement "
            "WHERE service_point_id IN :points AND to_us IS NULL ORDER BY id",
            points=points,
        ):
            book.link("agreement-at", point, id_)


def _notices(
    reader: Reader, references: tuple[tuple[str, str], ...], book: Book, suffix: str
) -> None:
    if not references:
        return
    channels = sorted({channel for channel, _ in references})
    rows = reader.rows(
        "SELECT channel, reference, notice_id FROM notice_reference "
        "WHERE channel IN :channels AND reference IN :references",
        channels=channels,
        references=[reference for _, reference in references],
    )
    for channel, reference, notice_id in rows:
        known = book.links.get(("notices-of", (channel, reference)), ())
        book.link("notices-of", (channel, reference), (*known, notice_id))
    if rows:
        for id_, state, detail, at in reader.rows(
            "SELECT id, state, detail, updated_at FROM notice WHERE id IN :ids "
            f"ORDER BY id{suffix}",
            ids=sorted({row[2] for row in rows}),
        ):
            book.load(id_, NoticeRow(id=id_, state=state, detail=detail, updated_at=at))

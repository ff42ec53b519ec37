"""Loading what a pay-in may be for, and money by wallet that waits.

What a text may name, and what held money is for, never changes: it is read before anything is
locked and tells which rows will be. Held money is locked after its payments, and read then.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from core.book import Book, Wants
from core.entities import Account, Meter, PastSale
from core.store.load_key_changes import with_sets
from core.store.load_sales import COUNTS, SALE_COLUMNS, SALE_TABLES, past_sales
from core.store.tx import Reader
from core.wallets.entities import COLLECTION, WalletPayment
from core.wallets.held_states import HeldMoney, PhoneAsks
from core.wallets.routing import readings
from core.wallets.rows import BY_NUMBER
from core.wallets.terms import ReferenceRule
from core.wallets.wanted import planned, wants_of

COLUMNS: Final = HeldMoney.__struct_fields__
_ASKS: Final = PhoneAsks.__struct_fields__
#: Ids have 64 bits: a longer number is none of ours.
_MAX_ID: Final = 2**63 - 1


def behind_pay_ins(
    reader: Reader, company: str, wants: Wants, rules: Sequence[ReferenceRule]
) -> Wants:
    """What the typed texts may name and the held money is for."""
    found = [_of_held(reader, company, wants)]
    by_names: dict[str, dict[str, None]] = {}
    for typed in wants.typed:
        for reading in readings(rules, typed):
            by_names.setdefault(reading.names, {})[reading.number] = None
    agents = (*by_names.get("agent", ()),)
    found.append(_items(reader, company, {*by_names.get("bill", ()), *by_names.get("order", ())}))
    found.append(Wants(
        meters=(*by_names.get("meter", ()),),
        owing=(*by_names.get("account", ()),),
        agents=agents,
    ))  # fmt: skip
    return Wants.union(found)


def with_accounts(reader: Reader, company: str, wants: Wants) -> Wants:
    """Also the accounts of the meters: what they owe may be paid first."""
    numbers = dict.fromkeys(wants.owing)
    if wants.meters:
        for (number,) in reader.rows(
            "SELECT x.number FROM meter m JOIN meter_install i ON i.meter_id = m.id "
            "AND i.to_us IS NULL JOIN agreement a ON a.service_point_id = i.service_point_id "
            "AND a.to_us IS NULL JOIN account x ON x.id = a.account_id "
            "WHERE m.company = :company AND m.drn IN :drns ORDER BY x.number",
            company=company,
            drns=list(wants.meters),
        ):
            numbers[number] = None
    owing = tuple(numbers)
    return Wants.union((wants, Wants(owing=owing, accounts=owing)))


def _items(reader: Reader, company: str, numbers: set[str]) -> Wants:
    """Bills and fees by their numbers, and receipts that were written before their payment."""
    if not numbers:
        return Wants()
    ids = sorted({int(n) for n in numbers if n.isdecimal() and int(n) <= _MAX_ID})
    rows = reader.rows(
        "SELECT i.id, a.number FROM open_item i JOIN account a ON a.id = i.account_id "
        "WHERE i.company = :company AND i.id IN :ids ORDER BY i.id",
        company=company,
        ids=ids,
    )
    receipts = reader.rows(
        "SELECT r.number, a.number FROM pre_receipt r JOIN account a ON a.id = r.account_id "
        "WHERE r.company = :company AND r.number IN :numbers ORDER BY r.id",
        company=company,
        numbers=sorted(numbers),
    )
    return Wants(
        items=tuple(row[0] for row in rows),
        receipts=tuple(row[0] for row in receipts),
        owing=tuple(dict.fromkeys(row[1] for row in (*rows, *receipts))),
    )


def _of_held(reader: Reader, company: str, wants: Wants) -> Wants:
    """What held money is for: its payment, its meter, account or agent, who hears of it."""
    if not (wants.held or wants.held_of):
        return Wants()
    found = []
    for names, target, account, item, number, kind, plan, payer, form, receipt in reader.rows(
        "SELECT h.names, h.target, COALESCE(a.number, ''), h.item_id, p.number, p.kind, p.plan, "
        "p.payer, p.payer_form, h.receipt FROM held_money h "
        "JOIN wallet_payment p ON p.id = h.payment_id LEFT JOIN account a ON a.id = h.account_id "
        "WHERE h.company = :company AND (h.id IN :ids OR h.payment_id IN :payments) ORDER BY h.id",
        company=company,
        ids=list(wants.held) or [0],
        payments=list(wants.held_of) or [0],
    ):
        if kind == COLLECTION:
            found.append(wants_of(planned(plan)))
        found.append(Wants(
            wallets=((BY_NUMBER, "", number),),
            meters=(target,) if names == "meter" else (),
            owing=(account,) if account else (),
            agents=(target,) if names == "agent" else (),
            deposits=(receipt,) if names == "agent" else (),
            items=(item,) if item else (),
            phones=(payer,) if form == "open" and payer else (),
        ))  # fmt: skip
    meters = tuple(dict.fromkeys(drn for each in found for drn in each.meters))
    found.append(Wants(meters=tuple(successors(reader, company, meters).values())))
    return Wants.union(found)


def successors(reader: Reader, company: str, meters: Sequence[str]) -> dict[str, str]:
    """Of meters that hang nowhere any more: the meter that hangs where each of them did last."""
    if not meters:
        return {}
    rows = reader.rows(
        "SELECT o.drn, n.drn FROM meter o JOIN meter_install i ON i.meter_id = o.id "
        "JOIN meter_install j ON j.service_point_id = i.service_point_id AND j.to_us IS NULL "
        "JOIN meter n ON n.id = j.meter_id WHERE o.company = :company AND o.drn IN :drns "
        "AND i.to_us IS NOT NULL AND NOT EXISTS (SELECT 1 FROM meter_install k "
        "WHERE k.meter_id = o.id AND k.to_us IS NULL) ORDER BY o.drn, i.to_us",
        company=company,
        drns=list(meters),
    )
    return {str(old): str(new) for old, new in rows}


def load_held(reader: Reader, company: str, wants: Wants, book: Book, suffix: str) -> None:
    """Held money by id, locked, with links ("held-of", payment id) -> ids, ("waits-for", meter) ->
    ids of what is too little for a token; the first phone of each account; tokens that are asked
    for."""
    if not (wants.wallets or wants.typed or wants.held or wants.held_of or wants.tokens_of):
        return
    drns = sorted(key for kind, key in book.entities if kind is Meter)
    rows = reader.rows(
        f"SELECT {', '.join(COLUMNS)} FROM held_money WHERE company = :company AND (id IN :ids "
        "OR payment_id IN :payments OR (target IN :drns AND state = 'waits')) "
        f"ORDER BY id{suffix}",
        company=company,
        ids=list(wants.held) or [0],
        payments=sorted({*wants.held_of, *_held_by(book)}) or [0],
        drns=drns or [""],
    )
    for row in rows:
        held = HeldMoney(**dict(zip(COLUMNS, row, strict=True)))
        book.load(held.id, held)
        _append(book, "held-of", held.payment_id, held.id)
        if held.state == "waits":
            _append(book, "waits-for", held.target, held.id)
    drns = sorted({held.target for held in _rows_of(book) if held.names == "meter"})
    for old, new in successors(reader, company, drns).items():
        book.link("successor", old, new)
    _first_phones(reader, book)
    _tokens(reader, company, wants.tokens_of, book)


def _held_by(book: Book) -> list[int]:
    """Payments that were loaded, and had something held: a collection may turn out to be one."""
    found = (each for each in book.entities.values() if isinstance(each, WalletPayment))
    return [each.id for each in found if each.held_id]


def _rows_of(book: Book) -> list[HeldMoney]:
    return [each for each in book.entities.values() if isinstance(each, HeldMoney)]


def _append(book: Book, name: str, key: object, id_: int) -> None:
    book.link(name, key, (*book.links.get((name, key), ()), id_))


def _first_phones(reader: Reader, book: Book) -> None:
    """Link ("first-phone", account id) -> (msisdn, language): the one registered first."""
    accounts = sorted(key for kind, key in book.entities if kind is Account)
    if not accounts:
        return
    for account, msisdn, language in reader.rows(
        "SELECT l.account_id, p.msisdn, p.language FROM phone_account l "
        "JOIN phone p ON p.id = l.phone_id WHERE l.account_id IN :ids AND l.to_us IS NULL "
        "ORDER BY l.from_us DESC, l.phone_id DESC",
        ids=accounts,
    ):
        book.link("first-phone", account, (msisdn, language))


def _tokens(reader: Reader, company: str, asked: Iterable[tuple[str, str]], book: Book) -> None:
    """How often these phones asked; ("token-of", receipt) -> the sales that it paid for, whichever
    wallet it is of."""
    if not asked:
        return
    for row in reader.rows(
        f"SELECT {', '.join(_ASKS)} FROM wallet_asks WHERE company = :company "
        "AND phone IN :phones ORDER BY id",
        company=company,
        phones=sorted({phone for phone, _ in asked}),
    ):
        asks = PhoneAsks(**dict(zip(_ASKS, row, strict=True)))
        book.load(asks.id, asks)
        book.link("asks-of", asks.phone, asks.id)
    rows = reader.rows(
        f"SELECT {SALE_COLUMNS}, p.receipt FROM {SALE_TABLES} "
        "JOIN wallet_payment p ON p.sale_id = s.id WHERE p.company = :company "
        f"AND p.receipt IN :receipts AND s.state = 'issued' AND {COUNTS} ORDER BY s.id",
        company=company,
        receipts=sorted({receipt for _, receipt in asked}),
    )
    sales = with_sets(reader, past_sales([row[:-1] for row in rows]))
    for sale, row in zip(sales, rows, strict=True):
        known: tuple[PastSale, ...] = book.links.get(("token-of", row[-1]), ())
        book.link("token-of", row[-1], (*known, sale))

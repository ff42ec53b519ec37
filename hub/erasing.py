"""Erasure of a person under data-protection law: who it is, what stands against it, and the rows.

Names and phones become pseudonyms, words of his own are emptied, raw arrivals too. Money, tokens,
receipts and tax papers stay as they are: they are kept by law, and under a pseudonym they are
nobody's. Everything is done in one transaction; what is not finished refuses it with a sentence.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from core.store.retention import UNFINISHED_MESSAGES
from core.store.tables.orders import OPEN as OPEN_ORDERS
from core.store.tables.wallets import OPEN as OPEN_COLLECTIONS
from core.store.tx import Reader, Tx
from hub import pruning
from hub.envelope import EnvelopeError, seal, unseal
from hub.pseudonyms import Pseudonyms

ACCOUNT, PHONE = "account", "phone"
#: A household has some thousands of messages. Who has more is an agent, and no person.
MOST_MESSAGES: Final = 20_000


class ErasureError(Exception):
    """It cannot be, as a sentence."""


@dataclass(frozen=True, slots=True)
class Person:
    """Everything by which a person is found; ``names`` are those that he was ever enrolled by."""

    company: str
    number: str  # the customer's; of a phone alone the phone
    customers: list[int] = field(default_factory=list)
    accounts: list[int] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    agreements: list[int] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    payments: list[int] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    names: tuple[str, ...] = ()

    def params(self) -> dict[str, Any]:
        """For statements: each list under its name."""
        spellings = [each for phone in self.phones for each in (phone, phone.removeprefix("+"))]
        listed = {name: getattr(self, name) for name in self.__slots__ if name != "names"}
        return {**listed, "spellings": spellings}


def find(reader: Reader, company: str, kind: str, subject: str) -> Person:
    """The person. ErasureError: there is none, or so much that it is no person's."""
    found = _by_account(reader, company, subject) if kind == ACCOUNT else None
    if kind == PHONE:
        if not reader.rows(
            "SELECT 1 FROM phone WHERE company = :company AND msisdn = :phone UNION ALL "
            "SELECT 1 FROM message WHERE party = :phone AND company = :company LIMIT 1",
            company=company, phone=subject,
        ):  # fmt: skip
            raise ErasureError(f"{company} knows no phone {subject}")
        found = Person(company, subject, phones=[subject])
    if found is None:
        raise ErasureError(f"{company} has no account {subject}")
    _complete(reader, found)
    return found


def _by_account(reader: Reader, company: str, number: str) -> Person | None:
    rows = reader.rows(
        "SELECT c.id, c.number, c.name FROM account a JOIN customer c ON c.id = a.customer_id "
        "WHERE a.company = :company AND a.number = :number", company=company, number=number,
    )  # fmt: skip
    if not rows:
        return None
    ((customer, named, name),) = rows
    accounts = reader.rows(
        "SELECT id, number FROM account WHERE customer_id = :id ORDER BY id", id=customer
    )
    ids = [row[0] for row in accounts]
    phones = reader.rows(
        "SELECT DISTINCT p.msisdn FROM phone_account l JOIN phone p ON p.id = l.phone_id "
        "WHERE l.account_id IN :ids ORDER BY p.msisdn", ids=ids,
    )  # fmt: skip
    agreements = reader.rows("SELECT id FROM agreement WHERE account_id IN :ids", ids=ids)
    return Person(
        company, named, [customer], ids, [row[1] for row in accounts],
        [row[0] for row in agreements], [row[0] for row in phones], names=(name,),
    )  # fmt: skip


def _complete(reader: Reader, person: Person) -> None:
    """His payments by wallet, and every message that is his."""
    params = person.params()
    payments = reader.rows(
        "SELECT id, message_id, paid_message_id, reference, wallet, receipt FROM wallet_payment "
        "WHERE company = :company AND payer IN :spellings",
        company=person.company, spellings=params["spellings"],
    )  # fmt: skip
    person.payments.extend(row[0] for row in payments)
    company = person.company
    spent = reader.rows(  # who enrolled the phone named it
        "SELECT a.number FROM phone p JOIN phone_account l ON l.phone_id = p.id "
        "JOIN account a ON a.id = l.account_id WHERE p.company = :company "
        "AND p.msisdn IN :phones",
        company=company, phones=person.phones,
    )  # fmt: skip
    numbers = {*person.numbers, *(row[0] for row in spent)}
    keys = [f"{company}/{number}" for number in sorted(numbers)]
    keys += [f"{company}/phone/{phone}" for phone in person.phones]
    keys += [f"{company}/{kind}/{row[3]}" for row in payments for kind in ("ask", "wallet")]
    keys += [f"{company}/wallet/{row[4]}/{row[5]}" for row in payments if row[5]]
    named = {id_ for row in payments for id_ in row[1:3] if id_}
    rows = reader.rows(
        "SELECT id FROM message WHERE party IN :phones AND company = :company UNION "
        "SELECT id FROM message WHERE partitionkey IN :keys UNION "
        "SELECT message_id FROM sale WHERE phone IN :phones AND company = :company UNION "
        "SELECT id FROM message WHERE id IN :named LIMIT :most",
        company=company, phones=person.phones, keys=keys, named=sorted(named),
        most=MOST_MESSAGES + 1,
    )  # fmt: skip
    if len(rows) > MOST_MESSAGES:
        raise ErasureError(f"there are more than {MOST_MESSAGES} messages: prune before")
    person.messages.extend(sorted(row[0] for row in rows))


#: What stands against it: the sentence, and a question with a row where it does.
_AGAINST: Final = (
    ("an agreement still runs: end it first",
     "SELECT 1 FROM agreement WHERE id IN :agreements AND to_us IS NULL"),
    ("there is credit: pay it out first",
     "SELECT 1 FROM account WHERE id IN :accounts AND (credit <> 0 OR reserved <> 0)"),
    ("there is an open debt",
     "SELECT 1 FROM debt WHERE agreement_id IN :agreements AND outstanding <> 0"),
    ("there are open bills or fees",
     "SELECT 1 FROM open_item WHERE account_id IN :accounts AND state = 'live' AND open <> 0"),
    ("a deposit is held: set it off or pay it out first",
     "SELECT 1 FROM deposit WHERE account_id IN :accounts AND held <> 0"),
    ("an order at a security module is open",
     f"SELECT 1 FROM token_order WHERE agreement_id IN :agreements AND {OPEN_ORDERS}"),
    ("a payment by wallet is not decided",
     f"SELECT 1 FROM wallet_payment WHERE id IN :payments AND {OPEN_COLLECTIONS}"),
    ("money that came by wallet is held",
     "SELECT 1 FROM held_money WHERE payment_id IN :payments AND ended_at = 0"),
    ("a refund by wallet is not decided",
     "SELECT 1 FROM wallet_refund WHERE payment_id IN :payments AND state IN ('asked', 'unknown')"),
    ("a case about a payment is open",
     "SELECT 1 FROM wallet_case WHERE payment_id IN :payments AND state = 'open'"),
    ("a case at a terminal is open",
     "SELECT 1 FROM terminal_case WHERE company = :company AND account IN :numbers "
     "AND state = 'open'"),
    ("an act waits for the second person",
     "SELECT 1 FROM token_act WHERE company = :company AND account IN :numbers "
     "AND state = 'requested'"),
    ("a change in the customer's life is open",
     "SELECT 1 FROM account_change WHERE account_id IN :accounts AND open = 1"),
    (
        "one of the phones spends another customer's account: end that first",
        "SELECT 1 FROM phone p JOIN phone_account l ON l.phone_id = p.id AND l.to_us IS NULL "
        "WHERE p.company = :company AND p.msisdn IN :phones AND p.msisdn <> :number "
        "AND NOT (l.account_id IN :accounts)",
    ),
    ("a cheque is not cleared",
     "SELECT 1 FROM payment WHERE message_id IN :messages AND state = 'uncleared'"),
)  # fmt: skip


def against(reader: Reader, person: Person) -> list[str]:
    """Sentences of what must be ended before; empty: nothing."""
    params = person.params()

    def asked(sql: str) -> bool:
        wanted = {name: value for name, value in params.items() if f":{name}" in sql}
        return bool(reader.rows(f"{sql} LIMIT 1", **wanted))

    found = [sentence for sentence, sql in _AGAINST if asked(sql)]
    if person.messages and any(
        reader.rows(f"{sql} LIMIT 1", ids=person.messages) for sql in UNFINISHED_MESSAGES
    ):
        found.append("messages are under way or dead: wattbus deadletters, wattbus unknown")
    return found


#: How a column is treated.
TEXT, NAME, JSON, EMPTY, LETTER = "text", "name", "json", "empty", "letter"
_PHONES: Final = "company = :company AND msisdn IN :phones"
_BY_PAYMENT: Final = "payment_id IN :payments"
#: Table, its key, its columns, and which rows. Each where is an index's.
ROWS: Final[tuple[tuple[str, str, dict[str, str], str], ...]] = (
    ("customer", "id", {"name": NAME}, "id IN :customers"),
    ("phone_guard", "id", {"msisdn": TEXT}, _PHONES),
    ("phone_request", "id", {"msisdn": TEXT, "sent_to": TEXT, "name": EMPTY}, _PHONES),
    ("phone", "id", {"msisdn": TEXT}, _PHONES),
    ("sale", "id", {"phone": TEXT}, "phone IN :phones AND company = :company"),
    ("advance", "id", {"phone": TEXT}, "message_id IN :messages"),
    ("free_claim", "id", {"phone": TEXT}, "sale_id IN (SELECT id FROM sale WHERE message_id "
     "IN :messages)"),
    ("free_claim", "id", {"phone": TEXT}, "entitlement_id IN (SELECT id FROM entitlement WHERE "
     "agreement_id IN :agreements)"),
    ("confirmation", "id", {"phone": TEXT, "command": JSON}, "phone IN :phones"),
    ("notice", "id", {"recipient": TEXT}, "message_id IN :messages"),
    ("wallet_statement_line", "id", {"payer": TEXT, "typed": TEXT, "detail": TEXT},
     "company = :company AND receipt IN (SELECT receipt FROM wallet_payment WHERE id IN :payments "
     "AND receipt <> '')"),
    ("wallet_payment", "id", {"payer": TEXT, "typed": TEXT, "plan": JSON, "detail": TEXT,
     "target": TEXT, "names": EMPTY}, "id IN :payments"),
    ("wallet_asks", "id", {"phone": TEXT}, "company = :company AND phone IN :phones"),
    ("wallet_case", "id", {"detail": TEXT, "evidence": JSON}, _BY_PAYMENT),
    ("wallet_refund", "id", {"why": TEXT, "detail": TEXT}, _BY_PAYMENT),
    ("held_money", "id", {"target": TEXT}, _BY_PAYMENT),
    ("token_act", "id", {"command": JSON, "reason": TEXT, "evidence": TEXT, "note": TEXT},
     "message_id IN :messages"),
    ("account_change", "id", {"command": JSON, "reason": TEXT, "evidence": TEXT},
     "message_id IN :messages"),
    ("delivery", "seq", {"partitionkey": TEXT, "error": TEXT}, "message_id IN :messages"),
    ("journal", "id", {"party": TEXT, "key": TEXT, "detail": TEXT, "raw": EMPTY},
     "party IN :phones AND company = :company"),
    ("journal", "id", {"party": TEXT, "key": TEXT, "detail": TEXT, "raw": EMPTY},
     "id IN :messages"),
    ("message", "id", {"party": TEXT, "partitionkey": TEXT, "envelope": LETTER},
     "id IN :messages"),
)  # fmt: skip


def erase(tx: Tx, person: Person, other: Pseudonyms) -> Counter[str]:
    """Replace everything; rows changed by table."""
    changed: Counter[str] = Counter()
    params = person.params()
    _meter_names(tx, person, changed)
    for table, key, columns, where in ROWS:
        wanted = {name: value for name, value in params.items() if f":{name}" in where}
        names = [key, *columns]
        listed = ", ".join(f'"{name}"' for name in names)
        rows = tx.rows(f"SELECT {listed} FROM {table} WHERE {where}", **wanted)
        treat = [_TREAT[how] for how in columns.values()]
        after = [
            (row[0], *(do(other, value) for do, value in zip(treat, row[1:], strict=True)))
            for row in rows
        ]
        fresh = [new for new, old in zip(after, rows, strict=True) if new != tuple(old)]
        tx.update(table, names, fresh)
        changed[table] += len(fresh)
    _requests(tx, person, other, changed)
    return +changed


def _meter_names(tx: Tx, person: Person, changed: Counter[str]) -> None:
    changed["phone_meter"] += tx.run(
        "UPDATE phone_meter SET name = '' WHERE name <> '' AND phone_id IN "
        "(SELECT id FROM phone WHERE company = :company AND msisdn IN :phones)",
        company=person.company, phones=person.phones,
    )  # fmt: skip


def _requests(tx: Tx, person: Person, other: Pseudonyms, changed: Counter[str]) -> None:
    """The memory of keys: a key that names him is another one, so a late repeat is a new request;
    its hash is kept, and says nothing without the words."""
    for company, channel, key, answer in tx.rows(
        "SELECT company, channel, key, answer FROM request WHERE message_id IN :ids",
        ids=person.messages,
    ):
        said = None if answer is None else other.json(answer)
        if (other.text(key), said) == (key, answer):
            continue
        changed["request"] += tx.run(
            "UPDATE request SET key = :new, answer = :said WHERE company = :company "
            "AND channel = :channel AND key = :key",
            new=other.text(key), said=said, company=company, channel=channel, key=key,
        )  # fmt: skip


def _letter(other: Pseudonyms, envelope: str) -> str:
    try:
        opened = unseal(envelope)
    except EnvelopeError:
        return pruning.without_body(envelope)
    return seal(
        msgspec.structs.replace(
            opened,
            subject=other.text(opened.subject),
            partitionkey=other.text(opened.partitionkey),
            idempotencykey=other.text(opened.idempotencykey),
            sourcemsgid=other.text(opened.sourcemsgid),
            data=msgspec.Raw(other.json(bytes(opened.data).decode()).encode()),
        )
    )


_TREAT: Final[dict[str, Callable[[Pseudonyms, str], str]]] = {
    TEXT: lambda other, value: other.text(value),
    NAME: lambda other, _value: other.name,
    JSON: lambda other, value: other.json(value),
    EMPTY: lambda _other, _value: "",
    LETTER: _letter,
}


def names_in(reader: Reader, person: Person) -> tuple[str, ...]:
    """Every name that his messages were enrolled by, beside the one on file."""
    rows = reader.rows(
        "SELECT envelope FROM message WHERE id IN :ids AND type LIKE :type",
        ids=person.messages, type="%Enrol%",
    )  # fmt: skip
    found = dict.fromkeys(person.names)
    for (envelope,) in rows:
        try:
            body = msgspec.json.decode(unseal(envelope).data)
        except (EnvelopeError, msgspec.DecodeError):
            continue
        if isinstance(body, dict) and body.get("customer") == person.number:
            found[str(body.get("name", ""))] = None
    return tuple(name for name in found if name)

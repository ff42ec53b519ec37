"""The outside checker: what the far end wrote down, against the books.

Of the hub it knows only the balance and the token proof. ``complaints`` reads only. Each complaint
begins with a word that says which promise is broken: LOST, TWICE, ORDER, ALIEN, BOOKS, TOKEN,
NOTICE, OPEN, UNACCOUNTED, JOURNAL.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Literal

from core.messages import CreditVend, ReceivePayment
from core.store.invariants import offences
from core.store.tables.orders import OPEN
from core.store.tx import Reader
from core.sts.meter_id import meter_pan
from core.sts.module_log import token_digest
from hub import balance
from hub.proof import EVERYTHING, Proof
from tests.promises.company import CHANNEL, OPENING
from tests.promises.farend import REUSED, Ask, Record

#: The words that complaints begin with.
WORDS = (
    "LOST", "TWICE", "ORDER", "ALIEN", "BOOKS", "TOKEN", "NOTICE", "OPEN", "UNACCOUNTED", "JOURNAL",
)  # fmt: skip
Order = Literal["across", "per-type", "none"]


class Broken(AssertionError):
    """A promise was not kept."""


def holds(kept: bool, sentence: str) -> None:
    """The promise, or Broken with the sentence."""
    if not kept:
        raise Broken(sentence)


@dataclass(frozen=True, slots=True)
class Request:
    """What the books say of one key."""

    message_id: str
    answer: dict[str, Any] | None
    state: int
    outcome: str
    held: bool  # parked behind a dead letter of its key


DEAD, DONE = 3, 4


def complaints(reader: Reader, record: Record, order: Order = "across") -> list[str]:
    """Everything that does not fit, one sentence each. Nothing may be under way."""
    requests = _requests(reader)
    found = [
        *_kept(record, requests),
        *_once(reader, record, requests),
        *_tokens(reader, record),
        *_ended(reader),
        *_notices(reader, record),
        *_ledger(reader),
        *_credit(reader, record, requests),
        *_journal(reader, record),
    ]
    if order == "across":
        found += _order_across(record, requests)
    elif order == "per-type":
        found += _order_per_type(reader, record, requests)
    lost = balance.unaccounted(reader)
    return [*found, *([f"UNACCOUNTED {lost}: {balance.lines(reader)}"] if lost else [])]


def verify(reader: Reader, record: Record, order: Order = "across") -> None:
    """Raises Broken with every complaint."""
    found = complaints(reader, record, order)
    if found:
        raise Broken("\n".join(found))


def _requests(reader: Reader) -> dict[str, Request]:
    rows = reader.rows(
        "SELECT r.key, r.message_id, r.answer, d.state, d.outcome, d.state = 2 AND EXISTS ("
        "SELECT 1 FROM delivery b WHERE b.partitionkey = d.partitionkey AND b.state = 3 "
        "AND b.handler = d.handler AND b.seq < d.seq) FROM request r "
        "LEFT JOIN delivery d ON d.message_id = r.message_id WHERE r.channel = :channel",
        channel=CHANNEL,
    )
    return {
        key: Request(
            id_, json.loads(answer) if answer else None, -1 if state is None else state, o, bool(h)
        )
        for key, id_, answer, state, o, h in rows
    }


def _kept(record: Record, requests: dict[str, Request]) -> Iterator[str]:
    """Accepted is never lost, and comes to an end."""
    for key, ids in record.safe().items():
        request = requests.get(key)
        if request is None or request.state < 0:
            yield f"LOST {key}: the far end was told that it is safe, the books know nothing of it"
            continue
        if ids != {request.message_id}:
            yield f"TWICE {key}: told as {sorted(ids)}, kept as {request.message_id}"
        if request.state not in (DEAD, DONE) and not request.held:
            yield f"OPEN {key}: its delivery is in state {request.state}"
        told = [a for a in record.answers.get(key, []) if a["outcome"] != "unknown"]
        if request.state == DONE and told and told[-1] != request.answer:
            yield f"LOST {key}: the far end was told {told[-1]}, the books say {request.answer}"
    for key in requests.keys() - record.asks.keys():
        yield f"ALIEN {key}: nobody has sent it"


def _once(reader: Reader, record: Record, requests: dict[str, Request]) -> Iterator[str]:
    """Each key has the effects that its answer says, once."""
    effects = Counter(row[0] for row in reader.rows("SELECT message_id FROM ledger_txn"))
    sales = Counter(row[0] for row in reader.rows("SELECT message_id FROM sale"))
    receipts = Counter(row[0] for row in reader.rows("SELECT receipt FROM sale"))
    for key, request in requests.items():
        ask = record.asks.get(key)
        done = request.state == DONE and request.outcome == "done"
        moves = ask is not None and isinstance(ask.message, (ReceivePayment, CreditVend))
        wanted = 1 if done and moves else 0
        if effects[request.message_id] != wanted:
            yield f"TWICE {key}: {effects[request.message_id]} postings where {wanted} is right"
        wanted = 1 if done and ask is not None and isinstance(ask.message, CreditVend) else 0
        if sales[request.message_id] != wanted:
            yield f"TWICE {key}: {sales[request.message_id]} sales where {wanted} is right"
    yield from (f"TWICE receipt {name}: {n} sales" for name, n in receipts.items() if n > 1)
    known = {row[0] for row in reader.rows("SELECT message_id FROM request")}
    yield from (f"ALIEN posting of message {id_}" for id_ in effects.keys() - known)


def _tokens(reader: Reader, record: Record) -> Iterator[str]:
    """Tokens in the module's log = tokens in the table = sales; every repeat has its digits."""
    rows = reader.rows(
        "SELECT s.message_id, t.digits, m.drn, t.tid FROM sale s "
        "LEFT JOIN token t ON t.cause_id = s.id AND t.cause = 'sale' "
        "LEFT JOIN meter m ON m.id = t.meter_id"
    )
    digests = Counter(token_digest(meter_pan(drn), digits) for _, digits, drn, _ in rows if drn)
    logged = Counter(
        digest for row in reader.rows("SELECT digests FROM module_log") for digest in row[0].split()
    )
    made = int(reader.rows("SELECT COALESCE(sum(made), 0) FROM module_log")[0][0])
    table = int(reader.rows("SELECT count(*) FROM token")[0][0])
    if not made == table == len(rows) or digests != logged:
        yield f"TOKEN the module made {made}, the table has {table}, sales are {len(rows)}"
    for (drn, tid), n in Counter((row[2], row[3]) for row in rows).items():
        if n > 1:
            yield f"TOKEN meter {drn}: {n} tokens with TID {tid}; the meter takes one of them"
    proof = Proof(lambda: nullcontext(reader), EVERYTHING, {})
    for _ in proof.run():
        pass
    yield from (f"TOKEN {finding.code}: {finding.sentence}" for finding in proof.findings.listed)
    of = {row[0]: row[1] for row in rows}
    for key, answers in record.answers.items():
        told = {answer["data"]["token"] for answer in answers if _sold(answer)}
        ids = record.safe().get(key, set())
        right = {of[id_] for id_ in ids if id_ in of}
        if told and told != right:
            yield f"TOKEN {key}: told {sorted(told)}, the books say {sorted(right)}"


#: What nobody has in a work list: money is held, and no order at a module is under way for it.
_STRANDED = (
    "SELECT s.id, s.state FROM sale s WHERE s.state IN ('accepted', 'issuing') AND NOT EXISTS ("
    f"SELECT 1 FROM token_order o WHERE o.cause = 'sale' AND o.cause_id = s.id AND o.{OPEN})"
)


def _ended(reader: Reader) -> Iterator[str]:
    """Every sale has an end, waits for a person (quoted), or is followed up (unknown)."""
    for number, state in reader.rows(_STRANDED):
        yield f"OPEN sale {number}: {state}, and nothing will end it"


def _sold(answer: dict[str, Any]) -> bool:
    return answer["outcome"] == "done" and "token" in answer["data"]


def _notices(reader: Reader, record: Record) -> Iterator[str]:
    """What the far end took is marked sent, what is marked sent it took; digits are the sale's."""
    rows = reader.rows(
        "SELECT d.message_id, d.state, d.outcome, m.causationid, m.envelope FROM delivery d "
        "JOIN message m ON m.id = d.message_id WHERE d.target = :target",
        target=f"channel:{CHANNEL}",
    )
    digits = dict(
        reader.rows(
            "SELECT s.message_id, t.digits FROM sale s JOIN token t ON t.cause_id = s.id "
            "AND t.cause = 'sale'"
        )
    )
    for id_, state, outcome, cause, envelope in rows:
        sent = state == DONE and outcome == "sent"
        if sent and id_ not in record.taken:
            yield f"NOTICE {id_}: marked sent, the far end never took it"
        if state not in (DONE, DEAD):
            yield f"OPEN notice {id_}: its delivery is in state {state}"
        seen = {
            line["data"]["args"].get("token", "")
            for line in record.notices.get(id_, ())
            if line["data"]["template"] == "token"
        }
        if seen and seen != {digits.get(cause)}:
            yield f"TOKEN notice {id_}: told {sorted(seen)}, the sale has {digits.get(cause)}"
        if '"template":"token"' in envelope and cause not in digits:
            yield f"ALIEN notice {id_}: a token of no sale"
    known = {row[0] for row in rows}
    yield from (f"ALIEN notice {id_}: taken, and not in the books" for id_ in record.taken - known)
    told = {row[3] for row in rows}
    yield from (f"NOTICE sale of {id_} told nobody" for id_ in digits.keys() - told)


def _ledger(reader: Reader) -> Iterator[str]:
    """The ledger sums to zero; credit is what its postings say; every invariant of it holds."""
    for offence in offences(reader, reader.dialect):  # type: ignore[attr-defined]
        yield f"BOOKS {offence.invariant}: {offence.what}: {offence.detail}"
    total = reader.rows("SELECT COALESCE(sum(amount), 0) FROM posting")[0][0]
    if total:
        yield f"BOOKS the ledger sums to {total}"
    for number, credit, reserved, posted in reader.rows(
        "SELECT a.number, a.credit, a.reserved, (SELECT COALESCE(-sum(p.amount), 0) FROM posting p "
        "WHERE p.owner = a.id AND p.ledger = 'customer-credit') FROM account a"
    ):
        if credit != posted:
            yield f"BOOKS account {number}: credit {credit}, its postings say {posted}"
        if credit < 0 or reserved:
            yield f"BOOKS account {number}: credit {credit}, reserved {reserved}"


def _moved(ask: Ask, answer: dict[str, Any]) -> int:
    """What a done ask did to the credit of the account that paid or received."""
    if isinstance(ask.message, ReceivePayment):
        return ask.message.amount
    assert isinstance(ask.message, CreditVend)
    carried = answer["data"].get("carried_forward", 0) if _is_own(ask) else 0
    return int(carried) - ask.message.tender


def _is_own(ask: Ask) -> bool:
    assert isinstance(ask.message, CreditVend)
    return ask.message.phone[-2:] == ask.message.meter[8:10]


def _account_of(ask: Ask) -> str:
    """The account whose credit the ask moves first: the one paid to, or the payer's."""
    if isinstance(ask.message, ReceivePayment):
        return ask.message.account
    return f"1000{ask.message.phone[-2:]}"  # type: ignore[attr-defined]


def _done(record: Record, requests: dict[str, Request]) -> Iterator[tuple[str, Ask, Any]]:
    for key, ask in record.asks.items():
        request = requests.get(key)
        if request is not None and request.outcome == "done" and request.answer is not None:
            yield key, ask, request.answer


def _credit(reader: Reader, record: Record, requests: dict[str, Request]) -> Iterator[str]:
    """Each account holds what the far end's own record adds up to."""
    expected: Counter[str] = Counter()
    for _, ask, answer in _done(record, requests):
        expected[_account_of(ask)] += _moved(ask, answer)
        if isinstance(ask.message, CreditVend) and not _is_own(ask):
            expected[f"1000{ask.message.meter[8:10]}"] += answer["data"].get("carried_forward", 0)
    for number, credit in reader.rows("SELECT number, credit FROM account"):
        if credit != OPENING + expected[number]:
            yield f"BOOKS account {number}: {credit}, should be {OPENING + expected[number]}"


def _order_across(record: Record, requests: dict[str, Request]) -> Iterator[str]:
    """Per account everything was done in the order in which it was sent.

    Each payment's answer tells the credit after it: it must be what the sent order makes it.
    Accounts that bought for others, or were bought for, are ordered by two keys: left out.
    """
    crossed = {
        name
        for ask in record.asks.values()
        if isinstance(ask.message, CreditVend) and not _is_own(ask)
        for name in (_account_of(ask), f"1000{ask.message.meter[8:10]}")
    }
    credit: Counter[str] = Counter()
    for key, ask, answer in _done(record, requests):
        at = _account_of(ask)
        if at in crossed:
            continue
        credit[at] += _moved(ask, answer)
        if isinstance(ask.message, ReceivePayment):
            wanted = OPENING + credit[at]
            if answer["data"]["credit"] != wanted:
                yield f"ORDER {key}: credit {answer['data']['credit']} after it, not {wanted}"


def _order_per_type(reader: Reader, record: Record, requests: dict[str, Request]) -> Iterator[str]:
    """Per account and type the postings (numbered as they were made) follow the sent order."""
    made = dict(reader.rows("SELECT message_id, id FROM ledger_txn"))
    last: dict[tuple[str, type], tuple[int, str]] = {}
    for key, ask, _ in _done(record, requests):
        number = made.get(requests[key].message_id)
        if number is None:
            continue
        at = (_account_of(ask), type(ask.message))
        before = last.get(at, (0, ""))
        if number < before[0]:
            yield f"ORDER {key} was done before {before[1]}, which was sent earlier"
        last[at] = (number, key)


def _journal(reader: Reader, record: Record) -> Iterator[str]:
    """Every arrival that was acknowledged is a journal row, repeats and alarms too."""
    rows = reader.rows(
        "SELECT key, outcome, count(*) FROM journal WHERE channel = :channel GROUP BY key, outcome",
        channel=CHANNEL,
    )
    kept: Counter[str] = Counter()
    alarms: Counter[str] = Counter()
    for key, outcome, n in rows:
        kept[key] += n
        if outcome == "quarantined":
            alarms[key] += n
    for key in record.acks:
        told = [state for state in record.states(key) if state not in ("overloaded", "error")]
        if kept[key] < len(told):
            yield f"JOURNAL {key}: {len(told)} acknowledged, {kept[key]} in the journal"
        if alarms[key] < told.count(REUSED):
            yield f"JOURNAL {key}: other content under a known key is not in quarantine"


def words(found: Sequence[str]) -> set[str]:
    """The promises that complaints speak of."""
    return {sentence.partition(" ")[0] for sentence in found}

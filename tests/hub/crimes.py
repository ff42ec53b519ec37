"""Crimes against the tokens, as data: what an attacker with the database's password does to a
machine's books, and what the proof must call it."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from core.book import Book
from core.company import Terms
from core.sts.meter_id import meter_pan
from core.sts.module import CreditRequest, IssuedToken, MeterKey
from core.sts.tid import BaseDate, tid_at
from hub import module_log
from tests.hub.machine import METER, Machine, buy, enrol, pay

FINAL = ("ledger_txn", "posting", "token", "module_log", "token_proof")
MODULE = "virtual-demo"


def sold(url: str, count: int = 5) -> Machine:
    """A machine that has sold so many tokens, each in a batch of its own, a minute apart."""
    machine = Machine(url)
    machine.do(enrol(), "enrol")
    machine.do(pay(500_000), "pay")
    for number in range(count):
        machine.time.at_us += 60_000_000
        machine.do(buy(another=True), f"buy-{number}")
    return machine


def attack(machine: Machine, *statements: str) -> None:
    """Raw SQL with the triggers out of the way; each statement must hit something."""
    if machine.url.startswith("sqlite:"):
        with sqlite3.connect(machine.url.removeprefix("sqlite:")) as link:
            for table in FINAL:
                for verb in ("update", "delete"):
                    link.execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")
            for sql in statements:
                assert link.execute(sql).rowcount > 0, sql
        link.close()
        return
    with psycopg.connect(machine.url) as server:
        server.execute("SET session_replication_role = replica")
        for sql in statements:
            assert server.execute(sql.encode()).rowcount > 0, sql


def stolen(terms: Terms, at_us: int) -> IssuedToken:
    """A good token for a meter, made by the module behind everybody's back."""
    key = MeterKey(terms.code, meter_pan(METER), 11, "201457", 1, "04")
    request = CreditRequest(key, tid_at(at_us, BaseDate.Y2014), 7, 5_000)
    (token,) = terms.module.issue_credit([request], at_us)
    assert isinstance(token, IssuedToken), token
    return token


def plant_in_log(machine: Machine) -> None:
    """The module makes a token and logs it as it should; nobody has paid for it."""
    at_us = machine.time.at_us + 60_000_000
    book = Book()
    book.link("made", "nobody", stolen(machine.terms, at_us))
    with machine.store.transaction() as tx:
        heads = {MODULE: module_log.head_of(tx, MODULE, "hub")}
        made = module_log.made_in({"demo": machine.terms}, {"demo": book})
        tx.write([module_log.sealed("hub", made, heads, at_us)])


def _token(changes: Mapping[str, str]) -> str:
    """A token row like number 3 but for its id and these columns."""
    names = (
        "company", "digits", "cause", "cause_id", "meter_id", "class", "subclass", "tid", "rnd",
        "value", "sgc", "krn", "ti", "made_at",
    )  # fmt: skip
    listed = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(changes.get(name, f'"{name}"') for name in names)
    return f"INSERT INTO token (id, {listed}) SELECT 99, {values} FROM token WHERE id = 3"


def _sql(*statements: str) -> Callable[[Machine], None]:
    return lambda machine: attack(machine, *statements)


@dataclass(frozen=True)
class Crime:
    """What is done to five sales, and the codes of all that must be found; no other."""

    name: str
    act: Callable[[Machine], None]
    codes: frozenset[str]


def _crime(name: str, act: Callable[[Machine], None], *codes: str) -> Crime:
    return Crime(name, act, frozenset(codes))


_OF = "WHERE batch = 3"
_SALE_TXN = (
    "(SELECT t.id FROM ledger_txn t JOIN sale s ON s.message_id = t.message_id AND s.id = 3)"
)
_SOME_DIGEST = "'" + "0" * 64 + "'"
CRIMES = [
    _crime("a token planted in the log", plant_in_log, "token-without-cause"),
    _crime(
        "a log row deleted",
        _sql(f"DELETE FROM module_log {_OF}"),
        "log-gap", "token-not-made",
    ),
    _crime(
        "the last log row deleted",
        _sql("DELETE FROM module_log WHERE batch = 5"),
        "token-not-made",
    ),
    _crime(
        "a log row deleted, the rest renumbered",
        _sql(
            f"DELETE FROM module_log {_OF}",
            "UPDATE module_log SET batch = 3, total = 3 WHERE batch = 4",
            "UPDATE module_log SET batch = 4, total = 4 WHERE batch = 5",
        ),
        "log-link", "log-seal", "token-not-made",
    ),
    _crime(
        "a digest altered",
        _sql(f"UPDATE module_log SET digests = {_SOME_DIGEST} {_OF}"),
        "log-seal", "token-without-cause", "token-not-made",
    ),
    _crime(
        "a digest added",
        _sql(f"UPDATE module_log SET digests = digests || ' ' || {_SOME_DIGEST} {_OF}"),
        "log-seal", "log-total", "token-not-made",
    ),
    _crime(
        "a total altered",
        _sql(f"UPDATE module_log SET total = total + 1 {_OF}"),
        "log-total", "log-seal",
    ),
    _crime(
        "a count altered",
        _sql(f"UPDATE module_log SET made = 0, total = total - 1 {_OF}"),
        "log-total",
    ),
    _crime(
        "a seal altered",
        _sql(f"UPDATE module_log SET seal = {_SOME_DIGEST} {_OF}"),
        "log-seal", "log-link",
    ),
    _crime(
        "an entry altered",
        _sql(f"UPDATE module_log SET entries = replace(entries, '.0.0.', '.0.1.') {_OF}"),
        "log-seal", "token-altered",
    ),
    _crime(
        "the entries blanked",
        _sql(f"UPDATE module_log SET entries = '' {_OF}"),
        "log-seal", "token-not-made",
    ),
    _crime(
        "a token planted for a sale that has one",
        _sql(_token({"digits": "'12345678901234567890'", "tid": "7"})),
        "token-not-made", "cause-tokens",
    ),
    _crime(
        "a token planted with a cause of its own",
        _sql(_token({"digits": "'12345678901234567890'", "tid": "7", "cause": "'gift'"})),
        "token-not-made", "cause-unknown",
    ),
    _crime(
        "a token planted for a sale that never was",
        _sql(_token({"digits": "'12345678901234567890'", "tid": "7", "cause_id": "77"})),
        "token-not-made", "cause-missing",
    ),
    _crime(
        "a token's row doubled for another sale",
        _sql(_token({"cause_id": "4", "tid": "7"})),
        "token-two-causes", "cause-tokens",
    ),
    _crime(
        "a token's row removed",
        _sql("DELETE FROM token WHERE id = 3"),
        "token-without-cause", "cause-without-token",
    ),
    _crime(
        "a sale removed, its token left",
        _sql("DELETE FROM sale WHERE id = 3"),
        "cause-missing", "posting-without-sale",
    ),
    _crime(
        "a sale taken back, its token left",
        _sql("UPDATE sale SET state = 'refused' WHERE id = 3"),
        "cause-differs",
    ),
    _crime(
        "a token's value altered",
        _sql("UPDATE token SET value = value + 1 WHERE id = 3"),
        "cause-differs",
    ),
    _crime(
        "a token's TID set to an earlier one",
        _sql("UPDATE token SET tid = (SELECT tid FROM token WHERE id = 2) WHERE id = 3"),
        "token-altered", "tid-twice",
    ),
    _crime(
        "what was paid altered",
        _sql("UPDATE sale SET tender = tender - 1 WHERE id = 3"),
        "sale-amounts",
    ),
    _crime(
        "a posting altered",
        _sql(f"UPDATE posting SET amount = amount - 1 WHERE line = 1 AND txn_id = {_SALE_TXN}"),
        "sale-amounts",
    ),
    _crime(
        "the postings removed",
        _sql(f"DELETE FROM posting WHERE txn_id = {_SALE_TXN}"),
        "sale-amounts",
    ),
    _crime(
        "the ledger transaction removed",
        _sql(f"DELETE FROM ledger_txn WHERE id = {_SALE_TXN}"),
        "sale-not-posted",
    ),
]  # fmt: skip


def by_name(crime: Any) -> str:
    """For parametrize."""
    return str(crime.name)

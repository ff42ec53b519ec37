"""Loading operators' acts: those that are decided about, those that count, the tokens concerned.

What an act is about (meters, tokens) never changes once it is written, so it is read before
anything is locked and tells which meters will be; the act itself is locked last and read then: of
two that approve at once, one finds it done.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from core.agents.wanted import wants_of as wants_of_agents
from core.book import Book, Wants
from core.changes.kinds import ACTS as CHANGE_ACTS
from core.changes.terms import ChangeTerms
from core.collection.wanted import wants_of
from core.counter.act_kinds import COUNTER_KINDS
from core.counter.wanted import wants_of as wants_of_counter
from core.entities import Meter, TokenAct, TokenOnFile
from core.messages import (
    MoveChange,
    RequestAgentAct,
    RequestCounterAct,
    RequestMoneyAct,
    RequestPhoneAct,
    RequestTerminalAct,
    RequestTokenAct,
)
from core.registration.act_kinds import PHONE_KINDS
from core.registration.wanted import wants_of as wants_of_phone
from core.store.tx import Reader
from core.sts.amounts import encodable_floor
from core.terminals.act_kinds import TERMINAL_KINDS
from core.terminals.wanted import wants_of as wants_of_terminals

ACT_COLUMNS = (
    "id company kind meter from_meter operator reason evidence state approver note command "
    "units_tenths amount message_id decision_id requested_at decided_at expires account agent "
    "terminal"
).split()
_TOKEN_FIELDS = (
    "id digits cause cause_id meter_id drn token_class subclass value made_at receipt void_by "
    "sgc krn ti rekeyed"
).split()
#: The last change of the meter's key that was printed and that this token is under a side of.
_REKEYED = (
    "(SELECT k.state FROM key_change k WHERE k.meter_id = t.meter_id AND k.issued_at > 0 AND "
    "((k.old_sgc = t.sgc AND k.old_krn = t.krn AND k.old_ti = t.ti) OR "
    "(k.new_sgc = t.sgc AND k.new_krn = t.krn AND k.new_ti = t.ti)) ORDER BY k.id DESC LIMIT 1)"
)
_TOKENS = (
    "SELECT t.id, t.digits, t.cause, t.cause_id, t.meter_id, m.drn, t.class, t.subclass, t.value, "
    "t.made_at, COALESCE(s.receipt, ''), COALESCE(v.act_id, 0), t.sgc, t.krn, t.ti, "
    f"COALESCE({_REKEYED}, '') "
    "FROM token t JOIN meter m ON m.id = t.meter_id "
    "LEFT JOIN sale s ON t.cause = 'sale' AND s.id = t.cause_id "
    "LEFT JOIN token_void v ON v.token_id = t.id WHERE t.company = :company AND "
)
_CANCEL = "cancel-sale"  # core.vending.act_kinds
#: Acts that are remembered of a meter: the last limits that it got.
REMEMBERED = ("power-limit", "unbalance-limit")


@dataclass(frozen=True, slots=True)
class Concerned:
    """What the acts of a batch are about."""

    company: str
    acts: tuple[int, ...]
    meters: frozenset[str]
    tokens: frozenset[tuple[str, str]]  # (meter, digits or receipt)
    refunds: frozenset[str]
    cancels: frozenset[tuple[str, str]] = frozenset()  # the tokens of sales that may be cancelled
    told: tuple[str, ...] = ()  # phones that hear of it, in their language
    money: Wants = field(default_factory=Wants)  # of acts with money: accounts, items, agents


def _beside_tokens(kind: str, account: str, agent: str, command: bytes) -> Wants | None:
    """What an act with money, agents, desks or terminals is about; None: it is one with tokens."""
    decode = msgspec.json.decode
    if kind in CHANGE_ACTS:
        return Wants(changes=(decode(command, type=MoveChange).change,))
    if kind in COUNTER_KINDS:
        return wants_of_counter(decode(command, type=RequestCounterAct))
    if kind in TERMINAL_KINDS:
        return wants_of_terminals(decode(command, type=RequestTerminalAct))
    if kind in PHONE_KINDS:
        return wants_of_phone(decode(command, type=RequestPhoneAct))
    if agent:
        return wants_of_agents(decode(command, type=RequestAgentAct))
    return wants_of(decode(command, type=RequestMoneyAct)) if account else None


def concerned(reader: Reader, company: str, wants: Wants) -> Concerned:
    """Of the acts that are asked for, those of this company, with their meters and tokens."""
    found: list[int] = []
    told: list[str] = []
    money: list[Wants] = []
    meters: set[str] = set()
    tokens, refunds, cancels = set(wants.tokens), set(wants.refunds), set(wants.cancels)
    if wants.acts:
        for id_, kind, account, agent, command in reader.rows(
            "SELECT id, kind, account, agent, command FROM token_act "
            "WHERE company = :company AND id IN :ids ORDER BY id",
            company=company,
            ids=list(wants.acts),
        ):
            found.append(id_)
            beside = _beside_tokens(kind, account, agent, command)
            if beside is not None:
                money.append(beside)
                continue
            asked = msgspec.json.decode(command, type=RequestTokenAct)
            told += [recipient.address for recipient in asked.reply]
            meters.update(filter(None, (asked.meter, asked.from_meter)))
            if asked.kind in ("refund", _CANCEL):
                refunds.add(asked.meter)
            if asked.kind == _CANCEL:
                cancels.add((asked.meter, asked.token))
            if asked.token:
                tokens.add((asked.from_meter or asked.meter, asked.token))
    sets = frozenset(meters), frozenset(tokens), frozenset(refunds), frozenset(cancels)
    return Concerned(company, tuple(found), *sets, tuple(told), Wants.union(money))


def load_acts(
    reader: Reader, wants: Wants, about: Concerned, since: int | None, book: Book, suffix: str
) -> None:
    """Everything that a decision about acts looks at; the meters are locked already."""
    if not (wants.operators or about.acts or about.tokens):
        return
    company = about.company
    if suffix:
        _turns(reader, company, wants.operators)
    _of_operators(reader, company, wants.operators, since, book)
    _remembered(reader, company, {*wants.meters, *about.meters}, book)
    _tokens(reader, company, about.tokens, book)
    load_refundable(reader, company, about.refunds, book)
    if about.acts:
        for row in reader.rows(
            f"SELECT {', '.join(ACT_COLUMNS)} FROM token_act WHERE id IN :ids ORDER BY id{suffix}",
            ids=list(about.acts),
        ):
            act = TokenAct(**dict(zip(ACT_COLUMNS, row, strict=True)))
            book.load(act.id, act)


def _acts(reader: Reader, where: str, **params: Any) -> list[TokenAct]:
    rows = reader.rows(
        f"SELECT {', '.join(ACT_COLUMNS)} FROM token_act WHERE company = :company AND {where} "
        "ORDER BY id",
        **params,
    )
    return [TokenAct(**dict(zip(ACT_COLUMNS, row, strict=True))) for row in rows]


def _turns(reader: Reader, company: str, operators: Iterable[str]) -> None:
    """Of two requests of one operator at once the second waits, and counts the first: else both
    would pass a limit of the day that only one of them fits."""
    for name in sorted(operators):
        reader.rows(
            "INSERT INTO operator_turn (company, operator) VALUES (:company, :name) "
            "ON CONFLICT (company, operator) DO UPDATE SET operator = excluded.operator "
            "RETURNING operator",
            company=company,
            name=name,
        )


def _of_operators(
    reader: Reader, company: str, operators: Iterable[str], since: int | None, book: Book
) -> None:
    names = list(operators)
    if not names:
        return
    found: dict[str, list[TokenAct]] = {name: [] for name in names}
    where = "operator IN :names AND requested_at >= :since"
    for act in _acts(reader, where, company=company, names=names, since=since or 0):
        found[act.operator].append(act)
    for name, acts in found.items():
        book.link("acts-of", name, tuple(acts))


def _remembered(reader: Reader, company: str, meters: Iterable[str], book: Book) -> None:
    drns = sorted(meters)
    if not drns:
        return
    where = "meter IN :drns AND kind IN :kinds AND state = 'done'"
    kinds = list(REMEMBERED)
    for act in _acts(reader, where, company=company, drns=drns, kinds=kinds):
        book.link("last-act", (act.kind, act.meter), act.command)
    # the act stands under the meter that the units came to
    where = "from_meter IN :drns AND kind = 'credit-transfer' AND state IN ('ordered', 'done')"
    for act in _acts(reader, where, company=company, drns=drns):
        book.link("moved-from", act.from_meter, act.id)
    for drn, change, tenths, terms in reader.rows(
        "SELECT m.drn, c.id, c.remaining_tenths, c.terms FROM meter m JOIN meter_install i "
        "ON i.meter_id = m.id JOIN account_change c ON c.service_point_id = i.service_point_id "
        "AND c.switched_at = i.to_us AND c.kind = 'meter-exchange' "
        "WHERE m.company = :company AND m.drn IN :drns AND m.state = 'exchanged'",
        company=company,
        drns=drns,
    ):
        how = msgspec.json.decode(terms, type=ChangeTerms).exchange_credit
        book.link("left-in", drn, (change, encodable_floor(tenths) if how == "moved" else 0))


def _tokens(
    reader: Reader, company: str, references: Iterable[tuple[str, str]], book: Book
) -> None:
    wanted = set(references)
    if not wanted:
        return
    names = sorted({reference for _, reference in wanted})
    rows = reader.rows(f"{_TOKENS}t.digits IN :names ORDER BY t.id", company=company, names=names)
    rows += reader.rows(f"{_TOKENS}s.receipt IN :names ORDER BY t.id", company=company, names=names)
    for row in rows:
        token = TokenOnFile(**dict(zip(_TOKEN_FIELDS, row, strict=True)))
        for reference in (token.digits, token.receipt):
            if (token.drn, reference) in wanted:
                book.load((token.drn, reference), token)


#: Of a refund whose token is out: nobody knows yet when it clears the meter.
WAITS = 2**62


def load_refunds(reader: Reader, company: str, drns: Iterable[str], book: Book) -> None:
    """Link (``last-refund``, meter) -> the instant in which its units were last paid back."""
    for drn, at in reader.rows(
        f"SELECT meter, max(CASE WHEN state = 'issued' THEN {WAITS} ELSE decided_at END) "
        "FROM token_act WHERE company = :company AND kind = 'refund' AND meter IN :drns "
        "AND state IN ('issued', 'done') GROUP BY meter",
        company=company,
        drns=sorted(drns) or [""],
    ):
        book.link("last-refund", drn, at)


#: Who has more sales' worth of units in his meter than this asks for a refund in parts.
MAX_SALES = 50


@dataclass(frozen=True, slots=True)
class Refundable:
    """A sale whose units may still be in the meter; ``lines`` as its receipt has them (JSON)."""

    units_tenths: int
    lines: str
    priced_at: int
    id: int = 0


def load_refundable(reader: Reader, company: str, drns: Iterable[str], book: Book) -> None:
    """The sales since the last refund, newest first: what is left in a meter was bought last."""
    for drn in drns:
        meter = book.entities.get((Meter, drn))
        if meter is None:
            continue
        rows = reader.rows(
            "SELECT s.units_tenths, s.lines, s.priced_at, s.id FROM sale s "
            "WHERE s.meter_id = :meter "
            # units that an earlier customer there has bought are not this one's
            "AND s.state = 'issued' AND s.agreement_id = :agreement "
            "AND s.priced_at > (SELECT COALESCE(max(a.requested_at), 0) "
            "FROM token_act a WHERE a.company = :company AND a.meter = :drn "
            "AND a.kind = 'refund' AND a.state = 'done') "
            # what a change has paid for is not paid for again
            "AND s.priced_at > (SELECT COALESCE(max(c.settled_at), 0) FROM account_change c "
            "WHERE c.agreement_id = s.agreement_id AND c.valued > 0 "
            "AND c.state IN ('settled', 'switched', 'confirmed')) "
            "AND NOT EXISTS (SELECT 1 FROM token t JOIN token_void v ON v.token_id = t.id "
            "JOIN token_act b ON b.id = v.act_id AND b.kind IN ('reallocation', 'cancel-sale') "
            "WHERE t.cause = 'sale' AND t.cause_id = s.id) "
            "ORDER BY s.priced_at DESC, s.id DESC LIMIT :most",
            meter=meter.id,
            company=company,
            drn=drn,
            agreement=book.links.get(("agreement-of", meter.id), 0),
            most=MAX_SALES,
        )
        book.link("refundable", drn, tuple(Refundable(*row) for row in rows))

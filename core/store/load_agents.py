"""Loading agents: their floats are locked last of all, and read then; the rest of them after that.

A float is the one row that many partitions share: the later it is locked, the shorter its batch
keeps the others waiting. An agent's number never changes, so it may choose what is locked.
"""

from collections.abc import Iterable, Sequence

from core.agents.entities import ASKED, OPEN, TOLD, Agent, AgentFloat, Earned, TopUp
from core.agents.states import MAX_DEPTH
from core.book import Book, Wants
from core.collection.entities import Payment, Posted
from core.entities import Account, SaleOnFile
from core.store.load_areas import load_areas
from core.store.tx import Reader, TransientStoreError

AGENT_COLUMNS = Agent.__struct_fields__
_FLOAT = ("agent_id", *(name for name in AgentFloat.__struct_fields__ if name != "id"))
#: Agents with those above them: they share a commission.
_AGENTS = (
    "WITH RECURSIVE line(id, depth) AS (SELECT id, 0 FROM agent WHERE id IN :ids UNION "
    "SELECT a.parent_id, l.depth + 1 FROM agent a JOIN line l ON l.id = a.id "
    f"WHERE a.parent_id <> 0 AND l.depth < {MAX_DEPTH}) "
    f"SELECT {', '.join(AGENT_COLUMNS)} FROM agent WHERE id IN (SELECT id FROM line) ORDER BY id"
)


def agents_paid(reader: Reader, company: str, wants: Wants) -> tuple[int, ...]:
    """The agents whose floats paid the wanted payments in: a reversal gives it back."""
    if not wants.payments:
        return ()
    rows = reader.rows(
        "SELECT DISTINCT agent_id FROM payment WHERE company = :company AND number IN :numbers "
        "AND agent_id <> 0",
        company=company,
        numbers=list(wants.payments),
    )
    return tuple(row[0] for row in rows)


def load_agents(
    reader: Reader, company: str, wants: Wants, ids: Iterable[int], book: Book, suffix: str
) -> None:
    """Floats, locked by id; then the agents, and what is asked of them."""
    known = sorted({*ids, *agents_paid(reader, company, wants)})
    if not (wants.agents or known):
        return
    rows = reader.rows(
        f"SELECT {', '.join(_FLOAT)} FROM agent_float WHERE agent_id IN (SELECT id FROM agent "
        "WHERE company = :company AND (number IN :numbers OR id IN :ids)) "
        f"ORDER BY agent_id{suffix}",
        company=company,
        numbers=list(wants.agents),
        ids=known,
    )
    for row in rows:
        book.load(row[0], AgentFloat(**dict(zip(("id", *_FLOAT[1:]), row, strict=True))))
    locked = [row[0] for row in rows]
    if locked and suffix:
        _as_loaded(reader, company, wants.payments, book)
    agents = []
    for row in reader.rows(_AGENTS, ids=locked) if locked else []:
        agent = Agent(**dict(zip(AGENT_COLUMNS, row, strict=True)))
        book.load(agent.id, agent)
        book.link("agent-number", agent.number, agent.id)
        agents.append(agent)
    load_areas(reader, wants, agents, book)
    _references(reader, company, wants.deposits, book)
    _topups(reader, locked, wants.deposits, book)
    if wants.agent_books:
        _books(reader, locked, book)
    _earned(reader, company, wants.payments, book)


def _as_loaded(reader: Reader, company: str, numbers: Sequence[str], book: Book) -> None:
    """Payments are read under their accounts' locks; one in suspense has none, and may have been
    given to its account, or taken back, while this waited for the float."""
    if not numbers:
        return
    for number, *now in reader.rows(
        "SELECT number, state, clear_txn_id, decided_at FROM payment "
        "WHERE company = :company AND number IN :numbers",
        company=company,
        numbers=list(numbers),
    ):
        known = book.entities.get((Payment, number))
        if isinstance(known, Payment) and now != [
            known.state, known.clear_txn_id, known.decided_at
        ]:  # fmt: skip
            raise TransientStoreError("a payment changed while its float was locked: run again")


def load_told(reader: Reader, wants: Wants, company_tells: bool, book: Book) -> None:
    """The phone that each account registered first, where an agent's sales are told to it: no
    query where none are."""
    numbers = (book.links.get(("agent-number", number), 0) for number in wants.agents)
    agents = [book.entities.get((Agent, id_)) for id_ in numbers]
    if not any(isinstance(each, Agent) and each.told(company_tells) for each in agents):
        return
    accounts = sorted(id_ for kind, id_ in book.entities if kind is Account)
    if not accounts:
        return
    for account, msisdn, language in reader.rows(
        "SELECT l.account_id, p.msisdn, p.language FROM phone_account l "
        "JOIN phone p ON p.id = l.phone_id WHERE l.account_id IN :ids AND l.to_us IS NULL "
        "ORDER BY l.from_us DESC, l.phone_id DESC",
        ids=accounts,
    ):
        book.link(TOLD, account, (msisdn, language))


def _references(reader: Reader, company: str, references: Sequence[str], book: Book) -> None:
    """Top-ups that a bank's reference stands for already."""
    if references:
        for reference, id_ in reader.rows(
            "SELECT reference, id FROM agent_movement WHERE company = :company "
            "AND kind = 'topup' AND reference IN :references AND reference <> ''",
            company=company,
            references=list(references),
        ):
            book.link("topup-of", reference, id_)


def _topups(reader: Reader, ids: list[int], references: Sequence[str], book: Book) -> None:
    """What the agents have asked for: all that waits, and whatever has one of the references."""
    if not (ids and references):
        return
    columns = TopUp.__struct_fields__
    for row in reader.rows(
        f"SELECT {', '.join(columns)} FROM agent_topup WHERE agent_id IN :ids "
        "AND (state = 'requested' OR reference IN :references) ORDER BY id",
        ids=ids,
        references=list(references),
    ):
        topup = TopUp(**dict(zip(columns, row, strict=True)))
        book.load(topup.id, topup)
        book.link(ASKED, (topup.agent_id, topup.reference), topup.id)
        if topup.state == "requested":
            known = book.links.get((OPEN, topup.agent_id), ())
            book.link(OPEN, topup.agent_id, (*known, topup.id))


def _books(reader: Reader, ids: list[int], book: Book) -> None:
    """What operators' acts look at: commission that is owed, what was collected above the float,
    who is below, and how many terminals there are that are not retired."""
    for id_ in ids:
        for name in ("commission-owed", "short-owed", "agents-below", "terminals-of"):
            book.link(name, id_, 0)
    if not ids:
        return
    for ledger, owner, owed in reader.rows(
        "SELECT ledger, owner, CAST(sum(amount) AS BIGINT) FROM posting "
        "WHERE ledger IN ('commission', 'agent-short') AND owner IN :ids AND owner <> 0 "
        "GROUP BY ledger, owner",
        ids=ids,
    ):
        ours = ledger == "agent-short"
        book.link("short-owed" if ours else "commission-owed", owner, owed if ours else -owed)
    for agent, count in reader.rows(
        "SELECT agent_id, count(*) FROM terminal WHERE agent_id IN :ids AND state <> 'retired' "
        "GROUP BY agent_id",
        ids=ids,
    ):
        book.link("terminals-of", agent, count)
    for parent, count in reader.rows(
        "SELECT parent_id, count(*) FROM agent WHERE parent_id IN :ids AND state <> 'closed' "
        "GROUP BY parent_id",
        ids=ids,
    ):
        book.link("agents-below", parent, count)


def _earned(reader: Reader, company: str, payments: Sequence[str], book: Book) -> None:
    """The commission of wanted payments and of sales that may be cancelled, with what was taken
    back of it."""
    sales = sorted(id_ for kind, id_ in book.entities if kind is SaleOnFile)
    if not (payments or sales):
        return
    columns = ", ".join(Earned.__struct_fields__)
    rows = reader.rows(
        f"SELECT {columns} FROM agent_commission WHERE (source = 'sale' AND source_id IN :sales) "
        "OR (source = 'payment' AND source_id IN (SELECT id FROM payment "
        "WHERE company = :company AND number IN :numbers)) ORDER BY at, txn_id, agent_id",
        sales=sales,
        company=company,
        numbers=list(payments),
    )
    for row in rows:
        earned = Earned(*row)
        at = ("commission-of", (earned.source, earned.source_id))
        book.link(*at, (*book.links.get(at, ()), earned))
    if rows:
        for txn_id, *posted in reader.rows(
            "SELECT txn_id, line, ledger, owner, amount FROM posting WHERE txn_id IN :ids "
            "ORDER BY txn_id, line",
            ids=sorted({row[0] for row in rows}),
        ):
            at = ("postings-of", txn_id)
            book.link(*at, (*book.links.get(at, ()), Posted(*posted)))

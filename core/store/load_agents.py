"""Loading agents: their floats are locked last of all, and read then; the rest of them after that.

A float is the one row that many partitions share: the later it is locked, the shorter its batch
keeps the others waiting. An agent's number never changes, so it may choose what is locked.
"""

from collections.abc import Iterable, Sequence

from core.agents.entities import Agent, AgentFloat, Earned
from core.agents.states import MAX_DEPTH
from core.book import Book, Wants
from core.collection.entities import Posted
from core.store.tx import Reader, Row

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
    known = sorted(set(ids))
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
    if locked:
        for row in reader.rows(_AGENTS, ids=locked):
            agent = Agent(**dict(zip(AGENT_COLUMNS, row, strict=True)))
            book.load(agent.id, agent)
            book.link("agent-number", agent.number, agent.id)
    _references(reader, company, wants.deposits, book)
    if wants.agent_books:
        _books(reader, locked, book)
    _earned(reader, wants.payments, book)


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


def _books(reader: Reader, ids: list[int], book: Book) -> None:
    """What operators' acts look at: commission that is owed, and who is below."""
    for id_ in ids:
        book.link("commission-owed", id_, 0)
        book.link("agents-below", id_, 0)
    if not ids:
        return
    for owner, owed in reader.rows(
        "SELECT owner, CAST(-sum(amount) AS BIGINT) FROM posting WHERE ledger = 'commission' "
        "AND owner IN :ids AND owner <> 0 GROUP BY owner",
        ids=ids,
    ):
        book.link("commission-owed", owner, owed)
    for parent, count in reader.rows(
        "SELECT parent_id, count(*) FROM agent WHERE parent_id IN :ids AND state <> 'closed' "
        "GROUP BY parent_id",
        ids=ids,
    ):
        book.link("agents-below", parent, count)


def _earned(reader: Reader, payments: Sequence[str], book: Book) -> None:
    """The commission of wanted payments and of sales that may be cancelled, with what was taken
    back of it."""
    columns = ", ".join(f"c.{name}" for name in Earned.__struct_fields__)
    rows: list[Row] = []
    if payments:
        rows += reader.rows(
            f"SELECT {columns} FROM agent_commission c JOIN payment p ON c.source = 'payment' "
            "AND c.source_id = p.id WHERE p.number IN :numbers ORDER BY c.at, c.txn_id, c.agent_id",
            numbers=list(payments),
        )
    sales = book.links.get(("cancelled-sales", ""))
    if sales:
        rows += reader.rows(
            f"SELECT {columns} FROM agent_commission c WHERE c.source = 'sale' "
            "AND c.source_id IN :sales ORDER BY c.at, c.txn_id, c.agent_id",
            sales=list(sales),
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

"""Loading terminals: locked after the agents' floats, by id; then who works at them.

A terminal's number never changes, so it may choose what is locked. Cashiers change only by messages
that name their agent, whose float is locked then: they need no lock of their own, and where a
cashier is signed on cannot change while it is looked for.
"""

from collections.abc import Sequence

from core.book import Book, Wants
from core.store.tx import Reader
from core.terminals.counted import NOTHING, Total, added, counted
from core.terminals.entities import Cashier, Shift, Terminal
from core.terminals.item_states import PENDING, STANDING

_TERMINAL = ", ".join(Terminal.__struct_fields__)
_CASHIER = ", ".join(f"c.{name}" for name in Cashier.__struct_fields__)
_SHIFT = ", ".join(Shift.__struct_fields__)
#: The terminals that these cashiers are at.
_AT = (
    "SELECT t.id FROM agent a JOIN terminal t ON t.agent_id = a.id "
    "WHERE a.company = :company AND a.number IN :agents AND t.cashier IN :codes"
)


def load_terminals(reader: Reader, company: str, wants: Wants, book: Book, suffix: str) -> None:
    """The terminals of these numbers and those that these cashiers are at; the agents' floats are
    locked already. Links ("terminal-number", number) -> id and ("cashiers-of", agent id) -> how
    many it has."""
    if not (wants.terminals or wants.cashiers):
        return
    terminals = _terminals(reader, company, wants, book, suffix)
    _cashiers(reader, company, wants.cashiers, book)
    _counts(reader, sorted({terminal.agent_id for terminal in terminals}), book)
    codes = {code for _, code in wants.cashiers}
    open_ = [t.shift_id for t in terminals if t.number in wants.shifts or t.cashier in codes]
    _shifts(reader, sorted(filter(None, open_)), book)
    _under_way(reader, [t.id for t in terminals if t.number in wants.rebinds], book)


def _terminals(
    reader: Reader, company: str, wants: Wants, book: Book, suffix: str
) -> list[Terminal]:
    where, params = "number IN :numbers", {"numbers": list(wants.terminals)}
    if wants.cashiers:
        where = f"({where} OR id IN ({_AT}))"
        params["agents"] = sorted({agent for agent, _ in wants.cashiers})
        params["codes"] = sorted({code for _, code in wants.cashiers if code})
    rows = reader.rows(
        f"SELECT {_TERMINAL} FROM terminal WHERE company = :company AND {where} "
        f"ORDER BY id{suffix}",
        company=company,
        **params,
    )
    terminals = [Terminal(**dict(zip(Terminal.__struct_fields__, r, strict=True))) for r in rows]
    for terminal in terminals:
        book.load(terminal.id, terminal)
        book.link("terminal-number", terminal.number, terminal.id)
    return terminals


def _cashiers(reader: Reader, company: str, wanted: Sequence[tuple[str, str]], book: Book) -> None:
    """By (agent's id, code)."""
    if not wanted:
        return
    for row in reader.rows(
        f"SELECT {_CASHIER} FROM cashier c JOIN agent a ON a.id = c.agent_id "
        "WHERE a.company = :company AND a.number IN :agents AND c.code IN :codes ORDER BY c.id",
        company=company,
        agents=sorted({agent for agent, _ in wanted}),
        codes=sorted({code for _, code in wanted}),
    ):
        cashier = Cashier(**dict(zip(Cashier.__struct_fields__, row, strict=True)))
        book.load((cashier.agent_id, cashier.code), cashier)


def _counts(reader: Reader, agents: list[int], book: Book) -> None:
    """An agent that has cashiers, blocked ones too, sells only with one of them signed on."""
    for agent in agents:
        book.link("cashiers-of", agent, 0)
    if agents:
        for agent, count in reader.rows(
            "SELECT agent_id, count(*) FROM cashier WHERE agent_id IN :ids AND state <> 'removed' "
            "GROUP BY agent_id",
            ids=agents,
        ):
            book.link("cashiers-of", agent, count)


def _shifts(reader: Reader, ids: list[int], book: Book) -> None:
    if ids:
        for row in reader.rows(
            f"SELECT {_SHIFT} FROM terminal_shift WHERE id IN :ids ORDER BY id", ids=ids
        ):
            shift = Shift(**dict(zip(Shift.__struct_fields__, row, strict=True)))
            book.load(shift.id, shift)
        for id_, totals in shift_totals(reader, ids).items():
            book.link("shift-totals", id_, totals)


def shift_totals(reader: Reader, ids: list[int]) -> dict[int, dict[str, Total]]:
    """What was sold and collected in these shifts: shift's id -> kind -> total."""
    found: dict[int, dict[str, Total]] = {}
    for id_, kind, state, count, amount in reader.rows(
        "SELECT shift_id, kind, state, count(*), CAST(sum(amount) AS BIGINT) FROM terminal_item "
        "WHERE shift_id IN :ids AND kind <> '' GROUP BY shift_id, kind, state",
        ids=ids,
    ):
        totals = found.setdefault(id_, {})
        totals[kind] = added(totals.get(kind, NOTHING), counted(state, count, amount))
    return found


def _under_way(reader: Reader, ids: list[int], book: Book) -> None:
    """Seldom asked: only where a terminal goes to another agent."""
    if ids:
        for id_, count in reader.rows(
            "SELECT terminal_id, count(*) FROM terminal_item "
            "WHERE terminal_id IN :ids AND state IN :states GROUP BY terminal_id",
            ids=ids,
            states=sorted(state.value for state in PENDING),
        ):
            book.link("items-under-way", id_, count)
        for id_, batch, count in reader.rows(
            "SELECT i.terminal_id, i.batch_id, count(*) FROM terminal_item i "
            "JOIN terminal_batch b ON b.id = i.batch_id AND b.state <> 'closed' "
            "WHERE b.terminal_id IN :ids AND b.live = 1 AND i.state IN :states AND i.late = 0 "
            "GROUP BY i.terminal_id, i.batch_id",
            ids=ids,
            states=sorted(state.value for state in STANDING),
        ):
            known = book.links.get(("items-unsettled", id_), {})
            book.link("items-unsettled", id_, {**known, batch: count})

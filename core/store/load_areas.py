"""Loading where service points are: only for agents that may sell in certain areas alone.

Read after the locks of meters, agreements, accounts and service points; a service point's own area
never changes.
"""

from core.agents.areas import AREA_AT, AREA_OF, AREAS_OF
from core.agents.entities import Agent
from core.book import Book, Wants
from core.changes.entities import Service
from core.entities import Account, Agreement
from core.store.tx import Reader


def load_areas(reader: Reader, wants: Wants, agents: list[Agent], book: Book) -> None:
    """The areas of what was loaded: agreements, accounts, and service points that may get another
    agreement. An act may give an agent areas in this very batch: then too."""
    if not (wants.agent_books or any(agent.areas != "[]" for agent in agents)):
        return
    agreements = sorted(id_ for kind, id_ in book.entities if kind is Agreement)
    if agreements:
        for id_, area in reader.rows(
            "SELECT g.id, p.area FROM agreement g JOIN service_point p "
            "ON p.id = g.service_point_id WHERE g.id IN :ids",
            ids=agreements,
        ):
            book.link(AREA_OF, id_, area)
    accounts = sorted(id_ for kind, id_ in book.entities if kind is Account)
    if accounts:
        for account, area, count in reader.rows(
            "SELECT g.account_id, p.area, count(*) FROM agreement g JOIN service_point p "
            "ON p.id = g.service_point_id WHERE g.account_id IN :ids AND g.to_us IS NULL "
            "GROUP BY g.account_id, p.area ORDER BY g.account_id, p.area",
            ids=accounts,
        ):
            known = book.links.get((AREAS_OF, account), {})
            book.link(AREAS_OF, account, {**known, area: count})
    points = _points(book)
    if points:
        for id_, area in reader.rows(
            "SELECT id, area FROM service_point WHERE id IN :ids", ids=points
        ):
            book.link(AREA_AT, id_, area)


def _points(book: Book) -> list[int]:
    """Those that are named, and those of changes."""
    named = {id_ for (kind, _), id_ in book.links.items() if kind == "service_point"}
    changed = {e.service_point_id for e in book.entities.values() if isinstance(e, Service)}
    return sorted(named | changed)

"""Loading entitlements: the running one of each agreement, with the digits of its newest claim; and
those that a token was ordered under, which may have ended since.

Which one runs comes with the agreement; its row is read after the agreement's state is locked, for
it is written under that lock only.
"""

from collections.abc import Iterable, Mapping

from core.book import Book
from core.entities import Claimed, Entitlement
from core.store.tx import Reader

COLUMNS = (
    "id company agreement_id tenths from_month to_month unclaimed cap_months in_blocks "
    "claimed_through operator reason ended_by end_reason given_at ended_at"
).split()
#: The newest entitlement of an agreement (alias ``a``) that was not ended; 0: none.
RUNNING = (
    "COALESCE((SELECT max(e.id) FROM entitlement e WHERE e.agreement_id = a.id "
    "AND e.ended_at = 0), 0)"
)
#: A void token is shown as the one that replaced it; one that went elsewhere is void.
_CLAIMS = (
    "SELECT c.entitlement_id, COALESCE(r.digits, t.digits), m.drn, c.tenths, c.from_month, "
    "c.through_month, COALESCE(r.sgc, t.sgc), COALESCE(r.krn, t.krn), COALESCE(r.ti, t.ti), "
    "CASE WHEN v.token_id IS NULL OR (r.id IS NOT NULL AND w.token_id IS NULL) THEN 0 ELSE 1 END "
    "FROM entitlement e JOIN free_claim c ON c.entitlement_id = e.id "
    "AND c.through_month = e.claimed_through JOIN meter m ON m.id = c.meter_id "
    "JOIN token t ON t.cause_id = c.id AND t.cause = 'free-units' "
    "LEFT JOIN token_void v ON v.token_id = t.id "
    "LEFT JOIN token r ON r.cause_id = v.act_id AND r.cause = 'replacement' "
    "AND r.meter_id = t.meter_id LEFT JOIN token_void w ON w.token_id = r.id "
    "WHERE e.id IN :ids ORDER BY c.id"
)


def load_entitlements(
    reader: Reader, running: Mapping[int, int], ordered: Iterable[int], book: Book
) -> None:
    """``running``: agreement -> the id of its entitlement; agreements without one are not in it.
    ``ordered``: ids of those whose token a module elsewhere was asked for."""
    ids = sorted({*running.values(), *ordered})
    if not ids:
        return
    newest = {row[0]: Claimed(*row[1:]) for row in reader.rows(_CLAIMS, ids=ids)}
    for row in reader.rows(
        f"SELECT {', '.join(COLUMNS)} FROM entitlement WHERE id IN :ids ORDER BY id", ids=ids
    ):
        entitlement = Entitlement(**dict(zip(COLUMNS, row, strict=True)), newest=newest.get(row[0]))
        book.load(entitlement.id, entitlement)
        if running.get(entitlement.agreement_id) == entitlement.id:
            book.link("entitlement-of", entitlement.agreement_id, entitlement.id)


def load_claimed(reader: Reader, agreements: Iterable[int], book: Book) -> None:
    """Link (``claimed-through``, agreement) -> the last month given under any entitlement of it."""
    ids = sorted(agreements)
    if not ids:
        return
    for agreement, month in reader.rows(
        "SELECT agreement_id, max(claimed_through) FROM entitlement WHERE agreement_id IN :ids "
        "GROUP BY agreement_id ORDER BY agreement_id",
        ids=ids,
    ):
        book.link("claimed-through", agreement, month)

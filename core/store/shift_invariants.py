"""What must always be true of terminals and who is at them: (name, sentence, SQL that finds what is
not). The same form as ``core.store.invariants``, which runs them with its own.
"""

from typing import Final

SHIFT_INVARIANTS: Final[tuple[tuple[str, str, str], ...]] = (
    (
        "one-open-shift",
        "At a terminal there is one open shift at most: that of who is signed on there, of the "
        "terminal's agent.",
        "SELECT 'shift ' || s.id, s.cashier || ' at terminal ' || s.terminal_id "
        "FROM terminal_shift s LEFT JOIN terminal t ON t.id = s.terminal_id "
        "AND t.shift_id = s.id AND t.cashier = s.cashier AND t.agent_id = s.agent_id "
        "AND t.company = s.company WHERE s.closed_at = 0 AND t.id IS NULL UNION ALL "
        "SELECT 'terminal ' || t.number, 'shift ' || t.shift_id || ', cashier ' || t.cashier "
        "FROM terminal t LEFT JOIN terminal_shift s ON s.id = t.shift_id AND s.closed_at = 0 "
        "WHERE (t.shift_id <> 0 AND s.id IS NULL) OR (t.shift_id = 0) <> (t.cashier = '')",
    ),
    (
        "stopped-terminal",
        "Nobody is at a terminal that is blocked, lost or retired.",
        "SELECT 'terminal ' || number, state || ', shift ' || shift_id FROM terminal "
        "WHERE state <> 'active' AND shift_id <> 0",
    ),
    (
        "cashier-at-terminal",
        "Who is signed on is an active cashier of the terminal's agent, or the terminal itself.",
        "SELECT 'terminal ' || t.number, 'cashier ' || t.cashier FROM terminal t "
        "LEFT JOIN cashier c ON c.agent_id = t.agent_id AND c.code = t.cashier "
        "AND c.state = 'active' "
        "WHERE t.shift_id <> 0 AND t.cashier <> t.number AND c.id IS NULL",
    ),
    (
        "terminal-shift-ended",
        "A shift that has ended says by what, and did not end before it began.",
        "SELECT 'shift ' || id, 'from ' || opened_at || ' to ' || closed_at FROM terminal_shift "
        "WHERE (closed_at = 0) <> (ended_by = '') OR (closed_at <> 0 AND closed_at < opened_at)",
    ),
    (
        "receipts-of-terminal",
        "A receipt number was given to one terminal only.",
        "SELECT 'series ' || a.id, a.first_number || ' to ' || a.last_number "
        "FROM terminal_receipts a JOIN terminal_receipts b ON b.id <> a.id "
        "AND b.company = a.company AND b.first_number <= a.last_number "
        "AND b.last_number >= a.first_number UNION ALL "
        "SELECT 'series ' || a.id, 'ends before it begins' FROM terminal_receipts a "
        "WHERE a.last_number < a.first_number",
    ),
    (
        "agent-of-terminal",
        "A terminal, a cashier and a shift are of an agent of their company.",
        "SELECT x.what || ' ' || x.id, 'agent ' || x.agent_id FROM ("
        "SELECT 'terminal' AS what, id, company, agent_id FROM terminal UNION ALL "
        "SELECT 'cashier', id, company, agent_id FROM cashier UNION ALL "
        "SELECT 'shift', id, company, agent_id FROM terminal_shift) x "
        "LEFT JOIN agent a ON a.id = x.agent_id AND a.company = x.company WHERE a.id IS NULL",
    ),
)

"""What the channel asks the books, each a function as ``Ports.query`` runs it: (reader, terms, …).

Whatever moves money is a message to the hub; nothing here writes. ``terms`` are the company's.
"""

from typing import Any

from core.queries import terminals, till


def terminal_of(reader: Any, terms: Any, number: str) -> Any:
    """The terminal of that number as the books know it, or None."""
    return terminals.terminal_of(reader, terms.code, number)


def item_of(reader: Any, terms: Any, terminal: str, day: int, stan: int) -> Any:
    """The item of a terminal's journal of that day and number, or None."""
    return terminals.item_of(reader, terms.code, terminal, day, stan)


def copy_of(reader: Any, terms: Any, terminal: str, receipt: str, meter: str) -> Any:
    """The last sale or payment of the terminal, or one of its agent; ``{kind, data}`` or None."""
    return terminals.copy_of(reader, terms.code, terminal, receipt=receipt, meter=meter)


def emergency_list(reader: Any, terms: Any, agent: str, limit: int) -> Any:
    """Open bills of the agent's scope."""
    return terminals.emergency_list(reader, terms.code, agent, limit)


def receipts_of(reader: Any, terms: Any, terminal: str) -> Any:
    """The series of receipt numbers that the terminal was given."""
    return terminals.receipts_of(reader, terms.code, terminal)


meter_at_till = till.meter_at_till
quote_at_till = till.quote_at_till
bill_at_till = till.bill_at_till

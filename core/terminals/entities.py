"""What decisions about terminals are made on. Minor units; instants in microseconds UTC.

``core.store.tables.terminal_registry`` says what each field holds.
"""

from core.entities import Entity


class Terminal(Entity, frozen=True, kw_only=True, gc=False):
    """A terminal of an agent, with who is at it: ``shift_id`` 0 is nobody."""

    company: str
    number: str
    agent_id: int
    state: str
    name: str
    place: str
    merchant: str
    parameters: str
    parameters_version: int
    message: str
    message_number: int
    emergency_limit: int
    latitude: int
    longitude: int
    signal: int
    application: str
    parameters_seen: int
    message_seen: int
    seen_at: int
    cashier: str
    shift_id: int
    registered_at: int
    bound_at: int = 0
    former_agent_id: int = 0


class Cashier(Entity, frozen=True, kw_only=True, gc=False):
    """Who works at an agent's terminals; ``wrong`` counts PINs since the last right one."""

    company: str
    agent_id: int
    code: str
    name: str
    state: str
    pin_proof: str
    pin_at: int
    wrong: int
    locked_until: int
    added_at: int


class Shift(Entity, frozen=True, kw_only=True, gc=False):
    """Who is, or was, at a terminal from when to when; ``closed_at`` 0: it is open."""

    company: str
    terminal_id: int
    agent_id: int
    cashier: str
    name: str
    day: int
    opened_at: int
    closed_at: int
    ended_by: str

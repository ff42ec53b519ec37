"""Every message type that the core handles, and by whom: one handler per command."""

from core.handlers import (
    accounts,
    advances,
    agent_money,
    agents,
    changes,
    collection,
    counter,
    free_units,
    key_changes,
    money_acts,
    notices,
    pay_ins,
    registration,
    terminal_items,
    terminal_registry,
    token_acts,
    token_orders,
    vending,
    wallet_books,
    wallet_collections,
)
from core.handlers.base import Handler
from core.messages import name_of

#: message type name -> its one handler
HANDLERS: dict[str, Handler] = {
    name_of(handler.message).name: handler
    for handler in (
        *vending.HANDLERS,
        *collection.HANDLERS,
        *accounts.HANDLERS,
        *notices.HANDLERS,
        *token_acts.HANDLERS,
        *token_orders.HANDLERS,
        *money_acts.HANDLERS,
        *key_changes.HANDLERS,
        *free_units.HANDLERS,
        *advances.HANDLERS,
        *changes.HANDLERS,
        *agents.HANDLERS,
        *agent_money.HANDLERS,
        *counter.HANDLERS,
        *terminal_items.HANDLERS,
        *terminal_registry.HANDLERS,
        *registration.HANDLERS,
        *wallet_collections.HANDLERS,
        *wallet_books.HANDLERS,
        *pay_ins.HANDLERS,
    )
}

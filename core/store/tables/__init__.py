"""Every table, one file per family; ``METADATA`` is what migrations are compared with."""

from core.store.tables import (
    acts,
    advances,
    agents,
    audit,
    billing,
    changes,
    collection,
    entitlements,
    facts,
    key_changes,
    ledger,
    machine,
    notices,
    orders,
    parties,
    proofs,
    vending,
)
from core.store.tables.base import METADATA

__all__ = [
    "METADATA",
    "acts",
    "advances",
    "agents",
    "audit",
    "billing",
    "changes",
    "collection",
    "entitlements",
    "facts",
    "key_changes",
    "ledger",
    "machine",
    "notices",
    "orders",
    "parties",
    "proofs",
    "vending",
]

"""Every table, one file per family; ``METADATA`` is what migrations are compared with."""

from core.store.tables import (
    acts,
    agents,
    audit,
    billing,
    collection,
    entitlements,
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
    "agents",
    "audit",
    "billing",
    "collection",
    "entitlements",
    "key_changes",
    "ledger",
    "machine",
    "notices",
    "orders",
    "parties",
    "proofs",
    "vending",
]

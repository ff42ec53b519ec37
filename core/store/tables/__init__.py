"""Every table, one file per family; ``METADATA`` is what migrations are compared with."""

from core.store.tables import audit, key_changes, ledger, machine, notices, parties, vending
from core.store.tables.base import METADATA

__all__ = [
    "METADATA",
    "audit",
    "key_changes",
    "ledger",
    "machine",
    "notices",
    "parties",
    "vending",
]

"""Faults on purpose, each ending in the invariants: ``python -m tests.faults`` (``make faults``)."""

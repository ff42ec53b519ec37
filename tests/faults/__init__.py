"""Faults on purpose, each ending in the invariants: `make faults`, or one by its name."""

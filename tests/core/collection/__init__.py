"""Collection: pure decisions, histories and invariants."""

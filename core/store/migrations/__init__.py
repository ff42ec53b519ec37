"""The line of schema changes: one linear head, expand before contract, no database enums."""

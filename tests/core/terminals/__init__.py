"""Terminals: registered, signed on; their items, reversals and settlements."""

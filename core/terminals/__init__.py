"""Terminals of agents: registered, bound, blocked; the cashiers at them, and their shifts."""

"""Tariffs: what a unit costs, and how many units an amount of money buys. Pure and exact."""

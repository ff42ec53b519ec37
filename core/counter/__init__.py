"""Cashiers at desks: shifts with counted cash, receipts by series, deposits for the bank."""

"""Selling prepaid credit: the states of a sale, its price, its token, its receipt."""

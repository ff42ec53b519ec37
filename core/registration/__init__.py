"""A customer's own phone: the meters it may buy for, and the PIN that guards what it spends."""

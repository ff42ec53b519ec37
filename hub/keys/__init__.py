"""How vending keys come in: two people, components or wrapped records, check values only."""

"""A provider of mobile money: asks of payers out, what became of them and pay-ins in."""

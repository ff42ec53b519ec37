"""Bill runs: usage in, bills out, with their postings and open items; corrections of them."""

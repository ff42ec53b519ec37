"""The states of a delivery: the life of every message under one handler.

Beside the tables, not in them: the command line knows states and needs no schema.
"""

OPEN, RETRY, PARKED, DEAD, DONE = range(5)
STATE_NAMES = ("open", "retry", "parked", "dead", "done")

"""ISO 8583 (1987, 1993, 2003) without a socket: bytes in, messages out, by tables.

What a partner does differently is a dialect, which is data; this package compiles it once to plain
closures. :mod:`.errors` says who is to blame and where.
"""

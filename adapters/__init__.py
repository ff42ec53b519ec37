"""Protocols: bytes in, typed messages and events out. No socket, no clock, no reactor.

Named after protocols; proved by vectors and by other people's implementations.
"""

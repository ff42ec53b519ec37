"""Conversations with counterparts: a running service each, found by name in the configuration.

A channel gives adapters a socket and a clock, and turns their messages into canonical ones.
"""

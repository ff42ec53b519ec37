"""Decisions on messages: one handler for each command; ``registry`` names them all."""

"""Journeys: what a customer does, end to end over real sockets, with the hub as processes."""

"""The machine: journal, bus, inbox, outbox, workers, routing, life cycle, observation.

``hub.boot`` is where one sees who knows whom. It never imports a channel.
"""

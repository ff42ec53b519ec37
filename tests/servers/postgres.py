"""A private PostgreSQL for the tests, durable as in production, with databases from templates.

Never the machine's cluster: its data lives in a temporary folder and goes with it. Where the
server cannot be had, ``start`` raises: a promise that was not checked must not look kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg

from core.store.upgrade import upgrade
from simulators.bench import servers

#: fsync stays on: a commit must cost what it costs. The rest makes the tests quick.
SETTINGS = """
max_connections = 60
shared_buffers = 64MB
autovacuum = off
"""


@dataclass(slots=True)
class Postgres:
    """A running private server."""

    server: servers.Postgres
    templates: dict[str, str] = field(default_factory=dict)
    _made: int = 0

    def url(self, database: str) -> str:
        """The URL of a database (loopback, trusted)."""
        return self.server.url(database)

    def create(self, template: str = "template1") -> str:
        """A new database, copied from ``template``; returns its URL."""
        self._made += 1
        name = f"books{self._made}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def prepared(self, name: str, fill: Callable[[str], None]) -> str:
        """A new database like the one that ``fill`` makes; it is filled once per session.

        What is only migrated has one template, whatever its name.
        """
        if fill is upgrade:
            name = "migrated"
        if name not in self.templates:
            template = f"template_{name}"
            self._run(f"CREATE DATABASE {template}")
            fill(self.url(template))
            self.templates[name] = template
        return self.create(self.templates[name])

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._run(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def _run(self, sql: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql)

    def stop(self) -> None:
        """End the server and remove what it kept."""
        self.server.stop()


def start() -> Postgres:
    """Make a cluster and run it. Raises ServerMissingError."""
    return Postgres(servers.start_postgres(SETTINGS))

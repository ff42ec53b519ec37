"""What a node opens is counted before the server is out of connections."""

from pathlib import Path

import pytest

from core.store.upgrade import open_store
from hub import config, connections
from hub.config import ConfigError
from hub.connections import Room
from tests.servers.postgres import Postgres


def settings(text: str) -> config.Config:
    return config.parse(text, "wattbus.toml", Path())


def test_what_a_node_opens() -> None:
    text = (
        '[hub]\nworkers = 3\nbulk_workers = 1\n[database]\nurl = "postgresql://u@h/n"\nreaders = 4'
    )
    assert connections.most(settings(text)) == 7 + 4 + 6 + 2
    for broker in ('kind = "rabbitmq"\nurl = "amqp://h"', 'kind = "kombu"\nurl = "redis://h"'):
        relayed = f"{text}\n[bus]\n{broker}"
        assert connections.most(settings(relayed)) == 7 + 2 + 4 + 6 + 2


def test_workers_that_are_not_counted_are_as_many_as_cores() -> None:
    workers, bulk = connections.workers_of(settings(""))
    assert workers >= bulk >= 1


@pytest.mark.parametrize(("taken", "nodes"), [(97, 6), (20, 1), (19, 0), (3, 0)])
def test_the_room_that_there_is(taken: int, nodes: int) -> None:
    room = Room(15, taken)
    assert room.nodes == nodes
    assert f"enough for {nodes} such nodes" in room.sentence()
    assert bool(room.problem()) is (nodes == 0)


def test_a_frozen_process_must_be_given_up_before_the_others_give_up() -> None:
    with pytest.raises(ConfigError, match="idle_s must be less than lock_s"):
        settings("[database]\nidle_s = 12.0\n")


def test_the_limits_of_the_configuration_reach_the_connections() -> None:
    limits = settings("[database]\nstatement_s = 5\nreaders = 2\n").database.limits()
    assert (limits.statement_s, limits.readers, limits.lock_s) == (5, 2, 10)


@pytest.mark.slow
def test_the_server_says_what_it_takes(postgres: Postgres) -> None:
    store = open_store(postgres.url("postgres"))
    with store.reader() as reader:
        room = connections.room(settings(""), reader)
    assert room.taken == 57  # 60, and three of the superuser's
    store.close()

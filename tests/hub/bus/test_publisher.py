"""The publisher's bookkeeping: every bundle ends in one way, and is forgotten then."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from hub.bus.publisher import Item, Publisher


class Channel:
    """A channel that takes everything."""

    is_open = True

    def __init__(self) -> None:
        self.published: list[str] = []

    def basic_publish(self, _exchange: str, _key: str, _body: bytes, what: Any, **_: Any) -> None:
        self.published.append(what.message_id)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    loop = asyncio.new_event_loop()
    made = Publisher("amqp://localhost/", "test", loop, "test")
    made._link.channel = Channel()
    made._ready = True
    yield made
    loop.close()


def _publish(publisher: Publisher, name: str) -> "Future[bool]":
    future: Future[bool] = Future()
    publisher._publish(Item("e", "q", b"", name), future)
    return future


def _confirm(publisher: Publisher, tag: int, name: str = "Basic.Ack", many: bool = False) -> None:
    method = SimpleNamespace(NAME=name, delivery_tag=tag, multiple=many)
    publisher._confirmed(SimpleNamespace(method=method))


def _return(publisher: Publisher, name: str) -> None:
    method = SimpleNamespace(routing_key="q", reply_text="NO_ROUTE")
    publisher._returned(None, method, SimpleNamespace(message_id=name), b"")


def test_a_confirmed_bundle_leaves_nothing_behind(publisher: Publisher) -> None:
    futures = [_publish(publisher, f"m{n}") for n in range(5)]
    _confirm(publisher, 3, many=True)
    _confirm(publisher, 4, "Basic.Nack")
    assert [future.done() for future in futures] == [True, True, True, True, False]
    assert [future.result() for future in futures[:4]] == [True, True, True, False]
    assert set(publisher._tags) == {"m4"}
    assert set(publisher._pending) == {5}


def test_a_return_is_told_before_its_confirm_and_only_to_its_own(publisher: Publisher) -> None:
    first, second = _publish(publisher, "m1"), _publish(publisher, "m2")
    _return(publisher, "m2")
    _confirm(publisher, 2, many=True)
    assert (first.result(), second.result()) == (True, False)
    _return(publisher, "long gone")
    assert not publisher._tags


def test_a_lost_link_ends_what_was_pending(publisher: Publisher) -> None:
    future = _publish(publisher, "m1")
    publisher._lost()
    assert future.result() is False
    assert _publish(publisher, "m2").result() is False
    assert not publisher._tags
    assert not publisher._pending

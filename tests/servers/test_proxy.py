"""The proxy itself: each way of breaking is what it says."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.servers.postgres import Postgres
from tests.servers.proxy import LONG_S, Proxy

pytestmark = pytest.mark.slow

APPLICATION = "wattbus-journal"


@pytest.fixture(scope="module")
def direct(postgres: Postgres) -> Iterator[str]:
    url = postgres.create()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE said (word text)")
    yield url
    postgres.drop(url)


@pytest.fixture
def proxy(direct: str) -> Iterator[Proxy]:
    with psycopg.connect(direct, autocommit=True) as connection:
        connection.execute("TRUNCATE said")
    with Proxy.before(direct) as made:
        yield made


def _connect(
    proxy: Proxy, direct: str, application: str = APPLICATION
) -> "psycopg.Connection[tuple[str]]":
    return psycopg.connect(
        proxy.url(direct), autocommit=True, application_name=application, connect_timeout=60
    )


def _said(direct: str) -> list[str]:
    with psycopg.connect(direct) as connection:
        return [row[0] for row in connection.execute("SELECT word FROM said")]


def _say(connection: "psycopg.Connection[tuple[str]]", word: str) -> None:
    connection.execute("BEGIN")
    connection.execute("INSERT INTO said VALUES (%s)", (word,))
    connection.execute("COMMIT")


def test_what_is_not_broken_passes(proxy: Proxy, direct: str) -> None:
    with _connect(proxy, direct) as connection:
        _say(connection, "hello")
        assert proxy.connections() == 1
    assert _said(direct) == ["hello"]


@pytest.mark.parametrize(("passed", "stands"), [(True, ["done"]), (False, [])])
def test_the_answer_of_a_commit_is_swallowed(
    proxy: Proxy, direct: str, passed: bool, stands: list[str]
) -> None:
    connection = _connect(proxy, direct)
    trap = proxy.swallow(b"COMMIT", passed=passed, of=APPLICATION.encode(), answer=b"COMMIT\0")
    with pytest.raises(psycopg.OperationalError):
        _say(connection, "done")
    trap.wait()
    with psycopg.connect(direct) as other:  # waits for a backend that has not noticed its end yet
        other.execute("LOCK TABLE said")
    assert _said(direct) == stands


def test_a_trap_is_for_its_own_connections_and_its_turn(proxy: Proxy, direct: str) -> None:
    with _connect(proxy, direct, "somebody") as other, _connect(proxy, direct) as connection:
        trap = proxy.swallow(b"COMMIT", passed=True, of=APPLICATION.encode(), skip=1)
        _say(other, "one")
        _say(connection, "two")
        assert not trap.sprung.is_set()
        with pytest.raises(psycopg.OperationalError):
            _say(connection, "three")
        trap.wait()
        _say(other, "four")
    assert _said(direct) == ["one", "two", "three", "four"]


def test_cut_and_down_and_up(proxy: Proxy, direct: str) -> None:
    connection = _connect(proxy, direct)
    proxy.cut()
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    proxy.down()
    with pytest.raises(psycopg.OperationalError):
        _connect(proxy, direct)
    proxy.up()
    with _connect(proxy, direct) as again:
        _say(again, "back")
    assert _said(direct) == ["back"]


def test_frozen_is_connected_and_silent(proxy: Proxy, direct: str) -> None:
    with _connect(proxy, direct) as connection, ThreadPoolExecutor() as pool:
        proxy.freeze()
        saying = pool.submit(_say, connection, "frozen")
        assert proxy.connections() == 1
        assert _said(direct) == []
        proxy.thaw()
        saying.result(LONG_S)
    assert _said(direct) == ["frozen"]


def test_what_is_delayed_comes_all_the_same(proxy: Proxy, direct: str) -> None:
    with _connect(proxy, direct) as connection:
        proxy.delay(0.01, share=0.5)
        _say(connection, "late")
        proxy.delay(0.0)
    assert _said(direct) == ["late"]

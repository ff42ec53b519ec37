"""AMQP over TLS on a real broker: our authority's certificate, and nobody else's."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.bus.access import Access
from hub.bus.checking import look
from hub.bus.publisher import Publisher
from simulators.bench.servers import Rabbit, free_port
from tests.hub.bus.test_rabbit import loop, until  # noqa: F401 - fixtures
from tests.servers.pki import Authority, Pair
from tests.servers.rabbit import ctl

pytestmark = pytest.mark.slow
#: Another process may take a port between its choice and the listener: then another is chosen.
TRIES = 5


@pytest.fixture
def served(rabbit: Rabbit, tmp_path: Path) -> Callable[..., str]:
    """A listener of the broker that shows a certificate and asks for one of ``clients``."""

    def serve(shown: Pair, clients: Authority | None = None) -> str:
        files = rabbit.folder / f"{tmp_path.name}-{shown.certificate.parent.name}"
        files.mkdir()
        shutil.copy(shown.certificate, files / "cert.pem")
        shutil.copy(shown.key, files / "private.key")
        options = f'{{certfile,"{files}/cert.pem"}},{{keyfile,"{files}/private.key"}}'
        if clients is not None:
            shutil.copy(clients.file, files / "clients.pem")
            options += f',{{cacertfile,"{files}/clients.pem"}}'
            options += ",{verify,verify_peer},{fail_if_no_peer_cert,true}"
        for path in (files, *files.iterdir()):
            path.chmod(0o755)
        for _ in range(TRIES):
            port = free_port()
            said = ctl(
                rabbit,
                "eval",
                f'catch rabbit_networking:start_ssl_listener({{"127.0.0.1",{port}}},'
                f"[{options}],2).",
            )
            if said.strip() == "ok":
                return f"amqps://guest:guest@127.0.0.1:{port}/%2F"
        raise AssertionError(said)

    return serve


def test_a_broker_is_reached_over_tls(
    served: Callable[..., str],
    tmp_path: Path,
    loop: asyncio.AbstractEventLoop,  # noqa: F811
) -> None:
    ours, clients = Authority(tmp_path), Authority(tmp_path, "clients")
    mine, ca = clients.pair("hub"), str(ours.file)
    url = served(ours.pair(), clients=clients)
    access = Access(url, "", ca, str(mine.certificate), str(mine.key))
    publisher = Publisher(access, f"tls{tmp_path.name[-8:]}", loop, "test-tls")
    publisher.start()
    until(publisher.ready)
    assert publisher.publish(1, b"", "b1").result(timeout=30)
    publisher.stop()
    without = look(Access(url, "", ca), "tls")
    assert without.away or without.problems, "it asks for our certificate"


def test_another_s_certificate_is_no_broker(served: Callable[..., str], tmp_path: Path) -> None:
    ours, other = Authority(tmp_path), Authority(tmp_path, "other")
    found = look(Access(served(other.pair()), "", str(ours.file)), "tls")
    (sentence,) = found.problems
    assert "shows a certificate that [bus] ca does not vouch for" in sentence
    assert "guest:guest" not in sentence


@pytest.mark.parametrize(
    ("name", "days", "said"), [("127.0.0.1", -1, "expired"), ("elsewhere.example", 5, "match")]
)
def test_an_expired_certificate_or_one_of_another_name_is_no_broker(
    served: Callable[..., str], tmp_path: Path, name: str, days: int, said: str
) -> None:
    ours = Authority(tmp_path)
    found = look(Access(served(ours.pair(name, days=days)), "", str(ours.file)), "tls")
    assert said in found.problems[0]


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    found = look(Access("amqps://guest@127.0.0.1/%2F", "", str(tmp_path / "none.pem")), "tls")
    assert "certificates" in found.problems[0]
    assert "none.pem" in found.problems[0]

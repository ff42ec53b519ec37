"""An SMPP link over TLS by its endpoint string: our authority's certificate, and nobody else's."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from hub import observe
from hub.links.smpp import make_link
from hub.reactor import install
from simulators.smsc.smsc import SMSC
from tests.servers.pki import HOST, Authority, Pair

ROOT = Path(__file__).parent.parent.parent.parent
pytestmark = pytest.mark.slow
#: The three ways in which a certificate is none.
WRONG: dict[str, Callable[[Authority, Authority], Pair]] = {
    "another authority's": lambda _ours, other: other.pair(),
    "another's name": lambda ours, _other: ours.pair("elsewhere.example"),
    "expired": lambda ours, _other: ours.pair(days=-1),
}


def linked(served: str, trusted: str, wait_s: float) -> str:
    """``up`` or ``down``: whether a link binds to an SMSC; ``served`` and ``trusted`` are what
    their endpoints say beside the address. In a process of its own: names are resolved by a
    reactor that really runs."""
    words = [sys.executable, "-m", __name__, served, trusted, str(wait_s)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=90, cwd=ROOT)
    return done.stdout.strip()


def main(served: str, trusted: str, wait_s: str) -> None:
    """The process: an SMSC, a link, and what became of them."""
    observe.configure()
    reactor = install()

    async def scenario() -> None:
        smsc = SMSC(reactor)
        port = await smsc.start(endpoint=f"ssl:0:interface={HOST}:{served}")
        endpoint = f"tls:{HOST}:{port}:{trusted}"
        section = {"endpoint": endpoint, "system_id": "hub", "reconnect_first_s": 0.05}
        link = make_link("mno", section, reactor, Path())
        link.start()
        give_up = reactor.seconds() + float(wait_s)
        while not link.up and reactor.seconds() < give_up:
            await deferLater(reactor, 0.01)
        print("up" if link.up else "down")
        await link.stop()
        await smsc.stop()

    def begin() -> None:
        Deferred.fromCoroutine(scenario()).addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()


@pytest.fixture
def ours(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def own(pair: Pair) -> str:
    """A client's certificate, as Twisted's client endpoints name it."""
    return f"certificate={pair.certificate}:privateKey={pair.key}"


def test_a_link_binds_over_tls(ours: Authority) -> None:
    assert linked(ours.pair().endpoint, f"trustRoots={ours.folder}", wait_s=30) == "up"


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_certificate_is_no_link(tmp_path: Path, ours: Authority, wrong: str) -> None:
    shown = WRONG[wrong](ours, Authority(tmp_path, "other"))
    assert linked(shown.endpoint, f"trustRoots={ours.folder}", wait_s=2) == "down"


def test_a_link_shows_a_certificate_where_it_is_asked_for(tmp_path: Path, ours: Authority) -> None:
    partners, strangers = Authority(tmp_path, "partners"), Authority(tmp_path, "strangers")
    served = f"{ours.pair().endpoint}:clientCA={partners.file}"
    trusted = f"trustRoots={ours.folder}"
    assert linked(served, f"{trusted}:{own(partners.pair('hub'))}", wait_s=30) == "up"
    for wrong in (strangers.pair("hub"), partners.pair("hub", days=-1)):
        assert linked(served, f"{trusted}:{own(wrong)}", wait_s=2) == "down"


if __name__ == "__main__":
    main(*sys.argv[1:])

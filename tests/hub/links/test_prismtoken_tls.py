"""The link to a security module over TLS by its endpoint string: the box we trust, no other."""

import subprocess
import sys
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from adapters.prismtoken.events import Returned
from adapters.prismtoken.orders import call_of
from hub import observe
from hub.links.prismtoken import make_link
from hub.reactor import install
from simulators.prism.module import PrismModule
from tests.adapters.prismtoken.orders import CREDIT
from tests.hub.links.test_tls import ROOT, WRONG
from tests.servers.pki import HOST, Authority

pytestmark = pytest.mark.slow


def called(served: str, trusted: Path, wait_s: float) -> str:
    """``made`` or ``down``: what becomes of a call of a link that trusts ``trusted`` to a module
    that shows ``served``. In a process of its own: names are resolved by a reactor that runs."""
    words = [sys.executable, "-m", __name__, served, str(trusted), str(wait_s)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=90, cwd=ROOT)
    return done.stdout.strip()


def main(served: str, trusted: str, wait_s: str) -> None:
    """The process: a module, a link, and what became of its call."""
    observe.configure()
    reactor = install()

    async def scenario() -> None:
        module = PrismModule(reactor)
        port = await module.start(endpoint=f"ssl:0:interface={HOST}:{served}")
        endpoint = f"tls:{HOST}:{port}:trustRoots={trusted}"
        section = {"endpoint": endpoint, "username": "hub", "reconnect_first_s": 0.05}
        link = make_link("prism", section, reactor, Path())
        link.start()
        give_up = reactor.seconds() + float(wait_s)
        while not link.free() and reactor.seconds() < give_up:
            await deferLater(reactor, 0.01)
        if link.free():
            outcome = await link.call(call_of(CREDIT))
            print("made" if isinstance(outcome, Returned) else outcome)
        else:
            print("down")
        await link.stop()
        await module.stop()

    def begin() -> None:
        Deferred.fromCoroutine(scenario()).addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()


def test_a_call_is_made_over_tls(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    assert called(ours.pair().endpoint, ours.folder, wait_s=30) == "made"


@pytest.mark.parametrize("wrong", WRONG)
def test_a_box_that_we_do_not_trust_is_never_signed_in_to(tmp_path: Path, wrong: str) -> None:
    ours = Authority(tmp_path)
    shown = WRONG[wrong](ours, Authority(tmp_path, "other"))
    assert called(shown.endpoint, ours.folder, wait_s=2) == "down"


if __name__ == "__main__":
    main(*sys.argv[1:])

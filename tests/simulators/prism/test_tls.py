"""The same calls over TLS: the module shows a certificate, the client trusts that one only."""

import subprocess
import sys
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from adapters.prismtoken.orders import Order, Wanted
from hub import observe
from hub.reactor import install
from simulators.prism.module import PrismModule
from tests.adapters.prismtoken.orders import METER
from tests.servers.pki import HOST, Authority
from tests.simulators.prism.client import Client

ROOT = Path(__file__).parent.parent.parent.parent
pytestmark = pytest.mark.slow


def ordered(served: Path, trusted: Path, wait_s: float) -> str:
    """What became of an order at a module that shows ``served`` and goes down once, for a client
    that trusts ``trusted``. In a process of its own: names are resolved by a reactor that runs."""
    words = [sys.executable, "-m", __name__, str(served), str(trusted), str(wait_s)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60, cwd=ROOT)
    return done.stdout.strip()


def main(served: str, trusted: str, wait_s: str) -> None:
    """The process: a module, a client, and what became of its order."""
    observe.configure()
    reactor = install()

    async def scenario() -> None:
        module = PrismModule(reactor)
        files = f"privateKey={served}/private.key:certKey={served}/cert.pem"
        port = await module.start(endpoint=f"ssl:0:interface={HOST}:{files}")
        issuer = Client(reactor, f"tls:{HOST}:{port}:trustRoots={trusted}")
        give_up = reactor.seconds() + float(wait_s)

        async def until(ready: int) -> None:
            while len(module.box.sessions) < ready and reactor.seconds() < give_up:
                await deferLater(reactor, 0.01)

        await until(1)
        module.go_down(0.1)
        await until(2)
        issuer.order(Order("m", METER, Wanted(0, 0, 281, 6_266_184)))
        while not issuer.issues["m"].over and reactor.seconds() < give_up:
            await deferLater(reactor, 0.01)
        print(issuer.issues["m"].step.value)
        await module.stop()

    def begin() -> None:
        Deferred.fromCoroutine(scenario()).addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()


def test_orders_over_tls_also_after_the_module_was_down(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    assert ordered(ours.pair().key.parent, ours.folder, wait_s=20) == "made"


def test_another_s_certificate_is_no_module(tmp_path: Path) -> None:
    ours, other = Authority(tmp_path), Authority(tmp_path, "other")
    assert ordered(other.pair().key.parent, ours.folder, wait_s=1) == "waiting"


if __name__ == "__main__":
    main(*sys.argv[1:])

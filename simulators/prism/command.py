"""Runs the module by itself. Its help is the docstring of :func:`run`."""

import asyncio
import sys
import time
from typing import Any

from twisted.internet import asyncioreactor
from twisted.internet.defer import Deferred

from simulators.prism.control import serve
from simulators.prism.kinds import KINDS
from simulators.prism.module import Options, PrismModule


def run(
    port: int = 9443,
    control_port: int = 9444,
    kind: str = "friendly",
    interface: str = "127.0.0.1",
    tls_key: str = "",
    tls_certificate: str = "",
    speed: float = 40.0,
    every: int = 10,
    delay: float = 15.0,
    down: float = 60.0,
    licence: int = 1_000_000,
) -> None:
    """Simulates a PrismToken security module with public test keys until it is interrupted.

    The kinds: friendly; at EVERY n-th issuing call late and slow (by DELAY seconds), lost-answer,
    twice, wrong-meter, down (for DOWN seconds), forgetful, garbage, expiring, failing. SPEED is in
    issuing calls a second; LICENCE is how many of them are allowed. TLS with the PEM files
    TLS_KEY and TLS_CERTIFICATE. Port 0 takes a free one; both ports are printed.
    """
    if kind not in KINDS:
        raise SystemExit(f"kind {kind!r} is not one of {', '.join(KINDS)}")
    if speed <= 0 or every < 1:
        raise SystemExit("a speed is above 0, and every is 1 or more")
    if bool(tls_key) != bool(tls_certificate):
        raise SystemExit("TLS takes a key and a certificate")
    if "twisted.internet.reactor" not in sys.modules:
        asyncioreactor.install(asyncio.new_event_loop())  # type: ignore[no-untyped-call]
    from twisted.internet import reactor as installed

    reactor: Any = installed
    options = Options(speed=speed, every=every, delay=delay, down=down, licence=licence)
    module = KINDS[kind](reactor, options, wall=time.time)
    endpoint = f"tcp:{port}:interface={interface}"
    if tls_key:
        files = f"privateKey={tls_key}:certKey={tls_certificate}"
        endpoint = f"ssl:{port}:interface={interface}:{files}"

    def failed(failure: Any) -> None:
        print(f"prism: {failure.getErrorMessage()}", file=sys.stderr, flush=True)
        reactor.stop()

    def begin() -> None:
        starting = _start(reactor, module, endpoint, control_port, interface)
        Deferred.fromCoroutine(starting).addErrback(failed)

    reactor.callWhenRunning(begin)
    reactor.run()


async def _start(
    reactor: Any, module: PrismModule, endpoint: str, control_port: int, interface: str
) -> None:
    listening = await module.start(endpoint=endpoint)
    control: Any = await serve(reactor, module, control_port, interface)
    print(
        f"prism ({module.name}): TokenApi on {interface}:{listening},"
        f" control on {interface}:{control.getHost().port}",
        flush=True,
    )

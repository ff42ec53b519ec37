"""Runs the SMSC by itself. Its help is the docstring of :func:`run`."""

import asyncio
import sys
import time
from typing import Any

from twisted.internet import asyncioreactor
from twisted.internet.defer import Deferred

from simulators.smsc.control import serve
from simulators.smsc.dialects import DIALECTS
from simulators.smsc.kinds import KINDS
from simulators.smsc.smsc import Options


def run(
    port: int = 2775,
    control_port: int = 2776,
    kind: str = "friendly",
    interface: str = "127.0.0.1",
    dialect: str = "kannel",
    share: float = 0.01,
    every: int = 10,
) -> None:
    """Simulates an SMSC until it is interrupted.

    The kinds: friendly, silent, refusing, throttling (a SHARE of submits), unbinding, dropping
    and lying-length (at EVERY n-th submit), receipt-first, duplicate-id, double-deliver,
    shuffling. The dialects of its delivery receipts: kannel, opensmppbox, jasmin, hex-decimal,
    decimal-hex, tlv-only. Port 0 takes a free one; both ports are printed.
    """
    if kind not in KINDS:
        raise SystemExit(f"kind {kind!r} is not one of {', '.join(KINDS)}")
    if dialect not in DIALECTS:
        raise SystemExit(f"dialect {dialect!r} is not one of {', '.join(DIALECTS)}")
    if "twisted.internet.reactor" not in sys.modules:
        asyncioreactor.install(asyncio.new_event_loop())  # type: ignore[no-untyped-call]
    from twisted.internet import reactor as installed

    reactor: Any = installed
    smsc = KINDS[kind](reactor, Options(dialect=dialect, share=share, every=every), wall=time.time)

    async def start() -> None:
        listening = await smsc.start(port, interface)
        control: Any = await serve(reactor, smsc, control_port, interface)
        print(
            f"smsc ({kind}): SMPP on {interface}:{listening},"
            f" control on {interface}:{control.getHost().port}",
            flush=True,
        )

    def begin() -> None:
        Deferred.fromCoroutine(start()).addErrback(failed)

    def failed(failure: Any) -> None:
        print(f"smsc: {failure.getErrorMessage()}", file=sys.stderr, flush=True)
        reactor.stop()

    reactor.callWhenRunning(begin)
    reactor.run()

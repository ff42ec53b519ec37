"""Runs a provider by itself. Its help is the docstring of :func:`run`."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from twisted.internet import asyncioreactor
from twisted.internet.defer import Deferred

from simulators.mobilemoney import signed
from simulators.mobilemoney.airtel import Airtel
from simulators.mobilemoney.alipay import Alipay
from simulators.mobilemoney.control import serve
from simulators.mobilemoney.kinds import KINDS
from simulators.mobilemoney.mpesa import Mpesa
from simulators.mobilemoney.mtn import Mtn
from simulators.mobilemoney.purse import Answers, Dialect, Options, Purse
from simulators.mobilemoney.unionpay import Unionpay
from simulators.mobilemoney.wechat import Wechat

#: The providers by name, each with the callback address of one who takes it beforehand.
PROVIDERS: dict[str, Callable[[str], Dialect]] = {
    "mpesa": lambda _: Mpesa(),
    "mtn": lambda _: Mtn(),
    "airtel": lambda callback: Airtel(callback=callback),
    "wechat": lambda _: Wechat(),
    "alipay": lambda _: Alipay(),
    "unionpay": lambda _: Unionpay(),
}


def run(
    provider: str = "mpesa",
    port: int = 8480,
    control_port: int = 8481,
    kind: str = "friendly",
    interface: str = "127.0.0.1",
    answers: str = "person",
    callback: str = "",
    currency: str = "",
    every: int = 10,
    delay: float = 15.0,
    down: float = 60.0,
    expiry: float = 60.0,
    fee_per_mille: int = 0,
    validates: bool = False,
    merchant: str = "Demo Power",
    seed: int = 0,
    keys: str = "",
) -> None:
    """Simulates a provider of mobile money until it is interrupted: mpesa, mtn, airtel, wechat,
    alipay, unionpay.

    ANSWERS is what payers do: person (``wattbus simulate phone --wallet``), approve, decline,
    silent. The kinds: friendly; at EVERY n-th notice lost-notice, doubled-notice, late-notice (by
    DELAY seconds), altered-notice, missing-field, integer-codes, forging-stranger, late-approval;
    stormy does four of them by chance; at EVERY n-th push silent, html, slow, outage (for DOWN
    seconds), busy-payer, wrong-pin, callback-before-answer; stale-token. Of those that sign, before
    each EVERY n-th notice: unknown-key, replayed-notice, other-merchant. CALLBACK is where Airtel
    tells; the others are told with each request. KEYS is the folder of keys of one that signs; they
    are made there: merchant.key and platform.pem are the merchant's. Port 0 takes a free one; both
    are printed.
    """
    _check(provider, kind, answers, every)
    chosen: Any = answers
    options = Options(
        answers=chosen, every=every, delay=delay, down=down, expiry_s=expiry,
        fee_per_mille=fee_per_mille, merchant=merchant, seed=seed,
    )  # fmt: skip
    dialect = _dialect(provider, callback, currency, keys)
    if isinstance(dialect, Mpesa):
        dialect.validates = validates
    _serve(lambda reactor: KINDS[kind](reactor, dialect, options), (port, control_port), interface)


def _dialect(provider: str, callback: str, currency: str, keys: str) -> Any:
    dialect: Any = PROVIDERS[provider](callback)
    if currency:
        dialect.currency = currency
    if keys and isinstance(dialect, Wechat | Alipay | Unionpay):
        dialect.keys = signed.keys(Path(keys))
    return dialect


def _serve(make: Callable[[Any], Purse], ports: tuple[int, int], interface: str) -> None:
    if "twisted.internet.reactor" not in sys.modules:
        asyncioreactor.install(asyncio.new_event_loop())  # type: ignore[no-untyped-call]
    from twisted.internet import reactor as installed

    reactor: Any = installed
    purse = make(reactor)

    def failed(failure: Any) -> None:
        print(f"mobilemoney: {failure.getErrorMessage()}", file=sys.stderr, flush=True)
        reactor.stop()

    def begin() -> None:
        Deferred.fromCoroutine(_start(reactor, purse, ports, interface)).addErrback(failed)

    reactor.callWhenRunning(begin)
    reactor.run()


def _check(provider: str, kind: str, answers: str, every: int) -> None:
    for name, given, known in (
        ("provider", provider, tuple(PROVIDERS)),
        ("kind", kind, tuple(KINDS)),
        ("answers", answers, get_args(Answers)),
    ):
        if given not in known:
            raise SystemExit(f"{name} {given!r} is not one of {', '.join(known)}")
    if every < 1:
        raise SystemExit("every is 1 or more")


async def _start(reactor: Any, purse: Purse, ports: tuple[int, int], interface: str) -> None:
    listening = await purse.start(ports[0], interface)
    control: Any = await serve(reactor, purse, ports[1], interface)
    print(
        f"{purse.dialect.name} ({purse.name}): its API on {interface}:{listening},"
        f" control on {interface}:{control.getHost().port}",
        flush=True,
    )

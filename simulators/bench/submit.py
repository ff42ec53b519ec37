"""`wattbus bench submit`: how many submit_sm a second npm "smpp" answers our ESME.

Our link (adapters.smpp over hub.wire, in a real reactor) against an SMSC that nobody here wrote;
beside it the very same octets to a process that only echoes them, with as many PDUs under way as
the window. All processes share the machine's cores.
"""

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from twisted.internet.asyncioreactor import AsyncioSelectorReactor

from adapters.smpp import codec
from adapters.smpp.errors import QueueFullError
from adapters.smpp.esme import EsmeLink
from adapters.smpp.events import Answered, Bound, Throttled
from adapters.smpp.pdu import BindTransceiver, SubmitSm
from adapters.smpp.settings import Settings
from hub.dialer import Dialer
from hub.wire import Wire
from simulators.bench.options import Options
from simulators.bench.servers import ServerMissingError
from simulators.bench.site import ROOT

NAME = "submit"
HELP = "ESME: submit_sm a second against npm smpp, beside an echo of the same octets."
ENGINES: tuple[str, ...] = ()
WINDOWS = (1, 10, 50)
#: At the widest window; and what must be left of it when 1 % of the submits are throttled.
AIM_PER_S, AIM_THROTTLED = 10_000, 0.9
_THROTTLED_SHARE = 0.01
#: Submits per second of a round's length: at the aim a round takes about a seventh of it.
_PER_SECOND = 1_500

PDU = SubmitSm(
    source_addr="12345",
    dest_addr_ton=1,
    dest_addr_npi=1,
    destination_addr="254700000001",
    short_message=b"Token 1234 5678 9012 3456 7890 12345",
)
_ECHO = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
peer = server.accept()[0]
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
while data := peer.recv(65536):
    peer.sendall(data)
"""


@contextmanager
def npm_smsc(share: float) -> Iterator[int]:
    """npm smpp as an SMSC that throttles a share of submits; its port. ServerMissingError."""
    home = ROOT / "tests" / "interop"
    node = shutil.which("node")
    if node is None or not (home / "node_modules" / "smpp").exists():
        raise ServerMissingError("npm smpp is not installed: run `sh tests/install-peers`")
    command = [node, str(home / "smsc.js"), "--quiet", "--throttle", str(share)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None, "it was started with pipes"
    assert process.stdout is not None, "it was started with pipes"
    try:
        yield int(json.loads(process.stdout.readline())["port"])
    finally:
        process.stdin.close()  # the peer ends with its input
        process.wait()
        process.stdout.close()


@dataclass(slots=True)
class Run:
    """One measurement: so many submits on one bind, the window always full."""

    link: EsmeLink
    total: int
    over: "asyncio.Future[None]"
    sent: int = 0
    heard: int = 0
    throttled: int = 0
    began: float = 0.0
    rate: float = field(default=0.0)

    def on_event(self, wire: Wire, event: Any) -> None:
        """What the link tells."""
        if isinstance(event, Answered):
            self.heard += 1
            if self.heard == self.total:
                self.rate = self.total / (time.perf_counter() - self.began)
                self.over.set_result(None)
            elif self.link.waiting < self.link.session.settings.window:
                self._fill(wire)
        elif isinstance(event, Bound):
            self.began = time.perf_counter()
            self._fill(wire)
        elif isinstance(event, Throttled):
            self.throttled += 1

    def _fill(self, wire: Wire) -> None:
        try:
            while self.sent < self.total:
                self.link.submit(PDU, None, wire.now())
                self.sent += 1
        except QueueFullError:
            return  # the next answer calls again


async def _measure(reactor: Any, port: int, window: int, total: int) -> Run:
    loop = asyncio.get_running_loop()
    login = BindTransceiver(system_id="hub", password="secret")  # noqa: S106 - of the test peer
    link = EsmeLink(login, Settings(window=window), queue_limit=2 * window)
    run = Run(link, total, loop.create_future())
    dialer = Dialer(reactor, f"tcp:127.0.0.1:{port}", link, run.on_event, lambda: 0.0)
    dialer.start()
    await run.over
    await dialer.stop().asFuture(loop)
    return run


def submit_rate(window: int, total: int, share: float = 0.0) -> Run:
    """Answered submits a second (``rate``), on a reactor of its own."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        reactor = AsyncioSelectorReactor(loop)
        with npm_smsc(share) as port:
            return loop.run_until_complete(_measure(reactor, port, window, total))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def echo_rate(window: int, total: int) -> float:
    """The same octets there and back, without any protocol."""
    frame = codec.encode(PDU, 1)
    process = subprocess.Popen([sys.executable, "-c", _ECHO], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None, "it was started with a pipe"
    with process, socket.create_connection(("127.0.0.1", int(process.stdout.readline()))) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began = time.perf_counter()
        link.sendall(frame * window)
        to_hear = total * len(frame)
        while to_hear > 0:
            got = len(link.recv(65536))
            to_hear -= got
            link.sendall(bytes(got))
        seconds = time.perf_counter() - began
        link.shutdown(socket.SHUT_WR)
        while link.recv(65536):
            pass
    return total / seconds


def run(options: Options) -> dict[str, Any]:
    """A rate per window beside its echo, and what throttling costs."""
    total = _PER_SECOND * options.seconds
    figures: dict[str, Any] = {"bench": NAME}
    for window in WINDOWS:
        count = total // 3 if window == 1 else total
        pairs = [
            (submit_rate(window, count).rate, echo_rate(window, count))
            for _ in range(options.rounds)
        ]
        ours, echo = (median(column) for column in zip(*pairs, strict=True))
        options.say(f"window {window}: {ours:,.0f}/s, echo {echo:,.0f}/s")
        figures[f"window_{window}_per_s"] = round(ours)
        figures[f"window_{window}_echo_per_s"] = round(echo)
        figures[f"window_{window}_to_echo"] = round(ours / echo, 3)
    figures["aim_per_s"] = AIM_PER_S
    return figures | _throttled(options, total)


def _throttled(options: Options, total: int) -> dict[str, Any]:
    plain, throttled = [], []
    for _ in range(options.rounds):
        plain.append(submit_rate(WINDOWS[-1], total).rate)
        throttled.append(submit_rate(WINDOWS[-1], total, _THROTTLED_SHARE).rate)
    ratio = median(throttled) / median(plain)
    options.say(f"with {_THROTTLED_SHARE:.0%} throttled: {ratio:.2f} of the rate without")
    return {
        "throttled_share": _THROTTLED_SHARE,
        "throttled_per_s": round(median(throttled)),
        "throttled_to_plain": round(ratio, 3),
        "throttled_aim": AIM_THROTTLED,
    }

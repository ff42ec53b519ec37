"""How many submit_sm a second our ESME gets answered by npm smpp, beside a bare loopback echo.

Run it with ``python -m tests.bench.smpp_submit``. Both processes share the machine's cores. The
yardstick sends the very same octets to a process that only echoes them, with as many PDUs under
way as the window.
"""

import asyncio
import json
import socket
import subprocess
import sys
import time
from statistics import median
from typing import Any

from adapters.smpp import codec
from adapters.smpp.errors import QueueFullError
from adapters.smpp.esme import EsmeLink
from adapters.smpp.events import Answered, Bound, Throttled
from adapters.smpp.pdu import BindTransceiver, SubmitSm
from adapters.smpp.settings import Settings
from hub.dialer import Dialer
from hub.wire import Wire
from tests.interop.peers import peer
from tests.loop import fired, run

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


def submit_rate(window: int, total: int, share: float = 0.0) -> dict[str, float]:
    """Answered submits a second (``rate``) and how many were throttled."""
    result: dict[str, float] = {"throttled": 0.0}

    async def scenario(reactor: Any, port: int) -> None:
        loop_done: Any = asyncio.get_running_loop().create_future()
        login = BindTransceiver(system_id="hub", password="secret")
        link = EsmeLink(login, Settings(window=window), queue_limit=2 * window)
        left = {"to send": total, "to hear": total}

        def fill(wire: Wire) -> None:
            try:
                while left["to send"]:
                    link.submit(PDU, None, wire.now())
                    left["to send"] -= 1
            except QueueFullError:
                return  # the next answer calls again

        def on_event(wire: Wire, event: Any) -> None:
            if isinstance(event, Answered):
                left["to hear"] -= 1
                if left["to hear"] == 0:
                    result["rate"] = total / (time.perf_counter() - result["began"])
                    loop_done.set_result(None)
                elif link.waiting < window:
                    fill(wire)
            elif isinstance(event, Bound):
                result["began"] = time.perf_counter()
                fill(wire)
            elif isinstance(event, Throttled):
                result["throttled"] += 1

        dialer = Dialer(reactor, f"tcp:127.0.0.1:{port}", link, on_event, lambda: 0.0)
        dialer.start()
        await loop_done
        await fired(dialer.stop())

    with peer("node", "--quiet", "--throttle", str(share)) as smsc:
        run(lambda reactor: scenario(reactor, smsc.port))
    return result


def echo_rate(window: int, total: int) -> float:
    """The same octets there and back, without any protocol."""
    frame = codec.encode(PDU, 1)
    process = subprocess.Popen([sys.executable, "-c", _ECHO], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
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


def bench(rounds: int = 3, total: int = 30_000) -> list[dict[str, Any]]:
    """A row per window: medians of interleaved rounds, and the ratio to the echo."""
    rows = []
    for window in (1, 10, 50):
        count = total // 3 if window == 1 else total
        pairs = [
            (submit_rate(window, count)["rate"], echo_rate(window, count)) for _ in range(rounds)
        ]
        ours, echo = (median(column) for column in zip(*pairs, strict=True))
        rows.append({"window": window, "rate": ours, "echo": echo, "ratio": ours / echo})
    plain, throttled = [], []
    for _ in range(rounds):
        plain.append(submit_rate(50, total)["rate"])
        throttled.append(submit_rate(50, total, 0.01)["rate"])
    ratio = median(throttled) / median(plain)
    rows.append({"window": 50, "throttled": 0.01, "rate": median(throttled), "to plain": ratio})
    return rows


if __name__ == "__main__":
    for row in bench():
        print(json.dumps({key: round(value, 3) for key, value in row.items()}))

"""The channel over TLS, by the endpoint's string alone."""

import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.iso8583.message import Message as Iso
from channels.pos import CHANNEL
from channels.pos.config import PosConfig
from hub import observe
from hub.iso8583 import load, shipped
from hub.reactor import install
from tests.channels.pos.fakes import TERMINAL, PosPorts
from tests.hub.links.test_tls import ROOT, WRONG
from tests.servers.pki import HOST, Authority, Pair

pytestmark = pytest.mark.slow


def main(served: str) -> None:
    """The process: a channel that says its port, until its input ends."""
    observe.configure()
    reactor = install()
    options = {"endpoint": f"ssl:0:interface={HOST}:{served}"}
    channel: Any = CHANNEL.build(PosPorts(reactor), msgspec.convert(options, PosConfig))

    def told() -> None:
        if channel.status()["state"] == "up":
            print(channel.address.port, flush=True)
        else:
            reactor.callLater(0.01, told)

    reactor.callWhenRunning(channel.start)
    reactor.callWhenRunning(told)
    reactor.callInThread(lambda: (sys.stdin.read(), reactor.callFromThread(reactor.stop)))
    reactor.run()


CODEC = load(shipped()["generic-1987-ascii"].read_text()).codec


@contextmanager
def listening(served: str) -> Iterator[int]:
    """The channel's process; its port."""
    words = [sys.executable, "-m", __name__, served]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()
        assert process.wait(60) == 0


def echoed(port: int, trusted: Authority, own: Pair | None = None) -> str:
    """The answer to an echo of a terminal, or why there is none."""
    context = ssl.create_default_context(cafile=str(trusted.file))
    if own is not None:
        context.load_cert_chain(own.certificate, own.key)
    raw = CODEC.encode(Iso("0800", {11: "000001", 41: TERMINAL, 70: "301"}))
    try:
        with (
            socket.create_connection((HOST, port), timeout=60) as plain,
            context.wrap_socket(plain, server_hostname=HOST) as line,
        ):
            line.sendall(b"%04d" % len(raw) + raw)
            answer = line.makefile("rb")
            length = answer.read(4)
            return str(CODEC.decode(answer.read(int(length))).fields[39]) if length else "closed"
    except (ssl.SSLError, ConnectionError) as error:
        return str(error)


def test_an_echo_over_tls(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    with listening(ours.pair().endpoint) as port:
        assert echoed(port, ours) == "00"


@pytest.mark.parametrize("wrong", WRONG)
def test_a_terminal_does_not_speak_to_a_wrong_certificate(tmp_path: Path, wrong: str) -> None:
    ours = Authority(tmp_path)
    with listening(WRONG[wrong](ours, Authority(tmp_path, "other")).endpoint) as port:
        assert "certificate verify failed" in echoed(port, ours)


def test_where_switches_have_certificates_only_they_are_served(tmp_path: Path) -> None:
    ours, switches = Authority(tmp_path), Authority(tmp_path, "switches")
    wrong = (None, Authority(tmp_path, "other").pair("s1"), switches.pair("s1", days=-1))
    with listening(f"{ours.pair().endpoint}:clientCA={switches.file}") as port:
        assert echoed(port, ours, switches.pair("s1")) == "00"
        assert "00" not in [echoed(port, ours, own) for own in wrong]
        assert echoed(port, ours, switches.pair("s1")) == "00"  # the others did no harm


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The channel over TLS, by the endpoint's string alone."""

import socket
import ssl
import subprocess
import sys
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
from tests.hub.links.test_tls import HOST, ROOT, certificate

pytestmark = pytest.mark.slow


def main(folder: str) -> None:
    """The process: a channel that says its port, until its input ends."""
    observe.configure()
    reactor = install()
    files = f"privateKey={folder}/private.key:certKey={folder}/cert.pem"
    options = {"endpoint": f"ssl:0:interface={HOST}:{files}"}
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


def test_an_echo_over_tls(tmp_path: Path) -> None:
    served = certificate(tmp_path / "ours")
    codec = load(shipped()["generic-1987-ascii"].read_text()).codec
    raw = codec.encode(Iso("0800", {11: "000001", 41: TERMINAL, 70: "301"}))
    context = ssl.create_default_context(cafile=str(served / "cert.pem"))
    words = [sys.executable, "-m", __name__, str(served)]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with (
            socket.create_connection((HOST, port), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname=HOST) as line,
        ):
            line.sendall(b"%04d" % len(raw) + raw)
            answer = line.makefile("rb")
            message = codec.decode(answer.read(int(answer.read(4))))
        process.stdin.close()
        assert process.wait(20) == 0
    assert (message.mti, message.fields[39]) == ("0810", "00")


if __name__ == "__main__":
    main(*sys.argv[1:])

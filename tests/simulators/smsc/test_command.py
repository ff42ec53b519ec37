import json
import re
import signal
import socket
import subprocess
import sys

import pytest

from simulators.smsc import SIMULATOR
from simulators.smsc.command import run

_START = """
from simulators.smsc import SIMULATOR
SIMULATOR.command(port=0, control_port=0, kind="silent")
"""


@pytest.mark.slow
def test_it_runs_by_itself_until_it_is_interrupted() -> None:
    process = subprocess.Popen([sys.executable, "-c", _START], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.fullmatch(
            r"smsc \(silent\): SMPP on 127.0.0.1:\d+, control on 127.0.0.1:(\d+)\n", line
        )
        assert found is not None, line
        with socket.create_connection(("127.0.0.1", int(found[1])), timeout=10) as client:
            client.sendall(b'{"do": "status"}\n')
            answer = json.loads(client.makefile().readline())
        assert answer["kind"] == "silent"
        assert answer["binds"] == []
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) in (0, 130, -signal.SIGINT)
        process.stdout.close()


def test_wrong_names_are_told_with_the_right_ones() -> None:
    with pytest.raises(SystemExit, match="friendly, silent"):
        run(kind="unheard-of")
    with pytest.raises(SystemExit, match="kannel, opensmppbox"):
        run(dialect="klingon")


def test_the_command_line_finds_it() -> None:
    assert SIMULATOR.name == "smsc"
    assert SIMULATOR.command is run

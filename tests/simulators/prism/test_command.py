import json
import re
import signal
import socket
import subprocess
import sys
from typing import Any

import pytest

from simulators.prism import SIMULATOR
from simulators.prism.command import run

_START = """
from simulators.prism import SIMULATOR
SIMULATOR.command(port=0, control_port=0, kind="lost-answer", licence=7)
"""


def ask(port: int, *lines: str) -> list[dict[str, Any]]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        answers = client.makefile()
        found = []
        for line in lines:
            client.sendall(line.encode() + b"\n")
            found.append(json.loads(answers.readline()))
    return found


@pytest.mark.slow
def test_it_runs_by_itself_and_is_steered_until_it_is_interrupted() -> None:
    process = subprocess.Popen([sys.executable, "-c", _START], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.fullmatch(
            r"prism \(lost-answer\): TokenApi on 127.0.0.1:\d+, control on 127.0.0.1:(\d+)\n", line
        )
        assert found is not None, line
        first, licence, after, expire, forget, down, last = ask(
            int(found[1]),
            '{"do": "status", "id": 1}',
            '{"do": "licence", "calls": 3}',
            '{"do": "status"}',
            '{"do": "expire"}',
            '{"do": "forget"}',
            '{"do": "down", "seconds": 60}',
            '{"do": "status"}',
        )
        assert first == {
            "id": 1, "ok": True, "kind": "lost-answer", "links": 0, "up": True, "issuing": 0,
            "made": 0, "tests": 0, "refused": 0, "licence": 7,
        }  # fmt: skip
        assert (after["licence"], last["up"]) == (3, False)
        assert all(each["ok"] for each in (licence, expire, forget, down))
        wrong = ask(int(found[1]), "no json", "[]", '{"do": "dance"}', '{"do": "down"}')
        assert [each["ok"] for each in wrong] == [False] * 4
        assert "status, down, licence, expire, forget" in wrong[2]["error"]
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) in (0, 130, -signal.SIGINT)
        process.stdout.close()


def test_wrong_options_are_told() -> None:
    with pytest.raises(SystemExit, match="friendly, late"):
        run(kind="unheard-of")
    with pytest.raises(SystemExit, match="speed is above 0"):
        run(speed=0)
    with pytest.raises(SystemExit, match="a key and a certificate"):
        run(tls_key="key.pem")


def test_the_command_line_finds_it() -> None:
    assert SIMULATOR.name == "prism"
    assert SIMULATOR.command is run

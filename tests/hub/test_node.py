"""A real node on SQLite, as an operator meets it: start, enrol, pay, look, act, stop."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.store.upgrade import upgrade
from hub.verbs.init import write_installation
from tests.hub.machine import ROOT

pytestmark = pytest.mark.slow

LIST = """\
- {customer: C1, name: Okello Daniel, account: 100001, service_point: S1,
   tariff: uganda-domestic, since: 2026-11-01,
   meter: {drn: 04123456784, sgc: 201457}, phones: [{msisdn: +256700000001}]}
"""
DEADLINE_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Node:
    """``wattbus run`` in a folder, without channels: only what the command line needs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        path = write_installation(folder, self.port, 2775)
        path.write_text(path.read_text().partition("[links.smsc]")[0])
        upgrade(f"sqlite:{folder / 'var' / 'wattbus.db'}")
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hub", "run"], cwd=folder, env=self.environment,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if "hub.up" in line:
                break

    def call(self, *words: str, stdin: str = "") -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "hub", *words], cwd=self.folder, env=self.environment,
            input=stdin, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def page(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def stop(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGTERM)
        _, told = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, told


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path)
    yield node
    if node.process.poll() is None:
        node.process.kill()
        node.process.communicate()


def test_a_node_from_start_to_stop(node: Node) -> None:
    assert node.call("enrol", "-", stdin=LIST)[:2] == (0, "1 of 1 accounts are enrolled\n")
    assert node.call("enrol", "-", stdin=LIST)[:2] == (0, "1 of 1 accounts are enrolled\n")
    code, out, err = node.call("pay", "100001", "50k", "--reference", "R1")
    assert (code, err) == (0, "")
    assert "credit 50,000 UGX" in out
    assert "nothing was added\n" in node.call("pay", "100001", "50k", "--reference", "R1")[1]
    status = json.loads(node.call("status", "--json")[1])
    assert (status["ok"], status["pid"]) == (True, node.process.pid)
    code, out, _ = node.call("find", "100001")
    assert code == 0
    assert "was enrolled as account 100001" in out
    assert "paid 50,000 UGX (cash, desk main, reference R1)" in out
    assert node.call("journal", "--key", "pay/cash/main/R1", "--json")[0] == 0
    code, _, err = node.call("deadletters", "replay", "nobody")
    assert (code, err) == (1, "there is no delivery of a message nobody\n")
    code, out, err = node.call("journal", "--channel", "control-demo", "--show-raw", "a check")
    assert (code, err) == (0, "")
    actor = json.loads(node.call("audit", "list", "--json")[1])[0]["actor"]
    assert actor
    assert node.call("audit", "verify")[0] == 0
    assert json.loads(node.page("/healthz"))["ok"] is True
    assert json.loads(node.page("/readyz"))["ok"] is True
    assert "wattbus_unaccounted_messages 0.0" in node.page("/metrics")
    assert node.call("balance")[0] == 0
    code, told = node.stop()
    assert code == 0, told
    assert "hub.down" in told
    assert node.call("status")[0] == 1

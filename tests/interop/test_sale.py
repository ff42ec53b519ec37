"""A sale by SMS through SMSCs that nobody here wrote: the whole hub, as a process, on SQLite."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.store.upgrade import upgrade
from core.sts.meter_id import meter_pan
from core.sts.module import MeterKey
from hub.config import read
from hub.verbs._shared import ask_hub
from hub.verbs.init import write_installation
from tests.hub.machine import METER, demo_terms, enrol, pay
from tests.interop.peers import peer

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent.parent
DEADLINE_S = 30.0
PHONE = "256700000001"


@contextmanager
def hub(folder: Path, smpp_port: int) -> Iterator[Path]:
    """A hub with one SMPP link to that port; yields its configuration."""
    path = write_installation(folder, http_port=0, smpp_port=smpp_port)
    text = path.read_text()
    path.write_text(text[: text.index("[channels.ussd]")])
    upgrade(read(path).database_url())
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "hub", "run", "-c", str(path)], env=environment, stderr=log
        )
    try:
        _until_it_answers(read(path).path("var") / "control.sock", process)
        yield path
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0, (folder / "log").read_text()[-2000:]


def _until_it_answers(path: Path, process: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + DEADLINE_S
    while True:
        assert process.poll() is None, "the hub ended"
        assert time.monotonic() < give_up, "the hub never answered"
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
                link.connect(str(path))
            return
        except OSError:
            time.sleep(0.05)


def _until_bound(path: Path) -> None:
    give_up = time.monotonic() + DEADLINE_S
    while ask_hub(read(path), {"do": "status"})["links"]["smsc"]["state"] != "up":
        assert time.monotonic() < give_up, "the link never came up"
        time.sleep(0.05)


def submit(path: Path, message: Any, name: str, key: str) -> dict[str, Any]:
    """A command over the control socket."""
    request = {
        "do": "submit",
        "company": "demo",
        "key": key,
        "type": name,
        "data": msgspec.to_builtins(message),
    }
    return ask_hub(read(path), json.loads(json.dumps(request)))


@pytest.mark.parametrize("name", ["node", "twisted"])
def test_a_token_is_bought_through_it(name: str, tmp_path: Path) -> None:
    with peer(name) as smsc, hub(tmp_path, smsc.port) as path:
        _until_bound(path)
        submit(path, enrol(), "wattbus.accounts.Enrol.v1", "enrol")
        submit(path, pay(50_000), "wattbus.billing.ReceivePayment.v1", "pay")
        smsc.deliver(PHONE, "8080", f"BUY {METER} 20000")
        text = smsc.next("submit")["submit"]["text"]
    digits = re.search(r"\d{4} \d{4} \d{4} \d{4} \d{4}", text)
    assert digits is not None, text
    assert "28.1 kWh" in text
    key = MeterKey("demo", meter_pan(METER), 11, "201457", 1, "01")
    token = digits.group().replace(" ", "")
    assert demo_terms().module.decode(key, token).data.fields["amount"] == 281

"""The control port line by line, and the whole thing as a process over HTTP."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.request import Request, urlopen

import pytest
from twisted.internet.testing import StringTransport

from simulators.mobilemoney import SIMULATOR
from simulators.mobilemoney.command import run
from simulators.mobilemoney.control import Control
from simulators.mobilemoney.mpesa import Mpesa
from simulators.mobilemoney.purse import Purse
from tests.simulators.mobilemoney.merchant import Merchant, basic, push

PAYER = "+254708374149"


class Line:
    """A client without a socket."""

    def __init__(self, purse: Purse) -> None:
        self._control = Control(purse)
        self.transport = StringTransport()
        self._control.makeConnection(self.transport)

    def heard(self) -> list[dict[str, Any]]:
        lines = self.transport.value().splitlines()
        self.transport.clear()
        return [json.loads(line) for line in lines]

    def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        self.tell(json.dumps({"do": do, "id": 1, **fields}))
        (answer,) = (each for each in self.heard() if "event" not in each)
        return answer

    def tell(self, line: str) -> None:
        self._control.dataReceived(line.encode() + b"\n")


def test_a_prompt_is_seen_and_answered() -> None:
    merchant = Merchant()
    purse = merchant.purse(Mpesa(), answers="person")
    line = Line(purse)
    push(purse)
    line.tell(json.dumps({"do": "watch", "phone": PAYER, "id": 1}))
    event, answer = line.heard()  # one that was open is told at once
    assert answer == {"id": 1, "ok": True}
    assert event == {
        "event": "push", "phone": PAYER[1:], "provider": "mpesa", "merchant": "Demo Power",
        "amount": 50_000, "currency": "KES", "shown": "04123456784", "ending": "",
    }  # fmt: skip
    line.tell(json.dumps({"do": "answer", "phone": PAYER, "pin": "1234", "id": 2}))
    over, answer = line.heard()
    assert (over["event"], over["ending"], answer["ending"]) == ("push-over", "paid", "paid")
    assert line.ask("answer", phone=PAYER, pin="1234")["ok"] is False
    push(purse, phone="254700000001")
    assert line.heard() == []  # another's phone


def test_what_one_asks_and_steers() -> None:
    merchant = Merchant()
    urls = {"confirmation": "http://hub/c", "validation": "http://hub/v"}
    purse = merchant.purse(Mpesa(urls=urls), fee_per_mille=10)
    line = Line(purse)
    paid = line.ask("pay", phone=PAYER, account="04123456784", amount=5_000)
    assert paid["receipt"] in purse.book.movements
    poor = line.ask("holder", phone=PAYER, balance=10, pin="7777")
    assert (poor["balance"], poor["pin"], poor["reachable"]) == (10, "7777", True)
    refused = line.ask("pay", phone=PAYER, account="x", amount=5_000)
    assert (refused["receipt"], refused["refused"]) == ("", "the payer has not so much")
    assert line.ask("repeat", about=paid["receipt"])["ok"]
    assert len(merchant.notices) == 2
    line.ask("lose", count=1)
    line.ask("holder", phone=PAYER, balance=5_000, reachable=False)
    line.ask("pay", phone=PAYER, account="x", amount=5_000)
    assert (len(merchant.notices), purse.counts.lost) == (2, 1)
    table = line.ask("statement", day="2023-11-21")["csv"].splitlines()
    assert table[0] == "receipt,time,amount,fee,currency,reference,typed,payer,original"
    assert table[1] == (
        f"{paid['receipt']},2023-11-21T09:13:25Z,5000,50,KES,,04123456784,254708374149,"
    )
    settled = line.ask("settle", until="2023-11-21")
    assert (settled["amount"], settled["fee"]) == (9_900, 100)
    assert line.ask("settle", until="2023-11-21")["amount"] == 0
    line.ask("down", seconds=60)
    assert line.ask("status")["up"] is False
    line.ask("up")
    told = line.ask("status")
    assert (told["up"], told["total"], told["moved"]) == (True, 10_000, 2)
    purse.new_token()
    line.ask("expire")
    assert purse.tokens.ends == {}


@pytest.mark.parametrize(
    "wrong",
    [
        "no json", "[]", '{"do": "dance"}', '{"do": "pay", "phone": "1"}',
        '{"do": "pay", "phone": "1", "account": "x", "amount": -1}', '{"do": "down"}',
        '{"do": "scan", "phone": "1", "key": "x"}', '{"do": "statement", "day": "x"}',
        '{"do": "repeat", "about": "x"}',
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(wrong: str) -> None:
    line = Line(Merchant().purse(Mpesa()))
    line.tell(wrong)
    (answer,) = line.heard()
    assert answer["ok"] is False
    assert answer["error"]


def test_the_command_refuses_what_it_cannot_do() -> None:
    assert SIMULATOR.name == "mobilemoney"
    for wrong in ({"provider": "bank"}, {"kind": "evil"}, {"answers": "maybe"}, {"every": 0}):
        with pytest.raises(SystemExit):
            run(**wrong)  # type: ignore[arg-type]


@contextmanager
def hub(taken: list[bytes], came: threading.Event) -> Iterator[str]:
    """A merchant's server for one notice."""

    class Taking(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            taken.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            came.set()

        def log_message(self, *args: Any) -> None:
            del args

    server = HTTPServer(("127.0.0.1", 0), Taking)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/notice"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


_START = """
from simulators.mobilemoney import SIMULATOR
SIMULATOR.command(provider="mtn", port=0, control_port=0, answers="approve")
"""


@pytest.mark.slow
def test_it_runs_by_itself_over_http_until_it_is_interrupted() -> None:
    process = subprocess.Popen([sys.executable, "-c", _START], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    taken: list[bytes] = []
    came = threading.Event()
    try:
        line = process.stdout.readline()
        found = re.fullmatch(
            r"mtn \(friendly\): its API on 127.0.0.1:(\d+), control on 127.0.0.1:(\d+)\n", line
        )
        assert found is not None, line
        with hub(taken, came) as url:
            base = f"http://127.0.0.1:{found[1]}/collection"
            named = {"Ocp-Apim-Subscription-Key": "sim-subscription"}
            given = {**named, "Authorization": basic("user", "key")}
            with urlopen(Request(f"{base}/token/", b"", given)) as answer:
                token = json.load(answer)["access_token"]
            asked = {
                "amount": "2000", "currency": "UGX", "externalId": "1",
                "payer": {"partyIdType": "MSISDN", "partyId": "256772000000"},
            }  # fmt: skip
            headers = {
                **named, "Authorization": f"Bearer {token}", "X-Target-Environment": "sandbox",
                "X-Reference-Id": "00000000-0000-4000-8000-000000000007", "X-Callback-Url": url,
            }  # fmt: skip
            request = Request(
                f"{base}/v1_0/requesttopay", json.dumps(asked).encode(), headers, method="POST"
            )
            with urlopen(request) as answer:
                assert answer.status == 202
            assert came.wait(30)
        assert json.loads(taken[0])["status"] == "SUCCESSFUL"
        with socket.create_connection(("127.0.0.1", int(found[2])), timeout=10) as client:
            client.sendall(b'{"do": "status"}\n')
            assert json.loads(client.makefile().readline())["total"] == 2_000
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        process.stdout.close()

"""The terminal in a person's hands: what is typed, what is shown."""

import io
import json
import sys
from pathlib import Path

import pytest

from simulators.pos import SIMULATOR
from simulators.pos.command import NUMERIC, run
from simulators.pos.keyboard import HELP
from simulators.pos.paper import grouped, money
from tests.simulators.pos.host import BCD, MASTER
from tests.simulators.pos.sockets import SocketHost, socket_host

METER = "04123456784"


def played(
    host: SocketHost, tmp_path: Path, script: str, *, as_json: bool = False, **options: object
) -> int:
    file = tmp_path / "script"
    file.write_text(script, "utf-8")
    options = {"stan": 1, **options}
    with pytest.raises(SystemExit) as ended:
        run(host=host.address, script=file, as_json=as_json, answer_s=5.0, zone="UTC", **options)  # type: ignore[arg-type]
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_day_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = f"""
        on 01 2468
        meter {METER} 20k
        sell {METER} 20,000   # a token
        print
        reprint {METER}
        pay 100001 5000
        lose
        pay 100001 7000
        repeat
        reverse 3
        journal
        settle
        off
    """
    with socket_host() as host:
        assert played(host, tmp_path, script) == 0
        heard = "0800 0100 0200 0100 0200 0200 0400 0201 0400 0500 0800"
        assert host.host.heard == heard.split()
    shown = capsys.readouterr().out
    assert "vend: approved (00)" in shown
    assert "Amount                    20,000" in shown
    assert "0000 0000 0000 0000 0003" in shown
    assert "COPY" in shown
    assert "the next answer will be lost" in shown
    assert "reversal: approved (00) of 000006: reversed" in shown
    assert "reversal: no_action (21) of 000003: kept" in shown
    assert "000003 sale            20,000 kept" in shown
    assert "settle: approved (00)" in shown


def test_what_cannot_be_done_is_said_and_makes_the_exit_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = "\n".join(
        (
            "sell 1 2", "on", "fly", "sell 1", "sell 1 much", "print", "repeat", "reverse",
            "settle now", "upload", "cash 100001 500 E-1", "settle", "upload", "state", "help",
            'sell "', "hang", "echo", "dial", "echo", "quit", "settle",
        )
    )  # fmt: skip
    with socket_host() as host:
        assert played(host, tmp_path, script) == 1
    shown = capsys.readouterr().out
    for said in (
        "! it is signed off", "! there is no key 'fly': help", "! it takes: METER AMOUNT",
        "'much' is not an amount", "! the terminal has no such receipt",
        "! nothing was sold or paid yet", "! there is no such item in this batch",
        "invalid literal for int", "! what was collected without a line is not sent yet",
        "advice: approved", "idle, batch 1", "! No closing quotation", "there is no line",
        "! there is no line", "echo: approved", HELP,
    ):  # fmt: skip
        assert said in shown, said
    assert "settle: approved" not in shown


def test_events_for_a_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = f"on\nsell {METER} 1000\nstate\nparameters\nlist\nkeys\nreport 0.3 32.5 -77\nnonsense"
    with socket_host() as host:
        assert played(host, tmp_path, script, as_json=True) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    sold = lines[1]
    assert (sold["operation"], sold["outcome"], sold["fate"]) == ("vend", "approved", "done")
    assert sold["values"]["token"] == f"{sold['stan']:020d}"
    assert lines[2]["batch"] == 1
    assert [line.get("operation") for line in lines[3:7]] == [
        "parameters", "emergency", "key_exchange", "report"
    ]  # fmt: skip
    assert "nonsense" in lines[-1]["error"]


def test_a_wrong_total_on_purpose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket_host() as host:
        script = f"on\nsell {METER} 1000\nsettle 500\nsell {METER} 2000"
        assert played(host, tmp_path, script) == 0
        assert host.host.uploads == [2]
    shown = capsys.readouterr().out
    assert "settle: out_of_balance (95)" in shown
    assert "settle_end: out_of_balance (95)" in shown


def test_codes_with_the_master_key_and_another_dialect(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(MASTER.hex())
    with socket_host(BCD, MASTER) as host:
        script = f"on\nsell {METER} 1000\nsettle"
        assert played(host, tmp_path, script, dialect=BCD, key_file=key) == 0
        assert host.host.heard == ["0800", "0200", "0500"]
        assert host.host.modem.faults == []


def test_the_keyboard_is_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("on\n\nstate\n"))
    with socket_host() as host, pytest.raises(SystemExit) as ended:
        run(host=host.address, zone="UTC")
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Terminal T0000001.")
    assert "idle, batch 1" in shown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dialect": "klingon"}, "no file, nor one of: ascii-1993"),
        ({"host": "nowhere"}, "not HOST:PORT"),
        ({"money": "BTC"}, "BTC"),
        ({"key_file": Path("/nonexistent/key")}, "No such file"),
    ],
)
def test_wrong_use_is_said(
    options: dict[str, object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(**options)  # type: ignore[arg-type]
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_nobody_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket_host() as host:
        pass
    assert played(host, tmp_path, "on") == 1
    assert "nobody answers" in capsys.readouterr().err


def test_small_things() -> None:
    assert SIMULATOR.name == "pos"
    assert money(-123_456, 2) == "-1,234.56"
    assert grouped("12345678901234567890") == "1234 5678 9012 3456 7890"
    assert NUMERIC["UGX"] == "800"

"""The simulated meter: coding, keypad, memory on disk."""

import io
import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from core.sts.errors import DrnCheckDigitError, StsError
from core.sts.key_change import NewKey, encode_set
from core.sts.meter_state import MeterModel, Result
from core.sts.sta import SAMPLE_TABLES
from core.sts.tid import BaseDate, tid_at
from core.sts.token import cipher_for, credit, currency_credit, encode, management
from simulators.meter import SIMULATOR
from simulators.meter.device import Coding, Meter, decoder_key, display
from simulators.meter.keypad import HELP, command, converse

CODING = Coding("04123456784")
NOW_US = 1_785_326_400_000_000
TID = tid_at(NOW_US, BaseDate.Y2014)


def token(tenths: int = 281, tid: int = TID, coding: Coding = CODING) -> str:
    cipher = cipher_for(coding.ea, decoder_key(coding), SAMPLE_TABLES)
    return encode(credit(0, tid, 5, tenths), cipher)


def type_in(meter: Meter, *lines: str) -> list[str]:
    return list(converse(meter, lines, lambda: NOW_US))


def test_the_story_of_the_meter() -> None:
    good = token()
    wrong = good[:-1] + str((int(good[-1]) + 1) % 10)
    said = type_in(Meter.coded(CODING), good, good, wrong, "12 34")
    assert said == [
        "Accept  Electricity credit: 28.1 kWh.  [28.1 kWh]",
        "UsedError  [28.1 kWh]",
        "CRCError  [28.1 kWh]",
        "FormatError  [28.1 kWh]",
    ]


def test_a_water_meter_shows_cubic_metres() -> None:
    meter = Meter.coded(CODING, MeterModel(CODING.ea, services=frozenset({1, 5})))
    meter.state = replace(meter.state, registers=(0, 87, 0, 0))
    said = type_in(meter, token(), "use 8.0", "use 8.0")
    assert said == [
        "FunctionError  [8.7 m³]",
        "Used 8.0 m³",
        "Used 0.7 m³: the meter has switched off",
    ]


@pytest.mark.parametrize(
    "coding",
    [
        Coding("04123456784", ea=7),
        Coding("04123456784", ea=7, sgc="123456"),
        Coding("0100000000008"),
    ],
)
def test_meters_of_every_coding_take_their_tokens(coding: Coding) -> None:
    meter = Meter.coded(coding)
    assert meter.enter(token(coding=coding), NOW_US).result is Result.ACCEPT


def test_a_token_older_than_the_meter_is_old() -> None:
    meter = Meter.coded(CODING, made_us=NOW_US)
    assert meter.enter(token(tid=TID - 1), NOW_US).result is Result.OLD
    assert meter.enter(token(tid=TID), NOW_US).result is Result.USED
    assert meter.enter(token(tid=TID + 1), NOW_US).result is Result.ACCEPT


def test_a_coding_that_cannot_be() -> None:
    with pytest.raises(DrnCheckDigitError):
        Meter.coded(Coding("04123456789"))
    with pytest.raises(StsError):
        Meter.coded(Coding("04123456784", ea=11, sgc="123456"))


def test_electricity_is_used_up() -> None:
    said = type_in(Meter.coded(CODING), token(), "use 8", "use 30.5", "use x")
    assert said[1:] == [
        "Used 8.0 kWh",
        "Used 20.1 kWh: the meter has switched off",
        "FormatError  [0.0 kWh]",
    ]


def test_the_state_is_told_without_the_key() -> None:
    meter = Meter.coded(CODING)
    (text,) = type_in(meter, "state")
    seen = json.loads(text)
    assert seen["pan"] == "600727041234567843"
    assert "key" not in seen
    assert meter.state.key.hex() not in text.lower()


def test_words_blank_lines_and_the_end() -> None:
    assert type_in(Meter.coded(CODING), "", "help", "  ", "quit", "state") == [HELP]
    assert type_in(Meter.coded(CODING), "1" * 10_000)[0].startswith("FormatError")


def test_the_memory_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "meter.json"
    meter = Meter.coded(CODING)
    meter.enter(token(), NOW_US)
    new = NewKey(bytes(16), 2, "201457", "02", 2, 255)
    first = encode_set(cipher_for(11, decoder_key(CODING)), new)[0]
    meter.enter(first, NOW_US)
    meter.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = Meter.restore(path)
    assert again.state == meter.state
    assert again.enter(token(), NOW_US).result is Result.USED
    assert 'tables":null' in path.read_text()


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b" " * (2 << 20)])
def test_another_file_is_no_meter(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "meter.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="no meter's state"):
        Meter.restore(path)


def test_a_management_token_is_told_on_the_display() -> None:
    meter = Meter.coded(CODING, MeterModel(11))
    digits = encode(management(5, TID, 1, 0), cipher_for(11, decoder_key(CODING)))
    assert (
        display(meter.enter(digits, NOW_US), meter) == "Accept  Clear tamper condition.  [0.0 kWh]"
    )


def test_the_command_reads_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.json"
    for expected in ("Accept", "UsedError"):
        monkeypatch.setattr("sys.stdin", io.StringIO(token() + "\n"))
        SIMULATOR.command(state=kept)
        assert capsys.readouterr().out.splitlines()[1].startswith(expected)
    tables = tmp_path / "tables"
    tables.write_text("T1 = 1")
    for wrong in ({"drn": "04123456789"}, {"base": 2000}, {"tables": tables}, {"tables": kept}):
        with pytest.raises(SystemExit) as end:
            command(**wrong)
        assert end.value.code == 2
    assert "last digit" in capsys.readouterr().err


def test_a_meter_that_holds_the_tariff_shows_its_money() -> None:
    meter = Meter.coded(CODING, MeterModel(CODING.ea, services=frozenset({0, 4})))
    cipher = cipher_for(CODING.ea, decoder_key(CODING), SAMPLE_TABLES)
    said = [
        display(meter.enter(encode(currency_credit(4, TID + n, amount), cipher), NOW_US), meter)
        for n, amount in enumerate((800_000_000, -900_000_000))
    ]
    assert said == [
        "Accept  Electricity credit in currency: 8,000.42624.  [8,000.42624 in money]",
        "Accept  Electricity credit in currency: -8,999.42624.  [-999.00000 in money]",
    ]

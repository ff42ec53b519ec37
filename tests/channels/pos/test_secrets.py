"""What must be in no journal and no log: PINs, cards, keys. Who may speak: codes, session keys."""

import json
import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from twisted.internet.task import Clock

from adapters.iso8583.keys import check_value, unwrap, unwrap_aes
from adapters.iso8583.message import Message as Iso
from adapters.iso8583.seal import sealed, verify
from channels.pos.service import PosError
from core.messages.terminals import SignOnCashier
from hub.pins import proof
from hub.terminalkeys import TerminalKeyError, kcv_of, read, wrap
from tests.channels.harness import House
from tests.channels.pos.fakes import TERMINAL, VEND, PosPorts, Shopfront

PIN, PAN = "482193", "4000001234567899"
TMK = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
MASTER = bytes(range(32))
PIN_KEY = bytes(range(32, 64))
KEYS = {"keys": "keys.json", "master_key_file": "master"}


def installed(folder: Path, *, cipher: Any = "des", dialect: str = "", **config: Any) -> Shopfront:
    """A shop with a terminal's master key, wrapped, and the key of PINs."""
    record = wrap(MASTER, "demo", TERMINAL, cipher, TMK)
    keys = {"version": 1, "keys": [json.loads(_json(record))]}
    (folder / "keys.json").write_text(json.dumps(keys))
    (folder / "master").write_text(MASTER.hex())
    ports = PosPorts(Clock(), folder=folder, pins=PIN_KEY)
    return Shopfront(dialect or "generic-1987-ascii", {**KEYS, **config}, ports)


def _json(record: Any) -> bytes:
    return msgspec.json.encode(record)


def signed_on(shop: Shopfront) -> bytes:
    """Signs the terminal on; its session key, as the terminal finds it."""
    wired = bytes.fromhex(shop.ask("0800", f70="001").fields[62]["20"])
    return unwrap(TMK, wired[:16], wired[16:])


def send(shop: Shopfront, message: Iso, key: bytes) -> list[Iso]:
    """With its code under a key."""
    shop.octets(sealed(shop.profile.dialect, message, key))
    return shop.answers()


# --- PINs and cards ------------------------------------------------------------------------


def test_a_pin_is_nowhere_but_its_proof_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shop = installed(tmp_path)
    seen: list[Any] = []

    def keep(_: Any, __: str, event: Any) -> Any:
        seen.append(event)
        raise structlog.DropEvent

    shop.ports.log = structlog.wrap_logger(
        None, processors=[keep], wrapper_class=structlog.BoundLogger
    )
    shop.channel.desk.evidence.ports.log = shop.ports.log
    with caplog.at_level(logging.DEBUG):
        shop.ask("0800", f70="001", f63={"01": "RUTH", "02": PIN})
        shop.ask("0800", f70="001", f63={"01": "RUTH", "02": PIN}, f41="T9999999")
        shop.ask("0100", f3="380000", f63={"02": PIN})
        shop.ask("0200", **VEND, f63={"02": PIN})
        shop.octets(shop.profile.dialect.codec.encode(
            shop.message("0800", f70="001", f63={"02": PIN}))[:-1])  # fmt: skip
    arrived = [(arrival.raw, arrival.key, arrival.message) for arrival in shop.ports.arrivals]
    everything = f"{arrived}{shop.ports.notes}{seen}{caplog.text}{shop.channel.status()}"
    for secret in (PIN, PIN.encode().hex(), PIN.encode().hex().upper()):
        assert secret not in everything
    (message,) = [m for m in shop.ports.messages() if isinstance(m, SignOnCashier)]
    assert message.pin_proof == proof(PIN_KEY, "demo", "A-017", "RUTH", PIN)


def test_a_pin_in_a_wrong_place_is_not_journaled(tmp_path: Path) -> None:
    shop = installed(tmp_path)
    shop.ask("0800", f70="001", f63={"01": "07", "92": PIN})
    (arrival,) = shop.ports.arrivals
    assert PIN.encode().hex() not in arrival.raw.lower()


def test_cards_are_not_journaled(tmp_path: Path) -> None:
    shop = Shopfront()
    shop.ask("0200", **VEND, f2=PAN, f35=f"{PAN}=2912101")
    (arrival,) = shop.ports.arrivals
    assert PAN.encode().hex() not in arrival.raw
    assert len(bytes.fromhex(arrival.raw)) > 100


# --- codes ---------------------------------------------------------------------------------


def test_a_sale_under_the_session_key_is_answered_under_it(tmp_path: Path) -> None:
    shop = installed(tmp_path)
    key = signed_on(shop)
    shop.octets(sealed(shop.profile.dialect, shop.message("0200", **VEND), key))
    shop.ports.reactor.advance(0)
    (raw,) = shop._framer.feed(shop.transport.value())
    assert verify(shop.profile.dialect, raw, [key]) == key
    assert shop.profile.dialect.codec.decode(raw).fields[39] == "00"


@pytest.mark.parametrize("how", ["missing", "another key", "before sign-on"])
def test_a_wrong_code_is_never_processed(tmp_path: Path, how: str) -> None:
    shop = installed(tmp_path)
    if how != "before sign-on":
        signed_on(shop)
    if how == "missing":
        shop.send(shop.message("0200", **VEND))
        (answer,) = shop.answers()
    else:
        (answer,) = send(shop, shop.message("0200", **VEND), TMK)
    assert answer.fields[39] == "A0"
    assert shop.counts["alarm wrong-code"] == 1
    assert not [a for a in shop.ports.arrivals if not isinstance(a.message, SignOnCashier)]


def test_a_dialect_may_close_the_link_for_a_wrong_code(tmp_path: Path) -> None:
    shop = installed(tmp_path, dialect="tpdu-1987-bcd")
    shop.ask("0800", f3="920000", f24="003")
    shop.send(shop.message("0200", **{**VEND, "f48": None, "f103": "04123456784"}))
    assert shop.answers() == []
    assert shop.wire.closed is not None
    assert "authentication" in shop.wire.closed.reason


#: Of the line: who signs off, reports and downloads in a terminal's name.
OF_CLASS_8 = {"sign-off": "002", "report": "381", "parameters": "382", "emergency list": "383"}


@pytest.mark.parametrize("code", OF_CLASS_8.values(), ids=OF_CLASS_8)
def test_nobody_on_a_plain_link_speaks_in_a_terminals_name(tmp_path: Path, code: str) -> None:
    shop = installed(tmp_path)
    key = signed_on(shop)
    heard = len(shop.ports.arrivals)
    plain = shop.ask("0800", f70=code)
    assert plain.fields[39] == "A0"
    assert 62 not in plain.fields  # nothing of the list, nothing of a shift
    assert len(shop.ports.arrivals) == heard
    assert shop.counts["alarm wrong-code"] == 1
    shop.octets(sealed(shop.profile.dialect, shop.message("0800", f70=code), key))
    shop.ports.reactor.advance(0)
    raw = shop._framer.feed(shop.transport.value())[-1]
    assert verify(shop.profile.dialect, raw, [key]) == key
    assert shop.profile.dialect.codec.decode(raw).fields[39] == "00"


@pytest.mark.parametrize("code", ["001", "101", "201", "301"])
def test_what_begins_a_session_or_is_of_the_line_needs_no_code(tmp_path: Path, code: str) -> None:
    shop = installed(tmp_path)
    assert shop.ask("0800", f70=code).fields[39] == "00"


def test_the_old_key_is_taken_until_the_new_one_was_used(tmp_path: Path) -> None:
    shop = installed(tmp_path)
    draws = iter(range(1, 9))
    ring = shop.channel.desk.seals.ring
    object.__setattr__(ring, "draw", lambda size: bytes([next(draws) * 2]) * size)
    old = signed_on(shop)
    new = signed_on(shop)
    assert old != new
    assert send(shop, shop.message("0200", **VEND), old)[0].fields[39] == "00"
    assert send(shop, shop.message("0200", **VEND), new)[0].fields[39] == "00"
    assert send(shop, shop.message("0200", **VEND), old)[0].fields[39] == "A0"


def test_who_asks_for_keys_in_its_name_does_not_shut_a_terminal_out(tmp_path: Path) -> None:
    shop = installed(tmp_path)
    draws = iter(range(1, 9))
    object.__setattr__(
        shop.channel.desk.seals.ring, "draw", lambda size: bytes([next(draws) * 2]) * size
    )
    own = signed_on(shop)
    assert send(shop, shop.message("0200", **VEND), own)[0].fields[39] == "00"
    for _ in range(3):
        shop.ask("0800", f70="101")
    assert send(shop, shop.message("0200", **VEND), own)[0].fields[39] == "00"


def test_a_repeated_sign_on_gets_the_same_key(tmp_path: Path) -> None:
    shop = installed(tmp_path)
    ring = shop.channel.desk.seals.ring
    draws = iter(range(1, 9))
    object.__setattr__(ring, "draw", lambda size: bytes([next(draws) * 2]) * size)
    first = signed_on(shop)
    shop.stan -= 1
    wired = bytes.fromhex(shop.ask("0801", f70="001").fields[62]["20"])
    assert unwrap(TMK, wired[:16], wired[16:]) == first


def test_session_keys_live_through_a_restart_and_are_wrapped(tmp_path: Path) -> None:
    shop = installed(tmp_path)
    key = signed_on(shop)
    (note,) = shop.ports.notebook.values()
    assert key.hex() not in note.lower()
    again = Shopfront(config=KEYS, ports=shop.ports)
    assert send(again, again.message("0200", **VEND), key)[0].fields[39] == "00"


def test_an_aes_key_goes_out_under_an_aes_key(tmp_path: Path) -> None:
    shop = installed(tmp_path, cipher="aes", dialect="ascii-1993")
    answer = shop.ask("1804", f24="811", f12="261121120000")
    wired = answer.fields[96]
    key = unwrap_aes(TMK, wired[:16], wired[16:])
    assert key == bytes(range(1, 17))
    sale = shop.message("1200", f3="000000", f4="000000020000", f12="261121120000", f24="200",
                        f49="800", f103="04123456784")  # fmt: skip
    (sold,) = send(shop, sale, key)
    assert sold.fields[39] == "000"


# --- files of keys ---------------------------------------------------------------------------


def test_only_a_test_company_goes_without_keys() -> None:
    with pytest.raises(PosError, match="keys"):
        Shopfront(ports=PosPorts(Clock(), company=House()))


def test_a_live_company_starts_with_a_master_key_of_its_own_eyes_only(tmp_path: Path) -> None:
    record = {"version": 1, "keys": [json.loads(_json(wrap(MASTER, "demo", TERMINAL, "des", TMK)))]}
    (tmp_path / "keys.json").write_text(json.dumps(record))
    (tmp_path / "master").write_text(MASTER.hex())
    ports = PosPorts(Clock(), company=House(), folder=tmp_path)
    (tmp_path / "master").chmod(0o644)
    with pytest.raises(TerminalKeyError, match="others can read this key"):
        Shopfront(config=KEYS, ports=ports)
    (tmp_path / "master").chmod(0o600)
    assert Shopfront(config=KEYS, ports=ports).ask("0800", f70="001").fields[39] == "00"


WRONG: dict[str, tuple[dict[str, Any], bool, str]] = {
    "plain in a live company": ({"plain": TMK.hex()}, False, "plain"),
    "another check value": ({"plain": TMK.hex(), "kcv": "000000"}, True, "check value"),
    "another terminal's": ({"terminal": "T0000002"}, True, "unwrap"),
    "too short": ({"plain": TMK[:8].hex()}, True, "octets"),
}


@pytest.mark.parametrize("label", WRONG)
def test_a_key_file_that_is_wrong_says_whose_key(tmp_path: Path, label: str) -> None:
    changes, test, says = WRONG[label]
    record = json.loads(_json(wrap(MASTER, "demo", TERMINAL, "des", TMK)))
    if "plain" in changes:
        record.pop("wrapped")
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"version": 1, "keys": [{**record, **changes}]}))
    with pytest.raises(TerminalKeyError, match=says) as told:
        read(file, MASTER, "demo", test=test)
    assert TMK.hex() not in str(told.value).lower()


def test_plain_keys_serve_a_test_company(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    record = {"terminal": "*", "cipher": "des", "kcv": kcv_of("des", TMK), "plain": TMK.hex()}
    file.write_text(json.dumps({"version": 1, "keys": [record]}))
    assert read(file, None, "demo", test=True) == {"*": TMK}
    assert check_value(TMK).hex().upper() == record["kcv"]

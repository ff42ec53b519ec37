"""What must never be in a log, and what must stay readable."""

import io
import json
import logging
import sys
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import observe
from hub.observe import mask, masked_raw, masked_text, masked_value

TOKEN = "12345678901234567890"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("card_pan", "4111111111111111", "****1111"),
        ("pin", "1234", "****"),
        ("old_pin", 1234, "****"),
        ("token", TOKEN, "****7890"),
        ("phone", "+256700000001", "****001"),
        ("msisdn", "256700000001", "****001"),
        ("recipient", "+256700000001", "****001"),
        ("sender_phone", "0700000001", "****001"),
        ("password", "secret", "****"),
        ("text", "BUY 04123456784 20000", "****"),
        ("raw", "00ff", "****"),
        ("meter_pan", "600727041234567842", "600727041234567842"),
        ("meter", "04123456784", "04123456784"),
        ("attempt", 3, 3),
        ("pin", None, None),
        ("shipping", "by sea", "by sea"),
    ],
)
def test_fields_are_masked_by_name(name: str, value: Any, shown: Any) -> None:
    assert masked_value(name, value) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"token {TOKEN} sent", "token **** 7890 sent"),
        ("1234 5678 9012 3456 7890", "**** 7890"),
        ("1234-5678-9012-3456-7890", "**** 7890"),
        ("call +256700000001 now", "call +****001 now"),
        ("meter 04123456784", "meter 04123456784"),
        ("PAN 600727041234567842", "PAN 600727041234567842"),
        ("123456789012345678901", "123456789012345678901"),
    ],
)
def test_free_text_is_searched_for_tokens_and_phones(text: str, shown: str) -> None:
    assert masked_text(text) == shown
    assert masked_value("event", text) == shown


def test_what_is_inside_maps_and_lists_is_masked_too() -> None:
    event = {"args": {"phone": "+256700000001", "all": [TOKEN, {"pin": "1"}]}, "n": 1}
    shown = mask(None, "", dict(event))
    assert shown["args"] == {"phone": "****001", "all": ["**** 7890", {"pin": "****"}]}
    assert shown["n"] == 1


def test_raw_input_shows_its_form_but_nobodys_numbers() -> None:
    assert masked_raw("00ff00", True) == "3 bytes"
    assert masked_raw("phone=%2B256700000001&text=1*04123456784", False) == (
        "phone=%2B****001&text=1*****784"
    )
    assert TOKEN not in masked_raw(f"a{TOKEN}b", False)


@settings(max_examples=100)
@given(st.from_regex(r"[0-9]{4}([ -]?[0-9]{4}){4}", fullmatch=True), st.text(max_size=5))
def test_no_token_passes_through_any_field(token: str, around: str) -> None:
    before = around.rstrip("0123456789٠١٢٣٤٥٦٧٨٩") if around[-1:].isdigit() else around
    shown = repr(mask(None, "", {"event": f"{before} {token} x", "note": [token]}))
    assert token not in shown


def test_every_line_of_the_log_is_masked_json(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    try:
        observe.configure("json", logging.INFO)
        log = structlog.get_logger("test").bind(phone="+256700000001")
        log.debug("not shown")
        log.info("sold", token=TOKEN)
        try:
            raise ValueError(f"bad token {TOKEN}")
        except ValueError as error:
            log.error("failed", exc_info=error)
    finally:
        monkeypatch.undo()
        observe.configure("json")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["sold", "failed"]
    assert (lines[0]["phone"], lines[0]["token"]) == ("****001", "****7890")
    assert "bad token **** 7890" in lines[1]["exception"]
    assert TOKEN not in stream.getvalue()


def test_the_text_form_is_masked_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    try:
        observe.configure("text")
        structlog.get_logger("test").info(f"sold {TOKEN}", pin=1)
    finally:
        monkeypatch.undo()
        observe.configure("json")
    assert "**** 7890" in stream.getvalue()
    assert TOKEN not in stream.getvalue()

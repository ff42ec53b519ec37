"""Reads figures from what customers see: a screen, a text. As a person does, by the words."""

import re

_TOKEN = re.compile(r"(?<!\d)\d{4}(?: \d{4}){4}(?!\d)")
_RECEIPT = re.compile(r"receipt (DP-\d+)", re.IGNORECASE)
_AMOUNT = r"(\d{1,3}(?:,\d{3})+|\d+)(?!\d)"
_WORDS = {
    "tender": re.compile(rf"UGX {_AMOUNT}"),
    "energy": re.compile(rf"Energy {_AMOUNT}"),
    "service": re.compile(rf"Service {_AMOUNT}"),
    "vat": re.compile(rf"VAT {_AMOUNT}"),
    "carried": re.compile(rf"Carried fwd {_AMOUNT}", re.IGNORECASE),
    "credit": re.compile(rf"Credit UGX {_AMOUNT}"),
}
_UNITS = re.compile(r"(\d+)\.(\d) (?:units|kWh)")


def figures(text: str) -> dict[str, int]:
    """Amounts in minor units and ``units`` in tenths, those that stand in the text."""
    flat = " ".join(text.split())
    found = {
        name: int(hit[1].replace(",", ""))
        for name, pattern in _WORDS.items()
        if (hit := pattern.search(flat))
    }
    if units := _UNITS.search(flat):
        found["units"] = int(units[1]) * 10 + int(units[2])
    return found


def token_in(text: str) -> str:
    """The 20 digits as they are written, in groups of four; empty when there are none."""
    found = _TOKEN.search(text)
    return found[0] if found else ""


def receipt_in(text: str) -> str:
    """The receipt's number; empty when there is none."""
    found = _RECEIPT.search(" ".join(text.split()))
    return found[1] if found else ""


def tenths(units: int) -> str:
    """``281`` as ``28.1``."""
    return f"{units // 10}.{units % 10}"


def tokens_in(text: str) -> list[str]:
    """All tokens that stand in a text, in their order."""
    return [found[0] for found in _TOKEN.finditer(text)]

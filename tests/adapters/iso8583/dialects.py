"""Small dialects for tests, as an integrator would write them."""

from adapters.iso8583.document import Dialect
from hub.iso8583 import load

HEAD = """
dialect: test
version: 1
effective: 2026-01-01
standard: 1987
encoding: ascii
bitmap: hex
tests: [{name: none, hex: "00", refused: mti}]
"""


def dialect(more: str = "") -> Dialect:
    return load(HEAD + more, "test")

"""The bench of the codec: figures, with the library and without it."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from simulators.bench import iso8583
from simulators.bench.options import Options

FEW = Options(seconds=1, rounds=1)


def test_without_the_library_our_figures_stand_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "iso8583", None)
    figures = iso8583.run(FEW)
    assert figures["ascii"] > 0
    assert figures["bcd"] > 0
    assert figures["ascii_to_pyiso8583"] == "not installed"


def test_both_work_on_the_same_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[bytes] = set()

    def decode(raw: bytes, spec: object) -> tuple[bytes, None]:
        seen.add(raw)
        return raw, None

    library = ModuleType("iso8583")
    vars(library).update(decode=decode, encode=lambda raw, spec: (raw, None))
    monkeypatch.setitem(sys.modules, "iso8583", library)
    monkeypatch.setitem(sys.modules, "iso8583.specs", SimpleNamespace(default_ascii={}))
    assert iso8583.run(FEW)["pyiso8583"] > 0
    (raw,) = seen
    assert raw.startswith(b"0200")

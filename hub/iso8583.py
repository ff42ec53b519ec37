"""ISO 8583 dialects as files: read with lines, found by name, shown to people.

``mappings/pos`` has one file per partner; beside them the layouts of :mod:`.profiles` have names
(``ascii87_hexbitmap``) for a first look at strange bytes.
"""

from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from adapters.iso8583.cases import run_case
from adapters.iso8583.codec import Codec
from adapters.iso8583.document import CaseDocument, Dialect, DialectDocument, compiled, problems
from adapters.iso8583.errors import DecodeError, DialectError, IsoError
from adapters.iso8583.explain import explain, partial
from adapters.iso8583.profiles import named
from core.documents import Document, DocumentError, Problem, read
from hub.files import read_text

#: Where none is named.
DEFAULT = "generic-1987-ascii"
_HEX = frozenset(b"0123456789abcdefABCDEF")


def load(text: str, source: str = "pos") -> Dialect:
    """A dialect of its text. DocumentError: everything that is wrong, with its line."""
    return _loaded(text, source)[1]


def _loaded(text: str, source: str) -> tuple[Document[DialectDocument], Dialect]:
    document = read(text, DialectDocument, source)
    found = [_problem(document, path, why) for path, why in problems(document.value)]
    if found:
        raise DocumentError(found)
    return document, compiled(document.value)


def _problem(document: Document[DialectDocument], path: str, why: str) -> Problem:
    """With the line of the place, or of what is around it."""
    around = path
    while around and around not in document.lines:
        around = around.rpartition(".")[0]
    return replace(document.problem(around, why), path=path)


def checked(text: str, source: str = "pos") -> int:
    """Runs a dialect's own cases; their number. DocumentError: what fails, with its line."""
    document, dialect = _loaded(text, source)
    found: list[Problem] = [
        document.problem(f"tests[{place}]", f"{case.name}: {why}")
        for place, case in enumerate(document.value.tests)
        for why in run_case(dialect, case)
    ]
    if found:
        raise DocumentError(found)
    return len(document.value.tests)


def explained(text: str, source: str = "pos", line: int = 0) -> list[dict[str, Any]]:
    """Every case of a dialect, or the one at a line, field by field with its octets.

    Of what must be refused: where, why, and what was read before.
    """
    document, dialect = _loaded(text, source)
    cases = list(enumerate(document.value.tests))
    if line:
        begun = [at for at, _ in cases if document.lines[f"tests[{at}]"] <= line]
        cases = [cases[begun[-1]]] if begun else []
    return [{"case": case.name, **_explained(dialect, case)} for _, case in cases]


def _explained(dialect: Dialect, case: CaseDocument) -> dict[str, Any]:
    try:
        return explain(dialect.codec, bytes.fromhex(case.hex))
    except DecodeError as error:
        return partial(error)
    except ValueError:
        return {"error": "its hex is no hex"}


def shipped() -> dict[str, Path]:
    """The dialects of ``mappings/pos``, by name."""
    folder = Path(str(resources.files("mappings"))) / "pos"
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}


def codec_of(name: str) -> Codec:
    """The codec of a shipped dialect, a file, or a layout's name. DialectError: none of these."""
    files = shipped()
    if name in files or name.endswith((".yaml", ".yml")):
        path = files.get(name, Path(name))
        return load(read_text(path), str(path)).codec
    try:
        return Codec(named(name))
    except DialectError as error:
        known = ", ".join(files)
        raise DialectError(f"{error.why}, nor a file, nor one of: {known}", "dialect") from None


def inspect(data: bytes, dialect: str) -> dict[str, Any]:
    """One message (octets, or their hex text) as a JSON-able dict, card data masked."""
    compact = b"".join(data.split())
    binary = not compact or len(compact) % 2 or not all(octet in _HEX for octet in compact)
    codec = codec_of(dialect)
    if binary or (codec.layout.digits == "ascii" and _reads(codec, data)):
        return explain(codec, data)
    return explain(codec, bytes.fromhex(compact.decode("ascii")))


def _reads(codec: Codec, data: bytes) -> bool:
    """A message in ASCII may be all hex digits itself: what reads as it stands, is it."""
    try:
        codec.decode(data)
    except IsoError:
        return False
    return True

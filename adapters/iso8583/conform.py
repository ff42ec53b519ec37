"""Runs ISO 8583 vectors: `{samples, malformed, framing, mac_vectors, dukpt}` against this package.

Fields are compared as the file has them: text as text, octets as upper-case hex. An entry whose
dialect, kind or shape is not known is a failure, never a skip.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal

from adapters.iso8583 import keys, mac
from adapters.iso8583.codec import Codec, Layout
from adapters.iso8583.errors import IsoError
from adapters.iso8583.framing import Framer, framing
from adapters.iso8583.message import plain
from adapters.iso8583.profiles import named

Vector = Mapping[str, Any]
_GBK: Final = "_gbk"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one vector; ``expected`` and ``got`` as short texts."""

    id: str
    result: Literal["ok", "failed"]
    expected: str = ""
    got: str = ""
    reason: str = ""


class _Differs(Exception):  # noqa: N818 - caught in this module
    def __init__(self, what: str, expected: Any, got: Any) -> None:
        super().__init__(what)
        self.what, self.expected, self.got = what, str(expected), str(got)


def run(root: Mapping[str, Any]) -> list[Outcome]:
    """One outcome per vector, in order; never raises for what a vector holds."""
    return [_run_one(name, check, vector) for name, check, vector in _entries(root)]


def _entries(root: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[Any], None], Any]]:
    for section, value in root.items():
        if section == "dukpt" and isinstance(value, Mapping):
            for place, each in enumerate(value.get("vectors", [])):
                yield f"dukpt {place + 1}", partial(_dukpt, value), each
        elif section in _CHECKS and isinstance(value, list):
            for place, each in enumerate(value):
                name = each.get("name") if isinstance(each, Mapping) else None
                yield str(name or f"{section} {place + 1}"), _CHECKS[section], each
        elif section != "about":
            yield section, _unknown, value


def _unknown(value: Any) -> None:
    raise ValueError(f"no section of this kind is known ({type(value).__name__})")


def _run_one(name: str, check: Callable[[Any], None], vector: Any) -> Outcome:
    try:
        check(vector)
    except _Differs as differs:
        return Outcome(name, "failed", differs.expected, differs.got, differs.what)
    except (IsoError, ValueError, LookupError, TypeError, AttributeError) as error:
        return Outcome(name, "failed", reason=f"{type(error).__name__}: {error}")
    return Outcome(name, "ok")


def _same(what: str, expected: Any, got: Any) -> None:
    if expected != got:
        raise _Differs(what, expected, got)


def _sample(vector: Vector) -> None:
    expected = dict(vector["expected"])
    layout = _vector_layout(vector["spec"], expected.get("h"))
    data = bytes.fromhex(vector["hex"])
    message, spans = Codec(layout).spans(data)
    bits = next(span for span in spans if span.path == "bitmap")
    maps = _bitmaps(layout, data[bits.offset : bits.offset + bits.length])
    got: dict[str, Any] = {"t": message.mti, "p": maps[0]}
    got |= {"1": maps[1]} if len(maps) > 1 else {}
    got |= {"h": message.header.hex().upper()} if message.header else {}
    got |= {str(number): plain(value) for number, value in message.fields.items()}
    for key in [key for key in expected if key.endswith(_GBK)]:
        number = int(key.removesuffix(_GBK))
        got[key] = _raw(layout, number, message.fields[number]).decode("gbk")
    for key in sorted({*expected, *got}):
        _same(f"field {key}", expected.get(key, "absent"), got.get(key, "absent"))


def _vector_layout(spec: str, header: str | None = None) -> Layout:
    """A vector may hold a PIN block: a made one, and nobody's."""
    layout = replace(named(spec), keep_pin=True)
    return replace(layout, header=len(header) // 2) if header and not layout.header else layout


def _bitmaps(layout: Layout, raw: bytes) -> list[str]:
    if layout.bitmap != "binary":
        raw = bytes.fromhex(raw.decode("cp500" if layout.bitmap == "ebcdic" else "ascii"))
    text = raw.hex().upper()
    return [text[at : at + 16] for at in range(0, len(text), 16)]


def _raw(layout: Layout, number: int, value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode(layout.fields[number].form)


def _malformed(vector: Vector) -> None:
    codec = Codec(_vector_layout(vector["spec"]))
    try:
        message = codec.decode(bytes.fromhex(vector["hex"]))
    except IsoError:
        return
    raise _Differs("", f"refused: {vector.get('why', '')}", f"accepted as {message.mti}")


def _framing(vector: Vector) -> None:
    stream, how = bytes.fromhex(vector["stream"]), framing(vector["kind"])
    wanted = [each.upper() for each in vector["messages"]]
    for chunk in (len(stream) or 1, 1):  # all at once, and octet by octet
        framer = Framer(how)
        got = [
            message.hex().upper()
            for at in range(0, len(stream), chunk)
            for message in framer.feed(stream[at : at + chunk])
        ]
        _same("messages", wanted, got)
        if "expect" in vector:
            _same("dropped", True, framer.defect is not None)
            continue
        _same("defect", None, framer.defect)
        _same("left_over", vector.get("left_over", 0), framer.waiting)
        _same("keepalives", vector.get("keepalives", 0), framer.keepalives)


def _mac(vector: Vector) -> None:
    if "data_hex" in vector:
        data = bytes.fromhex(vector["data_hex"])
    else:
        data = vector["data_ascii"].encode("ascii")
    key = bytes.fromhex(vector["key"])
    code = mac.compute(vector["alg"], key, data, vector.get("pad", 1))
    _same(vector["alg"], vector["mac"].upper(), code.hex().upper())


def _dukpt(whole: Vector, vector: Vector) -> None:
    ksn = bytes.fromhex(vector["ksn"])
    ipek = keys.initial_key(bytes.fromhex(whole["bdk"]), ksn)
    _same("ipek", whole.get("ipek", ipek.hex()).upper(), ipek.hex().upper())
    base = keys.transaction_key(ipek, ksn)
    request = keys.variant(base, "mac_request")
    found: dict[str, Callable[[], bytes]] = {
        "base_key": lambda: base,
        "mac_request_key": lambda: request,
        "mac_response_key": lambda: keys.variant(base, "mac_response"),
        "pin_block_iso0_enc": lambda: _pin(base, whole),
        "mac_alg3_pad1": lambda: mac.alg3(request, whole["mac_data_ascii"].encode("ascii"), 1),
    }
    for name, expected in vector.items():
        if name != "ksn":
            _same(name, expected.upper(), found[name]().hex().upper())


def _pin(base: bytes, whole: Vector) -> bytes:
    """Format 0 of ISO 9564-1 under the PIN variant: shows that keys are right, nothing else."""
    pin, pan = whole["pin"], whole["pan"]
    one = bytes.fromhex(f"0{len(pin):X}{pin}".ljust(16, "F"))
    other = bytes.fromhex(f"0000{pan[-13:-1]}")
    block = bytes(a ^ b for a, b in zip(one, other, strict=True))
    return mac.des(keys.variant(base, "pin"), block)


_CHECKS: Final[dict[str, Callable[[Any], None]]] = {
    "samples": _sample,
    "malformed": _malformed,
    "framing": _framing,
    "mac_vectors": _mac,
}

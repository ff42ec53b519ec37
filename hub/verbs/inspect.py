"""``wattbus inspect KIND FILE|-``: one thing of the wire, decoded to JSON.

Who owns a protocol brings its decoder, and it is found by name: ``token`` is the core's, an adapter
has a module ``adapters.<kind>.inspect`` with ``inspect(data: bytes)``, a channel names its own in
``ChannelSpec.inspectors``; ``iso8583`` reads by a dialect, which is a mapping
(``hub.iso8583``). A decoder returns plain data, or raises with one sentence.
"""

import importlib
import importlib.util
import json
import pkgutil
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import msgspec
import typer

from adapters.iso8583.errors import DialectError
from core.documents import DocumentError
from core.sts.inspect import inspect_token
from hub import iso8583
from hub.channel import ChannelSpec
from hub.files import UnreadableError, read_bytes
from hub.verbs._shared import die

NAME = "inspect"

Inspector = Callable[[bytes], Any]


def command(
    kind: Annotated[str, typer.Argument(help="What it is; a wrong one lists them.")],
    file: Annotated[str, typer.Argument(help="A file, or - for standard input.")],
    dialect: Annotated[
        str, typer.Option(help="iso8583: a dialect of mappings/pos, a file, or ascii87_hexbitmap …")
    ] = iso8583.DEFAULT,
) -> None:
    """Decode one thing to JSON; exit 1 with one clear line when it is not acceptable."""
    known = dict(inspectors(dialect))
    if kind not in known:
        die(f"no inspector {kind} (known: {', '.join(sorted(known))})", 2)
    try:
        if kind == "iso8583":
            iso8583.codec_of(dialect)  # a wrong one is wrong use, whatever the bytes are
        data = read_bytes(file, stdin=True)
    except (UnreadableError, DocumentError, DialectError) as error:
        die(str(error), 2)
    try:
        seen = known[kind](data)
    except Exception as error:  # whatever a decoder raises on a stranger's bytes is its answer
        die(" ".join(f"not acceptable as {kind}: {error}".split()))
    typer.echo(json.dumps(msgspec.to_builtins(seen), indent=2, ensure_ascii=False))


def inspectors(dialect: str = iso8583.DEFAULT) -> Iterator[tuple[str, Inspector]]:
    """Every kind there is, and who decodes it; ``dialect`` is that of ISO 8583."""
    yield "iso8583", lambda data: iso8583.inspect(data, dialect)
    yield "token", lambda data: inspect_token(data.decode("ascii").strip())
    for name in packages("adapters"):
        if importlib.util.find_spec(f"adapters.{name}.inspect") is not None:
            yield name, importlib.import_module(f"adapters.{name}.inspect").inspect
    for spec in channel_specs():
        yield from spec.inspectors.items()


def channel_specs() -> Iterator[ChannelSpec]:
    """The channels that are there, found by name."""
    for name in packages("channels"):
        spec = getattr(importlib.import_module(f"channels.{name}"), "CHANNEL", None)
        if isinstance(spec, ChannelSpec):
            yield spec


def packages(parent: str) -> list[str]:
    """The packages in one of our folders."""
    found = pkgutil.iter_modules(importlib.import_module(parent).__path__)
    return sorted(info.name for info in found if info.ispkg)

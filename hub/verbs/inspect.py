"""``wattbus inspect KIND FILE|-``: one thing of the wire, decoded to JSON.

Who owns a protocol brings its decoder, and it is found by name: ``token`` is the core's, an adapter
has a module ``adapters.<kind>.inspect`` with ``inspect(data: bytes)``, a channel names its own in
``ChannelSpec.inspectors``. A decoder returns plain data, or raises with one sentence.
"""

import importlib
import importlib.util
import json
import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from core.sts.inspect import inspect_token
from hub.channel import ChannelSpec
from hub.verbs._shared import die

NAME = "inspect"

#: Nothing of the wire that is looked at by hand is larger.
MAX_BYTES = 16 * 1024 * 1024
Inspector = Callable[[bytes], Any]


def command(
    kind: Annotated[str, typer.Argument(help="What it is; a wrong one lists them.")],
    file: Annotated[str, typer.Argument(help="A file, or - for standard input.")],
) -> None:
    """Decode one thing to JSON; exit 1 with one clear line when it is not acceptable."""
    known = dict(inspectors())
    if kind not in known:
        die(f"no inspector {kind} (known: {', '.join(sorted(known))})", 2)
    data = read(file)
    try:
        seen = known[kind](data)
    except Exception as error:  # whatever a decoder raises on a stranger's bytes is its answer
        die(" ".join(f"not acceptable as {kind}: {error}".split()))
    typer.echo(json.dumps(msgspec.to_builtins(seen), indent=2, ensure_ascii=False))


def read(file: str) -> bytes:
    """The bytes; exit 2 when they cannot be read."""
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1) if file == "-" else Path(file).read_bytes()
    except OSError as error:
        die(str(error), 2)
    if len(data) > MAX_BYTES:
        die(f"{file} has more than {MAX_BYTES} bytes", 2)
    return data


def inspectors() -> Iterator[tuple[str, Inspector]]:
    """Every kind there is, and who decodes it."""
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

"""``wattbus inspect KIND FILE|-``: one thing of the wire, decoded to JSON.

Who owns a protocol brings its decoder, and it is found by name: ``token`` is the core's, an adapter
has a module ``adapters.<kind>.inspect`` with ``inspect(data: bytes)``, a channel names its own in
``ChannelSpec.inspectors``. A decoder returns plain data, or raises with one sentence.
"""

import importlib
import importlib.util
import json
import pkgutil
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import msgspec
import typer

from core.sts.inspect import inspect_token
from hub.channel import ChannelSpec
from hub.files import UnreadableError, read_bytes
from hub.verbs._shared import die

NAME = "inspect"

Inspector = Callable[[bytes], Any]


def command(
    kind: Annotated[str, typer.Argument(help="What it is; a wrong one lists them.")],
    file: Annotated[str, typer.Argument(help="A file, or - for standard input.")],
) -> None:
    """Decode one thing to JSON; exit 1 with one clear line when it is not acceptable."""
    known = dict(inspectors())
    if kind not in known:
        die(f"no inspector {kind} (known: {', '.join(sorted(known))})", 2)
    try:
        data = read_bytes(file, stdin=True)
    except UnreadableError as error:
        die(str(error), 2)
    try:
        seen = known[kind](data)
    except Exception as error:  # whatever a decoder raises on a stranger's bytes is its answer
        die(" ".join(f"not acceptable as {kind}: {error}".split()))
    typer.echo(json.dumps(msgspec.to_builtins(seen), indent=2, ensure_ascii=False))


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

"""The control port: one JSON object per line, so that a test in another process steers the module.

Requests have ``do`` and an optional ``id`` that comes back in the answer ``{"id", "ok", …}``:

* ``{"do": "status"}``: kind, links, up, issuing, made, tests, refused, licence;
* ``{"do": "down", "seconds": N}``: drops everybody and refuses connections for so long;
* ``{"do": "licence", "calls": N}``: so many issuing calls are allowed from now on;
* ``{"do": "expire"}``: forgets all access tokens; ``{"do": "forget"}``: forgets all results.

What is wrong gets ``{"ok": false, "error": SENTENCE}``.
"""

import json
from collections.abc import Callable
from typing import Any

from twisted.internet import protocol
from twisted.internet.endpoints import serverFromString
from twisted.protocols.basic import LineOnlyReceiver

from simulators.prism.module import PrismModule

_LONGEST = 4096  # octets of a line: requests have some tens
_MOST = 1_000_000_000  # of a number in a request


def _number(request: dict[str, Any], name: str) -> float:
    value = request.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST:
        raise ValueError(f"{name!r} must be a number from 0 to {_MOST}")
    return value


def _status(module: PrismModule, request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    return module.status()


def _down(module: PrismModule, request: dict[str, Any]) -> dict[str, Any]:
    module.go_down(_number(request, "seconds"))
    return {}


def _licence(module: PrismModule, request: dict[str, Any]) -> dict[str, Any]:
    module.box.licence = int(_number(request, "calls"))
    return {}


def _expire(module: PrismModule, request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    module.box.sessions.clear()
    return {}


def _forget(module: PrismModule, request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    module.box.results.clear()
    return {}


_DOES: dict[str, Callable[[PrismModule, dict[str, Any]], dict[str, Any]]] = {
    "status": _status,
    "down": _down,
    "licence": _licence,
    "expire": _expire,
    "forget": _forget,
}


class Control(LineOnlyReceiver):
    """One client of the control port."""

    delimiter = b"\n"
    MAX_LENGTH = _LONGEST

    def __init__(self, module: PrismModule) -> None:
        self._module = module

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        name: Any = None
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise ValueError("a request is a JSON object")
            name = request.get("id")
            act = _DOES.get(str(request.get("do")))
            if act is None:
                raise ValueError(f"'do' is {request.get('do')!r}, not one of {', '.join(_DOES)}")
            answer = {"id": name, "ok": True, **act(self._module, request)}
        except (ValueError, RecursionError) as error:
            answer = {"id": name, "ok": False, "error": str(error)}
        transport: Any = self.transport
        transport.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")


async def serve(reactor: Any, module: PrismModule, port: int, interface: str) -> Any:
    """Listens for control clients; returns the listening port."""
    factory = protocol.Factory.forProtocol(lambda: Control(module))
    factory.noisy = False
    endpoint: Any = serverFromString(reactor, f"tcp:{port}:interface={interface}")  # type: ignore[no-untyped-call]
    return await endpoint.listen(factory)

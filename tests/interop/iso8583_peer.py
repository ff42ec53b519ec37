"""A peer by other hands: pyiso8583, told of a dialect by its own kind of specification.

Standard input and output are JSON lines. ``{"spec"}`` is kept; ``{"hex"}`` gives
``{"fields", "hex"}``: what the library read, and the same written by it; or ``{"error"}``.
"""

import json
import sys
from typing import Any

import iso8583


def answer(order: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    """What the library makes of a message."""
    try:
        fields, _ = iso8583.decode(bytes.fromhex(order["hex"]), spec)
        again, _ = iso8583.encode(dict(fields), spec)
    except (iso8583.DecodeError, iso8583.EncodeError) as error:
        return {"error": str(error)}
    return {"fields": fields, "hex": bytes(again).hex()}


def main() -> None:
    """Until the input ends."""
    print(json.dumps({"port": 0}), flush=True)
    spec: dict[str, Any] = {}
    for line in sys.stdin:
        order = json.loads(line)
        if "spec" in order:
            spec = order["spec"]
            continue
        print(json.dumps(answer(order, spec)), flush=True)


if __name__ == "__main__":
    main()

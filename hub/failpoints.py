"""Named points on a message's path where a test may stop the process, by intent and not by luck.

``WATTBUS_FAILPOINT=journal.before-commit`` kills the process (SIGKILL) when it first comes there;
``name@3`` at the third time. With ``WATTBUS_FAILPOINT_GATE=FILE`` only what comes while the file is
there counts, so that a running process can be led up to the point. Unset, a point costs one
dictionary look-up.
"""

import os
import signal

#: The points of every message's path; tests walk through this list on each engine.
POINTS = (
    "journal.before-commit",
    "journal.after-commit",
    "worker.before-decide",
    "worker.before-commit",
    "worker.after-commit",
    "outbound.before-send",
    "outbound.before-mark",
    "outbound.after-mark",
    "relay.before-publish",
    "relay.before-mark",
    "relay.after-mark",
    "consumer.before-ack",
    "answer.before-reply",
)

#: The points of an order at a security module on the network.
MODULE_POINTS = ("module.before-call", "module.before-report", "module.before-end")

#: The points of a partition of a bill run.
BILL_POINTS = ("billrun.before-commit", "billrun.after-commit")

#: The points of a request to a provider of mobile money.
WALLET_POINTS = ("wallet.before-call", "wallet.after-call", "wallet.before-end")

_ALL = (*POINTS, *MODULE_POINTS, *BILL_POINTS, *WALLET_POINTS)
_armed: dict[str, int] = {}
_gate = os.environ.get("WATTBUS_FAILPOINT_GATE", "")


def arm(spec: str) -> None:
    """Arm the points of a comma-separated list; an unknown name is refused."""
    for item in filter(None, spec.split(",")):
        name, _, count = item.partition("@")
        if name not in _ALL:
            known = ", ".join(_ALL)
            raise ValueError(f"no failpoint {name}; there are: {known}")
        _armed[name] = int(count or 1)


def hit(name: str) -> None:
    """The process is at this point."""
    if name in _armed and (not _gate or os.path.exists(_gate)):
        _armed[name] -= 1
        if _armed[name] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


arm(os.environ.get("WATTBUS_FAILPOINT", ""))

"""The control socket: how command-line verbs that write reach a running hub.

One JSON object a line, on a Unix socket that only the hub's own user can open. ``{"do": "submit",
"company": …, "key": …, "type": …, "data": {…}}`` puts a command on the bus and gives its answer;
``{"do": "status"}`` tells what runs; ``hub.acts`` brings what operators do to messages. Who asks is
what the kernel says of the other end of the socket, beside the name that he gives himself.
"""

import json
import pwd
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from twisted.internet.defer import inlineCallbacks, maybeDeferred
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from core.messages import (
    AskAdvance,
    AskBalance,
    AskLastTokens,
    BillPartition,
    BillRunMoved,
    ClaimFreeUnits,
    ConfirmVend,
    CreditVend,
    EndBillPhase,
    Enrol,
    ImportDebts,
    Message,
    OrderTokens,
    ReceiveJointPayment,
    ReceivePayment,
    ReportModule,
    ReportTokens,
    RequestMoneyAct,
    SetLanguage,
    SweepHeld,
    struct_of,
)
from hub.channel import Arrival, KeyReused, Overloaded
from hub.partitioning import partition_ref
from hub.ports import HubPorts

#: A command line may be as long as a command; a bank file comes by another way.
MAX_LINE = 256 * 1024
#: An operator's own name, as it goes into the audit trail.
MAX_NAME = 64
#: How long a command's answer is waited for.
ANSWER_S = 30.0

#: What people may say by hand in nobody's name: all else is an operator's act, or its channel's.
#: What a channel says made up by hand would be money or a token without a cause.
BY_HAND = (Enrol, ReceivePayment, ReceiveJointPayment)
#: What customers say. By hand it is taken for test companies alone: there one may play a customer.
BY_CUSTOMERS = (
    *(CreditVend, ConfirmVend, AskAdvance, ClaimFreeUnits),
    *(AskBalance, AskLastTokens, SetLanguage),
)
#: A refusal of one of these moved nothing, and is no answer for ever.
_MONEY = (ImportDebts, ReceivePayment, ReceiveJointPayment, RequestMoneyAct)
#: Why not, where there is more to say.
_WHY: Mapping[type[Message], str] = {
    **dict.fromkeys(
        (OrderTokens, ReportTokens, ReportModule),
        "is said to or by a security module, never by hand",
    ),
    **dict.fromkeys(
        (BillPartition, EndBillPhase, BillRunMoved),
        "comes of a run: start it with wattbus billrun",
    ),
    SweepHeld: "is said by the clock alone",
}

Verb = Callable[[dict[str, Any]], Any]


class ControlError(ValueError):
    """A request that cannot be done, as a sentence."""


class ControlProtocol(LineOnlyReceiver):
    """One connection of a command-line verb."""

    delimiter = b"\n"
    MAX_LENGTH = MAX_LINE

    def __init__(self, verbs: dict[str, Verb]) -> None:
        self._verbs = verbs

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        """Do one request."""
        done = maybeDeferred(self._do, line)
        done.addErrback(lambda failure: {"error": str(failure.value)})
        done.addCallback(self._reply)

    def _do(self, line: bytes) -> Any:
        try:
            request = json.loads(line)
            verb = self._verbs[request["do"]]
        except (ValueError, KeyError, TypeError):
            known = ", ".join(sorted(self._verbs))
            raise ControlError(f"not a request (known: {known})") from None
        return verb({**request, "actor": self._actor(str(request.get("operator", "")))})

    def _actor(self, claimed: str) -> str:
        """``alice via wattbus``: the name given, and the user that the kernel vouches for."""
        user = _peer_user(self.transport)
        return f"{claimed[:MAX_NAME]} via {user}" if claimed and claimed != user else user

    def _reply(self, result: Any) -> None:
        self.sendLine(json.dumps(result).encode())  # type: ignore[no-untyped-call]


def _peer_user(transport: Any) -> str:
    """The user at the other end of a Unix socket (SO_PEERCRED, Linux: pid, uid, gid)."""
    try:
        handle = transport.getHandle()
        raw = handle.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        uid = struct.unpack("3i", raw)[1]
    except (AttributeError, OSError):
        return "unknown"
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


class ControlFactory(Factory):
    """Makes the protocols; ``verbs`` is the list of what can be asked."""

    def __init__(self, verbs: dict[str, Verb]) -> None:
        self._verbs = verbs

    def buildProtocol(self, _addr: Any) -> ControlProtocol:  # noqa: N802 - Twisted's name
        """A protocol for one connection."""
        return ControlProtocol(self._verbs)


def _by_hand(request: dict[str, Any], *, vouched: bool, test: bool) -> Message:
    known = struct_of(str(request.get("type", "")))
    if known is None:
        raise ControlError(f"no message type {request.get('type')}")
    acts = "operator" in known.struct.__struct_fields__ and known.struct not in _WHY
    if acts and not vouched:
        raise ControlError(f"{known.name} is an operator's act: ask for it with wattbus act")
    if not acts and known.struct not in (*BY_HAND, *(BY_CUSTOMERS if test else ())):
        why = _WHY.get(known.struct, "is said by its channel alone, never by hand")
        raise ControlError(f"{known.name} {why}")
    try:
        return msgspec.convert(request.get("data"), known.struct)
    except msgspec.ValidationError as error:
        raise ControlError(f"{known.name}: {error}") from error


def submit(ports: dict[str, HubPorts], *, vouched: bool = False) -> Verb:
    """The verb that puts a command on the bus for a company; answers with its answer.

    What is asked in an operator's name only the one that is ``vouched`` takes: behind the desk that
    has made sure who he is (``hub.operators``).
    """

    @inlineCallbacks
    def verb(request: dict[str, Any]) -> "Any":
        company, key = str(request.get("company", "")), str(request.get("key", ""))
        if not key:
            raise ControlError("a command needs a key: a repeat under it is done once")
        if company not in ports:
            raise ControlError(f"no company {company} (known: {', '.join(sorted(ports))})")
        message = _by_hand(request, vouched=vouched, test=ports[company].company.test)
        arrival = Arrival(
            key=key,
            message=message,
            raw=json.dumps(request.get("data")),
            partition_ref=partition_ref(message),
            reply_within_s=ANSWER_S,
            valid_for_s=400 * 86_400.0,
            # nothing moved: what was wrong may be mended, and the same piece or number given again
            ask_again_after_s=0.0 if isinstance(message, _MONEY) else None,
        )
        port = ports[company]
        try:
            accepted = yield port.accept(arrival)
        except (Overloaded, KeyReused) as error:
            raise ControlError(f"{type(error).__name__}: {error}") from error
        answer = accepted.answer or (yield port.answer(accepted.message_id, ANSWER_S))
        return {
            "message_id": accepted.message_id,
            "repeat": accepted.repeat,
            "answer": msgspec.to_builtins(answer) if answer else None,
        }

    return verb

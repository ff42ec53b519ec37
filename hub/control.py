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
from collections.abc import Callable
from typing import Any

import msgspec
from twisted.internet.defer import inlineCallbacks, maybeDeferred
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineOnlyReceiver

from core.messages import (
    BillPartition,
    BillRunMoved,
    CollectOffline,
    CollectPayment,
    EndBillPhase,
    ImportDebts,
    Message,
    OrderTokens,
    ReceiveDeposit,
    ReceiveJointPayment,
    ReceivePayIn,
    ReceivePayment,
    ReportCollection,
    ReportModule,
    ReportReversal,
    ReportTerminal,
    ReportTokens,
    RequestMoneyAct,
    RequestTopUp,
    ReverseAtTerminal,
    SellCredit,
    SettleTerminal,
    SignOffCashier,
    SignOnCashier,
    SweepHeld,
    TransferFloat,
    UploadItem,
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

#: What only a decision orders and only a counterpart can report: made up by hand, it would be a
#: token without a cause.
_NOT_BY_HAND = (OrderTokens, ReportTokens, ReportModule)
#: What a bill run says to itself.
_OF_RUNS = (BillPartition, EndBillPhase, BillRunMoved)
#: A refusal of one of these moved nothing, and is no answer for ever.
_MONEY = (ImportDebts, ReceivePayment, ReceiveJointPayment, RequestMoneyAct)
#: What spends an agent's float or fills it only a channel says, which knows its counterpart: made
#: up by hand, one person alone could do it.
_BY_CHANNELS = (SellCredit, CollectPayment, ReceiveDeposit, RequestTopUp, TransferFloat)
#: What makes money out of a provider's word; and what the clock says of money that waits.
_BY_WALLETS = (ReceivePayIn, ReportCollection, ReportReversal, SweepHeld)
#: What only a terminal can say, for the same reason.
_BY_TERMINALS = (
    SignOnCashier,
    SignOffCashier,
    ReportTerminal,
    ReverseAtTerminal,
    CollectOffline,
    SettleTerminal,
    UploadItem,
)

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


#: What is not taken from the command line, and what is said of it.
_WHOSE: tuple[tuple[tuple[type[Message], ...], str], ...] = (
    (_NOT_BY_HAND, "is said to or by a security module, never by hand"),
    (_OF_RUNS, "comes of a run: start it with wattbus billrun"),
    (_BY_CHANNELS, "is said by an agent's or a bank's channel alone"),
    (_BY_TERMINALS, "is said by a terminal alone, by its channel"),
    (_BY_WALLETS, "is said by a wallet's channel or the clock alone"),
)


def _by_hand(request: dict[str, Any], *, vouched: bool) -> Message:
    known = struct_of(str(request.get("type", "")))
    if known is None:
        raise ControlError(f"no message type {request.get('type')}")
    for kinds, says in _WHOSE:
        if known.struct in kinds:
            raise ControlError(f"{known.name} {says}")
    if "operator" in known.struct.__struct_fields__ and not vouched:
        raise ControlError(f"{known.name} is an operator's act: ask for it with wattbus act")
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
        message = _by_hand(request, vouched=vouched)
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

"""A peer by other hands: Thrift's own library and thriftpy2, told of the API by tokenapi.thrift.

Standard input and output are JSON lines. ``recode``: ``{"library", "method", "part", "hex"}`` (the
message in a frame; part ``args`` or ``result``) gives ``{"value", "hex"}``: what that library read,
and the same written by it. ``serve``: a TokenApi that answers with what it was asked;
``{"port"}`` when ready, then ``{"asked"}`` lines. ``call PORT``: ``{"method", "args"}`` calls our
module and gives ``{"value"}`` or ``{"error"}``.
"""

import json
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import thriftpy2
from thrift.protocol import TBinaryProtocol as Apache
from thrift.Thrift import TType
from thrift.transport import TTransport as ApacheTransport
from thriftpy2.protocol.binary import TBinaryProtocol, TBinaryProtocolFactory
from thriftpy2.rpc import make_client
from thriftpy2.server import TThreadedServer
from thriftpy2.thrift import TProcessor
from thriftpy2.transport import TServerSocket
from thriftpy2.transport.framed import TFramedTransportFactory
from thriftpy2.transport.memory import TMemoryBuffer

API: Any = thriftpy2.load(str(Path(__file__).parent / "tokenapi.thrift"), "tokenapi_thrift")
SERVICE = API.TokenApi


def plain(value: Any) -> Any:
    """A struct of either library as JSON; what is not set is left out."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if hasattr(value, "__dict__"):
        return {k: plain(v) for k, v in vars(value).items() if v is not None}
    return value


def made(kind: Any, fields: dict[str, Any]) -> Any:
    """A struct of thriftpy2 from JSON."""
    value = kind()
    for _, name, *more in kind.thrift_spec.values():
        if fields.get(name) is not None:
            one = fields[name]
            setattr(value, name, made(more[0], one) if isinstance(one, dict) else one)
    return value


# --- Apache's library, given the fields that thriftpy2 read from the IDL --------------------------


def spec_of(kind: Any) -> tuple[Any, ...]:
    """A thrift_spec of Apache's from one of thriftpy2's: by field id, with holes."""
    rows: list[Any] = [None] * (max(kind.thrift_spec, default=0) + 1)
    for number, (wire, name, *more) in kind.thrift_spec.items():
        rows[number] = (
            number,
            wire,
            name,
            details(wire, more[0]) if len(more) == 2 else None,
            None,
        )
    return tuple(rows)


def details(wire: int, more: Any) -> Any:
    if wire == TType.STRING:
        return "UTF8"
    if wire == TType.STRUCT:
        return [apache_class(more), spec_of(more)]
    if wire == TType.LIST:
        inner, rest = more if isinstance(more, tuple) else (more, None)
        return (inner, details(inner, rest), False)
    if wire == TType.MAP:
        key, value = more
        return (key, details(key, None), value, details(value, None), False)
    return None


def apache_class(kind: Any) -> type:
    def build(self: Any, **fields: Any) -> None:
        self.__dict__.update({row[2]: None for row in spec if row} | fields)

    spec = spec_of(kind)
    written = {"__init__": build, "thrift_spec": spec, "write": lambda s, p: p.writeStruct(s, spec)}
    return type(kind.__name__, (), {**written, "read": lambda s, p: p.readStruct(s, spec)})


def with_apache(kind: Any, message: bytes) -> tuple[Any, bytes]:
    reader = Apache.TBinaryProtocol(
        ApacheTransport.TMemoryBuffer(message), strictRead=True, string_length_limit=1 << 20
    )
    head = reader.readMessageBegin()
    value = apache_class(kind)()
    value.read(reader)
    reader.readMessageEnd()
    buffer = ApacheTransport.TMemoryBuffer()
    writer = Apache.TBinaryProtocol(buffer, strictWrite=True)
    writer.writeMessageBegin(*head)
    value.write(writer)
    writer.writeMessageEnd()
    return value, buffer.getvalue()


def with_thriftpy2(kind: Any, message: bytes) -> tuple[Any, bytes]:
    reader = TBinaryProtocol(TMemoryBuffer(message), strict_read=True)
    head = reader.read_message_begin()
    value = kind()
    value.read(reader)
    buffer = TMemoryBuffer()
    writer = TBinaryProtocol(buffer, strict_write=True)
    writer.write_message_begin(*head)
    value.write(writer)
    return value, buffer.getvalue()


LIBRARIES = {"thrift": with_apache, "thriftpy2": with_thriftpy2}


def say(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


def recode() -> None:
    say({"port": 0})
    for line in sys.stdin:
        order = json.loads(line)
        kind = getattr(SERVICE, f"{order['method']}_{order['part']}")
        value, wire = LIBRARIES[order["library"]](kind, bytes.fromhex(order["hex"]))
        say({"value": plain(value), "hex": wire.hex()})


class Handler:
    """Answers from what it was asked."""

    def ping(self, sleepMs: int, echo: str) -> str:
        return echo

    def signInWithPassword(self, messageId: str, realm: str, username: str, *rest: Any) -> Any:
        say({"asked": [messageId, realm, username, rest[0], plain(rest[1])]})
        if rest[0] != "secret":
            raise API.ApiException("ESignin.Authentication", "wrong")
        return API.SignInResult("access")

    def issueCreditToken(self, messageId: str, accessToken: str, *rest: Any) -> Any:
        meter, subclass, amount, time, flags = rest
        say({"asked": [messageId, accessToken, plain(meter), subclass, amount, time, flags]})
        if amount > 1000:
            raise API.ApiException("EParamRange", "too much")
        token = API.Token(
            drn=meter.drn, pan="600727041234567843", ea=meter.ea, tct=meter.tct, sgc=meter.sgc,
            krn=meter.krn, ti=meter.ti, tokenClass=0, subclass=subclass, tid=time - 11044800,
            transferAmount=amount, isReservedTid=False, description="credit",
            stsUnitName="0.1 kWh", scaledAmount="x", scaledUnitName="kWh",
            tokenDec=f"{1234 << 29:020d}", tokenHex=f"{1234 << 29:017X}", idSm="P", vkKcv="ABCDEF",
        )  # fmt: skip
        return [token]


def serve() -> None:
    socket = TServerSocket(host="127.0.0.1", port=0)
    server = TThreadedServer(
        TProcessor(SERVICE, Handler()), socket, iprot_factory=TBinaryProtocolFactory(),
        itrans_factory=TFramedTransportFactory(), daemon=True,
    )  # fmt: skip
    socket.listen()
    say({"port": socket.sock.getsockname()[1]})
    socket.listen = lambda: None  # type: ignore[method-assign]
    Thread(target=server.serve, daemon=True).start()
    sys.stdin.read()


def call(port: int) -> None:
    client = make_client(
        SERVICE, "127.0.0.1", port, proto_factory=TBinaryProtocolFactory(),
        trans_factory=TFramedTransportFactory(), timeout=20_000,
    )  # fmt: skip
    say({"port": port})
    for line in sys.stdin:
        order = json.loads(line)
        args = made(getattr(SERVICE, f"{order['method']}_args"), order["args"])
        try:
            say({"value": plain(getattr(client, order["method"])(**vars(args)))})
        except API.ApiException as error:
            say({"error": error.eCode})


if __name__ == "__main__":
    if sys.argv[1] == "call":
        call(int(sys.argv[2]))
    else:
        {"recode": recode, "serve": serve}[sys.argv[1]]()

"""TokenApi with Thrift by other hands: Apache's own library and thriftpy2, octets and calls."""

import asyncio
import math
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.prismtoken import message
from adapters.prismtoken.calls import CALLS, Call
from adapters.prismtoken.events import Ready, SignInRefused
from adapters.prismtoken.issue import Step
from adapters.prismtoken.message import ApiError, MessageType
from adapters.prismtoken.orders import Order, Wanted
from adapters.prismtoken.tables import Struct, table
from simulators.prism.module import Options, PrismModule
from tests.adapters.prismtoken.orders import METER
from tests.adapters.prismtoken.strategies import structs, values
from tests.interop.peers import Peer, python_peer
from tests.loop import fired, run
from tests.simulators.prism.client import Client

pytestmark = pytest.mark.slow
BOTH = pytest.mark.parametrize("library", ["thrift", "thriftpy2"])
FEW = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
kinds = st.sampled_from(sorted(CALLS.values(), key=lambda kind: kind.method))


@pytest.fixture(scope="module")
def recoder() -> Iterator[Peer]:
    started = Peer(python_peer("thrift_peer.py", "recode"))
    yield started
    started.stop()


def named(value: Any) -> Any:
    """As the peers show it: by the API's names, without what is not set."""
    if isinstance(value, Struct):
        pairs = ((row.name, getattr(value, row.attribute)) for row in table(type(value)))
        return {name: named(one) for name, one in pairs if one is not None}
    if isinstance(value, tuple):
        return [named(one) for one in value]
    return value


def recoded(recoder: Peer, library: str, wire: bytes, method: str, part: str) -> Any:
    """What a library reads in a frame of ours, and the frame that it writes for it."""
    recoder.order(library=library, method=method, part=part, hex=wire[4:].hex())
    told = recoder.next("hex")
    return told["value"], bytes.fromhex(told["hex"])


@BOTH
@FEW
@given(kinds.flatmap(structs))
def test_calls_are_read_and_written_alike(recoder: Peer, library: str, call: Call) -> None:
    wire = message.encode_struct(MessageType.CALL, call.method, 7, call)
    value, back = recoded(recoder, library, wire, call.method, "args")
    assert value == named(call)
    assert back == wire[4:]
    assert message.decode_struct(message.decode_head(back), type(call)) == call


@BOTH
@FEW
@given(
    kinds.flatmap(
        lambda kind: st.tuples(st.just(kind), st.one_of(values(kind.result), structs(ApiError)))
    )
)
def test_results_are_read_and_written_alike(
    recoder: Peer, library: str, case: tuple[type[Call], Any]
) -> None:
    kind, result = case
    wire = message.encode_result(kind.method, 7, result, kind.result)
    value, back = recoded(recoder, library, wire, kind.method, "result")
    assert value == {"ex1" if isinstance(result, ApiError) else "success": named(result)}
    assert back == wire[4:]
    assert message.decode_result(message.decode_head(back), kind.result) == result


@BOTH
@pytest.mark.parametrize("number", [math.inf, -math.inf, -0.0, 5e-324, 18_201_624.0])
def test_doubles_are_the_same_everywhere(recoder: Peer, library: str, number: float) -> None:
    body = b"\x04\x00\x05" + struct.pack(">d", number) + b"\0"
    wire = message.encode(MessageType.CALL, "issueCreditToken", 1, body)
    value, back = recoded(recoder, library, wire, "issueCreditToken", "args")
    assert value["transferAmount"] == number
    assert back == wire[4:]


def order(number: int, tenths: int = 281) -> Order:
    return Order(f"m-{number}", METER, Wanted(0, 0, tenths, 6_266_184 + number))


def test_our_session_at_a_server_by_other_hands() -> None:
    server = Peer(python_peer("thrift_peer.py", "serve"))

    async def scenario(reactor: Any) -> None:
        issuer = Client(reactor, server.port)
        await issuer.until(Ready)
        issuer.order(order(0), order(1, tenths=1001))
        made, refused = (await issuer.done()).values()
        assert made.step is Step.MADE
        assert (refused.step, refused.verdict.code) == (Step.REFUSED, "module_range")  # type: ignore[union-attr]
        asked = (await asyncio.to_thread(server.next, "asked"))["asked"]
        assert asked[1:] == ["local", "hub", "secret", {"version": "1.1", "culture": "en"}]
        asked = (await asyncio.to_thread(server.next, "asked"))["asked"]
        assert asked[:2] == ["m-0", "access"]
        assert asked[2]["allowKrnUpdate"] is asked[2]["allowKenUpdate"] is False
        assert asked[3:] == [0, 281.0, 6_266_184 + 7_670 * 1440, 2]
        await issuer.stop()
        stranger = Client(reactor, server.port, password="wrong")
        (barred, *_) = await stranger.until(SignInRefused)
        assert barred.verdict.code == "module_password"
        await stranger.stop()

    try:
        run(scenario)
    finally:
        server.stop()


def test_a_client_by_other_hands_at_our_module() -> None:
    async def scenario(reactor: Any) -> None:
        module = PrismModule(reactor, Options(password="secret", speed=2000.0))
        port = await fired(module.start())
        client = await asyncio.to_thread(Peer, python_peer("thrift_peer.py", "call", str(port)))

        async def ask(method: str, key: str = "value", **args: Any) -> Any:
            client.order(method=method, args=args)
            return (await asyncio.to_thread(client.next, key))[key]

        login = {"messageId": "s", "realm": "local", "username": "u", "password": "secret"}
        signed = await ask("signInWithPassword", **login, sessionOpts={"version": "1.1"})
        session = {"messageId": "m-1", "accessToken": signed["accessToken"]}
        meter = {"drn": METER.drn, "ea": 11, "tct": 2, "sgc": 201457, "krn": 1, "ti": 1, "ken": 255}
        asked = {"meterConfig": meter, "subclass": 0, "transferAmount": 281.0, "flags": 2}
        (token,) = await ask("issueCreditToken", **session, **asked, tokenTime=17_310_984)
        assert (token["tid"], token["transferAmount"]) == (6_266_184, 281.0)
        assert await ask("fetchTokenResult", **session, reqMessageId="m-1") == [token]
        assert await ask("fetchTokenResult", "error", **session, reqMessageId="m-2") == "ECacheMiss"
        verified = await ask(
            "verifyToken", **session, meterConfig=meter, tokenDec=token["tokenDec"]
        )
        assert verified["validationResult"] == "EVerify.Ok"
        (node,) = await ask("getStatus", **session)
        assert node["info"]["tokens.made"] == "1"
        change = {"toSgc": 201457, "toKrn": 1, "toTi": 5}
        sections = await ask("issueKeyChangeTokens", **session, meterConfig=meter, newConfig=change)
        assert [one["subclass"] for one in sections] == [3, 4, 8, 9]
        assert await ask("ping", sleepMs=1, echo="hé") == "hé"
        await asyncio.to_thread(client.stop)
        await fired(module.stop())

    run(scenario)

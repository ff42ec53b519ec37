"""The client and the module over loopback sockets: each misbehaviour, and what becomes of it."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from adapters._session import CloseLink
from adapters.prismtoken.calls import (
    CtsResetTidList,
    FetchTokenResult,
    GetStatus,
    IssueDitkChangeTokens,
    IssueMeterTestToken,
    LoadTransactionLicense,
    ParseIdRecord,
    Ping,
    VerifyToken,
)
from adapters.prismtoken.events import Defect, Lost, Refused, Returned, SignInRefused
from adapters.prismtoken.issue import Issue, Policy, Step
from adapters.prismtoken.message import (
    ApplicationException,
    MessageType,
    decode_head,
    decode_result,
    decode_struct,
    encode,
    encode_struct,
)
from adapters.prismtoken.orders import Order, Target, Wanted, call_of
from adapters.prismtoken.tables import TEXT
from core.sts.meter_state import Result
from core.sts.tid import BaseDate, tid_at
from simulators.meter.device import Coding, Meter
from simulators.prism.kinds import KINDS
from simulators.prism.link import LinkSession
from simulators.prism.module import Options, PrismModule
from tests.adapters.prismtoken.orders import CHANGE, EA07, METER
from tests.loop import fired, run
from tests.simulators.prism.client import Client

WALL = 1_767_225_600.0  # 2026-01-01
TID = tid_at(int(WALL) * 1_000_000, BaseDate.Y2014)


def credits(count: int) -> list[Order]:
    return [Order(f"m-{n}", METER, Wanted(0, 0, 281, TID + n)) for n in range(count)]


def story(
    kind: str,
    tell: Callable[[PrismModule, Client], Coroutine[Any, Any, None]],
    options: Options | None = None,
    **client: Any,
) -> None:
    """Starts a module and a client, tells the story, stops both."""

    async def scenario(reactor: Any) -> None:
        module = KINDS[kind](reactor, options or Options(speed=2000.0), wall=lambda: WALL)
        issuer = Client(reactor, await fired(module.start()), **client)
        try:
            await tell(module, issuer)
        finally:
            await issuer.stop()
            await fired(module.stop())

    run(scenario)


def digits(issues: dict[str, Issue]) -> list[str]:
    """Of the tokens that may be handed out: each order's, each another."""
    found = []
    for issue in issues.values():
        assert issue.step is Step.MADE
        assert issue.result is not None
        assert issue.result.token is not None
        found.append(issue.result.token.token_dec)
    assert len(set(found)) == len(found)
    return found


def test_a_friendly_module_and_the_meter_that_takes_its_tokens() -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        issuer.order(*credits(5))
        meter = Meter.coded(Coding(METER.drn))
        for each in digits(await issuer.done()):
            assert meter.enter(each, int(WALL) * 1_000_000).result is Result.ACCEPT
        assert meter.tenths == 5 * 281
        assert (module.box.counters.made, module.box.licence) == (5, 999_995)

    story("friendly", tell)


def test_a_key_change_in_front_of_the_credit_works_in_the_meter() -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        issuer.order(replace(credits(1)[0], change=CHANGE))
        (issue,) = (await issuer.done()).values()
        assert issue.result is not None
        assert issue.result.token is not None
        meter = Meter.coded(Coding(METER.drn))
        for section in issue.result.key_change:
            meter.enter(section.token_dec, int(WALL) * 1_000_000)
        assert meter.state.ti == "05"
        entered = meter.enter(issue.result.token.token_dec, int(WALL) * 1_000_000)
        assert entered.result is Result.ACCEPT

    story("friendly", tell)


@pytest.mark.parametrize(
    "order",
    [
        Order("a", METER, Wanted(2, 0, 5000, TID)),
        Order("b", METER, Wanted(2, 1, 0xFFFF, TID)),
        Order("c", METER, Wanted(2, 10, 63 << 10 | 3, TID)),
        Order("d", METER, Wanted(0, 4, 100_004, TID)),
        Order("e", EA07, change=Target("123456", 1, "07")),
        Order("f", EA07, Wanted(0, 2, 50, TID), Target("123456", 1, "07"), three_tokens=True),
        Order("g", METER, Wanted(0, 0, 281, TID - TID % 1440 + 1)),
    ],
    ids=lambda order: order.message_id,
)
def test_orders_of_all_kinds_come_back_as_asked(order: Order) -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        issuer.order(order)
        (issue,) = (await issuer.done()).values()
        assert issue.step is Step.MADE, issue

    story("friendly", tell)


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (Order("a", replace(METER, drn="04123456785"), Wanted(0, 0, 1, TID)), "module_check_digit"),
        (Order("b", replace(METER, drn="0412345"), Wanted(0, 0, 1, TID)), "module_meter_number"),
        (Order("c", replace(METER, krn=5), Wanted(0, 0, 1, TID)), "module_key_missing"),
        (Order("d", METER, Wanted(0, 0, 18_201_625, TID)), "module_range"),
        (Order("e", replace(METER, ea=9), Wanted(0, 0, 1, TID)), "module_range"),
        (Order("f", METER, Wanted(2, 20, 1, TID)), "module_range"),
        (Order("g", METER, Wanted(0, 0, 1, 5, 1993)), "module_before_base_date"),
        (Order("h", METER, Wanted(0, 0, -1, TID)), "module_range"),
    ],
    ids=lambda value: value.message_id if isinstance(value, Order) else value,
)
def test_a_wrong_order_is_refused_with_its_code(order: Order, code: str) -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        issuer.order(order)
        (issue,) = (await issuer.done()).values()
        assert issue.step is Step.REFUSED
        assert issue.verdict is not None
        assert issue.verdict.code == code
        assert module.box.counters.made == 0

    story("friendly", tell)


def test_all_other_calls() -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        issuer.order(*credits(1))
        (token,) = digits(await issuer.done())
        config = call_of(credits(1)[0]).meter_config  # type: ignore[attr-defined]

        async def asked(call: Any) -> Any:
            event = await issuer.call(call)
            return event.result if isinstance(event, Returned) else event.error_id

        (node,) = await asked(GetStatus("s"))
        assert (node.info["tokens.made"], node.alerts) == ("1", ())
        told = await asked(VerifyToken("v", meter_config=config, token_dec=token))
        assert (told.validation_result, told.token.transfer_amount) == ("EVerify.Ok", 281.0)
        other = token[:-1] + str((int(token[-1]) + 1) % 10)
        told = await asked(VerifyToken("v", meter_config=config, token_dec=other))
        assert (told.validation_result, told.token) == ("EVerify.Crc", None)
        assert await asked(VerifyToken("v", meter_config=config, token_dec="1")) == "EParamRange"
        test = await asked(IssueMeterTestToken("t", subclass=0, control=1, mfrcode=0))
        assert test.token_class == 1
        record = f"{METER.pan}===0211201457101"
        parsed = await asked(ParseIdRecord("p", id_record=record))
        assert (parsed.drn, parsed.sgc, parsed.ti) == (METER.drn, 201457, 1)
        assert await asked(ParseIdRecord("p", id_record="no")) == "ESts.IdRecord"
        assert await asked(IssueDitkChangeTokens("d", meter_config=config)) == "EService.Disabled"
        assert await asked(CtsResetTidList("c", pan_pattern="600727*")) == (METER.drn,)
        assert await asked(LoadTransactionLicense("l", license_text="START 1 END")) is True
        assert await asked(LoadTransactionLicense("l", license_text="no")) == "EParamRange"
        assert await asked(FetchTokenResult("f", req_message_id="nobody")) == "ECacheMiss"
        assert await asked(FetchTokenResult("f", req_message_id="no blanks")) == "EParamRange"

    story("friendly", tell)


def test_an_empty_licence_puts_orders_off_until_there_is_a_new_one() -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        issuer.order(*credits(1))
        (refused, *_) = await issuer.until(Refused)
        assert refused.verdict.code == "module_licence"
        module.box.licence = 5
        digits(await issuer.done())

    story("friendly", tell, Options(licence=0, speed=2000.0))


def test_a_wrong_password_is_refused_and_tried_again_after_the_pause() -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        refused = await issuer.until(SignInRefused, 2)
        assert refused[0].verdict.code == "module_password"
        assert issuer.of(CloseLink)[0].pause == 0.05

    story("friendly", tell, Options(password="another"))


def test_the_module_keeps_its_speed_whoever_asks() -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        start = module.clock.seconds()
        issuer.order(*credits(10))
        digits(await issuer.done())
        assert module.clock.seconds() - start >= 10 / 200

    story("friendly", tell, Options(speed=200.0), links=3)


# --- misbehaviours --------------------------------------------------------------------------------


def test_late_answers_are_asked_for() -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        issuer.order(*credits(3))
        digits(await issuer.done())
        assert issuer.of(Lost)
        assert module.box.counters.made == 3  # none was made twice

    story("late", tell, Options(speed=2000.0, every=2, delay=0.4), call_timeout=0.2)


def test_a_slow_module_is_asked_after_it_has_settled() -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        issuer.order(*credits(3))
        digits(await issuer.done())
        assert module.box.counters.made == 3

    patient = Policy(settle=0.6, remembered=600.0, again=0.02)
    options = Options(speed=2000.0, every=2, delay=0.4)
    story("slow", tell, options, call_timeout=0.2, policy=patient)


def test_a_slow_module_asked_too_early_makes_two_tokens_of_which_the_meter_takes_one() -> None:
    """Why the time to settle must be longer than the module's queue, and what if it is not."""

    async def tell(module: PrismModule, issuer: Client) -> None:
        issuer.order(*credits(2))
        handed = digits(await issuer.done())
        while module.box.counters.made < 3:
            await asyncio.sleep(0.01)
        (late,) = module.box.results["m-1"]
        meter = Meter.coded(Coding(METER.drn))
        results = [meter.enter(each, int(WALL) * 1_000_000).result for each in handed]
        assert results == [Result.ACCEPT, Result.ACCEPT]
        assert late.tid == TID + 1
        assert meter.enter(late.token_dec, int(WALL) * 1_000_000).result is Result.USED

    story("slow", tell, Options(speed=2000.0, every=2, delay=1.0), call_timeout=0.2)


def test_a_lost_answer_is_asked_for_and_never_issued_again() -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        issuer.order(*credits(6))
        issues = await issuer.done()
        digits(issues)
        assert len(issuer.of(Lost)) == 3
        assert [issue.calls for issue in issues.values()] == [1] * 6
        assert module.box.counters.made == 6

    story("lost-answer", tell, Options(speed=2000.0, every=2), links=2)


def test_a_second_answer_ends_nothing() -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        issuer.order(*credits(6))
        found = digits(await issuer.done())
        assert found == [issue[0].token_dec for issue in module.box.results.values()]
        assert len(await issuer.until(Defect, 6)) == 6

    story("twice", tell, Options(speed=2000.0, every=1))


def test_another_meter_s_token_is_an_alarm_and_is_not_handed_out() -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        issuer.order(*credits(2))
        first, second = (await issuer.done()).values()
        assert (first.step, second.step) == (Step.MADE, Step.WRONG)
        assert second.result is not None
        assert {each.field for each in second.result.wrong} == {"drn", "pan"}

    story("wrong-meter", tell, Options(speed=2000.0, every=2))


def test_a_module_that_goes_down_has_made_nothing_and_the_order_comes_again() -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        issuer.order(*credits(5))
        issues = await issuer.done()
        digits(issues)
        assert module.box.counters.made == 5
        assert len(issuer.of(Lost)) == 2
        assert sum(issue.calls for issue in issues.values()) == 7

    story("down", tell, Options(speed=2000.0, every=3, down=0.1))


def test_a_forgetful_module_makes_two_tokens_of_which_the_meter_takes_one() -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        made: list[str] = []
        do = module.box.do

        def watched(call: Any) -> Any:
            result = do(call)
            if call.makes and isinstance(result, tuple):
                made.append(result[0].token_dec)
            return result

        module.box.do = watched  # type: ignore[method-assign]
        first, second = credits(2)
        issuer.order(first)
        await issuer.done()
        issuer.order(second)
        issues = await issuer.done()
        assert [issue.calls for issue in issues.values()] == [1, 2]
        # What the client cannot see, the module's counter shows: one more than was asked for.
        assert module.box.counters.made == 3
        meter = Meter.coded(Coding(METER.drn))
        results = [meter.enter(each, int(WALL) * 1_000_000).result for each in made]
        assert results == [Result.ACCEPT, Result.ACCEPT, Result.USED]

    story("forgetful", tell, Options(speed=2000.0, every=2))


def test_broken_frames_end_the_connection_and_the_token_is_asked_for() -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        issuer.order(*credits(10))
        digits(await issuer.done())
        assert len(issuer.of(Defect)) == 5
        assert module.box.counters.made == 10

    story("garbage", tell, Options(speed=2000.0, every=2))


def test_an_expired_access_token_is_renewed_without_a_word() -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        issuer.order(*credits(4))
        issues = await issuer.done()
        digits(issues)
        assert issuer.of(Refused) == issuer.of(Lost) == []
        assert module.box.counters.made == 4

    story("expiring", tell, Options(speed=2000.0, every=3))


def test_busy_hardware_puts_the_order_off() -> None:
    async def tell(module: PrismModule, issuer: Client) -> None:
        issuer.order(*credits(4))
        digits(await issuer.done())
        assert {event.verdict.code for event in issuer.of(Refused)} == {"module_hardware"}
        assert issuer.of(Lost) == []

    story("failing", tell, Options(speed=2000.0, every=2))


def test_calls_sent_ahead_are_answered_in_their_order() -> None:
    async def scenario(reactor: Any) -> None:
        module = PrismModule(reactor)
        port = await fired(module.start())
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number, call in enumerate((Ping(30, "first"), Ping(0, "second"))):
            writer.write(encode_struct(MessageType.CALL, "ping", number, call))
        replies = []
        for _ in range(2):
            size = int.from_bytes(await reader.readexactly(4), "big")
            replies.append(decode_result(decode_head(await reader.readexactly(size)), TEXT))
        assert replies == ["first", "second"]
        writer.close()
        await fired(module.stop())

    run(scenario)


@pytest.mark.parametrize(
    ("method", "body", "fault"),
    [("dance", b"\0", 1), ("ping", b"\0", 7), ("ping", b"\x08\0\1\0", 7)],
)
def test_what_the_module_cannot_serve_it_says(method: str, body: bytes, fault: int) -> None:
    link = LinkSession()
    assert link.receive(encode(MessageType.CALL, method, 9, body), 0.0) == []
    head = decode_head(link.outgoing()[4:])
    assert (head.type, head.sequence) == (MessageType.EXCEPTION, 9)
    assert decode_struct(head, ApplicationException).type == fault


@pytest.mark.parametrize("octets", ["7fffffff", "0000000d 00000004 70696e67 00000001 00"])
def test_what_the_module_cannot_read_ends_the_connection(octets: str) -> None:
    link = LinkSession()
    (closed,) = link.receive(bytes.fromhex(octets), 0.0)
    assert isinstance(closed, CloseLink)
    assert link.receive(bytes(20), 0.0) == []

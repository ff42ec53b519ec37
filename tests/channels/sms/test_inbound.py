"""What phones send: labelled cases from the wire to the journal, repeats, long messages."""

from typing import Any

import msgspec
import pytest

from adapters.smpp.gsm0338 import ucs2_encode
from adapters.smpp.tlv import Tag, Tlv, make
from core.messages import (
    Answer,
    AskAdvance,
    AskBalance,
    AskLastTokens,
    ConfirmVend,
    CreditVend,
    Message,
    Outcome,
    Recipient,
    SendNotice,
)
from core.queries.customer import quote_units
from core.queries.views import LineView, MeterView, PhoneView, QuoteView
from core.refusals import refuse
from hub.channel import KeyReused, Overloaded
from tests.channels.harness import House
from tests.channels.sms.fixture import PHONE, Stage, parts_of
from tests.hub.links.memory_smsc import text

BUY = "BUY 04123456784 20000"
CHINESE = ucs2_encode("买 04123456784 20000")
FRENCH = "acheté 04123456784 20000".encode("latin-1")


def to(language: str = "en") -> tuple[Recipient, ...]:
    return (Recipient(way="sms", address=PHONE, language=language, channel="sms1"),)


def vend(language: str = "en", another: bool = False) -> CreditVend:
    return CreditVend(
        meter="04123456784",
        tender=20000,
        currency="UGX",
        phone=PHONE,
        another=another,
        reply=to(language),
        answer_by_notice=True,
    )


def told(template: str, language: str = "en", **args: object) -> SendNotice:
    return SendNotice(
        way="sms",
        recipient=PHONE,
        template=template,
        args=dict(args),
        language=language,
        channel="sms1",
    )


def advance(language: str = "en", **more: Any) -> AskAdvance:
    return AskAdvance(phone=PHONE, reply=to(language), **more)


CASES: list[tuple[str, str, Message, str]] = [
    ("buy", BUY, vend(), "meter/04123456784"),
    ("on credit", "advance", advance(), f"phone/{PHONE}"),
    ("on credit, all said", "mkopo 04123456784 3000",
     advance("sw", meter="04123456784", amount=3_000), f"phone/{PHONE}"),
    ("buy another", BUY + " again", vend(another=True), "meter/04123456784"),
    ("buy in Swahili", "nunua 04123456784 20000", vend("sw"), "meter/04123456784"),
    ("yes", "YES 4711", ConfirmVend(phone=PHONE, code="4711", reply=to()), f"phone/{PHONE}"),
    ("balance", "balance", AskBalance(phone=PHONE, reply=to()), f"phone/{PHONE}"),
    ("last", "dernier", AskLastTokens(phone=PHONE, reply=to("fr")), f"phone/{PHONE}"),
    ("help", "help", told("help"), f"phone/{PHONE}"),
    ("nonsense", "hello there", told("nonsense"), f"phone/{PHONE}"),
    ("what is missing", "buy 04123456784",
     told("nonsense", reason="amount-missing", meter="04123456784"), f"phone/{PHONE}"),
    ("a refusal of the core's", "buy 0412345678 20000",
     told("refusal", code="meter-length", args={"meter": "0412345678", "length": 10}),
     f"phone/{PHONE}"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("label", "body", "message", "partition"), CASES, ids=[case[0] for case in CASES]
)
def test_a_text_becomes_a_message(label: str, body: str, message: Message, partition: str) -> None:
    stage = Stage()
    assert stage.say(body) == [0], label
    (arrival,) = stage.ports.arrivals
    assert arrival.message == message
    assert arrival.partition_ref == partition
    assert arrival.raw == f"256772123456 > 8888: {body}"
    money = isinstance(message, CreditVend | ConfirmVend | AskAdvance)
    assert arrival.valid_for_s == (600 if money else 30)
    assert arrival.expires_in_s == (3600 if money else None)


def test_the_answer_on_the_wire_waits_for_the_commit() -> None:
    stage = Stage()
    stage.ports.held = []
    assert stage.say(BUY) == [None]
    stage.ports.commit()
    stage.smsc.run()
    assert stage.answers() == [0]


@pytest.mark.parametrize(
    ("error", "status"), [(Overloaded(), 0x14), (OSError("disk"), 0x64), (KeyReused(), 0)]
)
def test_what_was_not_journaled_comes_again(error: Exception, status: int) -> None:
    stage = Stage()
    stage.ports.trouble = [error]
    assert stage.say(BUY) == [status]
    assert stage.ports.arrivals == []


def test_one_text_delivered_twice_is_one_request() -> None:
    stage = Stage()
    assert stage.hear(text(BUY), text("buy  04123456784 20000 ")) == [0, 0]
    assert stage.ports.messages() == [vend()]
    assert len(stage.ports.repeats) == 1


def test_the_same_text_is_a_new_request_after_the_window_and_from_others() -> None:
    stage = Stage()
    stage.say(BUY)
    stage.say(BUY, source="256772999999")
    stage.smsc.run(601)
    stage.say(BUY)
    assert len(stage.ports.arrivals) == 3


def test_questions_may_be_asked_again_soon() -> None:
    stage = Stage()
    stage.say("BALANCE")
    stage.say("BALANCE")
    stage.smsc.run(31)
    stage.say("BALANCE")
    assert len(stage.ports.arrivals) == 2


SALE = {"token": "54321098765432109876", "meter": "04123456784", "tender": 20000}


@pytest.mark.parametrize(
    ("label", "answer", "message"),
    [
        ("bought", Answer(outcome=Outcome.DONE, data=SALE), told("repeat", sale=SALE)),
        (
            "asked about",
            Answer(outcome=Outcome.REFUSED, code="likely-repeat", data=SALE),
            told("repeat", sale=SALE),
        ),
        (
            "refused",
            Answer(outcome=Outcome.REFUSED, code="meter-unknown", args={"meter": "1"}),
            told("refusal", code="meter-unknown", args={"meter": "1"}),
        ),
        ("not known", Answer(outcome=Outcome.UNKNOWN, code="x"), told("outcome-unknown")),
    ],
)
def test_a_person_who_asks_again_gets_the_answer_again(
    label: str, answer: Answer, message: SendNotice
) -> None:
    stage = Stage()
    stage.say(BUY)
    stage.ports.answers[stage.ports.arrivals[0].key] = answer
    stage.say(BUY)
    assert len(stage.ports.arrivals) == 1, "at once it is the network's repeat"
    stage.smsc.run(40)
    stage.say(BUY)
    stage.say(BUY)
    assert stage.ports.messages()[1:] == [message], "once per half minute"
    assert stage.ports.arrivals[1].correlation.endswith("0000001")


def test_units_on_credit_are_told_again_too() -> None:
    stage, owed = Stage(), {**SALE, "units_tenths": 40, "owed": 3_200, "currency": "UGX"}
    stage.say("ADVANCE")
    key = stage.ports.arrivals[0].key
    stage.ports.answers[key] = Answer(outcome=Outcome.DONE, data=owed)
    stage.smsc.run(40)
    stage.say("ADVANCE")
    assert stage.ports.messages()[1:] == [told("advance", **owed)]


def test_without_an_answer_there_is_nothing_to_tell_again() -> None:
    stage = Stage()
    stage.say(BUY)
    stage.smsc.run(40)
    stage.say(BUY)
    assert len(stage.ports.arrivals) == 1


def test_trouble_with_telling_again_costs_nothing() -> None:
    stage = Stage()
    stage.say(BUY)
    stage.ports.answers[stage.ports.arrivals[0].key] = Answer(outcome=Outcome.DONE, data=SALE)
    stage.smsc.run(40)
    stage.ports.held = []
    assert stage.say(BUY) == [None]
    held, stage.ports.held = stage.ports.held, None
    stage.ports.trouble = [Overloaded()]
    stage.ports._journal(held[0][0]).chainDeferred(held[0][1])
    stage.smsc.run()
    assert stage.answers() == [0, 0]
    assert len(stage.ports.arrivals) == 1


def test_the_language_of_a_registered_phone_wins() -> None:
    stage = Stage()
    stage.ports.views[PHONE] = PhoneView(msisdn=PHONE, registered=True, language="sw")
    stage.say("help")
    stage.say("hello")
    assert stage.ports.messages()[0] == told("help", "sw")
    assert stage.ports.queries == [("phone_languages", (PHONE,))], "it is remembered for a minute"
    stage.smsc.run(61)
    stage.say("help")
    assert len(stage.ports.queries) == 2


def test_a_purchase_waits_for_no_query() -> None:
    """The core answers it, and knows the registered language."""
    stage = Stage()
    stage.ports.views[PHONE] = PhoneView(msisdn=PHONE, registered=True, language="sw")
    stage.say(BUY)
    assert stage.ports.messages() == [vend("en")]
    assert stage.ports.queries == []


def test_a_query_that_fails_costs_no_purchase() -> None:
    stage = Stage(House(languages=("fr",)))
    stage.ports.views[PHONE] = OSError("no reader")
    assert stage.say("hello") == [0]
    assert stage.say(BUY) == [0]
    assert stage.ports.messages() == [told("nonsense", "fr"), vend("en")]


@pytest.mark.parametrize("sender", ["MTN", "100", "8888", ""])
def test_machines_are_not_answered(sender: str) -> None:
    stage = Stage()
    assert stage.say(BUY, source=sender) == [0]
    assert stage.ports.arrivals == []
    assert stage.ports.notes[0][1] == f"{sender} > 8888: {BUY}"


def test_nonsense_is_answered_ten_times_an_hour() -> None:
    stage = Stage()
    for at in range(12):
        assert stage.say(f"hello {'x' * at}") == [0]
    assert (len(stage.ports.arrivals), len(stage.ports.notes)) == (10, 2)
    stage.say(BUY)
    assert len(stage.ports.arrivals) == 11
    stage.smsc.run(3601)
    stage.say("hello again")
    assert len(stage.ports.arrivals) == 12


def test_a_network_that_numbers_its_messages() -> None:
    stage = Stage(link_options={"mo_id_tlv": "0x1400"})
    one = msgspec.structs.replace(text("BALANCE"), tlvs=(Tlv(0x1400, b"A1\0"),))
    two = msgspec.structs.replace(text("BALANCE"), tlvs=(Tlv(0x1400, b"A2\0"),))
    stage.hear(one, two, one)
    assert [arrival.source_id for arrival in stage.ports.arrivals] == ["A1", "A2"]
    assert stage.ports.arrivals[0].valid_for_s == 600


@pytest.mark.parametrize(
    ("label", "changes", "links"),
    [
        ("UCS-2", {"data_coding": 8, "short_message": CHINESE}, {}),
        ("UCS-2 with a mark of byte order",
         {"data_coding": 8, "short_message": b"\xfe\xff" + CHINESE}, {}),
        ("payload", {"short_message": b"", "tlvs": (make(Tag.message_payload, BUY.encode()),)}, {}),
        ("Latin-1", {"data_coding": 3, "short_message": FRENCH},
         {}),
        ("a link whose default is Latin-1",
         {"short_message": FRENCH}, {"alphabet_in": "latin1"}),
        ("a header that tells of no parts",
         {"esm_class": 0x40, "short_message": bytes((3, 1, 1, 0)) + BUY.encode()}, {}),
    ],
)  # fmt: skip
def test_alphabets(label: str, changes: dict[str, object], links: dict[str, object]) -> None:
    stage = Stage(link_options=links)
    assert stage.hear(msgspec.structs.replace(text(BUY), **changes)) == [0], label
    (message,) = stage.ports.messages()
    assert isinstance(message, CreditVend)
    assert message.tender == 20000


def test_what_is_not_ours_is_left_to_others() -> None:
    stage = Stage()
    ussd = msgspec.structs.replace(text("*123#"), tlvs=(Tlv(Tag.ussd_service_op, b"\1"),))
    other = text(BUY, destination="9999")
    typed = msgspec.structs.replace(text("*1#"), service_type="USSD")
    assert stage.hear(ussd, other, typed) == [0x66, 0x66, 0x66]
    assert Stage(short_code="").say(BUY, destination="9999") == [0]


# --- long messages ---------------------------------------------------------------------------

LONG = BUY + " please" * 25


@pytest.mark.parametrize("method", ["udh8", "udh16", "sar"])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_parts_in_any_order_are_answered_when_all_is_safe(
    method: str, order: tuple[int, int]
) -> None:
    stage = Stage()
    parts = parts_of(LONG, method=method)
    assert len(parts) == 2
    assert stage.hear(parts[order[0]]) == [None]
    stage.ports.held = []
    assert stage.hear(parts[order[1]]) == [None]
    stage.ports.commit()
    stage.smsc.run()
    assert stage.answers() == [0, 0]
    assert stage.ports.messages() == [vend()]
    assert stage.ports.arrivals[0].raw.endswith(LONG)


def test_all_parts_come_again_when_the_whole_was_not_safe() -> None:
    stage = Stage()
    stage.ports.trouble = [Overloaded()]
    parts = parts_of(LONG)
    stage.hear(*parts)
    assert stage.answers() == [0x14, 0x14]
    stage.hear(*parts)
    assert stage.answers()[2:] == [0, 0]
    assert stage.ports.messages() == [vend()]


def test_a_part_that_comes_again_is_answered_again() -> None:
    stage = Stage()
    parts = parts_of(LONG)
    stage.hear(parts[0], parts[0])
    assert stage.answers() == [None, None]
    stage.hear(parts[1])
    assert stage.answers() == [0, 0, 0]
    assert stage.hear(parts[1]) == [0], "its answer was lost, the message was not"
    assert len(stage.ports.arrivals) == 1


def test_what_never_becomes_whole_is_journaled_and_answered() -> None:
    stage = Stage()
    stage.hear(parts_of(LONG)[1])
    stage.smsc.run(14)
    assert stage.answers() == [None]
    stage.smsc.run(2)
    assert stage.answers() == [0]
    assert stage.ports.messages() == [told("nonsense")]
    assert "please" in stage.ports.arrivals[0].raw


def test_a_part_of_a_purchase_never_buys() -> None:
    """The first part alone would read as a purchase of a smaller amount."""
    stage = Stage()
    first, _ = parts_of("BUY 04123456784 200" + " " * 140 + "00 UGX")
    assert first.short_message.endswith(b" ")
    stage.hear(first)
    stage.smsc.run(16)
    assert stage.ports.messages() == [told("nonsense")]
    assert stage.say("BUY 04123456784 200") == [0]
    bought = stage.ports.messages()[1]
    assert isinstance(bought, CreditVend), "the same text, whole, is another message"


def test_the_number_of_waiting_messages_is_bounded() -> None:
    stage = Stage(reassembly_messages=1)
    assert stage.hear(parts_of(LONG, 1)[0], parts_of(LONG, 2)[0]) == [None, 0x14]
    assert stage.channel.status()["waiting for parts"] == 1


def test_stop_gives_parts_back_to_the_network() -> None:
    stage = Stage()
    stage.hear(parts_of(LONG)[0])
    stopped = stage.channel.stop()
    stage.smsc.run()
    assert stage.answers() == [0x14]
    assert stage.say(BUY) == [0x14]
    assert stopped.called
    assert stage.channel.capacity() == 0


def test_stop_waits_for_what_is_being_journaled() -> None:
    stage = Stage()
    stage.ports.held = []
    stage.say(BUY)
    ended: list[None] = []
    stage.channel.stop().addCallback(ended.append)
    assert ended == []
    stage.ports.commit()
    assert ended == [None]
    stage.smsc.run()
    assert stage.answers() == [0]


QUOTE = QuoteView(
    meter=MeterView(drn="04123456784", own=True), tender=23_456, currency="UGX", units_tenths=301,
    lines=(LineView(code="energy", amount=19_878),), carried_forward=2, account="100001",
    credit=50_000,
)  # fmt: skip


def priced(says: Any, body: str) -> tuple[Stage, Any]:
    stage = Stage()
    stage.ports.says[quote_units] = says
    assert stage.say(body) == [0]
    (arrived,) = stage.ports.arrivals
    return stage, arrived.message


def test_what_units_cost_is_looked_up_and_told_with_the_purchase_to_type() -> None:
    stage, message = priced(QUOTE, "bei 04123456784 30.1")
    asked = [each for each in stage.ports.queries if each[0] == "quote_units"]
    assert [each[1:5] for each in asked] == [(PHONE, "04123456784", 301, "")]
    assert (message.template, message.language) == ("price", "sw")
    assert message.args["suggestion"] == "NUNUA 04123456784 23456"
    stage.send("price", message.args, "sw")
    assert b"UGX 23,456" in stage.sent()[-1].short_message


def test_why_a_price_is_not_told() -> None:
    no = refuse("meter-unknown", meter="04123456784")
    _, message = priced(no, "price 04123456784 30")
    assert message.template == "refusal"
    assert message.args["code"] == "meter-unknown"

"""Notices to phones: text, parts, and what became of them; and the receipts that follow."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.smpp import gsm0338
from adapters.smpp.pdu import SubmitSm
from adapters.smpp.segment import split_header
from core.messages import AskBalance, DeliveryReport, SendNotice
from hub.channel import Failed, Outbound, Sent
from tests.channels.harness import House
from tests.channels.sms.fixture import PHONE, Stage, receipt, tlv_receipt
from tests.hub.links.memory_smsc import outcome

SALE: dict[str, Any] = {
    "receipt": "A-0000123",
    "meter": "04123456784",
    "meter_name": "Home",
    "token": "54321098765432109876",
    "units_tenths": 281,
    "tender": 20000,
    "currency": "UGX",
    "lines": [
        {"code": "energy", "amount": 13587},
        {"code": "service", "amount": 3360},
        {"code": "vat", "amount": 3051},
    ],
    "carried_forward": 2,
    "at": 1_793_529_000_000_000,
}
TOKEN = "5432 1098 7654 3210 9876"


def texts(submits: list[SubmitSm]) -> list[str]:
    return [gsm0338.decode(split_header(pdu)[1], pdu.data_coding, "gsm") for pdu in submits]


def test_the_token_message_is_one_part_and_goes_to_the_phone() -> None:
    stage = Stage()
    done = stage.send("token", SALE)
    assert outcome(done) == Sent(("1",))
    (pdu,) = stage.sent()
    assert (pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi) == ("8888", 3, 0)
    assert (pdu.destination_addr, pdu.dest_addr_ton, pdu.dest_addr_npi) == ("256772123456", 1, 1)
    assert (pdu.registered_delivery, pdu.data_coding, pdu.esm_class) == (1, 0, 0)
    (text,) = texts([pdu])
    assert text.startswith(f"Token {TOKEN}\n28.1 kWh, meter 04123456784 Home\n")
    assert len(pdu.short_message) <= 160


def test_a_test_company_says_so_within_one_part() -> None:
    stage = Stage(House(test=True))
    stage.send("token", SALE)
    (text,) = texts(stage.sent())
    assert text.startswith("TEST Token")


def test_a_name_as_sender_and_the_link_s_own_fields() -> None:
    options = {"service_type": "CMT", "validity": "000000060000000R", "registered_delivery": 17}
    stage = Stage(sender="DemoPower", link_options=options)
    stage.send("help", {})
    (pdu,) = stage.sent()
    assert (pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi) == ("DemoPower", 5, 0)
    assert (pdu.service_type, pdu.validity_period) == ("CMT", "000000060000000R")
    assert pdu.registered_delivery == 17


@pytest.mark.parametrize("language", ["en", "fr", "sw"])
@pytest.mark.parametrize("template", ["token", "payment", "outcome-unknown", "nonsense"])
def test_common_messages_fit_one_part(language: str, template: str) -> None:
    stage = Stage()
    args = SALE if template == "token" else {}
    if template == "payment":
        args = {"account": "100001", "amount": 50000, "currency": "UGX", "credit": 50000}
    stage.send(template, args, language)
    (pdu,) = stage.sent()
    assert pdu.data_coding == 0, "only letters of the GSM alphabet"


def test_a_chinese_token_is_never_cut() -> None:
    stage = Stage()
    done = stage.send("token", SALE, "zh")
    assert len(stage.sent()) > 1
    assert sum(TOKEN in text for text in texts(stage.sent())) == 1
    assert outcome(done) == Sent(tuple(str(at + 1) for at in range(len(stage.sent()))))
    assert {pdu.data_coding for pdu in stage.sent()} == {8}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("0123456789", min_size=20, max_size=20), min_size=1, max_size=5),
    st.text("ab€[é 买", max_size=150),
    st.sampled_from(["udh8", "udh16", "sar"]),
    st.sampled_from(["en", "zh"]),
)
def test_no_token_is_ever_split(tokens: list[str], name: str, method: str, language: str) -> None:
    outgoing = _STAGES[method].channel.outgoing
    sales = [{**SALE, "token": token, "meter_name": name} for token in tokens]
    notice = SendNotice(
        way="sms", recipient=PHONE, template="last-tokens", args={"sales": sales}, language=language
    )
    parts = outgoing.parts("m1", notice)
    whole = [_read(part.short_message, part.esm_class, part.data_coding) for part in parts]
    for token in tokens:
        shown = " ".join(token[at : at + 4] for at in range(0, 20, 4))
        assert any(shown in text for text in whole)
    limit = 140 if parts[0].data_coding == 8 else 160
    assert all(len(part.short_message) <= limit for part in parts)


def _read(data: bytes, esm_class: int, coding: int) -> str:
    return gsm0338.decode(data[data[0] + 1 :] if esm_class & 0x40 else data, coding, "gsm")


_STAGES = {
    method: Stage(link_options={"long_messages": method}) for method in ("udh8", "udh16", "sar")
}


def test_a_message_sent_again_has_the_same_reference() -> None:
    stage = Stage()
    for message_id in ("m1", "m1", "m2"):
        stage.send("token", SALE, "zh", message_id=message_id)
    headers = [split_header(pdu)[0][0][0] for pdu in stage.sent()]
    per = len(headers) // 3
    assert len(set(headers[: 2 * per])) == 1
    assert headers[-1] != headers[0]


@pytest.mark.parametrize(
    ("language", "again"),
    [("en", "BUY 04123456784 20000 AGAIN"), ("sw", "NUNUA 04123456784 20000 TENA")],
)
def test_a_likely_repeat_says_what_to_send(language: str, again: str) -> None:
    stage = Stage()
    stage.send("repeat", {"sale": SALE}, language)
    text = "".join(texts(stage.sent()))
    assert TOKEN in text
    assert text.endswith(again)


def test_the_example_of_the_core_wins() -> None:
    stage = Stage()
    stage.send("repeat", {"sale": SALE, "text": "BUY Home AGAIN"})
    assert "".join(texts(stage.sent())).endswith("BUY Home AGAIN")


@pytest.mark.parametrize(
    ("label", "statuses", "retry", "error_class"),
    [
        ("for ever", [0x0B], False, "smsc"),
        ("for now", [0x08], True, "smsc"),
        ("second part for ever", [0, 0x0B], False, "smsc"),
    ],
)
def test_refusals(label: str, statuses: list[int], retry: bool, error_class: str) -> None:
    stage = Stage()
    stage.smsc.statuses = statuses
    failed = outcome(stage.send("token", SALE, "zh" if len(statuses) > 1 else "en"))
    assert isinstance(failed, Failed), label
    assert (failed.retry, failed.error_class) == (retry, error_class)


def test_no_response_is_unknown_and_goes_again() -> None:
    stage = Stage()
    stage.smsc.hold = True
    done = stage.send("token", SALE)
    stage.smsc.run(31)
    failed = outcome(done)
    assert isinstance(failed, Failed)
    assert (failed.retry, failed.error_class) == (True, "unknown")


def test_a_link_that_is_down_has_no_capacity() -> None:
    stage = Stage()
    assert stage.channel.capacity() == 20
    stage.smsc.peers[-1].drop()
    assert stage.channel.capacity() == 0
    failed = outcome(stage.send("token", SALE))
    assert isinstance(failed, Failed)
    assert (failed.retry, failed.error_class) == (True, "link")
    woken = stage.ports.wakes
    stage.smsc.run(60)
    assert stage.channel.capacity() == 20
    assert stage.ports.wakes > woken
    assert stage.channel.status()["state"] == "up"


@pytest.mark.parametrize(
    ("template", "args"),
    [("token", {**SALE, "token": ""}), ("no-such", {}), ("refusal", {"code": "x"})],
)
def test_a_text_that_cannot_be_made_goes_to_dead_letters(
    template: str, args: dict[str, Any]
) -> None:
    failed = outcome(Stage().send(template, args))
    assert isinstance(failed, Failed)
    assert (failed.retry, failed.error_class) == (False, "text")


def test_a_text_of_too_many_parts_is_a_mistake() -> None:
    failed = outcome(Stage().send("token", {**SALE, "meter_name": "x" * 2000}))
    assert isinstance(failed, Failed)
    assert "takes 15 messages" in failed.reason


def test_what_is_no_notice_is_refused() -> None:
    stage = Stage()
    done = stage.channel.send(Outbound("m1", AskBalance(phone=PHONE), 1, "c1"))
    assert outcome(done) == Failed("an SMS channel sends SMS notices", retry=False)


# --- receipts --------------------------------------------------------------------------------


def reports(stage: Stage) -> list[tuple[str, str, str]]:
    found = []
    for message in stage.ports.messages():
        assert isinstance(message, DeliveryReport)
        assert message.channel == "sms1"
        found.append((message.reference, message.state, message.detail))
    return found


@pytest.mark.parametrize(
    ("label", "pdu", "rule", "expected"),
    [
        ("delivered", receipt("00000001"), "same", ("1", "delivered", "DELIVRD")),
        ("other case and noughts", receipt("1"), "same", ("1", "delivered", "DELIVRD")),
        ("hex in the response", receipt("1"), "receipt-decimal", ("1", "delivered", "DELIVRD")),
        ("undeliverable", receipt("00000001", "UNDELIV"), "same", ("1", "failed", "UNDELIV")),
        ("expired", receipt("00000001", "EXPIRED"), "same", ("1", "expired", "EXPIRED")),
        ("rejected", receipt("00000001", "REJECTD"), "same", ("1", "failed", "REJECTD")),
        ("on its way", receipt("00000001", "ENROUTE", esm_class=0x20), "same",
         ("1", "sent", "ENROUTE")),
        ("by optional parameters", tlv_receipt("00000001", 2), "same",
         ("1", "delivered", "DELIVRD")),
        ("addresses not swapped",
         receipt("00000001", source_addr="8888", destination_addr="256772123456"), "same",
         ("1", "delivered", "DELIVRD")),
        ("by its text alone", receipt("00000001", esm_class=0), "same",
         ("1", "delivered", "DELIVRD")),
    ],
)  # fmt: skip
def test_receipts(label: str, pdu: Any, rule: str, expected: tuple[str, str, str]) -> None:
    by_text = label == "by its text alone"
    stage = Stage(link_options={"receipt_ids": rule, "receipts_by_text": by_text})
    stage.send("token", SALE)
    stage.smsc.run(2)
    assert stage.hear(pdu) == [0], label
    assert reports(stage) == [expected]
    (arrival,) = stage.ports.arrivals
    assert arrival.partition_ref == f"phone/{PHONE}"


def test_a_phone_cannot_write_a_receipt() -> None:
    stage = Stage()
    assert stage.hear(receipt("00000001", esm_class=0)) == [0]
    assert not any(isinstance(message, DeliveryReport) for message in stage.ports.messages())


def test_a_receipt_that_comes_twice_is_one_report() -> None:
    stage = Stage()
    assert stage.hear(receipt("A1"), receipt("A1"), receipt("A1", "EXPIRED")) == [0, 0, 0]
    assert [state for _, state, _ in reports(stage)] == ["delivered", "expired"]


def test_a_receipt_at_the_heels_of_its_response_waits_until_the_id_is_stored() -> None:
    stage = Stage()
    stage.send("token", SALE)
    assert stage.hear(receipt("00000001")) == [None]
    stage.smsc.run(1.1)
    assert stage.answers() == [0]
    assert reports(stage) == [("1", "delivered", "DELIVRD")]


def test_a_receipt_before_its_response_waits_for_it() -> None:
    stage = Stage()
    stage.smsc.hold = True
    done = stage.send("token", SALE)
    assert stage.hear(receipt("00000001")) == [None]
    stage.smsc.answer()
    assert outcome(done) == Sent(("1",))
    assert stage.answers() == [None]
    stage.smsc.run(1.1)
    assert stage.answers() == [0]


def test_a_receipt_that_nobody_claims_is_told_in_the_end() -> None:
    stage = Stage()
    stage.smsc.hold = True
    stage.send("token", SALE)
    assert stage.hear(receipt("FF")) == [None]
    stage.smsc.run(5.1)
    assert stage.answers() == [0]
    assert reports(stage) == [("ff", "delivered", "DELIVRD")]
    stage.smsc.answer()


def test_own_receipts_only() -> None:
    stage = Stage(receipts="own")
    foreign = msgspec.structs.replace(receipt("A1"), destination_addr="9999")
    assert stage.hear(foreign, receipt("A2")) == [0x66, 0]


def test_intermediate_news_never_ends_anything() -> None:
    stage = Stage()
    stage.hear(receipt("A1", "DELIVRD", esm_class=0x20))
    assert [state for _, state, _ in reports(stage)] == ["sent"]

"""``find``: what happened, from any end, by indexes only, in words and in the company's time."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.messages import AskBalance, ConfirmVend, DeliveryReport, Recipient, SendNotice
from core.store.tx import Reader
from hub.channel import Failed, Sent
from hub.journal import Noted
from hub.stories import Story
from hub.storywords import Lens, as_object, details, headline
from hub.timeline import Hops, find
from tests.hub.machine import METER, PHONE, Machine, buy, enrol, fresh_sqlite, pay

LENS = Lens("Africa/Kampala", "UGX")
TO_PHONE = Recipient(way="sms", address=PHONE)
OTHER_PHONE, OTHER_METER = "+256700000002", "01000000008"
SECOND = 1_000_000


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    return machine


def look(machine: Machine, typed: str, limit: int = 20) -> list[Any]:
    with machine.store.reader() as reader:
        return list(find(reader, "demo", "256", typed, limit).stories)


def said(machine: Machine, typed: str) -> list[str]:
    return [headline(story, LENS) for story in look(machine, typed)]


def sold(machine: Machine) -> tuple[str, str]:
    """A purchase at 09:14:03, its token sent at :04 and delivered at :09."""
    machine.time.at_us += 14 * 60 * SECOND + 3 * SECOND
    heard = machine.accept(buy(), "buy")
    machine.intake.step()
    machine.worker.step()
    machine.time.at_us += SECOND
    machine.settle()
    machine.time.at_us += 5 * SECOND
    report = DeliveryReport(channel="sms", reference="ref1", state="delivered")
    machine.do(report, "report", ref=f"phone/{PHONE}")
    answer = machine.answer(heard[0].message_id)
    return answer.data["token"], heard[0].message_id


def test_a_purchase_is_told_in_one_sentence(machine: Machine) -> None:
    token, _ = sold(machine)
    (words,) = said(machine, "0700 000 001")
    assert words == (
        "bought 28.1 kWh for 20,000 UGX for meter 04123456784 from account 100001, "
        f"receipt DP-00000001, token **** {token[-4:]}; "
        f"token sent by SMS to {PHONE} 09:14:04, delivered 09:14:09"
    )
    (story,) = look(machine, PHONE)
    assert re.fullmatch(r"2026-11-21T09:14:03\.\d{3}\+03:00", LENS.stamp(story.at_us))


def test_the_same_story_is_found_from_every_end(machine: Machine) -> None:
    token, message_id = sold(machine)
    spaced = " ".join(token[i : i + 4] for i in range(0, 20, 4))
    ends = (PHONE, METER, "0412 3456 784", "DP-00000001", "dp-00000001", spaced, message_id)
    for typed in ends:
        assert [w for w in said(machine, typed) if "receipt DP-00000001" in w], typed
    assert any("receipt DP-00000001" in words for words in said(machine, "100001"))


def test_tokens_show_only_through_a_lens_that_shows_them(machine: Machine) -> None:
    token, _ = sold(machine)
    (story,) = look(machine, "DP-00000001")
    told = repr((headline(story, LENS), details(story, LENS), as_object(story, LENS)))
    assert token not in told.replace(" ", "")
    open_lens = Lens("Africa/Kampala", "UGX", show_token=True)
    assert token in headline(story, open_lens).replace(" ", "")
    assert as_object(story, open_lens)["messages"][0]["sale"]["token"].replace(" ", "") == token


def test_a_receipt_of_the_network_stands_in_the_story_of_what_it_is_about(
    machine: Machine,
) -> None:
    sold(machine)
    stray = DeliveryReport(channel="sms", reference="nobody", state="delivered")
    with_it = machine.accept(stray, "stray", ref=f"phone/{PHONE}")
    machine.settle()
    words = said(machine, "100001")
    assert [w for w in words if "the network sms reported" in w] == [words[-1]]
    assert "the network sms reported nobody as delivered" in words[-1]
    (purchase,) = [s for s in look(machine, "100001") if "bought" in headline(s, LENS)]
    assert headline(purchase, LENS).count("delivered") == 1
    assert "notices.delivery-report: done" in [line for _, line in details(purchase, LENS)]
    assert [s.steps[0].id for s in look(machine, with_it[0].message_id)] == [with_it[0].message_id]


def test_a_reference_that_a_network_uses_again_is_about_the_newest_before_it(
    machine: Machine,
) -> None:
    machine.channel.results = [Sent(("again",)) for _ in range(3)]
    for number, state in ((1, "sent"), (2, "delivered")):
        machine.do(AskBalance(phone=PHONE, reply=(TO_PHONE,)), f"balance{number}")
        report = DeliveryReport(channel="sms", reference="again", state=state)
        machine.do(report, f"report{number}", ref=f"phone/{PHONE}")
    machine.do(AskBalance(phone=PHONE, reply=(TO_PHONE,)), "balance3")
    asked = [s for s in look(machine, "100001") if "balance" in headline(s, LENS)]
    reported = [[s.body.state for s in story.steps if type(s.body) is DeliveryReport]
                for story in asked]  # fmt: skip
    assert reported == [["sent"], ["delivered"], []]


def test_a_repeat_of_the_wire_stands_in_the_story_of_its_first(machine: Machine) -> None:
    sold(machine)
    machine.accept(buy(), "buy")
    machine.accept(buy(9_000), "buy")
    machine.settle()
    (story,) = look(machine, PHONE)
    lines = [line for _, line in details(story, LENS)]
    assert sum("a repeat, answered from store" in line for line in lines) == 1
    assert sum("quarantined" in line for line in lines) == 1
    assert [at for at, _ in details(story, LENS)] == sorted(at for at, _ in details(story, LENS))


def test_a_refusal_has_the_operators_sentence_and_is_found_by_the_mistyped_meter(
    machine: Machine,
) -> None:
    machine.do(buy(meter="04123456789"), "wrong")
    for typed in (PHONE, "04123456789"):
        (words,) = said(machine, typed)
        assert "asked to buy for 20,000 UGX for meter 04123456789: refused." in words
        assert "fails its check digit" in words
        assert "refusal sent by SMS" in words


def test_a_payment_and_an_enrolment_are_found_by_account(machine: Machine) -> None:
    assert said(machine, "100001") == [
        "was enrolled as account 100001",
        "paid 50,000 UGX (cash, desk main) to account 100001; credit 50,000 UGX",
    ]


def test_a_purchase_for_anothers_meter_is_found_by_the_payers_account(machine: Machine) -> None:
    from core.messages import MeterLink

    other = MeterLink(drn=OTHER_METER, sgc="201457")
    machine.do(enrol("100002", phone=OTHER_PHONE, meter=other), "enrol2")
    asked = machine.do(buy(meter=OTHER_METER), "ask")
    reply = (Recipient(way="sms", address=PHONE),)
    machine.do(ConfirmVend(phone=PHONE, code=asked.args["code"], reply=reply), "yes")
    bought = f"for meter {OTHER_METER} from account 100001"
    for typed in (PHONE, "100001", OTHER_METER):
        assert any(bought in words for words in said(machine, typed)), typed
    assert not any(bought in words for words in said(machine, OTHER_PHONE))


def test_what_is_stuck_says_so(machine: Machine) -> None:
    machine.channel.results = [Failed("no route", retry=True), Failed("gone", retry=False)]
    machine.accept(buy(), "stuck")
    machine.settle()
    (words,) = said(machine, PHONE)
    assert "token by SMS to +256700000001 not sent yet: is tried again, 1 attempts so far" in words
    machine.time.at_us += 60 * SECOND
    machine.sweeper.step()
    machine.settle()
    (words,) = said(machine, PHONE)
    assert "token by SMS to +256700000001 failed" in words
    assert "(gone)" in words


def test_menu_screens_are_one_line_per_session(machine: Machine) -> None:
    for hop in range(3):
        machine.intake.record(Noted("demo", "ussd", f"s1/{hop}", PHONE, "raw"))
        machine.settle()
        machine.time.at_us += SECOND
    machine.time.at_us += 3_600 * SECOND
    machine.intake.record(Noted("demo", "ussd", "s2/0", PHONE, "raw"))
    machine.settle()
    sessions = look(machine, PHONE)
    assert [len(s.arrivals) for s in sessions if isinstance(s, Hops)] == [3, 1]
    assert headline(sessions[0], LENS) == "looked at 3 menu screens by ussd"
    assert next(line for _, line in details(sessions[0], LENS)) == "screen s1/0"
    assert as_object(sessions[0], LENS)["words"].startswith("looked at")


def test_the_newest_stories_are_kept_and_told_oldest_first(machine: Machine) -> None:
    for number in range(5):
        machine.do(AskBalance(phone=PHONE), f"balance{number}")
        machine.time.at_us += SECOND
    found = look(machine, PHONE, limit=3)
    assert len(found) == 3
    assert [s.at_us for s in found] == sorted(s.at_us for s in found)
    assert all(isinstance(s, Story) for s in found)
    assert headline(found[-1], LENS) == "asked for the balance"
    assert found[-1].at_us == max(s.at_us for s in look(machine, PHONE))


@pytest.mark.parametrize(
    "typed", ["+256711111111", "01000000008", "DP-9", "12345678901234567890", "999", "", "?"]
)
def test_nothing_is_found_where_nothing_happened(machine: Machine, typed: str) -> None:
    assert look(machine, typed) == []


def test_an_unreadable_message_is_told_without_its_body(machine: Machine) -> None:
    from hub.stories import step_of

    step = step_of(("id", "wattbus.x.Y.v1", "sms", "k", PHONE, "id", "", 1, "{not json"))
    assert step.body is None
    assert headline(Story("id", [step]), LENS) == "sent wattbus.x.Y.v1"


def test_a_notice_without_its_command_is_a_story_too(machine: Machine) -> None:
    notice = SendNotice(way="sms", recipient=PHONE, template="hello", args={})
    machine.channel.results = [Sent(())]
    machine.accept(notice, "note", ref=f"phone/{PHONE}")
    machine.settle()
    assert said(machine, PHONE) == ["sent a notice"]


class Explaining:
    """A reader that keeps the query plan of every statement that it runs."""

    def __init__(self, inner: Reader) -> None:
        self.inner = inner
        self.plans: list[tuple[str, str]] = []

    def rows(self, sql: str, /, **params: Any) -> list[tuple[Any, ...]]:
        plan = self.inner.rows(f"EXPLAIN QUERY PLAN {sql}", **params)
        self.plans += [(str(row[3]), sql) for row in plan]
        return self.inner.rows(sql, **params)


@contextmanager
def explaining(machine: Machine) -> Iterator[Explaining]:
    with machine.store.reader() as reader:
        yield Explaining(reader)


#: A scan of one of these would grow with every message that ever was; json_each is a parameter.
BIG_SCAN = re.compile(r"^SCAN (?!json_each|value)")


def test_no_search_ever_scans_a_table(machine: Machine) -> None:
    token, message_id = sold(machine)
    machine.intake.record(Noted("demo", "ussd", "s1/0", PHONE, "raw"))
    machine.settle()
    for typed in (PHONE, METER, "100001", "DP-00000001", token, message_id, "08031234567"):
        with explaining(machine) as reader:
            find(reader, "demo", "256", typed, 20)
        assert reader.plans, typed
        scans = [(plan, sql) for plan, sql in reader.plans if BIG_SCAN.match(plan)]
        assert scans == [], typed
        assert any(plan.startswith("SEARCH") for plan, _ in reader.plans), typed

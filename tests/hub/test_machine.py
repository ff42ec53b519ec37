"""The machine as a whole on SQLite, stepped by hand: one sale from arrival to notice."""

from pathlib import Path

import pytest

from core.messages import MeterLink, Outcome, PhoneLink, SendNotice
from core.sts.amounts import decode_units
from core.sts.meter_id import meter_pan
from core.sts.module import MeterKey
from hub.channel import Accepted, KeyReused
from hub.texts import Texts, read_folder
from tests.hub.machine import METER, PHONE, Machine, buy, enrol, fresh_sqlite, pay
from tests.hub.sales import drn_of


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(fresh_sqlite(tmp_path))
    assert machine.do(enrol(), "enrol").outcome is Outcome.DONE
    assert machine.do(pay(50_000), "pay").data["credit"] == 50_000
    return machine


def test_the_first_sale_has_the_lines_of_the_published_case(machine: Machine) -> None:
    answer = machine.do(buy(), "buy")
    assert answer.outcome is Outcome.DONE
    amounts = {line["code"]: 0 for line in answer.data["lines"]}
    for line in answer.data["lines"]:
        amounts[line["code"]] += line["amount"]
    assert amounts == {"service": 3_360, "vat": 3_051, "energy": 13_587}
    assert answer.data["carried_forward"] == 2
    assert answer.data["units_tenths"] == 281
    assert answer.data["receipt"] == "DP-00000001"


def test_the_token_decodes_to_the_units_sold(machine: Machine) -> None:
    answer = machine.do(buy(), "buy")
    key = MeterKey("demo", meter_pan(METER), 11, "201457", 1, "01")
    decoded = machine.terms.module.decode(key, answer.data["token"])
    assert decode_units(decoded.data.fields["amount"]) == answer.data["units_tenths"]


def test_tokens_of_one_minute_differ_also_after_a_change_of_base_date(tmp_path: Path) -> None:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(meter=MeterLink(drn=METER, sgc="201457", base_year=1993)), "enrol")
    machine.do(pay(50_000), "pay")
    for number in range(3):
        assert machine.do(buy(another=True, tender=10_000), f"k{number}").outcome is Outcome.DONE
    ((first,), (second,), (third,)) = machine.rows("SELECT tid FROM token ORDER BY id")
    assert (second, third) == (first + 1, first + 2)
    assert machine.rows("SELECT last_tid, base_year FROM meter") == [(third, 2014)]


def test_the_ledger_sums_to_zero_and_credit_is_the_sum_of_its_postings(machine: Machine) -> None:
    machine.do(buy(), "buy")
    assert machine.rows("SELECT sum(amount) FROM posting") == [(0,)]
    ((credit,),) = machine.rows("SELECT credit FROM account")
    assert machine.rows("SELECT -sum(amount) FROM posting WHERE ledger = 'customer-credit'") == [
        (credit,)
    ]
    assert credit == 50_000 - 20_000 + 2


def test_the_notice_goes_out_once_and_is_marked_sent(machine: Machine) -> None:
    machine.do(buy(), "buy")
    assert [o.message.template for o in machine.channel.sent] == ["token"]
    assert machine.rows("SELECT state, recipient FROM notice") == [("sent", PHONE)]
    assert machine.unaccounted() == 0


def test_the_buyers_own_name_for_the_meter_stands_in_his_messages(machine: Machine) -> None:
    texts = Texts(read_folder(), machine.terms)
    assert machine.do(buy(), "b1").data["meter_name"] == "Home"
    machine.do(buy(), "b2")  # a likely repeat: he is shown the earlier sale
    token, repeat = (out.message for out in machine.channel.sent)
    assert isinstance(token, SendNotice)
    assert isinstance(repeat, SendNotice)
    assert f"meter {METER} Home\n" in texts.render("token", "en", token.args)
    assert repeat.args["sale"]["meter_name"] == "Home"


def test_a_long_name_of_a_meter_is_cut_and_that_of_another_phone_is_not_said(
    machine: Machine,
) -> None:
    long = PhoneLink(msisdn="+256700000009", meter_name="Grandmother's house in Jinja")
    other = enrol("100009", drn_of(9), long.msisdn, phones=(long,))
    machine.do(other, "enrol9")
    machine.do(pay(50_000, "100009"), "pay9")
    bought = machine.do(buy(meter=drn_of(9), phone=long.msisdn), "b1")
    assert bought.data["meter_name"] == "Grandmother's house "
    stranger = machine.do(buy(meter=drn_of(9), holder_confirmed=True), "b2")
    assert stranger.outcome is Outcome.DONE
    assert "meter_name" not in stranger.data


def test_a_wire_repeat_gets_the_stored_answer_and_other_content_is_refused(
    machine: Machine,
) -> None:
    first = machine.accept(buy(), "k1")
    twice = machine.accept(buy(), "k1")
    machine.settle()
    later = machine.accept(buy(), "k1")
    changed = machine.accept(buy(9_000), "k1")
    machine.settle()
    assert isinstance(first[0], Accepted)
    assert not first[0].repeat
    assert twice[0].repeat
    assert twice[0].message_id == first[0].message_id
    assert later[0].answer.data["token"] == machine.answer(first[0].message_id).data["token"]
    assert isinstance(changed[0].value, KeyReused)
    assert machine.rows("SELECT count(*) FROM sale") == [(1,)]
    assert machine.unaccounted() == 0


def test_a_likely_repeat_is_asked_about_and_another_is_sold(machine: Machine) -> None:
    first = machine.do(buy(), "k1")
    second = machine.do(buy(), "k2")
    assert (second.outcome, second.code) == (Outcome.REFUSED, "likely-repeat")
    assert second.data["token"] == first.data["token"]
    third = machine.do(buy(another=True), "k3")
    assert third.outcome is Outcome.DONE
    assert third.data["token"] != first.data["token"]
    assert third.data["units_tenths"] < first.data["units_tenths"]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (buy(meter="04123456789"), "meter-check-digit"),
        (buy(meter="0412"), "meter-length"),
        (buy(meter="01000000008"), "meter-unknown"),
        (buy(tender=0), "tender-not-positive"),
        (buy(tender=60_000), "credit-insufficient"),
        (buy(tender=100), "tender-too-small"),
        (buy(phone="+256700000009"), "phone-not-registered"),
    ],
)
def test_refusals(machine: Machine, command: object, code: str) -> None:
    answer = machine.do(command, "k")  # type: ignore[arg-type]
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, code)
    assert machine.rows("SELECT count(*) FROM sale") == [(0,)]
    assert [o.message.template for o in machine.channel.sent] == ["refusal"]
    assert machine.unaccounted() == 0


def test_the_registered_language_wins_over_the_spoken_one(tmp_path: Path) -> None:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(phones=(PhoneLink(msisdn=PHONE, language="sw"),)), "enrol")
    machine.do(pay(50_000), "pay")
    machine.do(buy(), "buy")
    (told,) = machine.channel.sent
    assert isinstance(told.message, SendNotice)
    assert told.message.language == "sw"


def test_what_the_network_delivers_again_after_an_outage_is_no_second_sale(
    machine: Machine,
) -> None:
    """The window has passed while the link was down; the channel says that it has just bound."""
    first = machine.do(buy(), "text", valid_for_s=600.0)
    machine.time.at_us += 3_600_000_000
    again = machine.accept(buy(), "text", valid_for_s=600.0, grace_s=86_400.0)
    machine.settle()
    assert again[0].repeat
    assert again[0].answer == first
    later = machine.do(buy(), "text", valid_for_s=600.0)
    assert later.data["token"] != first.data["token"]
    assert machine.unaccounted() == 0


def test_a_no_is_asked_anew_after_a_while_and_a_yes_never(machine: Machine) -> None:
    options = {"valid_for_s": 600.0, "ask_again_after_s": 30.0}
    assert machine.do(buy(60_000), "text", **options).code == "credit-insufficient"
    machine.do(pay(50_000), "more")
    at_once = machine.accept(buy(60_000), "text", **options)
    machine.settle()
    assert at_once[0].repeat, "the network's own repeat comes at once"
    machine.time.at_us += 31_000_000
    assert machine.do(buy(60_000), "text", **options).outcome is Outcome.DONE
    machine.time.at_us += 31_000_000
    assert machine.accept(buy(60_000), "text", **options) is not None
    machine.settle()
    assert machine.rows("SELECT count(*) FROM sale") == [(1,)]
    assert machine.unaccounted() == 0

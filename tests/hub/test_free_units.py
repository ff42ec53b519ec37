"""Free basic units: once a month, with a purchase or without; in the books and in the proof."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from core.messages import (
    Answer,
    AskLastTokens,
    ClaimFreeUnits,
    EndFreeUnits,
    GiveFreeUnits,
    MeterLink,
    Outcome,
    PhoneLink,
    Recipient,
    SendNotice,
)
from core.sts.errors import ModuleAwayError
from core.sts.meter_state import Result
from hub.proof import EVERYTHING, Proof
from hub.storywords import Lens, headline
from hub.texts import Texts, read_folder
from hub.timeline import find
from tests.hub.acting import acting, approved, ask, books, meter, sold
from tests.hub.machine import METER, PHONE, Machine, buy, enrol
from tests.hub.sales import change, drn_of, refused, set_clock

TO = (Recipient(way="sms", address=PHONE),)
OTHER, OTHER_PHONE = drn_of(7), "+256700000002"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = acting(tmp_path, help_line="0800", languages=("en",))
    set_clock(made, "2026-11-21T09:00:00")
    return made


def entitled(machine: Machine, key: str = "give", **changes: Any) -> Answer:
    command = GiveFreeUnits(operator="mary", meter=METER, tenths=150, reason="poor household 118")
    answer = machine.do(replace(command, **changes), key)
    assert answer.outcome == Outcome.DONE, answer
    return answer


def claim(machine: Machine, key: str, phone: str = PHONE, drn: str = "") -> Answer:
    return machine.do(ClaimFreeUnits(phone=phone, meter=drn, reply=TO), key)


def given(machine: Machine, key: str, **where: Any) -> dict[str, Any]:
    answer = claim(machine, key, **where)
    assert answer.outcome == Outcome.DONE, answer
    return dict(answer.data)


def proved(machine: Machine) -> list[Any]:
    proof = Proof(machine.store.reader, EVERYTHING, {"demo": "Africa/Kampala"})
    list(proof.run())
    return proof.findings.listed


def told(machine: Machine) -> str:
    message = machine.channel.sent[-1].message
    assert isinstance(message, SendNotice)
    return Texts(read_folder(), machine.terms).render(message.template, "en", message.args)


# --- a claim without a purchase -----------------------------------------------------------------


def test_they_are_given_once_and_then_as_a_copy(machine: Machine) -> None:
    entitled(machine)
    first = given(machine, "c1")
    assert (first["units_tenths"], first["meter"], "copy" in first) == (150, METER, False)
    assert first["months"] == ["2026-11", "2026-11"]
    now = machine.time.now_us()
    wall = meter()
    assert wall.enter(first["free_token"], now).result is Result.ACCEPT
    assert wall.tenths == 150
    assert told(machine) == (
        "TEST Free units: token "
        + " ".join(first["free_token"][at : at + 4] for at in range(0, 20, 4))
        + f"\n15.0 kWh, meter {METER}. You pay nothing for it."
    )
    again = given(machine, "c2", drn=METER)
    assert (again["free_token"], again["copy"]) == (first["free_token"], True)
    assert told(machine).startswith("TEST COPY\nFree units")
    assert machine.rows("SELECT cause, subclass, value FROM token") == [("free-units", 0, 150)]
    assert not proved(machine)


def test_they_are_worth_what_they_would_have_been_sold_for(machine: Machine) -> None:
    """15 kWh at 250; no service fee, no VAT, no debts, and nothing of the customer's credit."""
    entitled(machine)
    before = machine.rows("SELECT credit FROM account")
    given(machine, "c1")
    assert books(machine, "free-units") == {"expense:free-units": 3_750, "revenue:energy": -3_750}
    assert machine.rows("SELECT amount FROM free_claim") == [(3_750,)]
    assert machine.rows("SELECT credit FROM account") == before


@pytest.mark.parametrize(("in_blocks", "units"), [(False, 281), (True, 230)])
def test_they_count_in_the_months_blocks_where_it_is_said_so(
    machine: Machine, in_blocks: bool, units: int
) -> None:
    entitled(machine, in_blocks=in_blocks)
    given(machine, "c1")
    assert sold(machine)["units_tenths"] == pytest.approx(units, abs=51)
    (state,) = machine.rows("SELECT units_milli FROM agreement_state")
    bought = machine.rows("SELECT units_tenths FROM sale")[0][0]
    assert state[0] == bought * 100 + (15_000 if in_blocks else 0)
    assert (bought == 281) is not in_blocks


def test_a_month_is_one_of_the_companys_zone(machine: Machine) -> None:
    """Kampala is three hours ahead of UTC: its December begins at 21:00 of 30 November."""
    entitled(machine)
    first = given(machine, "c1")["free_token"]
    set_clock(machine, "2026-11-30T23:59:00")
    assert given(machine, "c2")["free_token"] == first
    set_clock(machine, "2026-12-01T00:00:30")
    second = given(machine, "c3")
    assert (second["free_token"] != first, second["months"]) == (True, ["2026-12", "2026-12"])
    set_clock(machine, "2026-11-30T23:58:00")  # a clock that is set back opens no month again
    assert given(machine, "c4")["copy"] is True


def test_what_lapses_is_gone(machine: Machine) -> None:
    entitled(machine)
    set_clock(machine, "2027-03-02T10:00:00")
    assert given(machine, "c1")["units_tenths"] == 150


def test_what_cumulates_comes_together_up_to_its_cap(machine: Machine) -> None:
    entitled(machine, unclaimed="cumulate", cap_months=3)
    set_clock(machine, "2026-12-05T10:00:00")
    data = given(machine, "c1")
    assert (data["units_tenths"], data["months"]) == (300, ["2026-11", "2026-12"])
    set_clock(machine, "2027-06-05T10:00:00")
    data = given(machine, "c2")
    assert (data["units_tenths"], data["months"]) == (450, ["2027-04", "2027-06"])
    assert machine.rows("SELECT sum(tenths) FROM free_claim") == [(750,)]
    assert not proved(machine)


def test_what_the_meter_cannot_take_at_once_comes_with_the_next_claim(machine: Machine) -> None:
    entitled(machine, unclaimed="cumulate", cap_months=3)
    change(machine, "UPDATE meter SET max_credit_tenths = 300")
    set_clock(machine, "2027-01-05T10:00:00")
    assert given(machine, "c1")["months"] == ["2026-11", "2026-12"]
    assert given(machine, "c2")["months"] == ["2027-01", "2027-01"]
    assert given(machine, "c3")["copy"] is True
    set_clock(machine, "2027-02-05T10:00:00")
    change(machine, "UPDATE meter SET max_credit_tenths = 100")
    refused(claim(machine, "c4"), "act-not-possible")


# --- with a purchase ----------------------------------------------------------------------------


def test_the_first_purchase_of_the_month_brings_them(machine: Machine) -> None:
    entitled(machine)
    sale = sold(machine)
    assert (sale["units_tenths"], sale["free_tenths"]) == (281, 150)
    text = told(machine)
    free = " ".join(sale["free_token"][at : at + 4] for at in range(0, 20, 4))
    assert text.endswith(f"\nFree units: token {free}, 15.0 kWh")
    now, wall = machine.time.now_us(), meter()
    assert wall.enter(sale["token"], now).result is Result.ACCEPT
    assert wall.enter(sale["free_token"], now).result is Result.ACCEPT
    assert wall.tenths == 431
    assert machine.rows("SELECT cause FROM token ORDER BY id") == [("sale",), ("free-units",)]
    (free_tid,), (sale_tid,) = machine.rows("SELECT tid FROM token ORDER BY cause")
    assert free_tid == sale_tid + 1
    more = machine.do(buy(10_000, another=True), "second").data
    assert "free_token" not in more
    assert not proved(machine)
    assert given(machine, "free")["free_token"] == sale["free_token"]
    copies = machine.do(AskLastTokens(phone=PHONE, reply=TO), "last").data["sales"]
    assert [each.get("free_token", "") for each in copies] == ["", sale["free_token"]]


def test_a_strangers_purchase_does_not_bring_them(machine: Machine) -> None:
    other = enrol(
        "100002", OTHER, OTHER_PHONE, meter=MeterLink(drn=OTHER, sgc="201457"),
        phones=(PhoneLink(msisdn=OTHER_PHONE, meter_name="Home"),),
    )  # fmt: skip
    machine.do(other, "other")
    entitled(machine)
    change(machine, "UPDATE account SET credit = 50000")
    answer = machine.do(buy(20_000, phone=OTHER_PHONE, holder_confirmed=True), "theirs")
    assert answer.outcome == Outcome.DONE, answer
    assert "free_token" not in answer.data
    assert "copy" not in given(machine, "mine")


def test_a_purchase_does_not_fail_for_what_is_given_away(machine: Machine) -> None:
    """The free token would run too far ahead of the clock: the sale goes on without it."""
    entitled(machine)
    change(machine, "UPDATE meter SET last_tid = (:now - 1388534400) / 60 + 59", now=1_795_240_800)
    sale = sold(machine)
    assert "free_token" not in sale
    assert machine.rows("SELECT count(*) FROM free_claim") == [(0,)]
    set_clock(machine, "2026-11-21T12:00:00")
    assert given(machine, "c1")["units_tenths"] == 150
    assert not proved(machine)


def test_support_reads_what_was_given(machine: Machine) -> None:
    entitled(machine)
    sale = sold(machine)
    given(machine, "c1")
    with machine.store.reader() as reader:
        stories = find(reader, "demo", "256", PHONE, 20).stories
        (by_token,) = find(reader, "demo", "256", sale["free_token"], 20).stories
    lens = Lens("Africa/Kampala", "UGX")
    assert "bought 28.1 kWh" in headline(by_token, lens)
    words = [headline(each, lens) for each in stories]
    masked = f"token **** {sale['free_token'][-4:]}"
    assert any(f", and 15.0 kWh for free, {masked}" in each for each in words)
    assert any(f"asked again for its free units, 15.0 kWh for meter {METER}, {masked}" in each
               for each in words)  # fmt: skip
    assert not any(sale["free_token"] in each for each in words)


def test_a_claim_is_found_by_its_digits_and_by_its_meter(machine: Machine) -> None:
    entitled(machine)
    token = given(machine, "c1")["free_token"]
    lens = Lens("Africa/Kampala", "UGX")
    for typed in (token, METER):
        with machine.store.reader() as reader:
            words = [
                headline(each, lens) for each in find(reader, "demo", "256", typed, 20).stories
            ]
        assert any("got free units, 15.0 kWh" in each for each in words), typed


def test_a_module_that_goes_away_in_between_costs_only_the_free_token(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    entitled(machine)
    module = machine.terms.module
    issue, asked = module.issue_credit, []

    def once(*args: Any) -> Any:
        asked.append(args)
        if len(asked) == 2:
            raise ModuleAwayError("the module does not answer", where="box")
        return issue(*args)

    monkeypatch.setattr(module, "issue_credit", once)
    assert "free_token" not in sold(machine)
    assert given(machine, "c1")["units_tenths"] == 150
    assert not proved(machine)


# --- who may ------------------------------------------------------------------------------------


def test_nobody_gets_what_he_is_not_entitled_to(machine: Machine) -> None:
    refused(claim(machine, "c1"), "no-entitlement")
    refused(claim(machine, "c2", drn=METER), "no-entitlement")
    refused(claim(machine, "c3", phone="+256700000009"), "phone-not-registered")
    entitled(machine, from_month=202612)
    refused(claim(machine, "c4"), "no-entitlement")
    set_clock(machine, "2026-12-02T10:00:00")
    given(machine, "c5")
    ended = machine.do(EndFreeUnits(operator="mary", meter=METER, reason="moved"), "end")
    assert ended.data["ended"] is True
    refused(claim(machine, "c6"), "no-entitlement")
    refused(machine.do(EndFreeUnits(operator="mary", meter=METER, reason="m"), "end2"),
            "entitlement-none")  # fmt: skip
    entitled(machine, "give2", from_month=202701, to_month=202701)
    set_clock(machine, "2027-02-01T10:00:00")
    refused(claim(machine, "c7"), "no-entitlement")


def test_anothers_meter_shows_nothing_of_its_entitlement(machine: Machine) -> None:
    other = enrol("100002", OTHER, OTHER_PHONE, meter=MeterLink(drn=OTHER, sgc="201457"))
    machine.do(other, "other")
    entitled(machine)
    refused(claim(machine, "c1", phone=OTHER_PHONE, drn=METER), "no-entitlement")


def test_of_several_meters_one_is_named(machine: Machine) -> None:
    other = enrol("100002", OTHER, PHONE, meter=MeterLink(drn=OTHER, sgc="201457"))
    machine.do(other, "other")
    entitled(machine)
    assert given(machine, "c1")["meter"] == METER
    entitled(machine, "give2", meter=OTHER)
    refused(claim(machine, "c2"), "free-units-which")
    assert given(machine, "c3", drn=OTHER)["meter"] == OTHER


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"operator": "peter"}, "act-no-role"),
        ({"operator": "eve"}, "operator-unknown"),
        ({"tenths": 1_001}, "act-over-limit"),
        ({"tenths": 0}, "entitlement-wrong"),
        ({"tenths": 20_000}, "entitlement-wrong"),
        ({"reason": " "}, "act-wrong"),
        ({"cap_months": 2}, "entitlement-wrong"),
        ({"unclaimed": "cumulate", "cap_months": 13}, "entitlement-wrong"),
        ({"from_month": 202610}, "entitlement-wrong"),
        ({"from_month": 202613}, "entitlement-wrong"),
        ({"from_month": 202612, "to_month": 202611}, "entitlement-wrong"),
        ({"meter": OTHER}, "meter-unknown"),
    ],
)
def test_what_cannot_be_given(machine: Machine, changes: dict[str, Any], code: str) -> None:
    command = GiveFreeUnits(operator="mary", meter=METER, tenths=150, reason="118")
    refused(machine.do(replace(command, **changes), "give"), code)
    assert machine.rows("SELECT count(*) FROM entitlement") == [(0,)]


def test_one_entitlement_at_a_time(machine: Machine) -> None:
    entitled(machine, to_month=202611)
    command = GiveFreeUnits(operator="mary", meter=METER, tenths=10, reason="118")
    refused(machine.do(command, "two"), "entitlement-exists")
    set_clock(machine, "2026-12-02T10:00:00")
    entitled(machine, "three", tenths=20)
    assert given(machine, "c1")["units_tenths"] == 20


# --- what happens after -------------------------------------------------------------------------


def test_a_replaced_token_is_the_one_that_is_copied(machine: Machine) -> None:
    entitled(machine)
    first = given(machine, "c1")["free_token"]
    change(machine, "UPDATE meter SET ti = '02'")
    new = approved(machine, ask("replacement", token=first)).data["token"]
    assert given(machine, "c2")["free_token"] == new != first
    change(machine, "UPDATE meter SET ti = '03'")
    machine.do(enrol("100002", OTHER, OTHER_PHONE, meter=MeterLink(drn=OTHER, sgc="201457")), "o")
    approved(machine, ask("reallocation", meter=OTHER, from_meter=METER, token=new), "move")
    assert refused(claim(machine, "c3"), "free-units-taken")["month"] == "2026-11"
    assert not proved(machine)


def test_what_a_thief_takes_is_found(machine: Machine) -> None:
    entitled(machine)
    given(machine, "c1")
    change(machine, "UPDATE free_claim SET tenths = 100, amount = 1")
    assert sorted(each.code for each in proved(machine)) == ["cause-differs", "claim-amount"]
    change(machine, "DELETE FROM free_claim")
    assert [each.code for each in proved(machine)] == ["cause-missing"]


def test_a_message_that_comes_twice_gives_once(machine: Machine) -> None:
    entitled(machine)
    for key in ("c1", "c2", "c3"):
        machine.accept(ClaimFreeUnits(phone=PHONE), key)
    machine.settle()
    assert machine.rows("SELECT count(*) FROM free_claim") == [(1,)]
    answers = machine.rows("SELECT answer FROM request WHERE key LIKE 'c%'")
    digits = {msgspec.json.decode(row[0], type=Answer).data["free_token"] for row in answers}
    assert len(digits) == 1
    assert not proved(machine)


def test_a_fresh_machine_knows_what_was_claimed(machine: Machine) -> None:
    entitled(machine)
    first = given(machine, "c1")["free_token"]
    again = Machine(machine.url, terms=machine.terms)
    set_clock(again, "2026-11-22T09:00:00")
    assert given(again, "c2")["free_token"] == first

"""Each request of a terminal, and what the hub is told and the terminal answered."""

from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.task import Clock

from channels.pos.terminals import MOST_REPEATS
from core.messages import Answer, CollectPayment, Message, Outcome, SellCredit
from core.messages.terminals import (
    BatchTotals,
    CollectOffline,
    ReportTerminal,
    ReverseAtTerminal,
    SettleTerminal,
    SignOnCashier,
    UploadItem,
)
from core.refusals import OPERATOR, refuse
from hub.channel import Overloaded
from tests.channels.pos.fakes import (
    DAY,
    METER,
    TERMINAL,
    TODAY,
    TOKEN,
    VEND,
    PosPorts,
    Shopfront,
    done,
    refused,
    sale,
    terminal,
    unknown_meter,
    usual,
)

NONE = "00000000000"
BILL = {"f3": "170000", "f4": "000004500000", "f13": TODAY, "f49": "800", "f60": "000007",
        "f102": "100001"}  # fmt: skip
TOTALS = {"f60": "000007", "f76": "0000000002", "f77": "0000000001", "f88": "0000000004000000",
          "f89": "0000000002000000"}  # fmt: skip


def original(stan: int = 2) -> dict[str, str]:
    return {"mti": "0200", "stan": f"{stan:06d}", "sent": "1121090000", "acquirer": NONE,
            "forwarder": NONE}  # fmt: skip


def answering(answer: Answer | None) -> Shopfront:
    return Shopfront(ports=PosPorts(Clock(), decide=lambda _: answer))


# --- what the hub is told ----------------------------------------------------------------------

TOLD: dict[str, tuple[str, dict[str, Any], Message, str]] = {
    "a sale": (
        "0200", dict(VEND),
        SellCredit(agent="A-017", meter=METER, tender=20_000, currency="UGX", till=TERMINAL,
                   ),
        f"meter/{METER}",
    ),
    "a payment": (
        "0200", BILL,
        CollectPayment(agent="A-017", account="100001", amount=45_000, currency="UGX",
                       till=TERMINAL),
        "account/100001",
    ),
    "a bill without the line": (
        "0220", {**BILL, "f63": {"06": "1001"}},
        CollectOffline(agent="A-017", account="100001", amount=45_000, currency="UGX",
                       slip=None),  # type: ignore[arg-type]
        "account/100001",
    ),
    "a reversal": (
        "0400", {"f4": "000002000000", "f13": TODAY, "f49": "800", "f90": original()},
        ReverseAtTerminal(agent="A-017", terminal=TERMINAL, day=DAY, stan=2, amount=20_000,
                          currency="UGX"),
        "agent/A-017",
    ),
    "a reversal advice without an amount": (
        "0421", {"f13": TODAY, "f90": original()},
        ReverseAtTerminal(agent="A-017", terminal=TERMINAL, day=DAY, stan=2),
        "agent/A-017",
    ),
    "a settlement": (
        "0500", TOTALS,
        SettleTerminal(agent="A-017", terminal=TERMINAL, batch=7, day=DAY, currency="UGX",
                       totals=BatchTotals(debits=2, debit_amount=40_000, debit_reversals=1,
                                          debit_reversal_amount=20_000)),
        "agent/A-017",
    ),
    "the end of an upload": (
        "0520", TOTALS,
        SettleTerminal(agent="A-017", terminal=TERMINAL, batch=7, day=DAY, currency="UGX",
                       totals=BatchTotals(debits=2, debit_amount=40_000, debit_reversals=1,
                                          debit_reversal_amount=20_000), uploaded=True),
        "agent/A-017",
    ),
    "an item": (
        "0320", {**BILL, "f90": original(4), "f63": {"14": "1"}},
        UploadItem(agent="A-017", terminal=TERMINAL, batch=7, stan=4, day=DAY, amount=45_000,
                   kind="payment", reversed=True),
        "agent/A-017",
    ),
    "a sign-on": (
        "0800", {"f70": "001", "f63": {"01": "RUTH"}},
        SignOnCashier(agent="A-017", terminal=TERMINAL, day=DAY, cashier="RUTH"),
        "agent/A-017",
    ),
    "a report": (
        "0800", {"f70": "381", "f63": {"07": "-0.347600", "08": "32.5825", "09": "-71",
                                       "10": "app 2.1", "11": "3"}},
        ReportTerminal(terminal=TERMINAL, latitude=-347_600, longitude=32_582_500, signal=-71,
                       application="app 2.1", parameters=3),
        "agent/A-017",
    ),
}  # fmt: skip


@pytest.mark.parametrize("label", TOLD)
def test_what_the_hub_is_told(label: str) -> None:
    mti, fields, message, partition = TOLD[label]
    shop = Shopfront()
    assert shop.ask(mti, **fields).fields[39] == "00"
    (arrival,) = shop.ports.arrivals
    got = arrival.message
    slip = getattr(got, "slip", None)
    if slip is not None:
        assert (slip.terminal, slip.stan, slip.day, slip.batch) == (TERMINAL, 1, DAY, 7)
        assert slip.receipt == ("1001" if mti == "0220" else "")
    shown = {n: getattr(got, n) for n in got.__struct_fields__ if n not in ("slip", "made_at")}
    wanted = {n: getattr(message, n) for n in shown}
    assert (type(got), shown) == (type(message), wanted)
    assert arrival.partition_ref == partition
    about = f"/{got.stan:06d}" if isinstance(got, ReverseAtTerminal | UploadItem) else ""
    assert arrival.key == f"{TERMINAL}/{DAY}/1/{mti[1]}{about}"


def test_a_phone_gets_the_token_too() -> None:
    shop = Shopfront()
    shop.vend(f63={"03": "0772 123456", "04": "1"})
    (message,) = shop.ports.messages()
    assert isinstance(message, SellCredit)
    assert (message.phone, message.another) == ("+256772123456", True)
    assert message.reply[0].address == "+256772123456"


# --- what a terminal is answered ---------------------------------------------------------------


def test_a_sale_is_answered_with_all_that_is_printed() -> None:
    answer = Shopfront().vend()
    assert answer.mti == "0210"
    assert answer.fields[62]["01"] == TOKEN
    assert answer.fields[62]["02"] == "28.1"
    assert answer.fields[62]["04"] == "000000305100"  # the tax, with two decimals
    assert "energy.1;28100;48352000000;13587" in answer.fields[62]["07"]
    assert "TEST Token 1234 5678 9012 3456 7890" in answer.fields[61]
    assert {n: answer.fields[n] for n in (3, 4, 11, 12, 13, 49, 60)} == {
        3: "500000", 4: "000002000000", 11: "000001", 12: VEND["f12"], 13: TODAY, 49: "800",
        60: "000007",
    }  # fmt: skip


def test_a_new_key_of_the_meter_stands_in_front() -> None:
    kct = ("1" * 20, "2" * 20)
    answer = answering(done(**sale(kct=kct, key_change="first"))).vend()
    assert answer.fields[62]["08"].split("\n")[0] == "1111 1111 1111 1111 1111"
    assert answer.fields[61].index("2222 2222") < answer.fields[61].index("1234 5678")


REFUSED = {
    "float-insufficient": "51",
    "meter-unknown": "14",
    "limit-per-sale": "61",
    "likely-repeat": "65",
    "terminal-blocked": "58",
    "terminal-signed-off": "58",
    "reversed-before": "94",
    "expired": "54",
    "currency-wrong": "13",
    "key-missing": "96",
}


@pytest.mark.parametrize("code", REFUSED)
def test_a_no_has_its_code_and_a_sentence(code: str) -> None:
    answer = answering(refused(code, meter=METER, tender=20_000, credit=5)).vend()
    assert answer.fields[39] == REFUSED[code]
    assert answer.fields[61]


@pytest.mark.parametrize("code", sorted(OPERATOR))
def test_every_refusal_has_a_code_on_the_wire(code: str) -> None:
    answer = answering(refused(code)).vend()
    assert len(answer.fields[39]) == 2
    assert answer.fields[39] not in ("00", "21")
    assert 62 not in answer.fields or "01" not in answer.fields[62]


def test_what_is_not_known_is_never_a_decline() -> None:
    for answer in (None, Answer(outcome=Outcome.UNKNOWN), Answer(outcome=Outcome.PENDING)):
        shop = answering(answer)
        shop.send(shop.message("0200", **VEND))
        if answer is None:
            assert shop.answers() == []
            shop.ports.reactor.advance(25)
        (late,) = shop.answers()
        assert late.fields[39] == "68"


@pytest.mark.parametrize(
    ("trouble", "code"), [(Overloaded(), "91"), (OSError("disk"), "68"), (LookupError("x"), "68")]
)
def test_what_was_perhaps_stored_is_not_declined(trouble: Exception, code: str) -> None:
    shop = Shopfront(ports=PosPorts(Clock(), trouble=[trouble]))
    assert shop.vend().fields[39] == code


REVERSALS = {
    "barred": ("00", False), "waiting": ("00", False), "reversed": ("00", False),
    "refused": ("00", False), "kept": ("21", True),
}  # fmt: skip


@pytest.mark.parametrize("state", REVERSALS)
def test_every_end_of_a_reversal_stops_store_and_forward(state: str) -> None:
    code, token = REVERSALS[state]
    shop = answering(done(state=state, **({"sale": sale()} if token else {})))
    answer = shop.ask("0420", f13=TODAY, f90=original())
    assert (answer.mti, answer.fields[39]) == ("0430", code)
    assert answer.fields[62]["11"] == state
    assert ("01" in answer.fields[62]) == token
    if token:
        assert "no money goes back" in answer.fields[61]
        assert "COPY" in answer.fields[61]


def test_a_batch_that_does_not_balance_is_told_with_our_totals() -> None:
    ours = {"debits": 1, "debit_amount": 20_000}
    answer = answering(done(balanced=False, state="uploading", ours=ours)).ask("0500", **TOTALS)
    assert (answer.fields[39], answer.fields[66]) == ("95", "2")
    assert (answer.fields[76], answer.fields[88]) == ("0000000001", "0000000002000000")


def test_a_wrong_pin_says_how_many_tries_are_left() -> None:
    answer = answering(refused("pin-wrong", agent="A-017", cashier="RUTH", tries=2)).ask(
        "0800", f70="001", f63={"01": "RUTH", "02": "4821"}
    )
    assert (answer.fields[39], answer.fields[62]["31"]) == ("58", "2")
    assert "20" not in answer.fields[62]


# --- questions ---------------------------------------------------------------------------------

ASKED: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "a trial vend": (
        {"f3": "380000", "f4": "000002000000", "f48": VEND["f48"]},
        {"02": "28.1", "14": "J***** D*****", "17": "000002000000"},
    ),
    "whose meter": ({"f3": "380000", "f103": METER}, {"13": METER, "14": "J***** D*****"}),
    "what is owed": ({"f3": "380000", "f102": "100001"}, {"12": "100001", "15": "000004500000"}),
    "a copy": ({"f3": "390000"}, {"01": TOKEN, "03": "DP-00000042"}),
}


@pytest.mark.parametrize("label", ASKED)
def test_a_question_books_nothing(label: str) -> None:
    fields, wanted = ASKED[label]
    shop = Shopfront()
    answer = shop.ask("0100", **fields)
    assert answer.fields[39] == "00"
    assert {tag: answer.fields[62][tag] for tag in wanted} == wanted
    assert shop.ports.arrivals == []
    assert len(shop.ports.notes) == 1


def test_what_is_owed_is_asked_for_the_agent_who_would_collect_it() -> None:
    shop = Shopfront()
    shop.ports.given = {
        "bill_at_till": refuse("agent-out-of-area", agent="A-017", what="100001"),
    }
    answer = shop.ask("0100", f3="380000", f102="100001")
    assert answer.fields[39] == "57"
    assert ("bill_at_till", "100001", "A-017") in shop.ports.queries


def test_a_copy_says_that_it_is_one() -> None:
    assert "COPY" in Shopfront().ask("0100", f3="390000").fields[61]


def test_a_question_about_nothing_that_there_is() -> None:
    shop = Shopfront()
    shop.ports.given = {"meter_at_till": unknown_meter(), "copy_of": None}
    assert shop.ask("0100", f3="380000", f103=METER).fields[39] == "14"
    assert shop.ask("0100", f3="390000").fields[39] == "25"
    assert shop.ask("0100", f3="380000").fields[39] == "30"


def test_parameters_messages_and_bills_are_fetched() -> None:
    shop = Shopfront()
    shop.ports.known[TERMINAL] = terminal(message="Line off tonight", message_number=9)
    told = shop.ask("0800", f70="382").fields
    assert told[62] == {
        "21": "3", "22": "footer=Asante", "25": "1001;1100;0", "23": "9", "24": "Line off tonight",
    }  # fmt: skip
    assert (told[12], told[13]) == ("120000", TODAY)  # our clock
    bills = shop.ask("0800", f70="383").fields[62]
    assert bills == {"26": "100001;O***** D*****;45000"}


def test_a_long_list_comes_in_pages() -> None:
    shop = Shopfront(config={"bills_page": 100})
    rows = [{"account": f"{n:06d}", "name": "O*****", "due": n} for n in range(20)]
    shop.ports.given["emergency_list"] = rows
    seen, page = [], ""
    while True:
        answer = shop.ask("0800", f70="383", f63={"13": page}).fields[62]
        seen += answer["26"].split("\n")
        page = answer.get("27", "")
        if not page:
            break
    assert seen == [f"{n:06d};O*****;{n}" for n in range(20)]


# --- repeats, and what is under way ------------------------------------------------------------


def test_a_repeat_gets_the_same_answer_and_nothing_is_done_again() -> None:
    shop = Shopfront()
    first = shop.vend()
    shop.stan -= 1
    again = shop.vend("0201")
    assert again.fields == first.fields
    assert again.mti == "0210"
    assert len(shop.ports.arrivals) == 1


def test_the_same_number_with_other_content_is_an_alarm() -> None:
    shop = Shopfront()
    shop.vend()
    shop.stan -= 1
    assert shop.vend(f4="000003000000").fields[39] == "94"
    assert shop.counts["alarm key-reused"] == 1


def test_a_repeat_while_the_first_is_under_way_waits_for_its_answer() -> None:
    shop = Shopfront()
    shop.ports.slow = []
    sent = shop.message("0200", **VEND)
    for _ in range(MOST_REPEATS + 2):
        shop.send(sent)
    assert shop.answers() == []
    shop.ports.settle()
    answers = shop.answers()
    assert len(answers) == MOST_REPEATS
    assert {answer.fields[62]["01"] for answer in answers} == {TOKEN}
    assert shop.counts["repeats dropped"] == 2
    assert len(shop.ports.arrivals) == 1


def test_a_terminal_has_one_sale_under_way_but_may_take_it_back() -> None:
    shop = Shopfront()
    shop.ports.slow = []
    shop.send(shop.message("0200", **VEND))
    shop.send(shop.message("0200", **BILL))
    assert [answer.fields[39] for answer in shop.answers()] == ["09"]
    shop.send(shop.message("0400", f13=TODAY, f90=original(1)))
    shop.ports.settle()
    assert sorted(answer.mti for answer in shop.answers()) == ["0210", "0410"]
    assert len(shop.ports.arrivals) == 2


def test_a_link_has_a_most_of_requests_under_way() -> None:
    shop = Shopfront(config={"open_per_link": 2})
    shop.ports.known |= {f"T000000{n}": terminal(f"T000000{n}") for n in range(2, 9)}
    shop.ports.slow = []
    for n in range(1, 5):
        shop.send(shop.message("0200", **{**VEND, "f41": f"T000000{n}"}))
    assert [answer.fields[39] for answer in shop.answers()] == ["91", "91"]


def test_what_comes_while_we_stop_is_told_to_come_again() -> None:
    shop = Shopfront()
    shop.ports.slow = []
    shop.send(shop.message("0200", **VEND))
    stopped: list[Any] = []
    shop.channel.stop().addCallback(stopped.append)
    assert shop.vend(f60="000008").fields[39] == "91"
    assert stopped == []
    shop.ports.settle()
    assert [answer.fields[39] for answer in shop.answers()] == ["00"]
    assert stopped


# --- who may not -------------------------------------------------------------------------------


def test_a_stranger_is_refused_with_an_alarm() -> None:
    shop = Shopfront()
    assert shop.vend(f41="T9999999").fields[39] == "58"
    assert shop.counts["alarm terminal-unknown"] == 1
    assert shop.ports.arrivals == []


@pytest.mark.parametrize("state", ["blocked", "lost", "retired", "of a later version"])
def test_a_barred_terminal_learns_nothing_but_its_past_stays(state: str) -> None:
    shop = Shopfront(ports=PosPorts(Clock(), known={TERMINAL: terminal(state=state)}))
    assert shop.ask("0100", f3="390000").fields[39] == "58"
    assert shop.ask("0800", f70="001").fields[39] == "58"
    assert shop.ports.arrivals == []
    shop.ask("0400", f13=TODAY, f90=original())  # the hub decides, and has it on record
    assert len(shop.ports.arrivals) == 1


def test_a_terminal_is_asked_for_again_after_a_while_and_after_a_sign_on() -> None:
    shop = Shopfront()

    def asked() -> int:
        return [query[0] for query in shop.ports.queries].count("terminal_of")

    shop.vend()
    shop.vend(f60="000008")
    assert asked() == 1
    shop.ask("0800", f70="001")
    shop.vend(f60="000009")
    assert asked() == 2
    shop.ports.reactor.advance(301)
    shop.ask("0800", f70="381")
    assert asked() == 3


def test_what_the_hub_says_of_a_terminal_is_newer_than_what_we_remember() -> None:
    shop = answering(refused("terminal-elsewhere", terminal=TERMINAL, agent="A-017"))
    assert shop.vend().fields[39] == "58"
    shop.ports.known[TERMINAL] = terminal(agent="A-018")
    shop.ports.decide = usual
    assert shop.vend().fields[39] == "00"
    sold = shop.ports.messages()[-1]
    assert isinstance(sold, SellCredit)
    assert sold.agent == "A-018"


# --- clocks and days ---------------------------------------------------------------------------


@pytest.mark.parametrize("time", ["100000", "140000"])
def test_a_clock_that_is_far_off_is_refused_and_told_the_time(time: str) -> None:
    shop = Shopfront()
    answer = shop.vend(f12=time)
    assert answer.fields[39] == "12"
    assert "120 min" in answer.fields[61]
    assert shop.ports.arrivals == []
    assert shop.ask("0800", f70="301").fields[12] == "120000"


def test_an_old_repeat_gets_its_answer_whatever_the_clock_says() -> None:
    shop = Shopfront()
    first = shop.vend()
    shop.ports.items.add((TERMINAL, DAY, 1))
    shop.ports.reactor.advance(13 * 3600)  # the next day
    shop.connect()
    shop.stan -= 1
    again = shop.vend("0201")
    assert (again.fields[39], again.fields[62]) == ("00", first.fields[62])
    assert len(shop.ports.arrivals) == 1


def test_a_reversal_of_yesterdays_sale_finds_it() -> None:
    shop = Shopfront()
    shop.ports.items.add((TERMINAL, DAY - 1, 2))
    shop.ask("0400", f13="1120", f90=original())
    shop.ask("0400", f13="1120", f90=original(3))
    first, second = shop.ports.messages()
    assert isinstance(first, ReverseAtTerminal)
    assert isinstance(second, ReverseAtTerminal)
    assert (first.day, second.day) == (DAY - 1, DAY - 1)


# --- what is wrong with a message --------------------------------------------------------------

WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "no operation": ("0200", {**VEND, "f3": "990000"}, "12"),
    "no terminal": ("0200", {**VEND, "f41": None}, "30"),
    "no meter": ("0200", {**VEND, "f48": None}, "30"),
    "a currency that there is not": ("0200", {**VEND, "f49": "998"}, "13"),
    "a part of a shilling": ("0200", {**VEND, "f4": "000002000050"}, "30"),
    "a phone that is none": ("0200", {**VEND, "f63": {"03": "shop"}}, "30"),
    "a part taken back": ("0400", {"f90": original(), "f95": "0" * 11 + "5" + "0" * 30}, "12"),
    "nothing to take back": ("0400", {"f4": "000002000000"}, "30"),
    "a settlement taken back": ("0400", {"f90": {**original(), "mti": "0500"}}, "30"),
    "a token sold without us": ("0220", dict(VEND), "12"),
    "a place that is none": ("0800", {"f70": "381", "f63": {"07": "north"}}, "30"),
    "a place off the earth": ("0800", {"f70": "381", "f63": {"07": "91"}}, "30"),
}  # fmt: skip


@pytest.mark.parametrize("label", WRONG)
def test_what_cannot_be_carried_out_is_not_told_to_the_hub(label: str) -> None:
    mti, fields, code = WRONG[label]
    shop = Shopfront()
    assert shop.ask(mti, **fields).fields[39] == code
    assert shop.ports.arrivals == []


def test_an_advice_of_a_token_is_on_record_with_an_alarm() -> None:
    shop = Shopfront()
    shop.ask("0220", **VEND)
    assert shop.counts["alarm advice-refused"] == 1
    assert [key for key, _ in shop.ports.notes] == ["pos1/advice-refused"]


@pytest.mark.parametrize("mti", ["0210", "0430", "0810", "0840"])
def test_answers_and_notifications_are_not_answered(mti: str) -> None:
    shop = Shopfront()
    shop.send(shop.message(mti, **VEND))
    assert shop.answers() == []
    assert shop.ports.arrivals == []


def test_a_terminal_may_tell_of_itself_by_any_link() -> None:
    shop = Shopfront()
    first = shop.vend()
    shop.connect()
    shop.stan -= 1
    assert shop.vend("0201").fields == first.fields
    assert shop.channel.status()["links"] == 2


def test_status_tells_what_came() -> None:
    shop = Shopfront()
    shop.vend()
    status = shop.channel.status()
    assert (status["terminals"], status["open"], status["counts"]["vend"]) == (1, 0, 1)
    assert usual(ReportTerminal(terminal=TERMINAL)).outcome is Outcome.DONE


def test_a_repeat_after_the_terminal_was_bound_to_another_agent_gets_its_answer() -> None:
    shop = Shopfront()
    first = shop.message("0200", **VEND)
    shop.send(first)
    (answer,) = shop.answers()
    shop.ports.known[TERMINAL] = terminal(agent="A-018", former="A-017")
    shop.channel.desk.terminals.forget_view(TERMINAL)
    shop.send(replace(first, mti="0201"))
    (again,) = shop.answers()
    assert again.fields[39] == "00"
    assert again.fields[62]["01"] == answer.fields[62]["01"]
    assert len(shop.ports.arrivals) == 1
    assert shop.counts["alarm key-reused"] == 0
    shop.send(replace(first, fields={**first.fields, 4: "000009999900"}))
    (other,) = shop.answers()
    assert other.fields[39] == "94"
    assert shop.counts["alarm key-reused"] == 1

"""The verbs that operators type, against a hub that answers."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.calendars import local_date
from hub import inbox
from hub.channel import Failed
from tests.hub.machine import METER, PHONE, buy, enrol, pay
from tests.hub.verbs.installation import Installation, answering, installed


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Installation]:
    """An installation with one customer who has 50,000; its clock is the machine's own."""
    place = installed(tmp_path)
    place.machine.time.at_us = time.time_ns() // 1_000 - 60_000_000
    today = local_date(place.machine.time.at_us, place.machine.terms.zone)
    place.machine.do(enrol(since=today.replace(day=1).isoformat()), "enrol")  # one month's charge
    place.machine.do(pay(50_000), "pay")
    with answering(place):
        yield place


def test_find_tells_the_story_and_masks_the_token(place: Installation) -> None:
    token = place.machine.do(buy(), "b1").data["token"]
    code, out, _ = place.call("find", "0700", "000", "001")
    assert code == 0
    assert "bought 28.1 kWh for 20,000 UGX" in out
    assert re.search(r"Demo Power: .*Africa/Kampala \(\+0300\)", out)
    assert token not in out.replace(" ", "")
    code, out, _ = place.call("find", "DP-00000001", "--detail", "--json")
    (found,) = json.loads(out)
    assert found["understood"] == [{"as": "receipt", "value": "DP-00000001", "doubt": ""}]
    assert found["stories"][0]["messages"][0]["sale"]["receipt"] == "DP-00000001"
    code, out, _ = place.call("find", METER, "--detail")
    assert "vending.credit-vend: done" in out


def test_find_shows_a_token_for_a_reason_that_goes_on_record(place: Installation) -> None:
    token = place.machine.do(buy(), "b1").data["token"]
    code, out, _ = place.call("find", PHONE, "--show-token", "lost slip", "--operator", "alice")
    assert code == 0
    assert token in out.replace(" ", "")
    assert place.machine.rows("SELECT act, subject, actor FROM audit") == [
        ("show-token", "DP-00000001", "alice via test")
    ]


def test_no_hub_no_record_no_token(tmp_path: Path) -> None:
    place = installed(tmp_path)
    place.machine.do(enrol(), "enrol")
    place.machine.do(pay(50_000), "pay")
    token = place.machine.do(buy(), "b1").data["token"]
    code, out, err = place.call("find", PHONE, "--show-token", "lost slip")
    assert code == 1
    assert "no hub answers" in err
    assert token not in out.replace(" ", "")
    assert place.call("find", PHONE)[0] == 0


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("DP-99", "looked for receipt DP-99"),
        ("04123456789", "its check digit does not fit"),
        ("?" * 70, "is no phone"),
        ("12345678901234567890", "looked for the token"),
    ],
)
def test_find_says_what_it_looked_for(place: Installation, typed: str, says: str) -> None:
    code, _, err = place.call("find", typed)
    assert code == 1
    assert says in err


def test_the_journal_is_searched_by_key_phone_channel_and_time(place: Installation) -> None:
    place.machine.do(buy(), "b1")
    place.machine.accept(buy(), "b1")
    place.machine.settle()
    code, out, _ = place.call("journal", "--key", "b1", "--json")
    assert code == 0
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["outcome"] for row in rows] == ["accepted", "duplicate"]
    assert place.call("journal", "--phone", "0700000001", "--outcome", "duplicate")[0] == 0
    assert place.call("journal", "--channel", "ussd")[0] == 1
    assert place.call("journal", "--since", "10s")[0] == 1
    assert place.call("journal", "--since", "2h", "--until", "1h")[0] == 1
    assert place.call("journal", "--since", "yesterday")[0] == 2
    assert place.call("journal", "--phone", "abc")[0] == 2
    assert place.call("journal", "--company", "other")[0] == 2


def test_raw_bytes_are_masked_unless_a_reason_goes_on_record(place: Installation) -> None:
    from hub.journal import Noted

    raw = "phone=%2B256700000001 token 12345678901234567890"
    place.machine.intake.record(Noted("demo", "ussd", "hop1", PHONE, raw))
    place.machine.settle()
    _, out, _ = place.call("journal", "--key", "hop1")
    assert "256700000001" not in out.split("\n    ")[1]
    assert "12345678901234567890" not in out
    _, out, _ = place.call("journal", "--key", "hop1", "--show-raw", "a complaint")
    assert raw in out
    assert place.machine.rows("SELECT act FROM audit") == [("show-raw",)]


def dead_notice(place: Installation) -> str:
    place.machine.channel.results = [Failed("no route", retry=False)]
    place.machine.do(buy(), "b1")
    ((message_id,),) = place.machine.rows("SELECT message_id FROM delivery WHERE state = 3")
    return str(message_id)


def test_dead_letters_are_listed_shown_and_replayed(place: Installation) -> None:
    message_id = dead_notice(place)
    code, out, _ = place.call("deadletters", "list")
    assert code == 0
    assert message_id in out
    assert "channel: no route" in out
    assert json.loads(place.call("deadletters", "list", "--json")[1])[0]["parked"] == 0
    _, out, _ = place.call("deadletters", "show", message_id)
    shown = json.loads(out)
    assert shown["data"]["template"] == "token"
    assert shown["deliveries"][0]["state"] == "dead"
    assert place.call("deadletters", "show", "nobody")[0] == 1
    code, out, _ = place.call("deadletters", "replay", message_id, "--reason", "mended")
    assert (code, out) == (0, "replayed: 1\n")
    assert place.call("deadletters", "list")[1] == "no dead letters\n"
    assert place.call("deadletters", "replay", message_id)[0] == 1


def test_replay_takes_all_that_fit(place: Installation) -> None:
    dead_notice(place)
    assert place.call("replay")[0] == 2
    assert place.call("replay", "--all", "--handler", "vending.credit-vend")[0] == 1
    assert place.call("replay", "--all", "--error", "channel") == (0, "replayed: 1\n", "")
    assert place.call("replay", "--all")[0] == 1


def test_replay_by_id(place: Installation) -> None:
    message_id = dead_notice(place)
    assert place.call("replay", "--id", message_id)[1] == "replayed: 1\n"


def test_discard_needs_a_reason_and_keeps_it(place: Installation) -> None:
    message_id = dead_notice(place)
    assert place.call("deadletters", "discard", message_id)[0] == 2
    code, out, _ = place.call("deadletters", "discard", message_id, "--reason", "told by phone")
    assert (code, out) == (0, "discarded: 1\n")
    code, out, _ = place.call("audit", "list")
    assert "told by phone" in out
    assert json.loads(place.call("audit", "list", "--json")[1])[0]["act"] == "discard"


def dead_purchase(place: Installation, monkeypatch: pytest.MonkeyPatch) -> str:
    from core.vending import sale

    with monkeypatch.context() as patched:
        patched.setattr(sale, "price_purchase", None)
        patched.setattr(inbox, "RETRY_AFTER_S", ())
        heard = place.machine.accept(buy(), "b1")
        place.machine.settle()
    return str(heard[0].message_id)


def test_edit_sends_a_corrected_message(
    place: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    message_id = dead_purchase(place, monkeypatch)
    why = ("--reason", "a zero too many")
    assert place.call("deadletters", "edit", message_id, *why)[0] == 2
    assert place.call("deadletters", "edit", message_id, *why, "--set", "tender")[0] == 2
    assert place.call("deadletters", "edit", "nobody", *why, "--set", "tender=1")[0] == 1
    code, out, err = place.call("deadletters", "edit", message_id, *why, "--set", "tender=10000")
    assert (code, err) == (0, "")
    assert "discarded " + message_id in out
    place.machine.settle()
    assert place.machine.rows("SELECT tender FROM sale") == [(10_000,)]


def test_edit_keeps_the_zero_in_front_of_a_meter(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = dead_purchase(place, monkeypatch)
    words = ("deadletters", "edit", message_id, "--reason", "x", "--set", f"meter={METER}")
    assert place.call(*words)[0] == 0
    place.machine.settle()
    assert place.machine.rows("SELECT count(*) FROM sale") == [(1,)]


def test_edit_by_a_file(
    place: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    message_id = dead_purchase(place, monkeypatch)
    file = tmp_path / "corrected.json"
    words = ("deadletters", "edit", message_id, "--reason", "x", "--data", str(file))
    assert place.call(*words)[0] == 2
    data = json.loads(place.call("deadletters", "show", message_id)[1])["data"]
    file.write_text(json.dumps({**data, "tender": 9_000}))
    assert place.call(*words)[0] == 0


def test_the_audit_trail_is_verified(place: Installation) -> None:
    assert place.call("audit", "verify")[1] == "no rows yet\n"
    dead_notice(place)
    place.call("replay", "--all")
    code, out, _ = place.call("audit", "verify")
    assert code == 0
    assert re.fullmatch(r"node1: 1 rows, whole, last seal [0-9a-f]{64}\n", out)
    with place.machine.store.transaction() as tx:
        tx.run("DROP TRIGGER audit_no_update")
        tx.run("UPDATE audit SET actor = 'nobody'")
    code, out, _ = place.call("audit", "verify")
    assert code == 1
    assert "BROKEN at row 1" in out
    assert json.loads(place.call("audit", "verify", "--json")[1])[0]["broken_at"] == 1


def test_status_says_what_runs(place: Installation, tmp_path: Path) -> None:
    code, out, _ = place.call("status")
    assert code == 0
    assert "node1: well" in out
    assert "link smsc: running" in out
    assert json.loads(place.call("status", "--json")[1])["node"] == "node1"


def test_pay_makes_credit_and_a_repeat_under_its_reference_makes_none(place: Installation) -> None:
    code, out, _ = place.call("pay", "100001", "50k", "--reference", "R-17")
    assert code == 0
    assert out == (
        "received 50,000 UGX for account 100001; credit 100,000 UGX\nreceipt DP-M00000002\n"
    )
    _, out, _ = place.call("pay", "100001", "50,000", "--reference", "R-17")
    assert "it had come already" in out
    _, out, _ = place.call("pay", "100001", "1", "--json")
    assert json.loads(out)["credit"] == 100_001
    assert place.call("pay", "100001", "50.000")[0] == 2
    code, _, err = place.call("pay", "999999", "5")
    assert code == 1
    assert "No account 999999" in err
    code, _, err = place.call("pay", "100001", "7", "--reference", "R-17")
    assert code == 1
    assert "KeyReused" in err
    keys = {request["key"] for request in place.asked if request["do"] == "submit"}
    assert "pay/cash/main/R-17" in keys

import json
from importlib import resources
from typing import Any

import pytest

from channels.ussd import service
from channels.ussd.screens import Shown
from channels.ussd.sessions import Full, SessionKey, Sessions
from channels.ussd.state import (
    Place,
    Saved,
)
from tests.channels.ussd.fakes import Phone, form, post

SAVED = Saved(Place("amount"), (), "en")


def key(number: int) -> SessionKey:
    return SessionKey("mno", f"+25670000000{number}", "x")


def test_a_silent_session_is_forgotten() -> None:
    sessions = Sessions(limit=10, life_us=100, resume_us=50)
    first = sessions.begin(key(1), 0)
    assert sessions.find(key(1), 99) is first  # and lives on
    assert sessions.find(key(1), 150) is first
    assert sessions.find(key(1), 250) is None
    assert len(sessions) == 0


def test_over_the_limit_is_pushed_back_and_nobody_is_dropped() -> None:
    sessions = Sessions(limit=2, life_us=100, resume_us=50)
    kept = [sessions.begin(key(1), 0), sessions.begin(key(2), 1)]
    with pytest.raises(Full):
        sessions.begin(key(3), 2)
    assert [sessions.find(key(1), 3), sessions.find(key(2), 3)] == kept
    sessions.begin(key(1), 4)  # in the place of the one with the same key
    sessions.begin(key(3), 200)


def test_what_is_saved_lasts_a_while_and_belongs_to_one_phone() -> None:
    sessions = Sessions(limit=2, life_us=100, resume_us=50)
    sessions.save(key(1), SAVED, 0)
    assert sessions.saved(SessionKey("mno", key(1).msisdn, "another"), 49) == SAVED
    assert sessions.saved(SessionKey("other", key(1).msisdn, "x"), 49) is None
    assert sessions.saved(key(2), 49) is None
    assert sessions.saved(key(1), 50) is None
    for number in (1, 2, 3):
        sessions.save(key(number), SAVED, 60)
    assert sessions.saved(key(1), 61) is None  # the oldest made room
    sessions.save(key(3), None, 62)
    assert sessions.saved(key(3), 63) is None


def test_replies_are_remembered_without_what_was_typed() -> None:
    session = Sessions(10, 100, 50).begin(key(1), 0)
    session.replied("1*4711", Shown("screen", closes=False))
    assert session.reply_to("1*4711") == Shown("screen", closes=False)
    assert session.reply_to("1*4712") is None
    assert "4711" not in repr(session)


@pytest.fixture
def secret_menu(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The menu with a secret in front of the balance."""
    folder = resources.files("mappings") / "ussd"
    menu = (folder / "electricity.yaml").read_text("utf-8")
    menu = menu[: menu.index("# Checked by")].replace(
        "home.balance, do: balance", "home.balance, go: pin"
    )
    menu = menu.replace(
        "  # Buying.\n",
        "  pin:\n    text: amount\n"
        "    prompt: {kind: digits, slot: another, shortest: 4, longest: 6, secret: true}\n"
        "    do: balance\n",
    )
    (tmp_path / "texts").mkdir()
    (tmp_path / "electricity.yaml").write_text(menu, "utf-8")
    for language in ("en", "fr", "sw", "zh"):
        sheet = (folder / "texts" / f"{language}.yaml").read_text("utf-8")
        (tmp_path / "texts" / f"{language}.yaml").write_text(sheet, "utf-8")
    original = service.load_folder
    monkeypatch.setattr(service, "load_folder", lambda name: original(name, tmp_path))


@pytest.mark.usefixtures("secret_menu")
def test_a_secret_is_in_no_record() -> None:
    """The aggregator repeats it in each request behind it."""
    phone = Phone()
    phone.dial()
    phone.answer("3", "4711", "0")
    assert "Buy units" in phone.answer("00")
    assert [json.loads(raw)["text"] for _, raw in phone.ports.records] == [
        "", "3", "3****", "3*****0", "3*****0****",
    ]  # fmt: skip
    phone.get(post(form("3*4711*0")))  # an old hop again
    phone.get(post(form(text=["3*4711", "3*4711"])))  # and one that is malformed
    assert "4711" not in str(phone.ports.records)


@pytest.mark.usefixtures("secret_menu")
def test_what_is_dialled_ahead_is_hidden_where_a_secret_may_be_in_it() -> None:
    phone = Phone()
    phone.dial("3*4711")
    assert json.loads(phone.ports.records[0][1])["text"] == "*******"

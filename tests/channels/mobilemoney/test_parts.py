"""Tokens, addresses, the configuration, a provider's data, the table of steps."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from adapters.mobilemoney.sending import Kind, Token
from channels.mobilemoney import CHANNEL
from channels.mobilemoney.addresses import Addresses
from channels.mobilemoney.config import MobileMoneyConfig, check_public, read_secret
from channels.mobilemoney.provider import OTHERWISE, load, provider
from channels.mobilemoney.service import settle
from channels.mobilemoney.steps import Note, Step, caught_up, due_us, restored, written
from channels.mobilemoney.tokens import Tokens
from core.documents import DocumentError
from hub.channel import Site
from tests.channels.mobilemoney.fakes import PATH, PUBLIC, SECRET, Stage, outcome


class Holder:
    """Tokens whose sign-ins end when the test says so."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.out: list[Deferred[Token]] = []
        self.tokens = Tokens(self._fetch, self.clock.seconds)

    def _fetch(self) -> "Deferred[Token]":
        self.out.append(Deferred())
        return self.out[-1]


def test_all_wait_for_one_sign_in() -> None:
    holder = Holder()
    asked = [holder.tokens.get() for _ in range(5)]
    assert len(holder.out) == 1
    holder.out[0].callback(Token("one", 3_600))
    assert [outcome(each) for each in asked] == ["one"] * 5
    assert outcome(holder.tokens.get()) == "one"
    assert len(holder.out) == 1


@pytest.mark.parametrize(("seconds", "until"), [(3_600, 3_540), (100, 80)])
def test_a_token_is_given_up_before_its_end(seconds: int, until: int) -> None:
    holder = Holder()
    holder.tokens.get()
    holder.out[0].callback(Token("one", seconds))
    holder.clock.advance(until - 1)
    assert outcome(holder.tokens.get()) == "one"
    holder.clock.advance(1)
    assert outcome(holder.tokens.get()) is None
    assert len(holder.out) == 2


def test_only_the_holders_own_token_makes_him_sign_in() -> None:
    holder = Holder()
    holder.tokens.get()
    holder.out[0].callback(Token("one", 3_600))
    holder.tokens.stale("one")
    again = holder.tokens.get()
    holder.out[1].callback(Token("two", 3_600))
    holder.tokens.stale("one")  # a call that left before the second sign-in
    assert (outcome(again), outcome(holder.tokens.get()), len(holder.out)) == ("two", "two", 2)


def test_a_failed_sign_in_fails_all_and_the_next_tries() -> None:
    holder = Holder()
    failed: list[Any] = []
    for _ in range(2):
        holder.tokens.get().addErrback(failed.append)
    holder.out[0].errback(ValueError("no"))
    assert len(failed) == 2
    holder.tokens.get()
    assert len(holder.out) == 2


# --- addresses ----------------------------------------------------------------------------------


def test_an_address_is_read_back_and_another_secret_reads_nothing() -> None:
    mine, other = Addresses(PUBLIC, PATH, SECRET), Addresses(PUBLIC, PATH, SECRET + "x")
    for kind in Kind:
        for reference in ("", "abc-1"):
            path = mine.of(kind, reference).removeprefix(PUBLIC)
            assert mine.read(path) == (kind, reference)
            assert mine.read(path + "/") == (kind, reference)
            assert other.read(path) is None
    assert SECRET not in mine.of(Kind.NOTICE, "abc")
    assert SECRET not in repr(mine)


def test_tags_differ_by_kind_and_reference() -> None:
    mine = Addresses(PUBLIC, PATH, SECRET)
    made = [mine.of(kind, reference).rpartition("/")[2] for kind in Kind for reference in "ab"]
    assert len(set(made)) == len(made)


def test_a_provider_does_not_like_every_address() -> None:
    words = provider("mpesa").data.forbidden_in_urls
    check_public("https://pay.example.test/wallets/in", words)
    for bad in ("https://MPESA.example.test", "https://pay.example.test/query"):
        with pytest.raises(ValueError, match="refuses"):
            check_public(bad, words)


# --- configuration ------------------------------------------------------------------------------

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("no TLS", {"base": "http://api.example.test"}, "https"),
    ("a slash", {"public": "https://pay.example.test/"}, "slash"),
    ("a user", {"base": "https://me:pw@api.example.test"}, "user"),
    ("a network", {"callers": ("192.0.2.1/24",)}, "host bits"),
    ("no wallet", {"wallet": "other"}, "no wallet"),
    ("no secret", {"secrets": {}}, "secrets.passkey"),
    ("no file", {"path_secret": "nowhere"}, "no such file"),
    ("no variable", {"path_secret": "env:WATTBUS_NOT_THERE"}, "environment"),
    ("a short secret", {"path_secret": "passkey"}, "32"),
    ("a word", {"path": "/sql"}, "sql"),
    ("another path", {"path": "wallets"}, "regex"),
]


@pytest.mark.parametrize(("change", "why"), [each[1:] for each in WRONG],
                         ids=[each[0] for each in WRONG])  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    stage = Stage(tmp_path)
    site = Site("purse", stage.ports.company, tmp_path)
    with pytest.raises((ValueError, msgspec.ValidationError), match=why):
        settle(site, msgspec.convert({**stage.options, **change}, MobileMoneyConfig))
    assert CHANNEL.check is not None
    CHANNEL.check(site, msgspec.convert(stage.options, MobileMoneyConfig))


def test_secrets_come_by_file_or_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text(" s3cret \n")
    (tmp_path / "empty").write_text("\n")
    monkeypatch.setenv("WATTBUS_KEY", "other\n")
    assert read_secret("key", lambda name: tmp_path / name) == "s3cret"
    assert read_secret("env:WATTBUS_KEY", lambda name: tmp_path / name) == "other"
    with pytest.raises(ValueError, match="empty"):
        read_secret("empty", lambda name: tmp_path / name)


def test_addresses_are_shown_to_who_has_the_secret() -> None:
    told = {"public": PUBLIC, "path": PATH, "secret": SECRET}
    found = CHANNEL.inspectors["wallet-addresses"](msgspec.json.encode(told))
    assert set(found) == {"notice", "validation", "confirmation"}
    with pytest.raises(ValueError, match="public"):
        CHANNEL.inspectors["wallet-addresses"](b"{}")


# --- a provider's data --------------------------------------------------------------------------

GOOD = """
provider: mtn
version: 1
effective: 2026-01-01
zone: Africa/Kampala
currencies: [UGX]
paths: {token: /t}
"""
BAD = [("zone", "zone: Nowhere/At/All"), ("currencies", "currencies: [XYZ]"),
       ("provider", "provider: nobody"), ("reasons", "reasons: {'1': sad}"),
       ("pulls", "pulls: true")]  # fmt: skip


@pytest.mark.parametrize(("field", "line"), BAD, ids=[each[0] for each in BAD])
def test_wrong_data_names_its_field(field: str, line: str) -> None:
    lines = [each for each in GOOD.splitlines() if not each.startswith(f"{field}:")]
    with pytest.raises(DocumentError, match=field):
        load("\n".join([*lines, line]), "x.yaml")
    assert load(GOOD, "x.yaml").reason("77") == OTHERWISE


@pytest.mark.parametrize("name", ["mpesa", "mtn", "airtel", "wechat", "alipay", "unionpay"])
def test_every_provider_of_ours_can_be_read(name: str) -> None:
    assert provider(name).name == name


@pytest.mark.parametrize("name", ["nobody", "../texts/en", ""])
def test_another_name_is_no_provider(name: str) -> None:
    with pytest.raises(LookupError, match="mpesa"):
        provider(name)


# --- steps --------------------------------------------------------------------------------------

NOTE = Note(wallet="w", amount=1, currency="UGX", step=Step.SENDING, sent_us=1_000_000)


def test_questions_are_counted_from_when_it_left() -> None:
    due = []
    note = NOTE
    while (at := due_us(note)) is not None:
        due.append((at - note.sent_us) // 1_000_000)
        note = msgspec.structs.replace(note, asked=note.asked + 1)
    assert due == [30, 120, 600, 1_800, *(3_600 * n for n in range(1, 25))]


def test_missed_questions_are_one() -> None:
    later = caught_up(NOTE, NOTE.sent_us + 650_000_000)
    assert (later.asked, due_us(later)) == (3, NOTE.sent_us + 1_800_000_000)
    assert due_us(caught_up(NOTE, NOTE.sent_us + 10**12)) is None


def test_what_was_being_sent_may_have_arrived() -> None:
    assert restored(written(NOTE)).step is Step.LOST
    with pytest.raises(ValueError, match="wallet"):
        restored("{}")

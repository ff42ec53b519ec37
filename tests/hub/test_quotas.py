"""A partner's quota: its rate and its day, in whatever order instants come."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.messages import AskBalance, CreditVend, DeliveryReport, ReceivePayIn
from core.messages.base import all_types
from hub.boot import build
from hub.channel import Arrival, Overloaded
from hub.config import ConfigError, parse, read
from hub.quotas import COUNTED, NOTE_EVERY_US, Quota, QuotaSection, Used, used_of
from tests.hub.test_boot import REACTOR, folder, made, spec_of  # noqa: F401

SECOND = 1_000_000
#: 2026-11-22 12:00 in Kampala.
NOON_US = 1_795_338_000 * SECOND
ASK = AskBalance(phone="+256700000001")


class Clock:
    def __init__(self) -> None:
        self.at_us = NOON_US

    def __call__(self) -> int:
        return self.at_us


def quota(clock: Clock, notes: list[str] | None = None, **limits: int) -> Quota:
    keep = (notes if notes is not None else []).append
    return Quota(QuotaSection(**limits), "Africa/Kampala", clock, keep)


def test_a_rate_lets_a_burst_in_and_then_its_rate() -> None:
    clock = Clock()
    of = quota(clock, per_second=10, burst=5)
    assert [of.refuses(ASK) for _ in range(6)] == [""] * 5 + ["its quota is 10 a second"]
    clock.at_us += SECOND // 10
    assert [bool(of.refuses(ASK)) for _ in range(2)] == [False, True]
    assert of.said() == {"used today": 0, "refused": 2}


@given(
    rate=st.integers(1, 1_000),
    steps=st.lists(st.integers(-SECOND, 3 * SECOND), max_size=60),
)
def test_never_more_than_the_rate_and_a_burst(rate: int, steps: list[int]) -> None:
    clock = Clock()
    of = quota(clock, per_second=rate)
    let_in, forward = 0, 0
    for step in steps:
        clock.at_us += step
        forward += max(0, step)
        let_in += not of.refuses(ASK)
    assert let_in <= 2 * rate + forward * rate / SECOND + 1


def test_a_day_is_the_company_s_and_begins_anew() -> None:
    clock, notes = Clock(), list[str]()
    of = quota(clock, notes, per_day=3)
    assert [bool(of.refuses(ASK)) for _ in range(4)] == [False, False, False, True]
    assert of.refuses(ASK) == "its quota of 3 a day is used up"
    clock.at_us += 12 * 3600 * SECOND - 1
    assert of.refuses(ASK)
    clock.at_us += 1
    assert not of.refuses(ASK)


def test_what_was_used_outlives_a_restart() -> None:
    clock, notes = Clock(), list[str]()
    of = quota(clock, notes, per_day=100)
    of.refuses(ASK)
    assert used_of(notes[-1]) == Used("2026-11-22", 1)
    of.refuses(ASK)
    assert len(notes) == 1  # not with every message
    clock.at_us += NOTE_EVERY_US
    of.refuses(ASK)
    assert used_of(notes[-1]).count == 3
    assert used_of(None) == Used()


def test_money_that_has_come_and_reports_are_never_held_back() -> None:
    of = quota(Clock(), per_second=1, burst=1, per_day=1)
    assert not of.refuses(ASK)
    assert not of.refuses(DeliveryReport(channel="sms", reference="1", state="delivered"))
    assert of.refuses(ASK)


def test_only_what_somebody_asks_for_is_counted() -> None:
    """By name: a report, a payment that came, a reversal or an operator's act is none of these."""
    names = {kind.__name__ for kind in COUNTED}
    for entry in all_types():
        name = entry.struct.__name__
        if name.startswith(("Report", "Receive", "Reverse", "Settle", "Take", "Request")):
            assert name not in names - {"RequestCollection", "RequestTopUp"}, name
    assert CreditVend in COUNTED
    assert ReceivePayIn not in COUNTED


CONFIG = """
[companies.demo]
name = "Demo"
zone = "Africa/Kampala"
currency = "UGX"
tariffs = []
keys = "keys.json"
test = true

[channels.sms]
kind = "sms"
company = "demo"
link = "smsc"

[channels.sms.quota]
{limits}
"""


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ("per_second = -1", "per_second = -1"),
        ("per_hour = 3", "has no field per_hour (known: per_second, burst, per_day)"),
        ("burst = 3", "burst needs per_second"),
    ],
)
def test_a_quota_that_is_none_is_named(limits: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=r"channels\.sms\.quota") as raised:
        parse(CONFIG.format(limits=limits), "wattbus.toml", Path())
    assert sentence in str(raised.value)


def test_a_quota_is_read() -> None:
    config = parse(CONFIG.format(limits="per_second = 50\nper_day = 1000"), "w.toml", Path())
    assert config.channels["sms"].quota == QuotaSection(per_second=50, per_day=1000)
    assert config.channels["sms"].options == {"link": "smsc"}


def test_a_hub_holds_its_partner_to_it_over_a_restart(
    folder: Path,  # noqa: F811
    made: list[Any],  # noqa: F811
) -> None:
    path = folder / "wattbus.toml"
    path.write_text(path.read_text() + "[channels.line.quota]\nper_day = 2\n")
    for first in (True, False):
        hub = build(read(path), REACTOR, spec_of=spec_of)
        made.append(hub)
        answers: list[Any] = []
        for number in range(2):
            arrival = Arrival(f"{first}{number}", ASK, "raw", "phone/+256700000001")
            hub.ports["line"].accept(arrival).addBoth(answers.append)
            hub.engine.intake.step()
            hub.engine.notebook.step()
        quota = hub.ports["line"].quota
        assert quota is not None
        said = quota.said()
        if first:  # noted with the first message of some seconds: one of the two
            assert said == {"used today": 2, "refused": 0}
        else:
            assert said == {"used today": 2, "refused": 1}
            assert isinstance(answers[1].value, Overloaded)
            assert str(answers[1].value) == "line: its quota of 2 a day is used up"
        made.pop()
        for store in hub.engine.stores:
            store.close()
        assert hub.engine.lock is not None
        hub.engine.lock.close()

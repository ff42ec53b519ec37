"""Plays the acts and tells how it ended."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.messages.outcome import Outcome
from simulators.demo.buying import buy_by_ussd, the_impatient_customer
from simulators.demo.children import ChildError, last_words
from simulators.demo.expected import Expected
from simulators.demo.house import COMPANY, House, HubRefusedError
from simulators.demo.keypad import the_meter
from simulators.demo.money import money_has_an_owner, the_books
from simulators.demo.newkey import a_new_key
from simulators.demo.people import HOUSEHOLDS, Household
from simulators.demo.purse import pay_by_purse, the_lost_notice
from simulators.demo.show import Show
from simulators.demo.stage import Stage, StoryError
from simulators.demo.trouble import TRAP, pull_the_plug, what_must_be_refused
from simulators.phone.line import NetworkError

#: What may go wrong on stage and is told as the story's failure.
TROUBLE = (StoryError, NetworkError, ChildError, HubRefusedError, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class Act:
    """One act of the story."""

    title: str
    play: Callable[[Stage], None]


ACTS = (
    Act("Money has an owner", money_has_an_owner),
    Act("Buy by USSD", buy_by_ussd),
    Act("Pay from a purse", pay_by_purse),
    Act("The meter", the_meter),
    Act("The impatient customer", the_impatient_customer),
    Act("The lost notice", the_lost_notice),
    Act("Pull the plug", pull_the_plug),
    Act("What must be refused", what_must_be_refused),
    Act("A new key", a_new_key),
    Act("The books", the_books),
)


@dataclass(slots=True)
class Played:
    """How it went. ``failed`` is a sentence; empty when every amount was right."""

    acts: list[dict[str, Any]] = field(default_factory=list)
    checks: int = 0
    hub_up_s: float = 0.0
    first_token_s: float | None = None
    failed: str = ""

    def as_object(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "ok": not self.failed,
            "failed": self.failed or None,
            "checks": self.checks,
            "hub_up_s": round(self.hub_up_s, 2),
            "first_token_s": round(self.first_token_s, 2) if self.first_token_s else None,
            "acts": self.acts,
        }


def play(house: House, show: Show, expected: Expected | None = None) -> Played:
    """Build the house, start what belongs to it, play every act; never leaves by a TROUBLE."""
    played = Played()
    stage = Stage(house, show, expected or Expected())
    try:
        played.hub_up_s = _set_up(stage)
        for number, act in enumerate(ACTS, start=1):
            _play_act(stage, number, act, played)
    except TROUBLE as error:
        played.failed = str(error) or type(error).__name__
        _tell_failure(show, house, played)
    played.checks = stage.checks
    played.first_token_s = stage.first_token_s
    return played


def _play_act(stage: Stage, number: int, act: Act, played: Played) -> None:
    stage.show.act(number, act.title)
    begun, checks = time.monotonic(), stage.checks
    entry: dict[str, Any] = {"act": number, "title": act.title, "ok": False}
    played.acts.append(entry)
    act.play(stage)
    seconds = round(time.monotonic() - begun, 2)
    entry |= {"ok": True, "seconds": seconds, "checks": stage.checks - checks}


def _set_up(stage: Stage) -> float:
    house, show = stage.house, stage.show
    house.start_smsc()
    house.start_purse()
    house.build()
    house.network_is_up()
    took = house.start_hub(failpoint=TRAP)
    show.says("operator", f"wattbus run: the hub is up after {took:.1f} s, its SMPP link is bound")
    zone = ZoneInfo(house.config.companies[COMPANY].zone)
    since = datetime.now(zone).date().replace(day=1)
    for household in HOUSEHOLDS:
        answer = house.submit(household.enrolment(since), f"enrol/{household.account}")
        stage.same(f"enrolling {household.account}", Outcome.DONE, answer.outcome, quiet=True)
        show.says("operator", f"enrolled {household.account}: {_described(household)}")
    return took


def _described(one: Household) -> str:
    blocked = ", blocked" if one.blocked else ""
    coding = one.coding
    return f"{one.holder}, meter {one.meter} (EA{coding.ea:02d}, SGC {coding.sgc}){blocked}"


def _tell_failure(show: Show, house: House, played: Played) -> None:
    where = f"in act {len(played.acts)}" if played.acts else "before the first act"
    show.plain(f"\nThe story failed {where}: {played.failed}")
    for child in (house.hub, house.smsc, house.provider):
        if child is not None:
            show.plain(f"--- {child.log} ends with\n{last_words(child.log)}")

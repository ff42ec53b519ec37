"""The menu machine alone: labelled journeys, every pair of the table, and what never happens."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.ussd.document import OUTCOMES
from channels.ussd.menu import (
    LIFE,
    MAX_HISTORY,
    build,
    saved,
    step,
)
from channels.ussd.pages import fits
from channels.ussd.screens import Screens
from channels.ussd.service import load_folder
from channels.ussd.state import (
    Answer,
    Dial,
    Facts,
    Hangup,
    Item,
    Move,
    Outcome,
    Phase,
    Place,
    State,
)

MENU, SHEETS = load_folder("electricity")
SCREENS = Screens(MENU, SHEETS)
MACHINE = build(MENU, SCREENS.count_pages, exponent=0)
TOKEN = "1234 5678 9012 3456 7890"
HOME = "04123456784"
#: What an outcome shows, at its longest.
SAMPLES = {
    "token": TOKEN,
    "sales": "\n".join([f"21/11/2026 19:05 {HOME}\n{TOKEN}\n28.1 units, UGX 20,000"] * 3),
    "lines": "Service 3,360\nVAT 3,051\nEnergy 13,587",
    "reason": "Meter 04123456784 is blocked (unpaid debt). No money was taken. Call 0800 123456 "
    * 3,
    "holder": "J***** D***** O*****",
    "wallet": "",  # of a company that has none; with one more, a price has two pages
    "coins": "",  # of meters that hold money, which then have no units
}
BASE = {"company": "Demo Power", "help_line": "0800 123456", "currency": "UGX", "test": ""}


def facts(language: str = "en", registered: bool = True, accounts: int = 1) -> Facts:
    numbers = [f"10000{number}" for number in range(1, accounts + 1)]
    return Facts(
        registered,
        language,
        BASE,
        {
            "meters": (Item(f"Home {HOME}", HOME),),
            "accounts": tuple(Item(f"{number}: UGX 50,000", number) for number in numbers),
            "languages": tuple(Item(SHEETS[code].name, code) for code in MENU.languages),
        },
    )


def outcome(action: str, name: str) -> Outcome:
    return Outcome(name, {arg: SAMPLES.get(arg, "100,000") for arg in OUTCOMES[action][name]})


@dataclass
class Walk:
    """A session by hand: answers (text) and outcomes (``=name``) in turn."""

    state: State = field(default_factory=State)
    hop: int = 0
    move: Move = field(default_factory=lambda: Move(State()))

    def dial(self, known: Facts | None = None, **more: Any) -> "Walk":
        return self._take(Dial(known or facts(), **more))

    def go(self, *steps: str, unseen: bool = False) -> "Walk":
        for each in steps:
            if each.startswith("="):
                assert self.state.action is not None, f"no action runs that could end {each}"
                self._take(outcome(self.state.action, each[1:]))
            else:
                self.hop += 1
                self._take(Answer(each, self.hop, unseen))
        return self

    def hang_up(self) -> "Walk":
        return self._take(Hangup())

    def _take(self, event: Any) -> "Walk":
        self.move = step(MACHINE, self.state, event)
        self.state = self.move.state
        return self

    @property
    def at(self) -> str:
        return self.state.place.screen


QUOTED = ("1", "1", "20000", "=quoted")


@pytest.mark.parametrize(
    ("label", "steps", "at", "phase"),
    [
        ("the first screen", (), "home", "asking"),
        ("no such option", ("9",), "home", "asking"),
        ("a word instead of a number", ("buy",), "home", "asking"),
        ("back where there is no back", ("0",), "home", "asking"),
        ("the saved meter", ("1", "1"), "amount", "asking"),
        ("back to the meters", ("1", "1", "0"), "choose-meter", "asking"),
        ("back twice", ("1", "1", "0", "0"), "home", "asking"),
        ("home from anywhere", ("1", "2", "00"), "home", "asking"),
        ("a mistyped meter is asked again", ("1", "2", "04123456789"), "enter-meter", "asking"),
        ("no amount", ("1", "1", "abc"), "amount", "asking"),
        ("the price", QUOTED, "quote", "asking"),
        ("the price is being asked", ("1", "1", "20000"), "amount", "working"),
        ("paying", (*QUOTED, "1"), "quote", "working"),
        ("paid", (*QUOTED, "1", "=sold", "98"), "sold", "ended"),
        ("too late for the screen", (*QUOTED, "1", "=late"), "late", "ended"),
        ("busy", (*QUOTED, "1", "=busy"), "busy", "ended"),
        ("refused, then another amount", (*QUOTED, "1", "=refused", "0"), "amount", "asking"),
        ("back from the price", (*QUOTED, "0"), "amount", "asking"),
        ("a second price goes back to the amount", (*QUOTED, "0", "5000", "=quoted", "0"), "amount",
         "asking"),
        ("the price changed", (*QUOTED, "1", "=changed"), "quote-changed", "asking"),
        ("and is confirmed", (*QUOTED, "1", "=changed", "1"), "quote-changed", "working"),
        ("somebody else's", ("1", "1", "500", "=other-holder"), "holder", "asking"),
        ("is not meant", ("1", "1", "500", "=other-holder", "2"), "home", "asking"),
        ("bought already: again", ("1", "1", "500", "=earlier", "1"), "token-again", "ended"),
        ("bought already: another", ("1", "1", "500", "=earlier", "2", "=quoted"), "quote",
         "asking"),
        ("bought already: cancel", ("1", "1", "500", "=earlier", "3"), "home", "asking"),
        ("tokens", ("2", "=listed"), "tokens", "asking"),
        ("more tokens", ("2", "=listed", "98"), "tokens", "asking"),
        ("balance and back", ("3", "=shown", "0"), "home", "asking"),
        ("no balance", ("3", "=fault"), "fault", "ended"),
        ("language", ("4", "2", "=chosen"), "home", "asking"),
        ("an answer after the end", (*QUOTED, "1", "=late", "1"), "late", "ended"),
    ],
)  # fmt: skip
def test_a_journey(label: str, steps: tuple[str, ...], at: str, phase: str) -> None:
    walk = Walk().dial().go(*steps)
    assert (walk.at, walk.state.phase) == (at, phase), label


def test_a_stranger_may_only_ask_whose_meter_it_is() -> None:
    walk = Walk().dial(facts(registered=False))
    assert walk.at == "stranger"
    assert walk.go("1", HOME, "=stranger").state.place.args["holder"] == SAMPLES["holder"]
    assert Walk().dial(facts(registered=False)).go("3", "2", "=chosen").at == "stranger"


def test_several_accounts_are_asked_about_and_one_is_not() -> None:
    one = Walk().dial().go("1", "1", "500")
    assert one.move.action == "quote"
    assert one.state.place.slots["account"] == "100001"
    two = Walk().dial(facts(accounts=2)).go("1", "1", "500")
    assert two.at == "choose-account"
    assert two.go("2").state.place.slots["account"] == "100002"


def test_going_back_forgets_what_was_agreed_to() -> None:
    walk = Walk().dial().go("1", "1", "500", "=other-holder", "1", "=quoted")
    assert walk.state.place.slots["holder_confirmed"] == "yes"
    assert "holder_confirmed" not in walk.go("0").state.place.slots


def test_a_price_is_known_by_the_answer_that_led_to_it() -> None:
    walk = Walk().dial().go("1", "9", "1", "20000", "=quoted")
    assert walk.state.confirm == 4
    assert walk.go("7").state.confirm == 4  # a wrong key on the price changes nothing
    assert walk.go("1", "=changed").state.confirm == 6


@pytest.mark.parametrize(
    ("answers", "at"),
    [
        (("1", "1", "20000"), "quote"),
        (("1", "1", "20000", "1"), "quote"),  # the price was not seen yet
        (("1", "1", "20000", "1", "1", "00"), "quote"),
        (("1", "5", "1", "20000"), "choose-meter"),  # what follows a mistake means something else
    ],
)
def test_answers_dialled_ahead_never_pass_a_price(answers: tuple[str, ...], at: str) -> None:
    walk = Walk().dial()
    for text in answers:
        walk.go(text, unseen=True)
        if walk.state.phase is Phase.WORKING:
            assert walk.state.action == "quote"
            walk.go("=quoted")
    assert walk.at == at
    assert walk.state.hop == len(answers)


def test_a_price_on_several_pages_is_confirmed_on_the_last_one() -> None:
    walk = Walk().dial(facts("zh")).go("1", "1", "20000", "=quoted")
    assert SCREENS.count_pages(walk.state) > 1
    assert walk.go("1").state.phase is Phase.ASKING  # shows the next page
    while walk.state.place.page < SCREENS.count_pages(walk.state) - 1:
        walk.go("98")
    assert walk.go("1").move.action == "buy"


@pytest.mark.parametrize(
    ("steps", "taken_up"),
    [
        ((), None),
        (("1", "1"), "amount"),
        (("2", "=listed"), None),
        (("1", "1", "500"), "amount"),  # dropped while the price was asked
        (QUOTED, "quote"),
        ((*QUOTED, "1"), None),  # dropped while buying: nothing to go on with
        ((*QUOTED, "1", "=sold"), None),
        ((*QUOTED, "1", "=refused"), "amount"),
    ],
)
def test_what_a_redial_may_take_up(steps: tuple[str, ...], taken_up: str | None) -> None:
    walk = Walk().dial().go(*steps)
    found = saved(MACHINE, walk.state)
    assert (found.place.screen if found else None) == taken_up


def test_a_redial_goes_on_where_it_was() -> None:
    found = saved(MACHINE, Walk().dial(facts("sw")).go("1", "1").state)
    walk = Walk().dial(saved=found)
    assert walk.at == "resume"
    assert walk.state.language == "sw"
    assert walk.go("1").at == "amount"
    assert walk.state.place.slots["meter"] == HOME
    assert Walk().dial(saved=found).go("2").at == "home"
    assert saved(MACHINE, Walk().dial(saved=found).state) == found


@pytest.mark.parametrize("steps", [QUOTED, ("1", "1", "500", "=other-holder", "1", "=quoted")])
def test_a_redial_never_takes_up_a_price_but_asks_again(steps: tuple[str, ...]) -> None:
    found = saved(MACHINE, Walk().dial().go(*steps).state)
    walk = Walk().dial(saved=found).go("1")
    assert walk.move.action == "quote"
    assert "holder_confirmed" not in walk.state.place.slots
    assert walk.go("=quoted").state.confirm == 1


def test_a_stranger_takes_up_nothing() -> None:
    found = saved(MACHINE, Walk().dial().go("1", "1").state)
    assert Walk().dial(facts(registered=False), saved=found).at == "stranger"


EVENTS = (Dial(facts()), Answer("1", 1), Outcome("quoted"), Hangup())
STATES = {
    Phase.NEW: State(),
    Phase.ASKING: Walk().dial().state,
    Phase.WORKING: Walk().dial().go("1", "1", "500").state,
    Phase.ENDED: Walk().dial().go(*QUOTED, "1", "=late").state,
}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("phase", list(Phase))
def test_every_pair_is_in_the_table_or_changes_nothing(phase: Phase, event: Any) -> None:
    move = step(MACHINE, STATES[phase], event)
    if (phase, type(event)) in LIFE:
        assert move.state != STATES[phase]
    else:
        assert move == Move(STATES[phase])


KEYS = ("1", "2", "3", "0", "00", "98", "", "5000", HOME, "04123456789", "*", "¹", "99" * 40)


@pytest.mark.parametrize("name", sorted(MENU.screens))
@pytest.mark.parametrize("text", KEYS)
def test_every_screen_takes_every_answer(name: str, text: str) -> None:
    start = Walk().dial().state
    slots: Any = {"meter": HOME, "tender": "500"}
    args = {
        arg: SAMPLES.get(arg, "1") for ends in OUTCOMES.values() for e in ends.values() for arg in e
    }
    state = replace(start, place=Place(name, slots=slots, args=args))
    move = step(MACHINE, state, Answer(text, 1))
    assert move.state.place.screen in MENU.screens
    assert move.action is None or move.state.phase is Phase.WORKING


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_is_pressed(data: st.DataObject) -> None:
    """In every language: pages fit, tokens are whole, and only a shown price is bought."""
    language = data.draw(st.sampled_from(MENU.languages))
    walk = Walk().dial(facts(language, data.draw(st.booleans()), data.draw(st.integers(0, 3))))
    for _ in range(data.draw(st.integers(1, 14))):
        before = walk.state
        if before.phase is Phase.WORKING:
            assert before.action is not None
            walk.go("=" + data.draw(st.sampled_from(sorted(OUTCOMES[before.action]))))
        else:
            walk.go(data.draw(st.sampled_from(KEYS)), unseen=data.draw(st.booleans()))
        if walk.move.action == "buy":
            assert MENU.screens[before.place.screen].confirm
            assert before.place.page == SCREENS.count_pages(before) - 1
        check_screen(walk.state)


def check_screen(state: State) -> None:
    pages = SCREENS.pages(state)
    assert 0 <= state.place.page < len(pages)
    assert len(state.history) <= MAX_HISTORY
    for page in pages:
        assert fits(page)
        assert "{" not in page
    whole = "\n".join(pages)
    if state.place.args.get("token"):
        assert whole.count("1234") == whole.count(TOKEN)


def all_shown() -> list[tuple[str, str]]:
    return [(language, name) for language in MENU.languages for name in sorted(MENU.screens)]


@pytest.mark.parametrize(("language", "name"), all_shown())
def test_every_screen_says_something_in_every_language(language: str, name: str) -> None:
    """With the arguments that its way promises and nothing else: no gap shows as ``?``."""
    ways = [
        outcome(action, each).args
        for action, given in MENU.outcomes.items()
        for each, screen in given.items()
        if screen == name
    ] or [outcome("quote", "earlier").args]
    templates = SHEETS[language].templates
    keys = [MENU.screens[name].text or name, *(each.text for each in MENU.screens[name].options)]
    asked = sum(part.count("?") for key in keys for part in templates[key] if isinstance(part, str))
    for args in ways:
        state = replace(Walk().dial(facts(language)).state, place=Place(name, args=args))
        shown = "\n".join(SCREENS.pages(state))
        assert len(shown) > 10
        assert shown.count("?") == asked


@pytest.mark.parametrize("language", MENU.languages)
@pytest.mark.parametrize("name", ["enter-meter", "amount"])
def test_a_mistake_and_its_question_fit_one_page(language: str, name: str) -> None:
    for wrong in ("wrong.meter", "wrong.check-digit", "wrong.amount"):
        start = Walk().dial(facts(language)).state
        state = replace(start, place=Place(name), history=(Place("home"),), wrong=wrong)
        assert SCREENS.count_pages(state) == 1, SCREENS.pages(state)

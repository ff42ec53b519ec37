"""Runs the test cases that a menu carries in its own file, through the menu machine alone."""

from collections.abc import Iterator
from typing import Final

from channels.ussd.document import OUTCOMES, Journey, MenuDocument, read_menu
from channels.ussd.menu import (
    Machine,
    build,
    step,
)
from channels.ussd.state import (
    Answer,
    Dial,
    Facts,
    Item,
    Outcome,
    State,
)
from core.documents import DocumentError

#: The caller of every journey: one saved meter, one account, all languages of the menu.
_METER: Final = Item("Home", "04123456784")


def load_menu(text: str, source: str) -> MenuDocument:
    """A menu whose form, meaning and journeys are all right; DocumentError says what is not."""
    document = read_menu(text, source)
    wrong = [
        document.problem(f"journeys[{at}]", why)
        for at, journey in enumerate(document.value.journeys)
        for why in _walk(document.value, journey)
    ]
    if wrong:
        raise DocumentError(wrong)
    return document.value


def _walk(menu: MenuDocument, journey: Journey) -> Iterator[str]:
    """What is wrong with one journey; nothing if it ends where it says."""
    machine = build(menu, lambda _: 1, exponent=0)
    state = step(machine, State(), Dial(_facts(menu, journey))).state
    outcomes = list(journey.outcomes)
    for hop, text in enumerate(journey.answers, 1):
        move = step(machine, state, Answer(text, hop))
        state = move.state
        if move.action is None:
            continue
        if not outcomes or outcomes[0] not in OUTCOMES[move.action]:
            given = f"'{outcomes[0]}'" if outcomes else "nothing"
            yield f"answer {hop} starts '{move.action}', which cannot end with {given}"
            return
        state = _ended(machine, state, outcomes.pop(0))
    if outcomes:
        yield f"nothing was started that ends '{outcomes[0]}'"
    if state.place.screen != journey.screen:
        yield f"ends at '{state.place.screen}', not at '{journey.screen}'"


def _ended(machine: Machine, state: State, name: str) -> State:
    action = state.action
    assert action is not None
    args = dict.fromkeys(OUTCOMES[action][name], "…")
    return step(machine, state, Outcome(name, args)).state


def _facts(menu: MenuDocument, journey: Journey) -> Facts:
    return Facts(
        journey.registered,
        menu.languages[0],
        {"wallet": "…" if journey.wallet else "", "pins": "…"},
        lists={
            "meters": (_METER,),
            "accounts": (Item("100001", "100001"),),
            "languages": tuple(Item(code, code) for code in menu.languages),
        },
    )

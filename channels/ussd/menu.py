"""The menu machine: (state, event) -> (new state, action to run). Pure; it knows no gateway.

The life of a session is the table ``LIFE`` at the end. A state holds everything that the next
answer needs, so that it can be stored, put aside for a redial, and gone back to:

* ``place`` is the screen shown, with its page, the slots filled so far and what its text shows;
* ``history`` are the places to go back to. Screens that an outcome led to are not in it: what they
  showed may be stale, so Back from a price leads to the amount, never to another price;
* ``confirm`` names the answer that led to the price on the screen: a purchase confirmed there is
  known by it, however often the confirmation arrives.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from channels.ussd.document import (
    LISTS,
    PAYING,
    Action,
    MenuDocument,
    Option,
    Screen,
    Slot,
)
from channels.ussd.state import (
    Answer,
    Dial,
    Event,
    Hangup,
    Move,
    Outcome,
    Phase,
    Place,
    Saved,
    State,
)
from channels.ussd.values import KINDS, Form, Wrong

MORE: Final = "98"
BACK: Final = "0"
HOME: Final = "00"
#: Deeper than any menu; the oldest place is forgotten.
MAX_HISTORY: Final = 12
#: Screens of these outcomes show a price or ask about one: never taken up as they were.
_PRICED: Final = frozenset({"quoted", "changed", "other-holder", "earlier", "pin", "wrong-pin"})
#: While these run nothing is taken up: what was paid for is not begun anew.
_PAYING: Final = PAYING | {"pin-buy"}
_FLAGS: Final = frozenset({"holder_confirmed", "another"})


@dataclass(frozen=True, slots=True)
class Machine:
    """A menu, and what it needs to know: how many pages a state's screen has, the currency.

    ``results`` are the screens that outcomes lead to, ``priced`` those of them with a price;
    ``count_seen`` says how many choices of a state's screen the pages so far have shown whole.
    """

    menu: MenuDocument
    count_pages: Callable[[State], int]
    exponent: int
    results: frozenset[str]
    priced: frozenset[str]
    has_secrets: bool
    count_seen: Callable[[State], int]

    def screen(self, state: State) -> Screen:
        """The screen that a state shows."""
        return self.menu.screens[state.place.screen]


def build(
    menu: MenuDocument,
    count_pages: Callable[[State], int],
    exponent: int,
    count_seen: Callable[[State], int] = lambda _: 0,
) -> Machine:
    """The machine of a menu for a currency with ``exponent`` decimals."""
    ends = [pair for given in menu.outcomes.values() for pair in given.items()]
    return Machine(
        menu,
        count_pages,
        exponent,
        results=frozenset(name for _, name in ends) - {menu.start, menu.stranger},
        priced=frozenset(name for outcome, name in ends if outcome in _PRICED),
        has_secrets=any(each.prompt and each.prompt.hidden for each in menu.screens.values()),
        count_seen=count_seen,
    )


def step(machine: Machine, state: State, event: Event) -> Move:
    """What ``event`` leads to; a pair that the table does not hold changes nothing."""
    handler = LIFE.get((state.phase, type(event)), _ignore)
    move = handler(machine, state, event)
    return replace(move, state=_settled(machine, move.state))


def saved(machine: Machine, state: State) -> Saved | None:
    """What a redial may take up: None on the first screen, after the end, and while buying."""
    pays = state.phase is Phase.WORKING and state.action in _PAYING
    asked = state.phase in (Phase.ASKING, Phase.WORKING) and not pays
    if not asked or machine.screen(state).end:
        return None
    if state.place.screen == machine.menu.resume:
        return state.saved
    if state.place.screen in machine.results - machine.priced:
        if not state.history:
            return None
        state = replace(state, place=state.history[-1], history=state.history[:-1])
    if state.place.screen in (machine.menu.start, machine.menu.stranger):
        return None
    return Saved(replace(state.place, page=0), state.history, state.language)


# -- the steps


def _open(machine: Machine, state: State, event: Event) -> Move:
    assert isinstance(event, Dial)
    state = replace(state, phase=Phase.ASKING, facts=event.facts, language=event.facts.language)
    if event.saved is not None and event.facts.registered:
        state = replace(state, saved=event.saved, language=event.saved.language)
        return Move(replace(state, place=Place(machine.menu.resume)))
    return Move(_home(machine, state))


def _answer(machine: Machine, state: State, event: Event) -> Move:
    assert isinstance(event, Answer)
    screen, text = machine.screen(state), event.text.strip()
    if event.unseen and (screen.confirm or state.wrong):
        # A price is never answered unseen, and what follows a mistake was meant for elsewhere.
        return Move(replace(state, hop=event.hop))
    state = replace(state, hop=event.hop, wrong="")
    on_last = state.place.page >= machine.count_pages(state) - 1
    if not on_last and (text == MORE or (screen.confirm and not _seen(machine, state, text))):
        return Move(_page(state, state.place.page + 1))
    if text == HOME:
        return Move(_home(machine, state))
    if text == BACK:
        return Move(_back(state))
    if screen.prompt is not None:
        return _typed(machine, state, text)
    return _chosen(machine, state, text)


def _seen(machine: Machine, state: State, text: str) -> bool:
    """On a price of several pages: a way back, or a choice that has been shown, and so all that
    stands above it, which is the price."""
    return text in (BACK, HOME) or 1 <= _number(text) <= machine.count_seen(state)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 2 else 0


def _typed(machine: Machine, state: State, text: str) -> Move:
    screen = machine.screen(state)
    assert screen.prompt is not None
    prompt = screen.prompt
    form = Form(prompt.shortest, prompt.longest, machine.exponent)
    value = KINDS[prompt.kind](text, form)
    if isinstance(value, Wrong):
        return Move(_wrong(state, value.text))
    return _lead(machine, state, screen.go, screen.do, {prompt.slot: value})


def _chosen(machine: Machine, state: State, text: str) -> Move:
    screen = machine.screen(state)
    items = state.facts.lists.get(screen.list.of, ()) if screen.list else ()
    number = _number(text)
    if screen.list and 1 <= number <= len(items):
        slot, value = LISTS[screen.list.of], items[number - 1].value
        return _lead(machine, state, screen.go, screen.do, {slot: value})
    options = offered(screen, state)
    if len(items) < number <= len(items) + len(options):
        option = options[number - len(items) - 1]
        return _lead(machine, state, option.go, option.do, option.set)
    return Move(_wrong(state, "wrong.option"))


def _lead(
    machine: Machine, state: State, go: str, do: Action | None, filled: Mapping[Slot, str]
) -> Move:
    """Follows a way out: to a screen, or into an action."""
    slots = {**state.place.slots, **filled}
    if do == "continue":
        return _continued(machine, state)
    if do is not None:
        working = replace(state, phase=Phase.WORKING, action=do)
        return Move(replace(working, place=replace(state.place, slots=slots)), do)
    if go in (machine.menu.start, machine.menu.stranger):
        return Move(_home(machine, state))
    screen = machine.menu.screens[go]
    if screen.list and screen.list.when == "several":
        items = state.facts.lists.get(screen.list.of, ())
        if len(items) <= 1:
            only: dict[Slot, str] = dict(filled)
            if items:
                only[LISTS[screen.list.of]] = items[0].value
            return _lead(machine, state, screen.go, screen.do, only)
    place = Place(go, slots=slots, args=state.place.args)
    return Move(replace(state, place=place, history=_pushed(machine, state)))


def _outcome(machine: Machine, state: State, event: Event) -> Move:
    assert isinstance(event, Outcome)
    assert state.action is not None
    name = machine.menu.outcomes[state.action][event.name]
    slots = state.place.slots
    state = replace(state, phase=Phase.ASKING, history=_pushed(machine, state), action=None)
    if event.name == "chosen":
        state = replace(state, language=slots["language"])
    if name in (machine.menu.start, machine.menu.stranger):
        return Move(_home(machine, state))
    if machine.menu.screens[name].confirm:
        state = replace(state, confirm=state.hop)
    return Move(replace(state, place=Place(name, slots=slots, args=event.args)))


def _continued(machine: Machine, state: State) -> Move:
    """Takes up the saved session; a price is asked for again, with every question about it."""
    if state.saved is None:
        return Move(_home(machine, state))
    place, history = state.saved.place, state.saved.history
    state = replace(state, place=place, history=history, saved=None)
    if place.screen not in machine.priced:
        return Move(state)
    slots = {name: value for name, value in place.slots.items() if name not in _FLAGS}
    asked = replace(state, phase=Phase.WORKING, action="quote")
    return Move(replace(asked, place=replace(place, slots=slots)), "quote")


def _close(machine: Machine, state: State, event: Event) -> Move:  # noqa: ARG001
    return Move(replace(state, phase=Phase.ENDED, action=None))


def _ignore(machine: Machine, state: State, event: Event) -> Move:  # noqa: ARG001
    return Move(state)


def offered(screen: Screen, state: State) -> tuple[Option, ...]:
    """The options of a screen that this caller has."""
    known = {**state.facts.base, **state.place.args}
    return tuple(each for each in screen.options if not each.when or known.get(each.when))


# -- small moves


def _home(machine: Machine, state: State) -> State:
    name = machine.menu.start if state.facts.registered else machine.menu.stranger
    return replace(state, place=Place(name), history=(), saved=None)


def _back(state: State) -> State:
    if state.place.page:
        return _page(state, state.place.page - 1)
    if not state.history:
        return state
    return replace(state, place=replace(state.history[-1], page=0), history=state.history[:-1])


def _page(state: State, page: int) -> State:
    return replace(state, place=replace(state.place, page=page))


def _wrong(state: State, text: str) -> State:
    return replace(_page(state, 0), wrong=text)


def _pushed(machine: Machine, state: State) -> tuple[Place, ...]:
    left = state.place.screen
    if left in machine.results or left == machine.menu.resume:
        return state.history
    return (*state.history, state.place)[-MAX_HISTORY:]


def _settled(machine: Machine, state: State) -> State:
    """A screen that ends the session has ended it when its last page is shown."""
    if state.phase is not Phase.ASKING or not machine.screen(state).end:
        return state
    shown = state.place.page >= machine.count_pages(state) - 1
    return replace(state, phase=Phase.ENDED) if shown else state


Handler = Callable[[Machine, State, Event], Move]

#: The life of a session. What is not written here changes nothing: the same screen again.
LIFE: Final[Mapping[tuple[Phase, type[Event]], Handler]] = {
    (Phase.NEW, Dial): _open,
    (Phase.ASKING, Answer): _answer,
    (Phase.WORKING, Outcome): _outcome,
    (Phase.NEW, Hangup): _close,
    (Phase.ASKING, Hangup): _close,
    (Phase.WORKING, Hangup): _close,
}

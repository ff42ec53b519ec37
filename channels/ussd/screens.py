"""From a state to what the phone shows: the text of its screen, cut into pages."""

from collections.abc import Mapping
from dataclasses import dataclass

from channels.ussd.document import MenuDocument, text_key
from channels.ussd.menu import (
    BACK,
    HOME,
    MORE,
    offered,
)
from channels.ussd.pages import paginate
from channels.ussd.state import (
    Phase,
    State,
)
from channels.ussd.texts import Sheet


@dataclass(frozen=True, slots=True)
class Shown:
    """One page on the phone; ``closes``: no answer is expected any more."""

    text: str
    closes: bool


@dataclass(frozen=True, slots=True)
class Screens:
    """Renders the states of one menu in its languages."""

    menu: MenuDocument
    sheets: Mapping[str, Sheet]

    def sheet(self, language: str) -> Sheet:
        """The sheet of a language, or of the menu's first one."""
        known = language in self.menu.languages
        return self.sheets[language if known else self.menu.languages[0]]

    def pages(self, state: State) -> tuple[str, ...]:
        """All pages of the state's screen."""
        sheet = self.sheet(state.language)
        body = "\n".join(_lines(self.menu, sheet, state))
        return paginate(body, lambda at, last: _footer(self.menu, sheet, state, at, last))

    def count_pages(self, state: State) -> int:
        """How many pages the screen has."""
        return len(self.pages(state))

    def count_seen(self, state: State) -> int:
        """How many choices stand whole on the pages up to the one that is shown."""
        sheet, pages, at = self.sheet(state.language), self.pages(state), state.place.page
        shown = sum(
            _ink(page) - _ink(_footer(self.menu, sheet, state, number, number == len(pages) - 1))
            for number, page in enumerate(pages[: at + 1])
        )
        choices = _choices(self.menu, sheet, state)
        left = _ink("".join(_lines(self.menu, sheet, state))) - shown
        while choices and left > 0:  # nothing is lost between pages but blanks
            left -= _ink(choices.pop())
        return len(choices)

    def show(self, state: State) -> Shown:
        """The page that the customer sees now."""
        return Shown(self.pages(state)[state.place.page], state.phase is Phase.ENDED)

    def say(self, key: str, language: str, base: Mapping[str, str]) -> Shown:
        """A text that ends a session outside the menu, such as ``busy``."""
        return Shown(paginate(self.sheet(language).say(key, base), lambda *_: "")[0], True)


def _lines(menu: MenuDocument, sheet: Sheet, state: State) -> list[str]:
    args = {**state.facts.base, **state.place.args}
    lines = [sheet.say(state.wrong, args)] if state.wrong else []
    lines.append(sheet.say(text_key(menu, state.place.screen), args))
    return lines + _choices(menu, sheet, state)


def _choices(menu: MenuDocument, sheet: Sheet, state: State) -> list[str]:
    screen = menu.screens[state.place.screen]
    args = {**state.facts.base, **state.place.args}
    items = state.facts.lists.get(screen.list.of, ()) if screen.list else ()
    options = (sheet.say(each.text, args) for each in offered(screen, state))
    choices = [*(item.text for item in items), *options]
    return [f"{number} {choice}" for number, choice in enumerate(choices, 1)]


def _ink(text: str) -> int:
    return len("".join(text.split()))


def _footer(menu: MenuDocument, sheet: Sheet, state: State, page: int, last: bool) -> str:
    name = state.place.screen
    screen = menu.screens[name]
    ends = screen.end
    # a price needs its room, and has an option that leads home; 00 does so all the same
    cancels = screen.confirm and any(each.go == menu.start for each in screen.options)
    parts = [] if last else [f"{MORE} {sheet.say('nav.more', {})}"]
    if not ends and (page or state.history):
        parts.append(f"{BACK} {sheet.say('nav.back', {})}")
    if not (ends or cancels) and name not in (menu.start, menu.stranger, menu.resume):
        parts.append(f"{HOME} {sheet.say('nav.home', {})}")
    return " ".join(parts)

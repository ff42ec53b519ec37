"""The menu as an integrator writes it (``mappings/ussd/*.yaml``): its form, and checks of meaning.

A menu is screens; a screen asks by options, by a list or by a prompt, or it ends the session.
``go`` leads to a screen, ``do`` starts an action, whose outcome leads to a screen. Everything that
can be checked is checked when the file is read, each problem with its line.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

from core.documents import Document, DocumentError, Problem, read

Action = Literal[
    "quote", "buy", "pin-buy", "pay-wallet", "last-tokens", "balance", "free-units", "advance",
    "my-payment", "add-meter", "confirm-meter", "name-meter", "remove-meter", "keep-meter",
    "my-pin", "set-pin", "reset-pin", "language", "continue",
]  # fmt: skip
Slot = Literal[
    "meter", "tender", "units", "account", "language", "holder_confirmed", "another", "receipt",
    "name", "spends", "code", "pin", "old_pin", "new_pin", "new_pin_again",
]  # fmt: skip
#: What an option can depend on: something that is known of the caller, or of the price shown.
When = Literal["", "account", "wallet", "pins", "unused"]
#: Actions that move money at the price on the screen.
PAYING: Final = frozenset({"buy", "pay-wallet"})
_QUOTED = "meter meter_name tender units unit coins lines carried account credit wallet payer"
_SOLD = "meter units unit coins tender token receipt lines key_change free_token free_units"
_EARLIER = "meter units unit coins tender token receipt at kct"
#: What moves money or a registration can end without our knowing.
_DOING = {"late": "", "unsure": "", "refused": "reason", "busy": ""}
_BOUGHT = {
    "sold": _SOLD, "late": "", "unsure": "", "changed": _QUOTED,
    "other-holder": "meter holder tender", "earlier": _EARLIER, "refused": "reason", "busy": "",
}  # fmt: skip

#: Every action and how it can end. ``continue`` takes up a dropped session and has no end of its
#: own. Behind each outcome, what the texts of its screen may show.
OUTCOMES: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    action: {name: frozenset(args.split()) for name, args in outcomes.items()}
    for action, outcomes in {
        "quote": {
            "quoted": _QUOTED,
            "other-holder": "meter holder tender",
            "earlier": _EARLIER,
            "stranger": "holder meter",
            "refused": "reason",
            "fault": "",
        },
        # what is bought when the PIN is right is on the screen still: its arguments stay
        "buy": {**_BOUGHT, "pin": _QUOTED, "no-pin": _QUOTED},
        "pin-buy": {**_BOUGHT, "wrong-pin": f"{_QUOTED} reason", "fault": ""},
        "pay-wallet": {"asked": "label meter tender", **_DOING},
        "my-payment": {"found": _EARLIER, **_DOING},
        "add-meter": {"code": "meter sent_to", "operator": "meter", "done": "meter", **_DOING},
        "confirm-meter": {"done": "", "wrong": "reason", **_DOING},
        "name-meter": {"done": "meter", **_DOING},
        "remove-meter": {"done": "meter", **_DOING},
        "keep-meter": {"code": "meter sent_to", **_DOING},
        "my-pin": {"set": "", "unset": "", "refused": "reason", "fault": ""},
        "set-pin": {"done": "", "differ": "", **_DOING},
        "reset-pin": {"code": "sent_to", **_DOING},
        "last-tokens": {"listed": "sales", "none": "", "refused": "reason", "fault": ""},
        "balance": {
            "shown": "account credit debt block_left unit",
            "refused": "reason",
            "fault": "",
        },
        "free-units": {"given": "meter units unit token key_change", **_DOING},
        "advance": {"given": "meter units unit coins token key_change owed receipt", **_DOING},
        "language": {"chosen": ""},
        "continue": {},
    }.items()
}
#: Lists that the customer's data fill, and the slot that a choice fills.
LISTS: Final[Mapping[str, Slot]] = {
    "meters": "meter",
    "accounts": "account",
    "languages": "language",
}
#: May stand in any text.
BASE_ARGS: Final = frozenset({"company", "help_line", "currency", "name", "test", "wallet"})
#: One sale in the list of the last tokens.
SALE_ARGS: Final = frozenset(
    {"at", "meter", "token", "units", "unit", "coins", "tender", "receipt", "kct"}
)
#: Texts that the machine itself needs.
FIXED_TEXTS: Final = (
    "nav.more", "nav.back", "nav.home", "busy", "fault", "sale", "key-change",
    "wrong.option", "wrong.digits", "wrong.meter", "wrong.check-digit", "wrong.amount",
    "wrong.units", "wrong.pin", "wrong.weak-pin", "wrong.name", "wrong.receipt",
)  # fmt: skip
#: Deeper menus are not found again by anybody; the numbers 97 and below name options.
MAX_SCREENS: Final = 200


class Option(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A numbered choice: its text, and where it leads. ``set`` fills slots on the way; ``when``: it
    is offered only where this says something."""

    text: str
    go: str = ""
    do: Action | None = None
    set: dict[Slot, str] = {}
    when: When = ""


class Prompt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question that is answered by typing. ``secret`` answers are never journaled; those of kind
    ``pin`` are secret always, and only their keyed proof comes this far."""

    kind: Literal["digits", "meter", "amount", "units", "name", "receipt", "pin"]
    slot: Slot
    shortest: int = 3
    longest: int = 20
    secret: bool = False

    @property
    def hidden(self) -> bool:
        """Whether what is typed is nobody's to read."""
        return self.secret or self.kind == "pin"


class Listing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Choices out of the customer's data. ``when: several`` skips the screen if there is one."""

    of: Literal["meters", "accounts", "languages"]
    when: Literal["always", "several"] = "always"


class Screen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One screen. ``text`` is a key (the screen's own name when left out).

    ``confirm`` marks a screen that shows a price: only from it can be bought, only an outcome
    leads to it, and it cannot be answered before it was shown. ``end`` closes the session.
    """

    text: str = ""
    options: tuple[Option, ...] = ()
    prompt: Prompt | None = None
    list: Listing | None = None
    go: str = ""
    do: Action | None = None
    end: bool = False
    confirm: bool = False


class Journey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A test case in the menu's own file: answers, outcomes in turn, and the screen reached."""

    name: str
    answers: tuple[str, ...]
    outcomes: tuple[str, ...] = ()
    registered: bool = True
    wallet: bool = True
    screen: str


class MenuDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A menu file."""

    mapping: Literal["ussd"]
    version: int
    effective: str
    menu: str
    languages: tuple[str, ...]
    start: str
    stranger: str
    resume: str
    screens: dict[str, Screen]
    outcomes: dict[Action, dict[str, str]]
    journeys: tuple[Journey, ...] = ()


def read_menu(text: str, source: str) -> Document[MenuDocument]:
    """The menu, checked; raises :class:`core.documents.DocumentError` with every problem."""
    document = read(text, MenuDocument, source)
    problems = [*_targets(document), *_ways(document), *_outcomes(document)]
    if not problems:
        problems = [*_unreached(document)]
    if problems:
        raise DocumentError(problems)
    return document


def edges(menu: MenuDocument, name: str) -> Iterator[tuple[str, str, Action | None]]:
    """The ways out of a screen: (path in the document, screen or nothing, action or nothing)."""
    screen, path = menu.screens[name], f"screens.{name}"
    for at, option in enumerate(screen.options):
        yield f"{path}.options[{at}]", option.go, option.do
    if screen.go or screen.do or screen.prompt or screen.list:
        yield path, screen.go, screen.do


def text_key(menu: MenuDocument, name: str) -> str:
    """The key of a screen's text."""
    return menu.screens[name].text or name


def text_keys(menu: MenuDocument) -> dict[str, str]:
    """Every text that the menu needs, and the path that names it (nothing for the fixed ones)."""
    keys = dict.fromkeys(FIXED_TEXTS, "")
    for name, screen in menu.screens.items():
        keys.setdefault(text_key(menu, name), f"screens.{name}")
        for at, option in enumerate(screen.options):
            keys.setdefault(option.text, f"screens.{name}.options[{at}].text")
    return keys


# -- checks of the meaning


def _targets(document: Document[MenuDocument]) -> Iterator[Problem]:
    menu = document.value
    names = tuple(sorted(menu.screens))
    if len(names) > MAX_SCREENS:
        yield document.problem("screens", f"{len(names)} screens; more than {MAX_SCREENS}")
    for role in ("start", "stranger", "resume"):
        if getattr(menu, role) not in menu.screens:
            yield document.problem(role, f"no screen '{getattr(menu, role)}'", names)
    for name in menu.screens:
        for path, go, _ in edges(menu, name):
            if go and go not in menu.screens:
                yield document.problem(f"{path}.go", f"no screen '{go}'", names)


def _ways(document: Document[MenuDocument]) -> Iterator[Problem]:
    """Each screen asks in one way or ends; each way out leads to one place."""
    menu = document.value
    for name, screen in menu.screens.items():
        path = f"screens.{name}"
        asks = bool(screen.prompt) or bool(screen.list) or bool(screen.options)
        if screen.prompt and (screen.list or screen.options):
            yield document.problem(path, "a prompt stands alone: no options, no list")
        if screen.end and asks:
            yield document.problem(path, "a screen that ends the session asks nothing")
        if (screen.go or screen.do) and not (screen.prompt or screen.list):
            yield document.problem(path, "'go' and 'do' belong to a prompt or a list")
        if screen.prompt and screen.prompt.kind == "digits" and screen.prompt.shortest < 3:
            why = "shorter than 3 digits cannot be told from 0, 00 and 98"
            yield document.problem(f"{path}.prompt.shortest", why)
        for where, go, do in edges(menu, name):
            if bool(go) == bool(do):
                yield document.problem(where, "either 'go' or 'do'")
            if go in menu.screens and menu.screens[go].confirm:
                why = f"'{go}' shows a price: only an outcome of quote or buy leads there"
                yield document.problem(f"{where}.go", why)
            if do in PAYING and not screen.confirm:
                why = "only from a screen marked 'confirm' can be paid"
                yield document.problem(f"{where}.do", why)


def _outcomes(document: Document[MenuDocument]) -> Iterator[Problem]:
    menu = document.value
    used = {do for name in menu.screens for _, _, do in edges(menu, name) if do}
    for action in sorted(used):
        given = menu.outcomes.get(action, {})
        for name in OUTCOMES[action]:
            if name not in given:
                where = f"outcomes.{action}" if action in menu.outcomes else "outcomes"
                yield document.problem(where, f"'{action}' can end '{name}': no screen for it")
    for action, given in menu.outcomes.items():
        for name, screen in given.items():
            path = f"outcomes.{action}.{name}"
            if name not in OUTCOMES[action]:
                yield document.problem(path, "no such outcome", tuple(OUTCOMES[action]))
            elif screen not in menu.screens:
                allowed = tuple(sorted(menu.screens))
                yield document.problem(path, f"no screen '{screen}'", allowed)
            elif menu.screens[screen].confirm != (name in ("quoted", "changed")):
                must = "must" if name in ("quoted", "changed") else "must not"
                yield document.problem(path, f"'{screen}' {must} be marked 'confirm'")


def _unreached(document: Document[MenuDocument]) -> Iterator[Problem]:
    menu = document.value
    open_, reached = [menu.start, menu.stranger, menu.resume], set[str]()
    while open_:
        name = open_.pop()
        if name in reached:
            continue
        reached.add(name)
        for _, go, do in edges(menu, name):
            open_ += [go] if go else list(menu.outcomes.get(do, {}).values()) if do else []
    for name in sorted(set(menu.screens) - reached):
        yield document.problem(f"screens.{name}", "nothing leads to this screen")

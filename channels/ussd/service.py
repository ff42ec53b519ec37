"""The USSD channel: menus on a customer's phone, by HTTP callbacks or over an SMPP link."""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from ipaddress import ip_network
from typing import Annotated, Any, Final

import msgspec
from twisted.internet.defer import Deferred, succeed

from adapters.ussd.smpp import PROFILES
from channels.ussd.actions import Actions
from channels.ussd.conversation import Conversation
from channels.ussd.document import MenuDocument
from channels.ussd.http import HttpFace
from channels.ussd.journeys import load_menu
from channels.ussd.menu import (
    build as build_machine,
)
from channels.ussd.pins import Pins
from channels.ussd.screens import Screens
from channels.ussd.sessions import Sessions
from channels.ussd.smpp import SmppFace
from channels.ussd.texts import Sheet, load_sheets
from channels.ussd.words import Words
from hub.channel import Channel, ChannelSpec, Failed, Outbound, Ports, SendResult
from hub.texts import Texts, read_folder

_SECOND_US: Final = 1_000_000


class UssdConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One gateway: by HTTP (``path``), or by SMPP (``link``).

    menu
        The menu's name: ``mappings/ussd/<menu>.yaml``.
    codes
        The service codes that lead here; what is dialled behind one answers the first screens.
    path
        Path of the HTTP callbacks, such as ``/ussd/mno``; empty: no HTTP.
    callers
        Networks that may call it. The form carries no signature, so whoever may call can spend
        every account: name the gateway's own addresses only.
    link, profile
        The SMPP link and how its network speaks USSD: ``plain``, ``bit`` or ``sessionless``.
    answer_within_s
        A screen leaves after this time at the latest; a purchase then ends by SMS.
    session_s, resume_s
        How long a silent session is kept, and how long a redial may take up a dropped one.
    max_sessions
        More at once are told that we are busy.
    unique_session_ids
        False where the network uses its session ids again. Over SMPP they always come again.
    sms_channel
        The instance that sends the token; empty: the hub's routing decides.
    """

    menu: Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]+$")] = "electricity"
    codes: tuple[str, ...] = ("*123#",)
    path: str = ""
    callers: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    link: str = ""
    profile: str = "plain"
    answer_within_s: Annotated[float, msgspec.Meta(gt=0, le=10)] = 4.0
    session_s: Annotated[int, msgspec.Meta(ge=60, le=900)] = 300
    resume_s: Annotated[int, msgspec.Meta(ge=0, le=1800)] = 300
    max_sessions: Annotated[int, msgspec.Meta(ge=1, le=200_000)] = 10_000
    unique_session_ids: bool = True
    sms_channel: str = ""

    def __post_init__(self) -> None:
        if bool(self.path) == bool(self.link):
            raise ValueError("give either 'path' (HTTP) or 'link' (SMPP)")
        if self.path and not self.path.startswith("/"):
            raise ValueError(f"path {self.path!r} must begin with /")
        if self.profile not in PROFILES:
            raise ValueError(f"profile {self.profile!r} (allowed: {', '.join(sorted(PROFILES))})")
        for caller in self.callers:
            ip_network(caller)  # its ValueError names the wrong one


class UssdChannel:
    """A running gateway. It carries no messages out: screens are answers."""

    def __init__(self, conversation: Conversation, open_face: Callable[[], None]) -> None:
        self._conversation = conversation
        self._open_face = open_face

    def start(self) -> None:
        """Takes its path or its link's messages."""
        self._open_face()

    def stop(self) -> "Deferred[None]":
        """Every new session is told that we are busy; fires when no hop is being answered."""
        return self._conversation.drained()

    def capacity(self) -> int:
        """Nothing can be sent: USSD screens only answer."""
        return 0

    def send(self, outbound: Outbound) -> "Deferred[SendResult]":
        """Refuses: a notice goes by SMS."""
        reason = f"USSD carries no messages out (message {outbound.message_id})"
        return succeed(Failed(reason, retry=False))

    def status(self) -> Mapping[str, Any]:
        """Sessions in memory, hops being answered, and counts of what came and how it ended."""
        talk = self._conversation
        return {
            "state": "stopping" if talk.stopping else "up",
            "sessions": len(talk.sessions),
            "in_flight": talk.in_flight,
            "counts": dict(talk.counts),
        }


def load_folder(
    name: str, folder: Traversable | None = None
) -> tuple[MenuDocument, dict[str, Sheet]]:
    """A menu and its texts; DocumentError names everything that is wrong, with file and line."""
    if folder is not None:
        return _folder(name, folder)
    menu, sheets = _of_wattbus(name)
    return menu, dict(sheets)


@cache
def _of_wattbus(name: str) -> tuple[MenuDocument, dict[str, Sheet]]:
    """A menu of the package, read once per process: every channel of every company asks."""
    return _folder(name, resources.files("mappings") / "ussd")


def _folder(name: str, folder: Traversable) -> tuple[MenuDocument, dict[str, Sheet]]:
    menu = load_menu((folder / f"{name}.yaml").read_text("utf-8"), f"ussd/{name}.yaml")
    files = sorted((f for f in (folder / "texts").iterdir()), key=lambda file: file.name)
    sheets = load_sheets(
        [
            (f"ussd/texts/{file.name}", file.read_text("utf-8"))
            for file in files
            if file.name.removesuffix(".yaml") in menu.languages
        ],
        menu,
    )
    return menu, sheets


def _lone_sheet(text: str) -> dict[str, Sheet]:
    """One sheet, checked against the menu that comes with Wattbus."""
    menu, _ = load_folder("electricity")
    return load_sheets([("ussd-texts", text)], msgspec.structs.replace(menu, languages=()))


def build(ports: Ports, config: UssdConfig) -> Channel:
    """Who knows whom."""
    menu, sheets = load_folder(config.menu)
    languages = read_folder()
    screens = Screens(menu, sheets)
    words = Words(languages, Texts(languages, ports.company), screens, ports.company)
    sessions = Sessions(
        config.max_sessions, config.session_s * _SECOND_US, config.resume_s * _SECOND_US
    )
    conversation = Conversation(
        ports,
        build_machine(menu, screens.count_pages, ports.company.exponent, screens.count_seen),
        screens,
        sessions,
        Actions(ports, words, config.sms_channel),
        config.answer_within_s,
        Pins(ports.pin_key(), ports.company.code),
        unique_ids=config.unique_session_ids and not config.link,
    )
    if config.path:
        callers = tuple(ip_network(caller) for caller in config.callers)
        http = HttpFace(ports, conversation, callers)
        return UssdChannel(conversation, lambda: ports.mount(config.path, http.handle))
    link, profile = ports.link(config.link), PROFILES[config.profile]
    alphabet = link.config.alphabet_in
    smpp = SmppFace(ports, conversation, link, config.link, profile, config.codes, alphabet)
    return UssdChannel(conversation, smpp.start)


CHANNEL: Final = ChannelSpec(
    kind="ussd",
    config=UssdConfig,
    build=build,
    mappings={"ussd": lambda text: load_menu(text, "ussd"), "ussd-texts": _lone_sheet},
)

"""What an act plays on: the house, the phones, the meters, and what must come out."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from simulators.demo.expected import Expected, Sale
from simulators.demo.house import House
from simulators.demo.people import HOUSEHOLDS, Household
from simulators.demo.reading import figures, tenths
from simulators.demo.show import Show
from simulators.meter.device import Meter
from simulators.phone.handset import Phone
from simulators.ussd.gateway import Screen

#: A text is there within this time: the hub needs some 20 ms, a busy machine more.
SMS_S = 10.0


class StoryError(Exception):
    """Something came out otherwise than it must."""

    def __init__(self, what: str, expected: object, came: object) -> None:
        super().__init__(f"{what}: expected {expected}, came {came}")
        self.what = what
        self.expected = expected
        self.came = came


@dataclass(slots=True)
class Stage:
    """The props of the story. ``seen`` is what acts remember of each other: tokens, receipts."""

    house: House
    show: Show
    expected: Expected = field(default_factory=Expected)
    seen: dict[str, str] = field(default_factory=dict)
    meters: dict[str, Meter] = field(default_factory=dict)
    checks: int = 0
    first_token_s: float | None = None

    def __post_init__(self) -> None:
        self.meters = {each.meter: Meter.coded(each.coding) for each in HOUSEHOLDS}

    # --- who speaks ------------------------------------------------------------------------------

    def says(self, who: str, text: str) -> None:
        """One line of the story."""
        self.show.says(who, text)

    def phone(self, household: Household) -> Phone:
        """A household's phone."""
        return self.house.phone(household.msisdn)

    def dials(self, phone: Phone, code: str = "*123#") -> Screen:
        """The customer dials and reads."""
        self.says("customer", f"dials {code}")
        return self._reads(phone.dial(code))

    def chooses(self, phone: Phone, label: str) -> Screen:
        """The customer answers with the number of an option."""
        self.says("customer", f"chooses {label!r}")
        return self._reads(phone.choose(label))

    def types(self, phone: Phone, text: str) -> Screen:
        """The customer types something into the menu."""
        self.says("customer", f"types {text}")
        return self._reads(phone.answer(text))

    def sends(self, phone: Phone, text: str, copies: int = 1) -> list[int]:
        """The customer sends a text."""
        self.says("customer", f"sends {text!r} to {phone.short_code}")
        return phone.send_sms(text, copies=copies)

    def reads_sms(self, phone: Phone, within_s: float = SMS_S) -> str:
        """The next text that comes."""
        sms = phone.next_sms(within_s)
        if sms is None:
            raise StoryError("a text to the customer", "one", f"none within {within_s:g} s")
        self.says("phone", "\n".join(f"[SMS] {line}" for line in sms.text.splitlines()))
        return sms.text

    def no_more_sms(self, phone: Phone) -> None:
        """Nothing else has come to this phone."""
        more = phone.next_sms(0.0)
        self.same("further texts", None, more.text if more else None, quiet=True)

    def _reads(self, screen: Screen) -> Screen:
        self.says("phone", "\n".join(f"| {line}" for line in screen.text.splitlines()))
        return screen

    # --- what must be ----------------------------------------------------------------------------

    def same(self, what: str, expected: Any, came: Any, quiet: bool = False) -> None:
        """Exactly this; StoryError says what came instead."""
        self.checks += 1
        if expected != came:
            raise StoryError(what, expected, came)
        if not quiet:
            self.show.checked(f"{what}: {came}")

    def says_all(self, what: str, fragments: Iterable[str], text: str) -> None:
        """Every fragment stands in the text, wherever its lines break."""
        flat = " ".join(text.split())
        for fragment in fragments:
            self.checks += 1
            if fragment not in flat:
                raise StoryError(what, repr(fragment), repr(flat))
        self.show.checked(f"{what}: {', '.join(fragments)}")

    def shows_sale(self, what: str, sale: Sale, text: str, *, all_lines: bool = True) -> None:
        """The sale's figures stand in the text, and no other ones; ``all_lines`` False: only what
        it costs and gives."""
        came = figures(text)
        wanted = sale.figures()
        if not all_lines:
            wanted = {name: wanted[name] for name in ("tender", "units")}
        for name, amount in wanted.items():
            self.same(f"{what}, {name}", amount, came.get(name), quiet=True)
        self.same(f"{what}, its lines", sorted(wanted), sorted(came), quiet=True)
        self.show.checked(f"{what}: " + _listed(wanted))


def _listed(wanted: dict[str, int]) -> str:
    return ", ".join(
        f"{name} {tenths(amount) if name == 'units' else f'{amount:,}'}"
        for name, amount in wanted.items()
    )

"""The interface of one provider: his functions (``adapters.mobilemoney.senders``), what he says
(``adapters.mobilemoney.providers``) and his data (``mappings/wallets/providers/<name>.yaml``).

README.md has the recipe of a new one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from adapters.mobilemoney.providers import PROVIDERS, read
from adapters.mobilemoney.reading import Reading
from adapters.mobilemoney.senders import SENDERS
from adapters.mobilemoney.sending import Given, Sender
from core.documents import Misfit
from core.documents import read as read_document
from core.money import CURRENCIES

#: Why there is no money, in our words: each has its sentence for the customer.
Reason = Literal[
    "declined", "insufficient", "wrong-pin", "timeout", "busy", "unreachable", "limit", "provider",
    "rejected",
]  # fmt: skip
#: An unknown code of a failure is the provider's matter: the customer is not accused.
OTHERWISE: Reason = "provider"
#: What a notice says of these may have been said before the payer was quicker, or by a part of the
#: provider that does not know the end: our own question decides.
DOUBTFUL: Final = frozenset(("timeout", "unreachable", "provider"))


class ProviderDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider's data.

    provider, version, effective
        Whose it is, and since when it is so.
    zone, currencies
        The provider's own time, and what he takes.
    believes
        ``notice``: a callback that came by the right way, with amount and receipt, proves a payment
        below the wallet's ``large``; ``status``: only our own question does.
    timeout_s
        After so long an answer is lost.
    absent_after_s
        "I know nothing of it", so long after the call, is believed: it was surely never taken. 0:
        never, where a request may be heard of later.
    pulls, pull_hours
        There is a list of payments, and how far it goes back.
    shows
        A paid collection also appears among the pay-ins, under so many characters of what the payer
        was shown. 0: it does not.
    reversed_before
        Codes of a refused refund that mean: the payment was given back before.
    paths
        Of each request, below the base address of the channel.
    settings, secrets
        What the channel's section must have.
    forbidden_in_urls
        Words that the provider refuses in an address of ours.
    reasons
        His codes in our words.
    """

    provider: str
    version: Annotated[int, msgspec.Meta(ge=1)]
    effective: date
    zone: str
    currencies: tuple[str, ...]
    paths: Mapping[str, str]
    believes: Literal["notice", "status"] = "status"
    timeout_s: Annotated[int, msgspec.Meta(ge=1, le=120)] = 20
    absent_after_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 0
    pulls: bool = False
    pull_hours: Annotated[int, msgspec.Meta(ge=1, le=168)] = 48
    shows: Annotated[int, msgspec.Meta(ge=0, le=160)] = 0
    settings: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    forbidden_in_urls: tuple[str, ...] = ()
    reversed_before: tuple[str, ...] = ()
    reasons: Mapping[str, Reason] = {}

    def __post_init__(self) -> None:
        if self.provider not in SENDERS or self.provider not in PROVIDERS:
            raise Misfit("provider", f"nobody speaks to {self.provider!r}", sorted(SENDERS))
        try:
            ZoneInfo(self.zone)
        except (ValueError, LookupError, OSError) as error:
            raise Misfit("zone", f"{self.zone!r} is no time zone") from error
        unknown = [code for code in self.currencies if code not in CURRENCIES]
        if unknown or not self.currencies:
            raise Misfit("currencies", f"not known: {', '.join(unknown) or 'none is given'}")
        if self.pulls and SENDERS[self.provider].pull is None:
            raise Misfit("pulls", "this provider has no list of payments")


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider: data and functions."""

    data: ProviderDocument
    sender: Sender

    @property
    def name(self) -> str:
        """As in the wallets of a company."""
        return self.data.provider

    def read(self, body: bytes, headers: Mapping[str, str], given: Given, hint: str) -> Reading:
        """A callback: its signature is checked where there is one. NoticeError."""
        return read(self.name, self.sender.open_notice(body, headers, given), hint)

    def reason(self, code: str) -> Reason:
        """Our word for the provider's code of a failure."""
        return self.data.reasons.get(code, OTHERWISE)


def load(text: str, source: str) -> Provider:
    """A provider's document. DocumentError: everything that is wrong, with its line."""
    found = read_document(text, ProviderDocument, source).value
    return Provider(found, SENDERS[found.provider])


@cache
def provider(name: str) -> Provider:
    """A provider of the package. LookupError: there is none of that name."""
    folder = resources.files("mappings") / "wallets" / "providers"
    file = folder / f"{name}.yaml"
    if not name.replace("-", "").isalnum() or not file.is_file():
        known = sorted(each.name.removesuffix(".yaml") for each in folder.iterdir())
        raise LookupError(f"no provider {name} (known: {', '.join(known)})")
    return load(file.read_text("utf-8"), f"wallets/providers/{name}.yaml")

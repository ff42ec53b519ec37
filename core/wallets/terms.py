"""What a company declares about its wallets: ``mappings/wallets``, read by ``core.wallets.load``.

A company without such a file takes no money by wallet.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

#: What a reference can name, in the order in which rules are tried (``core.wallets.routing``).
Names = Literal["meter", "account", "bill", "order", "agent"]
#: What is done with money that cannot be vended (``core.wallets.held``).
Unvendable = Literal[
    "unknown", "small", "postpaid", "blocked", "vacant", "exchanging", "over-limit", "differs",
    "refused",
]  # fmt: skip


class Wallet(msgspec.Struct, frozen=True, kw_only=True):
    """One account of ours with a provider.

    ``channel``: the instance that speaks to him; ``provider``: his kind (``mpesa``, ``mtn``,
    ``airtel``, …); ``label``: what customers call it ("M-PESA"); ``prefixes``: numbers (E.164
    without +) that it serves; amounts in minor units; ``large``: from so much on, a notice alone is
    no proof, the channel asks for the status first (0: never; a file that does not say it:
    always); ``settle_days``: working days until the provider has paid out; ``asks_s``: a
    collection that is older has ended.
    """

    name: str
    channel: str
    provider: str
    label: str
    currency: str
    prefixes: tuple[str, ...] = ()
    least: int = 1
    most: int = 0
    large: int = 0
    settle_days: int = 1
    asks_s: int = 120
    short_code: str = ""
    ask: bool = True
    pay_in: bool = True
    refunds: bool = True


class ReferenceRule(msgspec.Struct, frozen=True, kw_only=True):
    """One way to read what people type: ``pattern`` (a regular expression on the cleaned text)
    names a ``names``; ``strip`` leading letters such as ``INV``; ``pad`` to so many digits."""

    names: Names
    pattern: str
    strip: tuple[str, ...] = ()
    pad: int = 0


class HeldRule(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with money held for a reason: who owns it, until when, and what then."""

    owner: str
    hours: int
    then: Literal["refund", "credit", "work-list"]


class WalletTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The wallets of a company by name, and the rules that they share.

    ``smallest``: less buys no useful token (minor units); ``alone``: up to so much one person may
    have given back; ``copies_per_hour``: how often a phone may ask for a payment's token.
    """

    wallets: Mapping[str, Wallet] = {}
    references: tuple[ReferenceRule, ...] = ()
    held: Mapping[str, HeldRule] = {}
    smallest: int = 0
    alone: int = 0
    copies_per_hour: int = 5

    def serving(self, msisdn: str) -> Wallet | None:
        """The wallet that can ask this payer: the longest prefix; None: no provider of ours."""
        found = [
            (len(prefix), wallet)
            for wallet in self.wallets.values()
            if wallet.ask
            for prefix in wallet.prefixes
            if msisdn.removeprefix("+").startswith(prefix)
        ]
        return max(found, key=lambda each: each[0])[1] if found else None

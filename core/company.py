"""What a company declares: everything a decision needs to know beside the facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from core.agents.terms import AgentTerms
from core.changes.terms import ChangeTerms
from core.collection.terms import CollectionTerms
from core.sts.keystore import KeyRecord
from core.sts.module import MeterKey, SecurityModule
from core.sts.remote import RemoteModule
from core.tariffs.compiling import CompiledTariff
from core.tariffs.sale import DeductionPolicy
from core.wallets.terms import WalletTerms


@dataclass(frozen=True, slots=True)
class SaleLimits:
    """Minor units; 0: no limit. Days are days of the company's zone.

    ``pin_above``: what a phone buys from an account for more than this needs its PIN."""

    per_sale: int = 0
    per_day_meter: int = 0
    per_day_phone: int = 0
    pin_above: int = 0


#: What a sale does about a meter that needs a key change: sell under the old key; do so and say
#: it; print the set in front of the credit, which is under the new key.
KeyChangePolicy = Literal["never", "tell", "do"]


@dataclass(frozen=True, slots=True)
class Operator:
    """Who may ask for acts with tokens, and how much in a day of the company's zone.

    ``free_issue_tenths_per_day``: units that he may give away; ``alone_tenths``: up to so many of
    them in one act without a second person; ``refund_per_day``, and of small change
    ``waive_alone`` in one act and ``waive_per_day``, in minor units; ``write_off_per_day`` and
    ``credit_note_per_day``: what he may ask a second person for. Here 0 is nothing.
    """

    roles: frozenset[str]
    acts_per_day: int = 100
    free_issue_tenths_per_day: int = 0
    alone_tenths: int = 0
    refund_per_day: int = 0
    waive_alone: int = 0
    waive_per_day: int = 0
    write_off_per_day: int = 0
    credit_note_per_day: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms on which one company sells. One per company, made by ``hub.boot``."""

    code: str
    name: str
    zone: str
    currency: str
    exponent: int
    module: SecurityModule
    tariffs: Mapping[str, CompiledTariff]
    languages: tuple[str, ...] = ("en",)
    country_code: str = ""
    help_line: str = ""
    tax_number: str = ""
    test: bool = False
    receipt_series: str = ""
    deductions: DeductionPolicy = field(default_factory=DeductionPolicy)
    limits: SaleLimits = SaleLimits()
    repeat_minutes: int = 10
    confirm_minutes: int = 10
    token_ahead_minutes: int = 60
    operators: Mapping[str, Operator] = field(default_factory=dict)
    approval_hours: int = 24
    key_changes: Mapping[str, KeyChangePolicy] = field(default_factory=dict)  # by supply group
    remotes: Mapping[str, RemoteModule] = field(default_factory=dict)  # by supply group
    boxes: tuple[str, ...] = ()  # modules on the network, whether a supply group is theirs or not
    collection: CollectionTerms = field(default_factory=CollectionTerms)
    changes: ChangeTerms | None = None  # of customers' lives; None: not declared
    agents: AgentTerms = field(default_factory=AgentTerms)
    wallets: WalletTerms = field(default_factory=WalletTerms)

    def key_change_policy(self, sgc: str) -> KeyChangePolicy:
        """The policy of a supply group; where none is given, the change is told of."""
        return self.key_changes.get(sgc, "tell")

    def describe(self, key: MeterKey) -> KeyRecord:
        """The record of a vending key, wherever that key is. Errors: those of the module."""
        remote = self.remotes.get(key.sgc)
        return remote.describe(key, self.test) if remote else self.module.describe(key)

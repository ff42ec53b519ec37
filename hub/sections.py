"""What the configuration says, section by section: declared structs, and the whole of them.

Each struct's fields carry their sentence in ``wattbus init``'s commented file. Secrets are never
here: they come by file or environment. ``hub.config`` reads and checks them.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from hub.modules.settings import VIRTUAL, MasterKeySection, Pkcs11Section, SupplyGroupSection
from hub.quotas import QuotaSection

Count = Annotated[int, msgspec.Meta(ge=0)]
#: Longer than a commit takes on a slow disk, a wait gains nothing.
Linger = Annotated[int, msgspec.Meta(ge=0, le=100)]
#: What is due later than in a year is not owed but given (core.changes.terms).
UpToAYear = Annotated[int, msgspec.Meta(ge=0, le=365)]
AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
ProofAt = Annotated[
    str, msgspec.Meta(pattern=r"^(00:[3-5][0-9]|(0[1-9]|1[0-9]|2[0-3]):[0-5][0-9])$")
]
#: The kinds of links that there are: modules of ``hub.links``.
LINKS = ("prismtoken", "smpp")
Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Deduction = Literal["fee", "debts", "fixed", "tax", "energy"]
#: What an operator may be: ``core.vending.act_kinds`` says what each may do.
OperatorRole = Literal[
    "meter-technician",
    "vending-desk",
    "vending-supervisor",
    "vending-approver",
    "cashier",
    "collection-supervisor",
    "collection-approver",
    "customer-service",
    "agent-supervisor",
    "agent-approver",
    "key-custodian",
]


#: What a node may do: talk to counterparts, decide, work on bill runs.
Role = Literal["channels", "workers", "bulk"]
ROLES: tuple[Role, ...] = ("channels", "workers", "bulk")


class HubSection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[hub]``: the node itself. Nodes of one installation share the rest of the configuration."""

    name: str = "wattbus"  # each node has one of its own
    data: str = "var"
    roles: Annotated[list[Role], msgspec.Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: list(ROLES)
    )  # several nodes need PostgreSQL
    workers: Count = 0  # worker processes on PostgreSQL; 0: one per core
    bulk_workers: Count = 0  # the same for bill runs, beside them; 0: one for two cores
    open_messages: AtLeastOne = 20_000  # per channel: over it the edge is told to come again
    linger_ms: Linger = 5  # under traffic a stage waits so long for company; 0: never
    drain_s: Annotated[float, msgspec.Meta(ge=0)] = 20.0
    log: Literal["json", "text"] = "json"


class DatabaseSection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[database]``: ``sqlite:PATH`` or ``postgresql://…`` (the password by PGPASSFILE)."""

    url: str = "sqlite:var/wattbus.db"


class BusSection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[bus]``: ``table`` is the queue in the database; ``rabbitmq`` and ``kombu`` need ``url``.

    Files are relative to the configuration's folder; certificates are for ``amqps://``.
    """

    kind: Literal["table", "rabbitmq", "kombu"] = "table"
    url: str = ""
    prefix: str = "wattbus"
    password_file: str = ""  # of the URL's user, so that no password stands here
    ca: str = ""  # who vouches for the broker; empty: those that the machine trusts
    certificate: str = ""  # ours, where the broker asks for one, with its key
    key: str = ""
    backlog: AtLeastOne = 2_000  # may wait for a broker that takes nothing; then the edge says no
    events: list[str] = []  # types of events that leave for outsiders (rabbitmq)


class HttpSection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[http]``: the one HTTP server; loopback unless said otherwise. Port 0: none."""

    host: str = "127.0.0.1"
    port: Port = 8080
    tls_cert: str = ""  # PEM chain, ours first; empty: plain HTTP
    tls_key: str = ""  # its key, which only the hub's user may read
    tls_client_ca: str = ""  # authorities (PEM): only who has a certificate of theirs is served
    connections: AtLeastOne = 1_000  # at once; beyond it 503, come again
    per_peer: AtLeastOne = 250  # of one address: one stranger must not take all places


class TokensSection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[tokens]``: the daily proof that no token was made without a cause, and the clock.

    ``proof_at`` is half past midnight at the earliest: the last batch of a day must be committed.
    A clock that is off by seconds moves a token into another minute only where a minute ends, and
    what is off more is no clock that somebody keeps (NTP keeps it to milliseconds).
    """

    proof_at: ProofAt = "02:30"  # HH:MM in the company's zone
    clock_limit_s: AtLeastOne = 5  # no token while host and database differ by more than this


class LimitsSection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[companies.X.limits]`` in minor units; 0: no limit."""

    per_sale: Count = 0
    per_day_meter: Count = 0
    per_day_phone: Count = 0
    pin_above: Count = 0  # from an account, by phone: more than this needs the phone's PIN


class RecoverySection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[companies.X.changes.recovery]``: how purchases pay a final bill that they recover.
    ``value``: 10⁻⁸ of the whole of percentages, minor units of ``fixed``."""

    method: Literal["percent_of_tender", "percent_of_outstanding", "fixed", "all"] = "all"
    value: Count = 0
    priority: Count = 10
    cap_per_sale: Count = 0  # minor units; 0: none


class ChangesSection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[companies.X.changes]``: whose the money is at changes in a customer's life. Nothing is
    taken for granted: without this section there are no changes."""

    remaining_credit: Literal["last-sales", "tariff", "lost"]  # units left in a meter
    exchange_credit: Literal["moved", "last-sales", "tariff", "lost"]  # in an exchanged one
    debts_follow: Literal["account", "service-point"]
    final_bill: Literal["paid", "recovered"]  # before purchases begin, or by them
    deposits: Literal["set-off", "kept"]  # when a customer leaves
    pauses: Literal["ended", "kept"]  # a time without service, when bills begin
    shares: Literal["ended", "kept", "passed"]  # in something common, of who leaves
    reading_days: UpToAYear = 3  # a reading is good for so many days
    due_days: UpToAYear = 14  # of charges that no purchase had collected
    recovery: RecoverySection = msgspec.field(default_factory=RecoverySection)


class CompanySection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[companies.X]``: a utility. ``keys`` is the file of wrapped vending keys, ``module`` holds
    the keys of every supply group whose own section names no other."""

    name: str
    zone: str
    currency: str
    tariffs: list[str]
    keys: str
    master_key_file: str = ""  # the short form of master_key = { file = "…" }
    master_key: MasterKeySection | None = None
    module: str = VIRTUAL
    supply_groups: dict[str, SupplyGroupSection] = msgspec.field(default_factory=dict)
    sta_tables: str = ""
    languages: list[str] = msgspec.field(default_factory=lambda: ["en"])
    country_code: str = ""
    help_line: str = ""
    tax_number: str = ""
    receipt_series: str = ""
    test: bool = False
    repeat_minutes: Count = 10
    confirm_minutes: AtLeastOne = 10
    approval_hours: AtLeastOne = 24  # how long an operator's act waits for the second person
    deductions: list[Deduction] = msgspec.field(
        default_factory=lambda: ["fee", "debts", "fixed", "tax", "energy"]
    )
    limits: LimitsSection = msgspec.field(default_factory=LimitsSection)
    changes: ChangesSection | None = None
    pin_key_file: str = ""  # 64 hex digits: PINs are proved by it; empty: no cashiers, no PINs
    agents: str = ""  # mapping of agents' commission; empty: nobody earns anything
    wallets: str = ""  # mapping of wallets; empty: no money comes by wallet
    collection: str = ""  # mapping of fees, allocation rules, late fees; empty: nothing is charged


class OperatorSection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``[operators.X]``: who may ask for acts with tokens, and how much in a day of the company's
    zone. What is not said is nothing: 0 units, 0 money. ``secret_file`` is what ``wattbus act
    secret`` wrote for him, and for nobody else; it should belong to root, and the hub must be able
    to read it. It may be missing only where every company is a test company."""

    roles: list[OperatorRole]
    secret_file: str = ""
    companies: list[str] = msgspec.field(default_factory=list)  # empty: all of them
    acts_per_day: AtLeastOne = 100
    free_issue_units_per_day: Count = 0
    alone_units: Count = 0  # of these, so many in one act without a second person
    refund_per_day: Count = 0  # minor units
    waive_alone: Count = 0  # minor units of small change in one act without a second person
    waive_per_day: Count = 0  # minor units
    write_off_per_day: Count = 0  # minor units
    credit_note_per_day: Count = 0  # minor units


@dataclass(frozen=True, slots=True)
class ChannelSection:
    """``[channels.X]``: an instance of a channel; ``options`` are its own struct's fields.
    ``nodes`` may hold it; empty: any node whose roles say channels."""

    name: str
    kind: str
    company: str
    options: dict[str, Any]
    nodes: tuple[str, ...] = ()
    quota: QuotaSection | None = None  # what the partner may ask for


@dataclass(frozen=True, slots=True)
class LinkSection:
    """``[links.X]``: a link that channels share."""

    name: str
    kind: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration. ``base`` is the folder that relative paths start from."""

    base: Path
    hub: HubSection
    database: DatabaseSection
    bus: BusSection
    http: HttpSection
    tokens: TokensSection
    companies: dict[str, CompanySection]
    channels: dict[str, ChannelSection]
    links: dict[str, LinkSection]
    modules: dict[str, Pkcs11Section]
    file: Path = Path("wattbus.toml")
    operators: dict[str, OperatorSection] = dataclasses.field(default_factory=dict)

    def path(self, name: str) -> Path:
        """A path of the configuration, relative to the file's folder."""
        return self.base / name

    def bus_section(self) -> BusSection:
        """The bus, with the paths of its files made absolute."""
        files = ("password_file", "ca", "certificate", "key")
        found = {name: str(self.path(said)) for name in files if (said := getattr(self.bus, name))}
        return msgspec.structs.replace(self.bus, **found)

    def database_url(self) -> str:
        """The database's URL with a SQLite path made absolute."""
        url = self.database.url
        if url.startswith("sqlite:"):
            return f"sqlite:{self.path(url.removeprefix('sqlite:'))}"
        return url


class ConfigError(Exception):
    """Everything that is wrong with a configuration, one sentence each, with file and line."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems

"""What decisions are made on: plain frozen data, one struct per thing the business knows.

Money in minor units, units in milli- or tenths as named, instants in microseconds UTC, periods as
YYYYMM in the company's zone.
"""

import msgspec


class Entity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of the entities: changed by ``msgspec.structs.replace``, never in place."""

    id: int


class Meter(Entity, frozen=True, kw_only=True, gc=False):
    """A prepaid meter with what its tokens need (names as in IEC 62055-41)."""

    company: str
    drn: str
    model: str
    state: str
    block_reason: str
    max_credit_tenths: int
    tct: str
    ea: int
    dkga: str
    sgc: str
    krn: int
    ti: str
    ken: int
    kt: int
    base_year: int
    last_tid: int
    key_change_id: int = 0  # the newest; 0: none yet
    commodity: str = "electricity"  # core.commodity


class Coding(msgspec.Struct, frozen=True, gc=False):
    """Which decoder key a meter has: what a key change may change. ``base`` is a year."""

    sgc: str
    krn: int
    ti: str
    kt: int
    ken: int
    dkga: str
    base: int


class KeyChange(Entity, frozen=True, kw_only=True, gc=False):
    """A meter's change from one key to another; ``tokens`` are the digits of its set, in order.

    ``ro``: the base date changes, so that the meter empties its TID memory. ``issued`` counts the
    sales that printed the set. ``old_last_tid`` is the meter's when the set was made.
    ``previous`` is the change that was presumed when this one came (0: none).
    """

    company: str
    meter_id: int
    campaign: str
    state: str
    old: Coding
    new: Coding
    ro: int
    three_tokens: int
    operator: str
    reason: str
    needed_at: int
    issued: int = 0
    old_last_tid: int = -1
    previous: int = 0
    how: str = ""
    note: str = ""
    issued_at: int = 0
    presumed_at: int = 0
    closed_at: int = 0
    tokens: tuple[str, ...] = ()


class Agreement(Entity, frozen=True, kw_only=True, gc=False):
    """The service instance at a meter's service point, with the holder's name for masking."""

    account_id: int
    tariff: str
    mode: str
    state: str
    since: str
    holder: str
    account_number: str


class AgreementState(Entity, frozen=True, kw_only=True, gc=False):
    """What the tariff remembers of an agreement (``id`` is the agreement's)."""

    period: int
    units_milli: int
    fixed_through: int
    pauses: int = 0  # how many AgreementPause there are


class AgreementPause(Entity, frozen=True, kw_only=True, gc=False):
    """A slice of time without service: ``vacant`` or ``disconnected``. ``to_us`` 0: it goes on."""

    company: str
    agreement_id: int
    why: str
    operator: str
    reason: str
    from_us: int
    to_us: int


class Account(Entity, frozen=True, kw_only=True, gc=False):
    """The money side: what can be spent is ``credit - reserved``."""

    company: str
    number: str
    currency: str
    state: str
    credit: int
    reserved: int

    @property
    def spendable(self) -> int:
        """What a purchase may take now, in minor units."""
        return self.credit - self.reserved


class OwnMeter(msgspec.Struct, frozen=True, gc=False):
    """A meter that a phone has saved under a name."""

    drn: str
    name: str


class Phone(Entity, frozen=True, kw_only=True, gc=False):
    """A registered phone: the accounts it may spend, the meters it has saved, its language."""

    msisdn: str
    language: str
    account_ids: tuple[int, ...]
    meters: tuple[OwnMeter, ...]
    seen_at: int = 0  # registered or bought last, to a month; 0: nobody knows


class Debt(Entity, frozen=True, kw_only=True, gc=False):
    """A debt that is recovered from purchases of an agreement."""

    agreement_id: int
    code: str
    priority: int
    method: str
    value: int
    cap_per_sale: int
    outstanding: int


class PastSale(Entity, frozen=True, kw_only=True, gc=False):
    """An issued sale as it is needed for likely repeats, limits, copies and ``LAST``."""

    receipt: str
    phone: str
    payer_account_id: int
    meter_id: int
    drn: str
    account_number: str
    currency: str
    tender: int
    units_tenths: int
    carried_forward: int
    lines: str
    priced_at: int
    token: str
    sgc: str
    krn: int
    ti: str
    key_change: str = ""  # due | first | again; see core.queries.views.SaleView
    kct: tuple[str, ...] = ()
    commodity: str = "electricity"
    free_token: str = ""  # free basic units that came with it
    free_tenths: int = 0
    agent_id: int = 0  # whose float paid; 0: the payer's account did


class Claimed(msgspec.Struct, frozen=True, gc=False):
    """The newest claim of free units: its token as it counts now, for which meter, of which months
    (YYYYMM). ``void`` 1: it is printed no more."""

    digits: str
    drn: str
    tenths: int
    first: int
    last: int
    sgc: str
    krn: int
    ti: str
    void: int = 0


class Entitlement(Entity, frozen=True, kw_only=True, gc=False):
    """Free basic units of an agreement: ``tenths`` of its meter's unit each month, from and to
    months YYYYMM (``to_month`` 0: until it is ended). ``core.vending.entitlements`` says which
    months are due; ``claimed_through`` is the last one given (0: none)."""

    company: str
    agreement_id: int
    tenths: int
    from_month: int
    to_month: int
    unclaimed: str
    cap_months: int
    in_blocks: int
    claimed_through: int
    operator: str
    reason: str
    ended_by: str
    end_reason: str
    given_at: int
    ended_at: int
    newest: Claimed | None = None


class Waiting(Entity, frozen=True, kw_only=True, gc=False):
    """A purchase that waits for ``YES nnnn``; ``command`` is the CreditVend as JSON."""

    phone: str
    code: str
    state: str
    command: str
    expires: int


class NoticeRow(Entity, frozen=True, kw_only=True, gc=False):
    """The delivery of one notice to one recipient."""

    state: str
    detail: str
    updated_at: int


class TokenAct(Entity, frozen=True, kw_only=True, gc=False):
    """What an operator asked of tokens or money, and what came of it (``core.vending.act_states``).

    ``command`` is the request (RequestTokenAct, RequestMoneyAct, RequestAgentAct, …) as JSON;
    ``units_tenths`` and ``amount`` (minor units) are what the limits of the day count; ``approver``
    is empty where one person is enough.
    """

    company: str
    kind: str
    meter: str
    from_meter: str
    operator: str
    reason: str
    evidence: str
    state: str
    approver: str
    note: str
    command: str
    units_tenths: int
    amount: int
    message_id: str
    decision_id: str
    requested_at: int
    decided_at: int
    expires: int
    account: str = ""  # of an act with money; ``meter`` is empty then
    agent: str = ""  # of an act with an agent; both are empty then
    terminal: str = ""  # of an act with a terminal


class TokenOnFile(Entity, frozen=True, kw_only=True, gc=False):
    """A token that was issued, as acts about it need it; ``void_by``: the act that made it void
    (0: none). ``rekeyed``: the state of the last printed key change from or to the key that it is
    under (empty: none)."""

    digits: str
    cause: str
    cause_id: int
    meter_id: int
    drn: str
    token_class: int
    subclass: int
    value: int
    made_at: int
    receipt: str
    void_by: int
    sgc: str
    krn: int
    ti: str
    rekeyed: str


class SaleOnFile(Entity, frozen=True, kw_only=True, gc=False):
    """An issued sale, as cancelling it needs it; ``txn_id`` is its transaction, ``effect`` what it
    changed in what the tariff remembers (``core.vending.sale_effects``)."""

    id: int
    receipt: str
    payer_account_id: int
    account_id: int
    agreement_id: int
    meter_id: int
    phone: str
    currency: str
    tender: int
    units_tenths: int
    carried_forward: int
    priced_at: int
    effect: str
    tariff: str
    agent_id: int  # whose float paid it; 0: nobody's
    txn_id: int


class TokenOrder(Entity, frozen=True, kw_only=True, gc=False):
    """What a security module on the network was asked for (``core.vending.order_states``).

    ``reference`` is the message that asked, and the module's name for the order; ``asked`` the
    OrderTokens as JSON, ``plan`` that of what is to be done when it ends. ``agreement_id`` and
    ``payer_account_id`` are 0 where no money waits for it.
    """

    company: str
    module: str
    cause: str
    cause_id: int
    meter: str
    agreement_id: int
    payer_account_id: int
    state: str
    reference: str
    asked: str
    plan: str
    ordered_at: int
    code: str = ""
    detail: str = ""
    ended_at: int = 0


class OrderedSale(Entity, frozen=True, kw_only=True, gc=False):
    """A sale that waits for its token: what its end changes."""

    state: str
    receipt: str | None
    issued_at: int

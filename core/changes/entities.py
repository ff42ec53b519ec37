"""What changes are decided on, beside what sales and collection know. Days are local, ISO text."""

import msgspec

from core.entities import Entity


class Change(Entity, frozen=True, kw_only=True, gc=False):
    """A row of ``account_change``; ``core.store.tables.changes`` says what each field holds."""

    company: str
    kind: str
    state: str
    subject: str
    open: int
    account: str
    account_id: int
    to_account_id: int
    agreement_id: int
    service_point_id: int
    operator: str
    approver: str
    reason: str
    evidence: str
    command: str
    terms: str
    read_on: str
    readings: str
    remaining_tenths: int
    valued: int
    before: str
    did: str
    message_id: str
    settle_id: str
    requested_at: int
    read_at: int
    settled_at: int
    switched_at: int
    ended_at: int


class Service(Entity, frozen=True, kw_only=True, gc=False):
    """An agreement as changes need it (``id`` is the agreement's); ``to_us`` None: it runs."""

    account_id: int
    service_point_id: int
    tariff: str
    mode: str
    state: str
    since: str
    to_us: int | None = None


class Installed(Entity, frozen=True, kw_only=True, gc=False):
    """A meter at a service point, from its installation on; ``to_us`` None: it is there."""

    meter_id: int
    drn: str
    service_point_id: int
    to_us: int | None = None


class BilledDays(Entity, frozen=True, kw_only=True, gc=False):
    """Days of an agreement that are billed, of one whose payment mode changed or that ended.
    ``last`` empty: until further notice. ``readings``: JSON, those that it began with."""

    company: str
    agreement_id: int
    first: str
    last: str
    readings: str
    change_id: int


class Holding(Entity, frozen=True, kw_only=True, gc=False):
    """Whose account it is (``id`` is the account's)."""

    customer_id: int


class PhoneSlice(Entity, frozen=True, kw_only=True, gc=False):
    """A phone that may spend an account (``id`` is the phone's)."""

    msisdn: str
    account_id: int
    from_us: int
    to_us: int | None = None


class SavedMeter(Entity, frozen=True, kw_only=True, gc=False):
    """A meter that a phone has saved under a name (``id`` is the phone's)."""

    msisdn: str
    meter_id: int
    name: str
    from_us: int
    to_us: int | None = None


class Used(msgspec.Struct, frozen=True, gc=False):
    """The newest usage of an agreement in a period, and the bill that is live there (0: none)."""

    usage_id: int
    period: int
    version: int
    first: str
    last: str
    bill_id: int = 0
    billed_usage: int = 0
    bill_state: str = ""
    consumption: int = 0


class ShareFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was stated of an agreement's share in something common (``agreement_fact``): its weight
    from a day on, in which common (``word``); ``ended``: from that day on there is none."""

    name: str
    from_day: str
    version: int
    value: int = 0
    word: str = ""
    ended: int = 0
    source: str = ""


class Raised(msgspec.Struct, frozen=True, gc=False):
    """An item that a settlement raised, and what took something off it that is not money."""

    item_id: int
    sources: tuple[str, ...] = ()

"""Rows of registration: what guards a phone's purchases, and requests to have a meter."""

from core.entities import Entity


class PhoneGuard(Entity, frozen=True, kw_only=True, gc=False):
    """The PIN of a phone as its keyed proof (empty: none is set), wrong ones in a row, the lock.

    ``pass_word`` is what the last right PIN gave: one purchase until ``pass_until`` carries it.
    ``reset_code`` went to the phone itself; ``codes_sent`` counts those of ``codes_day``
    (YYYYMMDD). Instants in microseconds UTC, 0: never.
    """

    company: str
    msisdn: str
    pin_proof: str = ""
    pin_at: int = 0
    wrong: int = 0
    locked_until: int = 0
    pass_word: str = ""
    pass_until: int = 0
    reset_code: str = ""
    reset_wrong: int = 0
    reset_until: int = 0
    codes_day: int = 0
    codes_sent: int = 0


class PhoneRequest(Entity, frozen=True, kw_only=True, gc=False):
    """A phone wants a meter (``kind`` ``add``), or to go on after a year (``keep``).

    ``account_id`` is the meter's when it was asked for: if it is another's by then, nothing comes
    of it. ``sent_to`` is who got the ``code`` (E.164; empty: an operator is asked).
    """

    company: str
    msisdn: str
    kind: str
    meter: str
    account_id: int
    name: str
    spends: int
    language: str
    state: str
    code: str
    wrong: int
    sent_to: str
    asked_at: int
    expires: int
    ended_at: int = 0


class SavedAs(Entity, frozen=True, kw_only=True, gc=False):
    """An open slice of ``phone_meter`` (``id`` is the phone's)."""

    meter_id: int
    drn: str
    name: str
    from_us: int
    to_us: int | None = None

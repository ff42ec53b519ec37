"""Before a batch begins: what keys in another box must be asked for, asked while nothing is locked.

A module whose keys are all in this process is not prepared for, and costs no statement. For one
with keys in a token the decoder keys of the meters concerned are made here, so that the batch's
transaction finds them; what could not be foreseen (a tariff that asks for another index at this
very sale) is asked inside, with the module's own time limit.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from core.book import Book, Wants
from core.company import Terms
from core.entities import Coding, KeyChange, Meter
from core.handlers.base import Handler
from core.handlers.registry import HANDLERS
from core.store.load import load_meters
from core.store.tx import Reader
from core.sts.meter_id import meter_pan
from core.sts.module import MeterKey, VirtualModule
from core.vending.key_change_states import KeyChangeState
from hub.envelope import EnvelopeError, body_of, unseal
from hub.inbox import Delivery

Reading = Callable[[], AbstractContextManager[Reader]]

_BY_NAME: dict[str, Handler] = {handler.name: handler for handler in HANDLERS.values()}


def prepare(terms: Mapping[str, Terms], reading: Reading, fetched: Sequence[Delivery]) -> None:
    """Have the modules make what these deliveries will ask for.

    A module that does not answer is not asked again by this batch: its messages are postponed.
    Raises what ``reading`` raises.
    """
    for code, company in terms.items():
        module = company.module
        if not (isinstance(module, VirtualModule) and module.asks_elsewhere):
            continue
        wants = _wants(code, fetched)
        if wants is None:
            module.prepare((), ())
            continue
        with reading() as reader:
            book = load_meters(reader, code, wants)
        module.prepare(*_keys(code, book))


def _wants(company: str, fetched: Sequence[Delivery]) -> Wants | None:
    """What the company's messages want; what cannot be read is the batch's to say."""
    found = []
    for delivery in fetched:
        handler = _BY_NAME.get(delivery.handler)
        if handler is None or delivery.partitionkey.partition("/")[0] != company:
            continue
        try:
            found.append(handler.wants(body_of(unseal(delivery.envelope))))
        except EnvelopeError:
            continue
    return Wants.union(found) if found else None


def _keys(company: str, book: Book) -> tuple[list[MeterKey], list[MeterKey]]:
    """The keys that meters have by the data on file, and those that the next sale brings."""
    meters = [each for each in book.entities.values() if isinstance(each, Meter)]
    have, shall = [], []
    for meter in meters:
        have.append(_key(company, meter, meter))
        change = book.entities.get((KeyChange, meter.key_change_id))
        if isinstance(change, KeyChange) and change.state == KeyChangeState.NEEDED:
            shall.append(_key(company, meter, change.new))
    return have, shall


def _key(company: str, meter: Meter, coding: Meter | Coding) -> MeterKey:
    return MeterKey(
        company, meter_pan(meter.drn), meter.ea, coding.sgc, coding.krn, coding.ti, coding.kt
    )

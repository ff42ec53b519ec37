"""A terminal's items beside ours: what differs, each with its kind and in words. Pure."""

from collections.abc import Sequence

import msgspec

from core.terminals import cases
from core.terminals.item_entities import TerminalItem, Uploaded
from core.terminals.item_states import COUNTS, PENDING, ItemState


class Difference(msgspec.Struct, frozen=True, gc=False):
    """``item`` None: we have nothing of the kind. ``amount`` in question, minor units."""

    kind: str
    amount: int
    detail: str
    item: TerminalItem | None = None


def differences(items: Sequence[TerminalItem], uploads: Sequence[Uploaded]) -> list[Difference]:
    """Every difference, ours in their order, then what only the terminal has.

    What waits for a module is none yet. What was taken back on both sides, or by the terminal
    before we had booked it, is none either.
    """
    theirs = _Theirs(uploads)
    found = []
    for item in items:
        state = ItemState(item.state)
        sent = theirs.take(item)
        if state in PENDING:
            continue
        counts = COUNTS.get(state)
        each = _nothing(item, sent) if counts is None else _booked(item, sent, counts[1] == 1)
        if each is not None:
            found.append(each)
    found += [
        Difference(cases.THEIRS_ONLY, sent.amount, f"{_name(sent)}: not here")
        for sent in theirs.left
        if not sent.reversed
    ]
    return found


class _Theirs:
    """What the terminal sent, by its number; by our day where a number comes twice."""

    def __init__(self, uploads: Sequence[Uploaded]) -> None:
        self._by_stan: dict[int, list[Uploaded]] = {}
        for sent in uploads:
            self._by_stan.setdefault(sent.stan, []).append(sent)

    def take(self, item: TerminalItem) -> Uploaded | None:
        """The one that is this item: a terminal's day may be another around midnight."""
        some = self._by_stan.get(item.stan)
        if not some:
            return None
        found = next((sent for sent in some if sent.day == item.day), some[0])
        some.remove(found)
        return found

    @property
    def left(self) -> list[Uploaded]:
        """What is none of ours."""
        return [sent for some in self._by_stan.values() for sent in some]


def _name(sent: Uploaded) -> str:
    return f"{sent.kind} {sent.stan} of {sent.day}, {sent.amount}"


def _nothing(item: TerminalItem, sent: Uploaded | None) -> Difference | None:
    """Here it came to nothing."""
    if sent is None or sent.reversed:
        return None
    what = f"{_name(sent)}: here it is {item.state} {item.reason}".rstrip()
    return Difference(cases.THEIRS_ONLY, sent.amount, what, item)


def _booked(item: TerminalItem, sent: Uploaded | None, back: bool) -> Difference | None:
    """Here it was booked; ``back``: and taken back."""
    if sent is None:
        what = f"{item.kind} {item.stan} of {item.day}: the terminal does not have it"
        return None if back else Difference(cases.OURS_ONLY, item.amount, what, item)
    if sent.amount != item.amount:
        what = f"{_name(sent)}: here it is {item.amount}"
        return Difference(cases.AMOUNT_DIFFERS, abs(sent.amount - item.amount), what, item)
    if bool(sent.reversed) == back or item.state == ItemState.KEPT:
        return None  # a kept one has its case already
    what = f"{_name(sent)}: the terminal {'took it back' if sent.reversed else 'has it still'}"
    return Difference(cases.REVERSED_DIFFERS, item.amount, what, item)

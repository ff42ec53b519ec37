"""The life of one request to a provider (ask a payer, give a payment back) on one screen.

=========  ==========================================  ============================================
step       what is true                                what happens next
=========  ==========================================  ============================================
waiting    surely not sent (and noted so)              sent when the breaker lets it; too old: ended
sending    noted, then sent                            taken, refused, lost. After a restart: lost
taken      they have it                                asked about, or their callback says the end
lost       they may have it                            asked about; never sent again by another name
refused    the end: surely not taken                   noted before it is told
ended      the end, told                               what comes later is told as it comes
=========  ==========================================  ============================================
"""

from enum import StrEnum
from typing import Final

import msgspec

SECOND_US: Final = 1_000_000
#: Seconds after the request left at which it is asked about, then every hour until a day is over.
QUESTIONS_S: Final = (30, 120, 600, 1_800)
HOUR_S: Final = 3_600
LAST_S: Final = 86_400
#: Of the provider's words so many characters are kept: a note and a report have their limits.
MAX_DETAIL: Final = 500


class Step(StrEnum):
    """Where a request is."""

    WAITING = "waiting"
    SENDING = "sending"
    TAKEN = "taken"
    LOST = "lost"
    REFUSED = "refused"
    ENDED = "ended"


OVER: Final = (Step.REFUSED, Step.ENDED)


class Note(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What must be known again after a crash.

    ``wallet`` to ``about`` (the number of the collection or refund): of the request, for what comes
    when it is over; ``sent_us``: when it left (0: it did not); ``from_us``: from when on it is
    asked about, where that is later; ``key``: the provider's number of it; ``asked``: questions so
    far (found again by the clock); ``paid``: the receipt that was told; ``code``, ``reason``,
    ``detail``: of a refusal, which may not have been told yet (``untold``).
    """

    wallet: str
    amount: int
    currency: str
    shown: str = ""
    receipt: str = ""
    about: int = 0
    step: Step = Step.WAITING
    sent_us: int = 0
    from_us: int = 0
    key: str = ""
    asked: int = 0
    paid: str = ""
    untold: bool = False
    code: str = ""
    reason: str = ""
    detail: str = ""


_note: Final = msgspec.json.Decoder(Note)


def written(note: Note) -> str:
    """As a text for the notebook."""
    cut = msgspec.structs.replace(note, detail=note.detail[:MAX_DETAIL], key=note.key[:200])
    return msgspec.json.encode(cut).decode()


def restored(text: str) -> Note:
    """After a restart: what was being sent may have arrived. ValueError: it is no note."""
    try:
        note = _note.decode(text)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
    if note.step is Step.SENDING:
        return msgspec.structs.replace(note, step=Step.LOST)
    return note


def due_us(note: Note) -> int | None:
    """When it is asked about next, counted from when it left; None: it was asked for a day."""
    if note.asked < len(QUESTIONS_S):
        seconds = QUESTIONS_S[note.asked]
    else:
        seconds = HOUR_S * (1 + note.asked - len(QUESTIONS_S))
    return (note.from_us or note.sent_us) + seconds * SECOND_US if seconds <= LAST_S else None


def caught_up(note: Note, now_us: int) -> Note:
    """After a question: those whose time has passed meanwhile were asked with it."""
    while (due := due_us(note)) is not None and due <= now_us:
        note = msgspec.structs.replace(note, asked=note.asked + 1)
    return note

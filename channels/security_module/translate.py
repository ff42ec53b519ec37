"""Canonical orders as the module's orders, what came back as reports, and both as notes."""

from dataclasses import dataclass
from typing import Final

import msgspec

from adapters.prismtoken.check import Checked
from adapters.prismtoken.issue import Issue, Step
from adapters.prismtoken.orders import Meter, Order, Target, Wanted
from core.messages import MadeToken, OrderTokens, ReportTokens

_NO_TID: Final = -1
#: Of a module's own words so many characters are kept: a note and a report have their limits.
MAX_DETAIL: Final = 500
#: What the end of an order is called in a report.
STATES: Final = {
    Step.MADE: "made",
    Step.REFUSED: "refused",
    Step.WRONG: "wrong",
    Step.UNDECIDED: "undecided",
}


def order_of(message: OrderTokens) -> Order:
    """The module's order: named by our reference, which no other order ever has."""
    meter = Meter(
        drn=message.meter,
        pan=message.pan,
        ea=message.ea,
        sgc=message.sgc,
        krn=message.krn,
        ti=message.ti,
        ken=message.ken,
        tct=message.tct,
    )
    token = Wanted(message.token_class, message.subclass, message.amount, message.tid, message.base)
    aim = message.change
    return Order(
        message_id=message.reference,
        meter=meter,
        token=token if message.tid != _NO_TID else None,
        change=Target(aim.sgc, aim.krn, aim.ti) if aim else None,
        three_tokens=message.three_tokens,
    )


def report_of(message: OrderTokens, issue: Issue, said: str = "") -> ReportTokens:
    """What an order that is over came to; ``said``: the module's own words of a refusal."""
    verdict, result = issue.verdict, issue.result
    made = tokens_of(result) if issue.step is Step.MADE and result is not None else ()
    return ReportTokens(
        module=message.module,
        order=message.order,
        state=STATES[issue.step],  # type: ignore[arg-type] # the table's values are reports
        tokens=made,
        code=verdict.code if verdict else "",
        detail=_differences(result) if result is not None else said,
    )


def tokens_of(checked: Checked) -> tuple[MadeToken, ...]:
    """The sections of a key change in their order, then the token."""
    sections = [
        MadeToken(
            digits=one.token_dec,
            token_class=one.token_class,
            subclass=one.subclass,
            tid=_NO_TID,
            kcv=one.vk_kcv,
        )
        for one in checked.key_change
    ]
    one = checked.token
    if one is None:
        return tuple(sections)
    token = MadeToken(
        digits=one.token_dec,
        token_class=one.token_class,
        subclass=one.subclass,
        tid=one.tid,
        kcv=one.vk_kcv,
    )
    return (*sections, token)


def _differences(checked: Checked) -> str:
    return "; ".join(f"{one.field}: asked {one.asked}, got {one.got}" for one in checked.wrong)


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """What must be known again after a crash: that an issuing call went out, and when; of a refusal
    that may not have been told yet (``untold``) also what is to be told."""

    step: str
    sent_us: int
    calls: int
    not_before_us: int
    untold: bool = False
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """An issue as it is kept. ``untold``: a refusal with ``code`` and ``detail``, to be told."""

    issue: Issue
    untold: bool = False
    code: str = ""
    detail: str = ""


_note = msgspec.json.Decoder(Note)


def note_of(kept: Kept) -> str:
    """As a text for the notebook."""
    issue = kept.issue
    note = Note(
        issue.step.value,
        issue.sent_us,
        issue.calls,
        issue.not_before_us,
        kept.untold,
        kept.code,
        kept.detail[:MAX_DETAIL],
    )
    return msgspec.json.encode(note).decode()


def restored(order: Order, text: str | None) -> Kept:
    """What a note stands for; without one nothing has left. Error: ValueError for none of ours."""
    if text is None:
        return Kept(Issue(order))
    try:
        note = _note.decode(text)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error
    issue = Issue(
        order,
        Step(note.step),
        not_before_us=note.not_before_us,
        sent_us=note.sent_us,
        calls=note.calls,
    )
    return Kept(issue, note.untold, note.code, note.detail)


def refusal(message: OrderTokens, code: str, why: str) -> ReportTokens:
    """There is surely no token: ours, or the one that was noted and is still to be told."""
    return ReportTokens(
        module=message.module, order=message.order, state="refused", code=code, detail=why
    )

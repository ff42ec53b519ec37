"""A story in words that an operator can read to the customer, and as plain data for a program.

    09:14:03  bought 28.1 kWh for 20,000 UGX for meter 04123456784, receipt DP-00000001;
              token sent by SMS 09:14:04, delivered 09:14:09

Times are the company's, with its offset. Tokens are masked unless ``show_token`` says otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from core.calendars import local_time
from core.messages import (
    Answer,
    AskAdvance,
    AskBalance,
    AskLastTokens,
    AskPayer,
    ClaimFreeUnits,
    ConfirmVend,
    CreditVend,
    DeliveryReport,
    EndFreeUnits,
    Enrol,
    GiveAdvance,
    GiveFreeUnits,
    OrderTokens,
    Outcome,
    PauseService,
    ReceivePayIn,
    ReceivePayment,
    ReportCollection,
    ReportReversal,
    ReportTokens,
    RequestCollection,
    RequestWalletAct,
    ResumeService,
    ReversePayment,
    SendNotice,
    SetLanguage,
)
from core.money import format_amount
from core.refusals import OPERATOR, operator_sentence
from core.store.states import DEAD, OPEN, PARKED, RETRY, STATE_NAMES
from core.sts.token import grouped
from core.units import quantity
from hub.journal import DUPLICATE, QUARANTINED
from hub.stories import Arrived, Handled, Step, Story, Told
from hub.timeline import Hops


@dataclass(frozen=True, slots=True)
class Lens:
    """How the facts are looked at: the company's zone and currency, and whether tokens show."""

    zone: str
    currency: str
    show_token: bool = False

    def moment(self, at_us: int) -> datetime:
        """The wall-clock time in the company's zone."""
        return local_time(at_us, self.zone)

    def clock(self, at_us: int) -> str:
        """``09:14:03``."""
        return self.moment(at_us).strftime("%H:%M:%S")

    def stamp(self, at_us: int) -> str:
        """RFC 3339 with the zone's offset."""
        return self.moment(at_us).isoformat(timespec="milliseconds")

    def money(self, minor: int, currency: str = "") -> str:
        """``20,000 UGX``."""
        code = currency or self.currency
        return f"{format_amount(minor, code)} {code}"

    def token(self, digits: str) -> str:
        """Its last group, or all of it."""
        return grouped(digits) if self.show_token else f"**** {digits[-4:]}"


#: What follows from what a customer did: it is told as what became of his notice.
_AFTER = (SendNotice, DeliveryReport)


def headline(story: Story | Hops, lens: Lens) -> str:
    """One sentence: what the customer did, what he got, what he was told."""
    if isinstance(story, Hops):
        return f"looked at {len(story.arrivals)} menu screens by {story.channel}"
    commands = [step for step in story.steps if not isinstance(step.body, _AFTER)]
    if not commands:  # a receipt of something that was not ours
        commands = [step for step in story.steps if isinstance(step.body, DeliveryReport)]
    told = [_told(story, notice, lens) for step in commands for notice in step.notices]
    said = [_command(step, lens) for step in commands] or ["sent a notice"]
    return "; ".join(part.rstrip(".") for part in (*said, *told))


def _command(step: Step, lens: Lens) -> str:
    body = step.body
    say = _DID.get(type(body))
    did = say(body, step, lens) if say else f"sent {step.type}"
    return f"{did}{_ending(step)}"


def _bought(body: Any, step: Step, lens: Lens) -> str:
    sale = step.sale
    if sale is not None and not sale.token:
        return (
            f"asked to buy {quantity(sale.units_tenths, sale.commodity, sale.currency)} for "
            f"{lens.money(sale.tender, sale.currency)} for meter {sale.meter} from account "
            f"{sale.account}"
        )
    if sale is not None:
        return (
            f"bought {quantity(sale.units_tenths, sale.commodity, sale.currency)} "
            f"for {lens.money(sale.tender, sale.currency)} "
            f"for meter {sale.meter} from account {sale.account}, receipt {sale.receipt}, "
            f"token {lens.token(sale.token)}{_with_it(step, lens)}"
        )
    if isinstance(body, ConfirmVend):
        return f"confirmed a purchase with code {body.code}"
    return f"asked to buy for {lens.money(body.tender, body.currency)} for meter {body.meter}"


def _with_it(step: Step, lens: Lens) -> str:
    """The free units that came with a purchase."""
    data = step.answer.data if step.answer else {}
    if not data.get("free_token"):
        return ""
    what = quantity(data.get("free_tenths", 0), data.get("commodity"))
    return f", and {what} for free, token {lens.token(data['free_token'])}"


def _paid(body: ReceivePayment, step: Step, lens: Lens) -> str:
    paid = f"paid {lens.money(body.amount, body.currency)} ({body.way}, desk {body.desk}"
    paid += f", reference {body.reference})" if body.reference else ")"
    credit = step.answer.data.get("credit") if step.answer else None
    after = f"; credit {lens.money(credit, body.currency)}" if isinstance(credit, int) else ""
    return f"{paid} to account {body.account}{after}"


def _came(body: ReceivePayIn, step: Step, lens: Lens) -> str:
    data = step.answer.data if step.answer else {}
    came = f"{body.wallet} brought {lens.money(body.amount, body.currency)}, receipt {body.receipt}"
    typed = f", for {body.typed!r}" if body.typed else ""
    what = data.get("outcome")
    number = f", as {data['payment']}" if data.get("payment") else ""
    what = f": {what}" if what else ""
    return f"{came}{typed} ({body.proof}){number}{what}{_sold_for_it(step, lens)}"


def _sold_for_it(step: Step, lens: Lens) -> str:
    """The sale that was made with money by wallet, if there was one."""
    return f"; {_bought(None, step, lens)}" if step.sale else ""


def _asked_payer(body: RequestCollection, step: Step, lens: Lens) -> str:
    wallet = f" by {body.wallet}" if body.wallet else ""
    asked = f"was to be asked for {lens.money(body.amount, body.currency)}{wallet}"
    meter = f" for meter {body.vend.meter}" if body.vend and body.vend.meter else ""
    number = step.answer.data.get("number") if step.answer else None
    return f"{asked}{meter}{f', as {number}' if number else ''}"


def _reported(body: ReportCollection, step: Step, lens: Lens) -> str:
    money = f", {lens.money(body.amount, body.currency)}" if body.amount else ""
    receipt = f", receipt {body.receipt}" if body.receipt else ""
    why = f" ({body.reason or body.code})" if body.reason or body.code else ""
    return f"{body.wallet} reported the payment as {body.state}{why}{money}{receipt}" + (
        _sold_for_it(step, lens)
    )


def _gave_back(body: ReportReversal, _step: Step, _lens: Lens) -> str:
    whose = f"refund {body.refund}" if body.refund else "a reversal of its own"
    return f"{body.wallet} reported {whose} of receipt {body.receipt} as {body.state}"


def _claimed(body: ClaimFreeUnits, step: Step, lens: Lens) -> str:
    data = step.answer.data if step.answer else {}
    if "free_token" not in data:
        return f"asked for free units{' for meter ' + body.meter if body.meter else ''}"
    what = quantity(data["units_tenths"], data.get("commodity"))
    how = "asked again for its free units" if data.get("copy") else "got free units"
    return f"{how}, {what} for meter {data['meter']}, token {lens.token(data['free_token'])}"


def _entitled(body: GiveFreeUnits, step: Step, _lens: Lens) -> str:
    data = step.answer.data if step.answer else {}
    what = quantity(body.tenths, data.get("commodity"))
    did = "asked to entitle" if data.get("state") == "requested" else "entitled"
    return f"{body.operator} {did} meter {body.meter} to {what} a month"


def _lent(body: AskAdvance | GiveAdvance, step: Step, lens: Lens) -> str:
    data = step.answer.data if step.answer else {}
    who = f"{body.operator} gave" if isinstance(body, GiveAdvance) else "got"
    if "token" not in data:
        asked = f"{body.operator} asked" if isinstance(body, GiveAdvance) else "asked"
        return f"{asked} for units on credit{' for meter ' + body.meter if body.meter else ''}"
    what = quantity(data["units_tenths"], data.get("commodity"))
    owed = lens.money(data["owed"], data["currency"])
    token = lens.token(data["token"])
    return f"{who} {what} on credit for meter {data['meter']}, token {token}; {owed} are owed"


_DID: dict[type, Callable[[Any, Step, Lens], str]] = {
    CreditVend: _bought,
    ConfirmVend: _bought,
    ReceivePayment: _paid,
    ReceivePayIn: _came,
    RequestCollection: _asked_payer,
    ReportCollection: _reported,
    ReportReversal: _gave_back,
    AskPayer: lambda body, _step, _lens: f"{body.wallet} was told to ask {body.payer}",
    ReversePayment: lambda body, _step, lens: (
        f"{body.wallet} was told to give back {lens.money(body.amount, body.currency)} of receipt "
        f"{body.receipt}"
    ),
    RequestWalletAct: lambda body, _step, _lens: (
        f"{body.operator} asked for {body.kind} of payment {body.payment or body.case}"
    ),
    Enrol: lambda body, _step, _lens: f"was enrolled as account {body.account}",
    AskBalance: lambda _body, _step, _lens: "asked for the balance",
    SetLanguage: lambda body, _step, _lens: f"chose the language {body.language}",
    AskLastTokens: lambda _body, _step, _lens: "asked for the last tokens",
    ClaimFreeUnits: _claimed,
    AskAdvance: _lent,
    GiveAdvance: _lent,
    PauseService: lambda body, _step, _lens: (
        f"{body.operator} noted that meter {body.meter} has no service: {body.why}"
    ),
    ResumeService: lambda body, _step, _lens: (
        f"{body.operator} noted that meter {body.meter} has service again"
    ),
    GiveFreeUnits: _entitled,
    EndFreeUnits: lambda body, _step, _lens: (
        f"{body.operator} ended the free units of meter {body.meter}"
    ),
    OrderTokens: lambda body, _step, _lens: f"asked security module {body.module} for its token",
    ReportTokens: lambda body, _step, _lens: report_words(body.state, body.code),
    DeliveryReport: lambda body, _step, _lens: (
        f"the network {body.channel} reported {body.reference} as {body.state}"
    ),
}


#: What a module's report says to an operator, by its state.
REPORTS = {
    "made": "it was made",
    "refused": "the module refused it",
    "delayed": "the module is away, not made yet",
    "doubtful": "outcome unknown, asked again",
    "wrong": "the module made something else: people look into it",
    "undecided": "the module does not know any more: people look into it",
}


def report_words(state: str, code: str) -> str:
    """``the module refused it (module_key_missing)``."""
    return f"{REPORTS.get(state, state)} ({code})" if code else REPORTS.get(state, state)


def _ending(step: Step) -> str:
    """What became of it, where that is not said already."""
    answer = step.answer
    for handled in step.handled:
        if isinstance(step.body, OrderTokens) and handled.state == OPEN:
            return ""  # the module has it: its reports say the rest
        if handled.state in (RETRY, PARKED, DEAD, OPEN) or handled.outcome == "discarded":
            return f": {waiting(handled)}"
    if answer is not None and answer.outcome is Outcome.REFUSED:
        return f": refused. {sentence(answer)}"
    if answer is not None and answer.outcome is Outcome.UNKNOWN:
        return ": the outcome is not known yet"
    if answer is None and any(h.outcome in ("refused", "expired") for h in step.handled):
        return ": refused"
    return ""


def waiting(handled: Handled) -> str:
    """A delivery that has not ended well, or was ended by an operator."""
    if handled.outcome == "discarded":
        return handled.error
    if handled.state == OPEN:
        return "waits for its turn"
    if handled.state == PARKED:
        return "waits behind an earlier message in trouble"
    trouble = f"{handled.error_class}: {handled.error}".strip(": ")
    if handled.state == RETRY:
        return f"is tried again, {handled.attempt} attempts so far ({trouble})"
    return f"is in dead letters after {handled.attempt} attempts ({trouble})"


def sentence(answer: Answer) -> str:
    """The operator's sentence of an answer's code."""
    return operator_sentence(answer.code, answer.args) if answer.code in OPERATOR else answer.code


def _told(story: Story, notice: Told, lens: Lens) -> str:
    what = notice.template.replace("-", " ")
    way = f"by {notice.way.upper()} to {notice.recipient}"
    sent = story.sent_at(notice.id)
    at = f" {lens.clock(sent)}" if sent is not None else ""
    changed = lens.clock(notice.updated_us)
    detail = f" ({notice.detail})" if notice.detail else ""
    if notice.state == "queued":
        return f"{what} {way} not sent yet{_stuck(story, notice)}"
    if notice.state == "sent":
        return f"{what} sent {way}{at or ' ' + changed}, not confirmed yet"
    if notice.state == "delivered":
        return f"{what} sent {way}{at}, delivered {changed}"
    return f"{what} {way} {notice.state} {changed}{detail}"


def _stuck(story: Story, notice: Told) -> str:
    for step in story.steps:
        if isinstance(step.body, SendNotice) and step.body.notice_id == notice.id:
            return "".join(f": {waiting(h)}" for h in step.handled if h.state in (RETRY, DEAD))
    return ""


def details(story: Story | Hops, lens: Lens) -> list[tuple[int, str]]:
    """(instant, line) of everything that is known, oldest first."""
    if isinstance(story, Hops):
        return [(a.recorded_us, f"screen {a.key}") for a in story.arrivals]
    lines = [line for step in story.steps for line in _of_step(step, lens)]
    return sorted(lines, key=lambda line: line[0])


def _of_step(step: Step, lens: Lens) -> list[tuple[int, str]]:
    lines = [(a.recorded_us, _arrival(a)) for a in step.arrivals]
    if not step.arrivals:
        cause = f" caused by {step.causation}" if step.causation else ""
        lines.append((step.recorded_us, f"message {step.id} {_short(step.type)}{cause}"))
    for handled in step.handled:
        ended = handled.outcome or STATE_NAMES[handled.state]
        attempts = f", attempt {handled.attempt}" if handled.attempt > 1 else ""
        error = f" ({handled.error_class}: {handled.error})" if handled.error else ""
        lines.append((handled.updated_us, f"{handled.handler}: {ended}{attempts}{error}"))
    if step.sale is not None:
        token = lens.token(step.sale.token) if step.sale.token else "none yet"
        sold = f"receipt {step.sale.receipt or 'none yet'}, token {token}"
        lines.append((step.sale.priced_us, f"sale {step.sale.state}: {sold}"))
    for notice in step.notices:
        about = f"notice {notice.template} by {notice.way} to {notice.recipient}"
        lines.append((notice.updated_us, f"{about}: {notice.state} {notice.detail}".rstrip()))
    return lines


def _arrival(arrival: Arrived) -> str:
    by = f"by {arrival.channel}, key {arrival.key}"
    if arrival.outcome == DUPLICATE:
        return f"arrived again {by}: a repeat, answered from store"
    if arrival.outcome == QUARANTINED:
        return f"arrived {by} with other content under a used key: quarantined, nothing done"
    return f"arrived {by}: message {arrival.message_id}"


def _short(type_name: str) -> str:
    return type_name.removeprefix("wattbus.")


def as_object(story: Story | Hops, lens: Lens) -> dict[str, Any]:
    """A story for a program: the sentence, the lines, and the facts they are made of."""
    told: dict[str, Any] = {
        "at": lens.stamp(story.at_us),
        "words": headline(story, lens),
        "lines": [{"at": lens.stamp(at), "text": text} for at, text in details(story, lens)],
    }
    if isinstance(story, Story):
        told["correlation"] = story.correlation
        told["messages"] = [_step_object(step, lens) for step in story.steps]
    return told


def _step_object(step: Step, lens: Lens) -> dict[str, Any]:
    sale = msgspec.to_builtins(step.sale)
    if sale is not None:
        sale["token"] = lens.token(sale["token"]) if sale["token"] else ""
    answer = step.answer
    return {
        "id": step.id,
        "type": step.type,
        "at": lens.stamp(step.recorded_us),
        "party": step.party,
        "causation": step.causation,
        "deliveries": [
            {**msgspec.to_builtins(h), "state": STATE_NAMES[h.state]} for h in step.handled
        ],
        "answer": {"outcome": str(answer.outcome), "code": answer.code} if answer else None,
        "sale": sale,
        "notices": msgspec.to_builtins(step.notices),
    }

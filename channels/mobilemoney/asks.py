"""A collection as a job: ask a payer, ask what became of it, say it in our words."""

from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from adapters.mobilemoney import sending
from adapters.mobilemoney.reading import Reading, Said
from adapters.mobilemoney.sending import Answered, Call, Given, Result
from channels.mobilemoney.life import Report, Running
from channels.mobilemoney.provider import Provider
from channels.mobilemoney.steps import Note
from channels.mobilemoney.translate import major, minor, paid_report, state_report, when
from core.messages import AskPayer
from core.messages.wallets import CollectionReport, Proof

REFUSED: Final = "rejected"
_STATES: Final[dict[str, CollectionReport]] = {"pending": "pending", "unknown": "unknown"}


@dataclass(frozen=True, slots=True)
class AskJob:
    """Implements ``life.Job``. ``payer`` is empty when only the note is left of it."""

    provider: Provider
    reference: str
    payer: str
    patience_s: float

    def send(self, given: Given, note: Note) -> Call:
        """The push."""
        return self.provider.sender.ask(given, self._ask(given, note))

    def read_send(self, answered: Answered) -> Result:
        """Its answer."""
        return self.provider.sender.read_ask(answered)

    def question(self, given: Given, note: Note) -> Call | None:
        """What became of it; None: nothing that he could be asked by."""
        return self.provider.sender.status(given, self._ask(given, note))

    def read_question(self, answered: Answered) -> Result:
        """Its answer."""
        return self.provider.sender.read_status(answered)

    def _ask(self, given: Given, note: Note) -> sending.Ask:
        return sending.Ask(
            reference=self.reference,
            payer=self.payer.removeprefix("+"),
            amount=major(note.amount, note.currency),
            currency=note.currency,
            shown=note.shown,
            key=note.key,
            at=when(note.sent_us, given),
        )

    def explained(self, result: Result) -> str:
        """A refusal at once that has no word of ours is ours to mend."""
        return self.provider.data.reasons.get(result.code, REFUSED)

    def refused(self, note: Note) -> Report:
        """It never left, or they did not take it."""
        said = (note.code, note.reason, note.detail)
        return self._report(note, "not-sent", "status", said)

    def absent(self, running: Running, age_s: float) -> Report | None:
        """Believed when nothing that was on its way can still arrive."""
        believed = self.provider.data.absent_after_s
        if not believed or age_s < believed:
            return None
        said = ("absent", "provider", "they know nothing of it")
        return self._report(running.note, "failed", "status", said)

    def on_the_way(self, state: str, note: Note, detail: str) -> Report | None:
        """``pending`` and ``unknown``."""
        return self._report(note, _STATES[state], "status", ("", "", detail))

    def _report(
        self, note: Note, state: CollectionReport, proof: Proof, said: tuple[str, str, str]
    ) -> Report:
        return Report(state, state_report(note.wallet, self.reference, state, proof, said), state)

    def judged(self, running: Running, found: Reading, proof: Proof) -> Report | None:
        """Paid only with a receipt and an amount; where their answer to our own question leaves the
        amount out, it is the request's."""
        note = running.note
        if found.said is Said.PAID:
            return self._paid(running, found, proof)
        said = (found.reason, self.provider.reason(found.reason), found.text)
        if found.said is Said.FAILED:
            return self._report(note, "failed", proof, said)
        if found.said is Said.REVERSED:
            return self._report(note, "reversed", proof, (found.reason, "", found.text))
        return None

    def _paid(self, running: Running, found: Reading, proof: Proof) -> Report | None:
        note, claimed = running.note, running.claimed
        receipt = found.receipt or (claimed.receipt if claimed else "")
        running.unreceipted = not receipt
        currency = found.currency or note.currency
        amount = minor(found.amount, currency) if found.amount is not None else note.amount
        if not receipt or amount is None or amount <= 0:
            return None
        whole = _filled(found, receipt, currency)
        message = paid_report(note.wallet, self.reference, whole, amount, proof)
        return Report(f"paid/{receipt}/{amount}", message, "paid")


def _filled(found: Reading, receipt: str, currency: str) -> Reading:
    """The reading with what is known beside it."""
    return Reading(
        said=found.said,
        receipt=receipt,
        currency=currency,
        payer=found.payer,
        payer_form=found.payer_form,
        at=found.at,
        text=found.text,
    )


def note_of(message: AskPayer) -> Note:
    """What must be known of it when it is over."""
    return Note(
        wallet=message.wallet,
        amount=message.amount,
        currency=message.currency,
        shown=message.shown,
        about=message.collection,
    )


def is_as_asked(found: Reading, note: Note, large: int) -> bool:
    """Whether a callback says just what was asked for, and no large amount."""
    amount = minor(found.amount, found.currency)
    same = amount == note.amount and found.currency == note.currency
    return same and bool(found.receipt) and not (large and note.amount >= large)


def resumed(note: Note, now_us: int) -> Note:
    """The note of a request that was over, to be asked about once more: from now on."""
    return replace(note, from_us=now_us, asked=0, untold=False)

"""A refund as a job: give a payment back, once; ask what became of it where that can be asked."""

from dataclasses import dataclass
from typing import Final, Literal

from adapters.mobilemoney import sending
from adapters.mobilemoney.reading import Reading, Said
from adapters.mobilemoney.sending import Answered, Call, Came, Given, Result, UnfitError
from channels.mobilemoney.life import Report, Running
from channels.mobilemoney.provider import Provider
from channels.mobilemoney.steps import MAX_DETAIL, Note
from channels.mobilemoney.translate import major, minor, when
from core.messages import ReportReversal, ReversePayment
from core.messages.wallets import Proof

#: A refund waits for a provider that is away longer than a payer does.
PATIENCE_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class RefundJob:
    """Implements ``life.Job``."""

    provider: Provider
    reference: str
    payer: str
    patience_s: float = PATIENCE_S

    def send(self, given: Given, note: Note) -> Call:
        """The refund. UnfitError: this provider gives nothing back."""
        build = self.provider.sender.refund
        if build is None:
            raise UnfitError("no-refunds", "this provider gives nothing back")
        return build(given, self._refund(given, note))

    def read_send(self, answered: Answered) -> Result:
        """Its answer."""
        read = self.provider.sender.read_refund
        return read(answered) if read else Result(came=Came.LOST)

    def question(self, given: Given, note: Note) -> Call | None:
        """What became of it, where he can be asked."""
        build = self.provider.sender.refund_status
        return build(given, self._refund(given, note)) if build else None

    def read_question(self, answered: Answered) -> Result:
        """Its answer; taken: it comes as a callback."""
        read = self.provider.sender.read_refund_status
        return read(answered) if read else Result(came=Came.LOST)

    def _refund(self, given: Given, note: Note) -> sending.Refund:
        return sending.Refund(
            reference=self.reference,
            receipt=note.receipt,
            amount=major(note.amount, note.currency),
            currency=note.currency,
            payer=self.payer.removeprefix("+"),
            key=note.key,
            at=when(note.sent_us, given),
        )

    def explained(self, result: Result) -> str:
        """Customers are told nothing of the why."""
        del result
        return "rejected"

    def refused(self, note: Note) -> Report:
        """It was surely not given back."""
        return self._report(note, "failed", note.code, note.detail)

    def absent(self, running: Running, age_s: float) -> Report | None:
        """Believed when nothing that was on its way can still arrive."""
        believed = self.provider.data.absent_after_s
        if not believed or age_s < believed:
            return None
        return self._report(running.note, "failed", "absent", "they know nothing of it")

    def on_the_way(self, state: str, note: Note, detail: str) -> Report | None:
        """Only that nobody knows."""
        return self._report(note, "unknown", "", detail) if state == "unknown" else None

    def judged(self, running: Running, found: Reading, proof: Proof) -> Report | None:
        """That the payment itself stands is no end: its refund may be under way."""
        del proof  # a callback at its own address proves what it says as well as our question
        note = running.note
        if found.said is Said.REVERSED or found.reason in self.provider.data.reversed_before:
            if found.original and found.original != note.receipt:
                return None  # another payment's
            return self._report(note, "reversed", found.reason, found.text, found)
        if found.said is Said.FAILED:
            return self._report(note, "failed", found.reason, found.text)
        return None

    def _report(
        self,
        note: Note,
        state: Literal["reversed", "failed", "unknown"],
        code: str,
        detail: str,
        found: Reading | None = None,
    ) -> Report:
        amount = minor(found.amount, found.currency) if found is not None else None
        message = ReportReversal(
            wallet=note.wallet,
            receipt=note.receipt,
            state=state,
            refund=note.about,
            reversal_receipt=found.reversal_receipt if found is not None else "",
            amount=note.amount if amount is None else amount,
            currency=note.currency,
            code=code,
            detail=detail[:MAX_DETAIL],
        )
        return Report(state, message, state)


def note_of(message: ReversePayment) -> Note:
    """What must be known of it when it is over."""
    return Note(
        wallet=message.wallet,
        amount=message.amount,
        currency=message.currency,
        receipt=message.receipt,
        about=message.refund,
    )

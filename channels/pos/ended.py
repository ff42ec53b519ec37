"""How a request ended, and what of the hub's answer that is for a terminal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from channels.pos.printing import Printer
from channels.pos.profile import Profile
from core.messages import Answer, Outcome
from core.refusals import Refusal

#: The outcome is not known: said in this one word, and never as a decline.
LATE: Final = "late"
APPROVED: Final = "approved"


@dataclass(frozen=True, slots=True)
class Ended:
    """``outcome`` of ``vocabulary.RESPONSES``; ``done`` False: ``refused``, or nothing is known."""

    outcome: str
    done: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, str | bytes] = field(default_factory=dict)
    code: str = ""  # of the refusal

    def groups(self, operation: str) -> tuple[str, ...]:
        """Of ``gives``; of what was refused an operation's own group would be empty words."""
        return ("done", operation) if self.done else ("refused",)


@dataclass(frozen=True, slots=True)
class Ending:
    """Makes ends of answers, for one profile and language."""

    profile: Profile
    printer: Printer

    def refused(
        self, code: str, args: Mapping[str, Any], data: Mapping[str, Any] | None = None
    ) -> Ended:
        """A no, with its sentence. Of its content only what says why is for the terminal."""
        told = {name: (data or args).get(name) for name in ("tries", "state")}
        said = {name: value for name, value in told.items() if value is not None}
        extra = {"text": self.printer.refusal(code, args)}
        return Ended(self.profile.outcome_of(code), data=said, extra=extra, code=code)

    def refusal(self, refusal: Refusal) -> Ended:
        """The same of a query's no."""
        return self.refused(refusal.code, refusal.args_)

    def late(self) -> Ended:
        """Nobody knows yet: repeat, or take it back."""
        text = self.printer.refusal("terminal-late", {})
        return Ended(LATE, extra={"text": text})

    def answer(self, operation: str, answer: Answer | None) -> Ended:
        """The end that an answer of the hub is; None: it was not there in time."""
        if answer is None or answer.outcome in (Outcome.UNKNOWN, Outcome.PENDING):
            return self.late()
        if answer.outcome is Outcome.REFUSED:
            return self.refused(answer.code, answer.args, answer.data)
        if operation == "reversal":
            return self._taken_back(answer.data)
        outcome = APPROVED
        if operation in ("settle", "settle_end") and not answer.data.get("balanced"):
            outcome = "out_of_balance"
        text = self.printer.of(operation, answer.data)
        return Ended(outcome, True, answer.data, {"print": text})

    def _taken_back(self, data: Mapping[str, Any]) -> Ended:
        """The end of a reversal; a token that was made is given again, to be printed."""
        state = str(data.get("state", ""))
        sale = data.get("sale") if state == "kept" else None
        shown = {**sale, "state": state} if isinstance(sale, Mapping) else dict(data)
        said = [self.printer.refusal("terminal-kept", {})] if state == "kept" else []
        text = "\n".join((*said, self.printer.of("reversal", shown, copy=True)))
        return Ended(self.profile.reversal_outcome(state), True, shown, {"print": text})

    def copy(self, operation: str, data: Mapping[str, Any]) -> Ended:
        """A reprint."""
        return Ended(APPROVED, True, data, {"print": self.printer.of(operation, data, copy=True)})

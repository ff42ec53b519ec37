"""Messages that do harm: a payment whose ``reference`` says so makes the handler fail or kill.

The real handler runs first, so that what it has staged must be discarded. Test code: the product
has no such reference.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from core.book import Wants
from core.handlers.base import Context
from core.messages import Answer, Outcome, ReceivePayment, name_of
from hub import batch

#: raises until cured; kills the process that decides it; ends with an unknown outcome
POISON, KILLER, UNKNOWN = "poison", "killer", "unknown"
#: raises before any decision, when the batch asks what the message wants loaded
SENSELESS = "senseless"
NAME = "billing.receive-payment"


class PoisonError(RuntimeError):
    """What the handler of a poisonous message raises."""


def kill_process() -> None:
    """As the kernel would."""
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def installed(
    cured: Callable[[], bool] = lambda: False, kill: Callable[[], None] = kill_process
) -> Iterator[None]:
    """Payments do harm as their reference says, until ``cured``."""
    real = batch._BY_NAME[NAME]
    assert real.message is ReceivePayment, name_of(real.message)

    def decide(context: Context, command: Any) -> Answer:
        answer = real.decide(context, command)
        if command.reference == POISON and not cured():
            raise PoisonError("this payment cannot be handled")
        if command.reference == KILLER:
            kill()
        return Answer(outcome=Outcome.UNKNOWN) if command.reference == UNKNOWN else answer

    def wants(command: Any) -> Wants:
        if command.reference == SENSELESS:
            raise PoisonError("this payment makes no sense")
        return real.wants(command)

    batch._BY_NAME[NAME] = replace(real, wants=wants, decide=decide)
    try:
        yield
    finally:
        batch._BY_NAME[NAME] = real

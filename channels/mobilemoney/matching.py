"""Which request of ours a payment belongs to that came without its name.

With some providers a paid push shows up among the payments to the short code, too, and where its
own answer and callback were lost, only there. It is known by amount, shown reference, time and what
can be seen of the payer; where two requests fit, it is nobody's: the payment is routed by what its
reference says, which serves the same meter.
"""

from collections.abc import Iterable
from typing import Final

from adapters.mobilemoney.reading import Payer, Reading
from channels.mobilemoney.asks import AskJob
from channels.mobilemoney.life import Running
from channels.mobilemoney.steps import SECOND_US
from channels.mobilemoney.translate import instant, minor

#: The provider's clock and ours differ by less; and a push ends by itself long before.
SKEW_US: Final = 120 * SECOND_US
LONGEST_US: Final = 3_600 * SECOND_US


def belongs_to(found: Reading, running: Iterable[Running], shows: int) -> Running | None:
    """The one open request that fits; ``shows``: so many characters of what was shown come back."""
    if not shows or not found.account:
        return None
    fitting = [each for each in running if _fits(found, each, shows)]
    return fitting[0] if len(fitting) == 1 else None


def _fits(found: Reading, running: Running, shows: int) -> bool:
    job, note = running.job, running.note
    if running.over or not note.sent_us or not isinstance(job, AskJob):  # it never left
        return False
    shown = (note.shown or job.reference)[:shows].strip()
    at = instant(found.at)
    return (
        found.account.strip() == shown
        and found.currency == note.currency
        and minor(found.amount, found.currency) == note.amount
        and (not at or note.sent_us - SKEW_US <= at <= note.sent_us + LONGEST_US)
        and _same_payer(found, job.payer.removeprefix("+"))
    )


def _same_payer(found: Reading, payer: str) -> bool:
    """What can be seen of the payer must not say somebody else."""
    if found.payer_form is Payer.OPEN:
        return not payer or found.payer == payer
    if found.payer_form is Payer.MASKED and payer:
        head, _, rest = found.payer.partition("*")
        tail = rest.rpartition("*")[2]
        return payer.startswith(head) and payer.endswith(tail)
    return True

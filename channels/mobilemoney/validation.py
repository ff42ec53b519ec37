"""A provider's question whether a payment may be made, asked of the core within its time."""

from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.defer import Deferred, TimeoutError

from adapters.mobilemoney.reading import Reading
from adapters.mobilemoney.sending import Verdict
from channels.mobilemoney.translate import minor
from hub.channel import Ports

#: Questions that are being decided at once: each holds a thread and a reader of the database.
MAX_ASKED: Final = 50
REASONS: Final = {"account": Verdict.REFERENCE, "amount": Verdict.AMOUNT}


@dataclass(slots=True)
class Validation:
    """``query``: of ``core.queries``, called with the wallet, what was typed and the amount; gives
    ``ok`` and a ``reason``."""

    ports: Ports
    wallet: Any
    within_s: float
    query: Any
    _asked: int = 0

    async def verdict(self, found: Reading) -> Verdict | None:
        """None: not known in time; then what was registered with the provider decides."""
        amount = minor(found.amount, found.currency)
        if amount is None:
            return Verdict.AMOUNT
        if self._asked >= MAX_ASKED:
            return None
        self._asked += 1
        asked: Deferred[Any] = self.ports.query(self.query, self.wallet, found.account, amount)
        asked.addBoth(self._over)
        late: Deferred[Any] = Deferred()
        asked.addCallbacks(
            lambda said: None if late.called else late.callback(said),
            lambda failure: None if late.called else late.errback(failure),
        )
        late.addTimeout(self.within_s, self.ports.reactor)
        try:
            decision = await late
            return Verdict.ACCEPT if decision.ok else REASONS.get(decision.reason, Verdict.OTHER)
        except TimeoutError:
            self.ports.log.warning("wallet.validation", why="not decided in time")
        except Exception as error:
            self.ports.log.warning("wallet.validation", why=str(error)[:200])
        return None

    def _over(self, result: Any) -> Any:
        self._asked -= 1
        return result

"""The provider's list of payments: fetched at the start and now and then, it has what callbacks
have lost."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from twisted.internet.defer import Deferred

from adapters.mobilemoney.reading import Reading
from adapters.mobilemoney.sending import Call, Given, Page, UnfitError, Window
from channels.mobilemoney.caller import Caller
from channels.mobilemoney.client import LostError
from channels.mobilemoney.payins import PayIns
from channels.mobilemoney.steps import SECOND_US
from channels.mobilemoney.translate import instant, minor
from core.queries.wallet_receipts import known_receipts
from hub.channel import Ports

#: Pages of one list: 200 of 64 KiB are more payments than 48 hours have.
MAX_PAGES: Final = 200
#: What is so young is still on its way to us as a notice, except when it is looked for.
YOUNG_US: Final = 60 * SECOND_US
#: Of so many odd rows is told once each; more say nothing new.
MAX_ODD: Final = 1_000
#: After a list that could not be fetched; and between two that are looked into.
AGAIN_S: Final = 60.0


@dataclass(slots=True)
class Pulls:
    """``tick`` is called every second."""

    ports: Ports
    caller: Caller
    pay_ins: PayIns
    every_s: float
    fetched: int = 0
    found: int = 0
    failed: int = 0
    _due: float = 0.0
    _earliest: float = 0.0
    _busy: bool = False
    _looking: bool = False
    _odd: set[str] = field(default_factory=set)

    def soon(self) -> None:
        """Something is waited for that only the list can tell."""
        self._looking = True
        self._due = min(self._due, self._earliest)

    def tick(self) -> None:
        """Fetch it when it is due."""
        now = float(self.ports.reactor.seconds())
        if self._busy or now < self._due or not self.caller.provider.data.pulls:
            return
        self._busy = True
        self._due, self._earliest = now + self.every_s, now + AGAIN_S
        Deferred.fromCoroutine(self._all()).addBoth(self._over)

    def _over(self, result: object) -> None:
        self._busy = False
        if result is not None:
            self.failed += 1
            self._due = min(self._due, self._earliest)
            self.ports.log.warning("wallet.pull", error=str(result)[:300])

    async def _all(self) -> None:
        """Page by page; none may be missing, else it is fetched again."""
        young, self._looking = 0 if self._looking else YOUNG_US, False
        offset = 0
        until = self.caller.now().now
        since = until - timedelta(hours=self.caller.provider.data.pull_hours)
        for _ in range(MAX_PAGES):
            page = await self._page(Window(since=since, until=until, offset=offset))
            self._keep_odd(page.unread)
            await self._take(page.readings, self.ports.now_us() - young)
            rows = len(page.readings) + len(page.unread)
            offset += rows
            if not page.more or not rows:
                self.fetched += 1
                return
        self.ports.log.error("wallet.pull", error=f"more than {MAX_PAGES} pages")

    def _keep_odd(self, unread: tuple[str, ...]) -> None:
        """Rows that say of money what cannot be read, each once."""
        for each in unread:
            if each not in self._odd and len(self._odd) < MAX_ODD:
                self._odd.add(each)
                self.pay_ins.unreadable("", each)

    async def _page(self, window: Window) -> Page:
        sender = self.caller.provider.sender
        build, read = sender.pull, sender.read_pull
        if build is None or read is None:
            raise UnfitError("pull", "this provider has no list of payments")

        def wanted(given: Given) -> Call:
            return build(given, window)

        page = await self.caller.fetch(wanted, read)
        if page is None:
            raise LostError("no list")
        return page

    async def _take(self, readings: tuple[Reading, ...], until_us: int) -> None:
        """Those that we do not have, and those that we have with another amount: a notice had been
        altered, and people must see both."""
        if not readings:
            return
        receipts = tuple(each.receipt for each in readings)
        known = await self.ports.query(known_receipts, self.pay_ins.wallet, receipts)
        for each in readings:
            amount = minor(each.amount, each.currency)
            if amount is not None and each.receipt in known:
                if known[each.receipt] != (amount, each.currency):
                    await self.pay_ins.differs(each, amount)
                self.pay_ins.proved(each.receipt)
                continue
            if instant(each.at) > until_us:
                continue
            if amount is None:
                self.pay_ins.unreadable(each.receipt, repr(each.amount))
                continue
            await self.pay_ins.believe(each, amount, "pull", f"{each.receipt}: in the list")
            self.pay_ins.proved(each.receipt)
            self.found += 1

"""A provider's file of a day: fetched the morning after, taken page by page, once.

Only whole files are taken: what does not add up is fetched again, and told in the log. Of providers
without such a file an operator brings the statement (``wattbus wallets``).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from twisted.internet.defer import Deferred

from adapters.mobilemoney.bills import Bill, BillLine, Where
from adapters.mobilemoney.reading import NoticeError
from adapters.mobilemoney.sending import Answered, Call, Given, UnfitError
from channels.mobilemoney.caller import Caller
from channels.mobilemoney.client import LostError, NotSentError
from channels.mobilemoney.translate import instant, minor
from core.messages import StatementLine, TakeStatement
from core.messages.wallets import MAX_LINES
from core.money import CURRENCIES
from hub.channel import Arrival, Ports

#: Of the provider's morning: all of them have the file of yesterday by then (their documents say
#: nine, ten, and the night).
READY_HOUR: Final = 11
#: After a file that was not there, or not whole.
AGAIN_S: Final = 1_800.0
#: Days back that are looked after, at the start and whenever one is missing.
DAYS: Final = 3
VALID_S: Final = 400 * 86_400.0
_DONE: Final = "taken"


@dataclass(slots=True)
class Statements:
    """``tick`` is called every second. ``taken``, ``failed``: counts since the start."""

    ports: Ports
    caller: Caller
    wallet: str
    currency: str
    taken: int = 0
    failed: int = 0
    _due: float = 0.0
    _busy: bool = False

    def tick(self) -> None:
        """Look for a day that is missing, now and then."""
        now = float(self.ports.reactor.seconds())
        if self._busy or now < self._due or self.caller.provider.sender.bill is None:
            return
        self._busy, self._due = True, now + AGAIN_S
        Deferred.fromCoroutine(self._all()).addBoth(self._over)

    def _over(self, result: object) -> None:
        self._busy = False
        if result is not None:
            self.failed += 1
            self.ports.log.warning("wallet.statement", error=str(result)[:300])

    async def _all(self) -> None:
        now = self.caller.now().now
        first = await self._first(now.date())
        last = now.date() - timedelta(days=1 if now.hour >= READY_HOUR else 2)
        for back in range(DAYS - 1, -1, -1):
            if last - timedelta(days=back) >= first:
                await self._day(last - timedelta(days=back))

    async def _first(self, today: date) -> date:
        """The day on which this channel began: what is before it is none of this system's."""
        name = f"{self.wallet}/statement/first"
        text = await self.ports.kept(name)
        if text is None:
            await self.ports.keep(name, today.isoformat())
            return today
        return date.fromisoformat(text)

    async def _day(self, day: date) -> None:
        """One day, unless it was taken. A file that is not there yet is asked for again."""
        name = f"{self.wallet}/statement/{day:%Y%m%d}"
        if await self.ports.kept(name) == _DONE:
            return
        try:
            bill = await self._fetched(day)
        except (NoticeError, UnfitError, NotSentError, LostError) as error:
            self.failed += 1
            self.ports.log.warning("wallet.statement", day=str(day), why=str(error)[:300])
            return
        if bill is None:
            return
        for each in bill.unread:
            self.ports.record(f"{self.ports.name}/statement/{day:%Y%m%d}", each)
        for page in pages(bill.lines, self.wallet, day, self.currency):
            await self.ports.accept(_arrival(page))
        await self.ports.keep(name, _DONE)
        self.taken += 1

    async def _fetched(self, day: date) -> Bill | None:
        """None: there is none yet."""
        sender = self.caller.provider.sender
        build, read, open_bill = sender.bill, sender.read_bill, sender.open_bill
        if build is None or read is None or open_bill is None:
            return None

        def asked(given: Given) -> Call:
            return build(given, day)

        where = await self.caller.fetch(asked, read)
        if where is None:
            raise LostError("no answer that can be read")
        if where == Where():
            return None
        data = b"" if where.content else await self._file(where)
        return open_bill(self.caller.now(), day, where, data)

    async def _file(self, where: Where) -> bytes:
        def asked(given: Given) -> Call:
            del given
            return self.caller.provider.sender.fetch_bill(where)

        data = await self.caller.fetch(asked, _body)
        if not data:
            raise LostError("no file")
        return data


def _body(answered: Answered) -> bytes:
    if answered.status != 200:
        raise NoticeError("", f"HTTP {answered.status} in place of a file")
    return answered.body


def pages(
    lines: Sequence[BillLine], wallet: str, day: date, currency: str
) -> tuple[TakeStatement, ...]:
    """A day as messages; one without lines for a day on which nothing moved. NoticeError: an amount
    that this currency cannot have."""
    read = [_line(each, currency) for each in lines]
    parts = [tuple(read[at : at + MAX_LINES]) for at in range(0, len(read), MAX_LINES)] or [()]
    return tuple(
        TakeStatement(
            wallet=wallet,
            day=int(f"{day:%Y%m%d}"),
            currency=currency,
            lines=part,
            page=number,
            last=number == len(parts),
            source=f"file of {day}",
        )
        for number, part in enumerate(parts, 1)
    )


def _line(line: BillLine, currency: str) -> StatementLine:
    amount = minor(abs(line.amount), currency)
    if amount is None:
        raise NoticeError(line.receipt, f"{line.amount} is no amount of {currency}")
    return StatementLine(
        receipt=line.receipt,
        amount=-amount if line.amount < 0 else amount,
        at=instant(line.at),
        reference=line.reference,
        payer=line.payer,
        payer_form="masked" if line.payer else "absent",
        fee=_fee(line.fee, currency),
        original=line.original,
    )


def _fee(fee: Decimal, currency: str) -> int:
    """Minor units, rounded half up once; of what was given back, the fee that came back with it."""
    scaled = abs(fee).scaleb(CURRENCIES[currency].exponent)
    return int(scaled.to_integral_value(ROUND_HALF_UP))


def _arrival(page: TakeStatement) -> Arrival:
    """Its key has its contents: a file that was mended since is another one."""
    told = repr((page.lines, page.last)).encode()
    digest = hashlib.sha256(told).hexdigest()[:16]
    return Arrival(
        key=f"statement/{page.wallet}/{page.day}/{page.page}/{digest}",
        message=page,
        raw=f"{page.source}: page {page.page}, {len(page.lines)} lines",
        partition_ref=f"wallet/{page.wallet}",
        source_id=str(page.day),
        valid_for_s=VALID_S,
    )

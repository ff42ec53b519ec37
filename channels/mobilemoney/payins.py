"""Money that comes by itself: confirmations, and what the provider's list of payments has of them.

A large payment that only a notice speaks of is asked about first. What is asked about is noted, so
that a restart asks again.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from twisted.internet.defer import Deferred

from adapters.mobilemoney.reading import Payer, Reading, Said
from adapters.mobilemoney.sending import Came, Given
from channels.mobilemoney.caller import Caller
from channels.mobilemoney.life import VALID_S, Lives, Report, Running
from channels.mobilemoney.matching import belongs_to
from channels.mobilemoney.steps import Note, caught_up, due_us
from channels.mobilemoney.translate import minor, paid_report, pay_in
from core.messages import ReceivePayIn
from core.messages.wallets import MAX_TYPED, Proof
from hub.channel import Arrival, KeyReused, Overloaded, Ports

#: The note of the receipts that are being asked about, each with its instant, and how many have
#: room in it; each has a note of its own. Those beyond are told to come again.
NOTE: Final = "large-pay-ins"
MAX_LARGE: Final = 200
#: Questions whether a payment may be made: it comes some seconds after its answer, if at all.
MAX_VALIDATED: Final = 10_000


class Large(msgspec.Struct, frozen=True, omit_defaults=True):
    """A payment that a notice speaks of, as it will be told when it is proved."""

    message: ReceivePayIn
    since_us: int


_index: Final = msgspec.json.Decoder(dict[str, int])
_decoder: Final = msgspec.json.Decoder(Large)


@dataclass(slots=True)
class PayIns:
    """``wallet``: its name; ``large``: from so much on (minor units, 0: never) a notice alone is no
    proof."""

    ports: Ports
    caller: Caller
    lives: Lives
    wallet: str
    large: int
    look: Callable[[], None] = lambda: None
    counters: Counter[str] = field(default_factory=Counter)
    waiting: dict[str, Large] = field(default_factory=dict)
    validated: dict[str, tuple[int, str]] = field(default_factory=dict)
    _asked: dict[str, Note] = field(default_factory=dict)
    _loaded: bool = False
    _loading: bool = False

    async def load(self) -> None:
        """What was being asked about before the restart: known before anything is added to it."""
        if self._loaded:
            return
        found = await self.ports.kept(NOTE)
        noted = {}
        for receipt in _index.decode(found) if found is not None else ():
            text = await self.ports.kept(_note(receipt))
            if text is not None:
                noted[receipt] = _decoder.decode(text)
        if not self._loaded:
            self.waiting = noted | self.waiting
        self._loaded = True

    def _load(self) -> None:
        if not self._loading:
            self._loading = True
            Deferred.fromCoroutine(self.load()).addBoth(self._tried)

    def _tried(self, result: Any) -> None:
        self._loading = False
        if result is not None:
            self.ports.log.warning("wallet.large", error=str(result.value))

    async def confirmed(self, found: Reading, raw: str) -> None:
        """A confirmation. Fires when it is safe; fails as ``Ports.accept`` does."""
        self.counters["confirmed"] += 1
        amount = minor(found.amount, found.currency)
        if found.said is not Said.PAID or amount is None:
            self.unreadable(found.receipt, raw)
            return
        told = pay_in(self.wallet, found, amount, "notice")
        said = self.validated.get(found.receipt)
        if said is not None and said != (amount, found.account):
            self.counters["not as validated"] += 1
            self.ports.log.error("wallet.altered", receipt=found.receipt, proof="notice")
            typed = told.typed if said[1] == found.account else f"{said[1]} | {told.typed}"
            await self._ask_first(replace(told, typed=typed[:MAX_TYPED]), raw)
        elif self.large and amount >= self.large:
            await self._ask_first(told, raw)
        else:
            await self.believe(found, amount, "notice", raw)

    def asked(self, found: Reading) -> None:
        """May this payment be made? Its confirmation must say the same, or is asked about; where
        they name two references, it is people who say whose it is."""
        amount = minor(found.amount, found.currency)
        if amount is not None and found.receipt:
            self.validated.setdefault(found.receipt, (amount, found.account))
            while len(self.validated) > MAX_VALIDATED:
                del self.validated[next(iter(self.validated))]

    async def believe(self, found: Reading, amount: int, proof: Proof, raw: str) -> None:
        """Tell the hub: of one of our requests where it is that, else of money by itself."""
        shows = self.caller.provider.data.shows
        running = belongs_to(found, self.lives.running.values(), shows)
        if running is not None:
            await self._collected(running, found, amount, proof)
            return
        await self._accept(pay_in(self.wallet, found, amount, proof), raw)

    async def differs(self, found: Reading, amount: int) -> None:
        """The list of payments has another amount than what is booked under this receipt: the
        decision makes a case of it, once."""
        self.counters["differs"] += 1
        raw = f"{found.receipt}: {found.amount} in the list"
        await self._accept(pay_in(self.wallet, found, amount, "pull"), raw)

    async def _collected(self, running: Running, found: Reading, amount: int, proof: Proof) -> None:
        message = paid_report(self.wallet, running.job.reference, found, amount, proof)
        report = Report(f"paid/{found.receipt}/{amount}", message, "paid")
        await self.lives.journal(running, report, "")
        self.counters["of our requests"] += 1
        if not running.over:
            Deferred.fromCoroutine(self.lives.finish(running, report, told=True))

    async def _accept(self, message: ReceivePayIn, raw: str) -> None:
        """Under a key of its proof: should a list say another amount than the notice did, the
        decision sees both."""
        arrival = Arrival(
            key=f"{message.proof}/{message.receipt}",
            message=message,
            raw=raw,
            partition_ref=f"receipt/{message.wallet}/{message.receipt}",
            source_id=message.receipt,
            valid_for_s=VALID_S,
        )
        try:
            await self.ports.accept(arrival)
        except KeyReused:
            self.counters["altered"] += 1
            self.ports.log.error("wallet.altered", receipt=message.receipt, proof=message.proof)

    def unreadable(self, receipt: str, raw: str) -> None:
        """Kept as evidence: it says of money what cannot be booked."""
        self.counters["unreadable"] += 1
        self.ports.log.error("wallet.unreadable", receipt=receipt)
        self.ports.record(f"{self.ports.name}/unreadable/{receipt}", raw)

    # --- large ones -----------------------------------------------------------------------------

    async def _ask_first(self, message: ReceivePayIn, raw: str) -> None:
        receipt = message.receipt
        await self.load()
        self.ports.record(f"{self.ports.name}/large/{receipt}", raw)
        if receipt in self.waiting:
            return
        if len(self.waiting) >= MAX_LARGE:
            self.ports.log.error("wallet.large", receipt=receipt, why="too many are being asked")
            raise Overloaded("no room to ask about one more payment")
        large = self.waiting[receipt] = Large(message, self.ports.now_us())
        try:
            await self.ports.keep(_note(receipt), msgspec.json.encode(large).decode())
            await self._keep()
        except BaseException:
            self.waiting.pop(receipt, None)
            raise
        self._ask(receipt)

    async def _keep(self) -> None:
        since = {receipt: large.since_us for receipt, large in self.waiting.items()}
        await self.ports.keep(NOTE, msgspec.json.encode(since).decode())

    def tick(self) -> None:
        """Ask about those whose time has come; what a day of questions did not prove is left to the
        statement."""
        now = self.ports.now_us()
        if not self._loaded:
            self._load()
        for receipt, large in list(self.waiting.items()):
            note = self._asked.get(receipt) or Note(
                wallet="", amount=0, currency="", sent_us=large.since_us
            )
            due = due_us(note)
            if due is None:
                self.ports.log.error("wallet.unproved", receipt=receipt)
                self.counters["unproved"] += 1
                self._drop(receipt)
            elif due <= now:
                self._asked[receipt] = caught_up(note, now)
                self._ask(receipt)

    def _ask(self, receipt: str) -> None:
        asking = Deferred.fromCoroutine(self._question(receipt))
        asking.addErrback(
            lambda failure: self.ports.log.warning("wallet.large", error=str(failure.value))
        )

    async def _question(self, receipt: str) -> None:
        build = self.caller.provider.sender.payment
        read = self.caller.provider.sender.read_refund_status
        if build is None or read is None:
            self.look()
            return

        def question(given: Given) -> Any:
            return build(given, receipt)

        result = await self.caller.make(question, read)
        if result is not None and result.reading is not None:
            await self.verified(receipt, result.reading, "")
        elif result is not None and result.came is Came.REFUSED:
            self.look()

    async def verified(self, receipt: str, found: Reading, raw: str) -> None:
        """What the provider says to our question. Fails as ``Ports.accept`` does."""
        await self.load()
        large = self.waiting.get(receipt)
        if large is None or found.receipt not in ("", receipt):
            self.counters["not asked"] += 1
            return
        if found.said is Said.PAID and found.receipt == receipt:
            told = _whole(large.message, found)
            amount = minor(found.amount, told.currency)
            if amount is not None:
                await self.believe(told, amount, "status", raw)
                self._drop(receipt)
        elif found.said in (Said.FAILED, Said.REVERSED):
            self.ports.log.error("wallet.untrue", receipt=receipt, said=found.said.value)
            self.counters["untrue"] += 1
            self._drop(receipt)

    def _drop(self, receipt: str) -> None:
        self.waiting.pop(receipt, None)
        self._asked.pop(receipt, None)
        kept = Deferred.fromCoroutine(self._keep())
        kept.addErrback(partial(self._not_kept, receipt))

    def _not_kept(self, receipt: str, failure: Any) -> None:
        """It is asked about once more after a restart: the hub knows its receipt."""
        self.ports.log.warning("wallet.note", receipt=receipt, error=str(failure.value))

    def proved(self, receipt: str) -> None:
        """The list of payments has it."""
        if receipt in self.waiting:
            self._drop(receipt)


def _note(receipt: str) -> str:
    return f"large/{receipt}"


def _whole(message: ReceivePayIn, found: Reading) -> Reading:
    """What the answer leaves out is what the notice said: who paid, and for what."""
    return Reading(
        said=Said.PAID,
        receipt=message.receipt,
        amount=found.amount,
        currency=found.currency or message.currency,
        account=message.typed,
        short_code=message.short_code,
        payer=message.payer.removeprefix("+"),
        payer_form=Payer(message.payer_form),
        at=found.at,
    )

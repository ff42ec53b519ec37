"""A terminal as a machine without I/O: keys and octets in, octets and events out.

It is driven as any session of :mod:`hub.wire` (``connected``, ``receive``, ``tick``, ``lost``,
``outgoing``, ``deadline``). What it does next is :mod:`.states`; what it remembers is
:mod:`.items`; how a request stands in fields is :mod:`.wording`. The same seed, clock and keys give
the same octets.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from adapters._session import CloseLink
from adapters.iso8583.errors import IsoError, KeyFault
from adapters.iso8583.message import Message
from adapters.iso8583.vocabulary import reply_mti
from simulators.pos.items import Fate, Item, ItemBook, Totals, fate_of
from simulators.pos.modem import Modem
from simulators.pos.states import Event, State, after
from simulators.pos.terms import LAST_STAN, OPERATION, UNSURE, Busy, Ended, Pending, Setup
from simulators.pos.wording import Heard, Moment


class Terminal:
    """One that behaves. Misbehaviours override ``transmits``, ``hears``, ``prints``, ``clock``."""

    name = "friendly"

    def __init__(self, setup: Setup, wall: Callable[[], float], seed: int = 0) -> None:
        self.setup = setup
        self.wording = setup.wording
        self.draw = Random(seed)
        self.state = State.OFF
        self.book = ItemBook()
        self.modem = Modem(setup.wording.dialect, setup.master, setup.wording.seals)
        self.cashier = ""
        self.offline: list[Item] = []
        self.counts: Counter[str] = Counter()
        self.up = False
        self.pending: Pending | None = None
        self._wall = wall
        self._stan = setup.first_stan
        self._out: list[bytes] = []
        self._upload: list[Item] = []
        self._events: list[Any] = []
        self._coming = ""  # who signs on

    # --- keys ------------------------------------------------------------------------------------

    def sign_on(self, now: float, cashier: str = "", pin: str = "") -> list[Any]:
        """A cashier begins; empty: the terminal itself."""
        values = {"cashier": cashier, "pin": pin}
        self._ready(Event.SIGN_ON)
        self._coming = cashier
        return self._press(Event.SIGN_ON, "sign_on", values, now)

    def sign_off(self, now: float) -> list[Any]:
        """Whoever is at it goes."""
        return self._press(Event.SIGN_OFF, "sign_off", {"cashier": self.cashier}, now)

    def ask(self, operation: str, now: float, **values: Any) -> list[Any]:
        """What books nothing: ``enquiry``, ``trial``, ``reprint``, ``echo``, ``report`` …"""
        return self._press(Event.ASK, operation, values, now)

    def sell(self, meter: str, amount: int, now: float, **values: Any) -> list[Any]:
        """Credit for a meter, in minor units."""
        return self._booking("sale", {"meter": meter, "amount": amount, **values}, now)

    def pay(self, account: str, amount: int, now: float, **values: Any) -> list[Any]:
        """A bill is paid."""
        return self._booking("payment", {"account": account, "amount": amount, **values}, now)

    def reverse(self, now: float, stan: int = 0) -> list[Any]:
        """Take back what is under way, or an item of this batch (0: the last one)."""
        item = self.book.find(stan) if stan else self.book.last()
        if item is None:
            raise Busy("there is no such item in this batch")
        if after(self.state, Event.REVERSE) is None:
            raise Busy(f"it is {self.state.value}")
        item.fate = Fate.UNKNOWN
        self.pending = None
        return self._moves(Event.REVERSE, now)

    def repeats(self, before: Pending, now: float) -> list[Any]:
        """Send a sale or payment once more, marked as a repeat."""
        self._ready(Event.BOOK)
        self.state = after(self.state, Event.BOOK) or self.state
        item = before.item if before.item and before.item.fate is Fate.UNKNOWN else None
        message = replace(before.message, mti=f"{before.message.mti[:3]}1")
        due = now + self.setup.answer_s
        self.pending = Pending(before.operation, message, before.stan, item, due)
        self._transmit(self.pending)
        return self._told()

    def settle(self, now: float) -> list[Any]:
        """Close the batch."""
        if self.offline:
            raise Busy("what was collected without a line is not sent yet: forward")
        return self._press(Event.SETTLE, "settle", asdict(self.totals()), now)

    def collect(self, account: str, amount: int, receipt: str) -> Item:
        """A bill is paid while there is no line: cash, and a receipt number given before."""
        values = {"account": account, "amount": amount, "slip_receipt": receipt, "kind": "payment"}
        item = self._item("payment", self.moment(), values)
        item.fate, item.offline = Fate.DONE, True
        self.offline.append(item)
        return item

    def forward(self, now: float) -> list[Any]:
        """Send what was collected without a line."""
        return self._moves(Event.FORWARD, now)

    # --- the session -----------------------------------------------------------------------------

    def connected(self, now: float) -> list[Any]:
        """The line is up: what must be answered is sent (again)."""
        self.up = True
        self.modem.reset()
        if self.pending is not None:
            self._again(now)
        else:
            self._go_on(now)
        return self._told()

    def receive(self, data: bytes, now: float) -> list[Any]:
        """Answers, also those of nobody's question."""
        for message in self.modem.messages(data):
            operation = self.pending.operation if self.pending else ""
            heard = self.wording.read(message, operation, self.setup.exponent)
            if self.pending is None or not self._answers(message, heard, self.pending):
                self.counts["strays"] += 1
            elif self.hears(heard, self.pending):
                self._answered(heard, self.pending, now)
        if self.modem.faults:
            self.counts["faults"] += len(self.modem.faults)
            self._events.append(CloseLink(self.modem.faults[-1]))
            self.modem.faults.clear()
        return self._told()

    def tick(self, now: float) -> list[Any]:
        """An answer is overdue, or it is time to send again."""
        pending = self.pending
        if pending is not None and now >= pending.due:
            if pending.silent:
                self._again(now)
            else:
                self._silence(pending, now)
        return self._told()

    def lost(self, reason: str, now: float) -> list[Any]:  # noqa: ARG002
        """The line is gone: no answer can come any more."""
        self.up = False
        self._out.clear()
        if self.pending is not None and not self.pending.silent:
            self._silence(self.pending, now)
        return self._told()

    def outgoing(self) -> bytes:
        """The octets to send now."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def deadline(self) -> float | None:
        """When :meth:`tick` is due; without a line nothing is."""
        return self.pending.due if self.pending is not None and self.up else None

    # --- what misbehaviours change ---------------------------------------------------------------

    def transmits(self, octets: bytes, pending: Pending) -> None:  # noqa: ARG002
        """Send a frame."""
        self._out.append(octets)

    def hears(self, heard: Heard, pending: Pending) -> bool:  # noqa: ARG002
        """Whether an answer reaches the terminal's mind."""
        return True

    def prints(self, item: Item, now: float) -> None:
        """A sale or payment was approved, and its receipt is printed."""

    def clock(self) -> float:
        """Seconds since 1970 by its own clock."""
        return self._wall()

    def totals(self) -> Totals:
        """What it says that its batch adds up to."""
        return Totals.of(self.book.items)

    # --- inside ----------------------------------------------------------------------------------

    def sends(self, octets: bytes) -> None:
        """Octets as they are."""
        self._out.append(octets)

    def tells(self, event: Any) -> None:
        """One more event, for whoever drives it."""
        self._events.append(event)

    def step_back(self) -> None:
        """The next message gets the number of the last one once more."""
        self._stan = (self._stan - 2) % LAST_STAN + 1

    def moment(self) -> Moment:
        """The numbers and times of the next message; the number is used up."""
        stan, self._stan = self._stan, self._stan % LAST_STAN + 1
        at = self.clock()
        local = datetime.fromtimestamp(at, ZoneInfo(self.setup.zone))
        return Moment(stan, local, datetime.fromtimestamp(at, ZoneInfo("UTC")))

    def _composed(
        self, operation: str, values: Mapping[str, Any], moment: Moment | None = None
    ) -> tuple[Message, Moment]:
        known = {"batch": self.book.batch, "cashier": self.cashier}
        moment = moment or self.moment()
        values = {**known, **values}
        return self.wording.request(operation, self.setup, moment, values), moment

    def _item(self, kind: str, moment: Moment, values: Mapping[str, Any]) -> Item:
        kept = {"batch": self.book.batch, "cashier": self.cashier, **values}
        return self.book.add(Item(moment, self.book.batch, kind, int(values["amount"]), kept))

    def _press(
        self, event: Event, operation: str, values: Mapping[str, Any], now: float
    ) -> list[Any]:
        self._ready(event)
        message, moment = self._composed(operation, values)
        self.state = after(self.state, event) or self.state
        self._sends(operation, message, moment, now)
        return self._told()

    def _booking(self, kind: str, values: Mapping[str, Any], now: float) -> list[Any]:
        self._ready(Event.BOOK)
        operation = OPERATION[kind]
        message, moment = self._composed(operation, values)
        item = self._item(kind, moment, values)
        item.mti = message.mti
        self.state = after(self.state, Event.BOOK) or self.state
        self._sends(operation, message, moment, now, item)
        return self._told()

    def _ready(self, event: Event) -> None:
        if after(self.state, event) is None:
            raise Busy(f"it is {self.state.value}")
        if not self.up:
            raise Busy("there is no line")

    def _moves(self, event: Event, now: float) -> list[Any]:
        following = after(self.state, event)
        if following is None:
            raise Busy(f"it is {self.state.value}")
        self.state = following
        self._go_on(now)
        return self._told()

    def _go_on(self, now: float) -> None:
        """Send what the state has to send, if nothing is under way."""
        while self.pending is None and self.up:
            if self.state is State.IDLE and self.book.open_ones():
                self.state = State.REVERSING
            step = {
                State.REVERSING: self._next_reversal,
                State.FORWARDING: self._next_advice,
                State.UPLOADING: self._next_upload,
                State.CLOSING: self._close_after_upload,
            }.get(self.state)
            if step is None or step(now):
                return
            self.state = after(self.state, Event.EMPTY) or self.state

    def _next_reversal(self, now: float) -> bool:
        item = next(iter(self.book.open_ones()), None)
        if item is None:
            return False
        values = {**item.values, **self.wording.original(item.moment, item.mti)}
        message, moment = self._composed("reversal", values)
        self._sends("reversal", message, moment, now, item)
        return True

    def _next_advice(self, now: float) -> bool:
        item = next(iter(self.offline), None)
        if item is None:
            return False
        message, moment = self._composed("advice", item.values, item.moment)
        self._sends("advice", message, moment, now, item)
        return True

    def _next_upload(self, now: float) -> bool:
        if not self._upload:
            return False
        item = self._upload[0]
        values = {**item.values, **self.wording.original(item.moment, item.mti)}
        values |= {"kind": item.kind, "reversed": item.reversed}
        message, moment = self._composed("upload", values)
        self._sends("upload", message, moment, now, item)
        return True

    def _close_after_upload(self, now: float) -> bool:
        message, moment = self._composed("settle_end", asdict(self.totals()))
        self._sends("settle_end", message, moment, now)
        return True

    def _sends(
        self, operation: str, message: Message, moment: Moment, now: float, item: Item | None = None
    ) -> None:
        due = now + self.setup.answer_s
        self.pending = pending = Pending(operation, message, moment.stan, item, due)
        self._transmit(pending)

    def _transmit(self, pending: Pending) -> None:
        try:
            octets = self.modem.framed(pending.message)
        except IsoError as error:
            self._events.append(CloseLink(f"it cannot be said: {error}"))
            return
        self.counts[pending.message.mti] += 1
        self.transmits(octets, pending)

    def _again(self, now: float) -> None:
        """The same once more, marked as a repeat; only what must be answered comes here."""
        pending = self.pending
        if pending is None:
            return
        mti = pending.message.mti
        pending.message = replace(pending.message, mti=f"{mti[:3]}1")
        pending.silent, pending.due = False, now + self.setup.answer_s
        pending.tries += 1
        self._transmit(pending)

    def _silence(self, pending: Pending, now: float) -> None:
        """No answer has come in time, or none that says anything."""
        following = after(self.state, Event.SILENCE)
        if following is self.state:  # it must be answered
            pending.silent, pending.due = True, now + self.setup.again_s
            return
        self.pending = None
        self._events.append(Ended(pending.operation, "silence", {}, pending.item))
        self._moves_on(Event.SILENCE, now)

    def _moves_on(self, event: Event, now: float) -> None:
        self.state = after(self.state, event) or self.state
        self._go_on(now)

    def _answers(self, message: Message, heard: Heard, pending: Pending) -> bool:
        return heard.stan == pending.stan and message.mti == reply_mti(pending.message.mti)

    def _answered(self, heard: Heard, pending: Pending, now: float) -> None:
        event = self._event(heard, pending)
        if event is Event.SILENCE:
            self._silence(pending, now)
            return
        self.pending = None
        self._takes(event, heard, pending, now)
        ended = Ended(pending.operation, heard.outcome, heard.values, pending.item, heard.code)
        self._events.append(ended)
        self._moves_on(event, now)

    def _event(self, heard: Heard, pending: Pending) -> Event:
        firm = pending.operation not in ("sign_on", "sign_off") and self.state is not State.ASKING
        if heard.outcome in UNSURE and firm:
            return Event.SILENCE
        if heard.outcome == "out_of_balance":
            return Event.UNBALANCED
        approved = heard.outcome == "approved"
        return Event.APPROVED if approved else Event.DECLINED

    def _takes(self, event: Event, heard: Heard, pending: Pending, now: float) -> None:
        """What an answer changes."""
        item, good = pending.item, event is Event.APPROVED
        match pending.operation:
            case "sign_on" if good:
                self.cashier, self._coming = self._coming, ""
                self._keyed(heard)
            case "key_exchange" if good:
                self._keyed(heard)
            case "vend" | "pay" if item is not None:
                item.fate, item.code = (Fate.DONE if good else Fate.REFUSED), heard.code
                item.answer = dict(heard.values)
                if good:
                    self.prints(item, now)
            case "reversal" if item is not None:
                item.fate, item.tries = fate_of(item, heard), pending.tries
                item.answer |= heard.values
            case "advice":
                self.offline.pop(0)
            case "upload":
                self._upload.pop(0)
            case "settle" if event is Event.UNBALANCED:
                self._upload = self.book.counted()
            case "settle" | "settle_end" if event is not Event.DECLINED:
                self.book.close()
            case _:
                pass

    def _keyed(self, heard: Heard) -> None:
        """The session's key, if the host gives one; with a wrong one the old one stays."""
        key = heard.values.get("key")
        form = self.wording.sheet.keys
        if not isinstance(key, str) or not key or not self.setup.master:
            return
        try:
            raw = bytes.fromhex(key)
            self.modem.take_key(form.cipher, raw[: form.octets], raw[form.octets :][: form.check])
        except (ValueError, KeyFault):
            self.counts["wrong-keys"] += 1

    def _told(self) -> list[Any]:
        events, self._events = self._events, []
        return events

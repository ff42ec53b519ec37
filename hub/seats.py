"""The seats of a node: taken, kept, given back, lost; and the fence that comes of them.

One thread with one connection (``hub.seatbook``). A seat is taken when its lock is free: at once
where nobody has it or its time is over, else when it was found free at two looks, so that a holder
whose connection broke has it again first. Who holds his fair share waits one look more. A holder
whose time is over while his session stands (frozen, or cut off without the server knowing) is put
out at the second look.

What is held counts by this host's clock from the moment before the last word to the database; it
runs on while the process is frozen. When the database is away nothing may leave; who finds, when
it is back, that nobody took the seat meanwhile goes on with the same epoch.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from core.store.tx import Reader, StoreError, TransientStoreError, Tx
from hub.fence import KEEPER, RELAY
from hub.groups import Group
from hub.seatbook import LEASE_US, NameTakenError, SeatRow, View
from hub.stages import log_away

#: How often a node says that it lives, and how often it looks for seats that are free.
RENEW_S, LOOK_S = 1.5, 0.5
#: A seat whose channels cannot be built here is left to others for so long.
DECLINE_S = 30.0
#: A namesake that has just died may still be there for the server: so long it is waited for.
NAMESAKE_S = 10.0
#: How long the thread rests when the database is away.
AWAY_S = 0.5

_SHARED: Final = (KEEPER, RELAY)

log = structlog.get_logger("hub.seats")


class Book(Protocol):
    """What :class:`hub.seatbook.SeatBook` offers."""

    def session(self) -> int: ...
    def reader(self) -> Reader: ...
    def lock(self, kind: str, name: str) -> bool: ...
    def unlock(self, kind: str, name: str) -> None: ...
    def enter(self) -> None: ...
    def beat(self, held: Mapping[str, int]) -> set[str]: ...
    def look(self) -> View: ...
    def take(self, seat: SeatRow) -> int: ...
    def evict(self, process: int) -> None: ...
    def release(self, name: str, epoch: int) -> None: ...
    def leave(self) -> None: ...
    def ring(self) -> None: ...
    def drop(self) -> None: ...


def boot_clock() -> float:
    """Seconds that run on while the process, or the machine, sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class Held:
    """A seat of ours: of which taking, and until when by this host's clock."""

    epoch: int
    until: float


@dataclass(slots=True)
class Seats:
    """See the module. ``step`` runs on the thread; the fence's methods on any.

    ``changed`` is called on the thread when something was taken or lost; ``also`` at each look,
    with a reader, for what other nodes may have noted.
    """

    book: Book
    node: str
    roles: tuple[str, ...]
    groups: Mapping[str, Group]
    clock: Callable[[], float] = boot_clock
    changed: Callable[[], None] = lambda: None
    also: Callable[[Reader], None] = lambda _reader: None
    view: View = View((), {})  # noqa: RUF009 - frozen
    _held: dict[str, Held] = field(default_factory=dict)
    _of: dict[str, str] = field(default_factory=dict)  # channel -> seat
    _session: int = 0
    _unlocked: set[str] = field(default_factory=set)
    _free: Counter[str] = field(default_factory=Counter)  # looks at which it was free
    _stuck: dict[str, int] = field(default_factory=dict)
    _declined: dict[str, float] = field(default_factory=dict)
    _renewed: float = float("-inf")
    _looked: float = float("-inf")
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._of = {name: group.seat for group in self.groups.values() for name in group.channels}

    # -- the fence --------------------------------------------------------------------------

    def epoch(self, seat: str) -> int:
        """See :class:`hub.fence.Fence`."""
        held = self._held.get(seat)
        return held.epoch if held is not None and self.clock() < held.until else 0

    def may(self, channel: str) -> bool:
        """See :class:`hub.fence.Fence`."""
        seat = self._of.get(channel)
        return seat is None or self.epoch(seat) > 0

    def moved(self, tx: Tx, channels: Collection[str]) -> frozenset[str]:
        """See :class:`hub.fence.Fence`. FOR KEY SHARE: who waits long for another row with this
        lock must not keep our own beat waiting, or the seat would be lost."""
        named = {name: self._of[name] for name in channels if name in self._of}
        if not named:
            return frozenset()
        rows = tx.rows(
            "SELECT name, node, epoch FROM seat WHERE name IN :seats ORDER BY name FOR KEY SHARE",
            seats=sorted(set(named.values())),
        )
        ours = {row[0] for row in rows if self._is_ours(*row)}
        return frozenset(name for name, seat in named.items() if seat not in ours)

    def ours(self, reader: Reader, channel: str) -> bool:
        """See :class:`hub.fence.Fence`."""
        seat = self._of.get(channel)
        if seat is None:
            return True
        rows = reader.rows("SELECT name, node, epoch FROM seat WHERE name = :seat", seat=seat)
        return bool(rows) and self._is_ours(*rows[0])

    def _is_ours(self, seat: str, node: str, epoch: int) -> bool:
        held = self._held.get(seat)
        return held is not None and node == self.node and held.epoch == epoch

    def held(self) -> dict[str, int]:
        """Seat -> epoch of what we hold; also what may be ours no more while the database is
        away."""
        return {seat: held.epoch for seat, held in self._held.copy().items()}

    # -- the thread's -----------------------------------------------------------------------

    def begin(self) -> None:
        """The first step. NameTakenError when our name is taken and stays so."""
        until = self.clock() + NAMESAKE_S
        while True:
            try:
                self.step()
                return
            except NameTakenError:
                if self.clock() > until:
                    raise
                time.sleep(AWAY_S)

    def step(self) -> None:
        """Renew and look, each when it is time. TransientStoreError, NameTakenError."""
        if (session := self.book.session()) != self._session:
            self._enter()
            self._session = session
        self._renew_if_due()
        if self.clock() - self._looked >= LOOK_S:
            self._looked = self.clock()
            self._look()
            self._renew_if_due()  # where statements take seconds
            self.also(self.book.reader())

    def _renew_if_due(self) -> None:
        now = self.clock()
        if now - self._renewed >= RENEW_S:
            self._renew(now)

    def _enter(self) -> None:
        """A new session: our name, and the locks of what we hold, which broke with the last."""
        try:
            self.book.enter()
        except NameTakenError:
            self._lose(self._held)
            raise
        self._unlocked = set(self._held)
        self._renewed = self._looked = float("-inf")

    def _renew(self, now: float) -> None:
        ours = self.book.beat(self.held())
        self._renewed = now
        with self._mutex:
            for seat in ours & self._held.keys():
                self._held[seat] = Held(self._held[seat].epoch, now + LEASE_US / 1e6)
        self._lose(self._held.keys() - ours)
        for seat in list(self._unlocked):
            if self.book.lock("seat", seat):
                self._unlocked.discard(seat)

    def _lose(self, seats: Iterable[str]) -> None:
        lost = sorted(seats)
        for seat in lost:
            self._forget(seat)
            log.error("seat.lost", seat=seat, node=self.node)
        if lost:
            self.changed()  # first: the database may be away again
        for seat in lost:
            self.book.unlock("seat", seat)

    def _forget(self, seat: str) -> None:
        with self._mutex:
            self._held.pop(seat, None)
        self._unlocked.discard(seat)

    def _look(self) -> None:
        self.view = view = self.book.look()
        for seat, until in list(self._declined.items()):
            self._decline(seat, until)
        for row in view.seats:
            if self._is_wanted(row, view):
                self._take(row)
                self._renew_if_due()  # each may wait for a batch of the last holder's

    def _is_wanted(self, seat: SeatRow, view: View) -> bool:
        """Whether to take it now; counts how often it was found free, or stuck."""
        if seat.name in self._held or seat.name in self._declined or not self._may_hold(seat.name):
            return False
        if seat.locked:
            self._free[seat.name] = 0
            self._put_out(seat)
            return False
        self._stuck.pop(seat.name, None)
        self._free[seat.name] += 1
        free_at_once = seat.over or seat.node == self.node
        needed = (1 if free_at_once else 2) + (self._has_its_share(view))
        return self._free[seat.name] >= needed

    def _may_hold(self, seat: str) -> bool:
        return seat in _SHARED or ("channels" in self.roles and self.groups[seat].may(self.node))

    def _has_its_share(self, view: View) -> bool:
        """Over its share a node lets the others look first."""
        able = [name for name, roles in view.live.items() if "channels" in roles] or [self.node]
        share = -(-len(view.seats) // len(able))
        return len(self._held) >= share

    def _put_out(self, seat: SeatRow) -> None:
        """A holder whose time is over; at the second look, for one may just be taking it."""
        if seat.over and self._stuck.get(seat.name) == seat.locked:
            log.error("seat.evict", seat=seat.name, holder=seat.node, backend=seat.locked)
            self.book.evict(seat.locked)
            self._stuck.pop(seat.name)
        elif seat.over:
            self._stuck[seat.name] = seat.locked
        else:
            self._stuck.pop(seat.name, None)

    def _take(self, seat: SeatRow) -> None:
        before = self.clock()
        epoch = self.book.take(seat)
        if epoch:
            with self._mutex:
                self._held[seat.name] = Held(epoch, before + LEASE_US / 1e6)
            self._free[seat.name] = 0
            log.info("seat.taken", seat=seat.name, node=self.node, epoch=epoch, of=seat.node)
            self.changed()

    def _decline(self, seat: str, until: float) -> None:
        """Give back what cannot be held here; after a while it may be tried again."""
        held = self._held.get(seat)
        if held is not None:
            self.release([seat])
        if self.clock() >= until:
            self._declined.pop(seat, None)

    def decline(self, seat: str) -> None:
        """This seat's channels cannot be built here (any thread)."""
        self._declined[seat] = self.clock() + DECLINE_S

    def release(self, seats: Iterable[str]) -> None:
        """Give seats back, whose channels are closed (the thread's)."""
        for seat in seats:
            held = self._held.get(seat)
            if held is not None:
                self._forget(seat)
                self.book.release(seat, held.epoch)
                log.info("seat.released", seat=seat, node=self.node)
        self.book.ring()

    def leave(self) -> None:
        """An ordered end: everything back, and no node of this name any more."""
        try:
            if self._session:  # else we never were one
                self.release(list(self._held))
                self.book.leave()
            self.book.drop()
        except StoreError as error:  # the others find it free when our session ends, all the same
            log.warning("seat.leave", error=str(error))
            self.book.drop()


class SeatThread:
    """Steps the seats until it is stopped; ``poke`` makes it look now."""

    def __init__(self, seats: Seats) -> None:
        self._seats = seats
        self._wake = threading.Event()
        self._stopping = False
        self.well = True
        self._thread = threading.Thread(target=self._run, name="seats", daemon=True)

    def start(self) -> None:
        """Begin; after :meth:`Seats.begin`."""
        self._thread.start()

    def poke(self) -> None:
        """Somebody has rung: a seat may be free."""
        self._seats._looked = float("-inf")
        self._wake.set()

    def stop(self) -> None:
        """Step no more, and give everything back."""
        self._stopping = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._seats.leave()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                self._seats.step()
                self.well = True
            except TransientStoreError as error:
                log_away(error, AWAY_S)
                self.well = False
            except NameTakenError as error:  # while we were away from the database
                log.critical("node.name-taken", error=str(error))
                self.well = False
            except Exception:  # a fault of ours: the seats run out by themselves
                log.exception("seats.fault")
                self.well = False
            self._wake.wait(LOOK_S / 2 if self.well else AWAY_S)

"""Load from outside: payments, purchases and repeats of a village, at a given rate."""

import threading
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random
from time import monotonic

from tests.promises.company import Ask, buy, pay
from tests.promises.farend import FarEnd

#: A meter takes one token a minute without running ahead of the clock: many share the purchases.
VILLAGE = range(1, 61)
#: Each third is a purchase; each tenth comes twice, as people press twice and networks repeat.
BUYS, TWICE = 3, 10
#: How long who waits for an answer has patience; doubled up to the most.
AGAIN_S, AGAIN_MOST_S = 5.0, 30.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Messages a second, repeats not counted."""

    rate: float = 20.0


def ask(number: int, random: Random) -> Ask:
    """The ``number``-th of a run: its household in turn, its amount by chance."""
    household = VILLAGE[number % len(VILLAGE)]
    if number % BUYS == 0:
        return buy(f"b{number}", household, random.randrange(4_000, 9_000))
    return pay(f"p{number}", household, random.randrange(1_000, 5_000))


class Load:
    """Offers at its pace until told to rest, in a thread; what is not answered it asks again."""

    def __init__(self, far: FarEnd, pace: Pace, random: Random) -> None:
        self.far, self.rate, self.at_once = far, pace.rate, 1
        self.offered = len(far.record.asks)  # keys are new ones, also after another load
        self._random = random
        #: when it is asked again, its number, what it is, and for how long it waited
        self._waits: list[tuple[float, int, Ask, float]] = []
        self._resting, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def rest(self) -> None:
        """Offer nothing new from now on."""
        self._resting.set()

    def stop(self) -> None:
        """End; also what was never started may be stopped."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(1.0 / self.rate):
            for _ in range(0 if self._resting.is_set() else self.at_once):
                self._offer_next()
            self._ask_again(monotonic())

    def _offer_next(self) -> None:
        offered = ask(self.offered, self._random)
        self.far.offer(offered)
        if self.offered % TWICE == 0:
            self.far.offer(offered)
        heappush(self._waits, (monotonic() + AGAIN_S, self.offered, offered, AGAIN_S))
        self.offered += 1

    def _ask_again(self, now: float) -> None:
        """Those that have waited long enough, the oldest first; each with more patience then."""
        late = []
        while self._waits and self._waits[0][0] <= now:
            late.append(heappop(self._waits))
        for due, number, asked, waited in sorted(late, key=lambda each: each[1]):
            if asked.key in self.far.record.answers:
                continue
            self.far.offer(asked)
            patience = min(waited * 2, AGAIN_MOST_S)
            heappush(self._waits, (due + patience, number, asked, patience))

"""Load from outside: payments, purchases and repeats of a village, at a given rate."""

import threading
from dataclasses import dataclass
from random import Random

from tests.promises.company import Ask, buy, pay
from tests.promises.farend import FarEnd

#: A meter takes one token a minute without running ahead of the clock: many share the purchases.
VILLAGE = range(1, 61)
#: Each third is a purchase; each tenth comes twice, as people press twice and networks repeat.
BUYS, TWICE = 3, 10


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
    """Offers at its pace until stopped, in a thread. What is not answered is asked again."""

    #: how long who waits for an answer has patience
    AGAIN_S = 2.0

    def __init__(self, far: FarEnd, pace: Pace, random: Random) -> None:
        self.far, self.rate, self.offered = far, pace.rate, 0
        self._random = random
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Offer nothing more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        waited = 0.0
        while not self._stop.wait(1.0 / self.rate):
            offered = ask(self.offered, self._random)
            self.far.offer(offered)
            if self.offered % TWICE == 0:
                self.far.offer(offered)
            self.offered += 1
            waited += 1.0 / self.rate
            if waited > self.AGAIN_S and self.far.is_connected:
                waited = 0.0
                self.far.ask_again()

"""When to send enquire_link, and when to take the peer for dead. Any PDU of it counts as life."""

from enum import Enum
from math import inf

from adapters.smpp.settings import Settings


class Pulse(Enum):
    """What :meth:`Keepalive.due` asks for."""

    NOTHING = "nothing"
    ASK = "send an enquire_link"
    DEAD = "the peer is gone"


class Keepalive:
    """The timers of one connection."""

    def __init__(self, settings: Settings, now: float) -> None:
        self._settings = settings
        self._heard = now
        self._asked = inf
        self.missed = 0  # enquiries in a row without any PDU since

    def heard(self, now: float) -> None:
        """The peer sent a PDU."""
        self._heard = now
        self.missed = 0

    def answered(self) -> None:
        """The response to the enquiry came."""
        self._asked = inf

    def due(self, now: float) -> Pulse:
        """What to do by now."""
        if self._asked < inf:
            if now < self._asked + self._settings.enquire_timeout:
                return Pulse.NOTHING
            silent = self._heard < self._asked
            self._asked = inf
            if not silent:
                return Pulse.NOTHING
            self.missed += 1
            if self.missed >= self._settings.enquire_misses:
                return Pulse.DEAD
        elif now < self._heard + self._settings.enquire_interval:
            return Pulse.NOTHING
        self._asked = now
        return Pulse.ASK

    def deadline(self) -> float:
        """When :meth:`due` must be asked at the latest."""
        if self._asked < inf:
            return self._asked + self._settings.enquire_timeout
        return self._heard + self._settings.enquire_interval

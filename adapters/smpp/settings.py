"""Limits and timers of a link."""

from dataclasses import dataclass

from adapters.smpp.framing import LONGEST_PDU


@dataclass(frozen=True, slots=True)
class Settings:
    """One link's limits and timers, in seconds, with the reason of each default."""

    window: int = 10  # what vendors grant without asking
    response_timeout: float = 30.0  # SMSCs that answer later have lost the request
    bind_timeout: float = 30.0  # the standard's session_init_timer
    unbind_timeout: float = 5.0  # for the unbind_resp; many peers just close
    drain_timeout: float = 2.0  # what is in flight when one side leaves
    enquire_interval: float = 30.0  # silence after which we ask; operators close after 60 or more
    enquire_timeout: float = 10.0
    enquire_misses: int = 3  # unanswered enquiries in a row that mean a dead link
    pdu_timeout: float = 10.0  # a PDU that has begun must end: no slow peer holds a link
    refused_pause: float = 60.0  # before the next login after a refused one
    unanswered: int = 1000  # requests of the peer that may wait for our answer at once
    longest_pdu: int = LONGEST_PDU
    strict_texts: bool = True  # False: logins longer than the standard's, for peers that use them

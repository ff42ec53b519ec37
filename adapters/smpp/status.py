"""command_status: the standard's names (SMPP 3.4, 5.1.3; 5.0, 4.7.6) and what each means for us.

Vendors use other numbers too, so a status travels as a plain integer; :class:`Status` only names
the known ones.
"""

from collections.abc import Mapping
from enum import Enum, IntEnum


class Status(IntEnum):
    """The results of SMPP 3.4, from 0x100 on those of 5.0."""

    ESME_ROK = 0x00
    ESME_RINVMSGLEN = 0x01
    ESME_RINVCMDLEN = 0x02
    ESME_RINVCMDID = 0x03
    ESME_RINVBNDSTS = 0x04
    ESME_RALYBND = 0x05
    ESME_RINVPRTFLG = 0x06
    ESME_RINVREGDLVFLG = 0x07
    ESME_RSYSERR = 0x08
    ESME_RINVSRCADR = 0x0A
    ESME_RINVDSTADR = 0x0B
    ESME_RINVMSGID = 0x0C
    ESME_RBINDFAIL = 0x0D
    ESME_RINVPASWD = 0x0E
    ESME_RINVSYSID = 0x0F
    ESME_RCANCELFAIL = 0x11
    ESME_RREPLACEFAIL = 0x13
    ESME_RMSGQFUL = 0x14
    ESME_RINVSERTYP = 0x15
    ESME_RINVNUMDESTS = 0x33
    ESME_RINVDLNAME = 0x34
    ESME_RINVDESTFLAG = 0x40
    ESME_RINVSUBREP = 0x42
    ESME_RINVESMCLASS = 0x43
    ESME_RCNTSUBDL = 0x44
    ESME_RSUBMITFAIL = 0x45
    ESME_RINVSRCTON = 0x48
    ESME_RINVSRCNPI = 0x49
    ESME_RINVDSTTON = 0x50
    ESME_RINVDSTNPI = 0x51
    ESME_RINVSYSTYP = 0x53
    ESME_RINVREPFLAG = 0x54
    ESME_RINVNUMMSGS = 0x55
    ESME_RTHROTTLED = 0x58
    ESME_RINVSCHED = 0x61
    ESME_RINVEXPIRY = 0x62
    ESME_RINVDFTMSGID = 0x63
    ESME_RX_T_APPN = 0x64
    ESME_RX_P_APPN = 0x65
    ESME_RX_R_APPN = 0x66
    ESME_RQUERYFAIL = 0x67
    ESME_RINVOPTPARSTREAM = 0xC0
    ESME_ROPTPARNOTALLWD = 0xC1
    ESME_RINVPARLEN = 0xC2
    ESME_RMISSINGOPTPARAM = 0xC3
    ESME_RINVOPTPARAMVAL = 0xC4
    ESME_RDELIVERYFAILURE = 0xFE
    ESME_RUNKNOWNERR = 0xFF
    ESME_RSERTYPUNAUTH = 0x100
    ESME_RPROHIBITED = 0x101
    ESME_RSERTYPUNAVAIL = 0x102
    ESME_RSERTYPDENIED = 0x103
    ESME_RINVDCS = 0x104
    ESME_RINVSRCADDRSUBUNIT = 0x105
    ESME_RINVDSTADDRSUBUNIT = 0x106
    ESME_RINVBCASTFREQINT = 0x107
    ESME_RINVBCASTALIAS_NAME = 0x108
    ESME_RINVBCASTAREAFMT = 0x109
    ESME_RINVNUMBCAST_AREAS = 0x10A
    ESME_RINVBCASTCNTTYPE = 0x10B
    ESME_RINVBCASTMSGCLASS = 0x10C
    ESME_RBCASTFAIL = 0x10D
    ESME_RBCASTQUERYFAIL = 0x10E
    ESME_RBCASTCANCELFAIL = 0x10F
    ESME_RINVBCAST_REP = 0x110
    ESME_RINVBCASTSRVGRP = 0x111
    ESME_RINVBCASTCHANIND = 0x112


class Verdict(Enum):
    """What the sender of a request does after its response."""

    DONE = "done"
    THROTTLED = "throttled"  # the link pauses, the same PDU goes first when it resumes
    RETRY = "retry"  # trouble that passes: again later
    DOUBTFUL = "doubtful"  # may pass or not: again, but only a few times
    REFUSED = "refused"  # will never pass


_VERDICTS: dict[int, Verdict] = {
    Status.ESME_ROK: Verdict.DONE,
    Status.ESME_RTHROTTLED: Verdict.THROTTLED,
    Status.ESME_RMSGQFUL: Verdict.THROTTLED,
    Status.ESME_RSYSERR: Verdict.RETRY,
    Status.ESME_RX_T_APPN: Verdict.RETRY,
    Status.ESME_RDELIVERYFAILURE: Verdict.RETRY,
    Status.ESME_RSERTYPUNAVAIL: Verdict.RETRY,
    Status.ESME_RINVBNDSTS: Verdict.RETRY,  # the link is at fault, not the message
    Status.ESME_RSUBMITFAIL: Verdict.DOUBTFUL,
    Status.ESME_RUNKNOWNERR: Verdict.DOUBTFUL,
}

# Operators lock accounts after repeated wrong logins, so these bind results earn a long pause.
LOGIN_REFUSED = frozenset({Status.ESME_RBINDFAIL, Status.ESME_RINVPASWD, Status.ESME_RINVSYSID})


def verdict(status: int, overrides: Mapping[int, Verdict] | None = None) -> Verdict:
    """What a response's status asks for; ``overrides`` are the link's own readings.

    A number that the standard does not know (vendors use 0x400 and up) is DOUBTFUL; a known one
    without an entry is REFUSED.
    """
    if overrides and status in overrides:
        return overrides[status]
    found = _VERDICTS.get(status)
    if found is not None:
        return found
    return Verdict.REFUSED if status in Status._value2member_map_ else Verdict.DOUBTFUL


def name(status: int) -> str:
    """The standard's name of a status, or its number in hex."""
    try:
        return Status(status).name
    except ValueError:
        return f"0x{status:08X}"

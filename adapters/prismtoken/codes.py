"""The error ids of TokenApi: our code for each, who is to blame, and what to do, as one table.

A module may be newer than this table: an id that is not in it has the entry of the part before its
last dot, and where there is none it is taken as unknown, which is always safe.
"""

import re
from enum import Enum
from typing import NamedTuple

from adapters.prismtoken.message import ApiError, ApplicationException, Fault


class Blame(Enum):
    """Who has to do something about it."""

    ORDER = "order"  # what was asked for is wrong: the meter's data, the amount
    OPERATOR = "operator"  # keys, licence, permissions, clock: somebody has to act
    MODULE = "module"  # trouble of the module itself
    CLIENT = "client"  # our own side does not speak as the module expects


class Remedy(Enum):
    """What the sender of a call does next."""

    REFUSED = "refused"  # for good: the same call has the same end
    LATER = "later"  # nothing was made; the same call may come again
    SIGN_IN = "sign-in"  # nothing was made; the access token is no longer good
    ASK = "ask"  # unknown: ask with FetchTokenResult under the first message id
    NEVER_MADE = "never-made"  # answer to that question only: the same call may come again


class Verdict(NamedTuple):
    """A row: our stable code, who is to blame, what to do."""

    code: str
    blame: Blame
    remedy: Remedy


_B, _R = Blame, Remedy
UNKNOWN = Verdict("module_unknown", _B.MODULE, _R.ASK)
UNANSWERED = Verdict("module_unanswered", _B.MODULE, _R.ASK)
SIGNED_OUT = Verdict("module_signed_out", _B.OPERATOR, _R.LATER)

TABLE: dict[str, Verdict] = {
    # An unhandled exception may have come after the token was made.
    "EService": Verdict("module_fault", _B.MODULE, _R.ASK),
    "EService.Disabled": Verdict("module_disabled", _B.OPERATOR, _R.REFUSED),
    "EAuthentication.Token": Verdict("module_token_expired", _B.MODULE, _R.SIGN_IN),
    "EAuthentication.Permission": Verdict("module_permission", _B.OPERATOR, _R.REFUSED),
    "EParamRange": Verdict("module_range", _B.ORDER, _R.REFUSED),
    "EPrefRange": Verdict("module_preference", _B.OPERATOR, _R.REFUSED),
    "ESts.DrnOrPan": Verdict("module_meter_number", _B.ORDER, _R.REFUSED),
    "ESts.DrnOrPan.CheckDigit": Verdict("module_check_digit", _B.ORDER, _R.REFUSED),
    "ESts.IdRecord": Verdict("module_id_record", _B.ORDER, _R.REFUSED),
    "ESts.IdRecord.Expired": Verdict("module_card_expired", _B.ORDER, _R.REFUSED),
    "ESts.VkExpired": Verdict("module_key_expired", _B.OPERATOR, _R.REFUSED),
    "ESts.VkBeforeBdt": Verdict("module_before_base_date", _B.OPERATOR, _R.REFUSED),
    "EKeystore.NotFound": Verdict("module_key_missing", _B.OPERATOR, _R.REFUSED),
    # The hardware refused or failed: no digits have left the box.
    "ESm": Verdict("module_hardware", _B.MODULE, _R.LATER),
    "ECacheMiss": Verdict("module_never_made", _B.MODULE, _R.NEVER_MADE),
    "ESignin": Verdict("module_sign_in", _B.OPERATOR, _R.LATER),
    "ESignin.Version": Verdict("module_version", _B.CLIENT, _R.REFUSED),
    "ESignin.Realm": Verdict("module_realm", _B.OPERATOR, _R.LATER),
    "ESignin.Subject": Verdict("module_username", _B.OPERATOR, _R.LATER),
    "ESignin.Authentication": Verdict("module_password", _B.OPERATOR, _R.LATER),
    "ESignin.Permission": Verdict("module_permission", _B.OPERATOR, _R.LATER),
}

# ESm quotes the hardware's own status (STS 600-8-6): some of them mean more than "later".
HARDWARE: dict[str, Verdict] = {
    "25": Verdict("module_check_digit", _B.ORDER, _R.REFUSED),
    "28": Verdict("module_key_missing", _B.OPERATOR, _R.REFUSED),
    "41": Verdict("module_key_expired", _B.OPERATOR, _R.REFUSED),
    "42": Verdict("module_clock", _B.OPERATOR, _R.LATER),
    "43": Verdict("module_licence", _B.OPERATOR, _R.LATER),
    "44": Verdict("module_key_change_rule", _B.ORDER, _R.REFUSED),
    "50": Verdict("module_clock", _B.OPERATOR, _R.LATER),
}
_QUOTED = re.compile(r"error '([^']{1,20})'")

# What Thrift itself says: these are certain not to have reached the method.
_FAULTS = frozenset(
    {
        Fault.UNKNOWN_METHOD,
        Fault.INVALID_MESSAGE_TYPE,
        Fault.WRONG_METHOD_NAME,
        Fault.INVALID_TRANSFORM,
        Fault.INVALID_PROTOCOL,
        Fault.UNSUPPORTED_CLIENT_TYPE,
    }
)
_NOT_SERVED = Verdict("module_not_served", _B.CLIENT, _R.REFUSED)


def verdict(error: ApiError) -> Verdict:
    """What an ApiException of the module means."""
    name = error.e_code
    if name == "ESm":
        found = _QUOTED.search(error.e_msg_en)
        if found is not None and found[1] in HARDWARE:
            return HARDWARE[found[1]]
    while name:
        if name in TABLE:
            return TABLE[name]
        name = name.rpartition(".")[0]
    return UNKNOWN


def fault_verdict(error: ApplicationException) -> Verdict:
    """What an exception of Thrift itself means: not served, or unknown."""
    return _NOT_SERVED if error.type in _FAULTS else UNKNOWN

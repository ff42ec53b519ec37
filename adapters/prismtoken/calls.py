"""The calls of TokenApi as field tables, with what each returns. Facts topic "PrismToken Thrift".

``message_id`` is the caller's: it names the result for :class:`FetchTokenResult`. The access token
is the session's business: callers leave it empty.
"""

import re
from typing import Annotated, ClassVar

from adapters.prismtoken.api import (
    MeterConfigAmendment,
    MeterConfigIn,
    MeterTestToken,
    NodeStatus,
    SessionOptions,
    SignInResult,
    Token,
    VerifyResult,
)
from adapters.prismtoken.tables import (
    BOOL,
    DOUBLE,
    I16,
    I32,
    I64,
    TEXT,
    At,
    Kind,
    Struct,
    list_of,
    struct_of,
    table,
)

#: Flags of the issuing calls: the token's time is a clock (Unix time), or a TID counted from 1993
#: (never changed by the module but for the key's base date), or the special TID of its day.
EXTERNAL_CLOCK, TID_ADJUST_BDT, SPECIAL_RESERVED = 1, 2, 4

IDENT = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_\-.,]{0,39}", re.ASCII)
_TOKENS = list_of(struct_of(Token))


class Call(Struct, frozen=True, gc=False):
    """The root of all calls. ``makes``: whether a token may come of it."""

    method: ClassVar[str]
    result: ClassVar[Kind]
    makes: ClassVar[bool] = False


class Ping(Call, frozen=True, gc=False):
    """Waits, and gives ``echo`` back; needs no sign-in."""

    method = "ping"
    result = TEXT

    sleep_ms: Annotated[int, At(1, I32)]
    echo: Annotated[str, At(2, TEXT)]


class SignIn(Call, frozen=True, gc=False):
    """With a name and a password of a realm (``local`` is the module's own)."""

    method = "signInWithPassword"
    result = struct_of(SignInResult)
    secret = frozenset({"password"})

    message_id: Annotated[str, At(1, TEXT)]
    realm: Annotated[str, At(2, TEXT)]
    username: Annotated[str, At(3, TEXT)]
    password: Annotated[str, At(4, TEXT)]
    session_opts: Annotated[SessionOptions, At(5, struct_of(SessionOptions))]


class Authorised(Call, frozen=True, gc=False):
    """A call under an access token."""

    secret = frozenset({"access_token"})

    message_id: Annotated[str, At(1, TEXT)]
    access_token: Annotated[str, At(2, TEXT)] = ""


class GetStatus(Authorised, frozen=True, gc=False):
    """The module and those behind it."""

    method = "getStatus"
    result = list_of(struct_of(NodeStatus))


class ParseIdRecord(Authorised, frozen=True, gc=False, kw_only=True):
    """The meter that a card's record tells of."""

    method = "parseIdRecord"
    result = struct_of(MeterConfigIn)

    id_record: Annotated[str, At(3, TEXT)]


class LoadTransactionLicense(Authorised, frozen=True, gc=False, kw_only=True):
    """Lets the module make more tokens."""

    method = "loadTransactionLicense"
    result = BOOL
    secret = frozenset({"access_token", "license_text"})

    license_text: Annotated[str, At(3, TEXT)]


class IssueCreditToken(Authorised, frozen=True, gc=False, kw_only=True):
    """A credit token (class 0), behind a key change set where the configuration asks for one."""

    method = "issueCreditToken"
    result = _TOKENS
    makes = True

    meter_config: Annotated[MeterConfigIn, At(3, struct_of(MeterConfigIn))]
    subclass: Annotated[int, At(4, I16)]
    transfer_amount: Annotated[float, At(5, DOUBLE)]
    token_time: Annotated[int, At(6, I64)]
    flags: Annotated[int, At(7, I64)]


class IssueMseToken(Authorised, frozen=True, gc=False, kw_only=True):
    """A management token (class 2), behind a key change set where the configuration asks for it."""

    method = "issueMseToken"
    result = _TOKENS
    makes = True

    meter_config: Annotated[MeterConfigIn, At(3, struct_of(MeterConfigIn))]
    subclass: Annotated[int, At(4, I16)]
    transfer_amount: Annotated[float, At(5, DOUBLE)]
    token_time: Annotated[int, At(6, I64)]
    flags: Annotated[int, At(7, I64)]


class IssueMeterTestToken(Authorised, frozen=True, gc=False, kw_only=True):
    """A test or display token (class 1), good on every meter: nothing is lost by making another."""

    method = "issueMeterTestToken"
    result = struct_of(MeterTestToken)

    subclass: Annotated[int, At(3, I16)]
    control: Annotated[int, At(4, I64)]
    mfrcode: Annotated[int, At(5, I16)]


class IssueKeyChangeTokens(Authorised, frozen=True, gc=False, kw_only=True):
    """A key change set by itself."""

    method = "issueKeyChangeTokens"
    result = _TOKENS
    makes = True

    meter_config: Annotated[MeterConfigIn, At(3, struct_of(MeterConfigIn))]
    new_config: Annotated[MeterConfigAmendment, At(4, struct_of(MeterConfigAmendment))]


class IssueDitkChangeTokens(Authorised, frozen=True, gc=False, kw_only=True):
    """From the manufacturer's key; only modules with manufacturing firmware do it."""

    method = "issueDitkChangeTokens"
    result = _TOKENS
    makes = True

    meter_config: Annotated[MeterConfigIn, At(3, struct_of(MeterConfigIn))]


class VerifyToken(Authorised, frozen=True, gc=False, kw_only=True):
    """Reads a token under the meter's key."""

    method = "verifyToken"
    result = struct_of(VerifyResult)
    secret = frozenset({"access_token", "token_dec"})

    meter_config: Annotated[MeterConfigIn, At(3, struct_of(MeterConfigIn))]
    token_dec: Annotated[str, At(4, TEXT)]


class FetchTokenResult(Authorised, frozen=True, gc=False, kw_only=True):
    """What became of the issuing call with the id ``req_message_id``."""

    method = "fetchTokenResult"
    result = _TOKENS

    req_message_id: Annotated[str, At(3, TEXT)]


class CtsResetTidList(Authorised, frozen=True, gc=False, kw_only=True):
    """Compliance tests only: the module forgets the TIDs of some meters; gives their DRNs."""

    method = "ctsResetTidList"
    result = list_of(TEXT)

    pan_pattern: Annotated[str, At(3, TEXT)]


CALLS: dict[str, type[Call]] = {
    kind.method: kind
    for kind in (
        Ping,
        SignIn,
        GetStatus,
        ParseIdRecord,
        LoadTransactionLicense,
        IssueCreditToken,
        IssueMseToken,
        IssueMeterTestToken,
        IssueKeyChangeTokens,
        IssueDitkChangeTokens,
        VerifyToken,
        FetchTokenResult,
        CtsResetTidList,
    )
}
for _kind in CALLS.values():
    table(_kind)  # a wrong table is found when this module is imported

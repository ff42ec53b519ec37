"""The TokenApi in front of the maker: sign-in, licence, counters, and results by message id."""

import random
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from adapters.prismtoken.api import Alert, MeterConfigIn, NodeStatus, SignInResult, Token
from adapters.prismtoken.calls import (
    IDENT,
    Authorised,
    Call,
    CtsResetTidList,
    FetchTokenResult,
    GetStatus,
    IssueCreditToken,
    IssueDitkChangeTokens,
    IssueKeyChangeTokens,
    IssueMeterTestToken,
    IssueMseToken,
    LoadTransactionLicense,
    ParseIdRecord,
    Ping,
    SignIn,
    VerifyToken,
)
from core.sts.errors import StsError
from core.sts.meter_id import parse_pan
from simulators.prism.answers import ApiFault, out_of_range, refusal
from simulators.prism.maker import Maker, test_module

_REMEMBERED = 10_000  # results for fetchTokenResult
_SESSIONS = 1_000
_VERSION = re.compile(r"1\.[01]", re.ASCII)
_LICENCE = re.compile(r"START (\d{1,9}) END", re.ASCII)
_RECORD = re.compile(r"(\d{18})={3}(\d\d)(\d\d)(\d{6})(\d)(\d\d)", re.ASCII)


@dataclass(slots=True)
class Counters:
    """What the module says of its own work."""

    made: int = 0  # tokens of class 0 and 2, sections of key changes too
    tests: int = 0  # tokens of class 1
    refused: int = 0


class Box:
    """One module. ``wall`` tells Unix seconds; ``password`` None takes any."""

    def __init__(
        self, wall: Callable[[], float], password: str | None = None, licence: int = 1_000_000,
        seed: int = 0, name: str = "SIM00001",
    ) -> None:  # fmt: skip
        self.maker = Maker(test_module(name), name)
        self.counters = Counters()
        self.licence = licence
        self.results: OrderedDict[str, tuple[Token, ...]] = OrderedDict()
        self.sessions: OrderedDict[str, str] = OrderedDict()
        self._wall = wall
        self._password = password
        self._draw = random.Random(seed)  # the RND field of tokens, the same in every run

    def do(self, call: Call) -> Any:
        """What a call returns, or its ApiError."""
        try:
            if isinstance(call, Authorised):
                self._authorise(call)
            return _DOES[type(call)](self, call)
        except ApiFault as fault:
            self.counters.refused += 1
            return fault.error
        except StsError as error:
            self.counters.refused += 1
            return refusal(error)

    def _authorise(self, call: Authorised) -> None:
        if call.access_token not in self.sessions:
            raise ApiFault("EAuthentication.Token", "this access token is not known")
        _check_ident("messageId", call.message_id)

    # --- calls that make nothing ---------------------------------------------------------------

    def ping(self, call: Ping) -> str:
        """The echo. The delay is the server's."""
        return call.echo

    def sign_in(self, call: SignIn) -> SignInResult:
        """A new access token."""
        version = call.session_opts.version
        if not _VERSION.fullmatch(version):
            raise ApiFault("ESignin.Version", f"version {version!r} is not 1.0 or 1.1")
        if call.realm != "local":
            raise ApiFault("ESignin.Realm", f"no realm {call.realm!r}")
        if self._password is not None and call.password != self._password:
            raise ApiFault("ESignin.Authentication", f"wrong password for {call.username!r}")
        access = secrets.token_hex(16)
        self.sessions[access] = call.username
        if len(self.sessions) > _SESSIONS:
            self.sessions.popitem(last=False)
        return SignInResult(access)

    def status(self, call: GetStatus) -> tuple[NodeStatus, ...]:  # noqa: ARG002
        """One node. The names in ``info`` are this simulator's: the API does not fix them."""
        info = {
            "name": self.maker.name,
            "tokens.made": str(self.counters.made),
            "tests.made": str(self.counters.tests),
            "transactions.left": str(self.licence),
        }
        alerts = [] if self.licence else [Alert("ESm", "Security Module error '43': no licence")]
        return (NodeStatus(info, tuple(alerts)),)

    def parse_record(self, call: ParseIdRecord) -> MeterConfigIn:
        """The meter of a card's record."""
        found = _RECORD.fullmatch(call.id_record.strip("\x02\x03"))
        if found is None:
            raise ApiFault("ESts.IdRecord", "this is no record of a meter card")
        pan, tct, ea, sgc, krn, ti = found.groups()
        meter = parse_pan(pan)
        return MeterConfigIn(meter.drn, int(ea), int(tct), int(sgc), int(krn), int(ti), ken=255)

    def load_licence(self, call: LoadTransactionLicense) -> bool:
        """``START n END`` allows n more tokens."""
        found = _LICENCE.search(call.license_text)
        if found is None:
            raise out_of_range("licenseText", "…", "START n END")
        self.licence = int(found[1])
        return True

    def verify(self, call: VerifyToken) -> Any:
        """What a token says."""
        return self.maker.verify(call)

    def fetch(self, call: FetchTokenResult) -> tuple[Token, ...]:
        """The result of an issuing call, as long as it is remembered."""
        _check_ident("reqMessageId", call.req_message_id)
        found = self.results.get(call.req_message_id)
        if found is None:
            raise ApiFault("ECacheMiss", "The requested entry was not found in the cache")
        return found

    def reset(self, call: CtsResetTidList) -> tuple[str, ...]:
        """Forgets the last TIDs of the meters that fit."""
        pans = [pan for pan in self.maker.last_tids if fnmatchcase(pan, call.pan_pattern)]
        for pan in pans:
            del self.maker.last_tids[pan]
        return tuple(parse_pan(pan).drn for pan in pans)

    # --- calls that make tokens ----------------------------------------------------------------

    def issue(self, call: IssueCreditToken | IssueMseToken) -> tuple[Token, ...]:
        """Makes, counts and remembers. A second call under one id makes a second time: that is
        what the API says, and why nobody should send one."""
        self._licensed()
        rnd = self._draw.randrange(16)
        if isinstance(call, IssueCreditToken):
            return self._made(call, self.maker.credit(call, rnd, self._now_us()))
        return self._made(call, self.maker.management(call, rnd, self._now_us()))

    def change(self, call: IssueKeyChangeTokens) -> tuple[Token, ...]:
        """A key change set."""
        self._licensed()
        tokens = self.maker.change_asked(call.meter_config, call.new_config, self._now_us())
        return self._made(call, tokens)

    def test(self, call: IssueMeterTestToken) -> Any:
        """A class 1 token: free of licence, not remembered."""
        token = self.maker.test(call, self._now_us())
        self.counters.tests += 1
        return token

    def ditk(self, call: Call) -> Any:  # noqa: ARG002
        """Only modules with manufacturing firmware do it."""
        raise ApiFault("EService.Disabled", "no manufacturing firmware")

    def _licensed(self) -> None:
        if self.licence <= 0:
            raise ApiFault("ESm", "Security Module error '43': vending limit used up")

    def _made(self, call: Authorised, tokens: list[Token]) -> tuple[Token, ...]:
        self.licence -= 1
        self.counters.made += len(tokens)
        self.results[call.message_id] = result = tuple(tokens)
        if len(self.results) > _REMEMBERED:
            self.results.popitem(last=False)
        return result

    def _now_us(self) -> int:
        return int(self._wall() * 1_000_000)


def _check_ident(name: str, text: str) -> None:
    if not IDENT.fullmatch(text):
        raise out_of_range(name, text, "1 to 40 letters, digits and _-.,")


_DOES: dict[type[Call], Callable[[Box, Any], Any]] = {
    Ping: Box.ping,
    SignIn: Box.sign_in,
    GetStatus: Box.status,
    ParseIdRecord: Box.parse_record,
    LoadTransactionLicense: Box.load_licence,
    VerifyToken: Box.verify,
    FetchTokenResult: Box.fetch,
    CtsResetTidList: Box.reset,
    IssueCreditToken: Box.issue,
    IssueMseToken: Box.issue,
    IssueKeyChangeTokens: Box.change,
    IssueMeterTestToken: Box.test,
    IssueDitkChangeTokens: Box.ditk,
}

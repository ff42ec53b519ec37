"""What operators ask of tokens over the control socket: who they are, on record, then the bus.

An operator proves himself with his passphrase; the configuration names the file with its scrypt
hash (``wattbus act secret`` writes it). What he asks for is in the audit trail before it is on the
bus: the record may tell of an act that came to nothing, never the other way round.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import inlineCallbacks

from core.messages import (
    CloseTerminalCase,
    ConfirmKeyChange,
    DecideTokenAct,
    EndFreeUnits,
    FailKeyChange,
    GiveAdvance,
    GiveFreeUnits,
    ImportDebts,
    MoveChange,
    NeedKeyChange,
    PauseService,
    RequestAgentAct,
    RequestChange,
    RequestCounterAct,
    RequestMoneyAct,
    RequestPhoneAct,
    RequestTerminalAct,
    RequestTokenAct,
    RequestWalletAct,
    ResumeService,
    SellAtCounter,
    SettleWallet,
    TakeAtCounter,
    TakeStatement,
    name_of,
    struct_of,
)
from core.store.tx import Tx
from hub import audit
from hub.audit import Act
from hub.chores import Chores
from hub.config import Config, OperatorSection
from hub.control import ControlError, Verb

#: 16 MiB and some 40 ms a guess: dear for a list of words, cheap for a person.
_N, _R, _P = 1 << 14, 8, 1
_SALT = 16
#: A passphrase that is easily guessed protects nothing; one longer than this is a file.
MIN_SECRET, MAX_SECRET = 8, 1_000
_ACTS = (
    RequestTokenAct,
    RequestMoneyAct,
    RequestAgentAct,
    RequestTerminalAct,
    RequestPhoneAct,
    RequestWalletAct,
    DecideTokenAct,
    NeedKeyChange,
    ConfirmKeyChange,
    FailKeyChange,
    ImportDebts,
    GiveFreeUnits,
    EndFreeUnits,
    GiveAdvance,
    PauseService,
    ResumeService,
    RequestChange,
    MoveChange,
    RequestCounterAct,
    TakeAtCounter,
    SellAtCounter,
    CloseTerminalCase,
    TakeStatement,
    SettleWallet,
)
_WALLET_ACT = name_of(RequestWalletAct).name
_TYPES = {name_of(kind).name for kind in _ACTS}


def hashed(secret: str, salt: bytes | None = None) -> str:
    """The line that a secret file holds: ``scrypt$salt$hash`` in hex."""
    salt = secrets.token_bytes(_SALT) if salt is None else salt
    key = hashlib.scrypt(secret.encode(), salt=salt, n=_N, r=_R, p=_P)
    return f"scrypt${salt.hex()}${key.hex()}"


def matches(secret: str, line: str) -> bool:
    """Whether the passphrase is the one that was hashed; a broken line matches nothing."""
    try:
        name, salt, _ = line.strip().split("$")
        return name == "scrypt" and hmac.compare_digest(
            hashed(secret, bytes.fromhex(salt)), line.strip()
        )
    except ValueError:
        return False


def _decoded(type_name: str, data: dict[str, Any]) -> dict[str, Any]:
    """The command as it will be carried out, as plain data. Raises ControlError."""
    known = struct_of(type_name)
    assert known is not None  # one of _TYPES
    try:
        command = msgspec.convert(data, known.struct)
    except msgspec.ValidationError as error:
        raise ControlError(f"{type_name}: {error}") from error
    plain: dict[str, Any] = msgspec.to_builtins(command)
    return plain


def _subject(type_name: str, data: dict[str, Any]) -> str:
    """What an act is about, for the trail: the first of these that its command names."""
    if type_name == _WALLET_ACT:
        return f"wallet/{data.get('payment') or data.get('case', '')}"
    if "wallet" in data:
        return f"wallet/{data['wallet']}/{data.get('day') or data.get('reference', '')}"
    for name in ("act", "case", "change"):
        if name in data:
            return f"{name}/{data[name]}"
    if data.get("campaign"):
        return f"campaign/{data['campaign']}"
    if "debts" in data:
        return f"debts/{data.get('source', '')}"
    if data.get("terminal"):
        return f"terminal/{data['terminal']}"
    if data.get("cashier"):
        return f"cashier/{data.get('agent', '')}/{data['cashier']}"
    if data.get("phone") and "desk" not in data:
        return f"phone/{data['phone']}"
    for name in ("agent", "account"):
        if name in data:
            return f"{name}/{data[name]}"
    return f"desk/{data['desk']}" if data.get("desk") else f"meter/{data.get('meter', '')}"


@dataclass(slots=True)
class Identity:
    """Knows the operators of a configuration; a reload gives it others."""

    operators: Mapping[str, OperatorSection]
    path: Callable[[str], Path]

    @staticmethod
    def of(config: Config) -> "Identity":
        """Those of the configuration; secret files stand beside it."""
        return Identity(config.operators, config.path)

    def check(self, name: str, secret: str) -> None:
        """Raises ControlError for a stranger; it does not tell a wrong name from a wrong secret."""
        section = self.operators.get(name)
        if section is not None and not section.secret_file:
            return  # the configuration allows it where only test companies are
        line = ""
        if section is not None:
            try:
                line = self.path(section.secret_file).read_text(encoding="ascii")
            except (OSError, UnicodeDecodeError) as error:
                raise ControlError(f"the secret of {name} cannot be read: {error}") from error
        if len(secret) > MAX_SECRET or not matches(secret, line):
            raise ControlError(f"operator {name}: unknown, or not the right passphrase")

    def vouch(self, name: str, secret: str, company: str, role: str) -> None:
        """The same, and that he has the role for the company. Raises ControlError."""
        section = self.operators.get(name)
        if section is not None and (
            role not in section.roles or (section.companies and company not in section.companies)
        ):
            raise ControlError(
                f"operator {name} may not do that for {company}: the role {role} is needed"
            )
        self.check(name, secret)


@dataclass(frozen=True, slots=True)
class OperatorDesk:
    """The verb ``act`` of the control socket. ``submit`` puts a command on the bus."""

    identity: Identity
    chores: Chores
    submit: Verb
    writer: str
    now_us: Callable[[], int]

    @inlineCallbacks
    def act(self, request: dict[str, Any]) -> Any:
        """``company``, ``key``, ``type``, ``data``, ``operator``, ``secret``."""
        name, data = str(request.get("operator", "")), request.get("data")
        if request.get("type") not in _TYPES or not isinstance(data, dict):
            raise ControlError(f"an act is one of: {', '.join(sorted(_TYPES))}")
        self.identity.check(name, str(request.get("secret", "")))
        # what is recorded is what will be done: unknown fields say nothing, defaults are said
        data = _decoded(str(request["type"]), {**data, "operator": name})
        yield self.chores.do(lambda tx: self._record(tx, request, data))
        told = {key: value for key, value in request.items() if key not in ("secret", "do")}
        answer = yield self.submit({**told, "do": "submit", "data": data})
        return answer

    def _record(self, tx: Tx, request: dict[str, Any], data: dict[str, Any]) -> None:
        decision = data.get("decision") or data.get("move") or "request"
        subject = _subject(str(request.get("type")), data)
        # digits are never on record: they are with the token; nor a PIN's proof, nor payers
        hidden = ["operator", "token", "reply", "pin_proof", "lines"]
        if request.get("type") == _WALLET_ACT:
            hidden.append("to")  # a customer's phone: it is with the act
        detail = {k: v for k, v in data.items() if k not in hidden}
        detail |= {
            "type": request.get("type"),
            "company": request.get("company", ""),
            "key": request.get("key", ""),
        }
        act = Act(str(request.get("actor", "")) or "unknown", f"act-{decision}", subject, detail)
        audit.append(tx, self.writer, [act], self.now_us())

"""A merchant in the same process: calls a provider, takes his notices, on a clock of its own."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from adapters.mobilemoney.fields import read_json
from simulators.mobilemoney.kinds import KINDS
from simulators.mobilemoney.mpesa import Mpesa
from simulators.mobilemoney.purse import Dialect, Options, Purse
from simulators.mobilemoney.wire import Call, Notice, Reply

#: 21 November 2023, 12:13:25 in Nairobi.
NOW = 1_700_558_005.0


@dataclass
class Merchant:
    """``notices`` are those that came; ``answers`` what a validation is told."""

    clock: Clock = field(default_factory=Clock)
    notices: list[Notice] = field(default_factory=list)
    answers: Callable[[Notice], "Deferred[tuple[int, bytes]]"] = lambda _: succeed((200, b"{}"))

    def purse(self, dialect: Dialect, kind: str = "friendly", **options: Any) -> Purse:
        return KINDS[kind](
            None, dialect, Options(**{"answers": "approve", **options}), clock=self.clock,
            wall=lambda: NOW + self.clock.seconds(), post=self._post,
        )  # fmt: skip

    def _post(self, notice: Notice) -> "Deferred[tuple[int, bytes]]":
        self.notices.append(notice)
        return self.answers(notice)

    def bodies(self) -> list[dict[str, Any]]:
        return [dict(read_json(notice.body())) for notice in self.notices]


def now(reply: "Deferred[Reply]") -> Reply | None:
    """The answer; None: it is not there yet."""
    found: list[Any] = []
    reply.addBoth(found.append)
    return found[0] if found else None


def call(
    purse: Purse, method: str, path: str, fields: dict[str, Any] | None = None,
    query: dict[str, str] | None = None, **headers: str,
) -> tuple[int, dict[str, Any]]:  # fmt: skip
    body = b"" if fields is None else json.dumps(fields).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = now(purse.handle(Call(method, path, query or {}, named, body)))
    assert answer is not None
    try:
        return answer.status, dict(read_json(answer.body)) if answer.body else {}
    except ValueError:
        return answer.status, {"html": answer.body}


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def mpesa_token(purse: Purse) -> str:
    status, told = call(
        purse, "GET", "/oauth/v1/generate", query={"grant_type": "client_credentials"},
        authorization=basic("key", "secret"),
    )  # fmt: skip
    assert (status, told["expires_in"]) == (200, "3599")
    return f"Bearer {told['access_token']}"


def signed(purse: Purse, **fields: Any) -> dict[str, Any]:
    dialect = purse.dialect
    assert isinstance(dialect, Mpesa)
    stamp = "20231121121325"
    password = base64.b64encode(f"{dialect.short_code}{dialect.passkey}{stamp}".encode()).decode()
    return {
        "BusinessShortCode": dialect.short_code, "Password": password, "Timestamp": stamp, **fields
    }  # fmt: skip


def push(purse: Purse, amount: int = 500, phone: str = "254708374149", token: str = "") -> Any:
    fields = signed(
        purse, TransactionType="CustomerPayBillOnline", Amount=amount, PartyA=phone,
        PartyB="600966", PhoneNumber=phone, CallBackURL="http://hub/push",
        AccountReference="04123456784", TransactionDesc="tokens",
    )  # fmt: skip
    path = "/mpesa/stkpush/v1/processrequest"
    return call(purse, "POST", path, fields, authorization=token or mpesa_token(purse))

"""What we send to MTN MoMo Collections (facts, mobile money §MTN).

Our reference is the request's own id (X-Reference-Id, a UUID): sent twice it is taken once, the
second is answered with 409. There is no refund among the collections.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

from adapters.mobilemoney import mtn
from adapters.mobilemoney.reading import NoticeError
from adapters.mobilemoney.sending import (
    JSON,
    Answered,
    Ask,
    Call,
    Came,
    Given,
    Kind,
    Result,
    Sender,
    body_of,
    by_status,
    plain,
    read_object,
    read_token,
    secret,
    setting,
    told_or_lost,
)

#: What the payer and we read of it.
MAX_MESSAGE: Final = 160


def token(given: Given) -> Call:
    """Sign in as the API user."""
    pair = f"{setting(given, 'api_user')}:{secret(given, 'api_key')}"
    headers = {
        "Authorization": f"Basic {b64encode(pair.encode()).decode()}",
        "Ocp-Apim-Subscription-Key": secret(given, "subscription_key"),
    }
    return Call(method="POST", path=given.paths["token"], headers=headers, bearer=False)


def _headers(given: Given) -> dict[str, str]:
    return dict(JSON) | {
        "X-Target-Environment": setting(given, "target_environment"),
        "Ocp-Apim-Subscription-Key": secret(given, "subscription_key"),
    }


def ask(given: Given, asked: Ask) -> Call:
    """The request to pay."""
    headers = _headers(given) | {
        "X-Reference-Id": asked.reference,
        "X-Callback-Url": given.callback(Kind.NOTICE, asked.reference),
    }
    told = {
        "amount": plain(asked.amount),
        "currency": given.settings.get("currency", asked.currency),
        "externalId": asked.reference,
        "payer": {"partyIdType": "MSISDN", "partyId": asked.payer},
        "payerMessage": asked.shown[:MAX_MESSAGE],
        "payeeNote": asked.shown[:MAX_MESSAGE],
    }
    return Call(method="POST", path=given.paths["ask"], headers=headers, body=body_of(told))


def read_ask(answered: Answered) -> Result:
    """202: taken; 409: taken before, under this very reference."""
    if answered.status in (202, 409):
        return Result(came=Came.TAKEN, code=str(answered.status))
    return told_or_lost(answered, lambda body: _refused(answered.status, body))


def _refused(status: int, body: Mapping[str, Any]) -> Result:
    found = mtn.read(body)
    sure = 400 <= status < 500 and status != 408
    return Result(came=Came.REFUSED if sure else Came.LOST, code=found.reason, text=found.text)


def status(given: Given, asked: Ask) -> Call:
    """What became of it, by our own reference."""
    path = given.paths["status"].replace("{reference}", asked.reference)
    return Call(method="GET", path=path, headers=_headers(given))


def read_status(answered: Answered) -> Result:
    """404: they have nothing of that name."""
    early = by_status(answered)
    if early is not None:
        return early
    if answered.status == 404:
        return Result(came=Came.ABSENT, code="404")
    if answered.status != 200:
        return Result(came=Came.LOST, code=str(answered.status))
    try:
        found = mtn.read(read_object(answered))
    except NoticeError as error:
        return Result(came=Came.LOST, text=str(error))
    return Result(came=Came.ENDED, code=found.reason, text=found.text, reading=found)


SENDER: Final = Sender(
    name=mtn.NAME,
    token=token,
    read_token=read_token,
    ask=ask,
    read_ask=read_ask,
    status=status,
    read_status=read_status,
)

"""The memory of keys for what people do about bill runs: under one key an act is done once.

The same memory as that of commands (``request``), written in the act's own transaction: of two that
come at once under one key the second waits, and gets the answer of the first.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec

from core.billing.shapes import BillingError
from core.store.tx import Tx

#: What the table calls those who ask here: no channel has that name.
CHANNEL: Final = "bill-act"
#: A name that a person or a script gives; longer is a slip.
MAX_KEY: Final = 200
#: A day, as commands have it: whoever repeats does so within it.
_VALID_US: Final = 86_400 * 1_000_000
_COLUMNS = (
    "company", "channel", "key", "message_id", "payload_hash", "answer", "answered", "valid_until",
)  # fmt: skip


def once(
    tx: Tx, name: tuple[str, str, int], asked: Any, do: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Do it, or give the answer of the first time. ``name``: company, key (empty: none), now.

    BillingError when something else was done under the key.
    """
    company, key, now = name
    if not key:
        return do()
    if len(key) > MAX_KEY:
        raise BillingError(f"a key has at most {MAX_KEY} characters")
    digest = hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()
    known = _known(tx, (company, key), digest, now)
    if known is not None:
        return known
    done = do()
    tx.run(
        "UPDATE request SET answer = :answer, answered = :now WHERE company = :company "
        "AND channel = :channel AND key = :key",
        answer=msgspec.json.encode(done).decode(), now=now, company=company, channel=CHANNEL,
        key=key,
    )  # fmt: skip
    return done


def _known(tx: Tx, name: tuple[str, str], digest: str, now: int) -> dict[str, Any] | None:
    """What was answered under the key; None: it is ours now."""
    at = {"company": name[0], "channel": CHANNEL, "key": name[1]}
    row = (*at.values(), f"{CHANNEL}/{digest}", digest, None, None, now + _VALID_US)
    tail = "ON CONFLICT (company, channel, key) DO NOTHING RETURNING key"
    if tx.insert("request", _COLUMNS, [row], tail):
        return None
    ((stored, answer, until),) = tx.rows(
        "SELECT payload_hash, answer, valid_until FROM request WHERE company = :company "
        "AND channel = :channel AND key = :key FOR UPDATE", **at,
    )  # fmt: skip
    if until <= now:
        tx.run(
            "UPDATE request SET message_id = :message, payload_hash = :digest, "
            "valid_until = :until WHERE company = :company AND channel = :channel AND key = :key",
            message=f"{CHANNEL}/{digest}", digest=digest, until=now + _VALID_US, **at,
        )  # fmt: skip
        return None
    if stored != digest:
        raise BillingError(f"something else was done under the key {name[1]}")
    return msgspec.json.decode(answer, type=dict[str, Any])

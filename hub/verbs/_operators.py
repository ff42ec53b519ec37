"""What verbs do that ask for something in an operator's name: one line to the hub, one answer."""

import uuid
from typing import Any

import msgspec

from core.messages import Message, name_of
from hub.config import Config
from hub.verbs._shared import (
    Submitted,
    ask_hub,
    done_or_die,
    passphrase,
    submitted,
)


def asked(settings: Config, company: str, message: Message, key: str, verb: str) -> Submitted:
    """By the verb that makes sure who asks, and keeps it on record; exits where the answer is no.

    ``message`` has an operator; ``verb`` begins the key of one who gives none.
    """
    operator = str(getattr(message, "operator", ""))
    request: dict[str, Any] = {
        "do": "act",
        "company": company,
        "key": key or f"{verb}/{uuid.uuid4()}",
        "type": name_of(message).name,
        "operator": operator,
        "secret": passphrase(settings, operator),
        "data": msgspec.to_builtins(message),
    }
    done = submitted(ask_hub(settings, request))
    done_or_die(done)
    return done

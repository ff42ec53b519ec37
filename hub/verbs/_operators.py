"""What verbs do that ask for something in an operator's name: one line to the hub, one answer."""

import uuid
from typing import Annotated, Any

import msgspec
import typer

from core.messages import Message, name_of
from hub.config import Config
from hub.verbs._shared import Submitted, ask_hub, die, passphrase, submitted
from hub.verbs.pay import said_no

CompanyOption = Annotated[str, typer.Option(help="Which company, where there are several.")]
KeyOption = Annotated[
    str, typer.Option(help="A name of your own for it: under it a repeat is done once.")
]


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
    if done.answer is None:
        die(f"the outcome is not known yet; look for it: wattbus find {done.message_id}")
    if done.answer.outcome != "done":
        die(said_no(done.answer))
    return done

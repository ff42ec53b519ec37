"""What orders a command that did not come by a channel: its beneficiary."""

from core.messages import Message


def partition_ref(message: Message) -> str:
    """``operator/…``, ``meter/…``, ``account/…``, ``phone/…`` or ``agent/…``; else its type.

    What is done for a bill run is ``run/…``, whoever asked for it.
    An operator's acts are ordered among themselves, for his limits of the day. Else the meter comes
    first: a purchase is ordered by whom it is for, not by whose account pays. An agent's own money
    is ordered by him: what is wrong with one's does not hold back another's.
    """
    if run := getattr(message, "run", 0):
        return f"run/{run}"
    for name in ("operator", "meter", "account", "phone", "agent"):
        value = getattr(message, name, "")
        if value and isinstance(value, str):
            return f"{name}/{value}"
    return f"type/{type(message).__name__}"

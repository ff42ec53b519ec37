"""What orders a command that did not come by a channel: its beneficiary."""

from core.messages import Message


def partition_ref(message: Message) -> str:
    """``operator/…``, ``meter/…``, ``account/…`` or ``phone/…``; else the type stands for itself.

    What is done for a bill run is ``run/…``, whoever asked for it.
    An operator's acts are ordered among themselves, for his limits of the day. Else the meter comes
    first: a purchase is ordered by whom it is for, not by whose account pays.
    """
    if run := getattr(message, "run", 0):
        return f"run/{run}"
    for name in ("operator", "meter", "account", "phone"):
        value = getattr(message, name, "")
        if value and isinstance(value, str):
            return f"{name}/{value}"
    return f"type/{type(message).__name__}"

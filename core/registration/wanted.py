"""What a message about a customer's phone needs loaded."""

from core.book import Wants
from core.messages import AddMeter, ChangeMeter, ConfirmMeter, RequestPhoneAct


def wants_of(command: AddMeter | ChangeMeter | ConfirmMeter | RequestPhoneAct) -> Wants:
    """The phone with what it has and has asked for; the meter or account that is named."""
    phone, meter = (command.phone,), getattr(command, "meter", "")
    account = command.account if isinstance(command, RequestPhoneAct) else ""
    meters = (meter,) if meter else ()
    return Wants(
        phones=phone,
        registering=phone,
        meters=meters,
        holders_of=meters if isinstance(command, AddMeter) else (),
        accounts=(account,) if account else (),
        guards=phone if getattr(command, "kind", "") == "phone-pin-clear" else (),
        beside=phone if getattr(command, "kind", "") == "phone-pin-clear" else (),
    )

"""An operator's act with a customer's phone: its steps by kind, done in one transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from core.changes.entities import PhoneSlice
from core.entities import Account, Phone, TokenAct
from core.handlers.base import Context
from core.messages import Answer, RequestPhoneAct
from core.refusals import refuse
from core.registration.entities import PhoneRequest
from core.registration.guard import clear_pin, wrong_request
from core.registration.meters import (
    carry,
    move_request,
    remove_account,
    remove_meter,
    requests_of,
    saved_at,
)
from core.registration.notes import pin_changed
from core.registration.states import OPEN, RequestMove
from core.vending.act_life import act_answer, moved_act
from core.vending.act_states import ActMove

_command = msgspec.json.Decoder(RequestPhoneAct)


@dataclass(frozen=True, slots=True)
class Step:
    """``check`` refuses; ``carry`` does it and says what came of it."""

    check: Callable[[Context, RequestPhoneAct], object]
    carry: Callable[[Context, RequestPhoneAct], dict[str, Any]]


def open_request(ctx: Context, command: RequestPhoneAct) -> PhoneRequest:
    """The phone's request for this meter that nobody has decided."""
    for request in reversed(requests_of(ctx, command.phone)):
        fits = request.kind == "add" and request.meter == command.meter
        if fits and request.state in OPEN and request.expires > ctx.now_us:
            return request
    raise wrong_request(command.phone, f"it asks for no meter {command.meter or '(name one)'}")


def _approve(ctx: Context, command: RequestPhoneAct) -> dict[str, Any]:
    request = open_request(ctx, command)
    facts = carry(ctx, request)
    move_request(ctx, request, RequestMove.APPROVE)
    return {"registered": facts["meter"], "spends": facts["spends"]}


def _refuse(ctx: Context, command: RequestPhoneAct) -> dict[str, Any]:
    request = move_request(ctx, open_request(ctx, command), RequestMove.REFUSE)
    return {"registered": "", "request": request.id}


def _account(ctx: Context, command: RequestPhoneAct) -> tuple[Phone, Account] | None:
    """The phone with the account that is named, if it may spend it."""
    id_ = ctx.stage.linked("account-number", command.account)
    phone = ctx.stage.get(Phone, command.phone)
    if phone is None or id_ is None or ctx.stage.get(PhoneSlice, (phone.id, id_)) is None:
        return None
    return (phone, ctx.stage.need(Account, id_)) if id_ in phone.account_ids else None


def _check_remove(ctx: Context, command: RequestPhoneAct) -> None:
    if bool(command.meter) == bool(command.account):
        raise wrong_request(command.phone, "name a meter or an account, one of them")
    if command.meter:
        saved_at(ctx, command.phone, command.meter)
    elif _account(ctx, command) is None:
        raise refuse("account-not-yours", phone=command.phone, account=command.account)


def _remove(ctx: Context, command: RequestPhoneAct) -> dict[str, Any]:
    if command.meter:
        remove_meter(ctx, saved_at(ctx, command.phone, command.meter), command.meter)
        return {"removed": command.meter}
    found = _account(ctx, command)
    assert found is not None  # checked
    remove_account(ctx, found[0], found[1].id)
    return {"removed": command.account}


def _clear(ctx: Context, command: RequestPhoneAct) -> dict[str, Any]:
    clear_pin(ctx, command.phone)
    pin_changed(ctx, command.phone)
    return {"pin": "cleared"}


def _check_clear(ctx: Context, command: RequestPhoneAct) -> None:
    mark = ctx.stage.mark()
    clear_pin(ctx, command.phone)
    ctx.stage.back_to(mark)


STEPS: Final[Mapping[str, Step]] = {
    "phone-approve": Step(open_request, _approve),
    "phone-refuse": Step(open_request, _refuse),
    "phone-remove": Step(_check_remove, _remove),
    "phone-pin-clear": Step(_check_clear, _clear),
}


def carry_out(ctx: Context, act: TokenAct) -> Answer:
    """Approved: check again, then do it, or a Refusal."""
    step, command = STEPS[act.kind], _command.decode(act.command)
    step.check(ctx, command)
    facts = step.carry(ctx, command)
    act = moved_act(ctx, act, ActMove.APPROVE, ActMove.CARRY_OUT, decided_at=ctx.now_us)
    return act_answer(ctx, act, **facts)

"""Messages about a customer's own phone: its meters, its PIN, operators' acts."""

from core.book import Wants
from core.handlers.base import Context, Handler
from core.messages import (
    AddMeter,
    Answer,
    ChangeMeter,
    CheckPin,
    ConfirmMeter,
    RequestPhoneAct,
    ResetPin,
    SetPin,
)
from core.refusals import refuse
from core.registration.act_kinds import APPROVE, PHONE_KINDS
from core.registration.acts import STEPS, carry_out, open_request
from core.registration.guard import check_pin, reset_pin, set_pin
from core.registration.meters import add_meter, change_meter, confirm_meter
from core.registration.wanted import wants_of
from core.vending import act_checks as checks
from core.vending.act_kinds import Kind, Two
from core.vending.act_life import act_answer, new_act, on_file
from core.vending.sale_rows import MAX_RECIPIENTS

#: What an act with a phone may draw.
PHONE_ACT_IDS = {"token_act": 1, "phone": 1, "notice": MAX_RECIPIENTS}
_METER_IDS = {"phone": 1, "phone_request": 1, "notice": MAX_RECIPIENTS}


def decide_request(ctx: Context, command: RequestPhoneAct) -> Answer:
    """Check everything; then carry it out at once, or let it wait for a second person."""
    operator = checks.operator_of(ctx.terms, command.operator)
    kind = _kind_of(command)
    checks.with_role(kind, command.operator, operator, kind.role)
    STEPS[kind.name].check(ctx, command)
    act = new_act(ctx, kind.name, command)
    checks.within_day(ctx, kind, act)
    act = on_file(ctx, act)
    if _second(ctx, kind, command):
        return act_answer(ctx, act)
    # the rule that one person is enough approves; a no here is the request's own no
    return carry_out(ctx, act)


def _second(ctx: Context, kind: Kind, command: RequestPhoneAct) -> bool:
    """A meter that is only saved is no power over money: one person is enough."""
    if kind.name == APPROVE and not open_request(ctx, command).spends:
        return False
    return kind.two is Two.ALWAYS


def _kind_of(command: RequestPhoneAct) -> Kind:
    """The kind that is asked for, with a reason, and evidence where it needs some."""
    kind = PHONE_KINDS.get(command.kind)
    if kind is None:
        known = ", ".join(PHONE_KINDS)
        raise refuse("act-wrong", kind=command.kind, what=f"no such act; there are: {known}")
    what = checks.wrong_words(command.reason, command.evidence, needed=kind.evidence)
    if what:
        raise refuse("act-wrong", kind=command.kind, what=what)
    return kind


def _wants_request(command: RequestPhoneAct) -> Wants:
    return Wants.union((wants_of(command), Wants(operators=(command.operator,))))


def _wants_pin(command: SetPin | CheckPin | ResetPin) -> Wants:
    phone = (command.phone,)
    return Wants(phones=phone, guards=phone, beside=phone if isinstance(command, SetPin) else ())


_PIN_IDS = {"phone_guard": 1, "notice": MAX_RECIPIENTS}

HANDLERS = (
    Handler("registration.add-meter", AddMeter, wants_of, add_meter, _METER_IDS),
    Handler("registration.confirm-meter", ConfirmMeter, wants_of, confirm_meter, _METER_IDS),
    Handler("registration.change-meter", ChangeMeter, wants_of, change_meter, _METER_IDS),
    Handler("registration.set-pin", SetPin, _wants_pin, set_pin, _PIN_IDS),
    Handler("registration.reset-pin", ResetPin, _wants_pin, reset_pin, _PIN_IDS),
    Handler("registration.check-pin", CheckPin, _wants_pin, check_pin, _PIN_IDS),
    Handler(
        "registration.request-act", RequestPhoneAct, _wants_request, decide_request, PHONE_ACT_IDS
    ),
)

"""Commands of key changes: one is needed (for a meter, or for a piece of a group), how it ended."""

from typing import Any

from core.book import Wants
from core.company import Terms
from core.entities import KeyChange, Meter
from core.handlers.base import Context, Handler
from core.messages import Answer, ConfirmKeyChange, FailKeyChange, NeedKeyChange, Outcome
from core.messages.tokens import MAX_METERS
from core.refusals import Refusal, refuse
from core.vending import act_checks as checks
from core.vending.act_keys import agreed, of_campaign
from core.vending.act_kinds import Role
from core.vending.key_change import Wanted, confirm, fail, need


def decide_need(ctx: Context, command: NeedKeyChange) -> Answer:
    """Put the change on file for each meter that can have it; a single meter's no is the answer.

    Data: how many are ``needed`` now, how many were ``known``, the ``refused`` with their codes.
    """
    _may(ctx.terms, command.operator, "key-change", Role.SUPERVISOR, Role.APPROVER)
    campaign = agreed(ctx, command)
    drns = tuple(dict.fromkeys(command.meters))
    wanted = Wanted(
        command.sgc,
        command.krn,
        command.ti,
        command.kt,
        command.three_tokens,
        command.campaign,
        command.operator,
        command.reason,
    )
    counts = {True: 0, False: 0}
    refused: dict[str, str] = {}
    for drn in drns:
        try:
            meter = _meter(ctx, drn)
            of_campaign(campaign, meter, command)
            counts[need(ctx, meter, wanted)] += 1
        except Refusal as refusal:
            if len(drns) == 1:
                raise
            refused[drn] = refusal.code
    data: dict[str, Any] = {"needed": counts[True], "known": counts[False]}
    return Answer(outcome=Outcome.DONE, data=data | {"refused": refused})


def _may(terms: Terms, name: str, what: str, *roles: Role) -> None:
    """Refuses whom the company does not know, and who has none of the roles."""
    if not checks.operator_of(terms, name).roles.intersection(roles):
        raise refuse("act-no-role", operator=name, kind=what, role=roles[0])


def _meter(ctx: Context, drn: str) -> Meter:
    meter = ctx.stage.get(Meter, drn)
    if meter is None:
        raise refuse("meter-unknown", meter=drn, company=ctx.terms.name)
    return meter


def _done(change: KeyChange, drn: str) -> Answer:
    data = {"meter": drn, "state": change.state, "campaign": change.campaign}
    return Answer(outcome=Outcome.DONE, data=data)


def decide_confirm(ctx: Context, command: ConfirmKeyChange) -> Answer:
    """The meter has its new key."""
    _may(ctx.terms, command.operator, "key-change-confirm", Role.TECHNICIAN)
    meter = _meter(ctx, command.meter)
    change = confirm(ctx, meter, command.how, command.operator, command.reason)
    return _done(change, meter.drn)


def decide_fail(ctx: Context, command: FailKeyChange) -> Answer:
    """The meter has its old key."""
    _may(ctx.terms, command.operator, "key-change-fail", Role.TECHNICIAN)
    meter = _meter(ctx, command.meter)
    return _done(fail(ctx, meter, command.operator, command.reason), meter.drn)


def _wants_need(command: NeedKeyChange) -> Wants:
    return Wants(meters=command.meters, acts=(command.act,) if command.act else ())


def _wants_one(command: ConfirmKeyChange | FailKeyChange) -> Wants:
    return Wants(meters=(command.meter,))


HANDLERS = (
    Handler(
        "tokens.need-key-change",
        NeedKeyChange,
        _wants_need,
        decide_need,
        {"key_change": MAX_METERS},
    ),
    Handler("tokens.confirm-key-change", ConfirmKeyChange, _wants_one, decide_confirm, {}),
    Handler("tokens.fail-key-change", FailKeyChange, _wants_one, decide_fail, {}),
)

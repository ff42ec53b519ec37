"""A change as its steps see it: the document, its kind, what was asked for and declared."""

from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from core.agents.areas import begun, ended
from core.calendars import local_date
from core.changes.entities import BilledDays, Change, Installed, Service
from core.changes.kinds import KINDS, ChangeKind
from core.changes.states import ChangeMove, ChangeState, after, next_moves
from core.changes.terms import ChangeTerms
from core.collection.entities import AccountAgreement
from core.entities import Account, Agreement, Meter
from core.handlers.base import Context, NotYet
from core.messages import Answer, Outcome, RequestChange
from core.refusals import Refusal, refuse

_request = msgspec.json.Decoder(RequestChange)
_terms = msgspec.json.Decoder(ChangeTerms)
#: How dates are stored.
Day = str


@dataclass(frozen=True, slots=True)
class Case:
    """One change with everything decoded."""

    change: Change
    kind: ChangeKind
    asked: RequestChange
    terms: ChangeTerms


def wrong(account: str, what: str) -> Refusal:
    """A change that does not fit what is on file."""
    return refuse("change-wrong", account=account, what=what)


def case_of(ctx: Context, number: int) -> Case:
    """The change of that number, or a refusal."""
    change = ctx.stage.get(Change, number)
    if change is None:
        raise refuse("change-unknown", change=number, company=ctx.terms.name)
    asked = _request.decode(change.command)
    return Case(change, KINDS[change.kind], asked, _terms.decode(change.terms))


def moved(change: Change, move: ChangeMove, **changes: Any) -> Change:
    """The change after a move; refused where its state does not have it."""
    state = after(change.state, move)
    if state is None:
        can = " or ".join(next_moves(change.state)) or "nothing more"
        what = f"change {change.id} is {change.state}: {move} is not possible, but {can}"
        raise wrong(change.account, what)
    open_ = 0 if state in (ChangeState.CONFIRMED, ChangeState.UNDONE) else 1
    return replace(change, state=state.value, open=open_, **changes)


def keep(ctx: Context, change: Change) -> Change:
    """The change as it is now, on the stage."""
    ctx.stage.put(change.id, change)
    if not change.open:
        ids = ctx.stage.linked("open-changes", "") or ()
        ctx.stage.link("open-changes", "", tuple(id_ for id_ in ids if id_ != change.id))
    return change


def change_answer(change: Change, **facts: Any) -> Answer:
    """Done: the change as it is now, what it did, what comes next."""
    data = {
        "change": change.id,
        "kind": change.kind,
        "account": change.account,
        "change_state": change.state,
        "next": list(next_moves(change.state)),
        **facts,
    }
    return Answer(outcome=Outcome.DONE, data=data)


def today(ctx: Context) -> Day:
    """The company's day."""
    return local_date(ctx.now_us, ctx.terms.zone).isoformat()


def account_by(ctx: Context, number: str) -> Account:
    """The active account of that number, loaded with everything of it."""
    id_ = ctx.stage.linked("account-number", number)
    found = ctx.stage.get(Account, id_) if id_ is not None else None
    if found is None:
        raise refuse("account-unknown", account=number, company=ctx.terms.name)
    if found.state != "active":
        raise refuse("account-closed", account=number)
    if ctx.stage.linked("services-of", found.id) is None:
        raise NotYet(f"account {number} came a moment ago")
    return found


def need_account(ctx: Context, id_: int) -> Account:
    """An account that the change is about."""
    found = ctx.stage.get(Account, id_)
    if found is None or ctx.stage.linked("services-of", id_) is None:
        raise NotYet(f"account {id_} came a moment ago")
    return found


def service_now(ctx: Context, change: Change) -> Service:
    """The agreement that the change is about; it must still be the one at its point."""
    found = ctx.stage.get(Service, change.agreement_id)
    if found is None:
        raise NotYet(f"agreement {change.agreement_id} is not loaded")
    if found.to_us is not None:
        raise wrong(change.account, f"agreement {found.id} has ended")
    return found


def installs(ctx: Context, point: int) -> list[Installed]:
    """What hangs at a service point, as this message sees it."""
    ids = ctx.stage.linked("installed-at", point) or ()
    found = [ctx.stage.need(Installed, id_) for id_ in ids]
    return [each for each in found if each.to_us is None]


def is_taken(ctx: Context, point: int) -> bool:
    """Whether an agreement runs at a service point; also one that was enrolled in this batch."""
    return any(ctx.stage.linked(name, point) for name in ("service-at", "agreement-at"))


def meter_at(ctx: Context, point: int) -> Meter | None:
    """The one meter at a service point, locked; None where there is none, or not one alone."""
    here = installs(ctx, point)
    if len(here) != 1:
        return None
    meter = ctx.stage.get(Meter, here[0].drn)
    if meter is None:  # it was put there between the look ahead and the locks
        raise NotYet(f"meter {here[0].drn} came a moment ago")
    return meter


def open_changes(ctx: Context) -> list[Change]:
    """Every open change of the loaded accounts and points."""
    ids = ctx.stage.linked("open-changes", "") or ()
    return [ctx.stage.need(Change, id_) for id_ in ids]


def billed_days(ctx: Context, agreement: int) -> BilledDays | None:
    """The newest days of an agreement that are billed, where that is written down."""
    id_ = ctx.stage.linked("billed-days", agreement)
    return ctx.stage.get(BilledDays, id_) if id_ else None


def with_tariff(case: Case, service: Service) -> Service:
    """The agreement with the tariff that was asked for; its own, if none was."""
    return replace(service, tariff=case.asked.tariff or service.tariff)


def put_service(ctx: Context, service: Service) -> None:
    """An agreement that is new or another now: everywhere where this batch looks at it."""
    stage = ctx.stage
    before = stage.get(Service, service.id)
    stage.put(service.id, service)
    known = stage.get(Agreement, service.id)
    if known is not None:
        state = service.state
        stage.put(service.id, replace(known, mode=service.mode, state=state, tariff=service.tariff))
    runs = service.to_us is None
    ran = before is not None and before.to_us is None
    if runs and not ran:
        begun(stage, service.id, service.account_id, service.service_point_id)
    if ran and not runs:
        ended(stage, service.account_id, service.service_point_id)
    of = [id_ for id_ in stage.linked("services-of", service.account_id) or () if id_ != service.id]
    stage.link("services-of", service.account_id, (*of, service.id) if runs else tuple(of))
    stage.link("service-at", service.service_point_id, service.id if runs else None)
    stage.link("agreement-at", service.service_point_id, service.id if runs else None)
    stage.link("last-service-at", service.service_point_id, service.id)
    owned = stage.linked("agreements-of-account", service.account_id) or ()
    others = tuple(each for each in owned if each.id != service.id)
    own = AccountAgreement(service.id, service.tariff, service.mode, service.state)
    link = (*others, own) if runs else others
    stage.link("agreements-of-account", service.account_id, link)

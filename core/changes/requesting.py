"""A change is asked for: what is on file must fit, and nothing else may be under way there."""

from typing import Any

import msgspec
from msgspec.structs import replace

from core.changes.cases import (
    account_by,
    change_answer,
    installs,
    is_taken,
    keep,
    open_changes,
    wrong,
)
from core.changes.entities import Change, Service
from core.changes.kinds import KINDS, ROLE, ChangeKind
from core.changes.settling_checks import can_be_prepaid, fits_mode
from core.changes.states import ChangeMove, ChangeState, after
from core.commodity import wrong_most
from core.entities import Account, Meter
from core.handlers.base import Context
from core.messages import Answer, MeterLink, RequestChange
from core.refusals import refuse
from core.sts.errors import StsError
from core.sts.meter_id import parse_drn
from core.vending import act_checks as checks

MODES = ("prepaid", "postpaid")


def decide_request(ctx: Context, command: RequestChange) -> Answer:
    """Put a change on file, or refuse it whole."""
    kind = _kind_of(ctx, command)
    if kind.opens and not kind.closes:
        about = _coming_alone(ctx, command)
    else:
        about = _of_account(ctx, command, kind)
    _alone(ctx, command, about)
    if kind.opens and kind.closes:
        about["to_account_id"] = _coming(ctx, command, command.to_account).id
    if kind.renames:
        _new_holder(ctx, command)
    return change_answer(_on_file(ctx, command, kind, about))


def _kind_of(ctx: Context, command: RequestChange) -> ChangeKind:
    operator = checks.operator_of(ctx.terms, command.operator)
    kind = KINDS.get(command.kind)
    if kind is None:
        raise wrong(command.account, f"no such change; there are: {', '.join(KINDS)}")
    if ROLE not in operator.roles:
        raise refuse("act-no-role", operator=command.operator, kind=kind.name, role=ROLE)
    if not command.reason.strip():
        raise wrong(command.account, "say why: a reason is kept with the change")
    if max(len(command.reason), len(command.evidence)) > checks.MAX_WORDS:
        what = f"reason and evidence have at most {checks.MAX_WORDS} characters each"
        raise wrong(command.account, what)
    if ctx.terms.changes is None:
        what = f"{ctx.terms.name} declares nothing about changes ([companies.X.changes])"
        raise wrong(command.account, what)
    return kind


def _of_account(ctx: Context, command: RequestChange, kind: ChangeKind) -> dict[str, Any]:
    """A change of an agreement that runs, or (another holder) of the account itself."""
    account = account_by(ctx, command.account)
    if kind.renames:
        return {"account_id": account.id, "subject": f"account/{account.id}"}
    service = _service(ctx, command, account)
    if service.state != "active":
        raise wrong(command.account, f"agreement {service.id} is {service.state}")
    if kind.from_mode and service.mode != kind.from_mode:
        raise wrong(command.account, f"agreement {service.id} is {service.mode} already")
    here = installs(ctx, service.service_point_id)
    if service.mode == "prepaid" and len(here) != 1:
        raise wrong(command.account, f"{len(here)} meters at the service point, not one")
    if kind.to_mode:
        fits_mode(ctx, command.account, command.tariff or service.tariff, kind.to_mode)
    if kind.to_mode == "prepaid":
        tariff = command.tariff or service.tariff
        can_be_prepaid(ctx, command.account, replace(service, tariff=tariff))
    if kind.exchanges:
        check_new_meter(ctx, command.account, command.meter, service)
    if kind.opens:
        _agreement_to_be(ctx, command, service)
    return {
        "account_id": account.id,
        "agreement_id": service.id,
        "service_point_id": service.service_point_id,
        "subject": f"point/{service.service_point_id}",
    }


def _service(ctx: Context, command: RequestChange, account: Account) -> Service:
    """The agreement that is named, or the account's only one."""
    ids = ctx.stage.linked("services-of", account.id) or ()
    named = [id_ for id_ in ids if command.agreement in (0, id_)]
    if len(named) != 1:
        what = "no such agreement" if command.agreement else f"{len(ids)} agreements: name one"
        raise wrong(command.account, what if ids else "it has no agreement that runs")
    return ctx.stage.need(Service, named[0])


def check_new_meter(ctx: Context, account: str, link: MeterLink | None, service: Service) -> None:
    """A meter that is not on file yet, of what the old one measures."""
    if link is None:
        raise wrong(account, "name the new meter with what its tokens need")
    try:
        parse_drn(link.drn)
    except StsError as error:
        raise wrong(account, str(error)) from error
    if ctx.stage.get(Meter, link.drn) is not None:
        raise wrong(account, f"meter {link.drn} is on file already")
    most = wrong_most(link.commodity, link.max_credit_tenths)
    if most:
        raise wrong(account, f"meter {link.drn} {most}")
    here = installs(ctx, service.service_point_id)
    if len(here) != 1:
        raise wrong(account, f"{len(here)} meters at the service point, not one")
    old = ctx.stage.get(Meter, here[0].drn)
    if old is not None and old.commodity != link.commodity:
        raise wrong(account, f"meter {old.drn} measures {old.commodity}, not {link.commodity}")


def _coming_alone(ctx: Context, command: RequestChange) -> dict[str, Any]:
    """Somebody moves in where nobody is."""
    point = ctx.stage.linked("service_point", command.point)
    if point is None:
        raise wrong(command.account, f"no service point {command.point or '(name one)'}")
    if is_taken(ctx, point):
        raise wrong(command.account, f"service point {command.point} is not vacant")
    _agreement_to_be(ctx, command, None)
    return {
        "to_account_id": _coming(ctx, command, command.account).id,
        "service_point_id": point,
        "subject": f"point/{point}",
    }


def _agreement_to_be(ctx: Context, command: RequestChange, before: Service | None) -> None:
    """Tariff and mode of the agreement that begins; those of the one before, if not said."""
    tariff = command.tariff or (before.tariff if before else "")
    mode = command.mode or (before.mode if before else "")
    if mode not in MODES:
        raise wrong(command.account, f"a mode is one of: {', '.join(MODES)}")
    fits_mode(ctx, command.account, tariff, mode)
    number = command.to_account or command.account
    if before is not None and not command.to_account:
        raise wrong(command.account, "name the account that comes (to_account)")
    if before is not None and command.to_account == command.account:
        raise wrong(number, "it is there already: name another account that comes")


def _coming(ctx: Context, command: RequestChange, number: str) -> Account:
    """The account that comes; one that is not there yet is made now, so that it can be paid to."""
    if ctx.stage.linked("account-number", number) is not None:
        account = account_by(ctx, number)
        if account.currency != ctx.terms.currency:
            raise refuse("currency-wrong", account=number, currency=ctx.terms.currency,
                         expected=account.currency)  # fmt: skip
        return account
    if not (command.customer and command.name):
        raise wrong(number, "it is not there: name its customer and holder")
    account = Account(
        id=ctx.new_id("account"), company=ctx.terms.code, number=number,
        currency=ctx.terms.currency, state="active", credit=0, reserved=0,
    )  # fmt: skip
    row = msgspec.structs.asdict(account)
    ctx.stage.add("account", **row, customer_id=_customer(ctx, command))
    ctx.stage.put(account.id, account)
    ctx.stage.link("account-number", number, account.id)
    ctx.stage.link("services-of", account.id, ())
    return account


def _new_holder(ctx: Context, command: RequestChange) -> None:
    known = ctx.stage.linked("customer", command.customer)
    if not command.customer or (known is None and not command.name):
        raise wrong(command.account, "name the new holder: a customer, and a name if he is new")
    _customer(ctx, command)


def _customer(ctx: Context, command: RequestChange) -> int:
    """The customer's id; one who is not known yet is put on file."""
    known = ctx.stage.linked("customer", command.customer)
    if known is not None:
        return int(known)
    new = ctx.new_id("customer")
    ctx.stage.add(
        "customer", id=new, company=ctx.terms.code, number=command.customer, name=command.name,
        language=command.language,
    )  # fmt: skip
    ctx.stage.link("customer", command.customer, new)
    ctx.stage.link("customer-name", new, command.name)
    return new


def _alone(ctx: Context, command: RequestChange, about: dict[str, Any]) -> None:
    """One change at a time at a place; another holder is one of all places of his account."""
    own = {about.get("account_id", 0), about.get("to_account_id", 0)} - {0}
    whole = about["subject"].startswith("account/")
    for other in open_changes(ctx):
        same = {other.account_id, other.to_account_id} & own
        holders = same and (whole or other.subject.startswith("account/"))
        if other.subject == about["subject"] or holders:
            what = f"change {other.id} ({other.kind}) is {other.state}: end that one first"
            raise wrong(command.account, what)


def _on_file(
    ctx: Context, command: RequestChange, kind: ChangeKind, about: dict[str, Any]
) -> Change:
    state = ChangeState.REQUESTED
    if not kind.reads:
        state = after(state, ChangeMove.READ) or state
    values = {"account_id": 0, "to_account_id": 0, "agreement_id": 0, "service_point_id": 0}
    change = Change(
        id=ctx.new_id("account_change"),
        company=ctx.terms.code,
        kind=kind.name,
        state=state.value,
        open=1,
        account=command.account,
        operator=command.operator,
        approver="",
        reason=command.reason.strip(),
        evidence=command.evidence.strip(),
        command=msgspec.json.encode(command).decode(),
        terms=msgspec.json.encode(ctx.terms.changes).decode(),
        read_on="",
        readings="{}",
        remaining_tenths=0,
        valued=0,
        before="{}",
        did="{}",
        message_id=ctx.message_id,
        settle_id="",
        requested_at=ctx.now_us,
        read_at=0,
        settled_at=0,
        switched_at=0,
        ended_at=0,
        **{**values, **about},
    )
    ctx.stage.add("account_change", **msgspec.structs.asdict(change))
    ids = ctx.stage.linked("open-changes", "") or ()
    ctx.stage.link("open-changes", "", (*ids, change.id))
    return keep(ctx, change)

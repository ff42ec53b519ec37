"""Commands of operators about changes in a customer's life: ask for one, and lead it on."""

from msgspec.structs import replace

from core.book import Wants
from core.changes.acts import check
from core.changes.cases import Case, case_of, change_answer, wrong
from core.changes.entities import Change
from core.changes.kinds import ACTS, ROLE
from core.changes.reading import read
from core.changes.requesting import decide_request
from core.changes.shares import MAX_SHARES
from core.changes.states import ChangeMove, ChangeState
from core.changes.switching import confirm, switch
from core.changes.undoing import undo
from core.collection.business import CHANGE_FEES
from core.collection.items import MAX_ITEMS
from core.handlers.base import Context, Handler
from core.messages import Answer, MoveChange, RequestChange
from core.messages.changes import MAX_PHONES
from core.refusals import refuse
from core.store.load_changes import wants_of_request
from core.vending import act_checks as checks
from core.vending.act_life import act_answer, new_act, on_file

#: What a settlement or its undoing may draw: a document or debt for each that is moved.
SETTLE_IDS = {
    "ledger_txn": 2 * MAX_ITEMS + 8 + CHANGE_FEES,
    "open_item": MAX_ITEMS + 2 + CHANGE_FEES,
    "debt": MAX_ITEMS,
}
_REQUEST_IDS = {"account_change": 1, "customer": 1, "account": 1}
_MOVE_IDS = {
    "token_act": 1,
    "bill_usage": 1,
    "billed_days": 2,
    "agreement": 1,
    "meter": 1,
    "meter_install": 1,
    "phone": MAX_PHONES,
    "debt": MAX_ITEMS + CHANGE_FEES,
    "agreement_fact": 2 * MAX_SHARES,
}


def decide_move(ctx: Context, command: MoveChange) -> Answer:
    """Move a change on; what moves money waits for a second person."""
    operator = checks.operator_of(ctx.terms, command.operator)
    case = case_of(ctx, command.change)
    if ROLE not in operator.roles:
        raise refuse("act-no-role", operator=command.operator, kind=case.kind.name, role=ROLE)
    if max(len(command.reason), len(command.evidence)) > checks.MAX_WORDS:
        what = f"reason and evidence have at most {checks.MAX_WORDS} characters each"
        raise wrong(case.change.account, what)
    if command.move not in list(ChangeMove):
        raise wrong(case.change.account, f"a move is one of: {', '.join(ChangeMove)}")
    move = ChangeMove(command.move)
    settled = case.change.state == ChangeState.SETTLED
    if move is ChangeMove.SETTLE or (move is ChangeMove.UNDO and settled):
        return _ask(ctx, case, command, move)
    facts = _at_once(ctx, case, command, move)
    return change_answer(ctx.stage.need(Change, case.change.id), **facts)


def _at_once(ctx: Context, case: Case, command: MoveChange, move: ChangeMove) -> dict[str, object]:
    if move is ChangeMove.READ:
        return read(ctx, case, command)
    if move is ChangeMove.SWITCH:
        return switch(ctx, case)
    if move is ChangeMove.CONFIRM:
        return confirm(ctx, case, command.evidence)
    return undo(ctx, case)


def _ask(ctx: Context, case: Case, command: MoveChange, move: ChangeMove) -> Answer:
    """An act that another operator must approve: wattbus act approve."""
    kind = ACTS[f"change-{move}"]
    reason = command.reason.strip() or case.change.reason
    amount = check(ctx, case, move)
    asked = replace(command, reason=reason)
    act = replace(new_act(ctx, kind.name, asked), account=case.change.account, amount=amount)
    checks.within_day(ctx, kind, act)
    act = on_file(ctx, act)
    return act_answer(ctx, act, change=case.change.id, change_state=case.change.state)


def _wants_request(command: RequestChange) -> Wants:
    return wants_of_request(command)


def _wants_move(command: MoveChange) -> Wants:
    return Wants(changes=(command.change,), operators=(command.operator,))


HANDLERS = (
    Handler("changes.request", RequestChange, _wants_request, decide_request, _REQUEST_IDS),
    Handler("changes.move", MoveChange, _wants_move, decide_move, _MOVE_IDS),
)

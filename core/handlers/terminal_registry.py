"""Messages about terminals: who is at them, what they say of themselves, operators' acts."""

from core.book import Wants
from core.handlers.base import Context, Handler
from core.messages import (
    Answer,
    Outcome,
    ReportTerminal,
    RequestTerminalAct,
    SignOffCashier,
    SignOnCashier,
)
from core.refusals import refuse
from core.terminals.act_kinds import TERMINAL_KINDS
from core.terminals.acts import STEPS, carry_out
from core.terminals.registry import reported
from core.terminals.shifts import sign_off, sign_on
from core.terminals.wanted import wants_of, wants_of_sign
from core.vending import act_checks as checks
from core.vending.act_kinds import Kind, Two
from core.vending.act_life import act_answer, new_act, on_file

#: What an act with terminals may draw.
TERMINAL_ACT_IDS = {"token_act": 1, "terminal": 1, "cashier": 1, "terminal_receipts": 1}


def decide_report(ctx: Context, command: ReportTerminal) -> Answer:
    """Keep it; the answer has what the terminal lacks."""
    return Answer(outcome=Outcome.DONE, data=reported(ctx, command))


def _wants_report(command: ReportTerminal) -> Wants:
    return Wants(terminals=(command.terminal,))


def decide_request(ctx: Context, command: RequestTerminalAct) -> Answer:
    """Check everything; then carry it out at once, or let it wait for a second person."""
    operator = checks.operator_of(ctx.terms, command.operator)
    kind = _kind_of(command)
    checks.with_role(kind, command.operator, operator, kind.role)
    STEPS[kind.name].check(ctx, command)
    act = new_act(ctx, kind.name, command)
    checks.within_day(ctx, kind, act)
    act = on_file(ctx, act)
    if kind.two is Two.ALWAYS:
        return act_answer(ctx, act, **({"cashier": command.cashier} if command.cashier else {}))
    # the rule that one person is enough approves; a no here is the request's own no
    return carry_out(ctx, act)


def _kind_of(command: RequestTerminalAct) -> Kind:
    """The kind that is asked for, with a reason."""
    kind = TERMINAL_KINDS.get(command.kind)
    if kind is None:
        known = ", ".join(TERMINAL_KINDS)
        raise refuse("act-wrong", kind=command.kind, what=f"no such act; there are: {known}")
    what = checks.wrong_words(command.reason, command.evidence, needed=kind.evidence)
    if what:
        raise refuse("act-wrong", kind=command.kind, what=what)
    return kind


def _wants_request(command: RequestTerminalAct) -> Wants:
    return Wants.union((wants_of(command), Wants(operators=(command.operator,))))


HANDLERS = (
    Handler("agents.sign-on", SignOnCashier, wants_of_sign, sign_on, {"terminal_shift": 1}),
    Handler("agents.sign-off", SignOffCashier, wants_of_sign, sign_off, {}),
    Handler("agents.report-terminal", ReportTerminal, _wants_report, decide_report, {}),
    Handler(
        "agents.request-terminal-act",
        RequestTerminalAct,
        _wants_request,
        decide_request,
        TERMINAL_ACT_IDS,
    ),
)

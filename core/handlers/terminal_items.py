"""Commands of terminals about what they asked for: taken back, settled, uploaded, collected without
the line; and what people say of the cases that this leaves."""

from datetime import UTC, datetime, timedelta

from core.book import Wants
from core.handlers.base import Handler
from core.messages import (
    CloseTerminalCase,
    CollectOffline,
    ReverseAtTerminal,
    SettleTerminal,
    Slip,
    UploadItem,
)
from core.terminals.closing import decide_close
from core.terminals.offline import decide_offline, on_calendar, receipt_number
from core.terminals.reversals import decide_reversal
from core.terminals.settlement import MAX_CASES, decide_settle, decide_upload
from core.terminals.slips import day_number

#: What a slip may draw beside what is sold or collected under it.
SLIP_IDS = {"terminal_item": 1, "terminal_batch": 1, "terminal_case": 1}


def wants_of_slip(slip: Slip | None) -> Wants:
    """Its terminal, its batch, and the item if it is there already."""
    if slip is None:
        return Wants()
    named = (slip.terminal, slip.day, slip.stan, slip.batch)
    return Wants(terminals=(slip.terminal,), slips=(named,))


def _wants_reversal(command: ReverseAtTerminal) -> Wants:
    named = (command.terminal, command.day, command.stan)
    return Wants(agents=(command.agent,), terminals=(command.terminal,), reversals=(named,))


def _wants_settle(command: SettleTerminal) -> Wants:
    named = (command.terminal, command.batch)
    return Wants(agents=(command.agent,), terminals=(command.terminal,), batches=(named,))


def _wants_upload(command: UploadItem) -> Wants:
    named = (command.terminal, command.batch, command.day, command.stan)
    return Wants(agents=(command.agent,), terminals=(command.terminal,), uploads=(named,))


def _wants_offline(command: CollectOffline) -> Wants:
    slip, number = command.slip, (command.account,)
    days = [slip.day]
    if on_calendar(command.made_at):  # its day in any zone
        made = datetime.fromtimestamp(command.made_at // 1_000_000, UTC).date()
        days = [day_number(made + timedelta(each)) for each in (-1, 0, 1)]
    wants = Wants(
        accounts=number,
        owing=number,
        agents=(command.agent,),
        offline=tuple((slip.terminal, receipt_number(slip.receipt), day) for day in days),
    )
    return Wants.union((wants, wants_of_slip(slip)))


def _wants_close(command: CloseTerminalCase) -> Wants:
    number = (command.account,) if command.account else ()
    return Wants(cases=(command.case,), accounts=number, owing=number)


HANDLERS = (
    Handler(
        "agents.reverse-at-terminal",
        ReverseAtTerminal,
        _wants_reversal,
        decide_reversal,
        # a payment goes back with its commission; what was spent of it is owed again
        {"terminal_item": 1, "terminal_case": 1, "ledger_txn": 5, "open_item": 1, "notice": 2},
    ),
    Handler(
        "agents.settle-terminal",
        SettleTerminal,
        _wants_settle,
        decide_settle,
        {"terminal_batch": 1, "terminal_case": MAX_CASES + 1},
    ),
    Handler(
        "agents.upload-item",
        UploadItem,
        _wants_upload,
        decide_upload,
        {"terminal_batch": 1, "terminal_upload": 1},
    ),
    Handler(
        "agents.collect-offline",
        CollectOffline,
        _wants_offline,
        decide_offline,
        {
            **SLIP_IDS, "terminal_case": 3, "ledger_txn": 3, "payment": 1,
            "payment-number/{company}": 1, "agent_movement": 1, "notice": 2,
        },
    ),
    Handler(
        "agents.close-terminal-case",
        CloseTerminalCase,
        _wants_close,
        decide_close,
        {"ledger_txn": 1, "agent_movement": 1, "notice": 1},
    ),
)  # fmt: skip

"""What the network says became of a notice."""

from typing import Final

from msgspec.structs import replace

from core.book import Wants
from core.entities import NoticeRow
from core.handlers.base import Context, Handler
from core.messages import Answer, DeliveryReport, Outcome
from core.refusals import refuse

#: How good a state is: what comes late never overrides an end (ENROUTE after DELIVRD).
RANK: Final = {"queued": 0, "sent": 1, "failed": 2, "expired": 2, "delivered": 3}


def decide_report(ctx: Context, command: DeliveryReport) -> Answer:
    """Move the notices that the reference stands for; an unknown reference is a no.

    The channel hands a report on only when the response that carried the reference is stored, so an
    unknown one is a report of a message that was not ours or is long forgotten.
    """
    key = (command.channel, command.reference)
    notice_ids = ctx.stage.linked("notices-of", key)
    if notice_ids is None:
        raise refuse("reference-unknown", reference=command.reference)
    for notice_id in notice_ids:
        notice = ctx.stage.get(NoticeRow, notice_id)
        if notice is not None and RANK.get(command.state, -1) > RANK[notice.state]:
            ctx.stage.put(
                notice_id,
                replace(notice, state=command.state, detail=command.detail, updated_at=ctx.now_us),
            )
    return Answer(outcome=Outcome.DONE)


def _wants(command: DeliveryReport) -> Wants:
    return Wants(references=((command.channel, command.reference),))


HANDLERS = (Handler("notices.delivery-report", DeliveryReport, _wants, decide_report, {}),)

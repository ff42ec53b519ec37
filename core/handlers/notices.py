"""What the network says became of a notice."""

from typing import Final

from msgspec.structs import replace

from core.book import Wants
from core.entities import NoticeRow
from core.handlers.base import Context, Handler, NotYet
from core.messages import Answer, DeliveryReport, Outcome
from core.refusals import refuse

#: How good a state is: what comes late never overrides an end (ENROUTE after DELIVRD).
RANK: Final = {"queued": 0, "sent": 1, "failed": 2, "expired": 2, "delivered": 3}

#: About 40 s by the retry schedule: far longer than any response takes.
ATTEMPTS: Final = 5


def decide_report(ctx: Context, command: DeliveryReport) -> Answer:
    """Move the notices that the reference stands for; an unknown reference is a no.

    A report may overtake the response that carries its reference: it waits for some attempts
    before it is taken to speak of a message that was not ours.
    """
    key = (command.channel, command.reference)
    notice_ids = ctx.stage.linked("notices-of", key)
    if notice_ids is None and ctx.attempt < ATTEMPTS:
        raise NotYet(command.reference)
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

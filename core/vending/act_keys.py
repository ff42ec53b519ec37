"""Another key for a meter, as an act of two people: for one meter, or for a campaign's group.

Whoever moves a meter to a key that somebody else has can sell to it from then on. So one asks and
another approves: a single meter's change is put on file by the approval; a campaign is opened by
it, and its meters follow in pieces, each of which is looked up against what was approved.
"""

from core.entities import Meter, TokenAct
from core.handlers.base import Context
from core.messages import NeedKeyChange, RequestTokenAct
from core.refusals import refuse
from core.sts.keys import KeyType
from core.vending.act_kinds import CAMPAIGN
from core.vending.act_states import ActState
from core.vending.act_tokens import command_of
from core.vending.key_change import Wanted, check_need, need

#: A campaign's name is a word or two of a report.
MAX_NAME = 64


def wrong_key(command: RequestTokenAct) -> str:
    """What is wrong with the key that is asked for; empty: nothing."""
    if not _is_key(command.sgc, command.krn):
        return "name the new key: six digits of a supply group, and a revision of 1 to 9"
    if command.ti and not (len(command.ti) == 2 and command.ti.isdecimal()):
        return "a tariff index has two digits"
    if command.kt and command.kt not in tuple(KeyType):
        return f"a key type is one of: {', '.join(str(int(kt)) for kt in KeyType)}"
    if command.kind == CAMPAIGN:
        if not 0 < len(command.campaign) <= MAX_NAME:
            return f"a campaign has a name of at most {MAX_NAME} characters"
        if not _is_key(command.from_sgc, command.from_krn):
            return "name the key that the campaign's meters have: supply group and revision"
        return ""
    return "a campaign is asked for as one" if command.campaign else ""


def _is_key(sgc: str, krn: int) -> bool:
    return len(sgc) == 6 and sgc.isdecimal() and 1 <= krn <= 9


def _wanted(act: RequestTokenAct) -> Wanted:
    return Wanted(
        act.sgc, act.krn, act.ti, act.kt, act.three_tokens, "", act.operator, act.reason.strip()
    )


def can_change(ctx: Context, command: RequestTokenAct, meter: Meter) -> int:
    """Whether this meter can have that key."""
    if meter.state == "exchanged":
        raise refuse("meter-being-exchanged", meter=command.meter)
    check_need(ctx, meter, _wanted(command))
    return 0


def change(ctx: Context, act: TokenAct, meter: Meter) -> None:
    """Put the change on file: the next sale brings it (policy "do")."""
    need(ctx, meter, _wanted(command_of(act)))


def agreed(ctx: Context, piece: NeedKeyChange) -> RequestTokenAct:
    """The campaign that this piece belongs to, as two people agreed on it. Raises Refusal."""
    act = ctx.stage.get(TokenAct, piece.act)
    if act is not None and act.kind == CAMPAIGN and act.state == ActState.DONE:
        campaign = command_of(act)
        if campaign.campaign == piece.campaign and _key(campaign) == _key(piece):
            return campaign
    raise refuse("second-person", operator=piece.operator)


def of_campaign(campaign: RequestTokenAct, meter: Meter, piece: NeedKeyChange) -> None:
    """Refuses a meter that has another key than the one that was agreed on."""
    if (meter.sgc, meter.krn) != (campaign.from_sgc, campaign.from_krn):
        raise refuse("second-person", operator=piece.operator)


def _key(each: RequestTokenAct | NeedKeyChange) -> tuple[str, int, str, int, bool]:
    return each.sgc, each.krn, each.ti, each.kt, each.three_tokens
